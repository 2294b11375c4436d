"""Conditions that ask the clock: of the same row they would say something else tomorrow."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException

# The functions of Spark that tell the time.
_TELLS_THE_TIME = frozenset(
    {"CurrentDate", "CurrentTime", "CurrentTimestamp", "LocalTimestamp", "Now"}
)
_MAY_TELL_IT = re.compile(
    r"curdate|current|localtime|now|unix_timestamp|today|tomorrow|yesterday", re.IGNORECASE
)
# Such as DATE 'today', which is a plain date as soon as it is read.
_DAY_BY_NAME = re.compile(
    r"\b(date|timestamp(_ntz|_ltz)?)\s*'\s*(now|today|tomorrow|yesterday)\b", re.IGNORECASE
)
# Such as CAST('today' AS DATE), which Spark makes a date when the query is run.
_NAMES_A_DAY = re.compile(r"\s*(now|today|tomorrow|yesterday)(\s.*)?", re.IGNORECASE)
_MAKES_A_TIME = re.compile(r"ParseTo(Date|Timestamp|Time)|(UnixTime|ToUnix|GetTime|ToTime)\w*")
_TIMES = ("date", "timestamp", "timestamp_ntz")


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
    if any(node["class"].rpartition(".")[2] in _TELLS_THE_TIME for node in nodes):
        return True
    return bool(days_by_name(nodes))


def days_by_name(nodes: list[Any]) -> set[str]:
    """Return the words such as `today` that a plan's JSON makes a date or time of."""
    found: set[str] = set()
    waiting: list[Any] = [nodes]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
            times = [place for place, node in enumerate(each) if _makes_a_time(node)]
            found.update(*(_words(each, place) for place in times))
    return found


def _makes_a_time(node: Any) -> bool:
    if not isinstance(node, dict):
        return False
    name = str(node.get("class", "")).rpartition(".")[2]
    if name == "Cast":
        return node.get("dataType") in _TIMES
    return _MAKES_A_TIME.fullmatch(name) is not None


def _words(nodes: Sequence[Mapping[str, Any]], place: int) -> set[str]:
    """Return the literals that name a day below an expression which reads no column."""
    found: set[str] = set()
    left = int(nodes[place].get("num-children", 0))
    while left:
        place += 1
        node = nodes[place]
        left += int(node.get("num-children", 0)) - 1
        name = str(node["class"]).rpartition(".")[2]
        if name == "AttributeReference":
            return set()
        value = node.get("value")
        if name == "Literal" and isinstance(value, str) and _NAMES_A_DAY.fullmatch(value):
            found.add(value.strip())
    return found
