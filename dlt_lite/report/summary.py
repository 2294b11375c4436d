"""Events of one update → what it did, as `-o json` prints it.

A fold: the first events of an update that was killed will do. Knows neither Spark nor the disk.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from typing import Any

from dlt_lite.events.records import (
    CreateUpdate,
    DatasetDefinition,
    Event,
    ExpectationDefinition,
    FlowDefinition,
    FlowProgress,
    FlowState,
    PlanningInformation,
    UpdateProgress,
    UpdateState,
)
from dlt_lite.model.checks import RuleKind
from dlt_lite.model.datasets import DatasetKind
from dlt_lite.model.rules import NO_COUNTS, Cost, Counts, RuleCount, Threshold, added
from dlt_lite.model.samples import Sample

_FINAL = {UpdateState.COMPLETED, UpdateState.FAILED, UpdateState.CANCELED}
# A dataset's state is one of six; a flow that was stopped in the middle did not complete.
_FOLDED = {FlowState.STARTING: FlowState.RUNNING, FlowState.STOPPED: FlowState.FAILED}
# The first of these that one flow of a dataset is in is the dataset's state.
_STRONGEST = (FlowState.FAILED, FlowState.SKIPPED, FlowState.EXCLUDED, FlowState.RUNNING)
# Nothing waits or runs in an update that is over.
_AT_THE_END = {FlowState.QUEUED: FlowState.SKIPPED, FlowState.RUNNING: FlowState.FAILED}
_CUT_OFF = {
    FlowState.QUEUED: "the update broke off before it",
    FlowState.RUNNING: "the update broke off while it was at work",
}
_NO_ACTION = "none"
_REPLAY = "replay"
_SKIP = "skip"
# An error as its own text tells it: what, where, how to fix it.
_ERROR = re.compile(r"\[(DLT\d{3})\] (.*?)(?:\n  at:  (.*?))?(?:\n  fix: (.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ExpectationResult:
    """What one expectation decided in one update.

    Attributes:
        name: its name.
        action: warn, drop or fail.
        passed: rows that passed.
        failed: rows that did not.
        dataset: the view that declares it, where that is not the dataset itself.
        flow: for a view's expectation: the flow that read the view, where its name says more.
        exact: False where the figures may count a row twice or miss one.
        origin: where it was declared, such as `file:line`; None where nothing says so.
        nulls: rows for which the condition was NULL; None where they were not counted.
        observed: of a rule beyond rows: what was found.
        cost: how the figures were come by.
        enabled: whether it is switched on in the update's target.
        kind: what it looks at.
        threshold: how many rows may break it.
        samples: some of the rows that broke it.
    """

    name: str
    action: str
    passed: int = 0
    failed: int = 0
    dataset: str | None = None
    flow: str | None = None
    exact: bool = True
    origin: str | None = None
    nulls: int | None = None
    observed: str | None = None
    cost: Cost = Cost.IN_JOB
    enabled: bool = True
    kind: RuleKind = RuleKind.ROW
    threshold: Threshold | None = None
    samples: tuple[Sample, ...] = ()

    @property
    def is_violated(self) -> bool:
        """Whether more rows broke it than its threshold allows."""
        if not self.failed:
            return False
        rows = self.passed + self.failed
        return self.threshold is None or not self.threshold.allows(
            rows, self.failed, self.nulls or 0
        )

    def as_json(self) -> dict[str, Any]:
        """Return it as `-o json` prints it."""
        plain: dict[str, Any] = {
            "name": self.name,
            "action": self.action,
            "passed": self.passed,
            "failed": self.failed,
        }
        if self.dataset is not None:
            plain["dataset"] = self.dataset
        if self.flow is not None:
            plain["flow"] = self.flow
        if not self.exact:
            plain["exact"] = False
        if self.kind is not RuleKind.ROW:
            plain["kind"] = self.kind
        if self.observed is not None:
            plain["observed"] = self.observed
        return plain


@dataclass(frozen=True, slots=True)
class DatasetResult:
    """What one update did with one dataset.

    Attributes:
        name: its name as the user wrote it.
        kind: streaming_table, materialized_view or temporary_view.
        action: what was done, in the words of `-o json`.
        reason: why.
        when: the datasets whose change decided; empty where nothing was left to decide.
        state: COMPLETED, FAILED, SKIPPED or EXCLUDED; QUEUED or RUNNING in an update that is not
            over.
        version: the greatest version that was seen or written; None where there is none.
        rows_written: rows that were written.
        rows_dropped: rows that a drop rule kept out.
        rows_quarantined: rows that a quarantine rule set aside.
        expectations: what each expectation decided; its own first, then those of views it reads.
        path: URI of its Delta table; None for a view.
        error: why it failed.
        seconds: how long it ran; None where it did not.
        inputs: the datasets that it reads.
    """

    name: str
    kind: str = ""
    action: str = _NO_ACTION
    reason: str = ""
    when: tuple[str, ...] = ()
    state: str = FlowState.QUEUED.value
    version: int | None = None
    rows_written: int = 0
    rows_dropped: int = 0
    rows_quarantined: int = 0
    expectations: tuple[ExpectationResult, ...] = ()
    path: str | None = None
    error: str | None = None
    seconds: float | None = None
    inputs: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as `-o json` prints it."""
        return {
            "name": self.name,
            "kind": self.kind,
            "action": self.action,
            "reason": self.reason,
            "when": list(self.when),
            "state": self.state,
            "version": self.version,
            "rows_written": self.rows_written,
            "rows_dropped": self.rows_dropped,
            "rows_quarantined": self.rows_quarantined,
            "expectations": [each.as_json() for each in self.expectations],
            "path": self.path,
            "error": error_json(self.error),
        }


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """What one update did.

    Attributes:
        update_id: the update.
        pipeline: the pipeline's name.
        target: the target's name.
        state: COMPLETED, FAILED or CANCELED; RUNNING where no event says that it is over.
        datasets: in the order of the plan.
        error: why it failed as a whole.
        started: when it began, ISO 8601 in UTC.
        ended: when it was over; None where no event says so.
    """

    update_id: str = ""
    pipeline: str = ""
    target: str = ""
    state: str = UpdateState.RUNNING.value
    datasets: tuple[DatasetResult, ...] = ()
    error: str | None = None
    started: str | None = None
    ended: str | None = None

    @property
    def out_of_date(self) -> tuple[str, ...]:
        """The tables that do not have the rows yet which a replay has put into what they read."""
        behind = {
            each.name for each in self.datasets if each.action == _REPLAY and each.rows_written
        }
        before = -1
        while before != len(behind):
            before = len(behind)
            behind |= {each.name for each in self.datasets if behind.intersection(each.inputs)}
        return tuple(
            each.name
            for each in self.datasets
            if each.name in behind and each.path and each.action != _REPLAY
        )

    def as_json(self) -> dict[str, Any]:
        """Return it as `-o json` prints it: plain dictionaries, lists and values.

        An `error`, of the update or of a dataset, is null or an object with `code`, `message`,
        `origin` and `fix`; an update that could not even begin says it in the same way.
        """
        return {
            "update_id": self.update_id,
            "pipeline": self.pipeline,
            "target": self.target,
            "state": self.state,
            "started": self.started,
            "ended": self.ended,
            "error": error_json(self.error),
            "datasets": [each.as_json() for each in self.datasets],
        }


@dataclass(frozen=True, slots=True)
class PlannedDataset:
    """What would be done with one dataset.

    Attributes:
        name: its name as the user wrote it.
        kind: streaming_table, materialized_view or temporary_view.
        action: what would be done, in the words of `-o json`.
        reason: why.
        when: the datasets whose change decides; empty where nothing is left to decide.
        inputs: the versions of what it reads.
        costs: how each of its rules would be decided, such as `in_job` or `extra_scan`.
    """

    name: str
    kind: str
    action: str
    reason: str
    when: tuple[str, ...] = ()
    inputs: Mapping[str, int | None] = field(default_factory=dict)
    costs: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return it as `-o json` prints it."""
        return {
            "name": self.name,
            "kind": self.kind,
            "action": self.action,
            "reason": self.reason,
            "when": list(self.when),
            "inputs": dict(self.inputs),
            "costs": dict(self.costs),
        }


@dataclass(frozen=True, slots=True)
class PlanResult:
    """What an update would do: the shape of a run, without outcomes.

    Attributes:
        pipeline: the pipeline's name.
        datasets: in the order of the plan.
        notes: what a person should know before: what a run would ask, and what else it breaks.
    """

    pipeline: str = ""
    datasets: tuple[PlannedDataset, ...] = ()
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as `-o json` prints it: plain dictionaries, lists and values."""
        return {
            "pipeline": self.pipeline,
            "datasets": [each.as_json() for each in self.datasets],
            "notes": list(self.notes),
        }


def error_json(text: str | None) -> dict[str, str | None] | None:
    """Return the error that a text tells as `-o json` prints it; of several errors the first."""
    if text is None:
        return None
    first = text.split("\n\n[DLT")[0]
    found = _ERROR.fullmatch(first)
    if found is None:
        return {"code": None, "message": text, "origin": None, "fix": None}
    code, message, origin, fix = found.groups()
    return {"code": code, "message": message, "origin": origin, "fix": fix}


def update_result(events: Iterable[Event], *, broke_off: bool = False) -> UpdateResult:
    """Return what an update did, as far as its events tell.

    Args:
        events: the events of one update, all or only the first of them, in any order.
        broke_off: whether the update is over although no event says so.

    Returns:
        The result; of no events, an empty one.
    """
    told = _in_order(events)
    if not told:
        return UpdateResult()
    first = told[0].envelope
    states = [(e.envelope, e.record) for e in told if isinstance(e.record, UpdateProgress)]
    final = next(((env, rec) for env, rec in reversed(states) if rec.state in _FINAL), None)
    return UpdateResult(
        update_id=first.update_id,
        pipeline=first.pipeline,
        target=next((e.record.target for e in told if isinstance(e.record, CreateUpdate)), ""),
        state=str(UpdateState.RUNNING if final is None else final[1].state),
        datasets=_dataset_results(
            told, is_over=final is not None, broke_off=broke_off and final is None
        ),
        error=next((rec.error for _, rec in reversed(states) if rec.error is not None), None),
        started=first.timestamp,
        ended=None if final is None else final[0].timestamp,
    )


def plan_result(events: Iterable[Event]) -> PlanResult:
    """Return what a plan says.

    Args:
        events: the events of one planning; all but planning_information are passed over.

    Returns:
        The result; of no events, an empty one.
    """
    told = _in_order(events)
    plans = {e.record.dataset: e.record for e in told if isinstance(e.record, PlanningInformation)}
    datasets = (
        PlannedDataset(
            each.dataset,
            str(each.kind),
            str(each.action),
            each.reason,
            each.when,
            each.inputs,
            each.costs,
        )
        for each in plans.values()
    )
    return PlanResult(told[0].envelope.pipeline if told else "", tuple(datasets))


@dataclass(frozen=True, slots=True)
class _Story:
    """All that the events tell of one dataset.

    Attributes:
        definition: what it was resolved to.
        plan: what was to be done with it.
        progress: what its flows did, in order, with when.
        reports: the flow and the counts of each batch and each refresh.
        inputs: the datasets that its flows read.
    """

    definition: DatasetDefinition | None = None
    plan: PlanningInformation | None = None
    progress: tuple[tuple[str, FlowProgress], ...] = ()
    reports: tuple[tuple[str, Counts], ...] = ()
    inputs: tuple[str, ...] = ()


def _in_order(events: Iterable[Event]) -> list[Event]:
    return sorted(events, key=lambda event: event.envelope.sequence)


def _dataset_results(
    told: Sequence[Event], *, is_over: bool, broke_off: bool
) -> tuple[DatasetResult, ...]:
    stories = _stories(told)
    shown = {
        name: definition.dataset
        for definition in (story.definition for story in stories.values())
        if definition is not None
        for name in (definition.dataset, definition.full_name)
    }
    evaluated = {
        (shown.get(rule.dataset, rule.dataset), rule.name)
        for story in stories.values()
        for _, counts in story.reports
        for rule in counts.rules
        if rule.dataset is not None
    }
    declared = {
        (name, rule.name): rule
        for name, story in stories.items()
        for rule in (() if story.definition is None else story.definition.expectations)
    }
    found = (
        _as_declared(_dataset_result(name, story, shown, evaluated, is_over=is_over), declared)
        for name, story in stories.items()
        if story.plan is not None or story.progress
    )
    return tuple(_cut_off(each) if broke_off else each for each in found)


def _cut_off(result: DatasetResult) -> DatasetResult:
    """Return what became of a dataset in an update that broke off; how long is not known."""
    state = FlowState(result.state)
    if state not in _CUT_OFF:
        return result
    return replace(result, state=str(_AT_THE_END[state]), reason=_CUT_OFF[state], seconds=None)


def _as_declared(
    result: DatasetResult, declared: Mapping[tuple[str, str], ExpectationDefinition]
) -> DatasetResult:
    """Return what a dataset's expectations decided beside what was declared of them."""
    expectations = (
        each if rule is None else _declared(each, rule)
        for each in result.expectations
        for rule in (declared.get((each.dataset or result.name, each.name)),)
    )
    return replace(result, expectations=tuple(expectations))


def _declared(found: ExpectationResult, rule: ExpectationDefinition) -> ExpectationResult:
    threshold = Threshold(rule.mostly, rule.max_failures)
    return replace(
        found,
        origin=rule.origin or None,
        kind=RuleKind(rule.kind),
        threshold=None if threshold == Threshold() else threshold,
    )


def _stories(told: Sequence[Event]) -> dict[str, _Story]:
    """Return what is told of each dataset, in the order of the plan."""
    definitions: dict[str, DatasetDefinition] = {}
    plans: dict[str, PlanningInformation] = {}
    progress: dict[str, list[tuple[str, FlowProgress]]] = {}
    reports: dict[str, dict[str, tuple[str, Counts]]] = {}
    inputs: dict[str, dict[str, None]] = {}
    for event in told:
        match event.record:
            case DatasetDefinition() as record:
                definitions[record.dataset] = record
            case FlowDefinition() as record:
                inputs.setdefault(record.dataset, {}).update(dict.fromkeys(record.input_datasets))
            case PlanningInformation() as record:
                plans[record.dataset] = record
            case FlowProgress() as record:
                progress.setdefault(record.dataset, []).append((event.envelope.timestamp, record))
                if record.counts is not None:
                    # One id, one batch: what is said of it last is what came of it.
                    by_id = reports.setdefault(record.dataset, {})
                    by_id[event.envelope.id] = (record.flow, _committed(record, record.counts))
            case _:
                pass
    return {
        name: _Story(
            definitions.get(name),
            plans.get(name),
            tuple(progress.get(name, ())),
            tuple(reports.get(name, {}).values()),
            tuple(inputs.get(name, ())),
        )
        for name in dict.fromkeys((*plans, *progress, *definitions))
    }


def _committed(record: FlowProgress, counts: Counts) -> Counts:
    """Return the counts of an event; the rows of a batch that failed were not written."""
    return Counts(0, 0, counts.rules) if record.status is FlowState.FAILED else counts


def _dataset_result(
    name: str,
    story: _Story,
    shown: Mapping[str, str],
    evaluated: set[tuple[str, str]],
    *,
    is_over: bool,
) -> DatasetResult:
    action, reason = _decision(story)
    kind = _kind(story)
    state = _state(story, is_idle=action == _SKIP or kind == DatasetKind.TEMPORARY_VIEW)
    total = reduce(added, (counts for _, counts in story.reports), NO_COUNTS)
    return DatasetResult(
        name=name,
        kind=kind,
        action=action,
        reason=reason,
        when=() if story.plan is None else story.plan.when,
        state=str(_AT_THE_END.get(state, state) if is_over else state),
        version=max((p.version for _, p in story.progress if p.version is not None), default=None),
        rows_written=total.written,
        rows_dropped=total.dropped,
        rows_quarantined=total.quarantined,
        expectations=_expectations(name, story, shown, evaluated),
        path=None if story.definition is None else story.definition.path,
        error=_error(story) if state is FlowState.FAILED else None,
        seconds=_seconds(story),
        inputs=story.inputs,
    )


def _decision(story: _Story) -> tuple[str, str]:
    """Return the action and the reason: the plan's, or what the runner made of them.

    An event that says QUEUED knows no more than the plan.
    """
    action, reason = (
        (_NO_ACTION, "") if story.plan is None else (story.plan.action, story.plan.reason)
    )
    for _, each in story.progress:
        if each.status is not FlowState.QUEUED:
            action, reason = each.action or action, each.reason or reason
    return str(action), reason


def _kind(story: _Story) -> str:
    if story.plan is not None:
        return str(story.plan.kind)
    return "" if story.definition is None else str(story.definition.dataset_type)


def _latest(story: _Story) -> dict[str, FlowProgress]:
    return {each.flow: each for _, each in story.progress}


def _state(story: _Story, *, is_idle: bool) -> FlowState:
    states = {_FOLDED.get(each.status, each.status) for each in _latest(story).values()}
    if not states:
        return FlowState.COMPLETED if is_idle else FlowState.QUEUED
    for strongest in _STRONGEST:
        if strongest in states:
            return strongest
    return states.pop() if len(states) == 1 else FlowState.RUNNING


def _error(story: _Story) -> str | None:
    failed = {FlowState.FAILED, FlowState.STOPPED}
    errors = (each.error for each in _latest(story).values() if each.status in failed)
    return next((error for error in errors if error is not None), None)


def _seconds(story: _Story) -> float | None:
    """Return the time from the first sign of work to the last."""
    begun = (FlowState.STARTING, FlowState.RUNNING)
    first = next((moment for moment, each in story.progress if each.status in begun), None)
    if first is None:
        return None
    last = story.progress[-1][0]
    passed = datetime.fromisoformat(last) - datetime.fromisoformat(first)
    return max(passed.total_seconds(), 0.0)


def _expectations(
    name: str, story: _Story, shown: Mapping[str, str], evaluated: set[tuple[str, str]]
) -> tuple[ExpectationResult, ...]:
    declared = () if story.definition is None else story.definition.expectations
    found = {
        each.name: ExpectationResult(each.name, str(each.action), enabled=each.enabled)
        for each in declared
        # What a view declares is told by those that read it, if any did.
        if (name, each.name) not in evaluated
    }
    by_flow: dict[str, Counts] = {}
    for flow, counts in story.reports:
        by_flow[flow] = added(by_flow.get(flow, NO_COUNTS), counts)
    own = (rule for counts in by_flow.values() for rule in counts.rules if rule.dataset is None)
    together = reduce(added, (Counts(0, 0, (rule,)) for rule in own), NO_COUNTS)
    found |= {rule.name: _result(rule) for rule in together.rules}
    of_views = (
        _result(rule, shown.get(rule.dataset, rule.dataset), None if flow == name else flow)
        for flow, counts in by_flow.items()
        for rule in counts.rules
        if rule.dataset is not None
    )
    return (*found.values(), *of_views)


def _result(
    rule: RuleCount, dataset: str | None = None, flow: str | None = None
) -> ExpectationResult:
    return ExpectationResult(
        rule.name,
        str(rule.action),
        rule.passed,
        rule.failed,
        dataset,
        flow,
        rule.exact,
        nulls=rule.nulls,
        observed=rule.observed,
        cost=rule.cost,
        samples=rule.samples,
    )
