from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from dlt_lite.model.checks import RuleKind
from dlt_lite.model.gates import Gate
from dlt_lite.model.result_codec import (
    RESULTS_VERSION,
    ResultProblem,
    ResultTooNew,
    decoded,
    encoded,
    results_schema,
)
from dlt_lite.model.results import (
    RuleResult,
    UpdateQuality,
    Verdict,
    badness,
    judged,
    overall,
    undecided,
    worst,
)
from dlt_lite.model.rules import NullPolicy, RuleAction, Severity, Threshold
from dlt_lite.report.gate import judge_gate
from dlt_lite.report.words import figures
from tests.house.repository import ROOT
from tests.unit.told_updates import a_rule, an_update, clickstream, hostile_update

FAIL, WARN, PASS, SKIPPED, ERROR = (
    Verdict.FAIL,
    Verdict.WARN,
    Verdict.PASS,
    Verdict.SKIPPED,
    Verdict.ERROR,
)
SHARES = st.floats(0, 1)
THRESHOLDS = st.builds(Threshold, st.none() | SHARES, st.none() | st.integers(0))
RULES = st.builds(RuleResult, st.text(), st.text(), threshold=st.none() | THRESHOLDS)
UPDATES = st.builds(
    UpdateQuality, st.text(), rules=st.lists(RULES, max_size=3).map(tuple), datasets=st.just(())
)


def ran(evaluated=100, violations=0, **more):
    return judged(
        RuleResult("orders", "positive", evaluated=evaluated, violations=violations, **more)
    )


@pytest.mark.parametrize(
    ("rule", "verdict"),
    [
        (ran(100, 0), PASS),
        (ran(100, 1), WARN),
        (ran(100, 1, action=RuleAction.DROP), WARN),
        (ran(100, 1, action=RuleAction.QUARANTINE), WARN),
        (ran(100, 1, action=RuleAction.FAIL), FAIL),
        (ran(100, 1, threshold=Threshold(mostly=0.99)), PASS),
        (ran(100, 2, threshold=Threshold(mostly=0.99)), WARN),
        (ran(100, 2, threshold=Threshold(mostly=0.99, max_failures=2)), PASS),
        (ran(100, 2, threshold=Threshold(max_failures=1), action=RuleAction.FAIL), FAIL),
        (ran(0, 0), SKIPPED),
        (ran(0, 0, action=RuleAction.FAIL), SKIPPED),
        (ran(0, 0, exact=False), ERROR),
        (ran(None, None), ERROR),
        (ran(None, 0), ERROR),
        (ran(0, 1, kind=RuleKind.AGGREGATE), WARN),
        (ran(None, 0, kind=RuleKind.AGGREGATE), PASS),
    ],
)
def test_a_rules_verdict_follows_from_its_figures(rule, verdict):
    assert rule.verdict is verdict


def test_a_rule_that_has_checked_no_rows_says_so():
    assert ran(0, 0).reason == "no rows were checked"


@given(RULES)
def test_a_rule_of_rows_passes_only_where_rows_were_counted(rule):
    found = judged(rule)

    assert found.verdict is not PASS or found.evaluated or found.violations or not found.by_row


@given(RULES)
def test_the_share_of_passing_rows_is_a_share_or_unknown(rule):
    counted = replace(rule, evaluated=abs(rule.evaluated or 0), violations=0)

    assert counted.ratio in {1.0, None}


@pytest.mark.parametrize(
    ("nulls", "policy", "ratio", "told"),
    [
        (10, NullPolicy.PASS, 0.5, "10 of 20 rows broke it (50.0%); 10 more are NULL"),
        (10, NullPolicy.FAIL, 2 / 3, "10 of 30 rows broke it (33.3%)"),
        (None, NullPolicy.PASS, 2 / 3, "10 of 30 rows broke it (33.3%)"),
    ],
)
def test_the_share_is_of_the_rows_that_were_decided(nulls, policy, ratio, told):
    rule = judged(replace(ran(30, 10), null_results=nulls, null_policy=policy))

    assert (rule.ratio, figures(rule)) == (ratio, told)


def test_where_every_row_passes_for_being_null_there_is_no_share_and_the_reason_says_so():
    rule = judged(replace(ran(30, 0), null_results=30, null_policy=NullPolicy.PASS))

    assert (rule.verdict, rule.ratio) == (PASS, None)
    assert "NULL for every row" in rule.reason
    assert figures(rule) == rule.reason
    assert judge_gate(Gate(min_pass_ratio=1.0), an_update(rule)).met


def test_an_older_document_has_the_share_of_its_decided_rows():
    old = encoded(an_update(replace(ran(30, 10), null_results=10, null_policy=NullPolicy.PASS)))
    old["rules"][0]["ratio"] = 2 / 3

    assert decoded(old).rules[0].ratio == 0.5


def test_a_gate_asks_for_the_share_of_the_decided_rows():
    rule = judged(replace(ran(30, 10), null_results=10, null_policy=NullPolicy.PASS))

    assert not judge_gate(Gate(min_pass_ratio=0.6), an_update(rule)).met


def test_a_rule_that_did_not_run_has_no_figures():
    rule = undecided(ran(100, 3), ERROR, "it could not")

    assert (rule.evaluated, rule.violations, rule.ratio, rule.reason) == (
        None,
        None,
        None,
        "it could not",
    )


def test_a_failure_is_worse_than_an_error_than_a_warning_than_a_pass_than_nothing():
    assert worst([PASS, SKIPPED, WARN, ERROR, FAIL]) is FAIL
    assert worst([PASS, SKIPPED, WARN, ERROR]) is ERROR
    assert worst([PASS, SKIPPED]) is PASS
    assert worst([]) is SKIPPED


@pytest.mark.parametrize("state", ["FAILED", "CANCELED", "ABANDONED"])
def test_an_update_that_did_not_end_well_is_never_a_pass(state):
    assert overall(state, [ran(100, 0)]) is ERROR
    assert overall(state, [ran(100, 1, action=RuleAction.FAIL)]) is FAIL


def test_the_worst_rule_comes_first_by_verdict_then_severity_then_share():
    info = ran(100, 90, severity=Severity.INFO)
    few, many = ran(100, 1), ran(100, 50)
    failed = ran(100, 1, action=RuleAction.FAIL)

    assert sorted([info, few, many, failed], key=badness) == [failed, many, few, info]


@given(UPDATES)
def test_results_that_were_written_and_read_are_the_same(update):
    assert decoded(json.loads(json.dumps(encoded(update)))) == update


@pytest.mark.parametrize("update", [clickstream(), hostile_update(), an_update()])
def test_every_document_is_valid_by_its_schema(update):
    validator = Draft202012Validator(results_schema())
    plain = json.loads(json.dumps(encoded(update)))

    assert list(validator.iter_errors(plain)) == []
    assert decoded(plain) == update


def test_the_schema_itself_is_valid_and_describes_every_field():
    schema = results_schema()

    Draft202012Validator.check_schema(schema)
    undescribed = [
        f"{name}.{field}"
        for name, record in {"": schema, **schema["$defs"]}.items()
        for field, told in record.get("properties", {}).items()
        if "description" not in told
    ]
    assert undescribed == ["Sample.cells"]


def test_the_schema_in_the_documents_is_this_one():
    file = ROOT / "docs" / "quality.schema.json"

    assert json.loads(file.read_text(encoding="utf-8")) == results_schema()


def test_a_document_from_before_a_field_was_there_has_its_default():
    old = {"results_version": 1, "update_id": "u1", "rules": [{"dataset": "a", "rule": "b"}]}

    assert decoded(old) == UpdateQuality("u1", rules=(RuleResult("a", "b"),))


def test_the_share_is_said_in_the_document_and_comes_from_the_counts():
    plain = encoded(an_update(a_rule("orders", "positive", 100, 1)))
    plain["rules"][0]["ratio"] = 0.1

    assert encoded(decoded(plain))["rules"][0]["ratio"] == 0.99


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"update_id": None}, "update_id: None is no string"),
        ({"colour": "red"}, "colour is no field of this version"),
        ({"verdict": "green"}, "verdict: 'green' is none of pass, warn, fail, error, skipped"),
        ({"rules": {}}, "rules: {} is no list"),
        ({"rules": [{"dataset": "a"}]}, "rules: rule is missing"),
        ({"rules": [{"dataset": "a", "rule": "b", "evaluated": True}]}, "rules: evaluated: True"),
        ({"rules": [{"dataset": "a", "rule": "b", "evaluated": 1.5}]}, "rules: evaluated: 1.5"),
        ({"rules": ["a"]}, "rules: 'a' is no object"),
        ({"results_version": "1"}, "results_version: '1' is no version"),
        ({"results_version": 0}, "results_version: 0 is no version"),
    ],
)
def test_a_document_that_is_not_of_the_model_is_refused_by_its_place(change, told):
    with pytest.raises(ResultProblem) as refused:
        decoded(encoded(an_update()) | change)

    assert told in str(refused.value)


def test_a_document_without_an_update_and_one_that_is_no_object_are_refused():
    for plain in ({"results_version": 1}, [], None):
        with pytest.raises(ResultProblem):
            decoded(plain)


def test_a_document_of_a_later_version_is_refused_as_such():
    with pytest.raises(ResultTooNew):
        decoded(encoded(an_update()) | {"results_version": RESULTS_VERSION + 1})
