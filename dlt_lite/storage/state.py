"""Read what lies on disk of a dataset: its table, whose it is, what its last commit says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pyspark.sql import SparkSession

from dlt_lite.engine.deltalog import Commit, Snapshot, commit, snapshot
from dlt_lite.engine.files import Files
from dlt_lite.errors import StateTooNew
from dlt_lite.model.names import DatasetName
from dlt_lite.model.schema import schema_from_json
from dlt_lite.model.state import CommitRecord, NewerFormat, TableState, commit_record
from dlt_lite.storage.layout import Layout

OWNER = "dlt_lite.pipeline"
KIND = "dlt_lite.kind"
_FARTHEST = 100
_OWN_ROWS = frozenset({"replace", "batch", "reset", "replay"})
_OVERWRITES = ("REPLACE TABLE", "CREATE OR REPLACE", "RESTORE", "TRUNCATE")


@dataclass(frozen=True, slots=True)
class AppIds:
    """The application ids of a pipeline's transactions: what makes a commit happen only once."""

    pipeline: str

    def view(self, dataset: DatasetName) -> str:
        """Return the id under which a view's replacements are counted."""
        return f"dlt_lite/view/{self.pipeline}/{dataset}"

    def batch(self, flow: str, table_id: str, generation: int) -> str:
        """Return the id under which a flow's batches are counted."""
        return f"dlt_lite/batch/{self.pipeline}/{flow.lower()}/{table_id}/{generation}"

    def quarantine(self, flow: str, table_id: str, generation: int) -> str:
        """Return the id under which the batches of a flow that were set aside are counted."""
        return f"dlt_lite/quarantine/{self.pipeline}/{flow.lower()}/{table_id}/{generation}"

    def replay(self, dataset: DatasetName, quarantine_id: str) -> str:
        """Return the id under which replays of a dataset's quarantine are counted."""
        return f"dlt_lite/replay/{self.pipeline}/{dataset}/{quarantine_id}"

    def generation(self, flow: str) -> str:
        """Return the id under which a flow's checkpoint generations are counted."""
        return f"dlt_lite/generation/{self.pipeline}/{flow.lower()}"


def generation_of(ids: AppIds, flow: str, transactions: Mapping[str, int]) -> int:
    """Return the generation of a flow's checkpoint: full refreshes plus its own resets."""
    return transactions.get(ids.generation(""), 0) + transactions.get(ids.generation(flow), 0)


@dataclass(frozen=True, slots=True)
class _Latest:
    """What the latest commits say."""

    record: CommitRecord | None = None
    version: int | None = None
    touched: tuple[str, ...] = ()
    overwritten: bool = False


def table_state(
    session: SparkSession, layout: Layout, name: DatasetName, path: str
) -> TableState | None:
    """Return the state of a dataset's table, None where there is none.

    Raises:
        ProtocolTooNew: the table needs features that this Delta does not have.
        StateTooNew: a newer dlt_lite wrote it.
    """
    found = snapshot(session, path)
    if found is None:
        return None
    owner, kind = ownership(found)
    try:
        latest = _latest(session, path, found.version) if owner else _Latest()
    except NewerFormat as error:
        raise StateTooNew(
            f"the state in {path} is of {error}",
            fix="use the newer dlt_lite that wrote it",
        ) from error
    version = latest.version
    counted = version is not None and Files(session).exists(
        layout.counts(name, found.table_id, version)
    )
    return TableState(
        path,
        found.version,
        found.table_id,
        schema_from_json(found.schema),
        found.partition_cols,
        found.clustering,
        found.properties,
        found.comment,
        owner,
        kind,
        found.transactions,
        latest.record,
        latest.version,
        latest.touched,
        latest.overwritten,
        counted,
    )


def ownership(found: Snapshot) -> tuple[str | None, str | None]:
    """Return whose a table is: properties say so, or the transactions that survive clean-ups."""
    if OWNER in found.properties:
        return found.properties[OWNER], found.properties.get(KIND)
    kinds = {"view": "materialized_view", "batch": "streaming_table"}
    for app_id in found.transactions:
        match app_id.split("/"):
            case ["dlt_lite", ("view" | "batch") as what, pipeline, *_]:
                return pipeline, kinds[what]
            case _:
                continue
    return None, None


def _latest(session: SparkSession, path: str, version: int) -> _Latest:
    """Return what the commits since our own latest one say; a RESTORE undoes those it skips."""
    touched: list[str] = []
    overwritten = False
    standing = version
    for each in _backwards(session, path, version):
        record = commit_record(each.metadata)
        if record is not None and record.purpose in _OWN_ROWS:
            undone = each.version > standing
            return _Latest(record, each.version, tuple(touched), overwritten or undone)
        if each.version > standing or record is not None or not each.changes_rows:
            continue
        touched.append(f"version {each.version} is a {each.operation} of somebody else")
        if each.restored is None:
            overwritten = overwritten or _overwrites(each)
        else:
            standing = each.restored
    return _Latest(touched=tuple(touched), overwritten=overwritten)


def batch_commit(
    session: SparkSession, path: str, wanted: CommitRecord
) -> tuple[CommitRecord, int] | None:
    """Return what a batch's commit says of itself, and how many rows it wrote by Delta's own count.

    Args:
        session: the session.
        path: where the table lies.
        wanted: names the flow, its generation and the batch.

    Returns:
        None where the commit is gone from the table's log.
    """
    found = snapshot(session, path)
    if found is None:
        return None
    batch = (wanted.flow, wanted.generation, wanted.batch)
    # However many others have come since: it is looked for after a crash alone.
    for each in _backwards(session, path, found.version, most=found.version + 1):
        record = commit_record(each.metadata)
        if record is None or record.purpose != wanted.purpose:
            continue
        if (record.flow, record.generation, record.batch) == batch:
            return record, int(each.metrics.get("numOutputRows", 0))
    return None


def _backwards(
    session: SparkSession, path: str, version: int, *, most: int = _FARTHEST
) -> Iterator[Commit]:
    for number in range(version, max(-1, version - most), -1):
        found = commit(session, path, number)
        if found is None:
            return
        yield found


def _overwrites(found: Commit) -> bool:
    return found.mode == "Overwrite" or found.operation.startswith(_OVERWRITES)


def input_change(
    session: SparkSession, path: str, *, name: str, table_id: str | None, version: int | None
) -> str | None:
    """Return what changed in a table since a version, in words; None where no row did.

    When in doubt it has changed: another table, an older version, a commit that is gone.
    """
    now = snapshot(session, path)
    if now is None:
        return f"{name} is gone"
    if now.table_id != table_id or version is None or now.version < version:
        return f"{name} is another table now"
    if now.version - version > _FARTHEST:
        return f"{name} went from version {version} to {now.version}"
    for number in range(version + 1, now.version + 1):
        found = commit(session, path, number)
        if found is None or found.changes_rows:
            return f"{name} went from version {version} to {now.version}"
    return None
