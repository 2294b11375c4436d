"""Which values an analysed expression reads: the columns, down to the fields and keys it names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - PySpark's own habit

_FIELD, _FIELD_OF_EACH = "GetStructField", "GetArrayStructFields"
_BY_KEY = frozenset({"GetMapValue", "GetArrayItem", "ElementAt"})
_COLUMN = "AttributeReference"


def values_aggregated(frame: DataFrame, aggregate: str) -> tuple[tuple[str, ...], ...]:
    """Return what an aggregate over a frame's rows reads, as `values_read` tells it.

    Raises:
        PySparkException: it makes no sense for such rows.
    """
    plan = frame.agg(F.expr(aggregate))._jdf.queryExecution().analyzed()
    return tuple(values_read(json.loads(plan.expressions().apply(0).toJSON())))


def values_read(nodes: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    """Yield each value that an expression reads, as the names that lead to it, outermost first.

    Args:
        nodes: its tree as Spark's JSON has it: from the top down, left to right.
    """
    inner: list[str] = []
    for place, node in enumerate(nodes):
        kind = _kind(node)
        if kind == _COLUMN:
            yield (node["name"], *reversed(inner))
            inner = []
        elif kind == _FIELD:
            inner.append(node["name"])
        elif kind == _FIELD_OF_EACH:
            inner.append(node["field"]["name"])
        elif kind in _BY_KEY:
            key = _key(nodes, place)
            # What lies below an unknown key may be anything below the map.
            inner = inner if key is None else [*inner, key]
        elif inner:
            # A part of what a function makes: its names still say what it is.
            yield tuple(reversed(inner))
            inner = []


def behind(nodes: Sequence[Mapping[str, Any]], place: int) -> int:
    """Return the place of the node that follows one and all below it."""
    waiting = 1
    while waiting:
        waiting += nodes[place]["num-children"] - 1
        place += 1
    return place


def _key(nodes: Sequence[Mapping[str, Any]], place: int) -> str | None:
    """Return the key by which a node takes a value out of a map, None where it is no text."""
    node = nodes[behind(nodes, place + 1)]
    is_text = str(node.get("dataType")).startswith("string")
    value = node.get("value")
    return value if is_text and isinstance(value, str) else None


def _kind(node: Mapping[str, Any]) -> str:
    return str(node["class"]).rpartition(".")[2]
