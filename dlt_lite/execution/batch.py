"""Replace a materialized view: its query over real inputs, its rules decided in the writing job."""

from __future__ import annotations

from dataclasses import replace

from pyspark.sql import DataFrame, SparkSession

from dlt_lite.engine.files import Files
from dlt_lite.errors import DltLiteError
from dlt_lite.events.records import FlowProgress, FlowState
from dlt_lite.execution.aside import found_apart, reconciled_aside, replace_views_aside
from dlt_lite.execution.context import Context, Outcome
from dlt_lite.execution.failures import failure
from dlt_lite.execution.inputs import input_versions, pins
from dlt_lite.execution.readers import FlowReader
from dlt_lite.execution.wide import Weighed, finish_view, watch_view, weigh_view
from dlt_lite.graph.graph import ResolvedDataset
from dlt_lite.model.rules import Counts, RuleCount
from dlt_lite.model.schema import required
from dlt_lite.model.state import CommitRecord, TableState, metadata_change
from dlt_lite.plan.steps import ReplaceTable
from dlt_lite.quality.enforce import (
    Enforced,
    count_now,
    counts_of,
    enforce,
    reconciled,
    seen_aside,
    set_aside,
)
from dlt_lite.quality.required import without_nulls
from dlt_lite.quality.samples import Sampling, sampling_of
from dlt_lite.storage.records import RecordedCounts, write_counts
from dlt_lite.storage.tables import (
    Transaction,
    Written,
    change_metadata,
    create_table,
    may_hold_rows,
    needs_creating,
    replace_rows,
)


def replace_view(step: ReplaceTable, context: Context) -> Outcome:
    """Compute a view and put the result in place of its rows, in one commit.

    Raises:
        DltLiteError: the query or its job failed; the table is as it was.
    """
    resolved = context.graph.datasets[step.dataset]
    flow = resolved.flows[0]
    session = context.session_for(flow)
    inputs = input_versions(context, step.dataset)
    record = context.record("replace", resolved, flow=flow, inputs=inputs)
    state = _prepared(session, resolved, context)
    reader = FlowReader(context, session)
    frame = reader.frame(flow)
    weighed, enforced = _weighed(resolved, context, reader, frame)
    context.reached("view_begun")
    written = _written(resolved, context, enforced, record, state)
    context.reached("table_committed")
    views = reader.view_counts(frame)
    counts = _settled(resolved, context, enforced, record, written)
    _finish_metadata(session, resolved, context)
    wide: tuple[RuleCount, ...] = ()
    if (now := context.state_of(step.dataset)) is not None:
        wide = finish_view(context, resolved, reader, weighed, counts=counts, state=now)
    counts = replace(counts, rules=(*counts.rules, *wide, *views))
    context.emit(
        FlowProgress(
            resolved.dataset.shown,
            flow.flow.name,
            FlowState.COMPLETED,
            step.action,
            step.reason,
            f"{context.pipeline}/{flow.flow.name}",
            None,
            written.version,
            counts,
        )
    )
    # Last, since a commit without recorded counts is computed again, and so is reported.
    _record_counts(resolved, context, written, counts)
    context.reached("counts_recorded")
    changed = bool(written.rows) or may_hold_rows(state)
    return Outcome(changed=changed, version=written.version)


def _prepared(
    session: SparkSession, resolved: ResolvedDataset, context: Context
) -> TableState | None:
    """Return the table's state, its metadata made as the code says; None before any write."""
    name = resolved.dataset.name
    path, options = context.path_of(name), resolved.dataset.options
    state = context.state_of(name)
    if state is None and needs_creating(options, resolved.schema):
        record = context.record("create", resolved)
        create_table(session, path, resolved.schema, options, record, kind=resolved.kind.value)
        state = context.state_of(name)
    elif state is not None and (change := metadata_change(options, resolved.schema, state)):
        later = replace(change, cluster_by=None)
        change_metadata(session, path, later, context.record("properties", resolved))
    return state


def _weighed(
    resolved: ResolvedDataset, context: Context, reader: FlowReader, frame: DataFrame
) -> tuple[Weighed, Enforced]:
    """Put a view's result under its rules; decide at once what may keep it from being written."""
    sampling = sampling_of(frame, resolved.dataset, context.samples)
    try:
        found = weigh_view(context, resolved, reader, frame, sampling)
    except DltLiteError:
        raise
    except Exception as error:
        raise failure(error, resolved, resolved.flows[0], context) from error
    enforced = enforce(frame, resolved.dataset.row_rules, sampling)
    watched = watch_view(context, resolved, enforced.kept, frame)
    return Weighed(watched, found), replace(enforced, kept=watched.frame)


def _written(
    resolved: ResolvedDataset,
    context: Context,
    enforced: Enforced,
    record: CommitRecord,
    state: TableState | None,
) -> Written:
    name = resolved.dataset.name
    app_id = context.ids.view(name)
    last = -1 if state is None else state.transactions.get(app_id, -1)
    try:
        return replace_rows(
            without_nulls(enforced.kept, required(resolved.schema).values()),
            context.path_of(name),
            resolved.dataset.options,
            record,
            Transaction(app_id, last + 1),
            state=state,
        )
    except DltLiteError:
        raise
    except Exception as error:
        raise failure(error, resolved, resolved.flows[0], context, enforced) from error


def _settled(
    resolved: ResolvedDataset,
    context: Context,
    enforced: Enforced,
    record: CommitRecord,
    written: Written,
) -> Counts:
    """Set aside what is to be set aside; return what the rules decided."""
    counts = counts_of(enforced, written.rows)
    rows = None if counts is None else seen_aside(enforced, counts)
    if counts is None:
        counts = _counted_again(resolved, context, record, written, enforced.sampling)
    if not counts.quarantined:
        rows = None
    elif rows is None:
        rows = set_aside(_read_again(resolved, context, record), resolved.dataset.row_rules)
        counts = found_apart(counts)
    found = replace_views_aside(context, resolved, rows, record)
    context.reached("quarantine_committed")
    return reconciled_aside(counts, found)


def _counted_again(
    resolved: ResolvedDataset,
    context: Context,
    record: CommitRecord,
    written: Written,
    sampling: Sampling,
) -> Counts:
    """Count by a job of its own, over the very versions that were read."""
    frame = _read_again(resolved, context, record)
    return reconciled(count_now(frame, resolved.dataset.row_rules, sampling), written.rows)


def _read_again(resolved: ResolvedDataset, context: Context, record: CommitRecord) -> DataFrame:
    flow = resolved.flows[0]
    session = context.session_for(flow)
    return FlowReader(context, session, pins(context, record.inputs)).frame(flow)


def _record_counts(
    resolved: ResolvedDataset, context: Context, written: Written, counts: Counts
) -> None:
    name = resolved.dataset.name
    state = context.state_of(name)
    if state is None:
        return
    path = context.layout.counts(name, state.table_id, written.version)
    write_counts(Files(context.session), path, RecordedCounts(counts, context.update_id))


def _finish_metadata(session: SparkSession, resolved: ResolvedDataset, context: Context) -> None:
    """Set clustering and comments again, which a replacement with other columns takes away."""
    options = resolved.dataset.options
    if not options.cluster_by and options.schema is None:
        return
    state = context.state_of(resolved.dataset.name)
    if state is not None and (change := metadata_change(options, resolved.schema, state)):
        path = context.path_of(resolved.dataset.name)
        change_metadata(session, path, change, context.record("properties", resolved))
