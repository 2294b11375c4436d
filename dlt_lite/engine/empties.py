"""Frames without rows, of a given schema, batch or streaming: what queries are resolved over."""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame, SparkSession

from dlt_lite.engine.classes import java_class, java_static, scala_object
from dlt_lite.model.names import DatasetName

_CATALYST = "org.apache.spark.sql.catalyst"
_LOGICAL = f"{_CATALYST}.plans.logical"


def empty_frame(
    session: SparkSession, schema: str, *, streaming: bool, name: DatasetName | None = None
) -> DataFrame:
    """Return a frame without rows.

    Args:
        session: the session it belongs to.
        schema: the schema as Spark's JSON.
        streaming: whether it is a streaming frame; that can be analysed, not run.
        name: the name by which its columns may be qualified, as a table's may; None for none.
    """
    java_session: Any = session._jsparkSession
    to_attributes = java_static(session, f"{_CATALYST}.types.DataTypeUtils", "toAttributes")
    relation = java_class(session, f"{_LOGICAL}.LocalRelation")(
        to_attributes(java_session.parseDataType(schema)),
        scala_object(session, "scala.collection.immutable.Nil"),
        streaming,
        scala_object(session, "scala.None"),
    )
    return frame_of(session, relation if name is None else _aliased(session, relation, name))


def named(frame: DataFrame, name: DatasetName) -> DataFrame:
    """Return a frame whose columns may be qualified by a dataset's name, as a table's may."""
    session = frame.sparkSession
    plan = frame._jdf.queryExecution().analyzed()
    return frame_of(session, _aliased(session, plan, name))


def frame_of(session: SparkSession, plan: Any) -> DataFrame:
    """Return the frame of a logical plan."""
    maker = scala_object(session, "org.apache.spark.sql.classic.Dataset")
    return DataFrame(maker.ofRows(session._jsparkSession, plan), session)


def _aliased(session: SparkSession, plan: Any, name: DatasetName) -> Any:
    above = [part for part in (name.catalog, name.schema) if part]
    to_seq = java_static(session, "org.apache.spark.api.python.PythonUtils", "toSeq")
    identifier = java_class(session, f"{_CATALYST}.AliasIdentifier")(name.table, to_seq(above))
    return java_class(session, f"{_LOGICAL}.SubqueryAlias")(identifier, plan)


def rebound(frame: DataFrame, session: SparkSession) -> DataFrame:
    """Return the same query as a frame of another session."""
    return frame_of(session, frame._jdf.queryExecution().analyzed())
