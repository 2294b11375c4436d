"""Decide what is done with every dataset, and why: graph and situations in, plan out.

Knows neither Spark nor the disk. A view whose inputs may still change in this very update is
planned as *replace if they change*; the runner may turn that into a skip, never the reverse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from dlt_lite.dag.order import downstream, upstream
from dlt_lite.errors import BadSelection, DltLiteError, ResetIncomplete, raise_together
from dlt_lite.graph.graph import ResolvedDataset, ResolvedGraph
from dlt_lite.model.datasets import DatasetKind
from dlt_lite.model.names import DatasetName
from dlt_lite.model.requests import QuarantineRequest, QuarantineVerb
from dlt_lite.model.state import FlowSituation, Situation, TableState, metadata_change
from dlt_lite.plan.columns import differences
from dlt_lite.plan.obstacles import (
    RESET_ALLOWED,
    must_not_be_reset,
    obstacles,
    rewritten_sources,
)
from dlt_lite.plan.steps import (
    Action,
    AppendStreams,
    ExcludeDataset,
    InlineView,
    Plan,
    ReplaceTable,
    SkipDataset,
    Step,
    TreatQuarantine,
)
from dlt_lite.project.suggestions import did_you_mean


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for.

    Attributes:
        selection: the datasets that the update is about; None for all.
        full_refresh: the datasets to compute anew from scratch, as asked for.
        full_refresh_all: whether that is all of them, of which none is named.
        reset_flows: the flows whose checkpoint begins anew.
        quarantine: the only dataset that anything is done for, and what is done with the rows that
            it has set aside.
    """

    selection: frozenset[DatasetName] | None = None
    full_refresh: frozenset[DatasetName] = field(default_factory=frozenset)
    reset_flows: frozenset[str] = field(default_factory=frozenset)
    quarantine: tuple[DatasetName, QuarantineRequest] | None = None
    full_refresh_all: bool = False


def make_plan(
    pipeline: str,
    graph: ResolvedGraph,
    situations: Mapping[DatasetName, Situation],
    request: Request,
) -> Plan:
    """Return what is done with every dataset.

    Raises:
        DltLiteError: what on disk does not fit, everything together.
    """
    planner = _Planner(pipeline, graph, situations, request)
    steps = tuple(planner.step(dataset) for dataset in graph.datasets.values())
    raise_together([*planner.idle_resets(), *planner.errors])
    kinds = {name: dataset.kind for name, dataset in graph.datasets.items()}
    versions = {
        name: situation.table.version
        for name, situation in situations.items()
        if situation.table is not None
    }
    return Plan(pipeline, steps, kinds, planner.lost_files(), versions)


class _Planner:
    """The steps so far, which the next ones depend on."""

    def __init__(
        self,
        pipeline: str,
        graph: ResolvedGraph,
        situations: Mapping[DatasetName, Situation],
        request: Request,
    ) -> None:
        self._pipeline = pipeline
        self.errors: list[DltLiteError] = []
        self._graph = graph
        self._situations = situations
        self._request = request
        self._streams = self._streaming_inputs()
        self._spared = self._what_is_spared() if request.full_refresh_all else {}
        self._refreshed = self._with_streams_below(request.full_refresh - self._spared.keys())
        self._writing: set[DatasetName] = set()

    def step(self, resolved: ResolvedDataset) -> Step:
        """Return the step of a dataset; those that it reads have theirs."""
        name = resolved.dataset.name
        if self._request.quarantine is not None:
            return self._quarantine_step(resolved, *self._request.quarantine)
        if not self._is_selected(name):
            return self._excluded(resolved)
        if resolved.kind is DatasetKind.TEMPORARY_VIEW:
            return InlineView(name, "a view is computed where it is read")
        situation = self._situations[name]
        self._check(resolved, situation)
        if resolved.kind is DatasetKind.MATERIALIZED_VIEW:
            step: ReplaceTable | AppendStreams | SkipDataset = self._view_step(resolved, situation)
        else:
            step = self._stream_step(resolved, situation)
        if not isinstance(step, SkipDataset):
            self._writing.add(name)
        if situation.table is not None and (why := self._spared.get(name)):
            step = replace(step, reason=f"{step.reason}; {why}")
        return _with_metadata(step, resolved, situation.table)

    def _quarantine_step(
        self, resolved: ResolvedDataset, dataset: DatasetName, asked: QuarantineRequest
    ) -> Step:
        name = resolved.dataset.name
        if name != dataset:
            return ExcludeDataset(name, "not selected")
        situation = self._situations.get(name, Situation(None))
        found = obstacles(resolved, situation, pipeline=self._pipeline, refreshed=False)
        replays = asked.verb is QuarantineVerb.REPLAY
        if replays and resolved.kind is not DatasetKind.STREAMING_TABLE:
            found = [
                BadSelection(
                    f"{resolved.dataset.shown} is a {resolved.kind.value.replace('_', ' ')}, "
                    "whose quarantine is replaced with it",
                    origin=resolved.dataset.origin,
                    fix="correct the rule or the source, and run",
                )
            ]
        self.errors += found
        action = Action.REPLAY if replays else Action.CLEAR
        return TreatQuarantine(name, action, f"a {asked.verb} was asked for", asked.where)

    def idle_resets(self) -> list[DltLiteError]:
        """Return what is wrong with the flows whose checkpoint shall begin anew."""
        filled = {
            flow.flow.name.lower(): each.dataset
            for each in self._graph.datasets.values()
            if each.kind is DatasetKind.STREAMING_TABLE
            for flow in each.flows
        }
        found: list[DltLiteError] = []
        for flow in sorted(self._request.reset_flows):
            if flow not in filled:
                what = f"no flow of a streaming table is called {flow!r}"
                found.append(
                    BadSelection(what, fix=did_you_mean(flow, filled, otherwise="there are"))
                )
            elif not self._is_selected(filled[flow].name):
                shown = filled[flow].shown
                what = f"flow {flow} fills {shown}, which is not selected"
                found.append(BadSelection(what, fix=f"select {shown} too"))
        return found

    def lost_files(self) -> dict[DatasetName, int]:
        """Return how many files that were read are gone, by table that a reset would empty."""
        lost = {
            name: sum(flow.lost for flow in self._situations[name].flows.values())
            for name in self._refreshed
            if name in self._situations
        }
        return {name: count for name, count in lost.items() if count}

    def _is_selected(self, name: DatasetName) -> bool:
        return self._request.selection is None or name in self._request.selection

    def _excluded(self, resolved: ResolvedDataset) -> Step:
        name = resolved.dataset.name
        if name in self._refreshed:
            self.errors.append(self._half_refreshed(resolved))
        return ExcludeDataset(name, "not selected")

    def _half_refreshed(self, resolved: ResolvedDataset) -> DltLiteError:
        shown, asked = resolved.dataset.shown, self._request.full_refresh
        if resolved.dataset.name in asked:
            what = f"{shown} is to be fully refreshed, but is not selected"
            fix = f"select {shown} too, or leave it out of the full refresh"
        else:
            above = ", ".join(sorted(map(self._graph.shown, asked)))
            what = (
                f"{shown} streams from {above}, which is fully refreshed, but is not selected: "
                "it would read rows that are gone"
            )
            fix = f"select {shown} too, so that both are refreshed"
        return ResetIncomplete(what, origin=resolved.dataset.origin, fix=fix)

    def _check(self, resolved: ResolvedDataset, situation: Situation) -> None:
        name = resolved.dataset.name
        refreshed, reset = name in self._refreshed, self._reset_of(situation.flows)
        found = obstacles(
            resolved, situation, pipeline=self._pipeline, refreshed=refreshed, reset=reset
        )
        if not found and not refreshed:
            found += rewritten_sources(resolved, situation, reset=reset)
        self.errors += found
        for each in self._graph.materialized_inputs(name):
            if self._is_selected(each):
                continue
            if (trouble := self._situations[each].trouble) is not None:
                self.errors.append(trouble)
            elif self._situations[each].table is None:
                self.errors.append(
                    BadSelection(
                        f"{resolved.dataset.shown} reads {self._graph.shown(each)}, which is not "
                        "selected and does not exist yet",
                        fix=f"select +{resolved.dataset.shown}, with all that it reads",
                    )
                )

    def _view_step(
        self, resolved: ResolvedDataset, situation: Situation
    ) -> ReplaceTable | SkipDataset:
        name = resolved.dataset.name
        table = situation.table
        if table is None:
            reason = "the table does not exist"
            return ReplaceTable(name, Action.CREATE, reason, inputs=situation.inputs)
        if name in self._refreshed:
            reason = "a full refresh was asked for"
            return ReplaceTable(name, Action.FULL_REFRESH, reason, inputs=situation.inputs)
        if reason := _why_replace(resolved, situation, table):
            return ReplaceTable(name, Action.REPLACE, reason, inputs=situation.inputs)
        when = self._written_inputs(name)
        if when:
            reason = f"if {self._listed(when)} changes"
            return ReplaceTable(name, Action.REPLACE, reason, when, situation.inputs)
        return SkipDataset(name, "nothing that it reads has changed", situation.inputs)

    def _stream_step(
        self, resolved: ResolvedDataset, situation: Situation
    ) -> AppendStreams | SkipDataset:
        name = resolved.dataset.name
        flows = {flow.flow.name: situation.flows[flow.flow.name] for flow in resolved.flows}
        columns = () if situation.table is None else _new_columns(resolved, situation.table)
        action, reason = self._stream_action(resolved, situation.table, flows)
        when: tuple[DatasetName, ...] = ()
        if columns and not reason:
            reason = f"new columns: {', '.join(columns)}"
        if not reason:
            when = self._written_inputs(name)
            if not when:
                return SkipDataset(name, "its sources show nothing new", situation.inputs)
            reason = f"if {self._listed(when)} changes"
        reset = tuple(flows) if name in self._refreshed else self._reset_of(flows)
        return AppendStreams(name, action, reason, when, situation.inputs, reset, columns)

    def _stream_action(
        self,
        resolved: ResolvedDataset,
        table: TableState | None,
        flows: Mapping[str, FlowSituation],
    ) -> tuple[Action, str]:
        name = resolved.dataset.name
        if table is None:
            return Action.CREATE, "the table does not exist"
        if name in self._refreshed:
            return Action.FULL_REFRESH, self._why_refreshed(name)
        if reset := self._reset_of(flows):
            return Action.RESET_CHECKPOINT, f"checkpoint reset asked for: {', '.join(reset)}"
        news = dict.fromkeys(text for flow in flows.values() for text in flow.news)
        return Action.APPEND, "; ".join(news)

    def _why_refreshed(self, name: DatasetName) -> str:
        if name in self._request.full_refresh:
            return "a full refresh was asked for (not atomic: emptied first, then filled)"
        above = [each for each in self._graph.materialized_inputs(name) if each in self._refreshed]
        return f"it streams from {self._listed(tuple(above))}, which is fully refreshed"

    def _reset_of(self, flows: Mapping[str, FlowSituation]) -> tuple[str, ...]:
        return tuple(flow for flow in flows if flow.lower() in self._request.reset_flows)

    def _written_inputs(self, name: DatasetName) -> tuple[DatasetName, ...]:
        inputs = self._graph.materialized_inputs(name)
        return tuple(each for each in inputs if each in self._writing)

    def _listed(self, names: tuple[DatasetName, ...]) -> str:
        return " or ".join(self._graph.shown(name) for name in names)

    def _what_is_spared(self) -> dict[DatasetName, str]:
        """Return what a full refresh of all leaves as it is, and why.

        That is what must not be reset, and what it streams from, whose rows it would not see go.
        """
        spared: dict[DatasetName, str] = {}
        for name, resolved in self._graph.datasets.items():
            if not must_not_be_reset(resolved):
                continue
            spared[name] = f"not fully refreshed: its {RESET_ALLOWED} is false"
            for above in upstream(self._streams, [name]):
                why = f"{resolved.dataset.shown} streams from it, whose {RESET_ALLOWED} is false"
                spared.setdefault(above, f"not fully refreshed: {why}")
        return spared

    def _with_streams_below(self, asked: frozenset[DatasetName]) -> frozenset[DatasetName]:
        """Return the datasets with the streaming tables that stream from a refreshed one."""
        emptied = {name for name in asked if self._is_stream(name)}
        below = downstream(self._streams, emptied)
        return asked | {name for name in below if self._is_stream(name)}

    def _streaming_inputs(self) -> dict[DatasetName, list[DatasetName]]:
        """Return, by dataset, the streaming tables that it streams from."""
        return {
            name: [each for each in self._streamed(name) if self._is_stream(each)]
            for name in self._graph.datasets
        }

    def _streamed(self, name: DatasetName) -> list[DatasetName]:
        """Return the tables that a dataset reads as a stream, looking through views."""
        found: list[DatasetName] = []
        waiting = [name]
        while waiting:
            for each in self._graph.datasets[waiting.pop()].streamed:
                is_view = self._graph.datasets[each].kind is DatasetKind.TEMPORARY_VIEW
                (waiting if is_view else found).append(each)
        return found

    def _is_stream(self, name: DatasetName) -> bool:
        return self._graph.datasets[name].kind is DatasetKind.STREAMING_TABLE


def _why_replace(resolved: ResolvedDataset, situation: Situation, table: TableState) -> str:
    flow = resolved.flows[0]
    if resolved.dataset.options.refresh_policy == "full":
        return "its refresh_policy is full"
    if table.last is None:
        return "its last refresh left no record"
    if flow.changing:
        # First, since a random seed makes the definition another each time.
        return "; ".join(flow.changing)
    if table.last.definition != flow.definition:
        return "its definition changed"
    if not table.counted:
        return "its last refresh ended before its counts were recorded"
    return "; ".join(table.touched or situation.changes)


def _with_metadata(
    step: ReplaceTable | AppendStreams | SkipDataset,
    resolved: ResolvedDataset,
    table: TableState | None,
) -> Step:
    if table is None:
        return step
    change = metadata_change(resolved.dataset.options, resolved.schema, table)
    if change and isinstance(step, SkipDataset):
        reason = f"{step.reason}; comments or properties are made as the code says"
        return replace(step, metadata=change, reason=reason)
    return replace(step, metadata=change)


def _new_columns(resolved: ResolvedDataset, table: TableState) -> tuple[str, ...]:
    """Return the columns that a table lacks, and those whose structs have fields that it lacks."""
    found = []
    for column in resolved.schema.columns:
        has = table.schema.column(column.name)
        if has is None or any(differences(column.type, has.type, column.name)):
            found.append(column.name)
    return tuple(found)
