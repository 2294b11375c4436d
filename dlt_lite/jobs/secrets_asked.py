"""Which secrets a run is going to need, so that a missing one is told before anything begins."""

from __future__ import annotations

from collections.abc import Iterator

from dlt_lite.jobs.reference_rules import texts_of
from dlt_lite.jobs.references import Secret, references_in
from dlt_lite.jobs.requests import RunRequest
from dlt_lite.jobs.run_if import disabled_tasks
from dlt_lite.jobs.selection import selected_tasks
from dlt_lite.jobs.subject import all_tasks
from dlt_lite.model.jobs import Job, Text
from dlt_lite.model.origin import Origin


def secrets_asked(job: Job, request: RunRequest) -> Iterator[tuple[Secret, Origin]]:
    """Yield each secret that a run's tasks and parameters refer to, and where they do.

    Args:
        job: a job without problems.
        request: what is asked; tasks that it leaves out, or that are disabled, need none.
    """
    for text in _texts_of_run(job, request):
        for reference in references_in(text):
            if isinstance(reference, Secret):
                yield reference, text.origin


def _texts_of_run(job: Job, request: RunRequest) -> Iterator[Text]:
    yield from (each.default for each in job.parameters if each.name not in request.parameters)
    chosen = set(selected_tasks(job, request.only)) - disabled_tasks(job)
    for task, outer in all_tasks(job):
        if (outer or task).key in chosen:
            yield from texts_of(task)
