"""What one failure leaves undecided is one line, and a gate's reason leads to its rule."""

from dataclasses import replace

import pytest

from dlt_lite.model.checks import RuleKind
from dlt_lite.model.gates import Gate, GateResult
from dlt_lite.model.results import Verdict, undecided
from dlt_lite.model.rules import Severity
from dlt_lite.report.gate import judge_gate
from dlt_lite.report.reasons import Reason, Undecided, grouped, reasons_of
from dlt_lite.report.words import figures
from tests.unit.told_updates import a_rule, an_update


def not_decided(dataset, name, reason="it failed"):
    return undecided(a_rule(dataset, name), Verdict.ERROR, reason)


def test_rules_that_one_failure_left_undecided_are_one_line_at_the_first_of_them():
    broken, alone = a_rule("silver", "a", 9, 1), not_decided("silver", "d", "nobody counted")
    rules = [not_decided("silver", "b"), broken, not_decided("silver", "c"), alone]

    together, *others = grouped(rules)

    assert str(together) == "2 rules of silver were not decided: it failed"
    assert together.rules == (rules[0], rules[2])
    assert others == [broken, alone]


def test_rules_that_were_decided_are_never_put_together():
    rules = [a_rule("silver", name, 9, 1) for name in "abc"]

    assert grouped(rules) == tuple(rules)


def test_that_the_dataset_itself_failed_is_not_said_again():
    told = Undecided("silver", "silver failed before the rule was decided", (None,) * 11)

    assert str(told) == "11 rules of silver were not decided"


def test_a_gate_names_undecided_rules_once_and_every_other_reason_with_its_rule():
    late = a_rule("bronze", "late", 10, 5)
    lost = [not_decided("silver", name, "silver failed first") for name in "abc"]
    update = an_update(late, *lost, state="FAILED")
    gate = judge_gate(Gate(min_pass_ratio=0.9), update)

    assert len(gate.reasons) == 5
    assert reasons_of(gate, update) == (
        Reason("the update failed"),
        Reason("3 rules of silver were not decided", tuple(lost)),
        Reason("bronze.late: 50.0% of the rows pass, not 90.0%", (late,)),
    )


@pytest.mark.parametrize("name", ["a", "a b", "a: b", "a is critical", "x" * 300, ""])
def test_a_reason_finds_its_rule_whatever_its_name_is(name):
    rules = [a_rule("o", each, 2, 1) for each in {"a", "a b", name}]
    gate = GateResult(False, tuple(f"o.{each.rule}: 50% of the rows pass" for each in rules))

    found = reasons_of(gate, an_update(*rules))

    assert [each.rules for each in found] == [(rule,) for rule in rules]


def test_a_critical_rule_about_a_whole_table_says_what_was_found():
    rule = a_rule(
        "orders",
        "enough",
        None,
        1,
        kind=RuleKind.AGGREGATE,
        severity=Severity.CRITICAL,
        observed="count(1) = 5",
        condition="count(*) > 9",
    )
    update = an_update(rule)

    [reason] = reasons_of(judge_gate(Gate(), update), update)

    assert reason.text.endswith(": found count(1) = 5, expected count(*) > 9")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"observed": "5", "condition": "count(*) > 9"}, "found 5, expected count(*) > 9"),
        ({"condition": "count(*) > 9"}, "does not hold, expected count(*) > 9"),
        ({"observed": "5"}, "does not hold, found 5"),
        ({}, "does not hold"),
        (
            {"kind": RuleKind.SCHEMA, "observed": "day is missing", "condition": "columns day"},
            "day is missing, expected columns day",
        ),
        ({"violations": 0, "observed": "10", "condition": "count(*) > 9"}, "holds, found 10"),
    ],
)
def test_a_rule_about_a_whole_table_says_what_was_found_and_what_was_expected(more, told):
    rule = a_rule("o", "x", None, 1, kind=more.pop("kind", RuleKind.AGGREGATE))

    assert figures(replace(rule, **more)) == told
