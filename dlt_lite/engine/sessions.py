"""Sessions of flows: clones of the pipeline's, each with the flow's own settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from dlt_lite.engine.sql import VIEW_PREFIX
from dlt_lite.errors import BadOption

CHECKPOINT_FILES = "spark.sql.streaming.checkpointFileManagerClass"
BY_FILE_SYSTEM = (
    "org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager"
)
LONGEST_METHOD = "spark.sql.codegen.hugeMethodLimit"
# What a commit wrote is told by Delta alone, and every count is held against it.
_TELLS_COUNTS = "spark.databricks.delta.history.metricsEnabled"


def pipeline_session(
    base: SparkSession, configuration: Mapping[str, str], storage_root: str
) -> SparkSession:
    """Return a session of a pipeline's own, in which its configuration can be read.

    Args:
        base: the session to clone.
        configuration: what functions of the pipeline read by `spark.conf.get`.
        storage_root: the URI below which its checkpoints lie.
    """
    session = flow_session(base, configuration)
    if session.conf.get(LONGEST_METHOD, None) is None:
        # Java compiles no method that is longer; a stage of Spark's that is one takes many times
        # as long as the same operators each for itself.
        session.conf.set(LONGEST_METHOD, "8000")
    if storage_root.startswith("file:") and session.conf.get(CHECKPOINT_FILES, None) is None:
        # Spark's usual way asks Hadoop about links, which starts a program (`readlink`) for each
        # answer; on a local disk both ways rename a file just the same.
        session.conf.set(CHECKPOINT_FILES, BY_FILE_SYSTEM)
    return session


def flow_session(pipeline: SparkSession, conf: Mapping[str, str]) -> SparkSession:
    """Return a clone of a session: its settings, functions and views, and settings of its own.

    Whatever was set, Delta tells in a commit how many rows it wrote.

    Raises:
        BadOption: Spark does not take a setting.
    """
    java_session: Any = pipeline._jsparkSession
    clone = java_session.cloneSession()
    session = SparkSession(pipeline.sparkContext, clone)
    for key, value in conf.items():
        try:
            session.conf.set(key, value)
        except PySparkException as error:
            why = str(error).split(" SQLSTATE:")[0].splitlines()[0]
            raise BadOption(
                f"{key} cannot be set to {value!r} here: {why}",
                fix="settings of Spark's start belong under `spark` of the project",
            ) from error
    # Not by Python's way, which is watched while a function of the user's runs.
    clone.conf().set(_TELLS_COUNTS, "true")
    return session


# Of Spark's settings, those that change how and where a query runs, never its answer.
_HARMLESS = tuple(
    f"spark.sql.{each}"
    for each in (
        "adaptive.",
        "artifact.",
        "autoBroadcastJoinThreshold",
        "broadcast",
        "catalog.",
        "catalogImplementation",
        "cbo.",
        "codegen.",
        "execution.arrow.",
        "extensions",
        "files.max",
        "files.min",
        "files.openCostInBytes",
        "inMemoryColumnarStorage.",
        "join.",
        "maxPlanStringLength",
        "optimizer.",
        "parquet.compression.",
        "parquet.fieldId.",
        "parquet.filterPushdown",
        "queryExecutionListeners",
        "shuffle.",
        "sources.parallelPartitionDiscovery.",
        "statistics.",
        "streaming.",
        "ui.",
        "warehouse.dir",
    )
)
_KNOWN_BY_NAME = (
    "spark.sql.ansi.enabled",
    "spark.sql.session.timeZone",
    "spark.sql.caseSensitive",
    "spark.sql.storeAssignmentPolicy",
)


# Stands in no value: a value may have several lines.
_BETWEEN = "\x1f"


def result_settings(session: SparkSession) -> str:
    """Return the settings of a session that may change a query's answer, as canonical text.

    Whatever is set and not known to be harmless counts: rather compute once too often.
    """
    java_session: Any = session._jsparkSession
    every = java_session.conf().getAll().mkString(_BETWEEN).split(_BETWEEN)
    known = {f"{key} -> {session.conf.get(key)}" for key in _KNOWN_BY_NAME}
    found = (each for each in every if each.startswith("spark.sql."))
    return str(sorted({*known, *(each for each in found if not each.startswith(_HARMLESS))}))


class TemporaryViews:
    """Sessions for resolving, shared by flows of equal settings.

    A session in which user code left temporary views or functions of its own is not used again, so
    that no flow finds another's.
    """

    def __init__(self, pipeline: SparkSession) -> None:
        self._pipeline = pipeline
        self._clean: dict[str, _Clean] = {}

    @contextmanager
    def session_for(self, conf: Mapping[str, str]) -> Iterator[SparkSession]:
        """Give a session with a flow's settings."""
        key = str(sorted(conf.items()))
        clean = self._clean.pop(key, None) or _Clean(flow_session(self._pipeline, conf))
        yield clean.session
        if clean.is_clean_again():
            self._clean[key] = clean


class _Clean:
    """A session without views and functions of a query's own; what is asked often is kept."""

    def __init__(self, session: SparkSession) -> None:
        self.session = session
        java_session: Any = session._jsparkSession
        self._catalog = _catalog(session)
        self._registry = java_session.sessionState().functionRegistry()
        self._functions = self._count()

    def is_clean_again(self) -> bool:
        """Remove the views that stood for datasets in SQL; tell whether nothing else was left."""
        return _only_our_views(self._catalog) and self._count() == self._functions

    def _count(self) -> int:
        return int(self._registry.listFunction().size())


def has_view(session: SparkSession, name: str) -> bool:
    """Return whether a session has a temporary view of a name."""
    return bool(_catalog(session).getTempView(name).isDefined())


def _only_our_views(catalog: Any) -> bool:
    """Remove the views that stood for datasets in SQL; return whether there were no others."""
    views = catalog.listLocalTempViews("*")
    names = [str(views.apply(index).table()) for index in range(views.size())]
    if not all(name.startswith(VIEW_PREFIX) for name in names):
        return False
    return all(catalog.dropTempView(name) for name in names)


def _catalog(session: SparkSession) -> Any:
    java_session: Any = session._jsparkSession
    return java_session.sessionState().catalog()
