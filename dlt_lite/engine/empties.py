"""Frames without rows, of a given schema, batch or streaming: what queries are resolved over."""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame, SparkSession


def empty_frame(session: SparkSession, schema: str, *, streaming: bool) -> DataFrame:
    """Return a frame without rows.

    Args:
        session: the session it belongs to.
        schema: the schema as Spark's JSON.
        streaming: whether it is a streaming frame; that can be analysed, not run.
    """
    jvm: Any = session._jvm
    java_session: Any = session._jsparkSession
    types = jvm.org.apache.spark.sql.catalyst.types.DataTypeUtils
    attributes = types.toAttributes(java_session.parseDataType(schema))
    nil = getattr(getattr(jvm.scala.collection.immutable, "Nil$"), "MODULE$")
    nothing = jvm.scala.Option.empty()
    relation = jvm.org.apache.spark.sql.catalyst.plans.logical.LocalRelation(
        attributes, nil, streaming, nothing
    )
    return frame_of(session, relation)


def frame_of(session: SparkSession, plan: Any) -> DataFrame:
    """Return the frame of a logical plan."""
    jvm: Any = session._jvm
    maker = getattr(getattr(jvm.org.apache.spark.sql.classic, "Dataset$"), "MODULE$")
    return DataFrame(maker.ofRows(session._jsparkSession, plan), session)


def rebound(frame: DataFrame, session: SparkSession) -> DataFrame:
    """Return the same query as a frame of another session."""
    return frame_of(session, frame._jdf.queryExecution().analyzed())
