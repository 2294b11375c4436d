"""The tables below a storage root, known to Spark's catalog by their names.

An embedded catalog forgets everything with its process. For tasks, whose code is plain Spark, each
schema below the storage root becomes a schema of the catalog that lies there, so that what a task
saves as a table lies where the next run finds it. A catalog that lasts, such as a metastore, is
left as it is.
"""

from __future__ import annotations

from pyspark.sql import SparkSession

from dlt_lite.engine.files import Files
from dlt_lite.model.names import DatasetName
from dlt_lite.storage.layout import uri
from dlt_lite.storage.tables import register

_EMBEDDED = "in-memory"
_DEFAULT = "default"


def know_tables(session: SparkSession, storage_root: str, schemas: tuple[str, ...] = ()) -> None:
    """Make the tables below a storage root known, those that are not yet.

    Args:
        session: any session of the Spark that has the catalog.
        storage_root: a path or URI.
        schemas: schemas that are to be there even without a table.
    """
    if session.conf.get("spark.sql.catalogImplementation", _EMBEDDED) != _EMBEDDED:
        return
    files = Files(session)
    root = f"{storage_root.rstrip('/')}/tables"
    known = {each.name.lower() for each in session.catalog.listDatabases()}
    for schema in dict.fromkeys((*files.names(root), *schemas)):
        folder = f"{root}/{schema}"
        _have_schema(session, schema, uri(folder), exists=schema.lower() in known)
        there = {each.name.lower() for each in session.catalog.listTables(f"`{schema}`")}
        for table in files.names(folder):
            # A log without a commit is that of a table which another task is about to make.
            log = f"{folder}/{table}/_delta_log"
            if table.lower() not in there and any(n.endswith(".json") for n in files.names(log)):
                register(session, DatasetName(schema, table), f"{folder}/{table}")


def _have_schema(session: SparkSession, schema: str, place: str, *, exists: bool) -> None:
    text = place.replace("\\", "\\\\").replace("'", "\\'")
    if not exists:
        session.sql(f"CREATE SCHEMA IF NOT EXISTS `{schema}` LOCATION '{text}'")
    elif schema == _DEFAULT and session.catalog.getDatabase(schema).locationUri != place:
        # Spark makes this one itself, in its warehouse, which goes with the process.
        session.sql(f"ALTER SCHEMA `{schema}` SET LOCATION '{text}'")
