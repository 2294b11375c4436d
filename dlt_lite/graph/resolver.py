"""Run every query once over empty inputs: definitions in, resolved graph out.

A query that reads a dataset which is not resolved yet is put aside, the dataset is resolved, and
the query starts anew; so files and declarations may come in any order, and a chain of a thousand
datasets needs no deep stack. After each flow only its schema is kept and the next one reads a
fresh empty relation, which keeps the work linear. What a plan is made of is learned in a thread
beside the next query: only the definitions need it, at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from dlt_lite.engine.empties import empty_frame
from dlt_lite.engine.plans import LeafKind, QueryFacts, digest, query_facts, reader_options
from dlt_lite.engine.scope import Asked, QueryScope, is_as_of
from dlt_lite.engine.sessions import TemporaryViews
from dlt_lite.errors import (
    BadSchema,
    Cycle,
    DltLiteError,
    ErrorGroup,
    KindConflict,
    MissingInput,
    UpstreamFailed,
    raise_together,
)
from dlt_lite.graph.calling import (
    checked_frame,
    explained,
    external_frame,
    first_line,
    in_lower_case,
    is_in_catalog,
)
from dlt_lite.graph.graph import Read, ResolvedDataset, ResolvedFlow, ResolvedGraph
from dlt_lite.graph.rules import check_key, rule_facts, rule_text
from dlt_lite.graph.validation import problems_of, problems_of_declarations
from dlt_lite.model.checks import ForeignKey
from dlt_lite.model.datasets import Dataset, DatasetKind, DeclaredAs, Definitions, Flow
from dlt_lite.model.names import DatasetName, qualify, split_identifier
from dlt_lite.model.origin import Origin
from dlt_lite.model.rules import Rule
from dlt_lite.model.schema import Schema, SchemaClash, as_stored, merged, required, schema_from_json
from dlt_lite.project.suggestions import did_you_mean
from dlt_lite.registry.active import reading_through
from dlt_lite.registry.boundary import call_user_code


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What lies around a pipeline while its queries are resolved.

    Attributes:
        session: the pipeline's session, which flows' sessions are made from.
        root: the project's folder.
        on_disk: gives the schema of a dataset's table, None where it has none yet.
        published: gives the path of another pipeline's table, None where there is none.
        settings: the settings that change results, as canonical text.
        code: gives a hash of the files loaded by now and of what else Python code depends on.
        masked: whether there are columns of which no value may be told.
    """

    session: SparkSession
    root: Path
    on_disk: Callable[[DatasetName], Schema | None]
    published: Callable[[DatasetName], str | None]
    settings: str
    code: Callable[[], str]
    masked: bool = False


class _NotYet(BaseException):
    """A query, or a rule, reads a dataset that is not resolved yet."""

    def __init__(self, name: DatasetName, rule: Rule | None = None) -> None:
        super().__init__(str(name))
        self.name = name
        self.rule = rule


def resolve(definitions: Definitions, around: Surroundings) -> ResolvedGraph:
    """Resolve every query of a pipeline.

    Raises:
        DltLiteError: what every broken flow and every violated rule says, causes first.
    """
    raise_together(problems_of_declarations(definitions))
    with ThreadPoolExecutor(1, thread_name_prefix="facts") as beside:
        resolution = _Resolution(definitions, around, beside)
        for name in definitions.datasets:
            resolution.reach(name)
        resolution.define()
    graph = ResolvedGraph(definitions.namespace, dict(resolution.done))
    raise_together([*resolution.causes, *problems_of(graph), *resolution.consequences])
    return graph


class _Resolution:
    """The work under way: what is resolved, what failed."""

    def __init__(
        self, definitions: Definitions, around: Surroundings, beside: ThreadPoolExecutor
    ) -> None:
        self.done: dict[DatasetName, ResolvedDataset] = {}
        self.causes: list[DltLiteError] = []
        self.consequences: list[DltLiteError] = []
        self._definitions = definitions
        self._around = around
        self._beside = beside
        self._filling = definitions.flows_by_target()
        self._flows: dict[str, ResolvedFlow] = {}
        self._facts: dict[str, Future[QueryFacts]] = {}
        self._judged: dict[DatasetName, Future[QueryFacts | None]] = {}
        self._failed: set[DatasetName] = set()
        # The rule for which a dataset waits for another; what only its query reads has none.
        self._asking: dict[tuple[DatasetName, DatasetName], Rule] = {}
        self._views = TemporaryViews(around.session)

    def reach(self, name: DatasetName) -> None:
        """Resolve a dataset and whatever it reads."""
        stack = [name]
        while stack:
            top = stack[-1]
            try:
                if top not in self.done and top not in self._failed:
                    self.done[top] = self._dataset(self._definitions.datasets[top])
                stack.pop()
            except _NotYet as needs:
                if needs.rule is not None:
                    self._asking[top, needs.name] = needs.rule
                if needs.name in stack:
                    self._fail_cycle(stack[stack.index(needs.name) :])
                else:
                    stack.append(needs.name)
            except DltLiteError as error:
                self._failed.add(top)
                self._keep(error)

    def define(self) -> None:
        """Let every dataset that was reached know its definition: those above have theirs.

        Of those that failed the rules are judged all the same: everything is told at once.
        """
        for name, resolved in self.done.items():
            try:
                self.done[name] = self._defined(resolved)
            except DltLiteError as error:
                self._keep(error)
        for judged in [self._judged[name] for name in self._judged if name not in self.done]:
            try:
                judged.result()
            except DltLiteError as error:
                self._keep(error)

    def _keep(self, error: DltLiteError) -> None:
        for each in error.errors if isinstance(error, ErrorGroup) else (error,):
            is_consequence = isinstance(each, UpstreamFailed)
            (self.consequences if is_consequence else self.causes).append(each)

    def _fail_cycle(self, members: list[DatasetName]) -> None:
        self._failed.update(members)
        shown = [self._definitions.datasets[name].shown for name in members]
        what = f"datasets read each other in a circle: {' → '.join([*reversed(shown), shown[-1]])}"
        fix = "break the circle: one of them must not read the next"
        origin = self._definitions.datasets[members[0]].origin
        for name, read in zip(members, [*members[1:], members[0]], strict=True):
            if (rule := self._asking.get((name, read))) is not None:
                own, other = (self._definitions.datasets[each].shown for each in (name, read))
                what += f"; {own} reads {other} for its expectation {rule.name!r} at {rule.origin}"
                fix = f"look the key up in a dataset that does not read {own}, or take the rule out"
                origin = rule.origin
        self.causes.append(Cycle(what, origin=origin, fix=fix))

    def _dataset(self, dataset: Dataset) -> ResolvedDataset:
        flows = self._resolved_flows(dataset)
        kind = _kind_of(dataset, flows)
        schema = self._schema(dataset, kind, flows)
        if dataset.rules:
            self._judged[dataset.name] = self._beside.submit(
                rule_facts, self._around.session, dataset, schema
            )
        return ResolvedDataset(dataset, kind, schema, self._with_keys(dataset, flows, schema))

    def _with_keys(
        self, dataset: Dataset, flows: tuple[ResolvedFlow, ...], schema: Schema
    ) -> tuple[ResolvedFlow, ...]:
        """Return the flows, the first of which also reads what foreign keys are looked up in."""
        first, *others = flows
        reads = dict.fromkeys(first.reads)
        errors: list[DltLiteError] = []
        for rule in dataset.wide_rules:
            key = rule.check
            if not isinstance(key, ForeignKey):
                continue
            parts = split_identifier(key.dataset)
            own = empty_frame(self._around.session, schema.text, streaming=False)
            try:
                if qualify(parts, self._definitions.namespace) == dataset.name:
                    check_key(rule, dataset, own.schema, own)
                    continue
                with self._views.session_for(first.flow.spark_conf) as session:
                    frame = self._frame(Asked(parts, False, None), first.flow, session, reads)
                    check_key(rule, dataset, own.schema, frame or session.table(key.dataset))
            except _NotYet as needs:
                raise _NotYet(needs.name, rule) from None
            except DltLiteError as error:
                error.origin = rule.origin
                errors.append(error)
        raise_together(errors)
        return (replace(first, reads=tuple(reads)), *others)

    def _resolved_flows(self, dataset: Dataset) -> tuple[ResolvedFlow, ...]:
        errors: list[DltLiteError] = []
        filling = self._filling[dataset.name]
        for flow in filling:
            try:
                if flow.name not in self._flows:
                    self._flows[flow.name] = self._resolved(flow)
            except DltLiteError as error:
                error.origin = error.origin or flow.origin
                errors.append(error)
        raise_together(errors)
        return tuple(self._flows[flow.name] for flow in filling)

    def _resolved(self, flow: Flow) -> ResolvedFlow:
        reads: dict[Read, None] = {}
        elsewhere: set[tuple[str, ...]] = set()
        with self._views.session_for(flow.spark_conf) as session:
            frame = self._call(flow, session, reads, elsewhere)
            self._facts[flow.name] = self._beside.submit(query_facts, frame)
        schema = schema_from_json(frame.schema.json())
        return ResolvedFlow(
            flow, frame.isStreaming, schema, tuple(reads), elsewhere=frozenset(elsewhere)
        )

    def _defined(self, resolved: ResolvedDataset) -> ResolvedDataset:
        judged = None
        if resolved.dataset.rules:
            judged = self._judged[resolved.dataset.name].result()
        flows = (self._defined_flow(flow, resolved.dataset, judged) for flow in resolved.flows)
        return replace(resolved, flows=tuple(flows))

    def _defined_flow(
        self, resolved: ResolvedFlow, dataset: Dataset, judged: QueryFacts | None
    ) -> ResolvedFlow:
        facts = self._facts[resolved.flow.name].result()
        reads = (*resolved.reads, *_reads_by_path(facts, resolved.reads))
        views = [
            self.done[read.name].flows[0]
            for read in reads
            if read.name is not None and not read.external and self._is_view(read.name)
        ]
        of_rules = () if judged is None else judged.changing
        return replace(
            resolved,
            reads=reads,
            definition=self._definition(resolved, dataset, (facts, judged), views),
            changing=(
                *facts.changing,
                *(why for view in views for why in view.changing),
                *of_rules,
            ),
            watermark=facts.watermark or any(view.watermark for view in views),
            timers=facts.timers or any(view.timers for view in views),
        )

    def _is_view(self, name: DatasetName) -> bool:
        return self.done[name].kind is DatasetKind.TEMPORARY_VIEW

    def _definition(
        self,
        resolved: ResolvedFlow,
        dataset: Dataset,
        learned: Iterable[QueryFacts | None],
        views: Iterable[ResolvedFlow],
    ) -> str:
        rules = [rule_text(rule) for rule in dataset.rules]
        options = [f"{read.name} {read.options}" for read in resolved.reads if read.options]
        plans = [facts for facts in learned if facts is not None]
        if dataset.options.schema is not None:
            # A comment of a column is changed without its rows; a NULL fails the job that writes.
            options.append(str(sorted(required(declared_schema(dataset)))))
        return digest(
            self._around.settings,
            str(sorted(resolved.flow.spark_conf.items())),
            str([*rules, *options, *dataset.options.partition_cols]),
            self._around.code() if any(facts.python for facts in plans) else "",
            *(facts.text or "" for facts in plans),
            *(view.definition for view in views),
        )

    def _call(
        self,
        flow: Flow,
        session: SparkSession,
        reads: dict[Read, None],
        elsewhere: set[tuple[str, ...]],
    ) -> DataFrame:
        interrupted: list[BaseException] = []

        def lookup(asked: Asked) -> DataFrame | None:
            try:
                found = self._frame(asked, flow, session, reads)
            except _NotYet as signal:
                interrupted.append(signal)
                raise
            if found is None:
                elsewhere.add(in_lower_case(asked.parts))
            return found

        def explain(error: BaseException, origin: Origin | None) -> DltLiteError:
            masked = self._around.masked
            return explained(error, origin or flow.origin, flow.name, masked=masked)

        try:
            with reading_through(QueryScope(session, lookup)):
                result = call_user_code(flow.query, root=self._around.root, explain=explain)
        finally:
            # Whatever the user's `except` made of it.
            if interrupted:
                raise interrupted[0]
        return checked_frame(result, flow, session)

    def _frame(
        self, asked: Asked, flow: Flow, session: SparkSession, reads: dict[Read, None]
    ) -> DataFrame | None:
        namespace = self._definitions.namespace
        name = qualify(asked.parts, namespace)
        if name is not None and name in self._definitions.datasets:
            found = self._upstream(name, flow)
            _check_mode(found, asked, flow)
            streaming = asked.streaming or (
                found.kind is DatasetKind.TEMPORARY_VIEW and found.flows[0].streaming
            )
            reads[
                Read(
                    name,
                    None,
                    streaming,
                    external=False,
                    options=reader_options(asked.reader),
                )
            ] = None
            return empty_frame(session, found.schema.text, streaming=streaming, name=name)
        path = None if name is None else self._around.published(name)
        if name is not None and path is not None:
            reads[Read(name, path, asked.streaming, external=True)] = None
            return external_frame(session, asked, name, path)
        if is_in_catalog(session, asked.parts):
            return None
        raise self._missing(asked)

    def _upstream(self, name: DatasetName, flow: Flow) -> ResolvedDataset:
        if name in self._failed:
            shown = self._definitions.datasets[name].shown
            raise UpstreamFailed(
                f"{flow.name} reads {shown}, which has the problem above",
                origin=flow.origin,
            )
        if name not in self.done:
            raise _NotYet(name)
        return self.done[name]

    def _missing(self, asked: Asked) -> MissingInput:
        text = ".".join(asked.parts)
        names = [dataset.shown for dataset in self._definitions.datasets.values()]
        fix = did_you_mean(asked.parts[-1], names, otherwise="the pipeline has")
        return MissingInput(
            f"{text!r} is read, but nobody declares it and no such table is there", fix=fix
        )

    def _schema(
        self, dataset: Dataset, kind: DatasetKind, flows: tuple[ResolvedFlow, ...]
    ) -> Schema:
        try:
            schema = flows[0].schema
            for flow in flows[1:]:
                schema = merged(schema, flow.schema)
            if dataset.options.schema is not None:
                schema = self._declared(dataset, schema)
            elif kind is not DatasetKind.TEMPORARY_VIEW:
                schema = as_stored(schema)
            disk = None
            if kind is DatasetKind.STREAMING_TABLE:
                disk = self._around.on_disk(dataset.name)
            return schema if disk is None else _with_old_columns(schema, disk)
        except SchemaClash as clash:
            raise BadSchema(
                f"the flows of {dataset.shown} do not fit together: {clash}",
                origin=dataset.origin,
                fix="cast the column to one type in every flow",
            ) from clash

    def _declared(self, dataset: Dataset, result: Schema) -> Schema:
        declared = declared_schema(dataset)
        for column in result.columns:
            own = declared.column(column.name)
            if own is None or own.type != column.type:
                has = (
                    "is not in its schema" if own is None else f"is {own.shown_type} in its schema"
                )
                raise BadSchema(
                    f"{dataset.shown}: column {column.name!r} of the query "
                    f"({column.shown_type}) {has}",
                    origin=dataset.origin,
                    fix="change schema= or the query so that names and types agree",
                )
        for column in declared.columns:
            if result.column(column.name) is None:
                raise BadSchema(
                    f"{dataset.shown}: the query yields no column {column.name!r}",
                    origin=dataset.origin,
                    fix="add it to the query, or take it out of schema=",
                )
        return declared


def declared_schema(dataset: Dataset) -> Schema:
    """Return the schema that a dataset declares.

    Raises:
        BadSchema: it is neither DDL nor a StructType.
    """
    given = dataset.options.schema
    try:
        parsed = given if isinstance(given, StructType) else StructType.fromDDL(str(given))
    except PySparkException as error:
        raise BadSchema(
            f"schema= of {dataset.shown} cannot be parsed: {first_line(error)}",
            origin=dataset.origin,
            fix="write DDL such as 'id BIGINT, name STRING', or give a StructType",
        ) from error
    return schema_from_json(parsed.json())


def _kind_of(dataset: Dataset, flows: tuple[ResolvedFlow, ...]) -> DatasetKind:
    match dataset.declared_as:
        case DeclaredAs.TEMPORARY_VIEW:
            return DatasetKind.TEMPORARY_VIEW
        case DeclaredAs.MATERIALIZED_VIEW:
            return DatasetKind.MATERIALIZED_VIEW
        case DeclaredAs.STREAMING_TABLE:
            return DatasetKind.STREAMING_TABLE
        case DeclaredAs.TABLE:
            plain = [flow for flow in flows if not flow.flow.explicit]
            streaming = any(flow.streaming for flow in plain or flows)
            return DatasetKind.STREAMING_TABLE if streaming else DatasetKind.MATERIALIZED_VIEW


def _check_mode(found: ResolvedDataset, asked: Asked, flow: Flow) -> None:
    if found.kind is not DatasetKind.TEMPORARY_VIEW:
        return
    streaming = found.flows[0].streaming
    if is_as_of(asked.reader):
        raise KindConflict(
            f"{flow.name} reads {found.dataset.shown} as it was, but a temporary view has no past",
            fix="read the table that it reads as it was, in the view or in its place",
        )
    if asked.streaming and not streaming:
        raise KindConflict(
            f"{flow.name} reads {found.dataset.shown} as a stream, but that view is a batch",
            fix=f"read it by spark.read.table, or make {found.dataset.shown} streaming",
        )


def _reads_by_path(facts: QueryFacts, reads: Iterable[Read]) -> Iterator[Read]:
    named_paths = {read.path for read in reads}
    streams = {LeafKind.FILE_STREAM, LeafKind.DELTA_STREAM}
    for leaf in facts.leaves:
        if leaf.kind in {LeafKind.CONSTANT, LeafKind.UNKNOWN}:
            continue
        for path in leaf.paths:
            if not {path, path.removeprefix("file:")} & named_paths:
                yield Read(None, path, leaf.kind in streams, external=True, options=leaf.kind.value)


def _with_old_columns(schema: Schema, disk: Schema) -> Schema:
    """Return the schema with the table's other columns; a clash is left to validation."""
    try:
        return merged(schema, disk)
    except SchemaClash:
        return schema
