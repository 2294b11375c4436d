"""Every kind of expectation that Great Expectations 1.x has: its arguments, and what it becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from dlt_lite.model.layouts import TYPE_CLASSES
from dlt_lite.project.suggestions import closest, did_you_mean, shown
from dlt_lite.suites import row_kinds, wide_kinds
from dlt_lite.suites.arguments import (
    Argument,
    anything,
    bound,
    column,
    columns,
    flag,
    names,
    number,
    one_of,
    pairs,
    share,
    some_values,
    text,
    texts,
    values,
    whole,
)
from dlt_lite.suites.compiled import Compiled, Given
from dlt_lite.suites.said import Said, SaidMap, SaidValue, as_list, as_map, as_text, plain, refuse


class Way(StrEnum):
    """How an expectation is decided."""

    ROW = "row"
    UNIQUE = "unique"
    AGGREGATE = "aggregate"
    SCHEMA = "schema"
    GREAT_EXPECTATIONS = "great_expectations"
    NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of expectation.

    Attributes:
        way: how it is decided.
        arguments: its own arguments.
        compile: makes it ours, or returns None where only Great Expectations can decide it.
        is_about_rows: whether it takes `row_condition`.
        has_mostly: whether it takes `mostly`.
        needs_a_bound: whether one end of its range must be given.
    """

    way: Way
    arguments: tuple[Argument, ...] = ()
    compile: Callable[[Given], Compiled | None] = lambda _: None
    is_about_rows: bool = True
    has_mostly: bool = False
    needs_a_bound: bool = False

    @property
    def every_argument(self) -> tuple[Argument, ...]:
        """Its arguments, those that many kinds have with them."""
        more = [*self.arguments]
        if self.is_about_rows:
            more += [Argument("row_condition", anything), Argument("condition_parser", anything)]
        if self.has_mostly:
            more.append(Argument("mostly", share, default=1.0))
        return tuple(more)


def _type_name(said: Said, what: str) -> str:
    word = as_text(said, what)
    if word not in TYPE_CLASSES:
        fix = did_you_mean(_WORDS.get(word.lower(), word), TYPE_CLASSES)
        refuse(said.origin, f"{what} is {shown(word)}, no type class of Spark", fix)
    return word


_WORDS = {"int": "IntegerType", "bigint": "LongType", "smallint": "ShortType", "text": "StringType"}


def _type_names(said: Said, what: str) -> tuple[str, ...]:
    return tuple(_type_name(each, what) for each in as_list(said, what, "give a list of types"))


def _format(said: Said, what: str) -> str:
    given = as_text(said, what)
    example = datetime(2024, 2, 29, 12, 30, 59, tzinfo=UTC)
    try:
        datetime.strptime(example.strftime(given), given)  # noqa: DTZ007 - the format is on trial
    except ValueError as problem:
        refuse(said.origin, f"{what}: {problem}", "give a format such as '%Y-%m-%d'")
    return given


def _escape(said: Said, what: str) -> str:
    given = as_text(said, what)
    if len(given) != 1:
        refuse(said.origin, f"{what} is {shown(given)}", "give one character")
    return given


def _quantile_ranges(said: Said, what: str) -> tuple[tuple[float, tuple[object, object]], ...]:
    given = as_map(said, what, "give quantiles and value_ranges")
    nothing = SaidValue(None, said.origin)
    shares = as_list(given.get("quantiles") or nothing, what, "give a list of quantiles")
    ranges = as_list(given.get("value_ranges") or nothing, what, "give a list of ranges")
    if not shares or len(shares) != len(ranges):
        fix = "give quantiles, and as many value_ranges"
        refuse(said.origin, f"{what}: {len(shares)} quantiles, {len(ranges)} ranges", fix)
    found = []
    for quantile, ends in zip(shares, ranges, strict=True):
        pair = as_list(ends, what, "give two ends, null where one is open")
        if len(pair) != 2:  # noqa: PLR2004 - a range
            refuse(ends.origin, f"{what}: a range of {len(pair)} ends", "give two, null if open")
        low, high = (None if plain(end) is None else number(end, what) for end in pair)
        found.append((share(quantile, what), (low, high)))
    return tuple(found)


_COLUMN = (Argument("column", column, required=True),)
_RANGE = (
    Argument("min_value", bound),
    Argument("max_value", bound),
    Argument("strict_min", flag, default=False),
    Argument("strict_max", flag, default=False),
)
_WHOLE_RANGE = (Argument("min_value", whole), Argument("max_value", whole), *_RANGE[2:])
_SET = Argument("value_set", values, required=True)
_SOME_SET = Argument("value_set", some_values, required=True)
_MATCH_ON = Argument("match_on", one_of("any", "all"), default="any")
_ESCAPE = Argument("escape", _escape)
_LIKE = (Argument("like_pattern", text, required=True), _ESCAPE)
_LIKES = Argument("like_pattern_list", texts, required=True)
_PAIR = (
    Argument("column_A", column, required=True),
    Argument("column_B", column, required=True),
    Argument(
        "ignore_row_if",
        one_of("both_values_are_missing", "either_value_is_missing", "neither"),
        default="both_values_are_missing",
    ),
)
_MANY = (
    Argument("column_list", columns, required=True),
    Argument(
        "ignore_row_if",
        one_of("all_values_are_missing", "any_value_is_missing", "never"),
        default="all_values_are_missing",
    ),
)


def _row(*arguments: Argument, by: row_kinds.Compile, needs_a_bound: bool = False) -> Kind:
    return Kind(Way.ROW, arguments, by, has_mostly=True, needs_a_bound=needs_a_bound)


def _aggregate(*arguments: Argument, by: Callable[[Given], Compiled | None]) -> Kind:
    return Kind(Way.AGGREGATE, arguments, by)


def _schema(
    *arguments: Argument, by: Callable[[Given], Compiled | None], of_values: bool = False
) -> Kind:
    return Kind(Way.SCHEMA, arguments, by, is_about_rows=of_values, has_mostly=of_values)


def _great(*arguments: Argument, of_rows: bool = True, table: bool = False) -> Kind:
    return Kind(Way.GREAT_EXPECTATIONS, arguments, is_about_rows=not table, has_mostly=of_rows)


_NOWHERE = Kind(Way.NOWHERE)

_BY_ROW: Mapping[str, Kind] = {
    "values_to_not_be_null": _row(*_COLUMN, by=row_kinds.not_null),
    "values_to_be_null": _row(*_COLUMN, by=row_kinds.null),
    "values_to_be_between": _row(*_COLUMN, *_RANGE, by=row_kinds.between, needs_a_bound=True),
    "values_to_be_in_set": _row(*_COLUMN, _SET, by=row_kinds.in_set),
    "values_to_not_be_in_set": _row(*_COLUMN, _SET, by=row_kinds.not_in_set),
    "value_lengths_to_be_between": _row(
        *_COLUMN, *_WHOLE_RANGE, by=row_kinds.lengths_between, needs_a_bound=True
    ),
    "value_lengths_to_equal": _row(
        *_COLUMN, Argument("value", number, required=True), by=row_kinds.length_equals
    ),
    "values_to_match_regex": _row(
        *_COLUMN, Argument("regex", text, default="(?s).*"), by=row_kinds.regex
    ),
    "values_to_not_match_regex": _row(
        *_COLUMN, Argument("regex", text, required=True), by=row_kinds.not_regex
    ),
    "values_to_match_regex_list": _row(
        *_COLUMN,
        Argument("regex_list", texts, required=True),
        _MATCH_ON,
        by=row_kinds.regex_list,
    ),
    "values_to_not_match_regex_list": _row(
        *_COLUMN, Argument("regex_list", texts, required=True), by=row_kinds.not_regex_list
    ),
    "values_to_match_like_pattern": _row(*_COLUMN, *_LIKE, by=row_kinds.like),
    "values_to_not_match_like_pattern": _row(*_COLUMN, *_LIKE, by=row_kinds.not_like),
    "values_to_match_like_pattern_list": _row(
        *_COLUMN, _LIKES, _MATCH_ON, _ESCAPE, by=row_kinds.like_list
    ),
    "values_to_not_match_like_pattern_list": _row(
        *_COLUMN, _LIKES, _ESCAPE, by=row_kinds.not_like_list
    ),
    "values_to_match_strftime_format": _row(
        *_COLUMN, Argument("strftime_format", _format, required=True), by=row_kinds.strftime
    ),
    "pair_values_to_be_equal": _row(*_PAIR, by=row_kinds.pair_equal),
    "pair_values_a_to_be_greater_than_b": _row(
        *_PAIR, Argument("or_equal", flag, default=False), by=row_kinds.pair_greater
    ),
    "pair_values_to_be_in_set": _row(
        *_PAIR, Argument("value_pairs_set", pairs, required=True), by=row_kinds.pair_in_set
    ),
}
_OVER_COLUMNS: Mapping[str, Kind] = {
    "values_to_be_unique": Kind(Way.UNIQUE, _COLUMN, wide_kinds.unique, has_mostly=True),
    "min_to_be_between": _aggregate(*_COLUMN, *_RANGE, by=wide_kinds.least),
    "max_to_be_between": _aggregate(*_COLUMN, *_RANGE, by=wide_kinds.greatest),
    "mean_to_be_between": _aggregate(*_COLUMN, *_RANGE, by=wide_kinds.mean),
    "sum_to_be_between": _aggregate(*_COLUMN, *_RANGE, by=wide_kinds.total),
    "stdev_to_be_between": _aggregate(*_COLUMN, *_RANGE, by=wide_kinds.deviation),
    "median_to_be_between": _aggregate(*_COLUMN, *_RANGE, by=wide_kinds.median),
    "quantile_values_to_be_between": _aggregate(
        *_COLUMN,
        Argument("quantile_ranges", _quantile_ranges, required=True),
        Argument("allow_relative_error", anything),
        by=wide_kinds.quantiles,
    ),
    "unique_value_count_to_be_between": _aggregate(
        *_COLUMN, *_WHOLE_RANGE, by=wide_kinds.distinct_count
    ),
    "proportion_of_unique_values_to_be_between": _aggregate(
        *_COLUMN, *_RANGE, by=wide_kinds.distinct_share
    ),
    "proportion_of_non_null_values_to_be_between": _aggregate(
        *_COLUMN, *_RANGE, by=wide_kinds.filled_share
    ),
    "distinct_values_to_be_in_set": _aggregate(*_COLUMN, _SOME_SET, by=wide_kinds.distinct_in_set),
    "distinct_values_to_contain_set": _aggregate(
        *_COLUMN, _SET, by=wide_kinds.distinct_contain_set
    ),
    "distinct_values_to_equal_set": _aggregate(*_COLUMN, _SET, by=wide_kinds.distinct_equal_set),
    "to_exist": _schema(*_COLUMN, Argument("column_index", whole), by=wide_kinds.column_exists),
    "type_to_be": _schema(
        *_COLUMN, Argument("type_", _type_name, required=True), by=wide_kinds.has_type
    ),
    "values_to_be_of_type": _schema(
        *_COLUMN,
        Argument("type_", _type_name, required=True),
        by=wide_kinds.has_type,
        of_values=True,
    ),
    "values_to_be_in_type_list": _schema(
        *_COLUMN,
        Argument("type_list", _type_names),
        by=wide_kinds.has_one_of_types,
        of_values=True,
    ),
}
_BY_GREAT_EXPECTATIONS: Mapping[str, Kind] = {
    "values_to_be_increasing": _great(*_COLUMN, Argument("strictly", flag)),
    "values_to_be_decreasing": _great(*_COLUMN, Argument("strictly", flag)),
    "values_to_be_json_parseable": _great(*_COLUMN),
    "values_to_match_json_schema": _great(
        *_COLUMN, Argument("json_schema", anything, required=True)
    ),
    "value_z_scores_to_be_less_than": _great(
        *_COLUMN,
        Argument("threshold", number, required=True),
        Argument("double_sided", flag, required=True),
    ),
    "values_to_not_be_outliers": _great(
        *_COLUMN, Argument("method", one_of("iqr", "std")), Argument("multiplier", number)
    ),
    "most_common_value_to_be_in_set": _great(
        *_COLUMN, _SET, Argument("ties_okay", flag), of_rows=False
    ),
    "kl_divergence_to_be_less_than": _great(
        *_COLUMN,
        Argument("partition_object", anything),
        Argument("threshold", number),
        Argument("internal_weight_holdout", number),
        Argument("tail_weight_holdout", number),
        Argument("bucketize_data", flag),
        Argument("min_value", bound),
        Argument("max_value", bound),
        of_rows=False,
    ),
    "values_to_be_dateutil_parseable": _NOWHERE,
}
_OVER_TABLES: Mapping[str, Kind] = {
    "expect_compound_columns_to_be_unique": Kind(
        Way.UNIQUE, _MANY, wide_kinds.compound_unique, has_mostly=True
    ),
    "expect_multicolumn_sum_to_equal": _row(
        *_MANY, Argument("sum_total", number, required=True), by=row_kinds.sum_equals
    ),
    "expect_multicolumn_values_to_be_equal": _row(*_MANY, by=row_kinds.all_equal),
    "expect_select_column_values_to_be_unique_within_record": _row(
        *_MANY, by=row_kinds.all_different
    ),
    "expect_table_row_count_to_be_between": _aggregate(*_WHOLE_RANGE, by=wide_kinds.row_count),
    "expect_table_row_count_to_equal": _aggregate(
        Argument("value", whole, required=True), by=wide_kinds.row_count_equals
    ),
    "expect_table_column_count_to_be_between": _schema(
        Argument("min_value", whole), Argument("max_value", whole), by=wide_kinds.column_count
    ),
    "expect_table_column_count_to_equal": _schema(
        Argument("value", whole, required=True), by=wide_kinds.column_count_equals
    ),
    "expect_table_columns_to_match_ordered_list": _schema(
        Argument("column_list", names), by=wide_kinds.columns_in_order
    ),
    "expect_table_columns_to_match_set": _schema(
        Argument("column_set", names),
        Argument("exact_match", flag, default=True),
        by=wide_kinds.columns_in_set,
    ),
    "unexpected_rows_expectation": _great(
        Argument("unexpected_rows_query", as_text, required=True), of_rows=False, table=True
    ),
    "expect_query_results_to_match_comparison": _NOWHERE,
    "expect_table_row_count_to_equal_other_table": _NOWHERE,
}
KINDS: Mapping[str, Kind] = {
    **{
        f"expect_column_{name}": kind
        for table in (_BY_ROW, _OVER_COLUMNS, _BY_GREAT_EXPECTATIONS)
        for name, kind in table.items()
    },
    **_OVER_TABLES,
}
INSTEAD: Mapping[str, str] = {
    "expect_column_values_to_be_dateutil_parseable": (
        "say expect_column_values_to_match_strftime_format, or SQL such as "
        "`try_to_timestamp(day) IS NOT NULL`"
    ),
    "expect_query_results_to_match_comparison": "write a dataset that makes the comparison",
    "expect_table_row_count_to_equal_other_table": (
        "write a dataset that counts both, with an expectation"
    ),
}

_SEE = "see the kinds in docs/quality.md, under `Rules as files`"


def kind_of_expectation(type_: str, said: SaidMap) -> Kind:
    """Return the kind that a type names.

    Raises:
        BadSuite: there is none, or nothing here can decide it.
    """
    kind = KINDS.get(type_)
    if kind is None:
        match = closest(type_, KINDS)
        fix = _SEE if match is None else f"did you mean {shown(match)}?"
        refuse(said.origin, f"there is no expectation {shown(type_)}", fix)
    if kind.way is Way.NOWHERE:
        what = f"Great Expectations cannot decide {type_} on Spark"
        refuse(said.origin, what, INSTEAD[type_])
    return kind
