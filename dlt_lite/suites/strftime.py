"""A format of Python's `strptime` → SQL that is true for the texts that Python can read by it.

Only for formats whose meaning SQL can have: a year, month and day, with or without a time of day,
in any order and with any text between them. Python reads `2024-1-1` by `%Y-%m-%d`, which Spark's
own formats do not. Digits are 0 to 9; Python would take those of other scripts, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from dlt_lite.suites.literals import literal_sql

_PATTERNS: Mapping[str, str] = {
    "Y": r"(?!0000)\d\d\d\d",
    "m": r"1[0-2]|0[1-9]|[1-9]",
    "d": r"3[0-1]|[1-2]\d|0[1-9]|[1-9]| [1-9]",
    "H": r"2[0-3]|[0-1]\d|\d",
    "M": r"[0-5]\d|\d",
    "S": r"[0-5]\d|\d",
    "f": r"[0-9]{1,6}",
}
_PART = re.compile(r"%(.)|(\s+)|([^%\s]+)", re.DOTALL)
_BLANKS = r"[\s\x1c-\x1f\x85\p{Z}]+"
_DATE = ("Y", "m", "d")


def strftime_sql(column: str, text: str) -> str | None:
    """Return the SQL of a format.

    Args:
        column: the column as SQL.
        text: the format.

    Returns:
        SQL that is NULL where the column is; None where SQL cannot tell as Python does.
    """
    # As in Python, case is left aside, and the first match must be the whole text.
    pattern, order = r"(?iu)\A(?>", list[str]()
    position = 0
    while position < len(text):
        part = _PART.match(text, position)
        if part is None or not _is_plain(part):
            return None
        position = part.end()
        directive, blank, words = part.groups()
        if directive in _PATTERNS:
            pattern += f"({_PATTERNS[directive]})"
            order.append(directive)
        else:
            pattern += _BLANKS if blank else _quoted(words or "%")
    if len(set(order)) < len(order) or not set(_DATE) <= set(order):
        return None
    return _sql(column, pattern + r")\z", order)


def _is_plain(part: re.Match[str]) -> bool:
    directive, blank, words = part.groups()
    if directive is not None:
        return directive in _PATTERNS or directive == "%"
    return blank is not None or words.isascii()


def _quoted(words: str) -> str:
    return "".join(each if each.isalnum() else f"\\{each}" for each in words)


def _sql(column: str, pattern: str, order: list[str]) -> str:
    shown = literal_sql(pattern)
    year, month, day = (
        f"try_cast(regexp_extract({column}, {shown}, {order.index(each) + 1}) AS INT)"
        for each in _DATE
    )
    valid = f"{day} <= day(last_day(make_date({year}, {month}, 1)))"
    return f"if({column} IS NULL, NULL, coalesce({column} RLIKE {shown} AND {valid}, FALSE))"
