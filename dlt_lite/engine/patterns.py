"""Regular expressions in conditions: one that Java cannot read is found before a job meets it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from dlt_lite.engine.classes import java_static
from dlt_lite.engine.reading import behind

# The functions of Spark whose second argument is one.
_TAKES_A_PATTERN = frozenset(
    {
        "RLike",
        "RegExpCount",
        "RegExpExtract",
        "RegExpExtractAll",
        "RegExpInStr",
        "RegExpReplace",
        "RegExpSubStr",
        "StringSplit",
    }
)
_MAY_TAKE_ONE = re.compile("rlike|regexp|split", re.IGNORECASE)
_LONGEST = 80


def may_have_patterns(text: str) -> bool:
    """Return whether a condition's text may have a regular expression in it."""
    return _MAY_TAKE_ONE.search(text) is not None


def pattern_problem(session: SparkSession, expression: Any) -> str | None:
    """Return what is wrong with a regular expression that an analysed expression names.

    Only those that are written down can be judged, not what a column holds or a function makes.
    """
    try:
        nodes = json.loads(expression.toJSON())
    except (PySparkException, Py4JError):
        return None
    compiled = java_static(session, "java.util.regex.Pattern", "compile")
    for pattern in _patterns(nodes):
        try:
            compiled(pattern)
        except (PySparkException, Py4JError) as error:
            what = str(error).partition("\n")[0]
            return f"has no valid regular expression, {pattern!r:.{_LONGEST}}: {what}"
    return None


def _patterns(nodes: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield the patterns in a tree, given as its nodes from the top down, left to right."""
    for place, node in enumerate(nodes):
        if node["class"].rpartition(".")[2] in _TAKES_A_PATTERN:
            second = nodes[behind(nodes, place + 1)]
            value = second.get("value")
            if str(second.get("dataType")).startswith("string") and isinstance(value, str):
                yield value
