"""Real frames for a flow's query: tables at their paths, views inlined with their rules."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass

from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from dlt_lite.engine.empties import named, rebound
from dlt_lite.engine.observing import is_seen_once, observe, observed, observed_in_batch
from dlt_lite.engine.scope import Asked, QueryScope, is_as_of
from dlt_lite.errors import DltLiteError, UnseenRead
from dlt_lite.execution.context import Context
from dlt_lite.graph.calling import (
    checked_frame,
    explained,
    external_frame,
    in_lower_case,
    is_in_catalog,
)
from dlt_lite.graph.graph import ResolvedDataset, ResolvedFlow
from dlt_lite.model.names import DatasetName, qualify
from dlt_lite.model.origin import Origin
from dlt_lite.model.rules import Rule, RuleCount
from dlt_lite.quality.enforce import figures, filtered, unmarked, view_counts
from dlt_lite.quality.samples import Sampling, sampling_of
from dlt_lite.registry.active import reading_through
from dlt_lite.registry.boundary import call_user_code
from dlt_lite.registry.origins import raising_origin

_PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class WatchedView:
    """An inlined view whose rules are counted where it is read.

    Attributes:
        view: the view's name as shown.
        rules: its rules.
        sampling: what is shown of the rows that break them.
        observation: sees the counts of a batch query; None in a stream.
        metric: the name of the observation.
    """

    view: str
    rules: tuple[Rule, ...]
    sampling: Sampling
    observation: Observation | None
    metric: str


class FlowReader:
    """Calls one flow's query over real inputs, and remembers which views it inlined."""

    def __init__(
        self, context: Context, session: SparkSession, pins: Mapping[str, int] | None = None
    ) -> None:
        self._context = context
        self._session = session
        self._pins = pins or {}
        self._views: dict[DatasetName, DataFrame] = {}
        self.watched: list[WatchedView] = []

    def frame(self, flow: ResolvedFlow) -> DataFrame:
        """Return the frame of a flow's query.

        Raises:
            DltLiteError: the query raised, or returned something else.
        """
        return self._called(flow, self._session)

    def _called(self, flow: ResolvedFlow, session: SparkSession) -> DataFrame:
        unseen: list[UnseenRead] = []

        def lookup(asked: Asked) -> DataFrame | None:
            try:
                self._check_seen(asked, flow, session)
            except UnseenRead as error:
                unseen.append(error)
                raise
            return self._lookup(session, asked)

        def explain(error: BaseException, origin: Origin | None) -> DltLiteError:
            masked = bool(self._context.samples.mask)
            return explained(error, origin or flow.flow.origin, flow.flow.name, masked=masked)

        with self._context.entered(), reading_through(QueryScope(session, lookup)):
            result = call_user_code(flow.flow.query, root=self._context.root, explain=explain)
        # Whatever the user's `except` made of it.
        if unseen:
            unseen[0].origin = raising_origin(unseen[0].__traceback__, self._context.root)
            raise unseen[0]
        return checked_frame(result, flow.flow, session)

    def _check_seen(self, asked: Asked, flow: ResolvedFlow, session: SparkSession) -> None:
        """Refuse a read that the plan does not know of: nothing orders it, nothing follows it."""
        name = qualify(asked.parts, self._context.graph.namespace)
        if in_lower_case(asked.parts) in flow.elsewhere:
            return
        if name is not None and any(read.name == name for read in flow.reads):
            return
        if self._is_ours(name) or is_in_catalog(session, asked.parts):
            raise UnseenRead(
                f"{flow.flow.name} reads {'.'.join(asked.parts)!r}, which it did not while it was "
                "called over empty inputs: the plan does not know that it is read",
                fix="read it at the top of the function, whatever the rows are; "
                "a read costs nothing until an action",
            )

    def _is_ours(self, name: DatasetName | None) -> bool:
        if name is None:
            return False
        return name in self._context.graph.datasets or self._context.published(name) is not None

    def read(self, asked: Asked) -> DataFrame:
        """Return the frame of a dataset or table, as a query of the flow would read it."""
        found = self._lookup(self._session, asked)
        return self._session.table(".".join(asked.parts)) if found is None else found

    def view_counts(
        self, frame: DataFrame, query: Future[StreamingQuery] | None = None
    ) -> tuple[RuleCount, ...]:
        """Return what the rules of the inlined views decided in the job that ran.

        Args:
            frame: what `frame` returned.
            query: the stream whose batch was just written, as soon as it has started.
        """
        found: list[RuleCount] = []
        for each in self.watched:
            if each.observation is not None:
                seen = observed(each.observation, patience=_PATIENCE)
            else:
                seen = (
                    None
                    if query is None
                    else observed_in_batch(query.result(_PATIENCE), each.metric)
                )
            exact = is_seen_once(frame, each.metric)
            found += view_counts(seen, each.view, each.rules, each.sampling, exact=exact)
        return tuple(found)

    def _lookup(self, session: SparkSession, asked: Asked) -> DataFrame | None:
        graph = self._context.graph
        name = qualify(asked.parts, graph.namespace)
        if name is None:
            return None
        if name not in graph.datasets:
            path = self._context.published(name)
            return None if path is None else external_frame(session, asked, name, path)
        if self._context.is_view(name):
            if name not in self._views:
                self._views[name] = self._inlined(graph.datasets[name])
            view = self._views[name]
            # What a view's own function makes of another view belongs to its own session.
            return view if session is self._session else rebound(view, session)
        reader = asked.reader
        if reader is None:
            reader = session.readStream if asked.streaming else session.read
        path = self._context.path_of(name)
        if path in self._pins and not is_as_of(reader):
            reader = reader.option("versionAsOf", self._pins[path])
        return named(reader.format("delta").load(path), name)

    def _inlined(self, resolved: ResolvedDataset) -> DataFrame:
        # In a session of its own: temporary views of its function are not its reader's.
        flow = resolved.flows[0]
        frame = rebound(self._called(flow, self._context.session_for(flow)), self._session)
        rules = resolved.dataset.row_rules
        if rules:
            metric = f"rules of {resolved.dataset.name}"
            observation: Observation | None = None
            sampling = sampling_of(frame, resolved.dataset, self._context.samples)
            marked, columns, _ = figures(frame, rules, sampling, in_the_job=True)
            if frame.isStreaming:
                counted = marked.observe(metric, *columns)
            else:
                counted, observation = observe(marked, columns, metric)
            shown = resolved.dataset.shown
            self.watched.append(WatchedView(shown, rules, sampling, observation, metric))
            frame = filtered(unmarked(counted), rules, sampling)
        return named(frame, resolved.dataset.name)
