"""What Spark says of an error, without the values that it tells: for where values are masked.

Spark does not say which column a value is of, so none is told: neither those between quotes nor
those that its messages name without. Types and settings in quotes, codes and names stay.
"""

from __future__ import annotations

import re

from dlt_lite.model.samples import MASKED

# A quote opens where no word ends (`couldn't` has none) and closes where none goes on. A value may
# hold quotes itself, so what lies between the first and the last goes; and all to the line's end
# where a value has several lines.
_SINGLE = re.compile(r"(?<!\w)'(?:.*'(?!\w)|.*$)")
_DOUBLE = re.compile(r'"(?P<known>[^"]*)"(?!\w)|".*$')
_KNOWN = re.compile(
    r"spark\.[\w.]+|true|false|STRING|BINARY|BOOLEAN|(TINY|SMALL|BIG)?INT|FLOAT|DOUBLE|DATE|"
    r"TIMESTAMP(_NTZ)?|VARIANT|DECIMAL\(\d+, ?\d+\)|INTERVAL( [A-Z]+( TO [A-Z]+)?)?"
)
# What Python says of names in code.
_OF_CODE = re.compile(r"(\w+: )?('\w+' object has no attribute '\w+'|name '\w+' is not defined)")
_BARE = (
    re.compile(r"(?<=\bvalue )(?!['\"]).+?(?= of the type )"),
    re.compile(r"(?<=\] ) ?\S+(?= cannot be represented as )"),
    re.compile(r"(?<=detected in record parsing: ).+$"),
)


def without_values(line: str) -> str:
    """Return a line of an error with every value in it masked."""
    if _OF_CODE.fullmatch(line):
        return line
    for pattern in _BARE:
        line = pattern.sub(MASKED, line)
    return _without_double(_SINGLE.sub(f"'{MASKED}'", line))


def _without_double(line: str) -> str:
    """Return a line without what stands between double quotes and is none of Spark's own words."""
    for found in _DOUBLE.finditer(line):
        if not _KNOWN.fullmatch(found["known"] or ""):
            start, end = found.start(), line.rindex('"')
            rest = line[end + 1 :] if end > start else ""
            return f'{line[:start]}"{MASKED}"{rest}'
    return line
