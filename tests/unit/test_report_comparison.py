from __future__ import annotations

from dataclasses import replace

import pytest

from dlt_lite.model.checks import RuleKind
from dlt_lite.model.gates import Gate
from dlt_lite.model.results import DatasetQuality, Verdict, undecided
from dlt_lite.model.rules import RuleAction, Severity, Threshold
from dlt_lite.report.comparison import RowChange, compare, history, previous_of, trends
from dlt_lite.report.gate import judge_gate
from tests.unit.told_updates import a_rule, an_update

OPEN = Gate(no_critical=False, no_unexplained_drop=False)


def rule(name="positive", evaluated=100, violations=0, **more):
    return a_rule("orders", name, evaluated, violations, **more)


def names(changes):
    return [each.rule.rule for each in changes]


def table(written, *, kind="materialized_view", action="replace", **more):
    figures = {"rows_in": written, "written": written} | more
    return DatasetQuality("orders", kind, "COMPLETED", action, **figures)


def test_what_changed_is_told_apart():
    before = an_update(
        rule("breaks"), rule("mends", violations=1), rule("worse", violations=1),
        rule("better", violations=9), rule("same", violations=1), rule("gone"),
    )  # fmt: skip
    after = an_update(
        rule("breaks", violations=1), rule("mends"), rule("worse", violations=9),
        rule("better", violations=1), rule("same", violations=1), rule("born", violations=1),
    )  # fmt: skip

    change = compare(before, after)

    assert names(change.new_failures) == ["breaks", "born"]
    assert names(change.fixed) == ["mends"]
    assert names(change.regressed) == ["worse"]
    assert names(change.improved) == ["better"]
    assert (names(change.added), names(change.removed)) == (["born"], ["gone"])
    assert change.regressed[0].points == pytest.approx(-8)


def test_a_rule_that_was_not_checked_is_neither_fixed_nor_newly_violated():
    unchecked = undecided(rule(), Verdict.SKIPPED, "up to date")
    broken = rule(violations=1)

    assert compare(an_update(broken), an_update(unchecked)).fixed == ()
    assert names(compare(an_update(unchecked), an_update(broken)).new_failures) == ["positive"]


def test_a_rule_that_can_no_longer_run_is_newly_failing():
    error = undecided(rule(), Verdict.ERROR, "it broke")

    assert names(compare(an_update(rule()), an_update(error)).new_failures) == ["positive"]


def test_a_share_that_changed_by_less_than_a_hundredth_of_a_point_is_the_same():
    change = compare(
        an_update(rule(evaluated=1_000_000, violations=10)),
        an_update(rule(evaluated=1_000_000, violations=11)),
    )

    assert (change.regressed, change.improved) == ((), ())


def test_an_update_compared_with_itself_has_not_changed():
    update = an_update(rule(violations=1), rule("other"))
    change = compare(update, update)

    assert not any((change.new_failures, change.fixed, change.regressed, change.improved))
    assert not any((change.added, change.removed, change.rows))


def test_rows_that_changed_are_told_with_their_share():
    change = compare(an_update(datasets=[table(200)]), an_update(datasets=[table(150)]))

    assert change.rows == (RowChange("orders", 200, 150),)
    assert change.rows[0].share == -0.25
    assert RowChange("new", None, 3).share is None


def test_the_update_before_is_the_newest_in_which_a_rule_was_decided():
    nothing = undecided(rule(), Verdict.SKIPPED, "up to date")
    updates = [
        an_update(rule(), update_id="u4"),
        an_update(nothing, update_id="u3"),
        an_update(rule(), update_id="u2"),
        an_update(rule(), update_id="u1"),
    ]

    found = previous_of(updates, updates[0])
    assert found is not None
    assert (found.update_id, found.rules) == ("u2", updates[2].rules)
    assert previous_of(updates, updates[3]) is None


def test_each_rule_is_compared_with_its_last_decided_result_whatever_failed_since():
    gone, left = rule("gone"), undecided(rule("late"), Verdict.SKIPPED, "sessions failed")
    failed = undecided(rule("late"), Verdict.ERROR, "orders failed")
    updates = [
        an_update(rule("late", violations=9), rule("steady"), update_id="u5"),
        an_update(left, update_id="u4"),
        an_update(failed, rule("steady", violations=1), update_id="u3", state="FAILED"),
        an_update(rule("late"), rule("steady", violations=50), gone, update_id="u2"),
        an_update(rule("late", violations=70), update_id="u1"),
    ]

    previous = previous_of(updates, updates[0])

    change = compare(previous, updates[0])
    assert (change.before, names(change.new_failures)) == ("u3", ["late"])
    assert (names(change.fixed), change.removed) == (["steady"], ())
    gate = judge_gate(replace(OPEN, max_regression_points=5), updates[0], previous)
    assert gate.reasons == ("orders.late fell by 9.00 points, by more than 5",)
    assert gate.notes == ()


def test_each_dataset_is_compared_with_what_it_was_last_given():
    skipped = replace(table(0), state="SKIPPED", action="replace")
    updates = [
        an_update(rule(), update_id="u4", datasets=[table(50)]),
        an_update(rule(), update_id="u3", datasets=[replace(skipped, state="EXCLUDED")]),
        an_update(rule(), update_id="u2", datasets=[skipped], state="FAILED"),
        an_update(rule(), update_id="u1", datasets=[table(100)]),
    ]

    previous = previous_of(updates, updates[0])

    assert compare(previous, updates[0]).rows == (RowChange("orders", 100, 50),)
    assert not judge_gate(replace(OPEN, max_row_decrease=0.2), updates[0], previous).met


@pytest.mark.parametrize(
    ("state", "action"),
    [
        ("EXCLUDED", "skip"),
        ("SKIPPED", "replace"),
        ("FAILED", "replace"),
        ("COMPLETED", "skip"),
        ("COMPLETED", "clear"),
    ],
)
def test_a_dataset_that_an_update_did_not_fill_has_not_changed(state, action):
    given, left = table(9651), replace(table(0), state=state, action=action)
    new = replace(table(3), name="new")

    assert compare(an_update(datasets=[given]), an_update(datasets=[left])).rows == ()
    assert compare(an_update(datasets=[left]), an_update(datasets=[given])).rows == ()
    assert compare(an_update(datasets=[left]), an_update(datasets=[left, new])).rows == (
        RowChange("new", None, 3),
    )


def test_an_error_in_between_is_neither_fixed_nor_new():
    error = an_update(undecided(rule(), Verdict.ERROR, "it broke"))

    fixed, new = (compare(error, an_update(rule(violations=rows))) for rows in (0, 1))

    assert (fixed.fixed, fixed.new_failures, new.fixed, new.new_failures) == ((), (), (), ())


def test_a_replay_is_compared_with_nothing_and_says_so():
    replayed = [table(9, action="replay", kind="streaming_table")]
    updates = [
        an_update(rule(violations=5), update_id="u3"),
        an_update(rule(evaluated=9), update_id="u2", datasets=replayed),
        an_update(rule(violations=4), update_id="u1"),
    ]

    previous = previous_of(updates, updates[0])

    assert previous is not None
    assert (previous.update_id, previous.rules) == ("u1", updates[2].rules)
    assert previous_of(updates, updates[1]) is None
    change = compare(updates[2], updates[1])
    assert (change.fixed, change.improved, change.rows) == ((), (), ())
    assert change.note is not None
    assert change.note.startswith("update u2 is a replay")
    assert compare(updates[1], updates[0]).note == change.note
    assert judge_gate(OPEN, updates[1]).notes == (change.note,)


def test_what_has_nothing_to_be_compared_with_is_noted_by_name():
    gate = replace(OPEN, max_regression_points=2, max_row_decrease=0.2)
    before = an_update(rule("old"), undecided(rule("c"), Verdict.ERROR, "it broke"), datasets=[])
    after = an_update(*(rule(name) for name in ("old", *"abcd")), datasets=[table(9)])

    assert judge_gate(gate, after, before).notes == (
        "there is no earlier result to compare with: orders.a, orders.b, orders.c and 1 more",
        "there is no earlier number of rows to compare with: orders",
    )


def test_a_rules_history_is_told_oldest_first_without_case_of_the_dataset():
    updates = [
        an_update(rule(violations=3), update_id="u3"),
        an_update(rule("other"), update_id="u2"),
        an_update(rule(violations=1), update_id="u1"),
    ]

    points = history(updates, "Orders", "positive")

    assert [(each.update_id, each.violated) for each in points] == [
        ("u1", pytest.approx(0.01)),
        ("u3", pytest.approx(0.03)),
    ]
    [trend] = trends(updates).values()
    assert [each.result is None for each in trend] == [False, True, False]
    assert trends([]) == {}


def test_an_open_gate_is_met_by_every_rule_that_ran():
    update = an_update(rule(violations=100, action=RuleAction.FAIL, severity=Severity.CRITICAL))

    assert judge_gate(OPEN, update).met


def test_a_rule_that_could_not_run_misses_every_gate():
    update = an_update(undecided(rule(), Verdict.ERROR, "it broke"))

    assert judge_gate(OPEN, update).reasons == ("orders.positive could not be decided: it broke",)


@pytest.mark.parametrize(
    ("severity", "threshold", "met"),
    [
        (Severity.CRITICAL, None, False),
        (Severity.WARNING, None, True),
        (Severity.CRITICAL, Threshold(max_failures=1), True),
    ],
)
def test_a_critical_rule_that_is_violated_misses_the_gate(severity, threshold, met):
    update = an_update(rule(violations=1, severity=severity, threshold=threshold))

    assert judge_gate(Gate(), update).met is met


def test_the_least_share_holds_for_every_rule_of_rows_and_for_rows_only():
    gate = replace(OPEN, min_pass_ratio=0.99)

    assert judge_gate(gate, an_update(rule(violations=1))).met
    assert judge_gate(gate, an_update(rule(violations=2))).reasons == (
        "orders.positive: 98.0% of the rows pass, not 99.0%",
    )
    assert judge_gate(gate, an_update(rule(evaluated=0))).met
    assert judge_gate(gate, an_update(rule(violations=1, kind=RuleKind.AGGREGATE))).met


def test_a_share_that_fell_further_than_allowed_misses_the_gate():
    gate = replace(OPEN, max_regression_points=2)
    before = an_update(rule())

    assert judge_gate(gate, an_update(rule(violations=2)), before).met
    assert not judge_gate(gate, an_update(rule(violations=3)), before).met


def test_without_an_earlier_update_a_regression_cannot_be_told_and_that_is_said():
    result = judge_gate(replace(OPEN, max_regression_points=2), an_update(rule(violations=50)))

    assert (result.met, result.notes) == (True, ("there is no earlier update to compare with",))


def test_rows_that_no_rule_explains_miss_the_gate():
    lost = an_update(datasets=[table(90, rows_in=100, dropped=4, quarantined=5)])

    assert judge_gate(Gate(), lost).reasons == ("orders: 1 row are missing that no rule explains",)


def test_a_view_that_lost_rows_misses_the_gate_and_a_stream_does_not():
    gate = replace(OPEN, max_row_decrease=0.2)
    before, after = an_update(datasets=[table(100)]), an_update(datasets=[table(79)])
    stream = {"kind": "streaming_table", "action": "append"}

    assert not judge_gate(gate, after, before).met
    assert judge_gate(gate, an_update(datasets=[table(80)]), before).met
    assert judge_gate(
        gate, an_update(datasets=[table(1, **stream)]), an_update(datasets=[table(9, **stream)])
    ).met


def test_that_nothing_was_checked_is_said_and_misses_a_gate_that_asks_for_it():
    nothing = an_update(rule(evaluated=0))

    assert judge_gate(OPEN, nothing).notes == ("no rule has checked a row",)
    assert judge_gate(OPEN, an_update()).notes == ("there are no rules",)
    assert not judge_gate(replace(OPEN, some_checked=True), nothing).met
