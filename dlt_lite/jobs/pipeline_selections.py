"""What tasks select of pipelines: refused where it names no dataset, before anything is run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dlt_lite.errors import BadSelection
from dlt_lite.jobs.subject import all_tasks
from dlt_lite.model.jobs import Job, PipelineTask, Task
from dlt_lite.plan.selection import Selectable, selected


def pipelines_selected_from(job: Job) -> frozenset[str]:
    """Return the pipelines of which tasks of a job select datasets."""
    return frozenset(work.pipeline for _, work in _selecting(job))


def problems_of_selections(job: Job, pipelines: Mapping[str, Selectable]) -> Iterator[BadSelection]:
    """Yield what is wrong with the selections of a job's tasks.

    Args:
        job: the job.
        pipelines: the datasets of the pipelines that are known.
    """
    for task, work in _selecting(job):
        among = pipelines.get(work.pipeline)
        if among is None:
            continue
        for word in (*work.refresh_selection, *work.full_refresh_selection):
            try:
                selected([word], among)
            except BadSelection as problem:
                problem.what = f"task {task.key!r}, pipeline {work.pipeline!r}: {problem.what}"
                problem.origin = task.origin
                yield problem


def _selecting(job: Job) -> Iterator[tuple[Task, PipelineTask]]:
    for task, _ in all_tasks(job):
        work = task.work
        if isinstance(work, PipelineTask) and (
            work.refresh_selection or work.full_refresh_selection
        ):
            yield task, work
