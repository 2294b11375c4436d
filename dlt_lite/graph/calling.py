"""What a query function is given and what it gives back: frames of tables outside, its result."""

from __future__ import annotations

from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import DataFrame, SparkSession

from dlt_lite.engine.empties import named, rebound
from dlt_lite.engine.hiding import without_values
from dlt_lite.engine.scope import Asked
from dlt_lite.engine.sql_parsing import quoted
from dlt_lite.errors import DltLiteError, NotADataFrame, QueryRaised, SourceMissing
from dlt_lite.model.datasets import Flow
from dlt_lite.model.names import DatasetName
from dlt_lite.model.origin import Origin

_NO_SUCH_PAST = frozenset(
    {
        "DELTA_VERSION_NOT_FOUND",
        "DELTA_TIMESTAMP_GREATER_THAN_COMMIT",
        "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION",
    }
)


def explained(error: BaseException, origin: Origin, flow: str, *, masked: bool) -> DltLiteError:
    """Return what a query function raised as an error that a person can act on.

    Args:
        error: what it raised.
        origin: where.
        flow: the flow's name.
        masked: whether no value may be told that Spark met in a job of the function's own.
    """
    text = first_line(error)
    is_of_a_job = isinstance(error, PySparkException) and not isinstance(error, AnalysisException)
    if masked and is_of_a_job:
        text = without_values(text)
    condition = error.getCondition() if isinstance(error, PySparkException) else None
    if condition in {"PATH_NOT_FOUND", "DELTA_PATH_DOES_NOT_EXIST"} or "Permission denied" in text:
        return SourceMissing(
            f"{flow} reads a path that is not there or cannot be read: {text}",
            origin=origin,
            fix="check the path and its rights; relative paths start at the project's folder",
        )
    if condition in _NO_SUCH_PAST:
        return SourceMissing(
            f"{flow} reads a table as it was, but that is not there: {text}",
            origin=origin,
            fix="name a version or a moment that the table's history has, as `DESCRIBE HISTORY` "
            "shows it; a new table begins with version 0",
        )
    kind = type(error).__name__
    return QueryRaised(f"{flow} raised {kind}: {text}", origin=origin, fix="correct the function")


def checked_frame(result: object, flow: Flow, session: SparkSession) -> DataFrame:
    """Return what a query function returned as a frame of the flow's own session.

    Raises:
        NotADataFrame: it returned something else.
    """
    if isinstance(result, DataFrame):
        return rebound(result, session)
    if result is None:
        what, fix = "returned nothing", "is a `return` missing?"
    else:
        kind = f"{type(result).__module__}.{type(result).__name__}".removeprefix("builtins.")
        what, fix = f"returned a {kind}", "return a Spark DataFrame"
    raise NotADataFrame(f"{flow.name} {what}", origin=flow.origin, fix=fix)


def external_frame(session: SparkSession, asked: Asked, name: DatasetName, path: str) -> DataFrame:
    """Return the frame of a Delta table outside the pipeline, with the options of user code."""
    reader = asked.reader
    if reader is None:
        reader = session.readStream if asked.streaming else session.read
    return named(reader.format("delta").load(path), name)


def is_in_catalog(session: SparkSession, parts: tuple[str, ...]) -> bool:
    """Return whether Spark's own catalog knows a table or view of a name."""
    try:
        return session.catalog.tableExists(".".join(map(quoted, parts)))
    except PySparkException:
        return False  # its catalog is not there either


def in_lower_case(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Return a name as Spark compares it."""
    return tuple(part.lower() for part in parts)


def first_line(error: BaseException) -> str:
    """Return what an error says first, without its code."""
    lines = str(error).strip().splitlines()
    return lines[0].split(" SQLSTATE:")[0] if lines else ""
