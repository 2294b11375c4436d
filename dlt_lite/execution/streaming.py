"""Fill a streaming table: each flow's stream until its sources are empty, exactly once.

A batch goes: Spark writes its offset → the rows are committed to the table, the batch's number in
the same commit → its counts are recorded under the checkpoint → it is reported → Spark acknowledges
it. After a crash the batch comes again: the table's own transaction says whether its rows are in,
and then only what is missing after that is done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql.streaming.query import StreamingQuery

from dlt_lite.engine.deltalog import snapshot
from dlt_lite.engine.files import Files
from dlt_lite.engine.plans import streaming_sources
from dlt_lite.errors import Canceled, ConcurrentWriter, DltLiteError
from dlt_lite.events.records import FlowProgress, FlowState
from dlt_lite.execution.aside import (
    add_batch_aside,
    begin_anew,
    found_apart,
    reconciled_aside,
)
from dlt_lite.execution.context import Context, Outcome
from dlt_lite.execution.failures import failure
from dlt_lite.execution.readers import FlowReader
from dlt_lite.execution.rules_then import rules_kept, rules_then
from dlt_lite.execution.wide import judge_table, weigh_batch
from dlt_lite.graph.graph import ResolvedDataset, ResolvedFlow
from dlt_lite.graph.resolver import declared_schema
from dlt_lite.model.rules import NO_COUNTS, Counts, RuleCount, added
from dlt_lite.model.schema import Path, Schema, merged, required, schema_from_json
from dlt_lite.model.state import (
    CommitRecord,
    CommitRule,
    InputVersion,
    TableState,
    metadata_change,
)
from dlt_lite.plan.steps import Action, AppendStreams
from dlt_lite.quality.enforce import (
    Enforced,
    count_now,
    counts_of,
    enforce,
    reconciled,
    seen_aside,
)
from dlt_lite.quality.required import without_nulls
from dlt_lite.quality.samples import Sampling, sampling_of
from dlt_lite.sources.progress import batch_sources, source_text
from dlt_lite.storage.records import (
    CheckpointOwner,
    RecordedCounts,
    batch_counts_path,
    read_counts,
    read_owner,
    write_counts,
    write_owner,
)
from dlt_lite.storage.state import batch_commit, generation_of
from dlt_lite.storage.tables import (
    Transaction,
    add_columns,
    append_rows,
    change_metadata,
    count_generation,
    create_table,
    empty_table,
    may_hold_rows,
)

_PAUSE = 1


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
    if resolved.dataset.sets_aside or step.action is Action.FULL_REFRESH:
        begin_anew(context, resolved, state)
    runs = [_FlowRun(flow, resolved, context, state, step) for flow in resolved.flows]
    counts = _all_of(runs, context.settings.parallel_flows)
    rows = sum(each.written for each in counts)
    after = context.state_of(step.dataset)
    version = state.version if after is None else after.version
    anew = step.action is Action.FULL_REFRESH
    try:
        found = judge_table(context, resolved, reduce(added, counts), anew=anew)
    except DltLiteError:
        raise
    except Exception as error:
        raise failure(error, resolved, resolved.flows[0], context) from error
    for run in runs:
        run.completed(version, found if run is runs[0] else ())
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
    elif step.new_columns:
        add_columns(session, path, resolved.schema, context.record("columns", resolved))
    if step.action is Action.RESET_CHECKPOINT:
        _reset_flows(step, resolved, context, state)
    change = metadata_change(options, resolved.schema, state)
    if change or step.action is Action.FULL_REFRESH:
        now = context.state_of(name)
        if now is not None and (change := metadata_change(options, resolved.schema, now)):
            change_metadata(session, path, change, context.record("properties", resolved))
    return may_hold_rows(state)


def _begin_anew(resolved: ResolvedDataset, context: Context, state: TableState) -> None:
    app_id = context.ids.generation("")
    schema = _schema_of_flows(resolved, context)
    empty_table(
        context.session,
        state.path,
        schema,
        resolved.dataset.options,
        context.record("reset", resolved),
        transaction=Transaction(app_id, state.transactions.get(app_id, 0) + 1),
    )
    context.reached("table_emptied")


def _reset_flows(
    step: AppendStreams, resolved: ResolvedDataset, context: Context, state: TableState
) -> None:
    for name in step.reset:
        app_id = context.ids.generation(name)
        number = state.transactions.get(app_id, 0) + 1
        record = context.record("columns", resolved, generation=number)
        count_generation(context.session, state.path, record, Transaction(app_id, number))


class _Callback:
    """What a stream calls for each batch, as long as it runs.

    The JVM's query and the Python function hold each other, so neither would ever be collected.
    """

    def __init__(self, call: Callable[[DataFrame, int], None]) -> None:
        self.call: Callable[[DataFrame, int], None] | None = call

    def __call__(self, frame: DataFrame, batch: int) -> None:
        if self.call is not None:
            self.call(frame, batch)


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
        self._flow_id = context.flow_id(flow.flow.name, state.table_id, self._generation)
        self._counts = NO_COUNTS
        self._sampling = Sampling()
        self._rules: tuple[CommitRule, ...] = ()
        self._required: tuple[Path, ...] = ()
        if resolved.dataset.options.schema is not None:
            # Not the table's columns: what it lets in today, it may not be given tomorrow.
            self._required = tuple(required(declared_schema(resolved.dataset)).values())
        self._errors: list[BaseException] = []
        self._query: Future[StreamingQuery] | None = None
        self._sources: tuple[str, ...] = ()

    def run(self) -> Counts:
        """Run the flow to the end; return what it did."""
        if self._flow.flow.once and self._is_done(0):
            return self._counts
        session = self._context.session_for(self._flow)
        self._reader = FlowReader(self._context, session)
        self._frame = self._reader.frame(self._flow)
        dataset, samples = self._resolved.dataset, self._context.samples
        self._sampling = sampling_of(self._frame, dataset, samples)
        self._rules = rules_kept(self._frame, dataset)
        if self._flow.flow.once:
            self._batch(self._frame, 0)
            return self._counts
        self._own_checkpoint(Files(session))
        self._query = Future()
        callback = _Callback(self._guarded)
        query = self._started(self._frame, callback)
        self._query.set_result(query)
        try:
            self._await(query)
        finally:
            callback.call = None
        return self._counts

    def completed(self, version: int, found: tuple[RuleCount, ...]) -> None:
        """Report that the flow is done, and what rules about the whole table found."""
        counts = Counts(0, 0, found) if found else None
        self._emit(FlowState.COMPLETED, version=version, counts=counts)

    def _own_checkpoint(self, files: Files) -> None:
        """Write down what the checkpoint is for; one that a table left which is gone is removed.

        Its offsets would say that rows were read which this table has never had.
        """
        known = read_owner(files, self._checkpoint)
        if known is not None and known.table_id != self._state.table_id:
            files.delete_folder(self._checkpoint)
        self._sources = tuple(source_text(leaf) for leaf in streaming_sources(self._frame))
        owner = CheckpointOwner(self._state.table_id, self._flow.definition, self._sources)
        write_owner(files, self._checkpoint, owner)

    def _started(self, frame: DataFrame, callback: _Callback) -> StreamingQuery:
        try:
            writer = frame.writeStream.foreachBatch(callback)
            writer = writer.option("checkpointLocation", self._checkpoint)
            return writer.trigger(availableNow=True).start()
        except Exception as error:
            raise self._failure(error) from error

    def _await(self, query: StreamingQuery) -> None:
        try:
            while not query.awaitTermination(_PAUSE):
                pass
        except Exception as error:
            raised = self._errors[0] if self._errors else error
            if isinstance(raised, Exception):
                raise self._failure(raised) from error
            raise raised from error

    def _failure(self, error: Exception, enforced: Enforced | None = None) -> DltLiteError:
        return failure(error, self._resolved, self._flow, self._context, enforced)

    def _guarded(self, frame: DataFrame, batch: int) -> None:
        """Write a batch; keep what it raises, of which Spark would hand on the text only."""
        try:
            self._batch(frame, batch)
        except DltLiteError as error:
            self._errors.append(error)
            raise
        except BaseException as error:
            # py4j answers for an Exception only; of anything else the JVM would never hear.
            self._errors.append(error)
            raise RuntimeError(f"batch {batch} was broken off") from error

    def _batch(self, frame: DataFrame, batch: int) -> None:
        self._context.reached(f"batch_begun {batch}")
        if self._context.stop.is_set():
            raise Canceled("the update was stopped before this batch")
        if self._last_committed() >= batch:
            self._complete(frame, batch)
            return
        enforced = enforce(frame, self._resolved.dataset.row_rules, self._sampling)
        record = replace(self._record(batch), rules=self._rules)
        try:
            weigh_batch(self._resolved, frame, self._sampling)
            transaction = Transaction(self._app_id, batch)
            kept = without_nulls(enforced.kept, self._required)
            written = append_rows(kept, self._state.path, record, transaction)
        except DltLiteError:
            raise
        except Exception as error:
            raise self._failure(error, enforced) from error
        self._context.reached(f"table_committed {batch}")
        views = self._view_counts()
        counts = counts_of(enforced, written.rows)
        seen = None if counts is None else seen_aside(enforced, counts)
        counts = counts or self._counted_again(frame, written.rows)
        counts = self._set_aside(enforced, seen, batch, counts)
        self._acknowledge(batch, _together(counts, views), written.version)

    def _set_aside(
        self, enforced: Enforced, seen: DataFrame | None, batch: int, counts: Counts
    ) -> Counts:
        """Set the batch's bad rows aside: those that the job has seen, else by a second job."""
        rows = enforced.aside if seen is None else seen
        if rows is None or not counts.quarantined:
            return counts
        app_id = self._context.ids.quarantine(
            self._flow.flow.name, self._state.table_id, self._generation
        )
        record, transaction = self._record(batch), Transaction(app_id, batch)
        files = Files(self._context.session)
        read = batch_sources(files, self._checkpoint, batch, self._sources)
        record = replace(record, inputs=tuple(InputVersion(each) for each in read))
        try:
            found = add_batch_aside(
                self._context, self._resolved, rows, record, transaction, table=self._state
            )
        except DltLiteError:
            raise
        except Exception as error:
            raise self._failure(error) from error
        self._context.reached(f"quarantine_committed {batch}")
        return reconciled_aside(counts if seen is not None else found_apart(counts), found)

    def _last_committed(self) -> int:
        """Return the flow's last batch in the table, -1 where there is none."""
        found = snapshot(self._context.session, self._state.path)
        if found is None or found.table_id != self._state.table_id:
            raise ConcurrentWriter(
                f"the table of {self._resolved.dataset.shown} was removed or made anew meanwhile",
                fix="find out who did; then run again",
            )
        return found.transactions.get(self._app_id, -1)

    def _record(self, batch: int) -> CommitRecord:
        return self._context.record(
            "batch", self._resolved, flow=self._flow, generation=self._generation, batch=batch
        )

    def _is_done(self, batch: int) -> bool:
        """Return whether a batch is in the table, counted and reported."""
        path = batch_counts_path(self._checkpoint, batch)
        recorded = read_counts(Files(self._context.session), path)
        return (
            recorded is not None
            and self._last_committed() >= batch
            and self._context.was_reported(recorded.update_id, self._flow_id, batch)
        )

    def _complete(self, frame: DataFrame, batch: int) -> None:
        """Do what a crash left undone of a batch whose rows are in the table."""
        session, table = self._context.session, self._state.path
        files = Files(session)
        recorded = read_counts(files, batch_counts_path(self._checkpoint, batch))
        if recorded is not None:
            if files.exists(f"{self._checkpoint}/state"):
                # Spark refuses a batch that has not passed its state stores.
                count_now(frame, (), self._sampling)
            if not self._is_done(batch):
                self._acknowledge(batch, recorded.counts, None)
            return
        commit = batch_commit(session, table, self._record(batch))
        record, written = (None, None) if commit is None else commit
        rules = rules_then(record, self._resolved, self._flow, frame)
        counts = reconciled(count_now(frame, rules, self._sampling), written)
        enforced = enforce(frame, rules, self._sampling)
        counts = self._set_aside(enforced, None, batch, counts)
        self._acknowledge(batch, _together(counts, self._view_counts()), None)

    def _counted_again(self, frame: DataFrame, written: int | None) -> Counts:
        counts = count_now(frame, self._resolved.dataset.row_rules, self._sampling)
        return reconciled(counts, written)

    def _view_counts(self) -> tuple[RuleCount, ...]:
        """Return what the rules of inlined views decided in the batch's first job."""
        return self._reader.view_counts(self._frame, self._query)

    def _acknowledge(self, batch: int, counts: Counts, version: int | None) -> None:
        files = Files(self._context.session)
        path = batch_counts_path(self._checkpoint, batch)
        write_counts(files, path, RecordedCounts(counts, self._context.update_id))
        self._context.reached(f"counts_recorded {batch}")
        self._report(batch, counts, version)
        self._context.reached(f"batch_reported {batch}")

    def _report(self, batch: int, counts: Counts, version: int | None) -> None:
        self._counts = added(self._counts, counts)
        most = self._context.samples.most
        self._sampling = self._sampling.without(
            each.name for each in self._counts.rules if len(each.samples) >= most
        )
        self._emit(FlowState.RUNNING, batch=batch, version=version, counts=counts)

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


def _together(counts: Counts, views: tuple[RuleCount, ...]) -> Counts:
    return replace(counts, rules=(*counts.rules, *views))


def _schema_of_flows(resolved: ResolvedDataset, context: Context) -> Schema:
    """Return the schema that the declaration or the flows ask for, without old columns.

    The flows were resolved over tables with old columns, which are gone where those above were
    refreshed in this very update; so what their queries yield now decides.
    """
    if resolved.dataset.options.schema is not None:
        return resolved.schema
    frames = (FlowReader(context, context.session_for(flow)).frame(flow) for flow in resolved.flows)
    return reduce(merged, (schema_from_json(frame.schema.json()) for frame in frames))
