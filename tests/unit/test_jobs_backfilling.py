"""Backfills: every day once, at most so many at a time, what is done is known."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from dlt_lite.errors import BadCommandLine
from dlt_lite.jobs.backfilling import (
    DayEnd,
    DayState,
    Hands,
    backfilled,
    days_between,
    days_done,
    moment_of,
)
from dlt_lite.jobs.calls import Control, Timing
from dlt_lite.jobs.requests import RunRequest
from dlt_lite.jobs.runs import Place, start_run
from dlt_lite.model.outcomes import ResultState
from tests.unit.jobs_made import a_job, a_task
from tests.unit.jobs_run import fails, succeeds

FIRST = date(2024, 2, 27)
DAYS = days_between(FIRST, date(2024, 3, 2))


class Crew:
    """Runs that end, the earliest first, whenever somebody waits for one."""

    def __init__(self, states=None, stops_after=99):
        self.states = states or {}
        self.stops_after = stops_after
        self.begun, self.going_on, self.over, self.most = [], [], set(), 0
        self.told = []
        self.hands = Hands(self._begin, self._ended, self._wait, self._stopped, self.told.append)

    def _begin(self, day):
        self.begun.append(day)
        self.going_on.append(day)
        self.most = max(self.most, len(self.going_on))

    def _ended(self, day):
        if day not in self.over:
            return None
        return DayEnd(day, self.states.get(day, ResultState.SUCCESS), f"r-{day}")

    def _wait(self):
        self.over.add(self.going_on.pop(0))

    def _stopped(self):
        return len(self.over) >= self.stops_after


def test_a_range_has_both_its_ends_and_the_leap_day():
    assert [day.day for day in DAYS] == [27, 28, 29, 1, 2]
    assert days_between(FIRST, FIRST) == (FIRST,)


@pytest.mark.parametrize(
    ("last", "said"), [(date(2024, 2, 26), "before"), (date(2054, 1, 1), "the most is 10,000")]
)
def test_a_range_that_is_none_is_refused(last, said):
    with pytest.raises(BadCommandLine, match=said):
        days_between(FIRST, last)


@pytest.mark.parametrize("parallel", [1, 2, 5, 50])
def test_every_day_is_run_once_and_at_most_so_many_at_a_time(parallel):
    crew = Crew()

    ends = backfilled(DAYS, frozenset(), parallel, crew.hands)

    assert crew.begun == list(DAYS)
    assert crew.most == min(parallel, len(DAYS))
    assert [(end.day, end.state) for end in ends] == [(day, ResultState.SUCCESS) for day in DAYS]


def test_a_day_that_fails_stops_no_other():
    crew = Crew({DAYS[1]: ResultState.FAILED})

    ends = backfilled(DAYS, frozenset(), 2, crew.hands)

    assert [end.is_good for end in ends] == [True, False, True, True, True]
    assert [end.day for end in crew.told] == list(DAYS)


def test_what_is_done_is_not_run_again():
    crew = Crew()

    ends = backfilled(DAYS, frozenset({DAYS[0], DAYS[3]}), 2, crew.hands)

    assert crew.begun == [DAYS[1], DAYS[2], DAYS[4]]
    assert [end.state for end in ends].count(DayState.DONE_BEFORE) == 2
    assert all(end.is_good for end in ends)


def test_when_it_is_stopped_what_was_begun_is_awaited_and_nothing_more_begins():
    crew = Crew(stops_after=1)

    ends = backfilled(DAYS, frozenset(), 2, crew.hands)

    assert crew.begun == list(DAYS[:2])
    assert [end.state for end in ends[2:]] == [DayState.NOT_BEGUN] * 3
    assert not any(end.is_good for end in ends[2:])


def test_the_days_that_are_done_are_those_of_successful_runs_with_the_same_parameters(tmp_path):
    job = a_job(a_task("a"), a_task("b"), parameters={"run_date": "", "size": "1"})
    runs = {
        "r1": ({"run_date": "2024-02-27"}, (), succeeds()),
        "r2": ({"run_date": "2024-02-28"}, (), fails()),
        "r3": ({"run_date": "2024-02-29", "size": "2"}, (), succeeds()),
        "r4": ({"run_date": "2024-03-01"}, ("a",), succeeds()),
    }
    for run_id, (given, only, deed) in runs.items():
        day = date.fromisoformat(given["run_date"])
        request = RunRequest(run_id, given, only, "backfill", None, moment_of(day))
        place = Place(tmp_path, "dev", deed, Timing(lambda: datetime(2027, 1, 1, tzinfo=UTC)))
        start_run(job, request, place, Control())

    def done(target="dev", name="daily", **given):
        return days_done(tmp_path, target, name, given, "run_date")

    assert done() == {FIRST}
    assert done(size="2") == {date(2024, 2, 29)}
    assert (done(target="prod"), done(name="other")) == (frozenset(), frozenset())
