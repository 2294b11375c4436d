"""A job as the rules look at it: with its project around it, and with what waits for what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dlt_lite.dag.order import circle, in_order
from dlt_lite.jobs.run_if import disabled_tasks, first_by_key
from dlt_lite.model.jobs import ForEachTask, Job, Task


@dataclass(frozen=True, slots=True)
class Around:
    """What a job may name outside of itself.

    Attributes:
        pipelines: the names of the project's pipelines.
        jobs: the project's jobs by name.
        shell_tasks: whether the project allows commands of the machine.
    """

    pipelines: frozenset[str]
    jobs: Mapping[str, Job]
    shell_tasks: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """A job with what several rules ask of it.

    Attributes:
        job: the job.
        around: what it may name outside of itself.
        tasks: its tasks by key; of several with one key, the first.
        waits: what each task waits for, as far as the job has it.
        above: as bits, the places of all that a task waits for, directly or through others.
        places: each task's place.
        disabled: the tasks that cannot run.
    """

    job: Job
    around: Around
    tasks: Mapping[str, Task]
    waits: Mapping[str, tuple[str, ...]]
    above: Mapping[str, int]
    places: Mapping[str, int]
    disabled: frozenset[str]


def subject_of(job: Job, around: Around) -> Subject:
    """Return a job with what the rules ask of it."""
    tasks = first_by_key(job)
    waits = {
        key: tuple(dict.fromkeys(d.task_key for d in task.depends_on if d.task_key in tasks))
        for key, task in tasks.items()
    }
    places = {key: place for place, key in enumerate(waits)}
    if circle(waits):
        return Subject(job, around, tasks, waits, {}, places, frozenset())
    above: dict[str, int] = {}
    for key in in_order(waits):
        bits = 0
        for each in waits[key]:
            bits |= above[each] | 1 << places[each]
        above[key] = bits
    return Subject(job, around, tasks, waits, above, places, disabled_tasks(job))


def all_tasks(job: Job) -> Iterator[tuple[Task, Task | None]]:
    """Yield every task with the for_each task around it, None for none."""
    for task in job.tasks:
        yield task, None
        if isinstance(task.work, ForEachTask):
            yield task.work.task, task
