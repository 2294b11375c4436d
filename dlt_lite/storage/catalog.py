"""The tables below a storage root, known to Spark's catalog by their names.

An embedded catalog forgets everything with its process. For tasks, whose code is plain Spark, each
schema below the storage root becomes a schema of the catalog that lies there, so that what a task
saves as a table lies where the next run finds it. A catalog that lasts, such as a metastore, is
left as it is.

Whoever makes a table by its name commits first, and then tells the catalog, which must not know it
by then: between the two, others wait.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import unquote

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from dlt_lite.engine.deltalog import snapshot
from dlt_lite.engine.files import Files
from dlt_lite.engine.sql_parsing import quoted
from dlt_lite.model.names import DatasetName
from dlt_lite.storage.layout import uri
from dlt_lite.storage.state import OWNER, ownership
from dlt_lite.storage.tables import register

_EMBEDDED = "in-memory"
_DEFAULT = "default"
_MAKES_SCHEMA = re.compile(r"\bCREATE\s+(SCHEMA|DATABASE|NAMESPACE)\b", re.IGNORECASE)


def know_tables(
    session: SparkSession,
    storage_root: str,
    schemas: tuple[str, ...] = (),
    wait: Callable[[], bool] | None = None,
) -> None:
    """Make the tables below a storage root known, those that are not yet.

    Args:
        session: any session of the Spark that has the catalog.
        storage_root: a path or URI.
        schemas: schemas that are to be there even without a table.
        wait: waits a moment for whoever makes a table at this time, and says whether to wait on;
            None where nobody does.
    """
    if not _is_embedded(session):
        return
    files = Files(session)
    root = f"{storage_root.rstrip('/')}/tables"
    known = {name.lower() for name in _schemas(session)}
    for schema in dict.fromkeys((*files.names(root), *schemas)):
        folder = f"{root}/{schema}"
        _have_schema(session, schema, uri(folder), exists=schema.lower() in known)
        there = _tables_of(session, schema)
        for table in files.names(folder):
            # A log without a commit is that of a table which another task is about to make.
            log = f"{folder}/{table}/_delta_log"
            if table.lower() not in there and any(n.endswith(".json") for n in files.names(log)):
                _wait_for_maker(session, files, f"{quoted(schema)}.{quoted(table)}", log, wait)
                register(session, DatasetName(schema, table), f"{folder}/{table}")


def _tables_of(session: SparkSession, schema: str) -> set[str]:
    """Return the names of a schema's tables in small letters; none of them is looked at."""
    shown = session.sql(f"SHOW TABLES IN {quoted(schema)}").collect()
    return {each["tableName"].lower() for each in shown if not each["isTemporary"]}


def _schemas(session: SparkSession) -> set[str]:
    """Return the names of all schemas; as with tables, no job is started for it."""
    shown = session.sql("SHOW SCHEMAS").collect()
    return {each["namespace"].strip("`").replace("``", "`") for each in shown}


@contextmanager
def schemas_kept(session: SparkSession, storage_root: str, text: str) -> Iterator[None]:
    """Let schemas that a statement makes lie below the storage root, unless it says where.

    Spark puts them into its warehouse, which goes with the process, and their tables with it.

    Args:
        session: the session that carries the statement out.
        storage_root: a path or URI.
        text: the statement.
    """
    if not _MAKES_SCHEMA.search(text) or not _is_embedded(session):
        yield
        return
    before = _schemas(session)
    yield
    for name in sorted(_schemas(session) - before):
        if _is_in_warehouse(session, session.catalog.getDatabase(name).locationUri):
            _move(session, name, uri(f"{storage_root.rstrip('/')}/tables/{name}"))


def pipeline_of_table(session: SparkSession, name: tuple[str, ...]) -> str | None:
    """Return the pipeline that has made a table, None where none has, or there is no such table.

    Args:
        session: finds the table.
        name: the parts of its name, as SQL has it.
    """
    try:
        told = session.sql(f"DESCRIBE DETAIL {'.'.join(map(quoted, name))}").collect()
        place = told[0]["location"]
    except PySparkException:
        return None
    found = snapshot(session, place)
    return None if found is None else ownership(found)[0]


def _is_embedded(session: SparkSession) -> bool:
    return session.conf.get("spark.sql.catalogImplementation", _EMBEDDED) == _EMBEDDED


def _is_in_warehouse(session: SparkSession, place: str) -> bool:
    warehouse = session.conf.get("spark.sql.warehouse.dir") or ""
    # The one is a URI, and the other what somebody has written.
    return unquote(_path_of(place)).startswith(f"{_path_of(warehouse).rstrip('/')}/")


def _path_of(place: str) -> str:
    """Return a path of this machine without its scheme, however many slashes that has."""
    return re.sub(r"^file:/+", "/", place)


def _wait_for_maker(
    session: SparkSession, files: Files, name: str, log: str, wait: Callable[[], bool] | None
) -> None:
    """Wait until the catalog knows a table that was made by its name, or patience is over."""
    if wait is None or not is_made_by_name(files.read(f"{log}/{0:020}.json") or ""):
        return
    while not session.catalog.tableExists(name) and wait():
        pass


def is_made_by_name(commit: str) -> bool:
    """Tell whether a table's first commit is that of `saveAsTable` or of CREATE TABLE in a task."""
    is_created = False
    for line in commit.splitlines():
        action = json.loads(line)
        if OWNER in action.get("metaData", {}).get("configuration", {}):
            return False
        operation = str(action.get("commitInfo", {}).get("operation", ""))
        is_created |= operation.startswith(("CREATE", "REPLACE"))
    return is_created


def _have_schema(session: SparkSession, schema: str, place: str, *, exists: bool) -> None:
    if not exists:
        session.sql(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)} LOCATION {_literal(place)}")
    elif schema == _DEFAULT and session.catalog.getDatabase(schema).locationUri != place:
        # Spark makes this one itself, in its warehouse, which goes with the process.
        _move(session, schema, place)


def _move(session: SparkSession, schema: str, place: str) -> None:
    session.sql(f"ALTER SCHEMA {quoted(schema)} SET LOCATION {_literal(place)}")


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
