"""SQL of a task: its statements one after the other, in a session of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from pyspark.sql import DataFrame, SparkSession

from dlt_lite.engine.exceptions import SPARK_ERRORS
from dlt_lite.engine.sharing import interrupted_by
from dlt_lite.jobs.calls import Answer, Failed, Stop, Stopped, Succeeded
from dlt_lite.model.plain_values import plain_value
from dlt_lite.model.task_values import LARGEST_VALUE, Json
from dlt_lite.storage.catalog import schemas_kept
from dlt_lite.tasks.logs import LogFile
from dlt_lite.tasks.statements import statements_of

_MOST_ROWS = 1000
_SHOWN_ROWS = 20
_ROOM = LARGEST_VALUE - 1024


def run_sql(
    text: str,
    parameters: Mapping[str, str],
    session: SparkSession,
    stop: Stop,
    log: LogFile,
    *,
    storage_root: str,
) -> Answer:
    """Run a text of SQL.

    Args:
        text: one or several statements.
        parameters: the values of its markers, such as `:day`.
        session: the task's own session.
        stop: asks it to end.
        log: takes what it did.
        storage_root: where schemas lie that it makes.

    Returns:
        How it ended, with the first rows of the last statement.
    """

    def carry_out(statement: str) -> DataFrame:
        log.say(statement)
        with schemas_kept(session, storage_root, statement):
            return session.sql(statement, args=dict(parameters))

    try:
        with interrupted_by(session, stop.wait):
            rows = _last_rows(text, carry_out, stop, log)
    except SPARK_ERRORS as error:
        if stop.reason is not None:
            return Stopped()
        said = str(error).split("\n\nJVM stacktrace")[0].strip()
        log.say(said)
        return Failed(said.splitlines()[0] if said else type(error).__name__)
    return Stopped() if stop.reason is not None else Succeeded(rows=rows)


def _last_rows(
    text: str, carry_out: Callable[[str], DataFrame], stop: Stop, log: LogFile
) -> list[Json]:
    rows: list[Json] = []
    for statement in statements_of(text):
        if stop.reason is not None:
            break
        rows = _rows(carry_out(statement), log)
    return rows


def _rows(frame: DataFrame, log: LogFile) -> list[Json]:
    """Return the first rows of a statement, as many as a task may hand on."""
    found = frame.limit(_MOST_ROWS).collect() if frame.columns else []
    rows: list[Json] = []
    size = 0
    for row in found:
        plain = {key: plain_value(row[key]) for key in frame.columns}
        size += len(json.dumps(plain).encode()) + 2
        if size > _ROOM:
            log.say(f"the first {len(rows)} rows are handed on; more would be too large")
            break
        rows.append(plain)
    for shown in rows[:_SHOWN_ROWS]:
        log.say(f"  {json.dumps(shown, ensure_ascii=False)}")
    return rows
