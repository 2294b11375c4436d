"""Expectations of Great Expectations about whole columns → SQL over aggregates; about schemas.

There an aggregate that is NULL or NaN, as that of no values, is not between any bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from dlt_lite.model.checks import Aggregate, HasLayout, Incomplete, Unique
from dlt_lite.suites.compiled import Compiled, Given, by_check
from dlt_lite.suites.literals import column_sql, literal_sql

_LEAVES_OUT = {
    "all_values_are_missing": Incomplete.ALL,
    "any_value_is_missing": Incomplete.ANY,
    "never": Incomplete.NEVER,
}
# What numpy.isclose adds to a range's ends, with the tolerances that quantiles are given.
_RELATIVE, _ABSOLUTE = 1e-4, 1e-8


def unique(given: Given) -> Compiled:
    """Return: no two rows have the same value."""
    return by_check(Unique((given["column"],)))


def compound_unique(given: Given) -> Compiled:
    """Return: no two rows have the same values in some columns."""
    return by_check(Unique(given["column_list"], _LEAVES_OUT[given["ignore_row_if"]]))


def row_count(given: Given) -> Compiled:
    """Return: the number of rows lies in a range."""
    return _aggregate(_counted("count(*)", given))


def row_count_equals(given: Given) -> Compiled:
    """Return: there are so many rows."""
    return _aggregate(f"count(*) = {literal_sql(given['value'])}")


def least(given: Given) -> Compiled:
    """Return: the least value lies in a range."""
    return _aggregate(_measured(_extreme("min", given), given))


def greatest(given: Given) -> Compiled:
    """Return: the greatest value lies in a range."""
    return _aggregate(_measured(_extreme("max", given), given))


def mean(given: Given) -> Compiled:
    """Return: the mean lies in a range."""
    return _aggregate(_measured(f"avg({_column(given)})", given))


def total(given: Given) -> Compiled:
    """Return: the sum lies in a range."""
    return _aggregate(_measured(f"sum(CAST({_column(given)} AS DOUBLE))", given))


def deviation(given: Given) -> Compiled:
    """Return: the sample's standard deviation lies in a range."""
    return _aggregate(_measured(f"stddev_samp({_column(given)})", given))


def median(given: Given) -> Compiled:
    """Return: the median lies in a range."""
    return _aggregate(_measured(f"median({_numbers(given)})", given))


def quantiles(given: Given) -> Compiled:
    """Return: each quantile lies in its range."""
    parts = []
    for share, (low, high) in given["quantile_ranges"]:
        found = f"percentile_disc({share!r}) WITHIN GROUP (ORDER BY {_numbers(given)})"
        parts.append(_near(found, low, high))
    return _aggregate(" AND ".join(parts))


def distinct_count(given: Given) -> Compiled:
    """Return: the number of different values lies in a range."""
    return _aggregate(_counted(f"count(DISTINCT {_column(given)})", given))


def distinct_share(given: Given) -> Compiled:
    """Return: the share of different values among those that are there lies in a range."""
    name = _column(given)
    return _aggregate(_share(f"count(DISTINCT {name})", f"count({name})", given))


def filled_share(given: Given) -> Compiled:
    """Return: the share of rows with a value lies in a range."""
    return _aggregate(_share(f"count({_column(given)})", "count(*)", given))


def distinct_in_set(given: Given) -> Compiled:
    """Return: every value is one of a set."""
    return _aggregate(_no_other(given))


def distinct_contain_set(given: Given) -> Compiled:
    """Return: every value of a set is there."""
    return _aggregate(_none_missing(given))


def distinct_equal_set(given: Given) -> Compiled:
    """Return: the values are those of a set."""
    return _aggregate(f"{_no_other(given)} AND {_none_missing(given)}")


def column_exists(given: Given) -> Compiled:
    """Return: there is a column, at a position where one is given."""
    # There the position 0 counts as none.
    return by_check(HasLayout((given["column"],), position=given["column_index"] or None))


def has_type(given: Given) -> Compiled | None:
    """Return: a column has a type; None for a field of a struct."""
    return _typed(given["column"], (given["type_"],))


def has_one_of_types(given: Given) -> Compiled | None:
    """Return: a column has one of some types; None for a field of a struct."""
    return _typed(given["column"], given["type_list"] or ())


def column_count(given: Given) -> Compiled:
    """Return: the number of columns lies in a range."""
    return by_check(HasLayout(least=given["min_value"], most=given["max_value"]))


def column_count_equals(given: Given) -> Compiled:
    """Return: there are so many columns."""
    return by_check(HasLayout(least=given["value"], most=given["value"]))


def columns_in_order(given: Given) -> Compiled:
    """Return: the columns are those of a list, in its order."""
    names = given["column_list"]
    wanted = HasLayout() if names is None else HasLayout(names, others=False, ordered=True)
    return by_check(wanted)


def columns_in_set(given: Given) -> Compiled:
    """Return: the columns are those of a set, or among others these."""
    names = tuple(dict.fromkeys(given["column_set"] or ()))
    return by_check(HasLayout(names, others=not given["exact_match"]))


def _aggregate(condition: str) -> Compiled:
    return by_check(Aggregate(condition))


def _typed(name: str, types: Sequence[str]) -> Compiled | None:
    return None if "." in name else by_check(HasLayout((name,), types=tuple(types)))


def _column(given: Given) -> str:
    return column_sql(given["column"])


def _extreme(name: str, given: Given) -> str:
    """Return the least or greatest value; where the range is one of days its day, as there."""
    value = f"{name}({_column(given)})"
    ends = [each for each in (given["min_value"], given["max_value"]) if each is not None]
    is_of_days = ends and not any(isinstance(each, datetime) for each in ends)
    return f"CAST({value} AS DATE)" if is_of_days and isinstance(ends[0], date) else value


def _numbers(given: Given) -> str:
    """Return the column without NaN, which quantiles leave aside."""
    name = f"CAST({_column(given)} AS DOUBLE)"
    return f"if(isnan({name}), NULL, {name})"


def _counted(value: str, given: Given) -> str:
    return " AND ".join(_bounds(value, given)) or f"{value} >= 0"


def _share(part: str, whole: str, given: Given) -> str:
    return _counted(f"coalesce(try_divide({part}, {whole}), 0)", given)


def _measured(value: str, given: Given) -> str:
    """Return that a measure is there, no NaN, and in its range."""
    parts = _bounds(value, given)
    if given["max_value"] is None:
        # NaN is greater than all, so that an upper bound alone keeps it out.
        low = given["min_value"]
        if low is None:
            parts = [f"{value} IS NOT NULL", f"CAST({value} AS STRING) != 'NaN'"]
        elif not isinstance(low, date):
            parts.append(f"NOT isnan({value})")
    return " AND ".join(parts)


def _bounds(value: str, given: Given) -> list[str]:
    parts = []
    if (low := given["min_value"]) is not None:
        parts.append(f"{value} {'>' if given['strict_min'] else '>='} {_end(low)}")
    if (high := given["max_value"]) is not None:
        parts.append(f"{value} {'<' if given['strict_max'] else '<='} {_end(high)}")
    return parts


def _end(bound: object) -> str:
    """Return a range's end; there Python compares it, and exactly, so whole numbers stay whole."""
    is_whole = isinstance(bound, float) and bound.is_integer() and abs(bound) < 10**38
    return literal_sql(int(bound) if is_whole else bound)  # type: ignore[call-overload]


def _near(found: str, low: float | None, high: float | None) -> str:
    """Return that a quantile lies in a range, or is close to one of its ends."""
    parts = []
    if low is not None:
        parts.append(f"{found} >= {literal_sql(low - (_ABSOLUTE + _RELATIVE * abs(low)))}")
    if high is not None:
        parts.append(f"{found} <= {literal_sql(high + (_ABSOLUTE + _RELATIVE * abs(high)))}")
    return " AND ".join(parts) or f"{found} IS NOT NULL"


def _no_other(given: Given) -> str:
    values = given["value_set"]
    listed = ", ".join(map(literal_sql, values))
    name = _column(given)
    return f"count_if({name} NOT IN ({listed})) = 0" if values else f"count({name}) = 0"


def _none_missing(given: Given) -> str:
    values = given["value_set"]
    if not values:
        return "count(*) >= 0"
    name, listed = _column(given), ", ".join(map(literal_sql, values))
    return f"count(DISTINCT CASE WHEN {name} IN ({listed}) THEN {name} END) = {len(values)}"
