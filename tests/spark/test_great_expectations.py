"""Every kind of Great Expectations that compiles decides as the real one does, side by side."""

import json
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from importlib import import_module

import pytest
from pyspark.sql import Window
from pyspark.sql import functions as F  # noqa: N812 - PySpark's own habit

from dlt_lite.errors import BadSuite
from dlt_lite.model.checks import (
    Aggregate,
    GreatExpectation,
    HasLayout,
    Incomplete,
    RuleKind,
    Unique,
)
from dlt_lite.model.layouts import layout_breach
from dlt_lite.model.origin import Origin
from dlt_lite.model.results import (
    DatasetQuality,
    RuleResult,
    UpdateQuality,
    Verdict,
    judged,
    undecided,
)
from dlt_lite.model.rules import NullPolicy, Rule
from dlt_lite.model.samples import NOTHING_SHOWN, Cell, Sample
from dlt_lite.model.schema import schema_from_json
from dlt_lite.quality.enforce import count_now
from dlt_lite.quality.great_expectations import Undecided, decided_by_great_expectations
from dlt_lite.quality.samples import Sampling
from dlt_lite.report.files import write_reports
from dlt_lite.report.forms import ReportForm
from dlt_lite.report.gx import SQL_TYPE
from dlt_lite.suites.documents import read_given
from dlt_lite.suites.great_expectations import expectation as great_expectation
from dlt_lite.suites.great_expectations import module
from dlt_lite.suites.kinds import KINDS, Way
from dlt_lite.suites.literals import column_sql, literal_sql
from dlt_lite.suites.said import said_in
from dlt_lite.suites.strftime import strftime_sql

pytestmark = [
    pytest.mark.spark,
    # A string as a row condition is of the past there.
    pytest.mark.filterwarnings("ignore:.*deprecated as of GX Core:DeprecationWarning"),
]

SCHEMA = (
    "id BIGINT, x DOUBLE, s STRING, n INT, d DECIMAL(10,2), t TIMESTAMP, day DATE, text STRING, "
    "a INT, b INT, c INT, `odd name` STRING, u INT"
)
HOSTILE = "</script><script>alert(1)</script> a && b"
STARTED = "2026-01-01T10:00:00+00:00"
NAN, INF = float("nan"), float("inf")


def _row(number, x, s, d, text, *abc, odd="o", u=None):
    n = None if number % 4 == 3 else number
    t = None if number == 5 else datetime(2024, 1, 1 + number, 12, 30)  # noqa: DTZ001 - no zone
    day = None if number == 6 else date(2024, 1, 1 + number)
    big = 2**53 + number
    return (big, x, s, n, None if d is None else Decimal(d), t, day, text, *abc, odd, u)


ROWS = [
    _row(0, 1.5, "alpha", "0.50", "2024-01-31", 1, 1, 1, u=1),
    _row(1, -0.0, "", "10.00", "2024-1-5", 2, 1, 3, u=2),
    _row(2, NAN, "béta", "-3.25", "2024-02-30", 1, 2, 4, odd=None, u=3),
    _row(3, None, None, None, None, None, None, None),
    _row(4, 2.5, "It's", "99.99", "31.01.2024", None, 3, 3, u=4),
    _row(5, INF, "日本語", "0.50", "", 3, None, 3, u=5),
    _row(6, 1e-9, "a%b_c", "7.00", "2024-01-31 ", 4, 4, None, u=6),
    _row(7, -INF, "line\nbreak", "8.00", "2024-12-01", 5, 5, 5, odd="", u=7),
    _row(8, 1.5, "alpha", "0.50", "0000-01-01", 1, 1, 1, u=8),
    _row(9, 2.5, "$5 \\ ${x}", None, "2023-02-29", 6, 1, 2, u=9),
    _row(10, NAN, " ", "1.00", "2024-1-1x", 0, 0, 0, u=9),
    _row(11, 0.0, "ALPHA", "2.00", "2024-01-01T10", 2, 2, 3),
]
V, C = "expect_column_values_to_", "expect_column_"
MULTI = "expect_multicolumn_"
NOT_NULL = {"type": "nullity", "column": {"name": "s"}, "is_null": False}
SOME = {
    "type": "or",
    "conditions": [
        {"type": "comparison", "column": {"name": "n"}, "operator": ">", "parameter": 5},
        {
            "type": "and",
            "conditions": [
                NOT_NULL,
                {
                    "type": "comparison",
                    "column": {"name": "odd name"},
                    "operator": "IN",
                    "parameter": ["o", "p"],
                },
            ],
        },
    ],
}


def _ranges(type_, column, *ranges):
    names = ("min_value", "max_value", "strict_min", "strict_max")
    for each in ranges:
        given = {k: v for k, v in zip(names, each, strict=False) if v is not None}
        yield type_, {"column": column, **given}


def _pairs(type_, **more):
    for ignored in ("both_values_are_missing", "either_value_is_missing", "neither"):
        yield type_, {"column_A": "a", "column_B": "b", "ignore_row_if": ignored, **more}


def _many(type_, columns, **more):
    for ignored in ("all_values_are_missing", "any_value_is_missing", "never"):
        yield type_, {"column_list": columns, "ignore_row_if": ignored, **more}


BY_ROW = [
    *((f"{V}not_be_null", {"column": name}) for name in ("x", "odd name")),
    *((f"{V}not_be_null", {"column": "s", "mostly": m}) for m in (0.95, 11 / 12)),
    (f"{V}be_null", {"column": "x"}),
    (f"{V}be_null", {"column": "d", "mostly": 0.1}),
    *_ranges(f"{V}be_between", "x", (0,), (None, 1.5), (0, 2.5, True, True), (-1e308, 1e308)),
    *_ranges(f"{V}be_between", "n", (4, 8), (4, 8, True), (4, 8, None, True)),
    *_ranges(f"{V}be_between", "id", (2**53 + 1,), (None, 2**53 + 3, None, True)),
    *_ranges(f"{V}be_between", "d", (0.5, 10, True), (7,)),
    *_ranges(f"{V}be_between", "day", ("2024-01-03", "2024-01-08"), ("2024-01-03", None, True)),
    *_ranges(f"{V}be_between", "t", ("2024-01-03T12:30:00",), (None, "2024-01-03T12:30:00")),
    (f"{V}be_between", {"column": "n", "min_value": 2, "mostly": 0.7}),
    (f"{V}be_between", {"column": "n", "min_value": 2, "row_condition": "d > 0"}),
    (f"{V}be_between", {"column": "n", "min_value": 7, "row_condition": SOME}),
    (f"{V}be_between", {"column": "n", "min_value": 7, "row_condition": NOT_NULL, "mostly": 0.3}),
    *(
        (
            f"{V}be_between",
            {
                "column": "n",
                "min_value": 5,
                "row_condition": text,
                "condition_parser": "great_expectations",
            },
        )
        for text in ('col("a") >= 2', 'col("s") == "alpha"', 'col("s").notNull()')
    ),
    *(
        (f"{V}{word}be_in_set", {"column": name, "value_set": values})
        for word in ("", "not_")
        for name, values in (
            ("s", ["alpha", "", "日本語", "It's", "$5 \\ ${x}", "line\nbreak"]),
            ("s", ["alpha", None]),
            ("n", []),
            ("id", [2**53, 2**53 + 1]),
        )
    ),
    (f"{V}be_in_set", {"column": "x", "value_set": [1.5, 0.0]}),
    (f"{V}be_in_set", {"column": "day", "value_set": ["2024-01-03"]}),
    *_ranges(f"{C}value_lengths_to_be_between", "s", (1, 5), (1, 5, True, True), (None, 4)),
    *((f"{C}value_lengths_to_equal", {"column": "s", "value": v}) for v in (5, 2.5)),
    *(
        (f"{V}{word}match_regex", {"column": "s", "regex": regex})
        for word in ("", "not_")
        for regex in (r"^\p{L}+$", r"\s", r"'|\$", "(?i)ALPHA")
    ),
    (f"{V}match_regex", {"column": "s"}),
    *(
        (f"{V}match_regex_list", {"column": "s", "regex_list": ["^a", "a$"], "match_on": on})
        for on in ("any", "all")
    ),
    (f"{V}not_match_regex_list", {"column": "s", "regex_list": ["^a", "^$"]}),
    *(
        (f"{V}match_strftime_format", {"column": "text", "strftime_format": text})
        for text in ("%Y-%m-%d", "%d.%m.%Y", "%Y-%m-%dT%H", "%Y-%m-%d ")
    ),
    *_pairs(f"{C}pair_values_to_be_equal"),
    (f"{C}pair_values_a_to_be_greater_than_b", {"column_A": "a", "column_B": "b"}),
    *_pairs(f"{C}pair_values_a_to_be_greater_than_b", or_equal=True, mostly=0.5),
    *_pairs(f"{C}pair_values_to_be_in_set", value_pairs_set=[[1, 1], [2, 1], [3, None]]),
    *_many(f"{MULTI}sum_to_equal", ["a", "b", "c"], sum_total=3),
    (f"{MULTI}sum_to_equal", {"column_list": ["a", "x"], "sum_total": 2.5}),
    (f"{MULTI}values_to_be_equal", {"column_list": ["a", "b", "c"]}),
    ("expect_select_column_values_to_be_unique_within_record", {"column_list": ["a", "b", "c"]}),
    (
        f"{MULTI}sum_to_equal",
        {"column_list": ["id", "id"], "sum_total": 2**54, "row_condition": "n IS NOT NULL"},
    ),
]
UNIQUE = [
    *((f"{V}be_unique", {"column": name}) for name in ("s", "x", "u")),
    (f"{V}be_unique", {"column": "u", "mostly": 0.82}),
    (f"{V}be_unique", {"column": "s", "row_condition": "n < 8"}),
    *_many("expect_compound_columns_to_be_unique", ["a", "b"]),
    ("expect_compound_columns_to_be_unique", {"column_list": ["s", "d"], "mostly": 0.8}),
]
# Whole numbers would not do there.
QUANTILES = {"quantiles": [0.0, 0.25, 0.5, 0.9, 1.0]}
TABLE = "expect_table_"
AGGREGATES = [
    *(
        each
        for name in ("min", "max", "mean", "sum", "stdev", "median")
        for column, ranges in (("n", ((0, 60, True), ())), ("x", ((0,),)))
        for each in _ranges(f"{C}{name}_to_be_between", column, *ranges)
    ),
    *_ranges(f"{C}mean_to_be_between", "d", (0, 12.5), (None, 12.5, None, True)),
    *_ranges(f"{C}sum_to_be_between", "d", (125.25,), (None, 125.25)),
    *_ranges(f"{C}min_to_be_between", "id", (2**53, 2**53), (2**53, None, True)),
    *_ranges(f"{C}max_to_be_between", "day", ("2024-01-01",), (None, "2024-01-12"), ()),
    *_ranges(f"{C}min_to_be_between", "t", ("2024-01-01T12:30:00",), (None, "2024-01-01T12:00:00")),
    *_ranges(f"{C}max_to_be_between", "t", (None, "2024-01-12"), (None, "2024-01-12", None, True)),
    *_ranges(
        f"{C}min_to_be_between", "t", ("2024-01-01", None, True), ("2024-01-01", "2024-01-02")
    ),
    *_ranges(f"{C}median_to_be_between", "u", (5, 5), (5, 6, True)),
    *_ranges(f"{C}unique_value_count_to_be_between", "s", (9, 10), (10,), (None, 9), ()),
    *_ranges(f"{C}unique_value_count_to_be_between", "x", (8, 8), (9,)),
    *_ranges(f"{C}proportion_of_unique_values_to_be_between", "s", (0.9, 1), (0.95,)),
    *_ranges(f"{C}proportion_of_non_null_values_to_be_between", "s", (0.9,), (11 / 12, 11 / 12)),
    *(
        (
            f"{C}quantile_values_to_be_between",
            {"column": name, "quantile_ranges": {**QUANTILES, "value_ranges": ranges}},
        )
        for name in ("n", "x")
        for ranges in (
            [[0, 0], [2, 2], [5, 5], [9, 10], [10, None]],
            [[0, 1], [1, 2], [4, 4.9999], [9, 10], [10, 11]],
        )
    ),
    *(
        (f"{C}distinct_values_to_{word}_set", {"column": name, "value_set": values})
        for word in ("be_in", "contain", "equal")
        for name, values in (
            ("a", [0, 1, 2, 3, 4, 5, 6]),
            ("a", [0, 1]),
            ("a", [1, 1, None]),
        )
    ),
    (f"{C}distinct_values_to_contain_set", {"column": "a", "value_set": []}),
    *((f"{TABLE}row_count_to_equal", {"value": v}) for v in (12, 11)),
    *((f"{TABLE}row_count_to_be_between", g) for g in ({"min_value": 12}, {"max_value": 11}, {})),
    (f"{TABLE}row_count_to_equal", {"value": 4, "row_condition": "n > 7"}),
    (f"{C}max_to_be_between", {"column": "n", "max_value": 5, "row_condition": "d < 1"}),
    (f"{C}mean_to_be_between", {"column": "n", "min_value": 5, "row_condition": "n > 100"}),
]
NAMES = [part.split(" ")[0] for part in SCHEMA.replace("`odd name`", "odd_name").split(", ")]
NAMES[NAMES.index("odd_name")] = "odd name"
LAYOUTS = [
    (f"{C}to_exist", {"column": "id"}),
    (f"{C}to_exist", {"column": "ID"}),
    *((f"{C}to_exist", {"column": "x", "column_index": i}) for i in (0, 1, 2, -12, 99)),
    *(
        (f"{word}", {"column": name, "type_": type_})
        for word in (f"{V}be_of_type", f"{C}type_to_be")
        for name, type_ in (("id", "LongType"), ("id", "IntegerType"), ("d", "NumericType"))
    ),
    *(
        (f"{V}be_in_type_list", {"column": "s", "type_list": types})
        for types in (["StringType", "LongType"], ["LongType"], None)
    ),
    *((f"{TABLE}column_count_to_equal", {"value": v}) for v in (13, 12)),
    *((f"{TABLE}column_count_to_be_between", g) for g in ({"min_value": 13}, {"max_value": 3})),
    *(
        (f"{TABLE}columns_to_match_ordered_list", {"column_list": names})
        for names in (NAMES, NAMES[::-1], None)
    ),
    *(
        (f"{TABLE}columns_to_match_set", {"column_set": names, **more})
        for names in (NAMES[::-1], NAMES[:3], [*NAMES, "z"])
        for more in ({}, {"exact_match": False})
    ),
]
ONLY_OURS = {
    f"{V}{word}match_like_pattern{more}" for word in ("", "not_") for more in ("", "_list")
}
_ELSEWHERE = {Way.GREAT_EXPECTATIONS, Way.NOWHERE}
OF_NOTHING = [
    (f"{V}not_be_null", {"column": "s"}),
    (f"{V}be_between", {"column": "n", "min_value": 1}),
    (f"{C}pair_values_to_be_equal", {"column_A": "a", "column_B": "b"}),
    (f"{V}be_unique", {"column": "s"}),
    *((f"{C}{name}_to_be_between", {"column": "n"}) for name in ("min", "mean", "sum", "stdev")),
    (f"{C}unique_value_count_to_be_between", {"column": "s", "max_value": 0}),
    (f"{C}proportion_of_unique_values_to_be_between", {"column": "s", "max_value": 0}),
    (f"{C}proportion_of_non_null_values_to_be_between", {"column": "s", "max_value": 0}),
    (f"{C}distinct_values_to_be_in_set", {"column": "a", "value_set": [1]}),
    (f"{C}distinct_values_to_contain_set", {"column": "a", "value_set": [1]}),
    (f"{TABLE}row_count_to_equal", {"value": 0}),
]
COMPILED = [*BY_ROW, *UNIQUE, *AGGREGATES, *LAYOUTS]


def ours(entries) -> list[Rule]:
    """Return the rules that entries of a suite become."""
    refused: list[BadSuite] = []
    told = [
        {"type": type_, "kwargs": kwargs, "name": str(number)}
        for number, (type_, kwargs) in enumerate(entries)
    ]
    found = read_given(said_in(told, Origin("suite")), "nasty", {}, refused.append)
    assert not refused
    return list(found)


def figures(frame, rules):
    """Return of each rule what it decided: its verdict, rows, NULL results and violations."""
    rows = [rule for rule in rules if rule.check is None]
    # Not all at once: Spark compiles what it is asked, and one very long question slowly.
    parts = [rows[start : start + 40] for start in range(0, len(rows), 40)]
    counted = {
        each.name: each for part in parts for each in count_now(frame, part, Sampling()).rules
    }
    decided = {}
    for rule in rules:
        match rule.check:
            case None:
                count = counted[rule.name]
                found = (count.passed + count.failed, count.nulls, count.failed)
            case Unique():
                found = _duplicates(frame, rule, rule.check)
            case HasLayout():
                breach = layout_breach(rule.check, schema_from_json(frame.schema.json()))
                found = (None, None, int(breach is not None))
            case Aggregate():
                found = (None, None, None)
            case _:
                raise AssertionError(rule)
        decided[rule.name] = found
    for name, holds in _aggregated(frame, rules).items():
        decided[name] = (None, None, int(holds is not True))
    return [_result(rule, *decided[rule.name]) for rule in rules]


def _result(rule, evaluated, nulls, violations):
    return judged(
        RuleResult(
            "nasty",
            rule.name,
            kind=rule.kind,
            null_policy=rule.terms.null,
            threshold=rule.terms.threshold,
            evaluated=evaluated,
            null_results=nulls,
            violations=violations,
        )
    )


def _aggregated(frame, rules):
    found = {}
    for where in {rule.terms.where for rule in rules}:
        own = [r for r in rules if isinstance(r.check, Aggregate) and r.terms.where == where]
        if own:
            about = frame if where is None else frame.where(where)
            columns = [F.expr(each.check.condition).alias(each.name) for each in own]
            found |= about.agg(*columns).collect()[0].asDict()
    return found


def _duplicates(frame, rule, check):
    about = frame if rule.terms.where is None else frame.where(rule.terms.where)
    columns = [F.expr(column_sql(each)) for each in check.columns]
    missing = {Incomplete.ANY: " OR ", Incomplete.ALL: " AND "}.get(check.leaves_out)
    left_out = F.lit(False)
    if missing is not None:
        left_out = F.expr(missing.join(f"{column_sql(each)} IS NULL" for each in check.columns))
    same = F.count(F.lit(1)).over(Window.partitionBy(*columns))
    rows = about.select(left_out, same).collect()
    counts = [count for is_left_out, count in rows if not is_left_out]
    return len(counts), len(rows) - len(counts), sum(count > 1 for count in counts)


@dataclass(frozen=True)
class Theirs:
    """What the real Great Expectations says of an expectation of rows: its verdict and counts."""

    success: bool
    counts: tuple[int, int, int] | None


@pytest.fixture(autouse=True)
def plain_plans(spark):
    """Let Spark make no code of the many conditions: it takes longer than a few rows do."""
    spark.conf.set("spark.sql.codegen.wholeStage", "false")
    yield
    spark.conf.unset("spark.sql.codegen.wholeStage")


@pytest.fixture
def real(monkeypatch):
    """Return what asks the real Great Expectations.

    Its figures are caught where it makes a result of them: so it counts, and looks for no rows.
    """
    # Imported here, so that who collects tests need not wait for it.
    great_expectations = module()
    core = "great_expectations.expectations"
    modules = [
        import_module(name)
        for name in (
            f"{core}.expectation",
            f"{core}.core.expect_column_values_to_be_null",
            f"{core}.core.expect_column_values_to_not_be_null",
        )
    ]
    caught: list[tuple[int, int, int]] = []
    real_format = modules[0]._format_map_output  # noqa: SLF001 - what is caught

    def catching(**given):
        rows, bad = given["element_count"] or 0, given["unexpected_count"] or 0
        there = given["nonnull_count"]
        caught.append((rows, rows if there is None else there, bad))
        return real_format(**given)

    for each in modules:
        monkeypatch.setattr(each, "_format_map_output", catching)
    return partial(_asked, great_expectations, caught)


def _asked(great_expectations, caught, frame, entries):
    context = great_expectations.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    batch = (
        context.data_sources.add_spark("spark", persist=False)
        .add_dataframe_asset("nasty")
        .add_batch_definition_whole_dataframe("all")
        .get_batch(batch_parameters={"dataframe": frame})
    )
    suite = great_expectations.ExpectationSuite(name="nasty")
    registry = module("expectations.registry")
    for number, (type_, kwargs) in enumerate(entries):
        suite.add_expectation(
            registry.get_expectation_impl(type_)(**kwargs, meta={"number": number})
        )
    found = {}
    for each in batch.validate(suite, result_format="BOOLEAN_ONLY").results:
        assert not _raised(each.exception_info), (each.expectation_config, each.exception_info)
        type_, meta = each.expectation_config.type, each.expectation_config.meta
        of_rows = KINDS[type_].way in {Way.ROW, Way.UNIQUE}
        counts = caught.pop(0) if of_rows else None
        found[meta["number"]] = Theirs(bool(each.success), counts)
    assert not caught
    return [found[number] for number in range(len(entries))]


def _raised(info):
    return bool(info.get("raised_exception")) or any(
        each.get("raised_exception") for each in info.values() if isinstance(each, dict)
    )


def compared(frame, entries, real):
    """Return where ours and theirs differ."""
    found = figures(frame, ours(entries))
    expected = real(frame, entries)
    wrong = []
    for entry, own, their in zip(entries, found, expected, strict=True):
        counts = None
        if own.by_row:
            nulls = own.null_results or 0
            rows = own.evaluated if own.kind is RuleKind.ROW else own.evaluated + nulls
            counts = (rows, rows - nulls, own.violations)
        mine = Theirs(own.verdict in {Verdict.PASS, Verdict.SKIPPED}, counts)
        if mine != their:
            wrong.append(f"{entry}: ours {mine}, theirs {their}")
    return wrong


def test_every_compiled_kind_decides_as_great_expectations_does(spark, real):
    frame = spark.createDataFrame(ROWS, SCHEMA).coalesce(1)

    assert not compared(frame, COMPILED, real)


def test_the_fields_of_a_struct_are_columns_as_great_expectations_counts_them(spark, real):
    frame = spark.range(1).selectExpr(
        "struct(1 AS a, struct(2 AS `x.y`) AS b) AS st",
        "array(struct(1 AS a)) AS many",
        "struct(3 AS z) AS `o.p`",
        "id AS `q.r`",
    )
    names = ["st", "st.a", "st.b", "st.b.`x.y`", "many", "`o.p`", "o.p.z", "`q.r`"]
    entries = [
        *((f"{TABLE}column_count_to_equal", {"value": v}) for v in (4, 8)),
        (f"{TABLE}column_count_to_be_between", {"min_value": 5}),
        *(
            (f"{TABLE}columns_to_match_ordered_list", {"column_list": each})
            for each in (names, ["st", "many", "o.p", "q.r"])
        ),
        *(
            (f"{TABLE}columns_to_match_set", {"column_set": each, "exact_match": exact})
            for each in (names, ["st", "st.a"])
            for exact in (True, False)
        ),
        (f"{C}to_exist", {"column": "st.a"}),
        (f"{C}to_exist", {"column": "st.a", "column_index": 1}),
        (f"{C}to_exist", {"column": "many", "column_index": 1}),
    ]

    assert not compared(frame, entries, real)


def test_every_kind_has_its_place_in_the_comparison():
    compiled = {name for name, kind in KINDS.items() if kind.way not in _ELSEWHERE}
    assert compiled - {type_ for type_, _ in COMPILED} == ONLY_OURS


def test_of_no_rows_and_of_nothing_but_null_the_verdicts_are_the_same(spark, real):
    nothing = spark.createDataFrame([], SCHEMA)
    assert not compared(nothing, OF_NOTHING, real)


# What `LIKE` says of a text, for the kinds that the real one cannot run on Spark.
LIKES = [
    ("abc", "a%", None, True),
    ("abc", "%c", None, True),
    ("abc", "a_c", None, True),
    ("abc", "abc", None, True),
    ("abc", "ab", None, False),
    ("abc", "A%", None, False),
    ("", "%", None, True),
    ("", "_", None, False),
    ("a%b", "a\\%b", None, True),
    ("axb", "a\\%b", None, False),
    ("a_b", "a!_b", "!", True),
    ("axb", "a!_b", "!", False),
    ("a\\b", "a\\\\b", None, True),
    ("line\nbreak", "line%break", None, True),
    ("日本語", "日_語", None, True),
    ("it's", "it's", None, True),
    (None, "%", None, None),
]


def test_like_says_what_is_written_down_and_leaves_null_aside(spark):
    rows = [(number, text) for number, (text, *_) in enumerate(LIKES)]
    frame = spark.createDataFrame(rows, "number INT, s STRING")
    for word in ("", "not_"):
        entries = [
            (
                f"{V}{word}match_like_pattern",
                {"column": "s", "like_pattern": pattern, **({"escape": e} if e else {})},
            )
            for _, pattern, e, _ in LIKES
        ]
        decisions = [
            F.when(F.col("number") == number, F.expr(str(rule.condition)))
            for number, rule in enumerate(ours(entries))
        ]
        said = [row[0] for row in frame.orderBy("number").select(F.coalesce(*decisions)).collect()]
        assert said == [
            is_like if word == "" or is_like is None else not is_like for *_, is_like in LIKES
        ]


def test_lists_of_patterns_ask_for_one_or_for_all_and_none(spark):
    frame = spark.createDataFrame([("ab",), ("a",), ("b",), ("c",), (None,)], "s STRING")
    patterns = {"column": "s", "like_pattern_list": ["a%", "%b"]}
    rules = ours(
        [
            (f"{V}match_like_pattern_list", patterns),
            (f"{V}match_like_pattern_list", {**patterns, "match_on": "all"}),
            (f"{V}not_match_like_pattern_list", patterns),
        ]
    )
    found = [(each.evaluated, each.null_results, each.violations) for each in figures(frame, rules)]
    assert found == [(5, 1, 1), (5, 1, 3), (5, 1, 3)]


FORMATS = ("%Y-%m-%d", "%d.%m.%Y", "%Y%m%d", "%m/%d/%Y %H:%M", "%Y-%m-%dT%H:%M:%S.%f", "%d%m%Y%%")
TIMES = (
    *("2024-02-29", "2023-02-29", "2024-2-9", "2024-13-01", "2024-04-31", "0000-01-01"),
    *("0001-01-01", "9999-12-31", "24-01-01", "2024-01-01 ", " 2024-01-01", "2024-01-01\n", ""),
    *("31.12.2024", "1.1.2024", "00.1.2024", "29.02.1900", "20240229", "2024129", "202411"),
    *("02/29/2024 23:59", "2/9/2024  0:0", "02/29/2024\t24:00", "02/29/2024\u00a012:00"),
    *("2024-02-29t01:02:03.5", "2024-02-29T01:02:60.5", "2024-02-29T01:02:03.1234567"),
    *("01022024%", "1122024%", "112024%", "nonsense", "2024-01-0x"),
)


def test_a_format_is_told_by_sql_as_python_tells_it(spark):
    frame = spark.createDataFrame([(each,) for each in TIMES], "s STRING")
    conditions = [F.expr(str(strftime_sql("s", each))) for each in FORMATS]

    for row in frame.select("s", *conditions).collect():
        assert [row[1 + n] for n in range(len(FORMATS))] == [_is_a_time(row.s, f) for f in FORMATS]


def _is_a_time(text, form):
    try:
        datetime.strptime(text, form)  # noqa: DTZ007 - the text is on trial
    except ValueError:
        return False
    return True


def test_a_literal_is_read_by_spark_as_the_value_that_it_was_made_of(spark):
    values = [
        *(
            "",
            "it's",
            'a "b"',
            "a\\b",
            "\\",
            "\\n",
            "\n\t\r\0",
            "${env:HOME}",
            "$x",
            "%_\\%",
            "日本語 😀",
        ),
        *("\u200b\u2028\x7f", "`a`", "--x", "/* x */", "'; DROP TABLE t", "\\u0041"),
        *(True, False, 0, -1, 2**31, -(2**63), 0.1, -0.0, 1e300, 5e-324, INF, Decimal("-1.50")),
        *(date(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999)),  # noqa: DTZ001 - of no zone
    ]
    columns = [F.expr(literal_sql(each)).alias(f"c{n}") for n, each in enumerate(values)]
    assert list(spark.range(1).select(*columns).collect()[0]) == values
    assert list(spark.range(1).select(F.expr(literal_sql(2**100))).collect()[0]) == [2**100]


def test_a_name_means_its_column_whatever_it_holds(spark):
    names = ["a b", "a`b", "a.b", "select", "1", "a'b", "日", "-- x"]
    frame = spark.createDataFrame([tuple(range(len(names)))], names)
    quoted = [f"`{each.replace('`', '``')}`" if each in {"a`b", "a.b"} else each for each in names]
    row = frame.selectExpr(*[column_sql(each) for each in quoted]).collect()[0]
    assert list(row) == list(range(len(names)))


def test_what_sql_cannot_decide_is_decided_by_the_real_one_with_its_own_mostly(spark):
    frame = spark.createDataFrame([(1, "{}"), (2, "[1"), (3, None), (2, "7")], "n INT, s STRING")

    def decided(type_, **kwargs):
        (rule,) = ours([(type_, kwargs)])
        assert isinstance(rule.check, GreatExpectation)
        return decided_by_great_expectations(frame, rule.check, NOTHING_SHOWN)

    assert decided(f"{V}be_json_parseable", column="s") == (4, 1, "1 of 4 rows break it")
    assert decided(f"{V}be_json_parseable", column="s", mostly=0.6)[1] == 0
    query = "SELECT * FROM {batch} WHERE n > 2"
    assert decided(SQL_TYPE, unexpected_rows_query=query)[:2] == (1, 1)
    with pytest.raises(Undecided, match="nowhere"):
        decided(f"{V}be_json_parseable", column="nowhere")
    assert not frame.storageLevel.useMemory


EXPORTED = [
    (f"{V}not_be_null", {"column": "s"}),
    (f"{V}be_null", {"column": "d", "mostly": 0.1}),
    (f"{V}be_between", {"column": "n", "min_value": 2, "mostly": 0.7}),
    (f"{V}be_between", {"column": "n", "min_value": 7, "row_condition": SOME}),
    (f"{V}be_in_set", {"column": "s", "value_set": ["alpha", None]}),
    (f"{C}pair_values_to_be_equal", {"column_A": "a", "column_B": "b"}),
    (f"{MULTI}sum_to_equal", {"column_list": ["a", "b", "c"], "sum_total": 3}),
    (f"{V}be_unique", {"column": "u", "mostly": 0.82}),
    ("expect_compound_columns_to_be_unique", {"column_list": ["s", "d"]}),
]


def test_results_for_great_expectations_are_those_that_it_makes_itself(spark, tmp_path):
    frame = spark.createDataFrame(ROWS, SCHEMA).coalesce(1)
    rules = ours(EXPORTED)
    found = [
        replace(result, expectation=rule.expectation)
        for rule, result in zip(rules, figures(frame, rules), strict=True)
    ]
    update = UpdateQuality(
        "u1", "shop", "dev", "COMPLETED", Verdict.WARN, STARTED, rules=tuple(found)
    )

    written = write_reports(tmp_path, [update], [ReportForm.GX])

    own = json.loads((written[ReportForm.GX] / "nasty.json").read_text(encoding="utf-8"))
    great_expectations = module()
    context = great_expectations.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_spark("spark", persist=False)
    whole = source.add_dataframe_asset("nasty").add_batch_definition_whole_dataframe("all")
    batch = whole.get_batch(batch_parameters={"dataframe": frame})
    form = {"result_format": "SUMMARY", "partial_unexpected_count": 0}
    for (type_, kwargs), mine in zip(EXPORTED, own["results"], strict=True):
        their = batch.validate(great_expectation(type_, kwargs), result_format=form).to_json_dict()
        assert mine["expectation_config"]["type"] == type_
        assert (mine["success"], _figures_of(mine)) == (their["success"], _figures_of(their))
    counts = own["statistics"]
    assert counts["evaluated_expectations"] == len(EXPORTED)
    assert counts["successful_expectations"] == sum(each["success"] for each in own["results"])


def test_results_of_sql_rules_of_aggregates_and_of_what_went_wrong_are_written_and_shown(
    spark, tmp_path
):
    rules = (
        RuleResult(
            "events",
            "positive",
            "u1",
            condition="x > 0 AND s != '{'",
            description=HOSTILE,
            violations=3,
            evaluated=9,
            verdict=Verdict.WARN,
            samples=(Sample((Cell("x", "-5", True),)),),
        ),
        RuleResult(
            "events",
            HOSTILE,
            "u1",
            violations=3,
            evaluated=9,
            null_results=3,
            null_policy=NullPolicy.PASS,
            verdict=Verdict.WARN,
            samples=(Sample((Cell(HOSTILE, HOSTILE, True), Cell(f"{HOSTILE}2", HOSTILE, True))),),
            expectation=json.dumps(_hostile_entry()),
        ),
        RuleResult(
            "events",
            "remarked",
            "u1",
            condition="x = 'a  b' -- two blanks",
            where="y > 1 -- few",
            violations=0,
            evaluated=9,
            verdict=Verdict.PASS,
        ),
        RuleResult(
            "events",
            "many",
            "u1",
            kind=RuleKind.AGGREGATE,
            condition="count(*) > 5",
            violations=0,
            observed=f"9 {HOSTILE}",
            verdict=Verdict.PASS,
        ),
        RuleResult(
            "events",
            "median",
            "u1",
            kind=RuleKind.AGGREGATE,
            violations=0,
            observed="9",
            verdict=Verdict.PASS,
            expectation=json.dumps(_entry_of_quantiles()),
        ),
        RuleResult("events", "wrong", "u1", condition="x", verdict=Verdict.ERROR, reason=HOSTILE),
        RuleResult("events", "<b>left</b>", "u1", condition="x", verdict=Verdict.SKIPPED),
        judged(
            RuleResult(
                "events", "known", "u1", kind=RuleKind.FOREIGN_KEY, evaluated=0, violations=0
            )
        ),
    )
    update = UpdateQuality("u1", "shop", "dev", "COMPLETED", Verdict.WARN, STARTED, rules=rules)

    written = write_reports(tmp_path, [update], [ReportForm.GX, ReportForm.GX_DOCS])

    own = json.loads((tmp_path / "gx" / "events.json").read_text(encoding="utf-8"))
    query, paired, remarked, many, median, wrong = own["results"]
    assert query["expectation_config"]["kwargs"]["unexpected_rows_query"] == (
        "SELECT * FROM {batch} WHERE NOT coalesce(x > 0 AND s != '{{', FALSE)"
    )
    asked = remarked["expectation_config"]["kwargs"]["unexpected_rows_query"]
    assert asked == (
        "SELECT * FROM {batch} WHERE (y > 1 -- few\n) AND "
        "NOT coalesce(x = 'a  b' -- two blanks\n, FALSE)"
    )
    (breaking,) = spark.sql(
        asked.replace("{batch}", "VALUES ('a b', 5), ('a  b', 5), ('c', 0) t(x, y)")
    ).collect()
    assert breaking.x == "a b"
    assert (query["success"], query["result"]["observed_value"]) == (False, 3)
    assert (many["success"], many["result"]["observed_value"]) == (True, f"9 {HOSTILE}")
    assert (paired["result"]["missing_count"], paired["result"]["unexpected_percent"]) == (3, 50.0)
    assert median["success"]
    assert wrong["exception_info"]["exception_message"] == HOSTILE
    assert own["meta"]["dlt_lite"]["not_run"] == ["<b>left</b>", "known"]
    assert not own["success"]
    (page,) = (tmp_path / "gx-docs" / "validations").rglob("events.html")
    shown = page.read_text(encoding="utf-8")
    assert "<script>alert" not in shown
    # As the description, the name, a value that was seen, a sample, an error and its trace.
    assert shown.count("&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt; a &amp;&amp; b") >= 6
    assert "&amp;lt;" not in shown
    assert written[ReportForm.GX_DOCS].name == "index.html"


def test_a_dataset_of_which_nothing_was_checked_is_no_success_but_for_what_is_up_to_date(tmp_path):
    after = undecided(RuleResult("after", "r", "u1"), Verdict.SKIPPED, "what it reads failed")
    empty = judged(RuleResult("empty", "r", "u1", evaluated=0, violations=0))
    names = ("as_before", "elsewhere")
    alone = [undecided(RuleResult(name, "r", "u1"), Verdict.SKIPPED, "left") for name in names]
    update = UpdateQuality(
        "u1",
        "shop",
        "dev",
        "FAILED",
        Verdict.ERROR,
        STARTED,
        datasets=(
            DatasetQuality("after", state="SKIPPED", action="replace"),
            DatasetQuality("empty", state="COMPLETED", action="replace"),
            DatasetQuality("as_before", state="COMPLETED", action="skip"),
            DatasetQuality("elsewhere", state="EXCLUDED", action="append"),
        ),
        rules=(after, empty, *alone),
    )

    write_reports(tmp_path, [update], [ReportForm.GX])

    assert {each.stem for each in (tmp_path / "gx").iterdir()} == {"after", "empty"}

    for unchecked in (after, empty):
        file = tmp_path / "gx" / f"{unchecked.dataset}.json"
        suite = json.loads(file.read_text(encoding="utf-8"))
        (left,) = suite["results"]
        assert (suite["success"], left["success"], suite["statistics"]["success_percent"]) == (
            False,
            False,
            0.0,
        )
        assert left["exception_info"]["exception_message"] == unchecked.reason
        assert suite["meta"]["dlt_lite"]["not_run"] == ["r"]


def _hostile_entry():
    condition = {
        "type": "comparison",
        "column": {"name": "x"},
        "operator": "<",
        "parameter": HOSTILE,
    }
    columns = {"column_A": HOSTILE, "column_B": "b"}
    return {
        "type": f"{C}pair_values_to_be_equal",
        "kwargs": {**columns, "row_condition": condition},
    }


def _figures_of(result):
    return {k: v for k, v in result["result"].items() if not k.startswith("partial")}


def _entry_of_quantiles():
    ranges = {"quantiles": [0.5], "value_ranges": [[1, 9]]}
    return {
        "type": f"{C}quantile_values_to_be_between",
        "kwargs": {"column": "x", "quantile_ranges": ranges},
    }
