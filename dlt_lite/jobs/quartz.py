"""A Quartz cron expression → the local times it means. Knows calendars, and no time zone.

Six or seven fields: second, minute, hour, day of month, month, day of week, year. One of the two
days is `?`. Days of the week count from Sunday = 1. `L` is the last day of the month, `L-3` three
days before it, `LW` its last weekday, `15W` the weekday nearest the 15th within the month; `6L` is
the last Friday and `6#3` the third. Ranges may wrap round: `22-2`, `FRI-MON`.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import product

LAST_YEAR = 2099
FIRST_YEAR = 1970
_UNIX_FIELDS = 5
_WITH_YEAR = 7
_MONTHS = {
    "JAN": 1,
    "FEB": 2,
    "MAR": 3,
    "APR": 4,
    "MAY": 5,
    "JUN": 6,
    "JUL": 7,
    "AUG": 8,
    "SEP": 9,
    "OCT": 10,
    "NOV": 11,
    "DEC": 12,
}
_DAYS = {"SUN": 1, "MON": 2, "TUE": 3, "WED": 4, "THU": 5, "FRI": 6, "SAT": 7}
_WEEK = 7
_SATURDAY, _SUNDAY = 7, 1
_MOST_WEEKS = 5
_ANY = "?"
_LAST = re.compile(r"L(?:-(\d{1,2}))?(W)?")
_NEAREST = re.compile(r"(\d{1,2})W")
_LAST_OF_WEEK = re.compile(r"(\w{1,3})L")
_NTH_OF_WEEK = re.compile(r"(\w{1,3})#(\d)")

DaysOf = Callable[[int, int], set[int]]


class CronProblem(ValueError):
    """An expression that means no time; the text says why."""


@dataclass(frozen=True, slots=True)
class _Field:
    """One field of an expression.

    Attributes:
        name: what errors call it.
        least: the smallest value.
        most: the largest value.
        names: words for values.
    """

    name: str
    least: int
    most: int
    names: dict[str, int]


_SECOND = _Field("seconds", 0, 59, {})
_MINUTE = _Field("minutes", 0, 59, {})
_HOUR = _Field("hours", 0, 23, {})
_DAY = _Field("the day of the month", 1, 31, {})
_MONTH = _Field("the month", 1, 12, _MONTHS)
_WEEKDAY = _Field("the day of the week", 1, 7, _DAYS)
_YEAR = _Field("the year", FIRST_YEAR, LAST_YEAR, {})


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed expression.

    Attributes:
        seconds: the seconds, ascending, as are the others.
        minutes: the minutes.
        hours: the hours.
        months: the months.
        years: the years.
        days_of: the days of a year and month.
        every_hour: whether the hour was left open (`*`): the expression then means an interval.
    """

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: tuple[int, ...]
    years: tuple[int, ...]
    days_of: DaysOf
    every_hour: bool

    def times_from(self, start: datetime) -> Iterator[datetime]:
        """Yield the local times from `start` on, itself included; they carry no time zone."""
        for day in self._dates_from(start.date()):
            for clock in product(self.hours, self.minutes, self.seconds):
                found = datetime.combine(day, time(*clock))
                if found >= start:
                    yield found

    def _dates_from(self, start: date) -> Iterator[date]:
        for year, month in product(self.years, self.months):
            if (year, month) >= (start.year, start.month):
                found = (date(year, month, day) for day in sorted(self.days_of(year, month)))
                yield from (day for day in found if day >= start)


def parse_cron(expression: str) -> Cron:
    """Parse a Quartz cron expression.

    Raises:
        CronProblem: it means no time.
    """
    fields = expression.upper().split()
    if len(fields) == _UNIX_FIELDS:
        message = (
            "it has five fields, as Unix cron has; Quartz begins with the seconds: put 0 first"
        )
        raise CronProblem(message)
    if len(fields) not in {_WITH_YEAR - 1, _WITH_YEAR}:
        message = f"it has {len(fields)} fields, not 6 or 7"
        raise CronProblem(message)
    seconds, minutes, hours, day, month, weekday = fields[:6]
    return Cron(
        _values(seconds, _SECOND),
        _values(minutes, _MINUTE),
        _values(hours, _HOUR),
        _values(month, _MONTH),
        _values(fields[6] if len(fields) == _WITH_YEAR else "*", _YEAR),
        _days(day, weekday),
        every_hour=hours.startswith("*"),
    )


def _days(day: str, weekday: str) -> DaysOf:
    if (day == _ANY) == (weekday == _ANY):
        wrong = "both" if day == _ANY else "neither"
        message = f"{wrong} of the day of the month and the day of the week is `?`; one must be"
        raise CronProblem(message)
    field, parts, one = (_WEEKDAY, weekday, _weekdays) if day == _ANY else (_DAY, day, _month_days)
    rules = [one(part) for part in _parts(parts, field)]
    return lambda year, month: {found for rule in rules for found in rule(year, month)}


def _month_days(part: str) -> DaysOf:
    last = _LAST.fullmatch(part)
    if last is not None:
        before, to_weekday = int(last[1] or 0), last[2] is not None
        if before > _DAY.most - 1:
            message = f"{part}: at most 30 days before the last"
            raise CronProblem(message)
        return lambda year, month: _near_end(year, month, before, to_weekday=to_weekday)
    nearest = _NEAREST.fullmatch(part)
    if nearest is not None:
        wanted = _one(nearest[1], _DAY)
        return lambda year, month: _nearest_weekday(year, month, wanted)
    values = _range(part, _DAY)
    return lambda year, month: {each for each in values if each <= _length(year, month)}


def _weekdays(part: str) -> DaysOf:
    if part == "L":
        return lambda year, month: _on_weekday(year, month, _SATURDAY)
    last = _LAST_OF_WEEK.fullmatch(part)
    if last is not None:
        wanted = _one(last[1], _WEEKDAY)
        return lambda year, month: {max(_on_weekday(year, month, wanted))}
    nth = _NTH_OF_WEEK.fullmatch(part)
    if nth is not None:
        wanted, place = _one(nth[1], _WEEKDAY), int(nth[2])
        if not 1 <= place <= _MOST_WEEKS:
            message = f"{part}: a month has at most five of a day: #1 to #5"
            raise CronProblem(message)
        return lambda year, month: set(sorted(_on_weekday(year, month, wanted))[place - 1 : place])
    values = _range(part, _WEEKDAY)
    return lambda year, month: {day for value in values for day in _on_weekday(year, month, value)}


def _near_end(year: int, month: int, before: int, *, to_weekday: bool) -> set[int]:
    day = _length(year, month) - before
    if day < 1:
        return set()
    return _nearest_weekday(year, month, day) if to_weekday else {day}


def _nearest_weekday(year: int, month: int, day: int) -> set[int]:
    """Return the weekday nearest a day, within its month; none where that has no such day."""
    length = _length(year, month)
    if day > length:
        return set()
    weekday = _weekday(date(year, month, day))
    if weekday == _SATURDAY:
        return {day - 1 if day > 1 else day + 2}
    if weekday == _SUNDAY:
        return {day + 1 if day < length else day - 2}
    return {day}


def _on_weekday(year: int, month: int, weekday: int) -> set[int]:
    first = date(year, month, 1)
    to_first = timedelta(days=(weekday - _weekday(first)) % _WEEK)
    return set(range((first + to_first).day, _length(year, month) + 1, _WEEK))


def _weekday(day: date) -> int:
    return day.isoweekday() % _WEEK + 1


def _length(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]


def _values(text: str, field: _Field) -> tuple[int, ...]:
    return tuple(sorted({value for part in _parts(text, field) for value in _range(part, field)}))


def _parts(text: str, field: _Field) -> Sequence[str]:
    parts = text.split(",")
    if "" in parts:
        message = f"{field.name}: an empty item in {text}"
        raise CronProblem(message)
    return parts


def _range(part: str, field: _Field) -> tuple[int, ...]:
    span, slash, step_text = part.partition("/")
    step = _step(step_text, field) if slash else 1
    size = field.most - field.least + 1
    if span == "*" or (span == "" and slash):
        return tuple(range(field.least, field.most + 1, step))
    first_text, dash, last_text = span.partition("-")
    first = _one(first_text, field)
    if dash:
        last = _one(last_text, field)
        if last < first and field is _YEAR:
            message = f"{field.name}: {part} runs backwards"
            raise CronProblem(message)
    else:
        last = field.most if slash else first
    count = (last - first) % size + 1
    return tuple((first - field.least + at) % size + field.least for at in range(0, count, step))


def _step(text: str, field: _Field) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= field.most:
        message = f"{field.name}: /{text} is no step from 1 to {field.most}"
        raise CronProblem(message)
    return int(text)


def _one(text: str, field: _Field) -> int:
    if text in field.names:
        return field.names[text]
    if not text.isdecimal() or not text.isascii() or not field.least <= int(text) <= field.most:
        message = f"{field.name}: {text or 'nothing'} is not from {field.least} to {field.most}"
        raise CronProblem(message)
    return int(text)
