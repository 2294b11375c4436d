"""The corridor: settings → definitions → graph → plan → execution. No logic of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import pyspark
from pyspark.sql import SparkSession

import dlt_lite.version
from dlt_lite.dag.walker import Done, Failed
from dlt_lite.engine.deltalog import latest_version, snapshot
from dlt_lite.engine.empties import empty_frame
from dlt_lite.engine.files import Files, normal_uri
from dlt_lite.engine.plans import digest
from dlt_lite.engine.sessions import pipeline_session, result_settings
from dlt_lite.errors import BadSelection, StateProblem
from dlt_lite.events.definitions import expectation_record
from dlt_lite.events.records import (
    DatasetDefinition,
    FlowDefinition,
    PlanningInformation,
    Record,
    UpdateState,
)
from dlt_lite.events.sinks import Emit
from dlt_lite.execution.context import Context
from dlt_lite.execution.runner import Outcomes, run_plan
from dlt_lite.execution.survey import survey
from dlt_lite.frontends.python_files import LoadedPipeline, load_pipeline
from dlt_lite.graph.graph import ResolvedDataset, ResolvedFlow, ResolvedGraph
from dlt_lite.graph.resolver import Surroundings, resolve
from dlt_lite.model.datasets import DatasetKind, quarantine_of
from dlt_lite.model.names import DatasetName
from dlt_lite.model.requests import QuarantineRequest, UpdateRequest
from dlt_lite.model.schema import Schema, schema_from_json
from dlt_lite.model.settings import PipelineSettings
from dlt_lite.plan.planner import Request, make_plan
from dlt_lite.plan.selection import Selectable, selected
from dlt_lite.plan.steps import (
    AppendStreams,
    InlineView,
    Plan,
    ReplaceTable,
    SkipDataset,
    Step,
    action_of,
)
from dlt_lite.plan.warnings import streams_left_behind
from dlt_lite.quality.wide import planned_cost
from dlt_lite.runs.manifest import (
    Manifest,
    ManifestColumn,
    ManifestDataset,
    ManifestFlow,
)
from dlt_lite.storage.delta_calls import refuse_delta_writes
from dlt_lite.storage.layout import Layout, uri

_HAS_INPUTS = (ReplaceTable, AppendStreams, SkipDataset)


@dataclass(frozen=True, slots=True)
class Analysed:
    """A pipeline whose files are loaded and whose queries are resolved.

    Attributes:
        settings: the pipeline's settings.
        session: its session.
        loaded: its definitions and modules.
        graph: its resolved graph.
        layout: where things lie.
        published: gives the path of another pipeline's table.
    """

    settings: PipelineSettings
    session: SparkSession
    loaded: LoadedPipeline
    graph: ResolvedGraph
    layout: Layout
    published: Callable[[DatasetName], str | None]


@dataclass(frozen=True, slots=True)
class Ways:
    """How an update talks to the world.

    Attributes:
        update_id: the update.
        emit: takes what happened.
        stop: set once nothing more shall be begun.
        was_reported: tells whether an update has reported a batch of a flow.
        reached: told of each named point between reading and acknowledging.
        now: when the update began.
    """

    update_id: str
    emit: Emit
    stop: threading.Event
    was_reported: Callable[[str, str, int], bool]
    reached: Callable[[str], None]
    now: datetime


def analyse(settings: PipelineSettings, base: SparkSession) -> Analysed:
    """Load a pipeline's files and resolve its queries over empty inputs.

    Raises:
        DltLiteError: whatever is wrong with them, together.
    """
    session = pipeline_session(base, settings.configuration, uri(settings.storage_root))
    layout = Layout(settings.storage_root, settings.name)
    refuse_delta_writes()
    loaded = load_pipeline(settings, session)
    published = _published(session, layout)
    versions = f"{dlt_lite.version.VERSION} {pyspark.__version__}"
    around = Surroundings(
        session,
        settings.project_root,
        _on_disk(session, layout, loaded),
        published,
        result_settings(session),
        # A Python function may hold a parameter's value, which no plan shows.
        lambda: digest(
            loaded.modules.code(), str(sorted(settings.configuration.items())), versions
        ),
        bool(settings.samples.mask),
    )
    with loaded.modules.entered():
        graph = resolve(loaded.definitions, around)
    return Analysed(settings, session, loaded, graph, layout, published)


def context_of(analysed: Analysed, ways: Ways) -> Context:
    """Return what carrying out a plan needs."""
    return Context(
        analysed.session,
        analysed.graph,
        analysed.layout,
        analysed.settings.name,
        ways.update_id,
        analysed.settings.project_root,
        analysed.settings.run,
        analysed.published,
        ways.emit,
        ways.stop,
        ways.was_reported,
        ways.reached,
        analysed.loaded.modules.entered,
        ways.now,
        analysed.settings.samples,
    )


def plan_of(analysed: Analysed, context: Context, request: UpdateRequest) -> Plan:
    """Decide what is done with every dataset.

    Raises:
        DltLiteError: a selection that selects nothing, or what on disk does not fit.
    """
    wanted = _request(analysed.graph, request)
    return make_plan(analysed.settings.name, analysed.graph, survey(context), wanted)


def warnings(analysed: Analysed, plan: Plan, others: Iterable[Manifest]) -> list[str]:
    """Return what a person should know of streams outside the pipeline that a plan breaks.

    Args:
        analysed: the pipeline.
        plan: what is to be done.
        others: the graphs that the project's other pipelines left last.
    """
    own = {str(name): name for name in analysed.graph.datasets}
    own |= {uri(analysed.layout.table(name)): name for name in analysed.graph.datasets}
    streams = [
        (own[source], manifest.pipeline, each.name)
        for manifest in others
        for each in manifest.datasets
        for source in each.streams_from
        if source in own
    ]
    return list(streams_left_behind(plan, analysed.graph, streams))


def execute(context: Context, plan: Plan) -> Outcomes:
    """Carry out a plan; the pipeline's modules are there while its functions are called."""
    return run_plan(plan, context)


def definition_records(analysed: Analysed) -> list[Record]:
    """Return the events that tell of the resolved graph."""
    graph = analysed.graph
    records: list[Record] = []
    for resolved in graph.datasets.values():
        records.append(_dataset_record(analysed, resolved))
        records += [_flow_record(graph, resolved, flow) for flow in resolved.flows]
    return records


def planning_records(analysed: Analysed, plan: Plan) -> list[Record]:
    """Return the events that tell of a plan."""
    graph = analysed.graph
    records: list[Record] = []
    for step in plan.steps:
        when = step.when if isinstance(step, ReplaceTable | AppendStreams) else ()
        inputs = step.inputs if isinstance(step, _HAS_INPUTS) else {}
        records.append(
            PlanningInformation(
                graph.shown(step.dataset),
                plan.kinds[step.dataset],
                action_of(step),
                step.reason,
                tuple(graph.shown(name) for name in when),
                inputs,
                _costs(analysed, step),
            )
        )
    return records


def _costs(analysed: Analysed, step: Step) -> dict[str, str]:
    """Return how each rule of a dataset will be decided; nothing where none will be."""
    resolved = analysed.graph.datasets[step.dataset]
    is_computed = isinstance(step, ReplaceTable | AppendStreams | InlineView)
    if not resolved.dataset.rules or not is_computed:
        return {}
    like = partial(empty_frame, analysed.session, resolved.schema.text, streaming=False)
    is_view = resolved.kind is DatasetKind.MATERIALIZED_VIEW
    return {rule.name: planned_cost(rule, like, is_view=is_view) for rule in resolved.dataset.rules}


def final_state(outcomes: Outcomes, *, stopped: bool) -> UpdateState:
    """Return the state of an update whose steps have these outcomes."""
    if stopped:
        return UpdateState.CANCELED
    failed = any(isinstance(outcome, Failed) for outcome in outcomes.values())
    return UpdateState.FAILED if failed else UpdateState.COMPLETED


def versions_after(analysed: Analysed, plan: Plan, outcomes: Outcomes) -> dict[DatasetName, int]:
    """Return the version of each table after an update; one that failed may have moved."""
    versions = dict(plan.versions)
    for name, outcome in outcomes.items():
        if isinstance(outcome, Done):
            now = outcome.value.version
        else:
            options = analysed.graph.datasets[name].dataset.options
            path = analysed.layout.table(name, private=options.private)
            found = latest_version(analysed.session, path)
            now = None if found is None else found[1]
        if now is not None:
            versions[name] = now
    return versions


def manifest_of(
    analysed: Analysed, versions: Mapping[DatasetName, int], *, update_id: str, resolved_at: str
) -> Manifest:
    """Return the graph as `ls` and `graph` read it later, with the tables' versions."""
    settings = analysed.settings
    datasets = tuple(
        _manifest_dataset(analysed, resolved, versions.get(resolved.dataset.name))
        for resolved in analysed.graph.datasets.values()
    )
    return Manifest(settings.name, settings.target, update_id, resolved_at, datasets)


def _manifest_dataset(
    analysed: Analysed, resolved: ResolvedDataset, version: int | None
) -> ManifestDataset:
    graph, dataset = analysed.graph, resolved.dataset
    record = _dataset_record(analysed, resolved)
    external = (
        str(read.name or read.path)
        for flow in resolved.flows
        for read in flow.reads
        if read.external
    )
    quarantine = None
    if dataset.sets_aside:
        private = dataset.options.private
        quarantine = uri(analysed.layout.table(quarantine_of(dataset), private=private))
    return ManifestDataset(
        name=dataset.shown,
        full_name=str(dataset.name),
        kind=resolved.kind,
        path=record.path,
        version=version,
        inputs=tuple(graph.shown(name) for name in resolved.inputs),
        external_inputs=tuple(dict.fromkeys(external)),
        flows=tuple(
            ManifestFlow(each.flow.name, _flow_record(graph, resolved, each).input_datasets)
            for each in resolved.flows
        ),
        expectations=record.expectations,
        tags=dataset.options.tags,
        comment=dataset.options.comment,
        columns=tuple(ManifestColumn(c.name, c.shown_type) for c in resolved.schema.columns),
        origin=str(dataset.origin),
        quarantine=quarantine,
        streams_from=_streams_from(graph, resolved),
    )


def _streams_from(graph: ResolvedGraph, resolved: ResolvedDataset) -> tuple[str, ...]:
    if resolved.kind is not DatasetKind.STREAMING_TABLE:
        return ()
    reads = (read for read in graph.external_reads(resolved.dataset.name) if read.streaming)
    return tuple(str(read.name) if read.name is not None else _uri(read.path) for read in reads)


def _uri(path: str | None) -> str:
    return uri(str(path)) if str(path).startswith("/") else normal_uri(str(path))


def _dataset_record(analysed: Analysed, resolved: ResolvedDataset) -> DatasetDefinition:
    dataset = resolved.dataset
    is_view = resolved.kind is DatasetKind.TEMPORARY_VIEW
    path = analysed.layout.table(dataset.name, private=dataset.options.private)
    rules = tuple(
        expectation_record(rule, enabled=enabled)
        for enabled, each in ((True, dataset.rules), (False, dataset.switched_off))
        for rule in each
    )
    return DatasetDefinition(
        dataset.shown,
        str(dataset.name),
        resolved.kind,
        None if is_view else uri(path),
        len(resolved.flows),
        rules,
        dataset.options.comment,
        dataset.options.tags,
        str(dataset.origin),
    )


def _flow_record(
    graph: ResolvedGraph, resolved: ResolvedDataset, flow: ResolvedFlow
) -> FlowDefinition:
    kinds = {
        DatasetKind.STREAMING_TABLE: "APPEND",
        DatasetKind.MATERIALIZED_VIEW: "MATERIALIZED_VIEW",
        DatasetKind.TEMPORARY_VIEW: "VIEW",
    }
    inputs = tuple(
        graph.shown(read.name) if read.name is not None else str(read.path) for read in flow.reads
    )
    return FlowDefinition(
        flow.flow.name,
        resolved.dataset.shown,
        kinds[resolved.kind],
        inputs,
        flow.schema.text,
        flow.flow.once,
        flow.flow.spark_conf,
        flow.flow.comment,
    )


def _request(graph: ResolvedGraph, request: UpdateRequest) -> Request:
    datasets = graph.datasets
    among = Selectable(
        graph.namespace,
        {name: each.inputs for name, each in datasets.items()},
        {name: each.dataset.options.tags for name, each in datasets.items()},
        {name: each.dataset.shown for name, each in datasets.items()},
    )
    refreshed = selected(request.full_refresh, among)
    if request.full_refresh_all:
        refreshed = frozenset(datasets)
    views = {n for n, each in datasets.items() if each.kind is DatasetKind.TEMPORARY_VIEW}
    return Request(
        selected(request.select, among) if request.select else None,
        refreshed - views,
        frozenset(name.lower() for name in request.reset_checkpoint),
        None if request.quarantine is None else _quarantine(request.quarantine, among),
        full_refresh_all=request.full_refresh_all,
    )


def _quarantine(
    asked: QuarantineRequest, among: Selectable
) -> tuple[DatasetName, QuarantineRequest]:
    found = selected([asked.dataset], among)
    if len(found) > 1:
        listed = ", ".join(sorted(among.shown[name] for name in found))
        raise BadSelection(f"{asked.dataset!r} means several datasets: {listed}", fix="name one")
    return next(iter(found)), asked


def _published(session: SparkSession, layout: Layout) -> Callable[[DatasetName], str | None]:
    files = Files(session)

    def published(name: DatasetName) -> str | None:
        path = layout.table(name)
        return path if files.exists(f"{path}/_delta_log") else None

    return published


def _on_disk(
    session: SparkSession, layout: Layout, loaded: LoadedPipeline
) -> Callable[[DatasetName], Schema | None]:
    files = Files(session)

    def on_disk(name: DatasetName) -> Schema | None:
        private = loaded.definitions.datasets[name].options.private
        path = layout.table(name, private=private)
        if not files.exists(f"{path}/_delta_log"):
            return None
        try:
            found = snapshot(session, path)
        except StateProblem:
            return None  # The survey tells of it, where the table is needed.
        return None if found is None else schema_from_json(found.schema)

    return on_disk
