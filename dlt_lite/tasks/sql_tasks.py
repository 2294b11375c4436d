"""SQL of a task: its statements one after the other, in a session of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession

from dlt_lite.engine.exceptions import SPARK_ERRORS
from dlt_lite.engine.sharing import interrupted_by
from dlt_lite.engine.task_sql import deeds_of
from dlt_lite.errors import UnsafeSql
from dlt_lite.jobs.calls import Answer, Failed, Stop, Stopped, Succeeded
from dlt_lite.jobs.statements import statements_of
from dlt_lite.model.origin import Origin
from dlt_lite.model.plain_values import plain_value
from dlt_lite.model.task_values import LARGEST_VALUE, Json
from dlt_lite.storage.catalog import pipeline_of_table, schemas_kept
from dlt_lite.tasks.logs import LogFile
from dlt_lite.tasks.sql_rules import Places, ended_tables, objections

_MOST_ROWS = 1000
_SHOWN_ROWS = 20
_ROOM = LARGEST_VALUE - 1024
_SHOWN_TEXT = 60
_OPT_OUT = "write `unsafe_sql: true` at the sql_task, where that is meant"


@dataclass(frozen=True, slots=True)
class Guard:
    """What refuses statements of a task.

    Attributes:
        task: the task's key.
        origin: where it is declared.
        places: where it may read and write.
        allows_all: whether nothing is refused.
    """

    task: str
    origin: Origin
    places: Places
    allows_all: bool

    def refusal(self, statement: str, against: str, fix: str) -> UnsafeSql:
        """Return the error that says what speaks against a statement."""
        shown = " ".join(statement.split())
        shown = shown if len(shown) <= _SHOWN_TEXT else f"{shown[:_SHOWN_TEXT]}…"
        what = f"a statement of task {self.task!r} {against}: {shown}"
        return UnsafeSql(what, origin=self.origin, fix=fix)


def run_sql(
    text: str,
    parameters: Mapping[str, str],
    session: SparkSession,
    stop: Stop,
    log: LogFile,
    *,
    guard: Guard,
) -> Answer:
    """Run a text of SQL; what it may not do is refused before the first statement is run.

    Args:
        text: one or several statements.
        parameters: the values of its markers, such as `:day`.
        session: the task's own session.
        stop: asks it to end.
        log: takes what it did.
        guard: refuses what it may not do.

    Returns:
        How it ended, with the first rows of the last statement.

    Raises:
        UnsafeSql: it would do what it may not.
        BadSql: a statement cannot be parsed.
    """
    statements = statements_of(text)

    def carry_out(statement: str) -> DataFrame:
        log.say(statement)
        # A statement before it may have changed what its names mean.
        if len(statements) > 1:
            _refuse_unsafe((statement,), parameters, session, guard)
        with schemas_kept(session, guard.places.storage_root, statement):
            return session.sql(statement, args=dict(parameters))

    try:
        with interrupted_by(session, stop.wait):
            _refuse_unsafe(statements, parameters, session, guard)
            rows = _last_rows(statements, carry_out, stop, log)
    except SPARK_ERRORS as error:
        if stop.reason is not None:
            return Stopped()
        said = str(error).split("\n\nJVM stacktrace")[0].strip()
        log.say(said)
        return Failed(said.splitlines()[0] if said else type(error).__name__)
    return Stopped() if stop.reason is not None else Succeeded(rows=rows)


def _refuse_unsafe(
    statements: Sequence[str],
    parameters: Mapping[str, str],
    session: SparkSession,
    guard: Guard,
) -> None:
    for statement in () if guard.allows_all else statements:
        deeds = deeds_of(session, statement, parameters)
        against = next(objections(deeds, guard.places), None)
        if against is not None:
            raise guard.refusal(statement, against, _OPT_OUT)
        for name in ended_tables(deeds):
            pipeline = pipeline_of_table(session, name)
            if pipeline is not None:
                against = f"takes away {'.'.join(name)!r}, a table of pipeline {pipeline!r}"
                fix = f"refresh it fully by the pipeline: full_refresh_selection; or {_OPT_OUT}"
                raise guard.refusal(statement, against, fix)


def _last_rows(
    statements: Sequence[str], carry_out: Callable[[str], DataFrame], stop: Stop, log: LogFile
) -> list[Json]:
    rows: list[Json] = []
    for statement in statements:
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
