"""When cron expressions and periods fire: a table of times, and the changes of the clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlt_lite.errors import BadSchedule
from dlt_lite.jobs.quartz import CronProblem, parse_cron
from dlt_lite.jobs.schedules import fire_times, next_times
from dlt_lite.model.triggers import (
    ContinuousTrigger,
    CronTrigger,
    PeriodicTrigger,
    PeriodUnit,
)
from tests.unit.jobs_made import HERE

NEW_YEAR = datetime(2027, 1, 1)  # noqa: DTZ001 - a local time


def cron(expression, zone="UTC"):
    return CronTrigger(expression, zone, False, HERE)


def times(expression, after, count=3, zone="UTC"):
    """Return the next times as the clocks of the zone show them."""
    start = datetime.fromisoformat(after).replace(tzinfo=ZoneInfo(zone))
    return [
        f"{each:%Y-%m-%d %H:%M:%S%z}" for each in next_times(cron(expression, zone), start, count)
    ]


def dates(expression, after="2027-01-01", count=3):
    found = next_times(cron(expression), datetime.fromisoformat(after).replace(tzinfo=UTC), count)
    return [f"{each:%a %d %b %Y %H:%M:%S}" for each in found]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 0 2 * * ?", ["Fri 01 Jan 2027 02:00:00", "Sat 02 Jan 2027 02:00:00"]),
        ("0 0/15 9-10 ? * MON-FRI", ["Fri 01 Jan 2027 09:00:00", "Fri 01 Jan 2027 09:15:00"]),
        ("0 0 22-2 * * ?", ["Fri 01 Jan 2027 01:00:00", "Fri 01 Jan 2027 02:00:00"]),
        ("0 30 10 ? * FRI-MON", ["Fri 01 Jan 2027 10:30:00", "Sat 02 Jan 2027 10:30:00"]),
        ("0 0 12 ? * 1", ["Sun 03 Jan 2027 12:00:00", "Sun 10 Jan 2027 12:00:00"]),
        ("0 0 12 ? * L", ["Sat 02 Jan 2027 12:00:00", "Sat 09 Jan 2027 12:00:00"]),
        ("0 0 12 ? * 6L", ["Fri 29 Jan 2027 12:00:00", "Fri 26 Feb 2027 12:00:00"]),
        ("0 0 12 ? * fril", ["Fri 29 Jan 2027 12:00:00", "Fri 26 Feb 2027 12:00:00"]),
        ("0 0 12 ? * 6#3", ["Fri 15 Jan 2027 12:00:00", "Fri 19 Feb 2027 12:00:00"]),
        ("0 0 12 ? * 2#5", ["Mon 29 Mar 2027 12:00:00", "Mon 31 May 2027 12:00:00"]),
        ("0 0 12 L * ?", ["Sun 31 Jan 2027 12:00:00", "Sun 28 Feb 2027 12:00:00"]),
        ("0 0 12 L-3 * ?", ["Thu 28 Jan 2027 12:00:00", "Thu 25 Feb 2027 12:00:00"]),
        ("0 0 12 LW * ?", ["Fri 29 Jan 2027 12:00:00", "Fri 26 Feb 2027 12:00:00"]),
        ("0 0 12 1W * ?", ["Fri 01 Jan 2027 12:00:00", "Mon 01 Feb 2027 12:00:00"]),
        ("0 0 12 1W 5 ?", ["Mon 03 May 2027 12:00:00", "Mon 01 May 2028 12:00:00"]),
        ("0 0 12 15W * ?", ["Fri 15 Jan 2027 12:00:00", "Mon 15 Feb 2027 12:00:00"]),
        ("0 0 12 31W * ?", ["Fri 29 Jan 2027 12:00:00", "Wed 31 Mar 2027 12:00:00"]),
        ("0 0 12 29 2 ?", ["Tue 29 Feb 2028 12:00:00", "Sun 29 Feb 2032 12:00:00"]),
        ("0 0 12 1 JAN,JUL ?", ["Fri 01 Jan 2027 12:00:00", "Thu 01 Jul 2027 12:00:00"]),
        ("0 0 12 1,L * ?", ["Fri 01 Jan 2027 12:00:00", "Sun 31 Jan 2027 12:00:00"]),
        ("0 0 12 1 1 ? 2029-2030", ["Mon 01 Jan 2029 12:00:00", "Tue 01 Jan 2030 12:00:00"]),
        ("5/20 59 23 * * ?", ["Fri 01 Jan 2027 23:59:05", "Fri 01 Jan 2027 23:59:25"]),
        ("0 0 0 ? * *", ["Sat 02 Jan 2027 00:00:00", "Sun 03 Jan 2027 00:00:00"]),
    ],
)
def test_an_expression_means_these_times(expression, expected):
    assert dates(expression, count=2) == expected


def test_an_expression_with_a_last_year_ends():
    assert dates("0 0 12 1 1 ? 2027") == ["Fri 01 Jan 2027 12:00:00"]


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("", "0 fields"),
        ("0 2 * * *", "five fields"),
        ("0 0 2 * * ? * *", "8 fields"),
        ("0 0 2 * * *", "neither"),
        ("0 0 2 ? * ?", "both"),
        ("60 0 2 * * ?", "seconds: 60"),
        ("0 60 2 * * ?", "minutes: 60"),
        ("0 0 24 * * ?", "hours: 24"),
        ("0 0 2 0 * ?", "the day of the month: 0"),
        ("0 0 2 32 * ?", "the day of the month: 32"),
        ("0 0 2 * 13 ?", "the month: 13"),
        ("0 0 2 ? * 8", "the day of the week: 8"),
        ("0 0 2 ? * MOO", "MOO"),
        ("0 0 2 ? * 6#6", "#1 to #5"),
        ("0 0 2 L-31 * ?", "at most 30"),
        ("0 0 2 ? * MON,", "an empty item"),
        ("0 0/0 2 * * ?", "/0"),
        ("0 */99 2 * * ?", "/99"),
        ("0 ٣ 2 * * ?", "minutes"),
        ("0 0 2 * * ? 2030-2029", "backwards"),
        ("0 0 2 * * ? 1900", "the year: 1900"),
    ],
)
def test_what_means_no_time_is_refused_with_the_field(expression, said):
    with pytest.raises(CronProblem, match=said.replace("?", r"\?")):
        parse_cron(expression)


def test_a_skipped_time_fires_once_when_the_clocks_have_been_put_forward():
    assert times("0 30 2 * * ?", "2027-03-27 12:00", zone="Europe/Berlin") == [
        "2027-03-28 03:00:00+0200",
        "2027-03-29 02:30:00+0200",
        "2027-03-30 02:30:00+0200",
    ]


def test_several_skipped_times_fire_once_together():
    assert times("0 0/20 2-3 * * ?", "2027-03-28 01:59", zone="Europe/Berlin") == [
        "2027-03-28 03:00:00+0200",
        "2027-03-28 03:20:00+0200",
        "2027-03-28 03:40:00+0200",
    ]


def test_a_time_that_comes_twice_fires_the_first_time():
    assert times("0 30 2 * * ?", "2027-10-30 12:00", zone="Europe/Berlin") == [
        "2027-10-31 02:30:00+0200",
        "2027-11-01 02:30:00+0100",
        "2027-11-02 02:30:00+0100",
    ]


def test_between_the_two_equal_hours_a_time_of_its_own_does_not_fire_again():
    second = datetime(2027, 10, 31, 2, 10, fold=1, tzinfo=ZoneInfo("Europe/Berlin"))

    [found] = next_times(cron("0 30 2 * * ?", "Europe/Berlin"), second, 1)

    assert found.isoformat() == "2027-11-01T02:30:00+01:00"


def test_an_interval_goes_on_through_both_equal_hours():
    assert times("0 0/30 * * * ?", "2027-10-31 01:45", 6, zone="Europe/Berlin") == [
        "2027-10-31 02:00:00+0200",
        "2027-10-31 02:30:00+0200",
        "2027-10-31 02:00:00+0100",
        "2027-10-31 02:30:00+0100",
        "2027-10-31 03:00:00+0100",
        "2027-10-31 03:30:00+0100",
    ]


def test_an_interval_makes_nothing_up_for_a_skipped_hour():
    assert times("0 0/30 * * * ?", "2027-03-28 01:15", 3, zone="Europe/Berlin") == [
        "2027-03-28 01:30:00+0100",
        "2027-03-28 03:00:00+0200",
        "2027-03-28 03:30:00+0200",
    ]


@pytest.mark.parametrize(
    ("zone", "after", "expected"),
    [
        ("America/New_York", "2027-03-13 12:00", "2027-03-14 03:00:00-0400"),
        ("Australia/Lord_Howe", "2027-10-02 12:00", "2027-10-03 02:30:00+1100"),
        ("Asia/Kolkata", "2027-03-27 12:00", "2027-03-28 02:15:00+0530"),
        ("Pacific/Apia", "2011-12-29 12:00", "2011-12-31 00:00:00+1400"),
    ],
)
def test_the_rule_holds_wherever_the_clocks_are_moved(zone, after, expected):
    assert times("0 15 2 * * ?", after, 1, zone=zone) == [expected]


ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]
EXPRESSIONS = [
    "0 30 2 * * ?",
    "0 0/7 * * * ?",
    "0 0 */5 * * ?",
    "30 15 1,2,3 ? * SUN",
    "0 0 3 L * ?",
]
MOMENTS = st.datetimes(
    datetime(2026, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    datetime(2028, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(st.sampled_from(EXPRESSIONS), st.sampled_from(ZONES), MOMENTS)
def test_times_ascend_and_looking_again_from_one_gives_the_next(expression, zone, after):
    trigger = cron(expression, zone)
    found = next_times(trigger, after, 4)

    assert all(after < first < second for first, second in pairwise(found))
    assert [next_times(trigger, each, 1)[0] for each in found[:3]] == list(found[1:])


@given(st.sampled_from(EXPRESSIONS), st.sampled_from(ZONES), MOMENTS)
def test_no_time_lies_between_a_moment_and_the_next(expression, zone, after):
    """Check against every second of the hour before: none of them is shown by the clocks."""
    [found] = next_times(cron(expression, zone), after, 1)
    local = ZoneInfo(zone)
    shown = set(
        islice(
            parse_cron(expression).times_from((found - timedelta(days=2)).replace(tzinfo=None)), 400
        )
    )

    for seconds in range(1, 3600, 1):
        moment = (found - timedelta(seconds=seconds)).astimezone(local)
        if moment <= after:
            break
        is_second = moment.fold == 1
        assert is_second or moment.replace(tzinfo=None) not in shown


@pytest.mark.parametrize(
    ("interval", "unit", "expected"),
    [
        (90, PeriodUnit.MINUTES, ["2027-01-01T03:00:00", "2027-01-01T04:30:00"]),
        (2, PeriodUnit.DAYS, ["2027-01-03T00:00:00", "2027-01-05T00:00:00"]),
        (1, PeriodUnit.WEEKS, ["2027-01-08T00:00:00", "2027-01-15T00:00:00"]),
    ],
)
def test_a_period_counts_from_its_start(interval, unit, expected):
    start = NEW_YEAR.replace(tzinfo=UTC)
    trigger = PeriodicTrigger(interval, unit, False, HERE)

    found = islice(fire_times(trigger, start + timedelta(hours=2), start=start), 2)

    assert [each.replace(tzinfo=None).isoformat() for each in found] == expected


def test_a_clock_that_was_put_back_fires_no_period_before_its_start():
    start = NEW_YEAR.replace(tzinfo=UTC)
    trigger = PeriodicTrigger(1, PeriodUnit.HOURS, False, HERE)

    assert next(fire_times(trigger, start - timedelta(days=3), start=start)) == start


def test_a_trigger_that_waits_for_something_else_has_no_times():
    trigger = ContinuousTrigger(False, False, HERE)

    assert next_times(trigger, NEW_YEAR.replace(tzinfo=UTC), 3) == ()


@pytest.mark.parametrize("zone", ["Mars/Base", "", "../../etc/passwd", "Europe/Berln"])
def test_a_time_zone_that_is_none_is_refused(zone):
    with pytest.raises(BadSchedule, match="time zone"):
        next_times(cron("0 0 2 * * ?", zone), NEW_YEAR.replace(tzinfo=UTC), 1)
