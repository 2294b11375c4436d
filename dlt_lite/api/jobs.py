"""Declare jobs: `@task` marks a function as a task, `@job` a function that lists its tasks.

Nothing is run: a function is handed back unchanged, and outside of a job file that is being loaded
nothing is recorded. The keywords are the keys of a job.yml.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TypedDict, TypeVar, Unpack, cast, overload

from dlt_lite.api.options import as_text
from dlt_lite.errors import BadJob, BadTask, BadValue
from dlt_lite.model.jobs import (
    CallableTask,
    Comparison,
    ConditionTask,
    Dependency,
    ForEachTask,
    Job,
    JobParameter,
    Notifications,
    PipelineTask,
    PythonFileTask,
    Retries,
    RunIf,
    RunJobTask,
    ShellTask,
    SqlFileTask,
    SqlQueryTask,
    Task,
    Text,
    Work,
)
from dlt_lite.model.origin import Origin
from dlt_lite.model.triggers import CronTrigger, Trigger
from dlt_lite.project.paths import project_path
from dlt_lite.project.suggestions import did_you_mean
from dlt_lite.registry.active import active_job_registry
from dlt_lite.registry.origins import calling_origin

_LONGEST_SHOWN = 120

F = TypeVar("F", bound=Callable[..., object])
E = TypeVar("E", bound=StrEnum)
Listed = Task | Callable[..., object]
Values = Mapping[str, object]
Waited = str | Task | Dependency | Values | Callable[..., object]


class TaskOptions(TypedDict, total=False):
    """What every task may say; the keys of a job.yml."""

    depends_on: Sequence[Waited]
    run_if: str
    disabled: bool
    max_retries: int
    min_retry_interval_millis: int
    retry_on_timeout: bool
    timeout_seconds: int
    isolated: bool
    description: str
    webhook_notifications: Values
    notification_settings: Values
    health: Values


class JobOptions(TypedDict, total=False):
    """What a job may say besides its name, parameters and schedule; the keys of a job.yml."""

    description: str
    tags: Values
    max_concurrent_runs: int
    queue: bool
    timeout_seconds: int
    parallel_tasks: int
    trigger: Values
    triggers: Sequence[Values]
    continuous: Values
    webhook_notifications: Values
    notification_settings: Values
    health: Values


_TASK_DEFAULTS: Mapping[str, object] = {
    "depends_on": (),
    "run_if": "",
    "disabled": False,
    "max_retries": 0,
    "min_retry_interval_millis": 0,
    "retry_on_timeout": False,
    "timeout_seconds": 0,
    "isolated": False,
    "description": "",
    "webhook_notifications": {},
    "notification_settings": {},
    "health": {},
}
_JOB_DEFAULTS: Mapping[str, object] = {
    "description": "",
    "tags": {},
    "max_concurrent_runs": 0,
    "queue": False,
    "timeout_seconds": 0,
    "parallel_tasks": 0,
    "trigger": {},
    "triggers": (),
    "continuous": {},
    "webhook_notifications": {},
    "notification_settings": {},
    "health": {},
}


@overload
def job(lister: F) -> F: ...
@overload
def job(
    lister: None = None,
    *,
    name: str | None = None,
    parameters: Values | None = None,
    schedule: str | None = None,
    timezone: str = "UTC",
    paused: bool = False,
    **options: Unpack[JobOptions],
) -> Callable[[F], F]: ...
def job(
    lister: F | None = None,
    *,
    name: str | None = None,
    parameters: Values | None = None,
    schedule: str | None = None,
    timezone: str = "UTC",
    paused: bool = False,
    **options: Unpack[JobOptions],
) -> F | Callable[[F], F]:
    """Declare a job by a function that returns the list of its tasks.

    Args:
        lister: the function, where the decorator stands without parentheses.
        name: the job's name; the function's by default.
        parameters: its parameters and their defaults.
        schedule: a Quartz cron expression, seconds first.
        timezone: the time zone that the expression is seen in.
        paused: whether the schedule is switched off.
        **options: see `JobOptions`; dictionaries are written as in a job.yml.

    Returns:
        A decorator that hands the function back unchanged.
    """

    def declare(function: F) -> F:
        registry = active_job_registry()
        if registry is None:
            return function
        origin = registry.here()
        called = name or function.__name__
        kept = cast("JobOptions", _checked(options, _JOB_DEFAULTS, BadJob))
        given = _texts(parameters or {}, origin)
        cron = () if schedule is None else (CronTrigger(schedule, timezone, paused, origin),)
        declared = Job(
            name=called,
            title=called,
            folder=registry.folder,
            tasks=(),
            origin=origin,
            description=kept.get("description", function.__doc__),
            parameters=tuple(JobParameter(key, text) for key, text in given.items()),
            tags={key: as_text(value) for key, value in kept.get("tags", {}).items()},
            triggers=(*cron, *_triggers(kept, origin)),
            max_concurrent_runs=kept.get("max_concurrent_runs", 1),
            queue=kept.get("queue", False),
            timeout_seconds=kept.get("timeout_seconds", 0),
            parallel_tasks=kept.get("parallel_tasks", 8),
            notifications=_notifications(kept, origin, of_task=False),
        )
        registry.add_job(declared, function)
        return function

    return _decorating(declare, lister, "name", BadJob)


@overload
def task(function: F) -> F: ...
@overload
def task(
    function: None = None,
    *,
    key: str | None = None,
    parameters: Values | None = None,
    **options: Unpack[TaskOptions],
) -> Callable[[F], F]: ...
def task(
    function: F | None = None,
    *,
    key: str | None = None,
    parameters: Values | None = None,
    **options: Unpack[TaskOptions],
) -> F | Callable[[F], F]:
    """Declare that a function is a task; it must stand at the top of its file.

    Args:
        function: the function, where the decorator stands without parentheses.
        key: the task's key; the function's name by default.
        parameters: its keyword arguments; they may hold references.
        **options: see `TaskOptions`.

    Returns:
        A decorator that hands the function back unchanged.
    """

    def declare(function: F) -> F:
        registry = active_job_registry()
        if registry is None:
            return function
        origin = registry.here()
        if "<locals>" in function.__qualname__:
            what = f"task {function.__name__!r} is defined inside another function"
            registry.refuse(BadTask(what, origin=origin, fix="define it at the top of the file"))
        file = Path(function.__code__.co_filename)
        work = CallableTask(file, function.__name__, _texts(parameters or {}, origin))
        registry.add_task(function, _task(key or function.__name__, work, options))
        return function

    return _decorating(declare, function, "key", BadTask)


def pipeline_task(
    pipeline: str,
    *,
    key: str | None = None,
    parameters: Values | None = None,
    full_refresh: bool = False,
    refresh_selection: Sequence[str] = (),
    full_refresh_selection: Sequence[str] = (),
    reset_checkpoint_selection: Sequence[str] = (),
    **options: Unpack[TaskOptions],
) -> Task:
    """Return a task that updates a pipeline.

    Args:
        pipeline: the pipeline's name.
        key: the task's key; the pipeline's name by default.
        parameters: values merged over the pipeline's configuration.
        full_refresh: whether every dataset is emptied and computed anew.
        refresh_selection: the datasets that are updated; none means all.
        full_refresh_selection: the datasets that are emptied and computed anew.
        reset_checkpoint_selection: the flows that read their sources from the start again.
        **options: see `TaskOptions`.
    """
    work = PipelineTask(
        pipeline,
        _texts(parameters or {}, _here()),
        full_refresh,
        tuple(refresh_selection),
        tuple(full_refresh_selection),
        tuple(reset_checkpoint_selection),
    )
    return _task(key or pipeline, work, options)


def python_file_task(
    key: str, file: str, arguments: Sequence[object] = (), **options: Unpack[TaskOptions]
) -> Task:
    """Return a task that runs a Python file with arguments.

    Args:
        key: the task's key.
        file: the file, from the folder of the job's file.
        arguments: its arguments; they may hold references.
        **options: see `TaskOptions`.
    """
    return _task(key, PythonFileTask(_file(file), _listed(arguments)), options)


def sql_task(
    key: str,
    *,
    query: str | None = None,
    file: str | None = None,
    parameters: Values | None = None,
    unsafe_sql: bool = False,
    **options: Unpack[TaskOptions],
) -> Task:
    """Return a task that runs SQL, of a text or of a file.

    Args:
        key: the task's key.
        query: the SQL.
        file: the file, from the folder of the job's file.
        parameters: the values of markers such as `:day`; they may hold references.
        unsafe_sql: whether statements of every kind may be run, on data anywhere.
        **options: see `TaskOptions`.
    """
    values = _texts(parameters or {}, _here())
    if (query is None) == (file is None):
        _refuse(f"task {key!r} needs either a query or a file", "give query= or file=")
    work: Work = SqlQueryTask(query or "", values, unsafe_sql)
    if file is not None:
        work = SqlFileTask(_file(file), values, unsafe_sql)
    return _task(key, work, options)


def condition_task(
    key: str, left: object, op: str, right: object, **options: Unpack[TaskOptions]
) -> Task:
    """Return a task that compares two values; wait for an outcome by `outcome`.

    Args:
        key: the task's key.
        left: a value or a reference.
        op: EQUAL_TO or NOT_EQUAL for texts; GREATER_THAN, GREATER_THAN_OR_EQUAL, LESS_THAN or
            LESS_THAN_OR_EQUAL for numbers.
        right: a value or a reference.
        **options: see `TaskOptions`.
    """
    here = _here()
    comparison = _word(op, Comparison.EQUAL_TO, "op")
    sides = (Text(as_text(left), here), Text(as_text(right), here))
    return _task(key, ConditionTask(comparison, *sides), options)


def outcome(condition: str | Task, *, is_true: bool) -> Dependency:
    """Return what `depends_on` takes to wait for one outcome of a condition task.

    Args:
        condition: the condition task, or its key.
        is_true: which of the two.
    """
    key = condition if isinstance(condition, str) else condition.key
    return Dependency(key, as_text(is_true), _here())


def for_each_task(
    key: str,
    inputs: str | Sequence[object],
    task: Listed,
    *,
    concurrency: int = 1,
    **options: Unpack[TaskOptions],
) -> Task:
    """Return a task that runs another once for each item; `{{input}}` is the item.

    Args:
        key: the task's key.
        inputs: a list, JSON text or a reference to a list.
        task: the task to repeat.
        concurrency: how many at once, up to 100.
        **options: see `TaskOptions`.
    """
    registry = active_job_registry()
    repeated = task if isinstance(task, Task) else None
    if repeated is None and registry is not None:
        repeated = registry.task_of(task)
    if repeated is None:
        _refuse(f"task {key!r} repeats what is no task", "decorate the function with @task")
        repeated = Task(key, PipelineTask(""), _here())
    text = inputs if isinstance(inputs, str) else json.dumps(inputs, ensure_ascii=False)
    return _task(key, ForEachTask(Text(text, _here()), concurrency, repeated), options)


def run_job_task(
    job: str,
    *,
    key: str | None = None,
    parameters: Values | None = None,
    **options: Unpack[TaskOptions],
) -> Task:
    """Return a task that runs another job.

    Args:
        job: the job's name.
        key: the task's key; the job's name by default.
        parameters: the other job's parameters; they may hold references.
        **options: see `TaskOptions`.
    """
    return _task(key or job, RunJobTask(job, _texts(parameters or {}, _here())), options)


def shell_task(
    key: str,
    command: Sequence[object],
    *,
    environment: Values | None = None,
    **options: Unpack[TaskOptions],
) -> Task:
    """Return a task that runs a command of the machine, where the project allows it.

    Args:
        key: the task's key.
        command: the program and its arguments; they may hold references.
        environment: environment variables; they may hold references.
        **options: see `TaskOptions`.
    """
    work = ShellTask(_listed(command), _texts(environment or {}, _here()))
    return _task(key, work, options)


def _decorating(
    declare: Callable[[F], F], given: object, name: str, kind: type[BadJob | BadTask]
) -> F | Callable[[F], F]:
    """Return a decorator, or the function that it decorates where it has no parentheses."""
    if given is None:
        return declare
    if callable(given):
        return declare(cast("F", given))
    registry = active_job_registry()
    if registry is not None:
        what = f"a decorator takes no value by place: {given!r}"[:_LONGEST_SHOWN]
        registry.refuse(kind(what, origin=registry.here(), fix=f"write {name}={given!r}"))
    return declare


def _task(key: str, work: Work, options: TaskOptions) -> Task:
    given = cast("TaskOptions", _checked(options, _TASK_DEFAULTS, BadTask))
    return Task(
        key=key,
        work=work,
        origin=_here(),
        depends_on=tuple(_dependency(each, key) for each in given.get("depends_on", ())),
        run_if=_word(given.get("run_if", "ALL_SUCCESS"), RunIf.ALL_SUCCESS, "run_if"),
        disabled=given.get("disabled", False),
        retries=Retries(
            given.get("max_retries", 0),
            given.get("min_retry_interval_millis", 0),
            given.get("retry_on_timeout", False),
        ),
        timeout_seconds=given.get("timeout_seconds", 0),
        isolated=given.get("isolated", False),
        description=given.get("description"),
        notifications=_notifications(given, _here(), of_task=True),
    )


def _triggers(options: Mapping[str, object], origin: Origin) -> tuple[Trigger, ...]:
    from dlt_lite.api.job_options import triggers_of  # noqa: PLC0415 - each task would pay for it

    return triggers_of(options, origin)


def _notifications(
    options: Mapping[str, object], origin: Origin, *, of_task: bool
) -> Notifications:
    from dlt_lite.api.job_options import notifications_of  # noqa: PLC0415 - as above

    return notifications_of(options, origin, of_task=of_task)


def _dependency(waited: Waited, key: str) -> Dependency:
    if isinstance(waited, Dependency):
        return waited
    if isinstance(waited, str):
        return Dependency(waited, None, _here())
    if isinstance(waited, Mapping):
        return _written_dependency(waited, key)
    registry = active_job_registry()
    found = waited if isinstance(waited, Task) else registry and registry.task_of(waited)
    if found:
        return Dependency(found.key, None, _here())
    name = getattr(waited, "__name__", None) or repr(waited)[:60]
    _refuse(f"task {key!r} depends on {name}, which is no task", "decorate it with @task")
    return Dependency(name, None, _here())


def _written_dependency(waited: Values, key: str) -> Dependency:
    """Return a dependency that is written as in a job.yml."""
    before = waited.get("task_key")
    unknown = [each for each in waited if each not in {"task_key", "outcome"}]
    if unknown or not isinstance(before, str):
        what = f"a dependency of task {key!r} has no text 'task_key'"
        if unknown:
            what = f"{unknown[0]!r} is no key of a dependency of task {key!r}"
        _refuse(what, 'write {"task_key": "other"}, and of a condition "outcome": "true"')
        return Dependency(str(before), None, _here())
    ended = waited.get("outcome")
    if ended is None:
        return Dependency(before, None, _here())
    if as_text(ended) not in {"true", "false"}:
        _refuse(f"the outcome {ended!r} of {before!r} cannot be", 'write "true" or "false"')
    return Dependency(before, as_text(ended), _here())


def _texts(given: Values, origin: Origin) -> dict[str, Text]:
    return {str(key): Text(as_text(value), origin) for key, value in given.items()}


def _listed(given: Sequence[object]) -> tuple[Text, ...]:
    here = _here()
    if isinstance(given, str):
        _refuse("arguments are a list, not one text", 'write ["python", "train.py"]')
        return (Text(given, here),)
    return tuple(Text(as_text(each), here) for each in given)


def _word(given: str, default: E, option: str) -> E:
    kinds = type(default)
    if given in {each.value for each in kinds}:
        return kinds(given)
    _refuse(f"{option} must not be {given!r}", f"one of {', '.join(kinds)}")
    return default


def _file(text: str) -> Path:
    """Return a file of the project, found from the folder of the job's file."""
    registry = active_job_registry()
    if registry is None:
        return Path(text)
    folder, root = registry.folder, registry.root
    try:
        path = project_path(text, folder=folder, root=root, origin=registry.here())
    except BadValue as error:
        registry.refuse(error)
        return folder / text
    if not path.is_file():
        _refuse(f"there is no file {text!r}", f"write it relative to {folder.name}/")
    return path


def _here() -> Origin:
    registry = active_job_registry()
    return calling_origin(Path.cwd()) if registry is None else registry.here()


def _refuse(what: str, fix: str) -> None:
    registry = active_job_registry()
    if registry is not None:
        registry.refuse(BadTask(what, origin=registry.here(), fix=fix))


def _checked(
    options: Mapping[str, object],
    defaults: Mapping[str, object],
    kind: type[BadJob | BadTask],
) -> dict[str, object]:
    """Return the options that there are, with values of the right type; refuse the others."""
    registry = active_job_registry()
    wrong = [key for key, value in options.items() if not _fits(value, defaults.get(key))]
    for key in wrong:
        what, fix = f"{key!r} is no option", did_you_mean(key, defaults, otherwise="there are")
        if key in defaults:
            wanted = type(defaults[key]).__name__
            what, fix = f"{key!r} must be of the type {wanted}", f"write a value of type {wanted}"
        if registry is not None:
            registry.refuse(kind(what, origin=registry.here(), fix=fix))
    return {key: value for key, value in options.items() if key not in wrong}


def _fits(value: object, default: object) -> bool:
    if isinstance(default, tuple):
        return isinstance(value, list | tuple)
    return type(value) is type(default)
