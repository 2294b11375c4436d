"""What a repair runs again: what did not succeed, and all that waits for it."""

from __future__ import annotations

from dlt_lite.dag.order import downstream
from dlt_lite.jobs.history import JobRun, TaskRun
from dlt_lite.jobs.run_if import disabled_tasks
from dlt_lite.jobs.selection import waits_of
from dlt_lite.model.jobs import Job
from dlt_lite.model.outcomes import ResultState


def tasks_to_repair(job: Job, run: JobRun) -> tuple[str, ...]:
    """Return the keys of the tasks that a repair of a run has to run, in the order of the job.

    A task is run again that failed, timed out, was cancelled, was skipped for one of these, never
    ended or is new; one that was disabled and is no longer; and all that wait for one of them. What
    succeeded stays, with its values; what was excluded stays, unless what it waits for runs again.
    A run of some tasks only is repaired within these, as if the job had no others.

    Args:
        job: the job as it is now.
        run: the run; it must have ended, or been abandoned.
    """
    disabled = disabled_tasks(job)
    about = {task.key for task in job.tasks if not run.only or task.key in run.tasks}
    waits = {
        key: tuple(before for before in waited if before in about)
        for key, waited in waits_of(job).items()
        if key in about
    }
    undone = [key for key in waits if _is_undone(run.tasks.get(key), disabled)]
    again = downstream(waits, undone) | set(undone)
    return tuple(key for key in waits if key in again)


def is_to_repair(job: Job, run: JobRun) -> bool:
    """Tell whether a repair of a run has something to do.

    It has also where all that is left is a task that the job no longer has: the run is then judged
    without it.

    Args:
        job: the job as it is now.
        run: the run; it must have ended, or been abandoned.
    """
    keys = {task.key for task in job.tasks}
    lost = (task for key, task in run.tasks.items() if key not in keys and not task.is_gone)
    return any(not _is_done(task) for task in lost) or bool(tasks_to_repair(job, run))


def _is_undone(task: TaskRun | None, disabled: frozenset[str]) -> bool:
    if task is None or not _is_done(task):
        return True
    return task.result is ResultState.DISABLED and task.key not in disabled


def _is_done(task: TaskRun) -> bool:
    result = task.result
    return result is not None and not result.is_failure and not result.is_canceled
