"""Jobs and their tasks, as declared. YAML and decorators both end here; names are Databricks'.

A `Text` may hold references such as `{{job.parameters.day}}`. They are filled in when the task
begins, and only where a record has a `Text`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from dlt_lite.model.origin import Origin
from dlt_lite.model.triggers import Trigger

MOST_TASKS = 1000
MOST_AT_ONCE = 100
MOST_INPUTS = 10_000
FOR_EVER = -1


class RunIf(StrEnum):
    """What must be so of a task's dependencies for it to run."""

    ALL_SUCCESS = "ALL_SUCCESS"
    AT_LEAST_ONE_SUCCESS = "AT_LEAST_ONE_SUCCESS"
    NONE_FAILED = "NONE_FAILED"
    ALL_DONE = "ALL_DONE"
    AT_LEAST_ONE_FAILED = "AT_LEAST_ONE_FAILED"
    ALL_FAILED = "ALL_FAILED"


class Comparison(StrEnum):
    """How a condition task compares: the first two as text, the others as numbers."""

    EQUAL_TO = "EQUAL_TO"
    NOT_EQUAL = "NOT_EQUAL"
    GREATER_THAN = "GREATER_THAN"
    GREATER_THAN_OR_EQUAL = "GREATER_THAN_OR_EQUAL"
    LESS_THAN = "LESS_THAN"
    LESS_THAN_OR_EQUAL = "LESS_THAN_OR_EQUAL"


class HookEvent(StrEnum):
    """What somebody wants to be told of."""

    ON_START = "on_start"
    ON_SUCCESS = "on_success"
    ON_FAILURE = "on_failure"
    ON_DURATION = "on_duration_warning_threshold_exceeded"


@dataclass(frozen=True, slots=True)
class Text:
    """A text that may hold references, and where it stands."""

    raw: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Dependency:
    """A task that another waits for.

    Attributes:
        task_key: the task.
        outcome: the branch of a condition task, `true` or `false`; None for no matter which.
        origin: where it was declared.
    """

    task_key: str
    outcome: str | None
    origin: Origin


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a task is tried again.

    Attributes:
        most: how often; -1 for ever.
        min_interval_millis: from the start of the failed attempt to the start of the next.
        on_timeout: whether an attempt that timed out is tried again.
    """

    most: int = 0
    min_interval_millis: int = 0
    on_timeout: bool = False


@dataclass(frozen=True, slots=True)
class PipelineTask:
    """Update a pipeline of the project."""

    pipeline: str
    parameters: Mapping[str, Text] = field(default_factory=dict)
    full_refresh: bool = False
    refresh_selection: tuple[str, ...] = ()
    full_refresh_selection: tuple[str, ...] = ()
    reset_checkpoint_selection: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PythonFileTask:
    """Run a Python file with arguments."""

    file: Path
    arguments: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class CallableTask:
    """Call a Python function.

    Attributes:
        place: the module, such as `features.build`, or the file that the function lies in.
        function: its name.
        parameters: its keyword arguments.
    """

    place: str | Path
    function: str
    parameters: Mapping[str, Text] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WheelTask:
    """Call the entry point of an installed package, with arguments or named parameters."""

    package: str
    entry_point: str
    arguments: tuple[Text, ...] = ()
    parameters: Mapping[str, Text] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SqlFileTask:
    """Run the SQL of a file; parameters are markers such as `:day`, never text of the query.

    Where it is unsafe, statements of every kind may be run, on data anywhere.
    """

    file: Path
    parameters: Mapping[str, Text] = field(default_factory=dict)
    unsafe: bool = False


@dataclass(frozen=True, slots=True)
class SqlQueryTask:
    """Run a SQL query; parameters are markers such as `:day`, never text of the query.

    Where it is unsafe, statements of every kind may be run, on data anywhere.
    """

    query: str
    parameters: Mapping[str, Text] = field(default_factory=dict)
    unsafe: bool = False


@dataclass(frozen=True, slots=True)
class ConditionTask:
    """Compare two values; what waits for the other outcome is excluded."""

    op: Comparison
    left: Text
    right: Text


@dataclass(frozen=True, slots=True)
class ForEachTask:
    """Run a task once for each item of a JSON array."""

    inputs: Text
    concurrency: int
    task: Task


@dataclass(frozen=True, slots=True)
class RunJobTask:
    """Run another job of the project."""

    job: str
    parameters: Mapping[str, Text] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ShellTask:
    """Run a command of the machine; `parameters` are environment variables."""

    arguments: tuple[Text, ...]
    parameters: Mapping[str, Text] = field(default_factory=dict)


Work = (
    PipelineTask
    | PythonFileTask
    | CallableTask
    | WheelTask
    | SqlFileTask
    | SqlQueryTask
    | ConditionTask
    | ForEachTask
    | RunJobTask
    | ShellTask
)


@dataclass(frozen=True, slots=True)
class Hook:
    """Whom to tell of an event: a web address, or a command.

    Attributes:
        event: what they want to be told of.
        url: the address, often a secret; None for a command.
        command: the command; empty for an address.
    """

    event: HookEvent
    url: Text | None
    command: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Notifications:
    """Who is told what.

    Attributes:
        hooks: whom to tell.
        silent_if_skipped: whether a run that was skipped tells nobody.
        silent_if_canceled: whether a run that was cancelled tells nobody.
        only_last_attempt: whether an attempt that will be repeated tells nobody.
        slow_after_seconds: after how long a run counts as slow; None for never.
    """

    hooks: tuple[Hook, ...] = ()
    silent_if_skipped: bool = False
    silent_if_canceled: bool = False
    only_last_attempt: bool = False
    slow_after_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One task of a job.

    Attributes:
        key: its name within the job.
        work: what it does.
        origin: where it was declared.
        depends_on: what it waits for.
        run_if: what must be so of these.
        disabled: whether it is left out of every run.
        retries: how often it is tried again.
        timeout_seconds: how long one attempt may take; 0 for ever.
        isolated: whether it gets a Spark session and a JVM of its own.
        description: what it is for.
        notifications: who is told of it.
    """

    key: str
    work: Work
    origin: Origin
    depends_on: tuple[Dependency, ...] = ()
    run_if: RunIf = RunIf.ALL_SUCCESS
    disabled: bool = False
    retries: Retries = field(default_factory=Retries)
    timeout_seconds: int = 0
    isolated: bool = False
    description: str | None = None
    notifications: Notifications = field(default_factory=Notifications)


@dataclass(frozen=True, slots=True)
class JobParameter:
    """A parameter of a job, and the value it has unless a run says otherwise."""

    name: str
    default: Text


@dataclass(frozen=True, slots=True)
class Job:
    """One job.

    Attributes:
        name: what commands call it, unique among the project's jobs.
        title: what people call it.
        folder: the folder that its files and modules are found in.
        tasks: its tasks, in the order they were declared.
        origin: where it was declared.
        description: what it is for.
        parameters: its parameters, in the order they were declared.
        tags: words with values, for people.
        triggers: what starts it by itself.
        max_concurrent_runs: how many runs may be active at once.
        queue: whether a run beyond that waits; otherwise it is skipped.
        timeout_seconds: how long a run may take; 0 for ever.
        parallel_tasks: how many tasks run at once.
        notifications: who is told of it.
    """

    name: str
    title: str
    folder: Path
    tasks: tuple[Task, ...]
    origin: Origin
    description: str | None = None
    parameters: tuple[JobParameter, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    triggers: tuple[Trigger, ...] = ()
    max_concurrent_runs: int = 1
    queue: bool = False
    timeout_seconds: int = 0
    parallel_tasks: int = 8
    notifications: Notifications = field(default_factory=Notifications)


@dataclass(frozen=True, slots=True)
class IgnoredKey:
    """A key that only Databricks can honour: accepted, and said to be without effect here.

    Attributes:
        job: the job that it belongs to; empty where it belongs to none.
        key: its dotted path, such as `tasks.join.job_cluster_key`.
        reason: why it does nothing here.
        origin: where it stands.
    """

    job: str
    key: str
    reason: str
    origin: Origin


def named_texts(work: Work) -> Mapping[str, Text]:
    """Return the texts that a kind of task takes by name."""
    return {} if isinstance(work, PythonFileTask | ConditionTask | ForEachTask) else work.parameters


def listed_texts(work: Work) -> tuple[Text, ...]:
    """Return the texts that a kind of task takes by place."""
    return work.arguments if isinstance(work, PythonFileTask | WheelTask | ShellTask) else ()
