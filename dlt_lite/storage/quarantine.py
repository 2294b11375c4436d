"""The table beside a dataset's: rows that rules have set aside, whole, with their reasons.

A batch's rows are appended once: the batch's number rides in the commit. A view's are replaced with
it. The columns of the query come first, then those that say why and when. A property says which
filling of the dataset's table the rows belong to: those of an earlier one would come twice.
"""

from __future__ import annotations

from delta.tables import DeltaTable
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - PySpark's own habit
from pyspark.sql.types import StructType

from dlt_lite.engine.deltalog import Commit, Snapshot, commit, snapshot
from dlt_lite.engine.empties import empty_frame
from dlt_lite.errors import NotOurs, SchemaIncompatible
from dlt_lite.model.rules import REPLAY
from dlt_lite.model.state import CommitRecord, MetadataChange
from dlt_lite.storage.state import KIND, OWNER
from dlt_lite.storage.tables import (
    Transaction,
    Written,
    append_rows,
    change_metadata,
    marked,
    overwrite_rows,
)

KIND_OF_QUARANTINE = "quarantine"
_FILLING = "dlt_lite.filling"


def refuse_stranger(found: Snapshot, path: str, dataset: str) -> None:
    """Refuse a table in a quarantine's place that is none.

    Args:
        found: the table.
        path: where it lies.
        dataset: the dataset whose rows would be set aside there.

    Raises:
        NotOurs: it is somebody else's.
    """
    if found.properties.get(KIND) != KIND_OF_QUARANTINE:
        raise NotOurs(
            f"a table that is no quarantine is where the rows that {dataset} sets aside would go: "
            f"{path}",
            fix="move that table away, or give another name by quarantine_table=",
        )


def last_aside(session: SparkSession, path: str, app_id: str) -> int:
    """Return the last version of an application id in the table, -1 where there is none."""
    found = snapshot(session, path)
    return -1 if found is None else found.transactions.get(app_id, -1)


def add_aside(
    frame: DataFrame, path: str, record: CommitRecord, transaction: Transaction, *, filling: str
) -> Written:
    """Append rows that were set aside; make the table where there is none.

    Args:
        frame: the rows.
        path: where the table lies.
        record: what the commit says of itself.
        transaction: what makes it happen only once.
        filling: which filling of the dataset's table they belong to.

    Raises:
        NotOurs: a table that dlt_lite did not make is in its place.
        SchemaIncompatible: the table has a column of another type.
        ConcurrentWriter: the commit is not ours; another writer was first.
    """
    _made(frame, path, record, filling)
    try:
        return append_rows(frame, path, record, transaction, merge_schema=True)
    except PySparkException as error:
        raise _explained(error, path, record) from error


def replace_aside(
    frame: DataFrame, path: str, record: CommitRecord, transaction: Transaction
) -> Written:
    """Put rows in place of all that were set aside; make the table where there is none.

    Raises:
        NotOurs: a table that dlt_lite did not make is in its place.
        ConcurrentWriter: the commit is not ours; another writer was first.
    """
    _made(frame, path, record, "")
    return overwrite_rows(frame, path, record, transaction)


def begin_filling(
    session: SparkSession, path: str, filling: str, record: CommitRecord, transaction: Transaction
) -> None:
    """Remove the rows of an earlier filling of the dataset's table, where there are any.

    Ended half-way, it is done again: nothing is set aside before it has come to its end.
    """
    found = snapshot(session, path)
    if found is not None and found.properties.get(_FILLING, filling) != filling:
        empty_aside(session, path, record, transaction)
        change_metadata(session, path, MetadataChange({_FILLING: filling}), record)


def empty_aside(
    session: SparkSession, path: str, record: CommitRecord, transaction: Transaction
) -> None:
    """Remove all rows that were set aside, where there is such a table and it holds any."""
    found = snapshot(session, path)
    if found is None or found.properties.get(KIND) != KIND_OF_QUARANTINE:
        return
    if not _is_empty(commit(session, path, found.version)):
        frame = empty_frame(session, found.schema, streaming=False)
        overwrite_rows(frame, path, record, transaction)


def _is_empty(latest: Commit | None) -> bool:
    """Return whether a table's latest commit made it, or left it, without rows."""
    if latest is None:
        return False
    overwritten = latest.mode == "Overwrite" and latest.metrics.get("numOutputRows") == "0"
    return latest.version == 0 or overwritten


def _made(frame: DataFrame, path: str, record: CommitRecord, filling: str) -> None:
    """Make the table where there is none, so that whose it is stands in its properties."""
    session = frame.sparkSession
    found = snapshot(session, path)
    if found is None:
        columns: StructType = frame.schema.toNullable()
        builder = DeltaTable.createIfNotExists(session).location(path).addColumns(columns)
        builder.property(OWNER, record.pipeline).property(KIND, KIND_OF_QUARANTINE)
        builder.property(_FILLING, filling).execute()
    else:
        refuse_stranger(found, path, record.dataset)


def _explained(error: PySparkException, path: str, record: CommitRecord) -> Exception:
    if "DELTA_FAILED_TO_MERGE_FIELDS" not in str(error.getCondition()):
        return error
    return SchemaIncompatible(
        f"the rows that {record.dataset} sets aside do not fit the table at {path}: "
        f"{str(error).splitlines()[0]}",
        fix="look at its rows, then empty it by `quarantine clear`",
    )


def aside_rows(session: SparkSession, path: str) -> DataFrame:
    """Return the rows that were set aside."""
    return session.read.format("delta").load(path)


def mark_for_replay(
    session: SparkSession, path: str, condition: Column, number: int, record: CommitRecord
) -> None:
    """Mark the rows that shall go into the table by the replay of a number, in one commit."""
    table = DeltaTable.forPath(marked(session, record), path)
    unmarked = F.col(REPLAY).isNull() & F.coalesce(condition, F.lit(False))
    table.update(unmarked, {REPLAY: F.lit(number).cast("bigint")})


def unmark(session: SparkSession, path: str, number: int, record: CommitRecord) -> None:
    """Take the mark of a replay's number from all rows that have it, in one commit."""
    table = DeltaTable.forPath(marked(session, record), path)
    table.update(F.col(REPLAY) == number, {REPLAY: F.lit(None).cast("bigint")})


def remove_aside(session: SparkSession, path: str, condition: Column, record: CommitRecord) -> None:
    """Remove rows that were set aside, in one commit."""
    DeltaTable.forPath(marked(session, record), path).delete(condition)
