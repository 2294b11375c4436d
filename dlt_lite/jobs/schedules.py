"""When a trigger fires: triggers and moments in, moments out. The clock is the caller's.

Summer time, for cron expressions. An expression with hours of its own (`0 30 2 * * ?`) fires once
for each local time it names: one that the clocks skip fires the moment they have been put forward,
one that comes twice fires the first time. An expression whose hour is open (`0 */15 * * * ?`) is an
interval: it fires by the local time that the clocks show, in both of two equal hours, and nothing
is made up for a skipped one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice, pairwise
from typing import assert_never
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from dlt_lite.errors import BadSchedule
from dlt_lite.jobs.quartz import FIRST_YEAR, LAST_YEAR, Cron, CronProblem, parse_cron
from dlt_lite.jobs.spelling import meant
from dlt_lite.model.triggers import (
    ContinuousTrigger,
    CronTrigger,
    FileArrivalTrigger,
    JobCompletionTrigger,
    PeriodicTrigger,
    PeriodUnit,
    TableUpdateTrigger,
    Trigger,
)

_UNITS = {
    PeriodUnit.MINUTES: timedelta(minutes=1),
    PeriodUnit.HOURS: timedelta(hours=1),
    PeriodUnit.DAYS: timedelta(days=1),
    PeriodUnit.WEEKS: timedelta(weeks=1),
}
_SECOND = timedelta(seconds=1)
_SHORTEST_PERIOD = timedelta(seconds=10)
_LOOKED_AT = 5
_EPOCH = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)


def next_times(trigger: Trigger, after: datetime, count: int) -> tuple[datetime, ...]:
    """Return the next moments at which a trigger fires, none for one that waits for something else.

    Args:
        trigger: the trigger; whether it is paused is not looked at.
        after: the moment after which to look, with a time zone.
        count: how many to return; there are fewer where the expression ends.

    Returns:
        The moments, ascending, in the trigger's time zone (UTC for a period).

    Raises:
        BadSchedule: the expression or the time zone means no time.
    """
    return tuple(islice(fire_times(trigger, after, start=after), count))


def fire_times(trigger: Trigger, after: datetime, *, start: datetime) -> Iterator[datetime]:
    """Yield all moments after a moment at which a trigger fires.

    Args:
        trigger: the trigger.
        after: the moment after which to look.
        start: when a period began to count.

    Raises:
        BadSchedule: the expression or the time zone means no time.
    """
    match trigger:
        case CronTrigger():
            cron, zone = _cron(trigger), _zone(trigger)
            times = _intervals if cron.every_hour else _named_times
            return (moment.astimezone(zone) for moment in times(cron, zone, after))
        case PeriodicTrigger():
            return _periods(trigger, after, start)
        case (
            FileArrivalTrigger()
            | TableUpdateTrigger()
            | JobCompletionTrigger()
            | ContinuousTrigger()
        ):
            return iter(())
        case _:
            assert_never(trigger)


def problems_of_trigger(trigger: Trigger) -> Iterator[BadSchedule]:
    """Yield what is wrong with a trigger's times."""
    if isinstance(trigger, PeriodicTrigger) and trigger.interval < 1:
        yield BadSchedule("a period of nothing", origin=trigger.origin, fix="write 1 or more")
    if not isinstance(trigger, CronTrigger):
        return
    try:
        _zone(trigger)
        cron = _cron(trigger)
    except BadSchedule as problem:
        yield problem
        return
    if next(_named_times(cron, ZoneInfo("UTC"), _EPOCH), None) is None:
        what = f"{trigger.expression!r} never comes: there is no such day in these months"
        yield BadSchedule(what, origin=trigger.origin, fix="correct the day or the month")
        return
    near = tuple(islice(_named_times(cron, ZoneInfo("UTC"), _EPOCH), _LOOKED_AT))
    if any(b - a < _SHORTEST_PERIOD for a, b in pairwise(near)):
        what = f"{trigger.expression!r} fires more often than every ten seconds"
        yield BadSchedule(what, origin=trigger.origin, fix="use `continuous`, or write 0 first")


def is_over(trigger: Trigger, now: datetime) -> bool:
    """Tell whether a cron expression named years, and these are over: it never comes again."""
    return isinstance(trigger, CronTrigger) and not next_times(trigger, now, 1)


def _periods(trigger: PeriodicTrigger, after: datetime, start: datetime) -> Iterator[datetime]:
    period = trigger.interval * _UNITS[trigger.unit]
    passed = max(0, (after - start) // period)
    moment = (start + passed * period).astimezone(UTC)
    while moment.year <= LAST_YEAR:
        if moment > after:
            yield moment
        moment += period


def _named_times(cron: Cron, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Yield each local time once: skipped ones when the clocks have moved, double ones first."""
    last = after.astimezone(UTC)
    for local in cron.times_from(_local(after, zone)):
        moment = _moment_of(local, zone)
        if moment > last:
            last = moment
            yield moment


def _intervals(cron: Cron, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Yield the moments at which the clocks show a time, in the order of moments."""
    moment = after.astimezone(UTC)
    while True:
        found = _next_shown(cron, zone, moment)
        if found is None:
            return
        yield found
        moment = found


def _next_shown(cron: Cron, zone: ZoneInfo, after: datetime) -> datetime | None:
    start = after
    while True:
        offset = _offset(start, zone)
        floor = _local(start, zone)
        local = next((t for t in cron.times_from(floor) if t - offset > _naive(after)), None)
        if local is None:
            return None
        found = (local - offset).replace(tzinfo=UTC)
        if _offset(found, zone) == offset:
            return found
        # The clocks are moved before that time is shown: look on from the moment they are.
        start = _change_between(start, found, zone)


def _moment_of(local: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment of a local time: of a double one the first, of a skipped one the change."""
    first = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if _local(first, zone) == local:
        return first
    return _change_between(first - timedelta(days=1), first, zone)


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the first moment at which the clocks show another offset than before."""
    offset = _offset(before, zone)
    low, high = before, after
    while high - low > _SECOND:
        middle = low + (high - low) // 2
        if _offset(middle, zone) == offset:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)


def _local(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def _cron(trigger: CronTrigger) -> Cron:
    try:
        return _parsed(trigger.expression)
    except CronProblem as problem:
        what = f"{trigger.expression[:80]!r} is no Quartz cron expression: {problem}"
        fix = "six or seven fields, such as `0 0 2 * * ?` for two o'clock every night"
        raise BadSchedule(what, origin=trigger.origin, fix=fix) from problem


@lru_cache(maxsize=256)
def _parsed(expression: str) -> Cron:
    return parse_cron(expression)


def _zone(trigger: CronTrigger) -> ZoneInfo:
    try:
        return ZoneInfo(trigger.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        what = f"there is no time zone {trigger.timezone[:80]!r}"
        fix = meant(trigger.timezone, available_timezones(), otherwise="such as Europe/Berlin")
        raise BadSchedule(what, origin=trigger.origin, fix=fix) from error
