"""What on disk stands against a step: one function a rule, values in, errors out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dlt_lite.errors import (
    CheckpointMissing,
    DltLiteError,
    NotOurs,
    OtherKind,
    OwnedTwice,
    PartitioningChanged,
    ResetNotAllowed,
    SchemaIncompatible,
    StateDamaged,
    TableReplaced,
)
from dlt_lite.graph.graph import ResolvedDataset
from dlt_lite.model.datasets import DatasetKind
from dlt_lite.model.state import Situation, TableState
from dlt_lite.plan.columns import Difference, differences

RESET_ALLOWED = "pipelines.reset.allowed"


def obstacles(
    resolved: ResolvedDataset,
    situation: Situation,
    *,
    pipeline: str,
    refreshed: bool,
    reset: tuple[str, ...] = (),
) -> list[DltLiteError]:
    """Return what stands against filling a dataset's table.

    Args:
        resolved: the dataset.
        situation: what lies on disk.
        pipeline: the pipeline that would fill it.
        refreshed: whether the table is emptied and filled anew.
        reset: the flows whose checkpoint begins anew.
    """
    if situation.trouble is not None:
        return [situation.trouble]
    table = situation.table
    if table is None:
        return list(_checkpoint_without_table(resolved, situation, refreshed=refreshed))
    found = list(_not_ours(resolved, table, pipeline))
    if found:
        return found
    found = list(_reset_not_allowed(resolved)) if refreshed else []
    if resolved.kind is DatasetKind.STREAMING_TABLE and not refreshed:
        rules: tuple[Callable[..., Iterator[DltLiteError]], ...] = (
            _partitioning_changed,
            _columns_changed,
            _table_replaced,
        )
        for rule in rules:
            found += rule(resolved, table, situation)
        found += _checkpoint_gone(resolved, situation, reset)
        found += _checkpoint_damaged(resolved, situation, reset)
    return found


def must_not_be_reset(resolved: ResolvedDataset) -> bool:
    """Return whether the code forbids to refresh a dataset fully."""
    properties = resolved.dataset.options.table_properties
    return properties.get(RESET_ALLOWED, "true").lower() == "false"


def rewritten_sources(
    resolved: ResolvedDataset, situation: Situation, *, reset: tuple[str, ...]
) -> Iterator[DltLiteError]:
    """Yield what became of tables that a dataset streams from, so that it cannot go on.

    Args:
        resolved: the dataset.
        situation: what lies on disk.
        reset: the flows whose checkpoint begins anew.
    """
    shown = resolved.dataset.shown
    origins = {each.flow.name: each.flow.origin for each in resolved.flows}
    for name, flow in situation.flows.items():
        what = "; ".join((*flow.replaced, *flow.rewritten))
        if not what or name in reset:
            continue
        instead = "" if flow.replaced else ", or read with the option skipChangeCommits"
        yield TableReplaced(
            f"{shown} streams from a table whose rows were changed or removed: {what}",
            origin=origins[name],
            fix=f"run with --full-refresh {shown}{instead}",
        )


def _not_ours(
    resolved: ResolvedDataset, table: TableState, pipeline: str
) -> Iterator[DltLiteError]:
    dataset = resolved.dataset
    if table.owner is None:
        yield NotOurs(
            f"a table that dlt_lite did not make is where {dataset.shown} would go: {table.path}",
            origin=dataset.origin,
            fix="move that table away, or give the dataset another name or schema",
        )
    elif table.owner != pipeline:
        yield OwnedTwice(
            f"{dataset.shown} is already a table of pipeline {table.owner!r}",
            origin=dataset.origin,
            fix="declare it in one pipeline only, or give one of them another name or schema",
        )
    elif table.kind != resolved.kind.value:
        yield OtherKind(
            f"{dataset.shown} is a {_words(resolved.kind.value)} now, "
            f"but its table was made as a {_words(table.kind)}",
            origin=dataset.origin,
            fix=f"give the dataset another name, or move the table away: {table.path}",
        )


def _words(kind: str | None) -> str:
    return (kind or "table").replace("_", " ")


def _reset_not_allowed(resolved: ResolvedDataset) -> Iterator[DltLiteError]:
    dataset = resolved.dataset
    if must_not_be_reset(resolved):
        yield ResetNotAllowed(
            f"{dataset.shown} must not be fully refreshed: {RESET_ALLOWED} is false",
            origin=dataset.origin,
            fix="leave it out of the full refresh, or remove the property",
        )


def _partitioning_changed(
    resolved: ResolvedDataset, table: TableState, _: Situation
) -> Iterator[DltLiteError]:
    wanted = tuple(name.lower() for name in resolved.dataset.options.partition_cols)
    has = tuple(name.lower() for name in table.partition_cols)
    if wanted != has:
        yield PartitioningChanged(
            f"{resolved.dataset.shown} is partitioned by ({', '.join(has)}) on disk "
            f"and by ({', '.join(wanted)}) in code",
            origin=resolved.dataset.origin,
            fix=f"take the change back, or run with --full-refresh {resolved.dataset.shown}",
        )


def _columns_changed(
    resolved: ResolvedDataset, table: TableState, _: Situation
) -> Iterator[DltLiteError]:
    results = [flow.schema for flow in resolved.flows]
    for column in table.schema.columns:
        found = [each for schema in results if (each := schema.column(column.name)) is not None]
        if not found:
            yield _lost_column(resolved, column.name)
        for each in found:
            for lost in differences(column.type, each.type, column.name):
                yield _changed_column(resolved, lost)


def _lost_column(resolved: ResolvedDataset, name: str) -> DltLiteError:
    shown = resolved.dataset.shown
    return SchemaIncompatible(
        f"{shown}: the query no longer yields column {name!r}, which the table has",
        origin=resolved.dataset.origin,
        fix=f"keep the column, or run with --full-refresh {shown}",
    )


def _changed_column(resolved: ResolvedDataset, lost: Difference) -> DltLiteError:
    if lost.yields is None:
        return _lost_column(resolved, lost.column)
    shown = resolved.dataset.shown
    return SchemaIncompatible(
        f"{shown}: column {lost.column!r} is {lost.has} in the table and {lost.yields} in the "
        "query",
        origin=resolved.dataset.origin,
        fix=f"cast it to {lost.has}, or run with --full-refresh {shown}",
    )


def _table_replaced(
    resolved: ResolvedDataset, table: TableState, situation: Situation
) -> Iterator[DltLiteError]:
    shown = resolved.dataset.shown
    strangers = {
        flow.owner_id
        for flow in situation.flows.values()
        if flow.started and flow.owner_id not in {None, table.table_id}
    }
    if table.overwritten:
        what = f"somebody else changed {shown}: {'; '.join(table.touched)}"
    elif strangers:
        what = f"{shown} was dropped and made anew by somebody else; its checkpoint knows another"
    else:
        return
    yield TableReplaced(
        what,
        origin=resolved.dataset.origin,
        fix=f"restore the table (RESTORE TABLE … TO VERSION AS OF …), or run with "
        f"--full-refresh {shown}",
    )


def _checkpoint_gone(
    resolved: ResolvedDataset, situation: Situation, reset: tuple[str, ...]
) -> Iterator[DltLiteError]:
    shown = resolved.dataset.shown
    for name, flow in situation.flows.items():
        if flow.committed and not flow.started and name not in reset:
            yield CheckpointMissing(
                f"{shown} holds rows of flow {name}, but the flow's checkpoint is gone: "
                "going on would read everything a second time",
                origin=resolved.dataset.origin,
                fix=f"put the checkpoint back; or {_ways_out(shown, name)}",
            )


def _checkpoint_damaged(
    resolved: ResolvedDataset, situation: Situation, reset: tuple[str, ...]
) -> Iterator[DltLiteError]:
    shown = resolved.dataset.shown
    for name, flow in situation.flows.items():
        if flow.damage is not None and name not in reset:
            yield StateDamaged(
                f"{shown}: the checkpoint of flow {name} cannot be read: {flow.damage.what}",
                path=flow.damage.path,
                origin=resolved.dataset.origin,
                fix=f"{flow.damage.fix}; or {_ways_out(shown, name)}",
            )


def _ways_out(shown: str, flow: str) -> str:
    return (
        f"run with --full-refresh {shown} to begin anew, "
        f"or with --reset-checkpoint {flow} to keep the rows and read the sources again"
    )


def _checkpoint_without_table(
    resolved: ResolvedDataset, situation: Situation, *, refreshed: bool
) -> Iterator[DltLiteError]:
    if refreshed:
        return
    shown = resolved.dataset.shown
    for name, flow in situation.flows.items():
        if flow.started:
            yield TableReplaced(
                f"the table of {shown} is gone, but flow {name} has a checkpoint: "
                "its rows would not be read again",
                origin=resolved.dataset.origin,
                fix=f"put the table back, or run with --full-refresh {shown}",
            )
