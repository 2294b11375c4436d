"""What run folders of a project tell, over all places that its pipelines keep them."""

from __future__ import annotations

from dlt_lite.errors import NothingRecorded, UnknownRun
from dlt_lite.model.settings import ProjectSettings
from dlt_lite.project.loading import pipeline_of
from dlt_lite.project.suggestions import closest
from dlt_lite.report.updates import past_runs, run_of
from dlt_lite.runs.folder import RunFacts, RunKind
from dlt_lite.runs.manifest import Manifest, latest_manifest


def meant_run(settings: ProjectSettings, word: str | None, program: str) -> RunFacts:
    """Return the newest run, the newest of a pipeline, or the run of an id.

    Args:
        settings: the project.
        word: a pipeline, a run's id or its beginning, None for the newest run.
        program: how the person calls us.

    Raises:
        NothingRecorded: there has been no run.
        UnknownRun: the word is neither a pipeline nor a run.
    """
    if word is None or word in settings.pipelines or word in settings.jobs:
        found = past_runs(settings, word, None if word is None else _kind(word, settings))
        if found:
            return found[0]
        whose = "the project" if word is None else f"pipeline {word}"
        what = f"{whose} has had no run on target {settings.target}"
        name = word or next(iter(settings.pipelines), "NAME")
        raise NothingRecorded(what, fix=f"run it first: {program} run {name}")
    try:
        return run_of(settings, word)
    except UnknownRun as error:
        match = closest(word, settings.pipelines)
        if match is None:
            raise
        raise UnknownRun(error.what, fix=f"did you mean pipeline {match!r}?") from error


def _kind(name: str, settings: ProjectSettings) -> RunKind:
    return RunKind.PIPELINE if name in settings.pipelines else RunKind.JOB


def manifest_of(settings: ProjectSettings, pipeline: str) -> Manifest | None:
    """Return the graph that the last run of a pipeline left, None where none has left one.

    Raises:
        UnknownPipeline: the project has none of that name.
    """
    own = pipeline_of(settings, pipeline)
    return latest_manifest(own.state_root, target=settings.target, pipeline=pipeline)
