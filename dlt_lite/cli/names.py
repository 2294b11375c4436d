"""What a NAME means: a pipeline or a job of the project; both share one namespace."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from dlt_lite.errors import BadSelection, UnknownJob, UnknownPipeline
from dlt_lite.jobs.catalogue import jobs_of
from dlt_lite.model.settings import ProjectSettings
from dlt_lite.project.suggestions import did_you_mean, shown

_COLON = ":"


class Meant(StrEnum):
    """What a name is the name of."""

    PIPELINE = "pipeline"
    JOB = "job"


def what_is_meant(name: str, settings: ProjectSettings) -> tuple[Meant, str]:
    """Return whether a name means a pipeline or a job, and its bare name.

    Args:
        name: `x`, or `pipeline:x` or `job:x` where there are both.
        settings: the project.

    Raises:
        BadSelection: there are both.
        UnknownPipeline: there is neither.
        UnknownJob: `job:x` was said, and there is no such job.
    """
    kind, colon, bare = name.partition(_COLON)
    if colon and kind in set(Meant):
        return Meant(kind), bare
    jobs = _job_names(settings)
    if name in settings.pipelines and name in jobs:
        what = f"{shown(name)} is a pipeline and a job"
        raise BadSelection(what, fix=f"say pipeline:{name} or job:{name}")
    if name in settings.pipelines:
        return Meant.PIPELINE, name
    if name in jobs:
        return Meant.JOB, name
    hint = did_you_mean(name, [*settings.pipelines, *jobs], otherwise="there are")
    raise UnknownPipeline(f"no pipeline and no job is called {shown(name)}", fix=hint)


def job_named(name: str, settings: ProjectSettings) -> str:
    """Return the bare name of a job.

    Raises:
        UnknownJob: there is none of that name.
    """
    bare = name.removeprefix(f"{Meant.JOB}{_COLON}")
    jobs = _job_names(settings)
    if bare not in jobs:
        hint = did_you_mean(bare, list(jobs), otherwise="jobs of this project")
        raise UnknownJob(f"no job is called {shown(bare)}", fix=hint)
    return bare


def _job_names(settings: ProjectSettings) -> Collection[str]:
    """Return the names of all jobs; Python files are loaded only where there are some."""
    return jobs_of(settings) if settings.job_files else settings.jobs
