"""Is a run due? A trigger, what was known of it and the time in; what is known now, and runs, out.

Nothing is looked at here: whoever calls says what lies in a folder, at which version tables stand
and how runs of other jobs ended. A clock that is put back makes nothing due twice, since what a
mark has seen only grows; one that goes back by more than a day is believed to have been wrong
before, and the mark begins anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from itertools import islice, takewhile

from dlt_lite.jobs.schedules import fire_times
from dlt_lite.model.outcomes import ResultState
from dlt_lite.model.triggers import (
    CompletionStatus,
    ContinuousTrigger,
    CronTrigger,
    FileArrivalTrigger,
    JobCompletionTrigger,
    PeriodicTrigger,
    TableCondition,
    TableUpdateTrigger,
    Trigger,
)

Sight = Mapping[str, str]

MOST_MISSED = 1000
_ON_TIME = timedelta(minutes=1)
_WRONG_CLOCK = timedelta(days=1)
_FIRST_PAUSE = 10.0
_LONGEST_PAUSE = 600.0
_DOUBLINGS = 6


class CatchUp(StrEnum):
    """What becomes of times that passed while nobody looked."""

    ONCE = "once"
    ALL = "all"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Mark:
    """What is known of a trigger.

    Attributes:
        since: when it was first seen; a period counts from there.
        until: up to when its times have been looked at.
        fired: when it last made a run due.
        changed: when something last changed that has made no run due yet.
        seen: what it has seen: files, versions of tables, ends of runs; None before the first look.
        pending: of these, what has made no run due yet.
        failures: how many runs of a continuous job have failed one after the other.
    """

    since: datetime
    until: datetime
    fired: datetime | None = None
    changed: datetime | None = None
    seen: Sight | None = None
    pending: tuple[str, ...] = ()
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Due:
    """A run that is due.

    Attributes:
        cause: what starts it.
        scheduled: the time it is meant for, None for now.
        facts: what the trigger tells.
        missed: how many times before it are left out.
        more_missed: whether there are more than `missed` says, too many to count.
    """

    cause: str
    scheduled: datetime | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    missed: int = 0
    more_missed: bool = False


@dataclass(frozen=True, slots=True)
class _Passed:
    """Times of a schedule that have come.

    Attributes:
        times: the latest of them; all, but where they are very many.
        before: how many there were besides, or as many as one is sure of.
        are_more: whether there were more than that besides.
    """

    times: Sequence[datetime]
    before: int = 0
    are_more: bool = False


def identity(trigger: Trigger) -> str:
    """Return what a trigger is known by, as long as it says the same; a pause does not matter."""
    match trigger:
        case CronTrigger():
            return f"cron {trigger.expression} {trigger.timezone}"
        case PeriodicTrigger():
            return f"periodic {trigger.interval} {trigger.unit}"
        case FileArrivalTrigger():
            return f"file_arrival {trigger.url}"
        case TableUpdateTrigger():
            return f"table_update {trigger.condition} {' '.join(trigger.tables)}"
        case JobCompletionTrigger():
            return f"job_completion {trigger.if_status} {' '.join(trigger.jobs)}"
        case ContinuousTrigger():
            return "continuous"


def begun_anew(mark: Mark | None, now: datetime) -> Mark:
    """Return the mark to go on from: a new one where there is none, or the clock was wrong."""
    if mark is None:
        return Mark(now, now)
    if mark.until - now > _WRONG_CLOCK:
        return replace(mark, since=min(mark.since, now), until=now, fired=None, changed=None)
    return mark


def times_due(
    trigger: CronTrigger | PeriodicTrigger, mark: Mark, now: datetime, policy: CatchUp
) -> tuple[Mark, tuple[Due, ...]]:
    """Return which times of a schedule have come.

    Args:
        trigger: the schedule.
        mark: what is known of it.
        now: the time it is.
        policy: what becomes of times that have passed unseen.
    """
    if now <= mark.until:
        return mark, ()
    looked = replace(mark, until=now)
    if trigger.paused:
        return looked, ()
    passed = _passed(trigger, mark, now)
    kept = times = passed.times
    if policy is CatchUp.SKIP:
        kept = [time for time in times if now - time <= _ON_TIME]
    if policy is not CatchUp.ALL:
        kept = kept[-1:]
    due = tuple(Due("periodic", time) for time in kept[-MOST_MISSED:])
    if due:
        missed = passed.before + len(times) - len(due)
        first = replace(due[0], missed=missed, more_missed=passed.are_more)
        due = (first, *due[1:])
        looked = replace(looked, fired=now)
    return looked, due


def next_time(trigger: Trigger, mark: Mark) -> datetime | None:
    """Return when a schedule is due next, None for one that waits for something else."""
    if trigger.paused or not isinstance(trigger, CronTrigger | PeriodicTrigger):
        return None
    return next(fire_times(trigger, mark.until, start=mark.since), None)


def changes_due(
    trigger: FileArrivalTrigger | TableUpdateTrigger,
    mark: Mark,
    sight: Sight,
    now: datetime,
) -> tuple[Mark, tuple[Due, ...]]:
    """Return whether files or versions that are new make a run due.

    Args:
        trigger: the trigger.
        mark: what is known of it.
        sight: what there is now: files, each with an empty text, or tables with their versions.
        now: the time it is.
    """
    new = _new(trigger, mark.seen, sight)
    seen = replace(mark, seen=dict(sight), until=now)
    if mark.seen is None or trigger.paused:
        return replace(seen, pending=(), changed=None), ()
    if new:
        seen = replace(seen, pending=tuple(sorted({*mark.pending, *new})), changed=now)
    elif seen.changed is not None and seen.changed > now:
        seen = replace(seen, changed=now)
    if not _is_complete(trigger, seen) or not _has_rested(trigger, seen, now):
        return seen, ()
    due = Due(*_told(trigger, seen))
    return replace(seen, pending=(), changed=None, fired=now), (due,)


def completions_due(
    trigger: JobCompletionTrigger, mark: Mark, ends: Sight, now: datetime
) -> tuple[Mark, tuple[Due, ...]]:
    """Return whether runs of other jobs have ended since the last look, as the trigger wants.

    Args:
        trigger: the trigger.
        mark: what is known of it.
        ends: of runs that have ended, `run id` and moment, with how they ended.
        now: the time it is.
    """
    seen = replace(mark, seen=dict(ends), until=now)
    if mark.seen is None or trigger.paused:
        return seen, ()
    new = [end for end in ends if end not in mark.seen]
    if not any(_is_wanted(ends[end], trigger.if_status) for end in new):
        return seen, ()
    return replace(seen, fired=now), (Due("job_completion"),)


def continuous_due(
    trigger: ContinuousTrigger, mark: Mark, now: datetime, *, is_active: bool
) -> tuple[Mark, tuple[Due, ...]]:
    """Return whether a continuous job needs a new run: it has none, and has rested if it failed.

    Args:
        trigger: the trigger.
        mark: what is known of it.
        now: the time it is.
        is_active: whether a run of the job is active.
    """
    looked = replace(mark, until=now)
    if trigger.paused or is_active or seconds_to_rest(mark, now) > 0:
        return looked, ()
    return replace(looked, fired=now), (Due("continuous"),)


def ended(mark: Mark, result: ResultState | None, now: datetime) -> Mark:
    """Return the mark of a continuous trigger after a run: failures in a row make pauses longer."""
    is_good = result is not None and result.is_success
    return replace(mark, failures=0 if is_good else mark.failures + 1, changed=now)


def seconds_to_rest(mark: Mark, now: datetime) -> float:
    """Return how long a continuous job still rests after failures: 10 s, doubled up to 10 min."""
    if not mark.failures or mark.changed is None:
        return 0.0
    pause = min(_FIRST_PAUSE * (1 << min(mark.failures - 1, _DOUBLINGS)), _LONGEST_PAUSE)
    passed = (now - mark.changed).total_seconds()
    return pause - passed if passed >= 0 else pause


def _passed(trigger: CronTrigger | PeriodicTrigger, mark: Mark, now: datetime) -> _Passed:
    """Return the times that have come; of very many the latest only."""
    passed = partial(_times, trigger, mark.since, now)
    found = list(islice(passed(mark.until), MOST_MISSED + 1))
    if len(found) <= MOST_MISSED or next(passed(found[-1]), None) is None:
        return _Passed(found)
    as_many = found[-1] - found[0]
    latest = list(passed(max(found[-1], now - as_many)))
    if now - as_many <= found[-1]:
        return _Passed(latest, len(found))
    return _Passed(latest or found, MOST_MISSED if latest else 0, are_more=True)


def _times(
    trigger: CronTrigger | PeriodicTrigger, start: datetime, now: datetime, after: datetime
) -> Iterator[datetime]:
    return takewhile(lambda time: time <= now, fire_times(trigger, after, start=start))


def _new(
    trigger: FileArrivalTrigger | TableUpdateTrigger,
    seen: Sight | None,
    sight: Sight,
) -> list[str]:
    known = seen or {}
    if isinstance(trigger, FileArrivalTrigger):
        return [name for name in sight if name not in known]
    return [name for name, version in sight.items() if known.get(name) != version]


def _is_complete(trigger: FileArrivalTrigger | TableUpdateTrigger, mark: Mark) -> bool:
    is_all = isinstance(trigger, TableUpdateTrigger) and (
        trigger.condition is TableCondition.ALL_UPDATED
    )
    if is_all and isinstance(trigger, TableUpdateTrigger):
        return set(trigger.tables) <= set(mark.pending)
    return bool(mark.pending)


def _has_rested(
    trigger: FileArrivalTrigger | TableUpdateTrigger, mark: Mark, now: datetime
) -> bool:
    def over(start: datetime | None, seconds: int) -> bool:
        if start is None or seconds == 0:
            return True
        passed = (now - start).total_seconds()
        return passed >= seconds or passed < 0

    return over(mark.changed, trigger.seconds_of_quiet) and over(
        mark.fired, trigger.min_seconds_between
    )


def _told(
    trigger: FileArrivalTrigger | TableUpdateTrigger, mark: Mark
) -> tuple[str, None, Mapping[str, str]]:
    if isinstance(trigger, FileArrivalTrigger):
        return "file_arrival", None, {"trigger.file_arrival.location": trigger.url}
    updated = ", ".join(f'"{name}"' for name in mark.pending)
    return "table", None, {"trigger.table_update.updated_tables": f"[{updated}]"}


def _is_wanted(result: str, status: CompletionStatus) -> bool:
    is_success = ResultState(result).is_success
    match status:
        case CompletionStatus.SUCCESS:
            return is_success
        case CompletionStatus.FAILED:
            return not is_success
        case CompletionStatus.DONE:
            return True
