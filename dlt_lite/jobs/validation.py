"""What cannot be of a job: all rules, one after the other, causes before consequences."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dlt_lite.errors import DltLiteError
from dlt_lite.jobs import neighbour_rules, reference_rules, task_rules
from dlt_lite.jobs.subject import Around, Subject, subject_of
from dlt_lite.model.jobs import Job

RULES: tuple[Callable[[Subject], Iterator[DltLiteError]], ...] = (
    *task_rules.RULES,
    *reference_rules.RULES,
    *neighbour_rules.RULES,
)


def problems_of_job(job: Job, around: Around) -> list[DltLiteError]:
    """Return all that is wrong with a job; it knows no disk and no clock.

    Args:
        job: the job.
        around: the pipelines, jobs and rights of its project.
    """
    subject = subject_of(job, around)
    return [problem for rule in RULES for problem in rule(subject)]
