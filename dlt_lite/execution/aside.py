"""Set rows aside: after the target's commit, before anything is acknowledged, exactly once."""

from __future__ import annotations

from dataclasses import replace

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 - PySpark's own habit

from dlt_lite.execution.context import Context
from dlt_lite.graph.graph import ResolvedDataset
from dlt_lite.model.datasets import quarantine_of
from dlt_lite.model.rules import (
    ASIDE_BATCH,
    ASIDE_FLOW,
    ASIDE_SINCE,
    ASIDE_SOURCES,
    ASIDE_UPDATE,
    REPLAY,
    Cost,
    Counts,
    RuleAction,
)
from dlt_lite.model.state import CommitRecord, TableState
from dlt_lite.storage.quarantine import (
    add_aside,
    begin_filling,
    empty_aside,
    last_aside,
    replace_aside,
)
from dlt_lite.storage.tables import Transaction


def quarantine_path(context: Context, resolved: ResolvedDataset) -> str:
    """Return where the rows lie that a dataset sets aside."""
    options = resolved.dataset.options
    return context.layout.table(quarantine_of(resolved.dataset), private=options.private)


def add_batch_aside(
    context: Context,
    resolved: ResolvedDataset,
    rows: DataFrame,
    record: CommitRecord,
    transaction: Transaction,
    *,
    table: TableState,
) -> int | None:
    """Append the rows of one batch that were set aside; None where they are there already.

    Args:
        context: the update.
        resolved: the dataset.
        rows: the rows, with the names of the rules that they break.
        record: what the commit says of itself.
        transaction: the flow's id and the batch.
        table: the dataset's table, as the flow found it.
    """
    path = quarantine_path(context, resolved)
    if last_aside(context.session, path, transaction.app_id) >= transaction.version:
        return None
    labelled, filling = _labelled(rows, record), _filling(context, table)
    return add_aside(labelled, path, record, transaction, filling=filling).rows


def begin_anew(context: Context, resolved: ResolvedDataset, table: TableState) -> None:
    """Remove what was set aside while the table was filled before: those rows come again.

    Args:
        context: the update.
        resolved: the streaming table.
        table: its table, ready to be filled.
    """
    path, transaction = _next(context, resolved)
    record = context.record("reset", resolved)
    begin_filling(context.session, path, _filling(context, table), record, transaction)


def replace_views_aside(
    context: Context, resolved: ResolvedDataset, rows: DataFrame | None, record: CommitRecord
) -> int:
    """Put the rows that a view's refresh set aside in place of the last one's.

    Args:
        context: the update.
        resolved: the view.
        rows: the rows, with the names of the rules that they break; None where there are none.
        record: what the commit says of itself.
    """
    path, transaction = _next(context, resolved)
    if rows is None:
        empty_aside(context.session, path, record, transaction)
        return 0
    return replace_aside(_labelled(rows, record), path, record, transaction).rows


def reconciled_aside(counts: Counts, found: int | None) -> Counts:
    """Return the counts beside the rows that were set aside; inexact where the two differ."""
    if found is None or found == counts.quarantined:
        return counts
    inexact = tuple(replace(each, exact=False) for each in counts.rules)
    return Counts(counts.written + counts.dropped + found, counts.dropped, inexact, found)


def found_apart(counts: Counts) -> Counts:
    """Return the counts where a second job found the rows that were set aside."""
    rules = (
        replace(each, cost=Cost.EXTRA_SCAN) if each.action is RuleAction.QUARANTINE else each
        for each in counts.rules
    )
    return replace(counts, rules=tuple(rules))


def _next(context: Context, resolved: ResolvedDataset) -> tuple[str, Transaction]:
    """Return where the quarantine lies, and the transaction of its next replacement."""
    path = quarantine_path(context, resolved)
    app_id = context.ids.view(quarantine_of(resolved.dataset))
    return path, Transaction(app_id, last_aside(context.session, path, app_id) + 1)


def _filling(context: Context, table: TableState) -> str:
    """Return what tells a table, and how often it was emptied, from all others."""
    return f"{table.table_id}/{table.transactions.get(context.ids.generation(''), 0)}"


def _labelled(rows: DataFrame, record: CommitRecord) -> DataFrame:
    sources = [
        each.name if each.version is None else f"{each.name}@{each.version}"
        for each in record.inputs
    ]
    labels: dict[str, Column] = {
        ASIDE_SINCE: F.current_timestamp(),
        ASIDE_UPDATE: F.lit(record.update_id),
        ASIDE_FLOW: F.lit(record.flow),
        ASIDE_BATCH: F.lit(record.batch).cast("bigint"),
        ASIDE_SOURCES: F.array(*map(F.lit, sources)).cast("array<string>"),
        REPLAY: F.lit(None).cast("bigint"),
    }
    return rows.withColumns(labels)
