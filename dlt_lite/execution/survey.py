"""Look at what an update would meet: tables, changed inputs, checkpoints. Runs no job."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from dlt_lite.engine.files import Files
from dlt_lite.errors import StateDamaged, StateProblem
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
        states = dict(zip(names, pool.map(partial(_state, context), names), strict=True))
        found = pool.map(partial(_situation, context, states), tables)
        return dict(zip(names, found, strict=True))


def _state(context: Context, name: DatasetName) -> TableState | StateProblem | None:
    """Return the state of a dataset's table, or why it cannot be looked at."""
    try:
        return context.state_of(name)
    except StateDamaged as error:
        dataset = context.graph.datasets[name].dataset
        return StateDamaged(
            f"{dataset.shown}: {error.what}",
            path=error.path,
            origin=dataset.origin,
            fix=f"{error.fix}; or move the table away ({context.path_of(name)}) and run with "
            f"--full-refresh {dataset.shown}",
        )
    except StateProblem as error:
        return error


def _situation(
    context: Context,
    states: Mapping[DatasetName, TableState | StateProblem | None],
    resolved: ResolvedDataset,
) -> Situation:
    table = states[resolved.dataset.name]
    if isinstance(table, StateProblem):
        return _troubled(resolved, table)
    versions = {
        name: state.version if isinstance(state, TableState) else None
        for name, state in states.items()
    }
    try:
        return _met(context, versions, resolved, table)
    except StateProblem as error:
        return _troubled(resolved, error)


def _troubled(resolved: ResolvedDataset, trouble: StateProblem) -> Situation:
    flows = {flow.flow.name: FlowSituation() for flow in resolved.flows}
    return Situation(None, flows=flows, trouble=trouble)


def _met(
    context: Context,
    versions: Mapping[DatasetName, int | None],
    resolved: ResolvedDataset,
    table: TableState | None,
) -> Situation:
    name = resolved.dataset.name
    inputs = {
        context.graph.shown(each): versions[each]
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
    try:
        if flow.flow.once:
            return _once(context, flow, checkpoint, generation, table if committed else None)
        return _stream(context, flow, checkpoint, generation, committed=committed)
    except StateDamaged as error:
        if not error.path.startswith(checkpoint):
            raise
        return FlowSituation(generation, started=True, committed=committed, damage=error)


def _once(
    context: Context,
    flow: ResolvedFlow,
    checkpoint: str,
    generation: int,
    committed_in: TableState | None,
) -> FlowSituation:
    news: tuple[str, ...] = ()
    if committed_in is None:
        news = (f"flow {flow.flow.name} has not run yet",)
    elif not _is_reported(
        context, checkpoint, context.flow_id(flow.flow.name, committed_in.table_id, generation)
    ):
        news = (f"flow {flow.flow.name} ended before its counts were reported",)
    committed = committed_in is not None
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
    same_query = owner is not None and owner.definition == flow.definition
    if facts.started and not news:
        if flow.timers or (flow.watermark and facts.watermark_due):
            news = ("its watermark or state may be due",)
        elif not same_query:
            news = ("its query changed",)
    return FlowSituation(
        generation,
        started=facts.started,
        committed=committed,
        owner_id=None if owner is None else owner.table_id,
        news=news,
        lost=found.lost,
        # What the record says of the sources holds for the query that was recorded.
        rewritten=found.rewritten if same_query else (),
        replaced=found.replaced if same_query else (),
    )
