"""What cannot be: one function a rule, values in, errors out; knows neither Spark nor the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from difflib import get_close_matches

from dlt_lite.errors import (
    BadOption,
    BadSchema,
    DltLiteError,
    KindConflict,
    NoFlow,
    ReservedColumn,
    StreamOverOverwritten,
)
from dlt_lite.graph.graph import ResolvedDataset, ResolvedGraph
from dlt_lite.model.datasets import DatasetKind, DeclaredAs, Definitions

_UNSTORABLE = frozenset(" ,;{}()\n\t=")
_RESERVED = frozenset({"_change_type", "_commit_version", "_commit_timestamp"})
_UNSTORABLE_TYPES = ("void", "interval", "calendarinterval", "null")
_READS_CHANGES = ("readchangefeed", "skipchangecommits", "readchangedata")


def problems_of_declarations(definitions: Definitions) -> list[DltLiteError]:
    """Return what is wrong with declarations alone, before any query is called."""
    return [
        problem
        for rule in (_flows_without_target, _datasets_without_flow, _views_with_two_flows)
        for problem in rule(definitions)
    ]


def problems_of(graph: ResolvedGraph) -> list[DltLiteError]:
    """Return what is wrong with a resolved graph."""
    rules: tuple[Callable[[ResolvedGraph, ResolvedDataset], Iterator[DltLiteError]], ...] = (
        _batch_where_a_stream_is_needed,
        _stream_where_a_batch_is_needed,
        _stream_over_an_overwritten_table,
        _columns_that_cannot_be_stored,
        _options_that_name_no_column,
    )
    return [
        problem
        for dataset in graph.datasets.values()
        for rule in rules
        for problem in rule(graph, dataset)
    ]


def _flows_without_target(definitions: Definitions) -> Iterator[DltLiteError]:
    names = [dataset.shown for dataset in definitions.datasets.values()]
    for flow in definitions.flows:
        target = definitions.datasets.get(flow.target)
        if target is None:
            close = get_close_matches(flow.target.table, names, n=1)
            yield NoFlow(
                f"flow {flow.name} fills {flow.target.table}, which nobody declares",
                origin=flow.origin,
                fix=f"did you mean {close[0]!r}?" if close else "call create_streaming_table first",
            )
        elif flow.explicit and target.declared_as in {
            DeclaredAs.TEMPORARY_VIEW,
            DeclaredAs.MATERIALIZED_VIEW,
        }:
            yield KindConflict(
                f"flow {flow.name} appends to {target.shown}, which is no streaming table",
                origin=flow.origin,
                fix=f"declare {target.shown} by create_streaming_table",
            )


def _datasets_without_flow(definitions: Definitions) -> Iterator[DltLiteError]:
    filled = {flow.target for flow in definitions.flows}
    for name, dataset in definitions.datasets.items():
        if name not in filled:
            yield NoFlow(
                f"no flow fills {dataset.shown}",
                origin=dataset.origin,
                fix=f"declare one by @append_flow(target={dataset.shown!r})",
            )


def _views_with_two_flows(definitions: Definitions) -> Iterator[DltLiteError]:
    for name, dataset in definitions.datasets.items():
        flows = definitions.flows_of(name)
        if len(flows) > 1 and dataset.declared_as is DeclaredAs.MATERIALIZED_VIEW:
            yield KindConflict(
                f"materialized view {dataset.shown} has {len(flows)} flows",
                origin=flows[1].origin,
                fix="use one query with UNION, or a streaming table",
            )


def _batch_where_a_stream_is_needed(
    _: ResolvedGraph, resolved: ResolvedDataset
) -> Iterator[DltLiteError]:
    if resolved.kind is not DatasetKind.STREAMING_TABLE:
        return
    for flow in resolved.flows:
        if not flow.streaming and not flow.flow.once:
            yield KindConflict(
                f"flow {flow.flow.name} fills streaming table {resolved.dataset.shown} "
                "with a batch query",
                origin=flow.flow.origin,
                fix="read by spark.readStream, or give once=True to run it one time",
            )
        if flow.streaming and flow.flow.once:
            yield KindConflict(
                f"flow {flow.flow.name} has once=True but its query is a stream",
                origin=flow.flow.origin,
                fix="read by spark.read, or take once=True away",
            )


def _stream_where_a_batch_is_needed(
    _: ResolvedGraph, resolved: ResolvedDataset
) -> Iterator[DltLiteError]:
    if resolved.kind is DatasetKind.MATERIALIZED_VIEW and resolved.flows[0].streaming:
        yield KindConflict(
            f"materialized view {resolved.dataset.shown} has a streaming query",
            origin=resolved.dataset.origin,
            fix="read by spark.read, or declare it by @table",
        )


def _stream_over_an_overwritten_table(
    graph: ResolvedGraph, resolved: ResolvedDataset
) -> Iterator[DltLiteError]:
    for flow in resolved.flows:
        for read in flow.reads:
            source = None if read.name is None else graph.datasets.get(read.name)
            if source is None or not read.streaming:
                continue
            careful = any(option in read.options.lower() for option in _READS_CHANGES)
            if source.kind is DatasetKind.MATERIALIZED_VIEW and not careful:
                yield StreamOverOverwritten(
                    f"flow {flow.flow.name} reads {source.dataset.shown} as a stream, "
                    "but every refresh overwrites that view",
                    origin=flow.flow.origin,
                    fix="read it by spark.read.table, or make it a streaming table",
                )


def _columns_that_cannot_be_stored(
    _: ResolvedGraph, resolved: ResolvedDataset
) -> Iterator[DltLiteError]:
    if resolved.kind is DatasetKind.TEMPORARY_VIEW:
        return
    seen: set[str] = set()
    for column in resolved.schema.columns:
        where, shown = resolved.dataset.origin, f"{resolved.dataset.shown}: column {column.name!r}"
        if column.name.lower() in seen:
            yield BadSchema(f"{shown} comes twice", origin=where, fix="rename one by .alias")
        seen.add(column.name.lower())
        if column.name.lower() in _RESERVED:
            yield ReservedColumn(
                f"{shown} has a name of Delta's own", origin=where, fix="rename it"
            )
        if _UNSTORABLE & set(column.name) or not column.name:
            yield BadSchema(
                f"{shown} has a character that Delta cannot store (one of ' ,;{{}}()\\n\\t=')",
                origin=where,
                fix="rename it by .alias or .withColumnRenamed",
            )
        if column.shown_type.startswith(_UNSTORABLE_TYPES):
            yield BadSchema(
                f"{shown} has type {column.shown_type}, which Delta cannot store",
                origin=where,
                fix="cast it to a type that can be stored",
            )


def _options_that_name_no_column(
    _: ResolvedGraph, resolved: ResolvedDataset
) -> Iterator[DltLiteError]:
    options = resolved.dataset.options
    for what, names in (
        ("partition_cols", options.partition_cols),
        ("cluster_by", options.cluster_by),
    ):
        for name in names:
            if resolved.schema.column(name) is None:
                close = get_close_matches(name, resolved.schema.names, n=1)
                yield BadOption(
                    f"{what} of {resolved.dataset.shown} names {name!r}, which is no column of it",
                    origin=resolved.dataset.origin,
                    fix=f"did you mean {close[0]!r}?" if close else "name a column of the result",
                )
