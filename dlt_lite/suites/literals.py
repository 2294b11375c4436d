"""Names and values → SQL text that means them and nothing else, whatever they hold."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal

from dlt_lite.model.names import NameProblem, split_identifier

_LARGEST_INT = 2**31 - 1
_LARGEST_LONG = 2**63 - 1
_LAST_OF_FOUR = 0xFFFF
# What would end the text, begin an escape, be replaced as a variable, or not be seen.
_ESCAPED = {"'": "\\'", "\\": "\\\\", "$": "\\u0024"}


def with_an_end(sql: str) -> str:
    """Return a person's SQL so that more may follow: a comment at its end ends with its line."""
    return f"{sql}\n" if "--" in sql else sql


def column_sql(name: str) -> str:
    """Return a column's name for SQL; dots lead into structs, back quotes keep them together.

    Raises:
        ValueError: it is no name.
    """
    try:
        parts = split_identifier(name) if "`" in name else tuple(name.split("."))
    except NameProblem as problem:
        raise ValueError(str(problem)) from problem
    if not all(parts):
        raise ValueError(f"{name!r} is no column")
    return ".".join(f"`{part.replace('`', '``')}`" for part in parts)


def literal_sql(value: object) -> str:  # noqa: C901, PLR0912 - a kind of value each
    """Return a value for SQL, of the type that Spark gives to such a Python value.

    Raises:
        TypeError: SQL has no such value.
        ValueError: it is a whole number that no type of SQL holds.
    """
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return _whole(value)
        case float():
            return _double(value)
        case Decimal() if value.is_finite():
            return f"{value:f}BD"
        case str():
            return f"'{''.join(map(_character, value))}'"
        case datetime():
            return f"TIMESTAMP '{value.isoformat(sep=' ')}'"
        case date():
            return f"DATE '{value.isoformat()}'"
        case _:
            raise TypeError(f"{value!r} is no value of SQL")


def _whole(value: int) -> str:
    if abs(value) <= _LARGEST_INT:
        return str(value)
    if abs(value) <= _LARGEST_LONG:
        return f"{value}L"
    if abs(value) >= 10**38:
        raise ValueError(f"{value!r:.60} has more than 38 digits")
    return f"{value}BD"


def _double(value: float) -> str:
    if math.isnan(value):
        return "DOUBLE('NaN')"
    if math.isinf(value):
        return f"DOUBLE('{'-' if value < 0 else ''}Infinity')"
    return f"{value!r}D"


def _character(each: str) -> str:
    if each in _ESCAPED:
        return _ESCAPED[each]
    if each.isprintable():
        return each
    point = ord(each)
    return f"\\u{point:04x}" if point <= _LAST_OF_FOUR else f"\\U{point:08x}"
