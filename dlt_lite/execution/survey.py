"""Look at what an update would meet: tables, changed inputs, checkpoints. Runs no job."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from dlt_lite.engine.files import Files
from dlt_lite.execution.context import Context
from dlt_lite.execution.inputs import input_changes
from dlt_lite.graph.graph import ResolvedDataset, ResolvedFlow
from dlt_lite.model.datasets import DatasetKind
from dlt_lite.model.names import DatasetName
from dlt_lite.model.state import FlowSituation, Situation, TableState
from dlt_lite.sources.progress import checkpoint_facts, source_news
from dlt_lite.storage.records import batch_counts_path, read_counts, read_owner
from dlt_lite.storage.state import generation_of

# Looking waits more than it works, on a laptop for the JVM and on a cluster for the object store.
_AT_ONCE = 4


def survey(context: Context) -> dict[DatasetName, Situation]:
    """Return what an update would meet of every dataset that has a table."""
    tables = [
        each
        for each in context.graph.datasets.values()
        if each.kind is not DatasetKind.TEMPORARY_VIEW
    ]
    names = [each.dataset.name for each in tables]
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="survey") as pool:
        states = dict(zip(names, pool.map(context.state_of, names), strict=True))
        found = pool.map(partial(_situation, context, states), tables)
        return dict(zip(names, found, strict=True))


def _situation(
    context: Context, states: Mapping[DatasetName, TableState | None], resolved: ResolvedDataset
) -> Situation:
    name = resolved.dataset.name
    table = states[name]
    inputs = {
        context.graph.shown(each): None if (state := states[each]) is None else state.version
        for each in context.graph.materialized_inputs(name)
    }
    if resolved.kind is DatasetKind.MATERIALIZED_VIEW:
        changes: tuple[str, ...] = ()
        if table is not None and table.last is not None:
            changes = input_changes(context, name, table.last.inputs)
        return Situation(table, changes, inputs=inputs)
    flows = {flow.flow.name: _flow(context, resolved, flow, table) for flow in resolved.flows}
    return Situation(table, flows=flows, inputs=inputs)


def _flow(
    context: Context, resolved: ResolvedDataset, flow: ResolvedFlow, table: TableState | None
) -> FlowSituation:
    transactions = {} if table is None else table.transactions
    generation = generation_of(context.ids, flow.flow.name, transactions)
    committed = table is not None and (
        context.ids.batch(flow.flow.name, table.table_id, generation) in transactions
    )
    checkpoint = context.layout.checkpoint(resolved.dataset.name, flow.flow.name, generation)
    if not flow.flow.once:
        return _stream(context, flow, checkpoint, generation, committed=committed)
    news: tuple[str, ...] = ()
    if table is None or not committed:
        news = (f"flow {flow.flow.name} has not run yet",)
    elif not _is_reported(
        context, checkpoint, context.flow_id(flow.flow.name, table.table_id, generation)
    ):
        news = (f"flow {flow.flow.name} ended before its counts were reported",)
    return FlowSituation(generation, started=committed, committed=committed, news=news)


def _is_reported(context: Context, checkpoint: str, flow_id: str) -> bool:
    """Return whether the one batch of a flow that runs once is counted and reported."""
    recorded = read_counts(Files(context.session), batch_counts_path(checkpoint, 0))
    return recorded is not None and context.was_reported(recorded.update_id, flow_id, 0)


def _stream(
    context: Context, flow: ResolvedFlow, checkpoint: str, generation: int, *, committed: bool
) -> FlowSituation:
    files = Files(context.session)
    facts = checkpoint_facts(files, checkpoint)
    owner = read_owner(files, checkpoint)
    found = source_news(context.session, checkpoint, facts, () if owner is None else owner.sources)
    news = found.news
    if facts.started and not news:
        if flow.timers:
            news = ("its watermark or state may be due",)
        elif owner is None or owner.definition != flow.definition:
            news = ("its query changed",)
    return FlowSituation(
        generation,
        started=facts.started,
        committed=committed,
        owner_id=None if owner is None else owner.table_id,
        news=news,
        lost=found.lost,
    )
