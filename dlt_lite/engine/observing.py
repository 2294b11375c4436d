"""Count rows as they pass, and read what was counted without waiting for ever."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from py4j.protocol import Py4JError
from pyspark.sql import Column, DataFrame, Observation
from pyspark.sql import functions as F  # noqa: N812 - PySpark's own habit
from pyspark.sql.streaming.query import StreamingQuery

from dlt_lite.engine.classes import java_class

_PAUSE = 0.01
# Above anything else a row may be seen twice (sampled before a sort, computed again after a
# shuffle), or not at all (a limit that is reached, a join that is empty).
_ROW_BY_ROW = frozenset(
    {"Project", "Filter", "SubqueryAlias", "CollectMetrics", "Union", "Generate"}
)


def how_many(condition: Column) -> Column:
    """Return the aggregate that counts the rows for which a condition holds.

    Spark's own `count_if` makes a column of each condition, and copies all of them with each row.
    """
    return F.count(F.when(condition, F.lit(1)))


def observe(
    frame: DataFrame, columns: Sequence[Column], name: str | None = None
) -> tuple[DataFrame, Observation]:
    """Return a frame whose next action also computes some aggregates, and who sees them."""
    observation = Observation(name)
    return frame.observe(observation, *columns), observation


def observed(observation: Observation, *, patience: float) -> dict[str, Any] | None:
    """Return what an observation saw, None where nothing came in so many seconds."""
    java: Any = observation._jo
    deadline = time.monotonic() + patience
    while not java.future().isCompleted():
        if time.monotonic() > deadline:
            return None
        time.sleep(_PAUSE)
    try:
        return _by_name(java.getRow()) or None
    except Py4JError:
        return None


def observed_rows(rows: Any, like: DataFrame) -> DataFrame:
    """Return rows that an observation collected as a frame; they stay in the JVM.

    Args:
        rows: the value that the observation saw: an array of structs, or None.
        like: a frame of the structs' columns.
    """
    session = like.sparkSession
    java_session: Any = session._jsparkSession
    if rows is None:
        listed = java_class(session, "java.util.ArrayList")()
    else:
        listed = java_class(session, "scala.jdk.javaapi.CollectionConverters").asJava(rows)
    schema = java_session.parseDataType(like.schema.json())
    return DataFrame(java_session.createDataFrame(listed, schema), session)


def _by_name(row: Any) -> dict[str, Any]:
    """Return a row by its columns; empty where the optimizer took the observation out.

    It does so where what stands on it can have no row, such as a filter that is always false.
    """
    schema = row.schema()
    if schema is None:
        return {}
    return {key: row.get(index) for index, key in enumerate(schema.fieldNames())}


def observed_in_batch(query: StreamingQuery, name: str) -> dict[str, Any] | None:
    """Return what a stream's own observation has seen of the batch that is being written.

    Every action on the batch's frame counts: ask after the first one.
    """
    java: Any = query._jsq
    seen = java.streamingQuery().lastExecution().observedMetrics()
    if not seen.contains(name):
        return None
    return _by_name(seen.apply(name)) or None


def is_seen_once(frame: DataFrame, name: str) -> bool:
    """Return whether an observation inside a frame's query sees each row, and sees it once."""
    found: list[bool] = []
    waiting: list[tuple[Any, bool]] = [(frame._jdf.queryExecution().analyzed(), True)]
    while waiting:
        node, is_plain = waiting.pop()
        kind = str(node.nodeName())
        if kind == "CollectMetrics" and node.name() == name:
            found.append(is_plain)
        below = is_plain and kind in _ROW_BY_ROW
        children = node.children()
        waiting += [(children.apply(index), below) for index in range(children.size())]
    return found == [True]
