"""Make, fill and change Delta tables. Every commit carries who made it, and happens once.

The one room that imports delta. A table is always reached by its path.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from delta.tables import DeltaTable
from pyspark.sql import DataFrame, DataFrameWriter, SparkSession
from pyspark.sql.types import StructType

from dlt_lite.engine.deltalog import commit, latest_version, snapshot
from dlt_lite.engine.empties import empty_frame
from dlt_lite.engine.sessions import flow_session
from dlt_lite.engine.sql_parsing import quoted
from dlt_lite.errors import ConcurrentWriter
from dlt_lite.model.datasets import TableOptions
from dlt_lite.model.names import DatasetName
from dlt_lite.model.schema import Path, Schema, comments, required, schema_from_json
from dlt_lite.model.state import (
    CommitRecord,
    MetadataChange,
    TableState,
    commit_record,
    managed,
)
from dlt_lite.storage.state import KIND, OWNER

_METADATA = "spark.databricks.delta.commitInfo.userMetadata"


@dataclass(frozen=True, slots=True)
class Transaction:
    """What makes a commit happen only once.

    Attributes:
        app_id: the application id.
        version: the version, greater than the last one of that id.
    """

    app_id: str
    version: int


@dataclass(frozen=True, slots=True)
class Written:
    """A commit of ours.

    Attributes:
        version: the table's version that it made.
        rows: the rows that it wrote, by Delta's own count.
    """

    version: int
    rows: int


def needs_creating(options: TableOptions, schema: Schema) -> bool:
    """Return whether a table must be made before it is filled, since a write cannot say all."""
    if options.schema is not None and (
        required(schema) or any(text for _, text in comments(schema).values())
    ):
        return True
    return bool(options.comment or options.table_properties or options.cluster_by)


def may_hold_rows(state: TableState | None) -> bool:
    """Return whether a table may hold rows: no if it is not there, or was only just made.

    That no commit of ours is known says nothing: logs are cleaned up.
    """
    return state is not None and (
        state.version > 0 or state.last is not None or bool(state.touched)
    )


def create_table(
    session: SparkSession,
    path: str,
    schema: Schema,
    options: TableOptions,
    record: CommitRecord,
    *,
    kind: str,
) -> str:
    """Make an empty table in one commit, and return its id; one that is there is left alone."""
    own = marked(session, record)
    builder = DeltaTable.createIfNotExists(own).location(path)
    builder = builder.addColumns(StructType.fromJson(json.loads(schema.text)))
    if options.comment:
        builder = builder.comment(options.comment)
    for key, value in _properties(options, record.pipeline, kind).items():
        builder = builder.property(key, value)
    if options.partition_cols:
        builder = builder.partitionedBy(*options.partition_cols)
    if options.cluster_by:
        builder = builder.clusterBy(*options.cluster_by)
    builder.execute()
    return _id_of(session, path)


def add_columns(session: SparkSession, path: str, schema: Schema, record: CommitRecord) -> None:
    """Add the columns that a table lacks, nested ones too, in one commit without rows."""
    frame = empty_frame(session, schema.text, streaming=False)
    writer = frame.write.format("delta").mode("append").option("mergeSchema", "true")
    writer.option("userMetadata", record.text()).save(path)


def empty_table(
    session: SparkSession,
    path: str,
    schema: Schema,
    options: TableOptions,
    record: CommitRecord,
    *,
    transaction: Transaction,
) -> None:
    """Remove every row and take the new columns and partitioning, in one commit."""
    frame = empty_frame(session, schema.text, streaming=False)
    writer = _writing(frame, "overwrite", record, transaction).option("overwriteSchema", "true")
    if options.partition_cols:
        writer = writer.partitionBy(*options.partition_cols)
    writer.save(path)


def count_generation(
    session: SparkSession, path: str, record: CommitRecord, transaction: Transaction
) -> None:
    """Note in the table that a flow's checkpoint begins anew, in one commit without rows."""
    schema = snapshot(session, path)
    if schema is None:
        raise ConcurrentWriter(f"the table at {path} is gone")
    frame = empty_frame(session, schema.schema, streaming=False)
    _writing(frame, "append", record, transaction).save(path)


def append_rows(
    frame: DataFrame,
    path: str,
    record: CommitRecord,
    transaction: Transaction,
    *,
    merge_schema: bool = False,
) -> Written:
    """Append a frame's rows in one commit; `merge_schema` adds the columns that a table lacks.

    Raises:
        ConcurrentWriter: the commit is not ours; another writer was first.
    """
    session = frame.sparkSession
    before = latest_version(session, path)
    writer = _writing(frame, "append", record, transaction)
    writer.option("mergeSchema", str(merge_schema).lower()).save(path)
    return _verified(session, path, before, record)


def overwrite_rows(
    frame: DataFrame, path: str, record: CommitRecord, transaction: Transaction
) -> Written:
    """Put a frame's rows and columns in place of all, in one commit.

    Raises:
        ConcurrentWriter: the commit is not ours; another writer was first.
    """
    session = frame.sparkSession
    before = latest_version(session, path)
    writer = _writing(frame, "overwrite", record, transaction)
    writer.option("overwriteSchema", "true").save(path)
    return _verified(session, path, before, record)


def replace_rows(
    frame: DataFrame,
    path: str,
    options: TableOptions,
    record: CommitRecord,
    transaction: Transaction,
    *,
    state: TableState | None,
) -> Written:
    """Put a frame's rows in place of all rows, in one commit; make the table where there is none.

    Args:
        frame: the rows.
        path: where the table lies.
        options: how the table is made.
        record: what the commit says of itself.
        transaction: what makes it happen only once.
        state: the table before; None where there was none.

    Raises:
        ConcurrentWriter: the commit is not ours; another writer was first.
    """
    session = frame.sparkSession
    before = latest_version(session, path)
    mode = "overwrite" if may_hold_rows(state) else "append"
    writer = _writing(frame, mode, record, transaction)
    if state is not None and _differs(frame, options, state):
        writer = writer.mode("overwrite").option("overwriteSchema", "true")
    if options.partition_cols:
        writer = writer.partitionBy(*options.partition_cols)
    writer.save(path)
    return _verified(session, path, before, record)


def append_given(frame: DataFrame, path: str, pipeline: str, *, kind: str) -> None:
    """Append rows that a test gives where a pipeline's table would be; make it where needed."""
    session = frame.sparkSession
    builder = DeltaTable.createIfNotExists(session).location(path).addColumns(frame.schema)
    builder.property(OWNER, pipeline).property(KIND, kind).execute()
    frame.write.format("delta").mode("append").save(path)


def change_metadata(
    session: SparkSession, path: str, change: MetadataChange, record: CommitRecord
) -> None:
    """Make comments, properties, clustering and what may be NULL in a table those of the code."""
    statements = []
    commented = [f"{_column(path)} COMMENT {_text(to)}" for path, to in change.comments.items()]
    nullable = [f"{_column(path)} DROP NOT NULL" for path in change.nullable]
    statements += [f"ALTER COLUMN {', '.join(each)}" for each in (commented, nullable) if each]
    if change.set:
        pairs = ", ".join(f"{_text(key)} = {_text(value)}" for key, value in change.set.items())
        statements.append(f"SET TBLPROPERTIES ({pairs})")
    if change.unset:
        statements.append(f"UNSET TBLPROPERTIES IF EXISTS ({', '.join(map(_text, change.unset))})")
    if change.cluster_by is not None:
        columns = ", ".join(quoted(name) for name in change.cluster_by)
        statements.append(f"CLUSTER BY ({columns})" if columns else "CLUSTER BY NONE")
    own = marked(session, record)
    for statement in statements:
        own.sql(f"ALTER TABLE delta.{quoted(path)} {statement}")


def register(session: SparkSession, name: DatasetName, path: str) -> None:
    """Make a table known to Spark's catalog under its name, where it is not yet."""
    parts = [part for part in (name.catalog, name.schema) if part]
    session.sql(f"CREATE SCHEMA IF NOT EXISTS {'.'.join(map(quoted, parts))}")
    full = ".".join(quoted(part) for part in (*parts, name.table))
    session.sql(f"CREATE TABLE IF NOT EXISTS {full} USING delta LOCATION {_text(path)}")


def _properties(options: TableOptions, pipeline: str, kind: str) -> dict[str, str]:
    return {**options.table_properties, **managed(options), OWNER: pipeline, KIND: kind}


def _writing(
    frame: DataFrame, mode: str, record: CommitRecord, transaction: Transaction
) -> DataFrameWriter:
    writer = frame.write.format("delta").mode(mode).option("userMetadata", record.text())
    writer = writer.option("txnAppId", transaction.app_id)
    return writer.option("txnVersion", str(transaction.version))


def _differs(frame: DataFrame, options: TableOptions, state: TableState) -> bool:
    columns = schema_from_json(frame.schema.json()).columns
    same = [(c.name, c.type) for c in columns] == [(c.name, c.type) for c in state.schema.columns]
    return not same or options.partition_cols != state.partition_cols


def _verified(
    session: SparkSession, path: str, before: tuple[str, int] | None, record: CommitRecord
) -> Written:
    """Return our own commit among those since `before`."""
    now = latest_version(session, path)
    first = -1 if before is None else before[1]
    for version in range(first + 1, (first if now is None else now[1]) + 1):
        found = commit(session, path, version)
        if found is not None and commit_record(found.metadata) == record:
            return Written(version, int(found.metrics.get("numOutputRows", 0)))
    raise ConcurrentWriter(
        f"the commit to {path} did not happen: another writer was first",
        fix="look for a second update of this pipeline on another machine, then run again",
    )


def _id_of(session: SparkSession, path: str) -> str:
    found = latest_version(session, path)
    if found is None:
        raise ConcurrentWriter(f"the table at {path} is gone", fix="run again")
    return found[0]


def marked(session: SparkSession, record: CommitRecord) -> SparkSession:
    """Return a session of its own whose every commit says who made it: flows run in parallel."""
    return flow_session(session, {_METADATA: record.text()})


def _column(path: Path) -> str:
    return ".".join(map(quoted, path))


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
