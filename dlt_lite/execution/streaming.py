"""Fill a streaming table: each flow's stream until its sources are empty, exactly once.

A batch goes: Spark writes its offset → the rows are committed to the table, the batch's number in
the same commit → its counts are recorded under the checkpoint → it is reported → Spark acknowledges
it. After a crash the batch comes again: the table's own transaction says whether its rows are in,
and then only what is missing after that is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql.streaming.query import StreamingQuery

from dlt_lite.engine.deltalog import snapshot
from dlt_lite.engine.files import Files
from dlt_lite.engine.plans import streaming_sources
from dlt_lite.errors import Canceled, DltLiteError
from dlt_lite.events.records import FlowProgress, FlowState
from dlt_lite.execution.context import Context, Outcome
from dlt_lite.execution.failures import failure
from dlt_lite.execution.readers import FlowReader, WatchedView
from dlt_lite.graph.graph import ResolvedDataset, ResolvedFlow
from dlt_lite.model.rules import NO_COUNTS, Counts, RuleCount, added
from dlt_lite.model.schema import Schema, merged
from dlt_lite.model.state import TableState, metadata_change
from dlt_lite.plan.steps import Action, AppendStreams
from dlt_lite.quality.enforce import count_now, counts_of, enforce, view_counts
from dlt_lite.sources.progress import source_text
from dlt_lite.storage.records import (
    CheckpointOwner,
    RecordedCounts,
    batch_counts_path,
    read_counts,
    write_counts,
    write_owner,
)
from dlt_lite.storage.state import generation_of
from dlt_lite.storage.tables import (
    Transaction,
    add_columns,
    append_rows,
    change_metadata,
    count_generation,
    create_table,
    empty_table,
)

_PAUSE = 1
_MOST_PROGRESS = "10000"


def append_streams(step: AppendStreams, context: Context) -> Outcome:
    """Run the flows of a streaming table until their sources are empty.

    Raises:
        DltLiteError: a flow failed; batches that were acknowledged stay.
    """
    resolved = context.graph.datasets[step.dataset]
    held_rows = _prepare_table(step, resolved, context)
    state = context.state_of(step.dataset)
    if state is None:
        raise Canceled(f"the table of {resolved.dataset.shown} vanished", fix="run again")
    runs = [_FlowRun(flow, resolved, context, state, step) for flow in resolved.flows]
    counts = _all_of(runs, context.settings.parallel_flows)
    rows = sum(each.written for each in counts)
    after = context.state_of(step.dataset)
    version = state.version if after is None else after.version
    for run in runs:
        run.completed(version)
    emptied = held_rows and step.action is Action.FULL_REFRESH
    return Outcome(changed=rows > 0 or emptied, version=version)


def _all_of(runs: Sequence[_FlowRun], at_once: int) -> list[Counts]:
    if len(runs) == 1:
        return [runs[0].run()]
    with ThreadPoolExecutor(min(at_once, len(runs))) as pool:
        futures = [pool.submit(each.run) for each in runs]
        errors = [error for each in futures if (error := each.exception()) is not None]
    if errors:
        raise errors[0]
    return [each.result() for each in futures]


def _prepare_table(step: AppendStreams, resolved: ResolvedDataset, context: Context) -> bool:
    """Make the table ready for its flows; return whether it held rows before."""
    name, options = step.dataset, resolved.dataset.options
    path, session = context.path_of(name), context.session
    state = context.state_of(name)
    if state is None:
        record = context.record("create", resolved)
        create_table(session, path, resolved.schema, options, record, kind=resolved.kind.value)
        return False
    if step.action is Action.FULL_REFRESH:
        _begin_anew(resolved, context, state)
    elif step.action is Action.RESET_CHECKPOINT:
        _reset_flows(step, resolved, context, state)
    elif any(state.schema.column(each) is None for each in resolved.schema.names):
        add_columns(session, path, resolved.schema, context.record("columns", resolved))
    change = metadata_change(options, state)
    if change or step.action is Action.FULL_REFRESH:
        now = context.state_of(name)
        if now is not None and (change := metadata_change(options, now)):
            change_metadata(session, path, change, context.record("properties", resolved))
    return state.last is not None


def _begin_anew(resolved: ResolvedDataset, context: Context, state: TableState) -> None:
    app_id = context.ids.generation("")
    schema = _schema_of_flows(resolved)
    empty_table(
        context.session,
        state.path,
        schema,
        resolved.dataset.options,
        context.record("reset", resolved),
        transaction=Transaction(app_id, state.transactions.get(app_id, 0) + 1),
    )


def _reset_flows(
    step: AppendStreams, resolved: ResolvedDataset, context: Context, state: TableState
) -> None:
    for name in step.reset:
        app_id = context.ids.generation(name)
        number = state.transactions.get(app_id, 0) + 1
        record = context.record("columns", resolved, generation=number)
        count_generation(context.session, state.path, record, Transaction(app_id, number))


class _FlowRun:
    """One flow of one update."""

    def __init__(
        self,
        flow: ResolvedFlow,
        resolved: ResolvedDataset,
        context: Context,
        state: TableState,
        step: AppendStreams,
    ) -> None:
        self._flow = flow
        self._resolved = resolved
        self._context = context
        self._state = state
        self._step = step
        self._generation = generation_of(context.ids, flow.flow.name, state.transactions)
        self._app_id = context.ids.batch(flow.flow.name, state.table_id, self._generation)
        self._checkpoint = context.layout.checkpoint(
            resolved.dataset.name, flow.flow.name, self._generation
        )
        self._flow_id = f"{context.pipeline}/{flow.flow.name}/{state.table_id}/{self._generation}"
        self._counts = NO_COUNTS
        self._errors: list[DltLiteError] = []

    def run(self) -> Counts:
        """Run the flow to the end; return what it did."""
        session = self._context.session_for(self._flow)
        reader = FlowReader(self._context, session)
        frame = reader.frame(self._flow)
        if self._flow.flow.once:
            self._batch(frame, 0)
            return self._counts
        session.conf.set("spark.sql.streaming.numRecentProgressUpdates", _MOST_PROGRESS)
        sources = tuple(source_text(leaf) for leaf in streaming_sources(frame))
        owner = CheckpointOwner(self._state.table_id, self._flow.definition, sources)
        write_owner(Files(session), self._checkpoint, owner)
        query = self._started(frame)
        self._await(query)
        self._report_views(query, reader.watched)
        return self._counts

    def completed(self, version: int) -> None:
        """Report that the flow is done."""
        self._emit(FlowState.COMPLETED, version=version)

    def _started(self, frame: DataFrame) -> StreamingQuery:
        try:
            writer = frame.writeStream.foreachBatch(self._guarded)
            writer = writer.option("checkpointLocation", self._checkpoint)
            return writer.trigger(availableNow=True).start()
        except Exception as error:
            raise failure(error, self._resolved, self._flow) from error

    def _await(self, query: StreamingQuery) -> None:
        try:
            while not query.awaitTermination(_PAUSE):
                pass
        except Exception as error:
            if self._errors:
                raise self._errors[0] from error
            raise failure(error, self._resolved, self._flow) from error

    def _guarded(self, frame: DataFrame, batch: int) -> None:
        """Write a batch; keep the error, of which Spark would hand on the text only."""
        try:
            self._batch(frame, batch)
        except DltLiteError as error:
            self._errors.append(error)
            raise

    def _batch(self, frame: DataFrame, batch: int) -> None:
        self._context.reached(f"batch_begun {batch}")
        if self._context.stop.is_set():
            raise Canceled("the update was stopped before this batch")
        found = snapshot(self._context.session, self._state.path)
        last = -1 if found is None else found.transactions.get(self._app_id, -1)
        if last >= batch:
            self._complete(frame, batch)
            return
        enforced = enforce(frame, self._resolved.dataset.rules)
        record = self._context.record(
            "batch", self._resolved, flow=self._flow, generation=self._generation, batch=batch
        )
        try:
            transaction = Transaction(self._app_id, batch)
            written = append_rows(enforced.kept, self._state.path, record, transaction)
        except DltLiteError:
            raise
        except Exception as error:
            raise failure(error, self._resolved, self._flow, enforced) from error
        self._context.reached(f"table_committed {batch}")
        counts = counts_of(enforced, written.rows) or self._counted_again(frame, written.rows)
        self._acknowledge(batch, counts, written.version)

    def _complete(self, frame: DataFrame, batch: int) -> None:
        """Do what a crash left undone of a batch whose rows are in the table."""
        path = batch_counts_path(self._checkpoint, batch)
        recorded = read_counts(Files(self._context.session), path)
        if recorded is None:
            self._acknowledge(batch, count_now(frame, self._resolved.dataset.rules), None)
        elif not self._context.was_reported(recorded.update_id, self._flow_id, batch):
            self._report(batch, recorded.counts, None)

    def _counted_again(self, frame: DataFrame, written: int) -> Counts:
        counts = count_now(frame, self._resolved.dataset.rules)
        if counts.written == written:
            return counts
        inexact = tuple(
            RuleCount(each.name, each.action, each.passed, each.failed, exact=False)
            for each in counts.rules
        )
        return Counts(written + counts.dropped, counts.dropped, inexact)

    def _acknowledge(self, batch: int, counts: Counts, version: int | None) -> None:
        files = Files(self._context.session)
        path = batch_counts_path(self._checkpoint, batch)
        write_counts(files, path, RecordedCounts(counts, self._context.update_id))
        self._context.reached(f"counts_recorded {batch}")
        self._report(batch, counts, version)
        self._context.reached(f"batch_reported {batch}")

    def _report(self, batch: int, counts: Counts, version: int | None) -> None:
        self._counts = added(self._counts, counts)
        self._emit(FlowState.RUNNING, batch=batch, version=version, counts=counts)

    def _report_views(self, query: StreamingQuery, watched: Sequence[WatchedView]) -> None:
        """Report what the rules of inlined views decided, from the stream's own progress."""
        for view in watched:
            total = NO_COUNTS
            for progress in query.recentProgress:
                seen = _metrics(progress, view.metric)
                if seen is not None:
                    rules = view_counts(seen, view.view, view.rules)
                    total = added(total, Counts(0, 0, rules))
            if total.rules:
                self._emit(FlowState.RUNNING, counts=total)

    def _emit(
        self,
        status: FlowState,
        *,
        batch: int | None = None,
        version: int | None = None,
        counts: Counts | None = None,
    ) -> None:
        self._context.emit(
            FlowProgress(
                self._resolved.dataset.shown,
                self._flow.flow.name,
                status,
                self._step.action,
                self._step.reason,
                self._flow_id,
                batch,
                version,
                counts,
            )
        )


def _metrics(progress: Any, name: str) -> dict[str, int] | None:  # noqa: ANN401 - PySpark gives both
    metrics = progress["observedMetrics"]
    row = metrics.get(name) if metrics else None
    if row is None:
        return None
    return dict(row) if isinstance(row, dict) else row.asDict()


def _schema_of_flows(resolved: ResolvedDataset) -> Schema:
    """Return the schema that the flows and the declaration ask for, without old columns."""
    declared = resolved.dataset.options.schema
    if declared is not None:
        return resolved.schema
    schema = resolved.flows[0].schema
    for flow in resolved.flows[1:]:
        schema = merged(schema, flow.schema)
    return schema
