"""Task values: small JSON that a task hands to those after it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast

from dlt_lite.errors import BadTaskValue

LARGEST_VALUE = 48 * 1024
_LONGEST_SHOWN = 60

Json: TypeAlias = bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"] | None


def checked_value(key: str, value: object) -> Json:
    """Return a task value as whoever reads it will meet it.

    Raises:
        BadTaskValue: it is no JSON, or too large.
    """
    subject = f"task value {key[:_LONGEST_SHOWN]!r}"
    if not key:
        raise BadTaskValue("a task value needs a key", fix='task_values.set("rows", 3)')
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        fix = "give text, numbers, true, false, None, or lists and dictionaries of these"
        raise BadTaskValue(f"{subject} is no JSON: {error}", fix=fix) from error
    size = len(text)
    if size > LARGEST_VALUE:
        what = f"{subject} has {size:,} bytes; the most is {LARGEST_VALUE:,}"
        raise BadTaskValue(what, fix="write it to a table or a file, and hand over its name")
    return cast("Json", json.loads(text))


def size_of(value: Json) -> int:
    """Return the bytes of a value as it is handed over."""
    return len(json.dumps(value))


def too_long_to_read(why: str) -> BadTaskValue:
    """Return what whoever reads the values of a loop is told where their list is too long."""
    fix = "let the iterations write to a table or to files and read these, or set shorter values"
    return BadTaskValue(why, fix=fix)


def value_text(value: Json) -> str:
    """Return a value as it stands in a parameter: a text as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
