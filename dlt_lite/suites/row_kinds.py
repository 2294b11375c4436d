"""Expectations of Great Expectations that decide row by row → SQL text, with its very meaning.

There a value that is NULL is not looked at, and an expression that is NULL breaks nothing. So each
condition here is NULL where the row is not looked at, true where it passes, false where it breaks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

from dlt_lite.suites.compiled import Compiled, Given, by_row
from dlt_lite.suites.literals import column_sql, literal_sql
from dlt_lite.suites.strftime import strftime_sql


def not_null(given: Given) -> Compiled:
    """Return: the value is there."""
    return by_row(f"{_column(given)} IS NOT NULL")


def null(given: Given) -> Compiled:
    """Return: the value is not there."""
    return by_row(f"{_column(given)} IS NULL")


def between(given: Given) -> Compiled:
    """Return: the value lies in a range; NaN is greater than all."""
    return by_row(_within(_column(given), given))


def in_set(given: Given) -> Compiled:
    """Return: the value is one of a set."""
    return by_row(_among(_column(given), given["value_set"]))


def not_in_set(given: Given) -> Compiled:
    """Return: the value is none of a set."""
    name = _column(given)
    return by_row(_where_there(name, f"NOT ({_member(name, given['value_set'])})", given))


def lengths_between(given: Given) -> Compiled:
    """Return: the text's length lies in a range."""
    return by_row(_within(f"length({_column(given)})", given))


def length_equals(given: Given) -> Compiled:
    """Return: the text has one length."""
    value = given["value"]
    shown = literal_sql(int(value) if float(value).is_integer() else float(value))
    return by_row(f"length({_column(given)}) = {shown}")


def regex(given: Given) -> Compiled:
    """Return: a pattern is found in the text."""
    return by_row(f"{_column(given)} RLIKE {literal_sql(given['regex'])}")


def not_regex(given: Given) -> Compiled:
    """Return: a pattern is not found in the text."""
    return by_row(f"NOT ({_column(given)} RLIKE {literal_sql(given['regex'])})")


def regex_list(given: Given) -> Compiled:
    """Return: one of some patterns, or all of them, are found in the text."""
    name, patterns = _column(given), given["regex_list"]
    if given["match_on"] == "any":
        return by_row(f"{name} RLIKE {literal_sql('|'.join(patterns))}")
    return by_row(_all(f"{name} RLIKE {literal_sql(each)}" for each in patterns))


def not_regex_list(given: Given) -> Compiled:
    """Return: none of some patterns is found in the text."""
    name = _column(given)
    return by_row(_all(f"NOT ({name} RLIKE {literal_sql(e)})" for e in given["regex_list"]))


def like(given: Given) -> Compiled:
    """Return: the whole text is like a pattern."""
    return by_row(_like(given, given["like_pattern"]))


def not_like(given: Given) -> Compiled:
    """Return: the whole text is not like a pattern."""
    return by_row(f"NOT ({_like(given, given['like_pattern'])})")


def like_list(given: Given) -> Compiled:
    """Return: the whole text is like one of some patterns, or like all of them."""
    parts = [_like(given, each) for each in given["like_pattern_list"]]
    return by_row(_any(parts) if given["match_on"] == "any" else _all(parts))


def not_like_list(given: Given) -> Compiled:
    """Return: the whole text is like none of some patterns."""
    return by_row(_all(f"NOT ({_like(given, each)})" for each in given["like_pattern_list"]))


def strftime(given: Given) -> Compiled | None:
    """Return: the text is a time in a format; None where SQL cannot tell as Python does."""
    found = strftime_sql(_column(given), given["strftime_format"])
    return None if found is None else by_row(found)


def pair_equal(given: Given) -> Compiled:
    """Return: two columns have the same value, or none."""
    first, second = _pair(given)
    return _of_pair(given, f"{first} <=> {second}")


def pair_greater(given: Given) -> Compiled:
    """Return: the first column's value is greater than the second's."""
    first, second = _pair(given)
    if given["or_equal"]:
        return _of_pair(given, f"coalesce({first} >= {second} OR {first} <=> {second}, TRUE)")
    return _of_pair(given, f"coalesce({first} > {second}, TRUE)")


def pair_in_set(given: Given) -> Compiled:
    """Return: the values of two columns are one of some pairs."""
    first, second = _pair(given)
    return _of_pair(
        given,
        _any(
            f"({first} <=> {literal_sql(one)} AND {second} <=> {literal_sql(other)})"
            for one, other in given["value_pairs_set"]
        ),
    )


def sum_equals(given: Given) -> Compiled:
    """Return: the columns' values add up to a number; what is not there counts nothing."""
    terms = [f"coalesce({each}, 0)" for each in _columns(given)]
    total = terms[0]
    for each in terms[1:]:
        total = f"try_add({total}, {each})"
    return _of_many(given, f"coalesce({total} = {literal_sql(given['sum_total'])}, FALSE)")


def all_equal(given: Given) -> Compiled:
    """Return: some columns have the same value, or none."""
    first, *others = _columns(given)
    return _of_many(given, _all(f"{first} <=> {each}" for each in others))


def all_different(given: Given) -> Compiled:
    """Return: no two of some columns have the same value."""
    parts = (f"{one} <=> {other}" for one, other in combinations(_columns(given), 2))
    return _of_many(given, f"NOT ({_any(parts)})")


def _column(given: Given) -> str:
    return column_sql(given["column"])


def _columns(given: Given) -> Sequence[str]:
    return [column_sql(each) for each in given["column_list"]]


def _pair(given: Given) -> tuple[str, str]:
    return column_sql(given["column_A"]), column_sql(given["column_B"])


def _within(value: str, given: Given) -> str:
    parts = []
    if (low := given["min_value"]) is not None:
        parts.append(f"{value} {'>' if given['strict_min'] else '>='} {literal_sql(low)}")
    if (high := given["max_value"]) is not None:
        parts.append(f"{value} {'<' if given['strict_max'] else '<='} {literal_sql(high)}")
    return _all(parts)


def _member(name: str, values: Sequence[object]) -> str:
    return f"{name} IN ({', '.join(map(literal_sql, values))})" if values else "FALSE"


def _among(name: str, values: Sequence[object]) -> str:
    return _where_there(name, _member(name, values), {"value_set": values})


def _where_there(name: str, condition: str, given: Given) -> str:
    """Return a condition that is NULL for no value that is there.

    A set that holds NULL makes `IN` undecided for what it does not hold: that breaks nothing.
    """
    values = given["value_set"]
    if values and None not in values:
        return condition
    return f"if({name} IS NULL, NULL, coalesce({condition}, TRUE))"


def _like(given: Given, pattern: str) -> str:
    _check_escapes(pattern, given["escape"] or "\\")
    escape = "" if given["escape"] is None else f" ESCAPE {literal_sql(given['escape'])}"
    return f"{_column(given)} LIKE {literal_sql(pattern)}{escape}"


def _check_escapes(pattern: str, escape: str) -> None:
    position = 0
    while (position := pattern.find(escape, position)) >= 0:
        if pattern[position + 1 : position + 2] not in {"%", "_", escape}:
            raise ValueError(f"{pattern!r:.60}: after {escape!r} stands %, _ or {escape!r} itself")
        position += 2


def _of_pair(given: Given, condition: str) -> Compiled:
    joined = {"both_values_are_missing": " AND ", "either_value_is_missing": " OR "}
    return _unless_missing(_pair(given), joined.get(given["ignore_row_if"]), condition)


def _of_many(given: Given, condition: str) -> Compiled:
    joined = {"all_values_are_missing": " AND ", "any_value_is_missing": " OR "}
    return _unless_missing(_columns(given), joined.get(given["ignore_row_if"]), condition)


def _unless_missing(columns: Sequence[str], joined: str | None, condition: str) -> Compiled:
    if joined is None:
        return by_row(condition)
    missing = joined.join(f"{each} IS NULL" for each in columns)
    return by_row(f"if({missing}, NULL, {condition})")


def _all(parts: Any) -> str:  # noqa: ANN401 - an iterable of texts
    return " AND ".join(parts)


def _any(parts: Any) -> str:  # noqa: ANN401 - an iterable of texts
    return " OR ".join(parts)


Compile = Callable[[Given], Compiled | None]
