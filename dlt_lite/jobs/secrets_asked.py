"""Which secrets a run is going to need, so that a missing one is told before anything begins."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from dlt_lite.jobs.reference_rules import texts_of
from dlt_lite.jobs.references import Secret, references_in
from dlt_lite.jobs.requests import RunRequest
from dlt_lite.jobs.run_if import disabled_tasks
from dlt_lite.jobs.selection import selected_tasks
from dlt_lite.jobs.subject import all_tasks
from dlt_lite.model.jobs import Job, Notifications, RunJobTask, Text
from dlt_lite.model.origin import Origin


def secrets_asked(
    job: Job, request: RunRequest, other_job: Callable[[str], Job]
) -> Iterator[tuple[Secret, Origin]]:
    """Yield each secret that a run's tasks, parameters and hooks refer to, and where they do.

    Args:
        job: a job without problems.
        request: what is asked; tasks that it leaves out, or that are disabled, need none.
        other_job: returns the job of a name, for the jobs that tasks run.
    """
    given = request.parameters.keys()
    for text in _texts_of_run(job, request.only, given, other_job):
        for reference in references_in(text):
            if isinstance(reference, Secret):
                yield reference, text.origin


def _texts_of_run(
    job: Job, only: Sequence[str], given: Collection[str], other_job: Callable[[str], Job]
) -> Iterator[Text]:
    yield from (each.default for each in job.parameters if each.name not in given)
    yield from _texts_of_hooks(job.notifications)
    chosen = set(selected_tasks(job, only)) - disabled_tasks(job)
    for task, outer in all_tasks(job):
        if (outer or task).key in chosen:
            yield from texts_of(task)
            yield from _texts_of_hooks(task.notifications)
            if isinstance(task.work, RunJobTask):
                other = other_job(task.work.job)
                yield from _texts_of_run(other, (), task.work.parameters, other_job)


def _texts_of_hooks(told: Notifications) -> Iterator[Text]:
    for hook in told.hooks:
        yield from hook.command if hook.url is None else (hook.url,)
