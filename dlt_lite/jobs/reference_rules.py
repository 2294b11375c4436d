"""What cannot be referred to: one function a rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

from dlt_lite.dag.order import circle
from dlt_lite.errors import (
    BadJobParameter,
    BadReference,
    DefinitionProblem,
    ReferenceCycle,
    UnknownTask,
    UnreachableReference,
)
from dlt_lite.jobs.filling import parameters_read
from dlt_lite.jobs.references import (
    Input,
    OtherTaskFact,
    ParameterOf,
    Reference,
    RowsOf,
    Secret,
    TaskFact,
    ValueOf,
    references_in,
)
from dlt_lite.jobs.spelling import meant
from dlt_lite.jobs.subject import Subject, all_tasks
from dlt_lite.model.jobs import (
    CallableTask,
    ConditionTask,
    ForEachTask,
    Job,
    PipelineTask,
    RunJobTask,
    ShellTask,
    SqlQueryTask,
    Task,
    Text,
    WheelTask,
    listed_texts,
    named_texts,
)

_ARROW = " → "


def _parameter_references(subject: Subject) -> Iterator[DefinitionProblem]:
    names = {each.name for each in subject.job.parameters}
    reads: dict[str, tuple[str, ...]] = {}
    for each in subject.job.parameters:
        try:
            found = tuple(references_in(each.default))
            reads[each.name] = tuple(n for n in parameters_read(each.default) if n in names)
        except BadReference as problem:
            yield problem
            continue
        for reference in found:
            yield from bad_in_parameter(reference, each.default, subject)
    path = circle(reads)
    if path:
        blamed = next(each for each in subject.job.parameters if each.name == path[0])
        what = f"job parameters refer to each other in a circle: {_ARROW.join(path)}"
        fix = "give one of them a value of its own"
        yield ReferenceCycle(what, origin=blamed.default.origin, fix=fix)


def bad_in_parameter(
    reference: Reference, text: Text, subject: Subject
) -> Iterator[DefinitionProblem]:
    """Yield what is wrong with a reference that is filled in before any task has run."""
    match reference:
        case ParameterOf():
            yield from _unknown_parameter(reference, text, subject.job)
        case OtherTaskFact() | ValueOf() | RowsOf() | TaskFact() | Input():
            what = f"{text.raw[:80]} needs a task, and parameters are filled in before any runs"
            fix = "write the reference into the task's own parameters"
            yield UnreachableReference(what, origin=text.origin, fix=fix)
        case _:
            return


def _references(subject: Subject) -> Iterator[DefinitionProblem]:
    for task, outer in all_tasks(subject.job):
        for text in texts_of(task):
            try:
                found = tuple(references_in(text))
            except BadReference as problem:
                yield problem
                continue
            for reference in found:
                yield from _exposed(reference, text, task)
                yield from _bad_in_task(reference, text, outer or task, in_loop=outer is not None)
            yield from chain.from_iterable(
                _unreachable(reference, text, (outer or task), subject) for reference in found
            )


def _bad_in_task(
    reference: Reference, text: Text, task: Task, *, in_loop: bool
) -> Iterator[DefinitionProblem]:
    if isinstance(reference, Input) and not in_loop:
        what = f"task {task.key!r} refers to an input, but it is in no for_each task"
        fix = "write it into the task within a for_each_task"
        yield BadReference(what, origin=text.origin, fix=fix)
    if isinstance(reference, Secret) and not in_loop and _is_shown(task):
        what = f"task {task.key!r} compares or repeats a secret, and both are recorded"
        yield BadReference(what, origin=text.origin, fix="hand it to a task as a parameter")


def _exposed(reference: Reference, text: Text, task: Task) -> Iterator[BadReference]:
    """Yield what is wrong with a secret that others see, in lists of processes or in records."""
    if not isinstance(reference, Secret):
        return
    if isinstance(task.work, ShellTask) and text in task.work.arguments:
        what = f"the command of task {task.key!r} puts a secret where others can read it"
        fix = 'hand it over by `environment`, and write "$NAME" in the script'
        yield BadReference(what, origin=text.origin, fix=fix)
    elif isinstance(task.work, RunJobTask):
        what = f"task {task.key!r} gives another job a secret as a parameter, which is recorded"
        yield BadReference(what, origin=text.origin, fix="write the secret in the other job's task")


def _is_shown(task: Task) -> bool:
    return isinstance(task.work, ConditionTask | ForEachTask)


def _unreachable(
    reference: Reference, text: Text, task: Task, subject: Subject
) -> Iterator[DefinitionProblem]:
    if isinstance(reference, ParameterOf):
        yield from _unknown_parameter(reference, text, subject.job)
    if not isinstance(reference, OtherTaskFact | ValueOf | RowsOf):
        return
    key, places = reference.task_key, subject.places
    if key not in places:
        what = f"task {task.key!r} refers to task {key!r}, which the job has not"
        yield UnknownTask(what, origin=text.origin, fix=meant(key, places))
    elif subject.above and not subject.above[task.key] >> places[key] & 1:
        itself = "itself" if key == task.key else f"task {key!r}, which need not run before it"
        what = f"task {task.key!r} refers to {itself}"
        fix = "refer to a task before it" if key == task.key else f"let it depend on {key!r}"
        yield UnreachableReference(what, origin=text.origin, fix=fix)
    elif not isinstance(reference, OtherTaskFact):
        yield from _without_value(reference, text, task, subject)


def _without_value(
    reference: ValueOf | RowsOf, text: Text, task: Task, subject: Subject
) -> Iterator[DefinitionProblem]:
    key = reference.task_key
    other = subject.tasks[key]
    if key in subject.disabled and task.key not in subject.disabled:
        what = f"task {task.key!r} refers to a value of {key!r}, which is disabled"
        fix = f"enable {key!r}, or take the reference away"
        yield UnreachableReference(what, origin=text.origin, fix=fix)
    elif isinstance(other.work, ConditionTask) or (
        isinstance(other.work, ForEachTask) and isinstance(reference, RowsOf)
    ):
        what = f"task {key!r} is a condition or a loop: conditions set no values, neither has rows"
        fix = f"{{{{tasks.{key}.result_state}}}} says how it ended"
        yield UnreachableReference(what, origin=text.origin, fix=fix)


def _unknown_parameter(reference: ParameterOf, text: Text, job: Job) -> Iterator[DefinitionProblem]:
    names = [each.name for each in job.parameters]
    if reference.name not in names:
        what = f"job {job.name!r} has no parameter {reference.name!r}"
        yield BadJobParameter(what, origin=text.origin, fix=meant(reference.name, names))


def _references_where_none_is_filled_in(subject: Subject) -> Iterator[DefinitionProblem]:
    for task, _ in all_tasks(subject.job):
        fix = "hand the value over as a parameter"
        if isinstance(task.work, SqlQueryTask):
            fix = "write a marker such as :day, and the reference into `parameters`"
        for place, raw in _fixed_texts(task):
            if _refers(Text(raw, task.origin)):
                what = f"{place} of task {task.key!r} holds a reference, which stays as it is there"
                yield BadReference(what, origin=task.origin, fix=fix)


def _refers(text: Text) -> bool:
    try:
        return any(True for _ in references_in(text))
    except BadReference:
        return True


def _fixed_texts(task: Task) -> Iterator[tuple[str, str]]:
    match task.work:
        case SqlQueryTask():
            yield "the query", task.work.query
        case PipelineTask():
            yield "pipeline_id", task.work.pipeline
            yield (
                "a selection",
                " ".join((*task.work.refresh_selection, *task.work.full_refresh_selection)),
            )
        case RunJobTask():
            yield "job_id", task.work.job
        case CallableTask():
            yield "the function", f"{task.work.place}:{task.work.function}"
        case WheelTask():
            yield "the entry point", f"{task.work.package}:{task.work.entry_point}"
        case _:
            return


def texts_of(task: Task) -> Iterator[Text]:
    """Yield the texts of a task in which references are filled in."""
    match task.work:
        case ConditionTask():
            yield task.work.left
            yield task.work.right
        case ForEachTask():
            yield task.work.inputs
        case _:
            yield from listed_texts(task.work)
            yield from named_texts(task.work).values()


RULES: tuple[Callable[[Subject], Iterator[DefinitionProblem]], ...] = (
    _parameter_references,
    _references,
    _references_where_none_is_filled_in,
)
