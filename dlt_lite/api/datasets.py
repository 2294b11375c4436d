"""Declare datasets and flows. A decorator records; the function is handed back unchanged.

Names and parameters are those of Databricks' `dlt` and `pyspark.pipelines`. Outside of a pipeline
that is being loaded the decorators record nothing, so a test can import a pipeline file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar, cast, overload

from dlt_lite.api.expectations import rules_from
from dlt_lite.api.options import GivenOptions, checked_options, texts
from dlt_lite.errors import BadOption
from dlt_lite.model.datasets import DeclaredAs, TableOptions
from dlt_lite.model.names import DatasetName
from dlt_lite.model.rules import RuleAction
from dlt_lite.registry.active import active_registry
from dlt_lite.registry.registry import Registry
from dlt_lite.suites.attaching import attach_given

Q = TypeVar("Q", bound=Callable[..., object])
Conditions = Mapping[str, object]


@overload
def table(query_function: Q) -> Q: ...
@overload
def table(
    query_function: None = None,
    *,
    name: str | None = None,
    comment: str | None = None,
    spark_conf: Mapping[str, str] | None = None,
    table_properties: Mapping[str, str] | None = None,
    path: str | None = None,
    partition_cols: Sequence[str] | None = None,
    cluster_by_auto: bool | None = None,
    cluster_by: Sequence[str] | None = None,
    schema: object = None,
    row_filter: str | None = None,
    temporary: bool | None = None,
    private: bool | None = None,
    tags: Sequence[str] | None = None,
    refresh_policy: str | None = None,
    quarantine_table: str | None = None,
    expectations: str | Mapping[str, object] | None = None,
) -> Callable[[Q], Q]: ...
def table(
    query_function: Q | None = None,
    *,
    name: str | None = None,
    comment: str | None = None,
    spark_conf: Mapping[str, str] | None = None,
    table_properties: Mapping[str, str] | None = None,
    path: str | None = None,
    partition_cols: Sequence[str] | None = None,
    cluster_by_auto: bool | None = None,
    cluster_by: Sequence[str] | None = None,
    schema: object = None,
    row_filter: str | None = None,
    temporary: bool | None = None,
    private: bool | None = None,
    tags: Sequence[str] | None = None,
    refresh_policy: str | None = None,
    quarantine_table: str | None = None,
    expectations: str | Mapping[str, object] | None = None,
) -> Q | Callable[[Q], Q]:
    """Declare a table; the frame that the function returns decides of which kind.

    A streaming frame makes a streaming table, a batch frame a materialized view, as
    `dlt.table` does on Databricks.

    Args:
        query_function: the function, where the decorator stands without parentheses.
        name: the dataset's name, of one to three parts; the function's name by default.
        comment: text that stands beside the table.
        spark_conf: Spark settings of this dataset's flow alone.
        table_properties: Delta's and your own table properties.
        path: not followed; tables lie under the storage root.
        partition_cols: columns to partition by.
        cluster_by_auto: tunes Databricks only.
        cluster_by: columns to cluster by; excludes `partition_cols`.
        schema: DDL text or a StructType that the result must fit.
        row_filter: refused, since open-source Delta cannot honour it.
        temporary: the older name of `private`.
        private: keep the table to this pipeline.
        tags: words that `--select tag:…` finds.
        refresh_policy: `full` replaces a materialized view at every update.
        quarantine_table: the name of the table beside this one that takes rows set aside.
        expectations: the name of a file below `expectations/`, or a dictionary of a dataset's
            rules, shaped as in such a file.

    Returns:
        The function, unchanged; or the decorator.
    """
    given = GivenOptions(
        comment,
        schema,
        partition_cols,
        cluster_by,
        cluster_by_auto,
        table_properties,
        path,
        row_filter,
        private or temporary,
        tags,
        refresh_policy,
        quarantine_table,
        expectations,
    )
    return _declaring(DeclaredAs.TABLE, query_function, name, given, spark_conf)


@overload
def materialized_view(query_function: Q) -> Q: ...
@overload
def materialized_view(
    query_function: None = None,
    *,
    name: str | None = None,
    comment: str | None = None,
    spark_conf: Mapping[str, str] | None = None,
    table_properties: Mapping[str, str] | None = None,
    path: str | None = None,
    partition_cols: Sequence[str] | None = None,
    cluster_by_auto: bool | None = None,
    cluster_by: Sequence[str] | None = None,
    schema: object = None,
    row_filter: str | None = None,
    private: bool | None = None,
    tags: Sequence[str] | None = None,
    refresh_policy: str | None = None,
    quarantine_table: str | None = None,
    expectations: str | Mapping[str, object] | None = None,
) -> Callable[[Q], Q]: ...
def materialized_view(
    query_function: Q | None = None,
    *,
    name: str | None = None,
    comment: str | None = None,
    spark_conf: Mapping[str, str] | None = None,
    table_properties: Mapping[str, str] | None = None,
    path: str | None = None,
    partition_cols: Sequence[str] | None = None,
    cluster_by_auto: bool | None = None,
    cluster_by: Sequence[str] | None = None,
    schema: object = None,
    row_filter: str | None = None,
    private: bool | None = None,
    tags: Sequence[str] | None = None,
    refresh_policy: str | None = None,
    quarantine_table: str | None = None,
    expectations: str | Mapping[str, object] | None = None,
) -> Q | Callable[[Q], Q]:
    """Declare a materialized view: a table that is replaced when what it reads has changed.

    Args:
        query_function: the function, where the decorator stands without parentheses.
        name: the dataset's name, of one to three parts; the function's name by default.
        comment: text that stands beside the table.
        spark_conf: Spark settings of this dataset's flow alone.
        table_properties: Delta's and your own table properties.
        path: not followed; tables lie under the storage root.
        partition_cols: columns to partition by.
        cluster_by_auto: tunes Databricks only.
        cluster_by: columns to cluster by; excludes `partition_cols`.
        schema: DDL text or a StructType that the result must fit.
        row_filter: refused, since open-source Delta cannot honour it.
        private: keep the table to this pipeline.
        tags: words that `--select tag:…` finds.
        refresh_policy: `full` replaces the view at every update.
        quarantine_table: the name of the table beside this one that takes rows set aside.
        expectations: the name of a file below `expectations/`, or a dictionary of a dataset's
            rules, shaped as in such a file.

    Returns:
        The function, unchanged; or the decorator.
    """
    given = GivenOptions(
        comment,
        schema,
        partition_cols,
        cluster_by,
        cluster_by_auto,
        table_properties,
        path,
        row_filter,
        private,
        tags,
        refresh_policy,
        quarantine_table,
        expectations,
    )
    return _declaring(DeclaredAs.MATERIALIZED_VIEW, query_function, name, given, spark_conf)


@overload
def temporary_view(query_function: Q) -> Q: ...
@overload
def temporary_view(
    query_function: None = None,
    *,
    name: str | None = None,
    comment: str | None = None,
    spark_conf: Mapping[str, str] | None = None,
    tags: Sequence[str] | None = None,
    expectations: str | Mapping[str, object] | None = None,
) -> Callable[[Q], Q]: ...
def temporary_view(
    query_function: Q | None = None,
    *,
    name: str | None = None,
    comment: str | None = None,
    spark_conf: Mapping[str, str] | None = None,
    tags: Sequence[str] | None = None,
    expectations: str | Mapping[str, object] | None = None,
) -> Q | Callable[[Q], Q]:
    """Declare a temporary view: a query with a name, inlined where it is read, never written.

    Args:
        query_function: the function, where the decorator stands without parentheses.
        name: the view's name; the function's name by default.
        comment: text for readers.
        spark_conf: Spark settings, kept for the record; the reading flow's own settings count.
        tags: words that `--select tag:…` finds.
        expectations: the name of a file below `expectations/`, or a dictionary of a dataset's
            rules, shaped as in such a file.

    Returns:
        The function, unchanged; or the decorator.
    """
    given = GivenOptions(comment=comment, tags=tags, expectations=expectations)
    return _declaring(DeclaredAs.TEMPORARY_VIEW, query_function, name, given, spark_conf)


view = temporary_view


def create_streaming_table(
    name: str,
    *,
    comment: str | None = None,
    spark_conf: Mapping[str, str] | None = None,
    table_properties: Mapping[str, str] | None = None,
    path: str | None = None,
    partition_cols: Sequence[str] | None = None,
    cluster_by_auto: bool | None = None,
    cluster_by: Sequence[str] | None = None,
    schema: object = None,
    expect_all: Conditions | None = None,
    expect_all_or_drop: Conditions | None = None,
    expect_all_or_fail: Conditions | None = None,
    expect_all_or_quarantine: Conditions | None = None,
    row_filter: str | None = None,
    private: bool | None = None,
    tags: Sequence[str] | None = None,
    quarantine_table: str | None = None,
    expectations: str | Mapping[str, object] | None = None,
) -> None:
    """Declare a streaming table that append flows fill.

    Args:
        name: the dataset's name, of one to three parts.
        comment: text that stands beside the table.
        spark_conf: Spark settings of the flows that fill it; a flow's own win.
        table_properties: Delta's and your own table properties.
        path: not followed; tables lie under the storage root.
        partition_cols: columns to partition by.
        cluster_by_auto: tunes Databricks only.
        cluster_by: columns to cluster by; excludes `partition_cols`.
        schema: DDL text or a StructType that every flow must fit.
        expect_all: expectations by name, that warn.
        expect_all_or_drop: expectations by name, that drop the row.
        expect_all_or_fail: expectations by name, that fail the flow.
        expect_all_or_quarantine: expectations by name, that set the row aside.
        row_filter: refused, since open-source Delta cannot honour it.
        private: keep the table to this pipeline.
        tags: words that `--select tag:…` finds.
        quarantine_table: the name of the table beside this one that takes rows set aside.
        expectations: the name of a file below `expectations/`, or a dictionary of a dataset's
            rules, shaped as in such a file.
    """
    registry = active_registry()
    if registry is None:
        return
    given = GivenOptions(
        comment,
        schema,
        partition_cols,
        cluster_by,
        cluster_by_auto,
        table_properties,
        path,
        row_filter,
        private,
        tags,
        quarantine_table=quarantine_table,
    )
    rules = (
        *rules_from(expect_all, RuleAction.WARN, registry),
        *rules_from(expect_all_or_drop, RuleAction.DROP, registry),
        *rules_from(expect_all_or_fail, RuleAction.FAIL, registry),
        *rules_from(expect_all_or_quarantine, RuleAction.QUARANTINE, registry),
    )
    options = checked_options(given, registry, name=name)
    full = registry.add_dataset(name, DeclaredAs.STREAMING_TABLE, options, rules=rules)
    if full is not None and expectations is not None:
        attach_given(registry, full, name, expectations)
    if full is not None and spark_conf:
        registry.add_target_conf(full, texts(spark_conf, registry, what=f"{name}: spark_conf"))


def append_flow(
    target: str,
    *,
    name: str | None = None,
    once: bool = False,
    spark_conf: Mapping[str, str] | None = None,
    comment: str | None = None,
) -> Callable[[Q], Q]:
    """Declare a flow that appends to a streaming table.

    Args:
        target: the streaming table's name.
        name: the flow's name; the function's name by default.
        once: a batch query that runs one time, and again after a full refresh.
        spark_conf: Spark settings of this flow alone.
        comment: text for readers.

    Returns:
        The decorator, which hands the function back unchanged.
    """

    def declare(function: Q) -> Q:
        registry = active_registry()
        if registry is not None:
            own = _own_name(function, name, registry)
            if own is None:
                return function
            conf = texts(spark_conf, registry, what=f"{own}: spark_conf")
            registry.add_flow(
                own,
                target,
                function,
                once=once,
                explicit=True,
                spark_conf=conf,
                comment=comment,
            )
        return function

    return declare


def _declaring(
    declared_as: DeclaredAs,
    function: Q | None,
    name: str | None,
    given: GivenOptions,
    spark_conf: Mapping[str, str] | None,
) -> Q | Callable[[Q], Q]:
    def declare(function: Q) -> Q:
        registry = active_registry()
        if registry is not None:
            own = _own_name(function, name, registry)
            if own is None:
                return function
            options = checked_options(given, registry, name=own)
            conf = texts(spark_conf, registry, what=f"{own}: spark_conf")
            full = _declare(declared_as, function, own, options, conf)
            if full is not None and given.expectations is not None:
                attach_given(registry, full, own, given.expectations)
        return function

    if function is None:
        return declare
    if not callable(cast("object", function)):
        registry = active_registry()
        message = f"@{declared_as.value} was given {function!r} where a function is meant"
        raise BadOption(
            message,
            origin=None if registry is None else registry.here(),
            fix=f"write @{declared_as.value}(name=…)",
        )
    return declare(function)


def _declare(
    declared_as: DeclaredAs,
    function: Callable[..., object],
    name: str,
    options: TableOptions,
    conf: Mapping[str, str],
) -> DatasetName | None:
    registry = active_registry()
    if registry is None:
        return None
    full = registry.add_dataset(name, declared_as, options, function=function)
    if full is not None:
        registry.add_flow(name, full, function, spark_conf=conf, comment=options.comment)
    return full


def _own_name(function: object, name: str | None, registry: Registry) -> str | None:
    if name is not None:
        return str(name)
    own = getattr(function, "__name__", None)
    if own is None or own == "<lambda>":
        registry.refuse(
            BadOption(
                "a lambda or a callable object has no name of its own",
                origin=registry.here(),
                fix="give name=",
            )
        )
        return None
    return str(own)
