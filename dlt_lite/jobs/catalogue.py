"""All jobs of a project, of YAML and of Python files: found by name, and judged together."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from dlt_lite.dag.order import upstream
from dlt_lite.errors import DltLiteError, UnknownJob, UnknownPipeline, raise_together
from dlt_lite.jobs.callables import problems_of_callables
from dlt_lite.jobs.python_files import load_job_file, load_job_files
from dlt_lite.jobs.spelling import meant
from dlt_lite.jobs.sql_texts import problems_of_sql
from dlt_lite.jobs.subject import Around
from dlt_lite.jobs.validation import problems_of_job
from dlt_lite.jobs.wheels import problems_of_wheels
from dlt_lite.model.jobs import ForEachTask, Job, RunJobTask, Work
from dlt_lite.model.settings import ProjectSettings
from dlt_lite.project.fields import JOB_FILE, PYTHON_JOB_FILE

_MISSING = UnknownJob | UnknownPipeline


def jobs_of(project: ProjectSettings) -> dict[str, Job]:
    """Return all jobs of a project, by name, in the order of their names.

    Python files that declare jobs are loaded; nothing is judged yet.

    Raises:
        DltLiteError: what every broken file and refused declaration says, together.
    """
    known = tuple(project.jobs.values())
    jobs = load_job_files(project.job_files, root=project.root, known=known)
    return {job.name: job for job in sorted(jobs, key=lambda job: job.name)}


def broken_job_files(project: ProjectSettings) -> dict[Path, DltLiteError]:
    """Return the Python files that declare jobs and cannot be loaded, each with what is wrong."""
    found: dict[Path, DltLiteError] = {}
    for file in project.job_files:
        try:
            load_job_file(file, root=project.root)
        except DltLiteError as error:
            found[file] = error
    return found


def job_of(project: ProjectSettings, name: str) -> Job:
    """Return the job of a name, judged.

    Raises:
        UnknownJob: the project has none of that name.
        DltLiteError: all that is wrong with it, together.
    """
    jobs = jobs_of(project)
    if name not in jobs:
        raise UnknownJob(f"no job is called {name[:80]!r}", fix=meant(name, jobs))
    raise_together(problems_of_jobs(project, jobs, [name]))
    return jobs[name]


def stands_apart(project: ProjectSettings, name: str, broken: Sequence[Path]) -> bool:
    """Tell whether a pipeline or job can be used although files of others are broken.

    A pipeline can. A job can where the files of all pipelines are in order, since its code may read
    any table, and where it and all jobs that it runs name nothing that is missing.

    Args:
        project: the project without what is broken.
        name: the name as it was given; `pipeline:x` and `job:x` are understood.
        broken: the files that have problems, relative to the project.
    """
    kind, _, bare = name.rpartition(":")
    if any(file.parent.name == bare for file in broken):
        return False
    if kind == "pipeline":
        return bare in project.pipelines
    try:
        jobs = jobs_of(project)
    except DltLiteError:
        return False
    if bare not in jobs:
        return not kind and bare in project.pipelines
    if any(file.name not in {JOB_FILE, PYTHON_JOB_FILE} for file in broken):
        return False
    needed = _with_those_it_runs(bare, jobs)
    around = _around(project, jobs)
    problems = [each for key in needed & jobs.keys() for each in problems_of_job(jobs[key], around)]
    return needed <= jobs.keys() and not any(isinstance(each, _MISSING) for each in problems)


def _with_those_it_runs(name: str, jobs: dict[str, Job]) -> set[str]:
    runs = {
        each: [other for task in job.tasks if (other := _job_run_by(task.work)) is not None]
        for each, job in jobs.items()
    }
    return upstream(runs, [name]) | {name}


def _job_run_by(work: Work) -> str | None:
    inner = work.task.work if isinstance(work, ForEachTask) else work
    return inner.job if isinstance(inner, RunJobTask) else None


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
    return [problem for job in judged for problem in _problems(job, project, around)]


def _problems(job: Job, project: ProjectSettings, around: Around) -> list[DltLiteError]:
    # The functions of a job.py are there: the file has been loaded.
    functions = problems_of_callables(job, project.root) if job.name in project.jobs else ()
    texts = problems_of_sql(job)
    return [*problems_of_job(job, around), *functions, *problems_of_wheels(job), *texts]


def _around(project: ProjectSettings, jobs: dict[str, Job]) -> Around:
    return Around(frozenset(project.pipelines), jobs, project.shell_tasks)
