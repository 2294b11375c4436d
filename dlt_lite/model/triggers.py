"""What starts a job by itself, as declared: values only; `jobs` says at which times."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dlt_lite.model.origin import Origin


class PeriodUnit(StrEnum):
    """The unit of a periodic trigger."""

    MINUTES = "MINUTES"
    HOURS = "HOURS"
    DAYS = "DAYS"
    WEEKS = "WEEKS"


class TableCondition(StrEnum):
    """Which of several tables must have changed."""

    ANY_UPDATED = "ANY_UPDATED"
    ALL_UPDATED = "ALL_UPDATED"


class CompletionStatus(StrEnum):
    """How the other job must have ended."""

    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    DONE = "DONE"


@dataclass(frozen=True, slots=True)
class CronTrigger:
    """At the times of a Quartz expression, seen in a time zone."""

    expression: str
    timezone: str
    paused: bool
    origin: Origin


@dataclass(frozen=True, slots=True)
class PeriodicTrigger:
    """Again and again, after so many units."""

    interval: int
    unit: PeriodUnit
    paused: bool
    origin: Origin


@dataclass(frozen=True, slots=True)
class FileArrivalTrigger:
    """When new files lie below a path.

    Attributes:
        url: the folder.
        min_seconds_between: how long at least from one run to the next.
        seconds_of_quiet: how long nothing may arrive before a run begins.
        paused: whether it is switched off.
        origin: where it was declared.
    """

    url: str
    min_seconds_between: int
    seconds_of_quiet: int
    paused: bool
    origin: Origin


@dataclass(frozen=True, slots=True)
class TableUpdateTrigger:
    """When Delta tables have new versions; the fields of time are those of `FileArrivalTrigger`."""

    tables: tuple[str, ...]
    condition: TableCondition
    min_seconds_between: int
    seconds_of_quiet: int
    paused: bool
    origin: Origin


@dataclass(frozen=True, slots=True)
class JobCompletionTrigger:
    """When other jobs have ended."""

    jobs: tuple[str, ...]
    if_status: CompletionStatus
    paused: bool
    origin: Origin


@dataclass(frozen=True, slots=True)
class ContinuousTrigger:
    """A new run as soon as one has ended."""

    retries_tasks: bool
    paused: bool
    origin: Origin


Trigger = (
    CronTrigger
    | PeriodicTrigger
    | FileArrivalTrigger
    | TableUpdateTrigger
    | JobCompletionTrigger
    | ContinuousTrigger
)
