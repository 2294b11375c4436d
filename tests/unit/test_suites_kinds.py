"""What each kind of expectation becomes, and what arguments it refuses."""

import json
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlt_lite.model.checks import (
    Aggregate,
    GreatExpectation,
    HasLayout,
    Incomplete,
    RuleKind,
    Unique,
)
from dlt_lite.model.layouts import layout_breach
from dlt_lite.model.rules import NullPolicy, RuleAction
from dlt_lite.model.schema import schema_from_json
from dlt_lite.suites.kinds import KINDS, Way
from dlt_lite.suites.literals import column_sql, literal_sql
from dlt_lite.suites.strftime import strftime_sql
from tests.unit.suites_made import refusal, rules

COLUMN = "expect_column_"
VALUES = "expect_column_values_to_"


def rule(root, type_, meta=None, /, **kwargs):
    entry = {"type": type_, "kwargs": kwargs, "meta": meta or {}}
    (found,) = rules(root, json.dumps({"expectations": [entry]}), "events.json")
    return found


def problem(root, type_, meta=None, /, **kwargs):
    entry = {"type": type_, "kwargs": kwargs, "meta": meta or {}}
    return refusal(root, json.dumps({"expectations": [entry]}), "events.json")


@pytest.mark.parametrize(
    ("type_", "kwargs", "condition"),
    [
        (f"{VALUES}not_be_null", {}, "`a` IS NOT NULL"),
        (f"{VALUES}be_null", {}, "`a` IS NULL"),
        (f"{VALUES}be_between", {"min_value": 1, "strict_min": True}, "`a` > 1.0D"),
        (f"{VALUES}be_between", {"min_value": "2024-01-31"}, "`a` >= DATE '2024-01-31'"),
        (
            f"{VALUES}be_between",
            {"max_value": "2024-01-31T10:00:00"},
            "`a` <= TIMESTAMP '2024-01-31 10:00:00'",
        ),
        (f"{VALUES}be_in_set", {"value_set": [1, "x"]}, "`a` IN (1, 'x')"),
        (
            f"{VALUES}be_in_set",
            {"value_set": [1, None]},
            "if(`a` IS NULL, NULL, coalesce(`a` IN (1, NULL), TRUE))",
        ),
        (
            f"{VALUES}be_in_set",
            {"value_set": []},
            "if(`a` IS NULL, NULL, coalesce(FALSE, TRUE))",
        ),
        (f"{VALUES}not_be_in_set", {"value_set": [2.5]}, "NOT (`a` IN (2.5D))"),
        (f"{VALUES}match_regex", {"regex": r"^\d'$"}, r"`a` RLIKE '^\\d\'\u0024'"),
        (f"{VALUES}match_regex_list", {"regex_list": ["a", "b"]}, "`a` RLIKE 'a|b'"),
        (
            f"{VALUES}match_regex_list",
            {"regex_list": ["a", "b"], "match_on": "all"},
            "`a` RLIKE 'a' AND `a` RLIKE 'b'",
        ),
        (f"{VALUES}match_like_pattern", {"like_pattern": "a%"}, "`a` LIKE 'a%'"),
        (
            f"{VALUES}match_like_pattern",
            {"like_pattern": "a!%", "escape": "!"},
            "`a` LIKE 'a!%' ESCAPE '!'",
        ),
        (
            f"{VALUES}not_match_like_pattern_list",
            {"like_pattern_list": ["a", "b"]},
            "NOT (`a` LIKE 'a') AND NOT (`a` LIKE 'b')",
        ),
        (f"{COLUMN}value_lengths_to_equal", {"value": 2}, "length(`a`) = 2"),
    ],
)
def test_a_kind_of_rows_becomes_sql_that_leaves_null_aside(tmp_path, type_, kwargs, condition):
    found = rule(tmp_path, type_, column="a", **kwargs)
    assert (found.condition, found.kind) == (condition, RuleKind.ROW)
    assert found.terms.null is NullPolicy.PASS


@pytest.mark.parametrize(
    ("type_", "kwargs", "condition"),
    [
        (f"{COLUMN}max_to_be_between", {"min_value": 1}, "max(`a`) >= 1 AND NOT isnan(max(`a`))"),
        (f"{COLUMN}max_to_be_between", {"max_value": 1.5}, "max(`a`) <= 1.5D"),
        (
            f"{COLUMN}unique_value_count_to_be_between",
            {"min_value": 1, "max_value": 2},
            "count(DISTINCT `a`) >= 1 AND count(DISTINCT `a`) <= 2",
        ),
        (
            f"{COLUMN}distinct_values_to_be_in_set",
            {"value_set": [1]},
            "count_if(`a` NOT IN (1)) = 0",
        ),
    ],
)
def test_a_kind_of_columns_becomes_sql_over_aggregates(tmp_path, type_, kwargs, condition):
    found = rule(tmp_path, type_, column="a", **kwargs)
    assert found.check == Aggregate(condition)
    assert found.terms.null is NullPolicy.FAIL


def test_a_rule_about_the_whole_table_is_named_without_empty_brackets(tmp_path):
    about_rows = rule(tmp_path, "expect_table_row_count_to_be_between", min_value=1)
    about_a_column = rule(tmp_path / "2", f"{COLUMN}max_to_be_between", column="a", min_value=1)

    assert about_rows.name == "expect_table_row_count_to_be_between"
    assert about_a_column.name == f"{COLUMN}max_to_be_between(a)"


def test_keys_become_checks_that_know_which_rows_they_leave_out(tmp_path):
    one = rule(tmp_path, f"{VALUES}be_unique", column="a", mostly=0.5)
    many = rule(tmp_path / "2", "expect_compound_columns_to_be_unique", column_list=["a", "b"])
    assert one.check == Unique(("a",))
    assert one.terms.threshold is not None
    assert many.check == Unique(("a", "b"), Incomplete.ALL)


def test_what_only_great_expectations_can_decide_stays_its_own_and_warns(tmp_path):
    found = rule(tmp_path, f"{VALUES}be_increasing", column="a", mostly=0.5, row_condition="b > 0")
    assert isinstance(found.check, GreatExpectation)
    assert json.loads(found.check.kwargs) == {
        "column": "a",
        "mostly": 0.5,
        "row_condition": "b > 0",
    }
    assert (found.action, found.terms.where, found.terms.threshold) == (RuleAction.WARN, None, None)

    odd = rule(tmp_path / "2", f"{VALUES}match_strftime_format", column="a", strftime_format="%j")
    assert odd.kind is RuleKind.GREAT_EXPECTATIONS


@pytest.mark.parametrize("action", ["fail", "drop"])
def test_what_only_great_expectations_can_decide_cannot_do_more_than_warn(tmp_path, action):
    error = problem(tmp_path, f"{VALUES}be_increasing", {"on_violation": action}, column="a")
    assert "warn" in (error.fix or "")


def test_every_kind_that_cannot_run_on_spark_is_refused_with_a_way_out(tmp_path):
    nowhere = [name for name, kind in KINDS.items() if kind.way is Way.NOWHERE]
    for number, name in enumerate(nowhere):
        error = problem(tmp_path / str(number), name, column="a")
        assert "cannot decide" in error.what
        assert error.fix
    assert len(nowhere) == 3


@pytest.mark.parametrize(
    ("type_", "kwargs", "says", "fix"),
    [
        ("expect_colum_to_exist", {"column": "a"}, "no expectation", "'expect_column_to_exist'"),
        ("zzz", {"column": "a"}, "no expectation 'zzz'", "docs/quality.md"),
        (f"{VALUES}be_null", {"colum": "a"}, "no argument 'colum'", "'column'"),
        (f"{VALUES}be_null", {}, "lacks column", "column"),
        (f"{VALUES}be_null", {"column": 5}, "must be text, not '5'", "quotes"),
        (f"{VALUES}be_null", {"column": "a..b"}, "no column", "name a column"),
        (f"{VALUES}be_null", {"column": "a", "mostly": 2}, "mostly is '2'", "share"),
        (f"{VALUES}be_null", {"column": "a", "mostly": "1"}, "mostly is '1'", "number"),
        (f"{VALUES}be_between", {"column": "a"}, "neither min_value", "one of them"),
        (f"{VALUES}be_between", {"column": "a", "min_value": "soon"}, "'soon'", "date"),
        (f"{VALUES}be_between", {"column": "a", "min_value": [1]}, "a list", "number"),
        (f"{VALUES}be_between", {"column": "a", "min_value": 1, "strict_min": 1}, "'1'", "true"),
        (f"{VALUES}be_in_set", {"column": "a", "value_set": "x"}, "a list, not 'x'", "list"),
        (f"{VALUES}be_in_set", {"column": "a", "value_set": [[1]]}, "holds a list", "numbers"),
        (f"{VALUES}be_in_set", {"column": "a", "value_set": [10**40]}, "holds", "numbers"),
        (f"{VALUES}match_regex_list", {"column": "a", "regex_list": []}, "is empty", "one"),
        (
            f"{VALUES}match_regex_list",
            {"column": "a", "regex_list": ["a"], "match_on": "al"},
            "'al'",
            "'all'",
        ),
        (
            f"{VALUES}match_like_pattern",
            {"column": "a", "like_pattern": "a\\b"},
            "after",
            "correct",
        ),
        (f"{VALUES}match_strftime_format", {"column": "a", "strftime_format": "%Q"}, "%Q", "%Y"),
        (f"{VALUES}be_of_type", {"column": "a", "type_": "int"}, "'int'", "'IntegerType'"),
        (
            "expect_table_row_count_to_equal",
            {"value": 2.5},
            "value is '2.5'",
            "whole number",
        ),
        (
            "expect_multicolumn_sum_to_equal",
            {"column_list": ["a"], "sum_total": 1},
            "fewer than two",
            "two",
        ),
        (
            "expect_column_pair_values_to_be_in_set",
            {"column_A": "a", "column_B": "b", "value_pairs_set": [[1]]},
            "not a pair",
            "two",
        ),
        (
            f"{COLUMN}quantile_values_to_be_between",
            {"column": "a", "quantile_ranges": {"quantiles": [0.5], "value_ranges": []}},
            "1 quantiles, 0 ranges",
            "as many",
        ),
        (
            f"{VALUES}be_null",
            {"column": "a", "row_condition": "x", "condition_parser": "pandas"},
            "'pandas'",
            "spark",
        ),
        (
            f"{VALUES}be_null",
            {"column": "a", "row_condition": {"type": "compare"}},
            "'compare'",
            "'comparison'",
        ),
        (
            f"{VALUES}be_null",
            {"column": "a", "row_condition": "b", "condition_parser": "great_expectations"},
            "cannot be read",
            "col(",
        ),
    ],
)
def test_an_argument_that_cannot_be_is_refused_with_a_way_out(tmp_path, type_, kwargs, says, fix):
    error = problem(tmp_path, type_, **kwargs)
    assert says in error.what
    assert fix in (error.fix or "")
    assert error.origin is not None
    assert error.origin.path == "expectations/events.json"


@pytest.mark.parametrize(
    ("condition", "parser", "sql"),
    [
        ("b > 0 AND c = 'x'", None, "b > 0 AND c = 'x'"),
        ('col("b c") >= -1.5', "great_expectations", "`b c` >= -1.5"),
        ('col("b") == "it"', "great_expectations", "`b` = 'it'"),
        ('col("b").notNull()', "great_expectations__experimental__", "`b` IS NOT NULL"),
        (
            {"type": "comparison", "column": {"name": "b"}, "operator": "!=", "parameter": "x"},
            None,
            "`b` != 'x'",
        ),
        (
            {
                "type": "or",
                "conditions": [
                    {
                        "type": "and",
                        "conditions": [
                            {"type": "nullity", "column": {"name": "b"}, "is_null": False},
                            {
                                "type": "comparison",
                                "column": {"name": "c"},
                                "operator": "NOT_IN",
                                "parameter": [1, 2],
                            },
                        ],
                    },
                    {"type": "pass_through", "pass_through_filter": "d > 1"},
                ],
            },
            None,
            "((`b` IS NOT NULL AND `c` NOT IN (1, 2)) OR (d > 1))",
        ),
        (
            {
                "type": "or",
                "conditions": [
                    {"type": "pass_through", "pass_through_filter": "a > 1 -- few"},
                    {"type": "pass_through", "pass_through_filter": "b > 1"},
                ],
            },
            None,
            "((a > 1 -- few\n) OR (b > 1))",
        ),
    ],
)
def test_a_row_condition_becomes_where(tmp_path, condition, parser, sql):
    given_parser = {} if parser is None else {"condition_parser": parser}
    found = rule(tmp_path, f"{VALUES}be_null", column="a", row_condition=condition, **given_parser)
    assert found.terms.where == sql


def test_what_an_expectation_says_itself_is_not_said_twice(tmp_path):
    for number, word in enumerate(({"mostly": 0.5}, {"null": "fail"}, {"where": "b > 0"})):
        root = tmp_path / str(number)
        error = problem(
            root, f"{VALUES}be_null", {"dlt_lite": word}, column="a", mostly=0.9, row_condition="c"
        )
        assert "said twice" in error.what


SCHEMA = schema_from_json(
    json.dumps(
        {
            "fields": [
                {"name": "id", "type": "long", "nullable": True},
                {"name": "Price", "type": "decimal(10,2)", "nullable": True},
                {
                    "name": "tags",
                    "type": {"type": "array", "elementType": "string", "containsNull": True},
                    "nullable": True,
                },
            ]
        }
    )
)


@pytest.mark.parametrize(
    ("check", "breach"),
    [
        (HasLayout(("id",)), None),
        (HasLayout(("price",)), "there is no column price"),
        (HasLayout(("id", "Price"), others=False), "there are other columns: tags"),
        (HasLayout(("tags", "id", "Price"), others=False), None),
        (HasLayout(("tags", "id", "Price"), ordered=True), "the columns stand in another order"),
        (HasLayout(("Price",), position=1), None),
        (HasLayout(("Price",), position=2), "column Price is not at position 2"),
        (HasLayout(("tags",), position=-1), None),
        (HasLayout(("tags",), position=9), "column tags is not at position 9"),
        (HasLayout(("Price",), types=("DecimalType",)), None),
        (HasLayout(("id",), types=("NumericType",)), None),
        (HasLayout(("tags",), types=("ArrayType", "MapType")), None),
        (HasLayout(("id",), types=("StringType",)), "column id is of type LongType"),
        (HasLayout(least=3, most=3), None),
        (HasLayout(least=4), "there are 3 columns, fewer than 4"),
        (HasLayout(most=2), "there are 3 columns, more than 2"),
    ],
)
def test_a_layout_is_judged_by_the_names_and_types_of_columns(check, breach):
    found = layout_breach(check, SCHEMA)
    assert (found or "").startswith(breach or "")
    assert (found is None) is (breach is None)


@given(st.text())
def test_a_text_as_a_literal_ends_where_it_ends_and_holds_no_variable(text):
    sql = literal_sql(text)
    inner = sql[1:-1].replace("\\\\", "").replace("\\'", "")
    assert sql[0] == sql[-1] == "'"
    assert "'" not in inner
    assert "$" not in sql
    assert sql.isprintable()


@given(st.text(min_size=1).filter(lambda text: "." not in text))
def test_a_name_as_sql_is_one_quoted_name(name):
    if "`" in name:
        name = f"`{name.replace('`', '``')}`"
    sql = column_sql(name)
    assert sql[0] == sql[-1] == "`"
    assert "`" not in sql[1:-1].replace("``", "")


@pytest.mark.parametrize(
    ("value", "sql"),
    [
        (None, "NULL"),
        (True, "TRUE"),
        (-5, "-5"),
        (2**31, "2147483648L"),
        (2**63, "9223372036854775808BD"),
        (float("nan"), "DOUBLE('NaN')"),
        (float("-inf"), "DOUBLE('-Infinity')"),
        (1e300, "1e+300D"),
        (date(2024, 2, 29), "DATE '2024-02-29'"),
        (datetime(2024, 2, 29, 1, 2, 3, 4), "TIMESTAMP '2024-02-29 01:02:03.000004'"),  # noqa: DTZ001 - of no zone
    ],
)
def test_a_value_as_a_literal_has_its_own_type(value, sql):
    assert literal_sql(value) == sql


def test_names_lead_into_structs_and_quoted_ones_do_not():
    assert column_sql("a.b c") == "`a`.`b c`"
    assert column_sql("`a.b`.c") == "`a.b`.`c`"


@pytest.mark.parametrize("text", ["%Y-%m-%d", "%d.%m.%Y %H:%M:%S.%f", "%Y%m%dT%H%M"])
def test_a_format_of_days_and_times_is_told_by_sql(text):
    assert strftime_sql("`a`", text)


@pytest.mark.parametrize(
    "text", ["%y-%m-%d", "%Y-%m", "%Y-%m-%d %Y", "%c", "%Y-%m-%d %z", "ü%Y%m%d"]
)
def test_a_format_that_sql_cannot_tell_as_python_does_is_not(text):
    assert strftime_sql("`a`", text) is None
