"""A strip of bars says how a rule fared, on one scale for all rules."""

import re

from dlt_lite.model.checks import RuleKind
from dlt_lite.model.results import Verdict, undecided
from dlt_lite.model.rules import Severity
from dlt_lite.report.comparison import Point
from dlt_lite.report.sparks import HEIGHT, WIDTH, spark
from tests.unit.told_updates import a_rule


def a_point(violations=0, evaluated=1000, **more):
    return Point("u", None, a_rule("o", "x", evaluated, violations, **more))


def bars(strip):
    """Return the bars of a strip, from the left: (x, height)."""
    found = re.findall(r"M(\d+) \d+v-(\d+)", "".join(path for _, path in strip.strokes))
    return sorted((int(x), int(tall)) for x, tall in found)


def test_the_same_share_is_a_bar_of_the_same_height_whatever_else_the_rule_has_seen():
    few, many = spark([a_point(3), a_point(133)]), spark([a_point(3), a_point(900)])

    assert bars(few)[0] == bars(many)[0]
    assert bars(few)[1] < bars(many)[1]


def test_a_greater_share_is_a_taller_bar_in_every_rule():
    heights = [bars(spark([a_point(broken)]))[0][1] for broken in (0, 1, 20, 65, 133, 500, 1000)]

    assert heights == sorted(set(heights))
    assert heights[-1] == HEIGHT


def test_bars_begin_at_the_left_and_thirty_of_them_fill_the_strip():
    two, thirty = bars(spark([a_point()] * 2)), bars(spark([a_point()] * 40))

    assert two[0][0] < two[1][0] < WIDTH / 4
    assert len(thirty) == 30
    assert WIDTH - thirty[-1][0] == thirty[0][0]


def test_what_is_critical_has_its_own_look_and_what_is_unknown_no_bar():
    unchecked = Point("u", None, undecided(a_rule("o", "x"), Verdict.SKIPPED, ""))
    strip = spark([Point("u", None, None), unchecked, a_point(9, severity=Severity.CRITICAL)])

    assert [look for look, _ in strip.strokes] == ["skipped", "critical"]


def test_a_rule_about_a_whole_table_has_no_share_of_rows():
    strip = spark([a_point(1, None, kind=RuleKind.AGGREGATE)])

    assert strip.label == "violated in 1 of 1 update"
    assert [tall for _, tall in bars(strip)] == [HEIGHT]
