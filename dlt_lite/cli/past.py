"""What run folders of a project tell, over all places that its pipelines keep them."""

from __future__ import annotations

from dlt_lite.errors import NothingRecorded, UnknownRun
from dlt_lite.model.settings import ProjectSettings
from dlt_lite.project.loading import pipeline_of
from dlt_lite.project.suggestions import closest
from dlt_lite.report.updates import LATEST, past_runs, run_of
from dlt_lite.runs.folder import RunFacts, RunKind
from dlt_lite.runs.manifest import Manifest, latest_manifest


def meant_run(settings: ProjectSettings, word: str | None, program: str) -> RunFacts:
    """Return the newest run, the newest of a pipeline or job, or the run of an id.

    The newest run is one that a person or a scheduler began: what a task of a job began stands in
    the run of that job.

    Args:
        settings: the project.
        word: a pipeline or job, a run's id or its beginning, `latest` or None for the newest run.
        program: how the person calls us.

    Raises:
        NothingRecorded: there has been no run.
        UnknownRun: the word is neither a pipeline nor a run.
    """
    if word is not None and (word in settings.pipelines or word in settings.jobs):
        kind = _kind(word, settings)
        found = past_runs(settings, word, kind)
        if found:
            return found[0]
        what = f"{kind} {word} has had no run on target {settings.target}"
        raise NothingRecorded(what, fix=f"run it first: {program} run {word}")
    if word in {None, LATEST}:
        return _newest(settings, program)
    try:
        return run_of(settings, word)
    except UnknownRun as error:
        match = closest(word, settings.pipelines)
        if match is None:
            raise
        raise UnknownRun(error.what, fix=f"did you mean pipeline {match!r}?") from error


def _newest(settings: ProjectSettings, program: str) -> RunFacts:
    found = past_runs(settings, kind=None)
    if not found:
        name = next(iter((*settings.pipelines, *settings.jobs)), "NAME")
        what = f"the project has had no run on target {settings.target}"
        raise NothingRecorded(what, fix=f"run it first: {program} run {name}")
    return next((each for each in found if each.part_of is None), found[0])


def _kind(name: str, settings: ProjectSettings) -> RunKind:
    return RunKind.PIPELINE if name in settings.pipelines else RunKind.JOB


def manifest_of(settings: ProjectSettings, pipeline: str) -> Manifest | None:
    """Return the graph that the last run of a pipeline left, None where none has left one.

    Raises:
        UnknownPipeline: the project has none of that name.
    """
    own = pipeline_of(settings, pipeline)
    return latest_manifest(own.state_root, target=settings.target, pipeline=pipeline)
