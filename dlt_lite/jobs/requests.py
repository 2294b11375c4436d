"""What is asked of a run, who does its work, and how it ended: values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dlt_lite.events.sinks import Emit
from dlt_lite.jobs.attempts import TaskEnd
from dlt_lite.jobs.calls import RunTask, Timing
from dlt_lite.model.outcomes import ResultState


@dataclass(frozen=True, slots=True)
class Occasion:
    """Why a run is begun, where it is not simply by hand; the fields are those of `RunRequest`.

    Attributes:
        run_id: the id of the run, None for a new one; of two runs with one id only one is run.
        cause: what starts it.
        scheduled: the time it is meant for.
        backfill: the moment that it stands for.
        facts: what its trigger tells.
    """

    run_id: str | None = None
    cause: str = "one_time"
    scheduled: datetime | None = None
    backfill: datetime | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What is asked of one run.

    Attributes:
        run_id: the run.
        parameters: values for the job's parameters; they are literal.
        only: the tasks that it is about, as `t`, `+t`, `t+`; none means all.
        cause: what started it, such as `one_time` or `periodic`.
        scheduled: the time it was meant for, None for the time it begins.
        backfill: the moment that it stands for, where it is a backfill.
        facts: what its trigger tells, by the names that stand behind `{{job.`.
    """

    run_id: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    cause: str = "one_time"
    scheduled: datetime | None = None
    backfill: datetime | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Crew:
    """Who does the work of a run.

    Attributes:
        run_task: carries one attempt of one task out.
        emit: is told of everything, in order.
        timing: the clocks.
    """

    run_task: RunTask
    emit: Emit
    timing: Timing


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """How a run, or a repair of it, ended.

    Attributes:
        result: its result.
        tasks: how each of its tasks ended, those that a repair left alone included.
    """

    result: ResultState
    tasks: Mapping[str, TaskEnd]
