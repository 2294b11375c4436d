"""Which conditions ask the clock, as far as their text and their tree say."""

import json

import pytest

from dlt_lite.engine.clocks import asks_the_clock


class Analysed:
    """An expression as Spark's JSON tells it."""

    def __init__(self, *kinds):
        self._kinds = kinds

    def toJSON(self):  # noqa: N802 - Spark's name
        return json.dumps([{"class": f"org.apache.spark.{kind}"} for kind in self._kinds])


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("at > now()", ["GreaterThan", "AttributeReference", "Now"]),
        ("unix_timestamp() > at", ["GreaterThan", "UnixTimestamp", "CurrentTimestamp"]),
        ("at < CURDATE()", ["LessThan", "CurrentDate"]),
        ("at < DATE  'Today'", ["LessThan", "Literal"]),
        ("at < timestamp_ntz' now '", ["LessThan", "Literal"]),
    ],
)
def test_a_condition_that_tells_the_time_is_found(text, kinds):
    assert asks_the_clock(text, Analysed(*kinds))


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("now > 1 AND current > 2", ["And", "AttributeReference"]),
        ("who = current_user()", ["EqualTo", "CurrentUser"]),
        ("at > DATE '2024-01-01'", ["GreaterThan", "Literal"]),
        ("day = 'today'", ["EqualTo", "Literal"]),
    ],
)
def test_a_condition_of_its_own_columns_is_let_be(text, kinds):
    assert not asks_the_clock(text, Analysed(*kinds))
