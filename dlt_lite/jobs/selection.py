"""Which tasks of a job a run is about: `t`, `+t` with all before it, `t+` with all after it."""

from __future__ import annotations

from collections.abc import Sequence

from dlt_lite.dag.order import downstream, upstream
from dlt_lite.errors import UnknownTask
from dlt_lite.jobs.spelling import meant
from dlt_lite.model.jobs import Job

_SIDE = "+"


def selected_tasks(job: Job, only: Sequence[str]) -> tuple[str, ...]:
    """Return the keys of the tasks that a run is about, in the order of the job.

    Args:
        job: the job.
        only: the tasks, each with or without `+` before or behind it; none means all.

    Raises:
        UnknownTask: the job has no task of that key.
    """
    if not only:
        return tuple(task.key for task in job.tasks)
    waits = waits_of(job)
    chosen: set[str] = set()
    for word in only:
        key = word.removeprefix(_SIDE).removesuffix(_SIDE)
        if key not in waits:
            what = f"job {job.name!r} has no task {key[:80]!r}"
            raise UnknownTask(what, fix=meant(key, waits))
        chosen.add(key)
        if word.startswith(_SIDE):
            chosen |= upstream(waits, [key])
        if word.endswith(_SIDE):
            chosen |= downstream(waits, [key])
    return tuple(key for key in waits if key in chosen)


def waits_of(job: Job) -> dict[str, tuple[str, ...]]:
    """Return what each task of a job waits for."""
    return {
        task.key: tuple(dict.fromkeys(each.task_key for each in task.depends_on))
        for task in job.tasks
    }
