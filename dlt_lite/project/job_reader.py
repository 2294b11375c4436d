"""One job: the keys of a job file → a `Job` record. What the whole job means is judged elsewhere.

Problems are added to the reading; a part that has one is left out or gets its default.
"""

from __future__ import annotations

from functools import partial

from dlt_lite.model.jobs import (
    FOR_EVER,
    MOST_AT_ONCE,
    Dependency,
    Job,
    JobParameter,
    Retries,
    RunIf,
    Task,
)
from dlt_lite.project import job_keys, nodes
from dlt_lite.project.entries import Entries, Reading
from dlt_lite.project.notification_reader import notifications
from dlt_lite.project.suggestions import did_you_mean, shown
from dlt_lite.project.trigger_reader import triggers
from dlt_lite.project.work_reader import work_of

_OUTCOMES = ("true", "false")
_PARALLEL_TASKS = 8


def read_job(mapping: nodes.Mapping, reading: Reading) -> Job:
    """Return the job that a mapping describes.

    Args:
        mapping: the keys of the job.
        reading: what is known of it, and where problems and ignored keys are added.
    """
    entries = Entries(mapping, job_keys.JOB, reading)
    queue = entries.inner("queue", job_keys.QUEUE)
    tasks = entries.each("tasks", job_keys.TASK, named_by="task_key")
    read = (_task(each, reading) for each in tasks)
    return Job(
        name=reading.job,
        title=entries.text("name") or reading.job,
        folder=reading.folder,
        tasks=tuple(task for task in read if task is not None),
        origin=mapping.origin,
        description=entries.text("description"),
        parameters=_parameters(entries),
        tags={name: text.raw for name, text in entries.named("tags").items()},
        triggers=triggers(entries),
        max_concurrent_runs=entries.whole("max_concurrent_runs", 1, least=1, most=1000),
        queue=queue is not None and queue.switch("enabled"),
        timeout_seconds=entries.whole("timeout_seconds", 0),
        parallel_tasks=entries.whole("parallel_tasks", _PARALLEL_TASKS, least=1, most=MOST_AT_ONCE),
        notifications=notifications(entries),
    )


def _parameters(job: Entries) -> tuple[JobParameter, ...]:
    found: list[JobParameter] = []
    for entries in job.each("parameters", job_keys.PARAMETER, named_by="name"):
        name = entries.required_text("name")
        entries.required_text("default")
        default = entries.template("default")
        if name and default is not None:
            found.append(JobParameter(name, default))
    return tuple(found)


def _task(entries: Entries, reading: Reading) -> Task | None:
    key = entries.required_text("task_key")
    work = work_of(entries, reading, partial(_task, reading=reading))
    depends_on = _dependencies(entries)
    run_if = entries.choice("run_if", RunIf.ALL_SUCCESS)
    retries = _retries(entries)
    if work is None:
        return None
    return Task(
        key=key,
        work=work,
        origin=entries.places.get("task_key", entries.origin),
        depends_on=depends_on,
        run_if=run_if,
        disabled=entries.switch("disabled"),
        retries=retries,
        timeout_seconds=entries.whole("timeout_seconds", 0),
        isolated=entries.switch("isolated"),
        description=entries.text("description"),
        notifications=notifications(entries),
    )


def _retries(entries: Entries) -> Retries:
    return Retries(
        entries.whole("max_retries", 0, least=FOR_EVER),
        entries.whole("min_retry_interval_millis", 0),
        entries.switch("retry_on_timeout"),
    )


def _dependencies(task: Entries) -> tuple[Dependency, ...]:
    found: list[Dependency] = []
    for entries in task.each("depends_on", job_keys.DEPENDENCY):
        key, outcome = entries.required_text("task_key"), entries.text("outcome")
        if outcome is not None and outcome not in _OUTCOMES:
            what = f"'outcome' must not be {shown(outcome)}"
            entries.refuse(what, entries.places["outcome"], did_you_mean(outcome, _OUTCOMES))
        elif key:
            place = entries.places["task_key"]
            found.append(Dependency(key, outcome, place))
    return tuple(found)
