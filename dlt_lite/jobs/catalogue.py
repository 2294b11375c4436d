"""All jobs of a project, of YAML and of Python files: found by name, and judged together."""

from __future__ import annotations

from collections.abc import Collection

from dlt_lite.errors import DltLiteError, UnknownJob, raise_together
from dlt_lite.jobs.python_files import load_job_files
from dlt_lite.jobs.spelling import meant
from dlt_lite.jobs.subject import Around
from dlt_lite.jobs.validation import problems_of_job
from dlt_lite.model.jobs import Job
from dlt_lite.model.settings import ProjectSettings


def jobs_of(project: ProjectSettings) -> dict[str, Job]:
    """Return all jobs of a project, by name, in the order of their names.

    Python files that declare jobs are loaded; nothing is judged yet.

    Raises:
        DltLiteError: what every broken file and refused declaration says, together.
    """
    known = tuple(project.jobs.values())
    jobs = load_job_files(project.job_files, root=project.root, known=known)
    return {job.name: job for job in sorted(jobs, key=lambda job: job.name)}


def job_of(project: ProjectSettings, name: str) -> Job:
    """Return the job of a name, judged.

    Raises:
        UnknownJob: the project has none of that name.
        DltLiteError: all that is wrong with it, together.
    """
    jobs = jobs_of(project)
    if name not in jobs:
        raise UnknownJob(f"no job is called {name[:80]!r}", fix=meant(name, jobs))
    raise_together(problems_of_job(jobs[name], _around(project, jobs)))
    return jobs[name]


def problems_of_jobs(
    project: ProjectSettings, jobs: dict[str, Job], names: Collection[str] | None = None
) -> list[DltLiteError]:
    """Return all that is wrong with the jobs of a project.

    Args:
        project: the project.
        jobs: all its jobs.
        names: those that are judged; None for all.
    """
    around = _around(project, jobs)
    judged = [job for name, job in jobs.items() if names is None or name in names]
    return [problem for job in judged for problem in problems_of_job(job, around)]


def _around(project: ProjectSettings, jobs: dict[str, Job]) -> Around:
    return Around(frozenset(project.pipelines), jobs, project.shell_tasks)
