"""The pipeline's event log as a Delta table, written from the run folders' NDJSON."""

from __future__ import annotations

from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812 - PySpark's own habit

from dlt_lite.engine.deltalog import snapshot

_RETENTION = ("delta.setTransactionRetentionDuration", "interval 90 days")


def record_events(
    session: SparkSession, path: str, columns: str, update_id: str, ndjson: str
) -> bool:
    """Append the events of an update, once.

    Args:
        session: any session.
        path: where the event table lies.
        columns: its columns, as DDL.
        update_id: the update.
        ndjson: its events, one JSON object a line.

    Returns:
        Whether they were appended now; False where they were there already.
    """
    app_id = f"dlt_lite/events/{update_id}"
    found = snapshot(session, path)
    if found is not None and app_id in found.transactions:
        return False
    array = f"[{','.join(line for line in ndjson.splitlines() if line.strip())}]"
    parsed = F.from_json(F.lit(array), f"ARRAY<STRUCT<{columns}>>", _options())
    frame = session.range(1).select(F.inline(parsed))
    writer = frame.coalesce(1).write.format("delta").mode("append")
    writer = writer.option("txnAppId", app_id).option("txnVersion", "0")
    writer.option(*_RETENTION).save(path)
    return True


def _options() -> dict[str, Any]:
    return {"timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSX"}
