"""The history of a pipeline's rules as a Delta table, beside the event table, written like it."""

from __future__ import annotations

from pyspark.sql import SparkSession

from dlt_lite.storage.event_table import record_events
from dlt_lite.storage.layout import Layout

_EVENTS, _RESULTS = "/events/", "/quality_results/"


def quality_table(layout: Layout) -> str:
    """Return where the table lies."""
    above, _, name = layout.events().rpartition(_EVENTS)
    return f"{above}{_RESULTS}{name}"


def record_results(
    session: SparkSession, path: str, columns: str, update_id: str, ndjson: str
) -> bool:
    """Append what the rules of an update decided, once; earlier updates must be in already.

    Args:
        session: any session.
        path: where the table lies.
        columns: its columns, as DDL.
        update_id: the update.
        ndjson: the results of its rules, one JSON object a line; nothing where none was decided.

    Returns:
        Whether they were appended now.
    """
    if not ndjson:
        return False
    return record_events(session, path, columns, update_id, ndjson)
