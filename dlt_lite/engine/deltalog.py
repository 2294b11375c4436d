"""What a Delta table's log says, read without a Spark job: its snapshot and its latest commits."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from dlt_lite.engine.file_systems import damaged
from dlt_lite.engine.files import Files, java_cause
from dlt_lite.errors import ProtocolTooNew, StateDamaged

_COMMIT = re.compile(r"(\d{20})\.json")
_NEWEST_READER = 3
# Of a table with column mapping, without a file's change: a column of the same name may be another.
_OTHER_COLUMNS = frozenset({"DROP COLUMNS", "RENAME COLUMN", "REPLACE COLUMNS"})
_KNOWN_FEATURES = frozenset(
    {
        "allowColumnDefaults",
        "appendOnly",
        "changeDataFeed",
        "checkConstraints",
        "clustering",
        "columnMapping",
        "deletionVectors",
        "domainMetadata",
        "generatedColumns",
        "identityColumns",
        "inCommitTimestamp",
        "invariants",
        "rowTracking",
        "timestampNtz",
        "typeWidening",
        "v2Checkpoint",
        "vacuumProtocolCheck",
    }
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A Delta table at its latest version.

    Attributes:
        version: the version.
        table_id: the table's id; another table at the same place has another.
        schema: the schema as Spark's JSON.
        partition_cols: the partition columns.
        clustering: the clustering columns.
        properties: the table properties.
        comment: the table's comment, or None.
        transactions: the last version of each application id.
    """

    version: int
    table_id: str
    schema: str
    partition_cols: tuple[str, ...]
    clustering: tuple[str, ...]
    properties: Mapping[str, str]
    comment: str | None
    transactions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of a Delta table.

    Attributes:
        version: its version.
        operation: what Delta calls it, such as `WRITE` or `OPTIMIZE`.
        mode: `Append`, `Overwrite`, or empty.
        metadata: the text that its writer left (userMetadata), or None.
        metrics: Delta's operation metrics.
        adds: whether it added rows.
        removes: whether it removed rows.
        restored: for a `RESTORE`: the version that it went back to, None where it does not say.
    """

    version: int
    operation: str
    mode: str
    metadata: str | None
    metrics: Mapping[str, str]
    adds: bool
    removes: bool
    restored: int | None = None

    @property
    def changes_rows(self) -> bool:
        """Whether it added or removed rows, or what a column is called: values, all the same."""
        return self.adds or self.removes or self.operation in _OTHER_COLUMNS


def snapshot(session: SparkSession, path: str) -> Snapshot | None:
    """Return the latest snapshot of a table, None where there is no Delta table.

    It is read from the checksum file beside the latest commit (Delta protocol, "Version Checksum
    File"), which takes no Spark job; from the log itself where that file is absent or says too
    little.

    Raises:
        ProtocolTooNew: the table needs features that this Delta does not have.
        StateDamaged: a file of its log is damaged.
    """
    files = Files(session)
    version = _latest_commit(files, path)
    if version is None:
        return None
    found = _told_by_checksum(files, path, version)
    return found if found is not None else _reconstructed(session, path)


def has_commits(session: SparkSession, path: str) -> bool:
    """Return whether there is a Delta table."""
    return _latest_commit(Files(session), path) is not None


def latest_version(session: SparkSession, path: str) -> tuple[str, int] | None:
    """Return a table's id and latest version, None where there is no Delta table."""
    found = snapshot(session, path)
    return None if found is None else (found.table_id, found.version)


def commit(session: SparkSession, path: str, version: int) -> Commit | None:
    """Return one commit, None where its file is gone (cleaned up, or never there).

    Raises:
        StateDamaged: the file is damaged.
    """
    file = _commit_file(path, version)
    text = Files(session).read(file)
    with _as_it_was_written(file):
        return None if text is None else _commit(version, text)


def change_files(session: SparkSession, path: str, version: int) -> int:
    """Return how many files of changes (`cdc`) a commit holds; none where it is gone.

    Raises:
        StateDamaged: the commit's file is damaged.
    """
    file = _commit_file(path, version)
    text = Files(session).read(file) or ""
    with _as_it_was_written(file):
        return sum("cdc" in json.loads(line) for line in text.splitlines())


def _commit_file(path: str, version: int) -> str:
    return f"{path}/_delta_log/{version:020d}.json"


@contextlib.contextmanager
def _as_it_was_written(file: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, AttributeError, TypeError) as error:
        raise damaged(file, "it is not the JSON that it was written as") from error


def _latest_commit(files: Files, path: str) -> int | None:
    names = files.names(f"{path}/_delta_log")
    versions = [int(each.group(1)) for name in names if (each := _COMMIT.fullmatch(name))]
    return max(versions, default=None)


def _told_by_checksum(files: Files, path: str, version: int) -> Snapshot | None:
    """Return what the checksum file tells; one that is damaged tells nothing, as Delta has it."""
    with contextlib.suppress(StateDamaged, ValueError, KeyError, TypeError, AttributeError):
        text = files.read(f"{path}/_delta_log/{version:020d}.crc")
        return None if text is None else _from_checksum(version, json.loads(text))
    return None


def _from_checksum(version: int, plain: Mapping[str, Any]) -> Snapshot | None:
    """Return the snapshot that a checksum file tells of, None where it says too little."""
    metadata, protocol = plain.get("metadata"), plain.get("protocol")
    if metadata is None or protocol is None or plain.get("setTransactions") is None:
        return None
    features = {*protocol.get("readerFeatures", ()), *protocol.get("writerFeatures", ())}
    if features - _KNOWN_FEATURES or protocol["minReaderVersion"] > _NEWEST_READER:
        return None
    if "clustering" in features and plain.get("domainMetadata") is None:
        return None
    return Snapshot(
        version=version,
        table_id=metadata["id"],
        schema=metadata["schemaString"],
        partition_cols=tuple(metadata.get("partitionColumns", ())),
        clustering=_clustering(plain.get("domainMetadata") or ()),
        properties=metadata.get("configuration", {}),
        comment=metadata.get("description"),
        transactions={each["appId"]: each["version"] for each in plain["setTransactions"]},
    )


def _clustering(domains: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    for each in domains:
        if each["domain"] == "delta.clustering" and not each["removed"]:
            columns = json.loads(each["configuration"])["clusteringColumns"]
            return tuple(".".join(column) for column in columns)
    return ()


def forget_tables(session: SparkSession) -> None:
    """Let the JVM forget the tables it knows, each with the session that read it first.

    Delta keeps a table's log and its frames for an hour after the last use; whoever makes tables in
    ever new places would fill the memory with what is gone.
    """
    _jvm(session).org.apache.spark.sql.delta.DeltaLog.clearCache()


def _reconstructed(session: SparkSession, path: str) -> Snapshot | None:
    """Return the snapshot that the whole log tells of; that may take a Spark job."""
    try:
        log = _log(session, path)
        if not log.tableExists():
            return None
        nothing = getattr(_jvm(session).scala.Option, "empty")  # noqa: B009
        return _snapshot(session, log.update(False, nothing(), nothing()))
    except (Py4JJavaError, PySparkException) as error:
        raise _explained(error, path) from error


def _log(session: SparkSession, path: str) -> Any:
    logs = _jvm(session).org.apache.spark.sql.delta.DeltaLog
    return logs.forTable(session._jsparkSession, path)


def _jvm(session: SparkSession) -> Any:
    return session._jvm


def _snapshot(session: SparkSession, found: Any) -> Snapshot:
    metadata = found.metadata()
    info = _jvm(session).org.apache.spark.sql.delta.skipping.clustering.ClusteringColumnInfo
    columns = metadata.partitionColumns()
    clustering = info.extractLogicalNames(found)
    return Snapshot(
        version=int(found.version()),
        table_id=metadata.id(),
        schema=metadata.schemaString(),
        partition_cols=tuple(columns.apply(index) for index in range(columns.size())),
        clustering=tuple(clustering.apply(index) for index in range(clustering.size())),
        properties=_mapping(session, metadata.configuration()),
        comment=metadata.description(),
        transactions={
            key: int(value) for key, value in _mapping(session, found.transactions()).items()
        },
    )


def _mapping(session: SparkSession, scala_map: Any) -> dict[str, Any]:
    converters = _jvm(session).scala.jdk.javaapi.CollectionConverters
    return dict(converters.asJava(scala_map))


def _commit(version: int, text: str) -> Commit:
    info: dict[str, Any] = {}
    adds = removes = False
    for line in text.splitlines():
        action = json.loads(line)
        info = action.get("commitInfo", info)
        adds = adds or _adds_rows(action.get("add") or action.get("cdc"))
        removes = removes or bool((action.get("remove") or {}).get("dataChange"))
        if adds and removes and info:
            break
    parameters = info.get("operationParameters") or {}
    return Commit(
        version,
        str(info.get("operation", "UNKNOWN")),
        str(parameters.get("mode", "")),
        info.get("userMetadata"),
        info.get("operationMetrics") or {},
        adds,
        removes,
        _restored(parameters),
    )


def _restored(parameters: Mapping[str, Any]) -> int | None:
    version = str(parameters.get("version") or "")
    return int(version) if version.isdigit() else None


def _adds_rows(add: dict[str, Any] | None) -> bool:
    """Return whether an added file brings rows; one whose statistics say none does not."""
    if add is None or not add.get("dataChange"):
        return False
    stats = add.get("stats")
    return not stats or json.loads(stats).get("numRecords") != 0


def _explained(error: Exception, path: str) -> Exception:
    text = java_cause(error) if isinstance(error, Py4JJavaError) else str(error)
    if "Protocol" in text or "UNSUPPORTED_FEATURES" in text:
        what = f"the table at {path} needs Delta features that this version does not have: {text}"
        return ProtocolTooNew(what, fix="use a newer dlt_lite, or write the table with older Delta")
    return damaged(f"{path}/_delta_log", text)
