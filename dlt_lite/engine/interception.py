"""What `spark` means inside user code: always the flow's own session, and names of datasets first.

`SparkSession.getActiveSession()`, `.active()` and `.builder.getOrCreate()` hand out one stand-in,
`FlowSpark`, that looks up the flow's session at every use, so that a module may keep it. Reads by
name and SQL go through the active scope; what a query may not do is refused. Outside of user code
(no active scope) every patched method is the original one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from pyspark import SparkContext
from pyspark.sql import DataFrameReader, SparkSession
from pyspark.sql.catalog import Catalog
from pyspark.sql.classic.dataframe import DataFrame as ClassicDataFrame
from pyspark.sql.conf import RuntimeConfig
from pyspark.sql.sql_formatter import SQLStringFormatter
from pyspark.sql.streaming.readwriter import DataStreamReader
from pyspark.sql.udf import UserDefinedFunction

from dlt_lite.engine.functions import names_in_code
from dlt_lite.engine.on_workers import NoSpark, let_functions_travel
from dlt_lite.engine.sql_commands import SETTINGS_FIX
from dlt_lite.errors import ForbiddenCall, NeedsAnalyze
from dlt_lite.registry.active import FlowScope, active_scope

_originals: dict[str, Any] = {}


class FlowSpark:
    """Stands for the flow's Spark session wherever user code holds `spark`."""

    def __getattr__(self, name: str) -> object:
        """Return an attribute of the session of the flow that is running."""
        return getattr(current_session(), name)

    @property  # type: ignore[misc]
    def __class__(self) -> type:  # isinstance(spark, SparkSession) holds
        """The class that this stands for."""
        return SparkSession

    def __reduce__(self) -> tuple[type, tuple[()]]:
        """Stay here: a module that travels to a worker has something else in this place."""
        return NoSpark, ()


FLOW_SPARK = FlowSpark()


def current_session() -> SparkSession:
    """Return the session of the running user code, or the process's own outside of it.

    Raises:
        NeedsAnalyze: a file touches Spark while it is loaded without Spark.
    """
    scope = active_scope()
    if scope is not None:
        if scope.session is None:
            message = "the file uses Spark while it is loaded"
            fix = "move it into a function, or say: validate --analyze"
            raise NeedsAnalyze(message, fix=fix)
        return scope.session  # type: ignore[return-value]
    if not _originals:
        return SparkSession.active()
    found: SparkSession | None = _originals["getActiveSession"]()
    return found if found is not None else _originals["getOrCreate"](SparkSession.builder)


def install() -> None:
    """Patch PySpark's classes, once in a process."""
    if _originals:
        return
    _originals["getActiveSession"] = SparkSession.getActiveSession
    _originals["active"] = SparkSession.active
    _originals["getOrCreate"] = SparkSession.Builder.getOrCreate
    _replace_static("getActiveSession")
    _replace_static("active")
    SparkSession.Builder.getOrCreate = _get_or_create  # type: ignore[method-assign, assignment]
    _replace_read(SparkSession, streaming=False, own_reader=False)
    _replace_read(DataFrameReader, streaming=False, own_reader=True)
    _replace_read(DataStreamReader, streaming=True, own_reader=True)
    _replace_sql()
    _leave_types_unparsed()
    _keep_spark_here()
    for name in ("createTempView", "createOrReplaceTempView"):
        _note_view(ClassicDataFrame, name)
    for name in ("write", "writeStream"):
        _forbid_property(ClassicDataFrame, name)
    for owner, name in (
        (ClassicDataFrame, "writeTo"),
        (ClassicDataFrame, "mergeInto"),
        (SparkSession, "stop"),
        (SparkContext, "stop"),
        (RuntimeConfig, "set"),
        (RuntimeConfig, "unset"),
        (Catalog, "createTable"),
        (Catalog, "createExternalTable"),
        (Catalog, "setCurrentCatalog"),
        (Catalog, "setCurrentDatabase"),
    ):
        _forbid_method(owner, name)


def _replace_static(name: str) -> None:
    original = _originals[name]

    def replacement(_: type) -> object:
        return original() if active_scope() is None else FLOW_SPARK

    setattr(SparkSession, name, classmethod(replacement))


def _get_or_create(builder: SparkSession.Builder) -> SparkSession:
    scope = active_scope()
    if scope is None:
        return _originals["getOrCreate"](builder)  # type: ignore[no-any-return]
    for key, value in _changed_by(builder, scope.session).items():
        current_session().conf.set(key, value)
    return FLOW_SPARK  # type: ignore[return-value]


def _changed_by(builder: SparkSession.Builder, session: object) -> dict[str, str]:
    """Return the settings of a session that a builder would change; those of a start it cannot."""
    if session is None:
        return {}
    conf = session.conf  # type: ignore[attr-defined]
    options = {key: str(value) for key, value in builder._options.items()}
    return {
        key: value
        for key, value in options.items()
        if (conf.isModifiable(key) or not key.startswith("spark.")) and conf.get(key, None) != value
    }


def _replace_read(owner: Any, *, streaming: bool, own_reader: bool) -> None:
    original = owner.table

    @functools.wraps(original)
    def table(self: Any, tableName: str) -> object:  # noqa: N803 - PySpark's name
        scope = _defining_scope()
        if scope is not None:
            reader = self if own_reader else None
            frame = scope.table(tableName, streaming=streaming, reader=reader)
            if frame is not None:
                return frame
        return original(self, tableName)

    owner.table = table


def _replace_sql() -> None:
    original = SparkSession.sql

    @functools.wraps(original)
    def sql(self: SparkSession, sqlQuery: str, args: Any = None, **kwargs: Any) -> object:  # noqa: N803
        scope = active_scope()
        if scope is None:
            return original(self, sqlQuery, args, **kwargs)
        formatter = SQLStringFormatter(self)
        try:
            text = formatter.format(sqlQuery, **kwargs) if kwargs else sqlQuery
            found: Any = scope.sql(text, args)
            return original(self, *found)
        finally:
            formatter.clear()

    SparkSession.sql = sql  # type: ignore[method-assign, assignment]


def _leave_types_unparsed() -> None:
    """Let a file that is loaded without Spark say of a UDF what it returns, as `@udf("bigint")`."""
    original: Any = UserDefinedFunction.returnType

    def return_type(self: Any) -> object:
        scope = active_scope()
        if scope is not None and scope.session is None and isinstance(self._returnType, str):
            return self._returnType
        return original.fget(self)

    UserDefinedFunction.returnType = property(  # type: ignore[method-assign, assignment]
        return_type, doc=original.__doc__
    )


def _keep_spark_here() -> None:
    """Let functions go to workers with what they need, and refuse those that need `spark`."""
    let_functions_travel()
    original: Any = UserDefinedFunction._create_judf

    @functools.wraps(original)
    def create(self: UserDefinedFunction, func: Callable[..., Any]) -> object:
        if active_scope() is not None and names_in_code(func, FLOW_SPARK):
            message = "spark cannot be used inside a function that runs on workers"
            raise ForbiddenCall(message, fix="use DataFrame operations outside of the UDF")
        return original(self, func)

    UserDefinedFunction._create_judf = create  # type: ignore[method-assign]


def _note_view(owner: Any, name: str) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def make(self: object, name: str) -> object:
        if (scope := active_scope()) is not None:
            scope.makes_view(name.strip("`"))
        return original(self, name)

    setattr(owner, name, make)


def _forbid_property(owner: type, name: str) -> None:
    original = getattr(owner, name)

    def read(self: object) -> object:
        _refuse_inside_query(name)
        return original.fget(self)

    setattr(owner, name, property(read, doc=original.__doc__))


def _forbid_method(owner: type, name: str) -> None:
    original: Callable[..., object] = getattr(owner, name)

    @functools.wraps(original)
    def call(self: object, *args: object, **kwargs: object) -> object:
        _refuse_inside_query(name)
        return original(self, *args, **kwargs)

    setattr(owner, name, call)


_WRITES = ("writes a table itself", "return the frame; dlt_lite writes it")
_SETS = ("changes Spark's settings", SETTINGS_FIX)
_MOVES = ("changes where names are looked up", "write names of several parts")
_WHAT = {
    "write": _WRITES,
    "writeTo": _WRITES,
    "mergeInto": _WRITES,
    "createTable": _WRITES,
    "createExternalTable": _WRITES,
    "writeStream": ("starts a stream itself", "return the streaming frame; dlt_lite runs it"),
    "stop": ("stops Spark", "remove the call"),
    "set": _SETS,
    "unset": _SETS,
    "setCurrentCatalog": _MOVES,
    "setCurrentDatabase": _MOVES,
}
_FREE_WHILE_LOADING = frozenset({"set", "unset", "setCurrentCatalog", "setCurrentDatabase"})


def refuse_write() -> None:
    """Refuse a write inside user code.

    Raises:
        ForbiddenCall: a query function runs, or a file is loaded.
    """
    _refuse_inside_query("write")


def _refuse_inside_query(name: str) -> None:
    scope = active_scope()
    if scope is None or (name in _FREE_WHILE_LOADING and not scope.defining):
        return
    what, fix = _WHAT[name]
    message = f"a query function {what}"
    raise ForbiddenCall(message, fix=fix)


def _defining_scope() -> FlowScope | None:
    scope = active_scope()
    return scope if scope is not None and scope.defining else None
