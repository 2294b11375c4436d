"""A text of SQL → its statements: parted at semicolons outside of quotes, comments and blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(
    r"""
    (?P<quoted> '(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" | `(?:[^`]|``)*` )
  | (?P<comment> --[^\n]* | /\*.*?\*/ )
  | (?P<end> ; )
  | .
    """,
    re.VERBOSE | re.DOTALL,
)
_SCRIPT = re.compile(
    r"\s*(?:--[^\n]*\n|/\*.*?\*/|\s)*begin\b(?!\s+tran)", re.IGNORECASE | re.DOTALL
)


def statements_of(text: str) -> tuple[str, ...]:
    """Return the statements of a text; a script, which begins with BEGIN, is one."""
    if _SCRIPT.match(text):
        return (text.strip().removesuffix(";"),)
    return tuple(each for each in _parts(text) if each)


def _parts(text: str) -> Iterator[str]:
    start, is_empty = 0, True
    for token in _TOKEN.finditer(text):
        if token["end"]:
            yield "" if is_empty else text[start : token.start()].strip()
            start, is_empty = token.end(), True
        elif not token["comment"] and not token[0].isspace():
            is_empty = False
    yield "" if is_empty else text[start:].strip()
