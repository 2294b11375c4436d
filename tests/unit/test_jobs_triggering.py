"""When runs are due: by the clock, by files, by versions of tables, by other runs, for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dlt_lite.jobs.triggering import (
    CatchUp,
    Mark,
    begun_anew,
    changes_due,
    completions_due,
    continuous_due,
    ended,
    identity,
    next_time,
    seconds_to_rest,
    times_due,
)
from dlt_lite.model.outcomes import ResultState
from dlt_lite.model.triggers import (
    CompletionStatus,
    ContinuousTrigger,
    CronTrigger,
    FileArrivalTrigger,
    JobCompletionTrigger,
    PeriodicTrigger,
    PeriodUnit,
    TableCondition,
    TableUpdateTrigger,
)
from tests.unit.jobs_made import HERE

NOON = datetime(2027, 1, 10, 12, 0, tzinfo=UTC)
NIGHTLY = CronTrigger("0 0 2 * * ?", "UTC", paused=False, origin=HERE)
MINUTELY = CronTrigger("0 * * * * ?", "UTC", paused=False, origin=HERE)
THRICE = PeriodicTrigger(8, PeriodUnit.HOURS, paused=False, origin=HERE)
CONTINUOUS = ContinuousTrigger(retries_tasks=False, paused=False, origin=HERE)


def ago(**length):
    return NOON - timedelta(**length)


def times(trigger, mark, now=NOON, policy=CatchUp.ONCE):
    mark, due = times_due(trigger, mark, now, policy)
    return mark, [(each.scheduled.strftime("%d %H:%M"), each.missed) for each in due]


def files(mark, *names, now=NOON, between=0, quiet=0, paused=False):
    trigger = FileArrivalTrigger("landing", between, quiet, paused, HERE)
    mark, due = changes_due(trigger, mark, dict.fromkeys(names, ""), now)
    return mark, len(due)


def tables(mark, condition=TableCondition.ANY_UPDATED, now=NOON, **versions):
    trigger = TableUpdateTrigger(("a", "b"), condition, 0, 0, paused=False, origin=HERE)
    mark, due = changes_due(trigger, mark, {k: str(v) for k, v in versions.items()}, now)
    return mark, [each.facts["trigger.table_update.updated_tables"] for each in due]


@pytest.mark.parametrize(
    ("policy", "due"),
    [
        (CatchUp.ONCE, [("10 02:00", 2)]),
        (CatchUp.ALL, [("08 02:00", 0), ("09 02:00", 0), ("10 02:00", 0)]),
        (CatchUp.SKIP, []),
    ],
)
def test_after_three_days_of_downtime_the_policy_says_what_is_run(policy, due):
    mark, found = times(NIGHTLY, Mark(ago(days=9), ago(days=3)), policy=policy)

    assert found == due
    assert times(NIGHTLY, mark, policy=policy)[1] == []


@pytest.mark.parametrize("policy", CatchUp)
def test_a_time_that_has_just_come_is_due_under_every_policy(policy):
    now = datetime(2027, 1, 10, 2, 0, 3, tzinfo=UTC)

    assert times(NIGHTLY, Mark(now, ago(hours=11)), now, policy)[1] == [("10 02:00", 0)]


def test_a_schedule_that_is_seen_for_the_first_time_catches_nothing_up():
    assert times(NIGHTLY, begun_anew(None, NOON))[1] == []


def test_each_time_is_due_once_however_often_somebody_looks():
    mark, found = Mark(NOON, NOON), []
    for second in range(0, 181, 7):
        mark, due = times(MINUTELY, mark, NOON + timedelta(seconds=second))
        found += due

    assert found == [("10 12:01", 0), ("10 12:02", 0)]


def test_a_clock_that_is_put_back_makes_nothing_due_twice():
    mark, first = times(MINUTELY, Mark(NOON, NOON), NOON + timedelta(minutes=1))
    found = []
    for seconds in range(-3600, 120, 30):
        mark, due = times(MINUTELY, begun_anew(mark, NOON), NOON + timedelta(seconds=seconds))
        found += due

    assert first == [("10 12:01", 0)]
    assert found == []
    assert times(MINUTELY, mark, NOON + timedelta(minutes=2))[1] == [("10 12:02", 0)]


def test_a_clock_that_was_wrong_by_years_does_not_silence_a_schedule():
    far = NOON.replace(year=2099)
    mark, _ = times(MINUTELY, Mark(NOON, NOON), far)

    anew = begun_anew(mark, NOON)

    assert anew.until == NOON
    assert times(MINUTELY, anew, NOON + timedelta(minutes=1))[1] == [("10 12:01", 0)]


def test_very_many_missed_times_are_bounded_and_the_last_is_right():
    mark = Mark(ago(days=40), ago(days=2))

    _, due = times_due(MINUTELY, mark, NOON, CatchUp.ONCE)
    assert [(each.scheduled, each.more_missed) for each in due] == [(NOON, True)]
    _, due = times_due(MINUTELY, mark, NOON, CatchUp.ALL)
    assert (len(due), due[-1].scheduled, due[0].more_missed) == (1000, NOON, True)


@pytest.mark.parametrize("policy", [CatchUp.ONCE, CatchUp.ALL])
@pytest.mark.parametrize("passed", [1, 2, 999, 1000, 1001, 1002, 2001, 2002, 2003, 20_000])
def test_it_is_never_said_that_fewer_times_were_missed_than_were(passed, policy):
    hourly = PeriodicTrigger(1, PeriodUnit.HOURS, paused=False, origin=HERE)

    _, due = times_due(hourly, Mark(ago(days=900), ago(hours=passed)), NOON, policy)

    left_out = passed - len(due)
    if due[0].more_missed:
        assert due[0].missed < left_out
        assert left_out > 1000
        assert due[0].missed >= 1000
    else:
        assert due[0].missed == left_out
    assert due[-1].scheduled == NOON


def test_a_period_counts_from_when_it_was_first_seen():
    mark, due = times(THRICE, Mark(ago(hours=20), ago(hours=20)), policy=CatchUp.ALL)

    assert due == [("10 00:00", 0), ("10 08:00", 0)]
    assert next_time(THRICE, mark) == NOON + timedelta(hours=4)


def test_what_passes_in_a_pause_is_not_caught_up():
    mark, due = times(replace(NIGHTLY, paused=True), Mark(ago(days=9), ago(days=3)))

    assert due == []
    assert next_time(replace(NIGHTLY, paused=True), mark) is None
    assert times(NIGHTLY, mark)[1] == []


def test_a_pause_does_not_make_a_trigger_another_one():
    assert identity(NIGHTLY) == identity(replace(NIGHTLY, paused=True))
    assert identity(NIGHTLY) != identity(replace(NIGHTLY, timezone="Asia/Tokyo"))


def test_files_that_were_there_before_start_nothing_and_a_new_one_starts_one_run():
    mark, first = files(Mark(NOON, NOON), "a", "b")
    mark, second = files(mark, "a", "b", "c", "d")
    mark, third = files(mark, "a", "b", "c", "d")

    assert (first, second, third) == (0, 1, 0)


def test_a_file_that_goes_starts_nothing():
    mark, _ = files(Mark(NOON, NOON), "a", "b")

    assert files(mark, "a")[1] == 0


def test_files_wait_until_nothing_more_arrives():
    mark, _ = files(Mark(NOON, NOON), quiet=60)
    found = []
    for second, names in ((0, "a"), (40, "ab"), (80, "ab"), (99, "ab"), (100, "ab"), (200, "ab")):
        mark, due = files(mark, *names, now=NOON + timedelta(seconds=second), quiet=60)
        found.append(due)

    assert found == [0, 0, 0, 0, 1, 0]


def test_runs_by_files_keep_their_distance_and_no_file_is_forgotten():
    mark, _ = files(Mark(NOON, NOON), between=300)
    found = []
    for second, names in ((0, "a"), (10, "ab"), (299, "ab"), (300, "ab"), (301, "ab")):
        mark, due = files(mark, *names, now=NOON + timedelta(seconds=second), between=300)
        found.append(due)

    assert found == [1, 0, 0, 1, 0]


def test_what_arrives_in_a_pause_starts_nothing_later():
    mark, _ = files(Mark(NOON, NOON))
    mark, paused = files(mark, "a", paused=True)
    mark, after = files(mark, "a")

    assert (paused, after) == (0, 0)


def test_waiting_for_quiet_ends_also_after_the_clock_was_put_back():
    mark, _ = files(Mark(NOON, NOON), quiet=60)
    mark, _ = files(mark, "a", quiet=60)
    back = NOON - timedelta(hours=5)
    mark, first = files(mark, "a", now=back, quiet=60)
    mark, second = files(mark, "a", now=back + timedelta(seconds=60), quiet=60)

    assert (first, second) == (0, 1)


def test_any_updated_table_starts_a_run_that_is_told_which():
    mark, first = tables(Mark(NOON, NOON), a=3, b=0)
    mark, second = tables(mark, a=3, b=1)
    mark, third = tables(mark, a=3, b=1)

    assert (first, second, third) == ([], ['["b"]'], [])


def test_all_updated_waits_for_every_table():
    every = TableCondition.ALL_UPDATED
    mark, _ = tables(Mark(NOON, NOON), every, a=0, b=0)
    mark, first = tables(mark, every, a=1, b=0)
    mark, second = tables(mark, every, a=2, b=0)
    mark, third = tables(mark, every, a=2, b=1)
    mark, fourth = tables(mark, every, a=2, b=2)

    assert (first, second, third, fourth) == ([], [], ['["a", "b"]'], [])


def test_a_table_that_appears_or_begins_anew_is_updated():
    mark, _ = tables(Mark(NOON, NOON), a=7)
    mark, appeared = tables(mark, a=7, b=0)
    mark, begun = tables(mark, a=0, b=0)

    assert (appeared, begun) == (['["b"]'], ['["a"]'])


@pytest.mark.parametrize(
    ("status", "result", "is_due"),
    [
        (CompletionStatus.SUCCESS, "SUCCESS", True),
        (CompletionStatus.SUCCESS, "FAILED", False),
        (CompletionStatus.FAILED, "FAILED", True),
        (CompletionStatus.FAILED, "CANCELED", True),
        (CompletionStatus.FAILED, "SUCCESS", False),
        (CompletionStatus.DONE, "SUCCESS", True),
        (CompletionStatus.DONE, "FAILED", True),
    ],
)
def test_a_run_that_ends_as_wanted_starts_one(status, result, is_due):
    trigger = JobCompletionTrigger(("other",), status, paused=False, origin=HERE)
    before = {"r1 12:00": "SUCCESS"}
    mark, first = completions_due(trigger, Mark(NOON, NOON), before, NOON)
    mark, second = completions_due(trigger, mark, {**before, "r2 12:01": result}, NOON)
    _, third = completions_due(trigger, mark, {**before, "r2 12:01": result}, NOON)

    assert (first, len(second), third) == ((), int(is_due), ())


def test_a_continuous_job_has_one_run_always():
    mark, first = continuous_due(CONTINUOUS, Mark(NOON, NOON), NOON, is_active=False)
    mark, second = continuous_due(CONTINUOUS, mark, NOON, is_active=True)
    mark = ended(mark, ResultState.SUCCESS, NOON)
    mark, third = continuous_due(CONTINUOUS, mark, NOON, is_active=False)

    assert [len(first), len(second), len(third)] == [1, 0, 1]


def test_a_continuous_job_rests_longer_after_each_failure_and_not_after_a_success():
    mark, rests = Mark(NOON, NOON), []
    for _ in range(8):
        mark = ended(mark, ResultState.FAILED, NOON)
        rests.append(seconds_to_rest(mark, NOON))

    assert rests == [10, 20, 40, 80, 160, 320, 600, 600]
    assert continuous_due(CONTINUOUS, mark, NOON + timedelta(seconds=599), is_active=False)[1] == ()
    assert continuous_due(CONTINUOUS, mark, NOON + timedelta(seconds=600), is_active=False)[1]
    assert seconds_to_rest(ended(mark, ResultState.SUCCESS, NOON), NOON) == 0
    assert seconds_to_rest(mark, NOON - timedelta(hours=1)) == 600
