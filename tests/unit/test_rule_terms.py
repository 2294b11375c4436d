"""What may be said of a rule: words in, records out, and what cannot be said refused."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql.types import LongType, StringType, StructField, StructType

import dlt_lite as dlt
from dlt_lite.errors import BadOption
from dlt_lite.model.checks import DropRatio, ForeignKey, Fresh, HasSchema, RowCountChange, Unique
from dlt_lite.model.rule_terms import (
    TERMS,
    TermProblem,
    action_of,
    aggregate_of,
    check_terms,
    drop_ratio_of,
    foreign_key_of,
    fresh_of,
    row_count_change_of,
    schema_of,
    terms_of,
    unique_of,
)
from dlt_lite.model.rules import NullPolicy, RuleAction, Severity, Terms, Threshold
from tests.unit.test_declaring import declared, only, query, refused

NESTED = "STRUCT<x: INT, y: MAP<INT, INT>>"


def test_every_word_is_taken_as_it_is_meant():
    said = {
        "mostly": 0.99,
        "max_failures": 100,
        "null": "pass",
        "where": "country = 'DE'",
        "severity": "info",
        "owner": "shop",
        "tags": ["money"],
        "description": "why",
        "enabled": ["prod"],
    }

    assert set(said) == set(TERMS)
    assert terms_of(said) == Terms(
        NullPolicy.PASS,
        "country = 'DE'",
        Threshold(0.99, 100),
        Severity.INFO,
        "shop",
        ("money",),
        "why",
        ("prod",),
    )


def test_nothing_said_is_no_terms_and_null_is_left_to_the_project():
    assert terms_of({}) == terms_of(dict.fromkeys(TERMS)) == Terms()
    assert terms_of({}).null is None


@pytest.mark.parametrize(
    ("enabled", "on"),
    [(True, {"dev", "prod"}), (False, set()), ("prod", {"prod"}), (["dev"], {"dev"})],
)
def test_a_rule_is_on_where_it_is_enabled(enabled, on):
    terms = terms_of({"enabled": enabled})

    assert {target for target in ("dev", "prod") if terms.is_on(target)} == on


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("mostly", 1.1),
        ("mostly", -0.1),
        ("mostly", "most"),
        ("mostly", True),
        ("mostly", float("nan")),
        ("max_failures", 1.5),
        ("max_failures", -1),
        ("null", "maybe"),
        ("severity", "high"),
        ("owner", 7),
        ("tags", 7),
        ("tags", [7]),
        ("enabled", 7),
    ],
)
def test_a_value_that_a_word_cannot_have_is_refused_with_a_remedy(word, value):
    with pytest.raises(TermProblem, match=word) as caught:
        terms_of({word: value})

    assert caught.value.fix


@given(st.floats(0, 1), st.integers(0, 1000), st.integers(0, 1000))
def test_a_threshold_that_allows_some_violations_allows_fewer(mostly, passed, failed):
    threshold = Threshold(mostly)

    if failed and threshold.allows(passed + failed, failed):
        assert threshold.allows(passed + failed, failed - 1)
        assert threshold.allows(passed + failed + 1, failed)


def test_checks_are_made_of_the_words_of_their_decorators():
    assert unique_of("id") == Unique(("id",))
    assert unique_of(["a", "b"]) == Unique(("a", "b"))
    assert foreign_key_of("user", "shop.users.id") == ForeignKey(("user",), "shop.users", ("id",))
    assert foreign_key_of(["a", "b"], ["t.x", "t.y"]) == ForeignKey(("a", "b"), "t", ("x", "y"))
    assert row_count_change_of(0.2, None) == RowCountChange(0.2)
    assert fresh_of("at", "2 hours") == Fresh("at", timedelta(hours=2))
    assert fresh_of("at", timedelta(1)) == fresh_of("at", "1 day") == fresh_of("at", "24 Hours")
    assert drop_ratio_of(0.1) == DropRatio(0.1)


@pytest.mark.parametrize(
    ("given_", "columns"),
    [
        ("id BIGINT, day DATE", (("id", "BIGINT"), ("day", "DATE"))),
        (
            "a STRUCT<x: INT, y: MAP<INT, INT>>, b",
            (("a", "STRUCT<x: INT, y: MAP<INT, INT>>"), ("b", None)),
        ),
        ("`a, b` DECIMAL(10, 2)", (("a, b", "DECIMAL(10, 2)"),)),
        ("id: INT", (("id", "INT"),)),
        (["id", "day"], (("id", None), ("day", None))),
        ({"id": "INT", "day": None}, (("id", "INT"), ("day", None))),
        (
            StructType([StructField("id", LongType()), StructField("s", StringType())]),
            (("id", "bigint"), ("s", "string")),
        ),
    ],
)
def test_columns_can_be_said_in_every_usual_way(given_, columns):
    assert schema_of(given_) == HasSchema(columns)


@pytest.mark.parametrize(
    ("make", "arguments"),
    [
        (unique_of, ([],)),
        (unique_of, (["a", "A"],)),
        (unique_of, (7,)),
        (foreign_key_of, ("a", "b")),
        (foreign_key_of, (["a", "b"], "t.x")),
        (foreign_key_of, (["a", "b"], ["t.x", "u.y"])),
        (aggregate_of, (" ",)),
        (aggregate_of, (7,)),
        (row_count_change_of, (None, None)),
        (row_count_change_of, (2, None)),
        (fresh_of, ("at", "soon")),
        (schema_of, ("",)),
        (schema_of, (7,)),
        (drop_ratio_of, (2,)),
        (action_of, ("explode", None)),
        (action_of, ("drop", unique_of("id"))),
        (check_terms, (terms_of({"mostly": 0.5}), aggregate_of("count(*) > 0"))),
        (check_terms, (terms_of({"where": "a"}), schema_of("id"))),
        (check_terms, (terms_of({"null": "pass"}), unique_of("id"))),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_remedy(make, arguments):
    with pytest.raises(TermProblem) as caught:
        make(*arguments)

    assert caught.value.fix


def test_a_decorator_about_many_rows_is_named_by_what_it_says_and_stands_in_order():
    def declare():
        dlt.table(
            dlt.expect_unique("id", owner="shop")(
                dlt.expect("good", "id > 0", mostly=0.9)(
                    dlt.expect_fresh("at", within="1 day", name="fresh", on_violation="fail")(query)
                )
            )
        )

    unique, good, fresh = only(declared(declare)).rules

    assert (unique.name, unique.condition, unique.terms.owner) == ("(id) is unique",) * 2 + (
        "shop",
    )
    assert good.terms.threshold == Threshold(0.9)
    assert (fresh.action, fresh.check.within) == (RuleAction.FAIL, timedelta(1))


def test_all_that_is_wrong_with_what_is_said_of_rules_is_told_with_its_line():
    def declare():
        dlt.table(
            dlt.expect("good", "id > 0", wher="id > 1", mostly=2)(
                dlt.expect_unique("id", on_violation="drop")(
                    dlt.expect_row_count_change(name="steady")(query)
                )
            )
        )

    errors = refused(declare)

    assert [type(each) for each in errors] == [BadOption] * 4
    assert {each.origin.path for each in errors} == {"test_rule_terms.py"}
    told = " ".join(str(each) for each in errors)
    assert "'wher'" in told
    assert "did you mean 'where'" in told
    assert "mostly is 2" in told
    assert "'steady'" in told
