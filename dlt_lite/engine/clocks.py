"""Conditions that ask the clock: of the same row they would say something else tomorrow."""

from __future__ import annotations

import json
import re
from typing import Any

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException

# The functions of Spark that tell the time.
_TELLS_THE_TIME = frozenset(
    {"CurrentDate", "CurrentTime", "CurrentTimestamp", "LocalTimestamp", "Now"}
)
_MAY_TELL_IT = re.compile(r"curdate|current|localtime|now|unix_timestamp", re.IGNORECASE)
# Such as DATE 'today', which is a plain date as soon as it is read.
_DAY_BY_NAME = re.compile(
    r"\b(date|timestamp(_ntz|_ltz)?)\s*'\s*(now|today|tomorrow|yesterday)\b", re.IGNORECASE
)


def asks_the_clock(text: str, expression: Any) -> bool:
    """Return whether a condition, given as text and as an analysed expression, asks the clock."""
    if _DAY_BY_NAME.search(text):
        return True
    if not _MAY_TELL_IT.search(text):
        return False
    try:
        nodes = json.loads(expression.toJSON())
    except (PySparkException, Py4JError):
        return False
    return any(node["class"].rpartition(".")[2] in _TELLS_THE_TIME for node in nodes)
