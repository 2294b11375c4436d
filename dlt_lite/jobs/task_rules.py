"""What cannot be of a job and its tasks by themselves: one function a rule."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

from dlt_lite.dag.order import circle
from dlt_lite.errors import (
    BadComparison,
    BadDependency,
    BadForEach,
    BadJob,
    BadJobParameter,
    BadTask,
    DefinitionProblem,
    DuplicateTask,
    TaskCycle,
    UnknownTask,
)
from dlt_lite.jobs.conditions import compare
from dlt_lite.jobs.spelling import meant
from dlt_lite.jobs.subject import Subject, all_tasks
from dlt_lite.model.jobs import (
    FOR_EVER,
    MOST_AT_ONCE,
    MOST_INPUTS,
    MOST_TASKS,
    CallableTask,
    ConditionTask,
    ForEachTask,
    PipelineTask,
    PythonFileTask,
    ShellTask,
    Task,
    Text,
    WheelTask,
)

_ARROW = " → "
_KEY = re.compile(r"[A-Za-z0-9_-]{1,100}")
_MOST_TAGS = 25
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PARAMETER = re.compile(r"[A-Za-z0-9_.-]{1,128}")


def _job_itself(subject: Subject) -> Iterator[DefinitionProblem]:
    job = subject.job
    if not _NAME.fullmatch(job.name):
        fix = "use letters, digits, `_` and `-`, at most 64"
        yield BadJob(f"a job cannot be called {job.name[:80]!r}", origin=job.origin, fix=fix)
    if not job.tasks:
        yield BadJob(f"job {job.name!r} has no tasks", origin=job.origin, fix="give it some")
    if len(job.tasks) > MOST_TASKS:
        what = f"job {job.name!r} has {len(job.tasks):,} tasks; the most is {MOST_TASKS:,}"
        yield BadJob(what, origin=job.origin, fix="part it, and run one by the other: run_job_task")
    if len(job.tags) > _MOST_TAGS:
        what = f"job {job.name!r} has {len(job.tags)} tags; the most is {_MOST_TAGS}"
        yield BadJob(what, origin=job.origin, fix="remove some")
    for name, value, least in (
        ("max_concurrent_runs", job.max_concurrent_runs, 1),
        ("timeout_seconds", job.timeout_seconds, 0),
        ("parallel_tasks", job.parallel_tasks, 1),
    ):
        if value < least:
            what = f"{name} of job {job.name!r} is {value}"
            yield BadJob(what, origin=job.origin, fix=f"the least is {least}")


def _keys(subject: Subject) -> Iterator[DefinitionProblem]:
    first: dict[str, Task] = {}
    for task, _ in all_tasks(subject.job):
        if not _KEY.fullmatch(task.key):
            fix = "use letters, digits, `_` and `-`, at most 100"
            what = f"a task cannot be called {task.key[:80]!r}"
            yield BadTask(what, origin=task.origin, fix=fix)
        # Keys become folders of logs, and some disks do not tell case apart.
        other = first.setdefault(task.key.lower(), task)
        if other is not task:
            named = f"two tasks are called {task.key!r}"
            if other.key != task.key:
                named = f"tasks {other.key!r} and {task.key!r} differ in case only"
            what = f"{named}, the first at {other.origin}"
            yield DuplicateTask(what, origin=task.origin, fix="give one another task_key")


def _dependencies(subject: Subject) -> Iterator[DefinitionProblem]:
    tasks = subject.tasks
    for task in subject.job.tasks:
        seen: set[tuple[str, str | None]] = set()
        for each in task.depends_on:
            found = tasks.get(each.task_key)
            if found is None:
                what = f"task {task.key!r} depends on {each.task_key!r}, which the job has not"
                yield UnknownTask(what, origin=each.origin, fix=meant(each.task_key, tasks))
            elif each.outcome is not None and not isinstance(found.work, ConditionTask):
                what = f"{each.task_key!r} is no condition task, so it has no outcome"
                yield BadDependency(what, origin=each.origin, fix="remove `outcome`")
            if (each.task_key, each.outcome) in seen:
                what = f"task {task.key!r} depends on {each.task_key!r} twice"
                yield BadDependency(what, origin=each.origin, fix="remove one")
            seen.add((each.task_key, each.outcome))


def _circles(subject: Subject) -> Iterator[DefinitionProblem]:
    found = circle(subject.waits)
    if found:
        blamed = next(task for task in subject.job.tasks if task.key == found[0])
        what = f"tasks wait for each other in a circle: {_ARROW.join(found)}"
        fix = "one of them must not depend on the one before it"
        yield TaskCycle(what, origin=blamed.origin, fix=fix)


def _options(subject: Subject) -> Iterator[DefinitionProblem]:
    for task, _ in all_tasks(subject.job):
        yield from _bad_numbers(task)
        single = isinstance(task.work, ConditionTask | ForEachTask)
        kind = "condition" if isinstance(task.work, ConditionTask) else "for_each"
        if single and (task.retries.most or task.retries.on_timeout):
            what = f"{kind} task {task.key!r} cannot be tried again"
            written = {
                "max_retries": task.retries.most,
                "retry_on_timeout": task.retries.on_timeout,
            }
            fix = f"remove {' and '.join(key for key, value in written.items() if value)}"
            if kind == "for_each":
                fix = "put the retries on the task within it"
            yield BadTask(what, origin=task.origin, fix=fix)
        if task.isolated and not isinstance(
            task.work, PythonFileTask | CallableTask | WheelTask | ShellTask
        ):
            what = f"task {task.key!r} cannot be isolated"
            fix = "only Python and shell tasks have a process of their own: remove `isolated`"
            yield BadTask(what, origin=task.origin, fix=fix)
        if (
            isinstance(task.work, PipelineTask)
            and task.work.full_refresh
            and (task.work.refresh_selection or task.work.full_refresh_selection)
        ):
            what = f"task {task.key!r} refreshes everything fully, and selects"
            yield BadTask(what, origin=task.origin, fix="remove full_refresh or the selection")


def _bad_numbers(task: Task) -> Iterator[BadTask]:
    for name, value, least in (
        ("max_retries", task.retries.most, FOR_EVER),
        ("min_retry_interval_millis", task.retries.min_interval_millis, 0),
        ("timeout_seconds", task.timeout_seconds, 0),
    ):
        if value < least:
            what = f"{name} of task {task.key!r} is {value}"
            yield BadTask(what, origin=task.origin, fix=f"the least is {least}")


def _comparisons(subject: Subject) -> Iterator[DefinitionProblem]:
    """Refuse a literal that is to be ordered and is no number."""
    for task in subject.job.tasks:
        if not isinstance(task.work, ConditionTask):
            continue
        for side in (task.work.left, task.work.right):
            if "{{" in side.raw:
                continue
            try:
                compare(task.work.op, side.raw, side.raw)
            except BadComparison as problem:
                yield BadTask(
                    f"condition task {task.key!r}: {problem.what}",
                    origin=side.origin,
                    fix=problem.fix,
                )


def _loops(subject: Subject) -> Iterator[DefinitionProblem]:
    for task in subject.job.tasks:
        if not isinstance(task.work, ForEachTask):
            continue
        inner = task.work.task
        if isinstance(inner.work, ForEachTask | ConditionTask):
            kind = "a loop" if isinstance(inner.work, ForEachTask) else "a condition"
            fix = "put it into a job of its own, and repeat that: run_job_task"
            what = f"for_each task {task.key!r} has {kind} inside"
            yield BadForEach(what, origin=inner.origin, fix=fix)
        if inner.depends_on:
            fix = f"write depends_on at {task.key!r}"
            what = f"task {inner.key!r} within {task.key!r} cannot depend on others"
            yield BadForEach(what, origin=inner.depends_on[0].origin, fix=fix)
        if not 1 <= task.work.concurrency <= MOST_AT_ONCE:
            what = f"concurrency of {task.key!r} is {task.work.concurrency}"
            yield BadForEach(what, origin=task.origin, fix=f"write 1 to {MOST_AT_ONCE}")
        yield from _bad_inputs(task, task.work.inputs)


def _bad_inputs(task: Task, inputs: Text) -> Iterator[BadForEach]:
    if "{{" in inputs.raw:
        return
    fix = "write a JSON array such as [1, 2, 3], or a reference to one"
    try:
        found = json.loads(inputs.raw)
    except (ValueError, RecursionError):
        what = f"the inputs of {task.key!r} are no JSON: {inputs.raw[:60]}"
        yield BadForEach(what, origin=inputs.origin, fix=fix)
        return
    if not isinstance(found, list):
        what = f"the inputs of {task.key!r} are no list: {inputs.raw[:60]}"
        yield BadForEach(what, origin=inputs.origin, fix=fix)
    elif len(found) > MOST_INPUTS:
        what = f"{task.key!r} has {len(found):,} inputs; the most is {MOST_INPUTS:,}"
        yield BadForEach(what, origin=inputs.origin, fix="let one item stand for several")


def _parameters(subject: Subject) -> Iterator[DefinitionProblem]:
    seen: set[str] = set()
    for each in subject.job.parameters:
        origin = each.default.origin
        if not _PARAMETER.fullmatch(each.name):
            what = f"a job parameter cannot be called {each.name[:80]!r}"
            yield BadJobParameter(what, origin=origin, fix="use letters, digits, `_`, `-`, `.`")
        if each.name in seen:
            what = f"two job parameters are called {each.name!r}"
            yield BadJobParameter(what, origin=origin, fix="rename one")
        seen.add(each.name)


RULES: tuple[Callable[[Subject], Iterator[DefinitionProblem]], ...] = (
    _job_itself,
    _keys,
    _dependencies,
    _circles,
    _options,
    _comparisons,
    _loops,
    _parameters,
)
