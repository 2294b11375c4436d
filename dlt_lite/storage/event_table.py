"""What updates told, as Delta tables: a pipeline's events, and what its rules decided.

Both are appended to from a run folder, an update at a time, each update once.
"""

from __future__ import annotations

import contextlib

from pyspark.sql import SparkSession

from dlt_lite.engine.deltalog import has_commits
from dlt_lite.engine.exceptions import SPARK_ERRORS
from dlt_lite.engine.kernel import append_json_lines, warm_up
from dlt_lite.errors import DltLiteError
from dlt_lite.model.schema import Schema

_APP_ID = "dlt_lite/events"


def record_told(
    session: SparkSession, path: str, columns: Schema, update_id: str, ndjson: str
) -> bool:
    """Append what an update told, once; what earlier updates told must be in already.

    Args:
        session: any session.
        path: where the table lies.
        columns: its columns.
        update_id: the update.
        ndjson: its rows, one JSON object a line.

    Returns:
        Whether they were appended now; False where they were there already.
    """
    return append_json_lines(
        session,
        path,
        columns.text,
        ndjson,
        app_id=_APP_ID,
        number=_number(update_id),
        exists=has_commits(session, path),
    )


def get_ready(session: SparkSession, path: str, columns: Schema) -> None:
    """Load the classes that recording takes; nothing is written, and nothing comes of a failure."""
    with contextlib.suppress(DltLiteError, *SPARK_ERRORS):
        warm_up(session, path, columns.text, exists=has_commits(session, path))


def _number(update_id: str) -> int:
    """Return an update's place in time, which its id begins with: seconds and milliseconds."""
    moment, _, rest = update_id.partition("-")
    digits = "".join(each for each in moment if each.isdigit())
    return int(digits) * 1000 + int(rest[:3], 16) % 1000
