"""Days that a job is run for, one after the other or several at once; those done before are known.

Days in, ends out. How a run is begun, and how one ends, is the caller's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path

from dlt_lite.errors import BadCommandLine
from dlt_lite.model.outcomes import ResultState
from dlt_lite.runs.folder import RunKind
from dlt_lite.runs.history import list_runs

MOST_DAYS = 10_000


class DayState(StrEnum):
    """What became of a day, where its run has no result."""

    DONE_BEFORE = "DONE_BEFORE"
    REFUSED = "REFUSED"
    NOT_BEGUN = "NOT_BEGUN"


@dataclass(frozen=True, slots=True)
class DayEnd:
    """What became of a day.

    Attributes:
        day: the day.
        state: how its run ended, or why there was none.
        run_id: the run, None where there was none.
        about: what a run said that could not begin, or why one did not succeed.
    """

    day: date
    state: ResultState | DayState
    run_id: str | None = None
    about: str = ""

    @property
    def is_good(self) -> bool:
        """Whether nothing is left to do for the day."""
        return self.state is DayState.DONE_BEFORE or (
            isinstance(self.state, ResultState) and self.state.is_success
        )


@dataclass(frozen=True, slots=True)
class Hands:
    """Who runs days.

    Attributes:
        begin: begins the run of a day.
        ended: says of a day that was begun how it ended; None while it has not.
        wait: waits until something may have ended.
        is_stopped: whether nothing more is to be begun.
        tell: is told of each day that is over.
    """

    begin: Callable[[date], None]
    ended: Callable[[date], DayEnd | None]
    wait: Callable[[], None]
    is_stopped: Callable[[], bool]
    tell: Callable[[DayEnd], None]


def days_between(first: date, last: date) -> tuple[date, ...]:
    """Return the days from one to another, both included.

    Raises:
        BadCommandLine: the last is before the first, or there are too many.
    """
    count = (last - first).days + 1
    if count < 1:
        raise BadCommandLine(f"--to {last} is before --from {first}", fix="exchange them")
    if count > MOST_DAYS:
        what = f"{first} to {last} are {count:,} days; the most is {MOST_DAYS:,}"
        raise BadCommandLine(what, fix="give a shorter range")
    return tuple(first + timedelta(days=number) for number in range(count))


def moment_of(day: date) -> datetime:
    """Return the moment that a day stands for: its beginning, in UTC."""
    return datetime.combine(day, time(), UTC)


def days_done(
    state_root: Path, target: str, job: str, given: Mapping[str, str], parameter: str
) -> frozenset[date]:
    """Return the days that runs of a job were for, with the same parameters, and succeeded.

    Args:
        state_root: the folder on the driver's disk that holds runs.
        target: the target.
        job: the job.
        given: what each run is given besides the day.
        parameter: the parameter that has the day.
    """
    found: set[date] = set()
    for facts in list_runs(state_root, target=target, pipeline=job, kind=RunKind.JOB):
        try:
            run = json.loads(facts.folder.job_file.read_bytes())
            day = datetime.fromisoformat(run["backfill"] or "").astimezone(UTC).date()
            is_good = ResultState(run["result"]).is_success and not run["only"]
        except (OSError, KeyError, TypeError, ValueError):
            continue
        if is_good and run["given"] == {**given, parameter: day.isoformat()}:
            found.add(day)
    return frozenset(found)


def backfilled(
    days: Sequence[date], done: frozenset[date], parallel: int, hands: Hands
) -> tuple[DayEnd, ...]:
    """Run a job for days, the earliest first.

    Args:
        days: the days.
        done: those that are not run again.
        parallel: how many runs go on at once.
        hands: who runs them.

    Returns:
        What became of each day, in their order. One that fails stops no other.
    """
    ends = {day: DayEnd(day, DayState.DONE_BEFORE) for day in days if day in done}
    left = [day for day in days if day not in done]
    going_on: list[date] = []
    while left or going_on:
        if hands.is_stopped():
            ends |= {day: DayEnd(day, DayState.NOT_BEGUN) for day in left}
            left = []
        while left and len(going_on) < parallel:
            going_on.append(left.pop(0))
            hands.begin(going_on[-1])
        over = [end for day in going_on if (end := hands.ended(day)) is not None]
        for end in over:
            going_on.remove(end.day)
            ends[end.day] = end
            hands.tell(end)
        if going_on and not over:
            hands.wait()
    return tuple(ends[day] for day in days)
