"""What happened to a run of a job, as typed records; states and results have Databricks' names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dlt_lite.model.outcomes import LifeCycle, ResultState
from dlt_lite.model.task_values import Json


@dataclass(frozen=True, slots=True)
class JobRunProgress:
    """A run of a job is in another state.

    Attributes:
        job: the job's name.
        state: the state.
        result: how it ended, once it has.
        repair: which repair of the run it is; 0 for the run itself.
        cause: what started the run, such as `manual` or `periodic`.
        scheduled: the time it was meant for, ISO 8601 in UTC; None where it had none.
        backfill: the moment that it stands for, where it is a backfill.
        given: the parameters that the run, or the repair, was given.
        only: what the run was to be about, as it was asked; empty for all.
        tasks: the tasks that are run, in this run or repair.
        gone: of a repair that begins, the run's tasks that the job no longer has.
        error: why it failed.
        facts: what its trigger told, by the names that stand behind `{{job.`.
    """

    event_type = "job_run_progress"
    job: str
    state: LifeCycle
    result: ResultState | None = None
    repair: int = 0
    cause: str = ""
    scheduled: str | None = None
    backfill: str | None = None
    given: Mapping[str, str] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    error: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskProgress:
    """A task, or one iteration of a for_each task, is in another state.

    Attributes:
        task: the task's key.
        state: the state.
        result: how it ended, once it has.
        repair: which repair of the run it is; 0 for the run itself.
        attempt: the number of the attempt in this run, from 1; 0 where it was not begun.
        iteration: the number of the iteration, from 0; None for the task itself.
        input: what the iteration was given, as text.
        iterations: how many iterations a for_each task that begins has; None for others.
        branch: of a condition, `true` or `false`.
        error_code: the code of the error.
        rows: what a SQL task returned.
        error: why it failed.
    """

    event_type = "task_progress"
    task: str
    state: LifeCycle
    result: ResultState | None = None
    repair: int = 0
    attempt: int = 0
    iteration: int | None = None
    input: str | None = None
    iterations: int | None = None
    branch: str | None = None
    error_code: str = ""
    rows: Json = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class TaskValueSet:
    """A task, or one iteration of a for_each task, has set a value for those after it."""

    event_type = "task_value_set"
    task: str
    key: str
    value: Json
    iteration: int | None = None
