"""What cannot be: one function a rule, values in, errors out; knows neither Spark nor the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from difflib import get_close_matches

from dlt_lite.errors import (
    BadExpectation,
    BadOption,
    BadSchema,
    DltLiteError,
    KindConflict,
    NoFlow,
    ReservedColumn,
    StreamOverOverwritten,
)
from dlt_lite.graph.graph import ResolvedDataset, ResolvedGraph
from dlt_lite.model.datasets import DatasetKind, DeclaredAs, Definitions, quarantine_of
from dlt_lite.model.rules import ASIDE_COLUMNS, JUDGING, RuleAction
from dlt_lite.model.schema import places

_UNSTORABLE = frozenset(" ,;{}()\n\t=")
_RESERVED = frozenset({"_change_type", "_commit_version", "_commit_timestamp"})
_UNSTORABLE_TYPES = ("void", "interval", "calendarinterval", "null", "time(")
_COMPLEX = frozenset({"struct", "array", "map", "variant"})
_MAPPING = "delta.columnMapping.mode"
_READS_CHANGES = ("readchangefeed", "skipchangecommits", "readchangedata")


def problems_of_declarations(definitions: Definitions) -> list[DltLiteError]:
    """Return what is wrong with declarations alone, before any query is called."""
    return [
        problem
        for rule in (_flows_without_target, _datasets_without_flow)
        for problem in rule(definitions)
    ]


def problems_of(graph: ResolvedGraph) -> list[DltLiteError]:
    """Return what is wrong with a resolved graph."""
    rules: tuple[Callable[[ResolvedGraph, ResolvedDataset], Iterator[DltLiteError]], ...] = (
        _batch_where_a_stream_is_needed,
        _stream_where_a_batch_is_needed,
        _stream_over_an_overwritten_table,
        _view_with_two_flows,
        _columns_that_are_none_or_come_twice,
        _columns_that_cannot_be_stored,
        _columns_that_rules_need,
        _columns_that_cannot_part,
        _options_that_name_no_column,
        _rows_that_cannot_be_set_aside,
        _rules_that_need_a_table,
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


def _view_with_two_flows(_: ResolvedGraph, resolved: ResolvedDataset) -> Iterator[DltLiteError]:
    if resolved.kind is DatasetKind.MATERIALIZED_VIEW and len(resolved.flows) > 1:
        yield KindConflict(
            f"materialized view {resolved.dataset.shown} has {len(resolved.flows)} flows",
            origin=resolved.flows[1].flow.origin,
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


def _columns_that_are_none_or_come_twice(
    _: ResolvedGraph, resolved: ResolvedDataset
) -> Iterator[DltLiteError]:
    shown, where = resolved.dataset.shown, resolved.dataset.origin
    if resolved.kind is DatasetKind.TEMPORARY_VIEW:
        return
    if not resolved.schema.columns:
        yield BadSchema(
            f"{shown}: the query yields no column", origin=where, fix="select at least one"
        )
    seen: set[str] = set()
    for place in places(resolved.schema):
        if str(place).lower() in seen:
            yield BadSchema(
                f"{shown}: column {str(place)!r} comes twice",
                origin=where,
                fix="rename one by .alias",
            )
        seen.add(str(place).lower())


def _columns_that_cannot_be_stored(
    _: ResolvedGraph, resolved: ResolvedDataset
) -> Iterator[DltLiteError]:
    if resolved.kind is DatasetKind.TEMPORARY_VIEW:
        return
    where = resolved.dataset.origin
    mapped = resolved.dataset.options.table_properties.get(_MAPPING, "none") != "none"
    for place in places(resolved.schema):
        shown = f"{resolved.dataset.shown}: column {str(place)!r}"
        if str(place).lower() in _RESERVED:
            yield ReservedColumn(
                f"{shown} has a name of Delta's own", origin=where, fix="rename it"
            )
        if not place.path[-1]:
            yield BadSchema(f"{shown} has no name", origin=where, fix="name it by .alias")
        if place.is_field and not mapped and _UNSTORABLE & set(place.path[-1]):
            yield BadSchema(
                f"{shown} has a character that Delta cannot store (one of ' ,;{{}}()\\n\\t=')",
                origin=where,
                fix="rename it by .alias or .withColumnRenamed",
            )
        if place.shown_type.startswith(_UNSTORABLE_TYPES):
            yield BadSchema(
                f"{shown} has type {place.shown_type}, which Delta cannot store",
                origin=where,
                fix="cast it to a type that can be stored",
            )


def _columns_that_rules_need(_: ResolvedGraph, resolved: ResolvedDataset) -> Iterator[DltLiteError]:
    for column in resolved.schema.columns if resolved.dataset.row_rules else ():
        if column.name.lower().startswith(JUDGING):
            yield ReservedColumn(
                f"{resolved.dataset.shown}: column {column.name!r} has a name that rules need",
                origin=resolved.dataset.origin,
                fix="rename it",
            )


def _columns_that_cannot_part(
    _: ResolvedGraph, resolved: ResolvedDataset
) -> Iterator[DltLiteError]:
    shown, where = resolved.dataset.shown, resolved.dataset.origin
    wanted = {name.lower() for name in resolved.dataset.options.partition_cols}
    if wanted and wanted >= {name.lower() for name in resolved.schema.names}:
        yield BadOption(
            f"partition_cols of {shown} are all of its columns",
            origin=where,
            fix="leave one out: a file holds what is not in its folder's name",
        )
    for column in resolved.schema.columns:
        if column.name.lower() in wanted and column.shown_type in _COMPLEX:
            yield BadOption(
                f"partition_cols of {shown} names {column.name!r}, which is of type "
                f"{column.shown_type}",
                origin=where,
                fix="partition by a column of a plain type, such as a date or a text",
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


def _rules_that_need_a_table(_: ResolvedGraph, resolved: ResolvedDataset) -> Iterator[DltLiteError]:
    dataset = resolved.dataset
    if resolved.kind is not DatasetKind.TEMPORARY_VIEW:
        return
    for rule in dataset.rules:
        if rule.check is not None or (rule.action is RuleAction.FAIL and rule.terms.threshold):
            yield BadExpectation(
                f"expectation {rule.name!r} of {dataset.shown} is about more than one row, but a "
                "view is not written",
                origin=rule.origin,
                fix="put it on the table that reads the view",
            )


def _rows_that_cannot_be_set_aside(
    graph: ResolvedGraph, resolved: ResolvedDataset
) -> Iterator[DltLiteError]:
    dataset = resolved.dataset
    if not dataset.sets_aside:
        return
    if resolved.kind is DatasetKind.TEMPORARY_VIEW:
        rule = next(each for each in dataset.rules if each.action is RuleAction.QUARANTINE)
        yield BadExpectation(
            f"expectation {rule.name!r} of {dataset.shown} sets rows aside, but a view is not "
            "written",
            origin=rule.origin,
            fix="put it on the table that reads the view, or drop the rows here",
        )
    name = quarantine_of(dataset)
    others = {
        quarantine_of(each.dataset): each.dataset
        for each in graph.datasets.values()
        if each.dataset.sets_aside and each is not resolved
    }
    taken = others.get(name) or (graph.datasets[name].dataset if name in graph.datasets else None)
    if taken is not None:
        yield BadOption(
            f"the rows that {dataset.shown} sets aside would go to {name.table}, "
            f"which is taken by {taken.shown}",
            origin=dataset.origin,
            fix="give another name by quarantine_table=",
        )
    for column in ASIDE_COLUMNS:
        if resolved.schema.column(column) is not None:
            yield ReservedColumn(
                f"{dataset.shown}: column {column!r} has a name that the quarantine table needs",
                origin=dataset.origin,
                fix="rename it",
            )
