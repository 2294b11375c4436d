"""Events of one update → what its rules decided; runs → the results of each, newest first.

A fold: an update that was killed has the results that its first events tell. Knows no Spark.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from dlt_lite.events.records import (
    DatasetDefinition,
    Event,
    ExpectationDefinition,
    FlowDefinition,
    FlowState,
)
from dlt_lite.events.sinks import read_ndjson
from dlt_lite.model.checks import RuleKind
from dlt_lite.model.origin import Origin
from dlt_lite.model.results import (
    DatasetQuality,
    RuleResult,
    UpdateQuality,
    Verdict,
    judged,
    overall,
    undecided,
)
from dlt_lite.model.rules import Cost, NullPolicy, RuleAction, Severity, Threshold
from dlt_lite.report.summary import DatasetResult, ExpectationResult, error_json, update_result
from dlt_lite.runs.folder import RunFacts, RunState
from dlt_lite.runs.history import matching_runs
from dlt_lite.runs.manifest import Manifest, read_manifest
from dlt_lite.runs.quality import kept_results, read_results

MOST_UPDATES = 30
_REPLAY = "replay"
_REPLAYED = "a replay decides rules of rows only; the next update decides the others"
_STAYED = "the rows that break it stay set aside"
_NO_EARLIER = "there was nothing to compare with"
_BROKEN = "DLT502"
_LEFT_OUT = {
    FlowState.SKIPPED: "something that it reads failed",
    FlowState.EXCLUDED: "not selected in this update",
}
_BROKEN_RULES = re.compile(
    r"expectation (?P<names>.*) failed for (?P<rows>\d+) or more rows", re.DOTALL
)
_ORIGIN = re.compile(r"(?P<path>.*?)(?::(?P<line>\d+))?(?::(?P<column>\d+))?")


@dataclass(frozen=True, slots=True)
class _Declared:
    """What is known of a dataset before it runs.

    Attributes:
        origin: where it was declared.
        inputs: what it reads.
        rules: its rules, without figures.
    """

    origin: Origin | None = None
    inputs: tuple[str, ...] = ()
    rules: tuple[RuleResult, ...] = ()


@dataclass(frozen=True, slots=True)
class _Broken:
    """What the error of a failed dataset tells of the fail rules that ended it."""

    names: str
    rows: int

    def rows_of(self, rule: str) -> int | None:
        """Return how many rows are known to have broken a rule, None where the rule did not."""
        if not f", {self.names}, ".count(f", {rule}, "):
            return None
        return self.rows if self.names.startswith(rule) else 1


def update_quality(
    events: Iterable[Event], manifest: Manifest | None = None, *, broke_off: bool = False
) -> UpdateQuality:
    """Return what the rules of an update decided, as far as its events tell.

    Args:
        events: the events of one update, all or only the first of them, in any order.
        manifest: the update's graph, for what the events do not tell any more.
        broke_off: whether the update is over although no event says so.

    Returns:
        The results. A rule that did not run is never a pass.
    """
    told = list(events)
    update = update_result(told, broke_off=broke_off)
    declared = _declared(told, manifest)
    rules = tuple(
        rule for dataset in update.datasets for rule in _rules(dataset, declared, update.update_id)
    )
    return UpdateQuality(
        update_id=update.update_id,
        pipeline=update.pipeline,
        target=update.target,
        state=update.state,
        verdict=overall(update.state, rules),
        started=update.started,
        ended=update.ended,
        error=update.error,
        datasets=tuple(_dataset(each, declared) for each in update.datasets),
        rules=rules,
    )


def quality_of(run: RunFacts, *, samples: bool = True) -> UpdateQuality:
    """Return the results of a run: as they were written, else as its events tell them.

    Args:
        run: the run.
        samples: whether the rows that rules show are wanted, where they were written.

    Raises:
        StateTooNew: a newer dlt_lite wrote them.
    """
    found = read_results(run.folder.path, samples=samples)
    if found is not None:
        return found
    folder = run.folder
    results = update_quality(
        read_ndjson(folder.events),
        read_manifest(folder.manifest),
        broke_off=run.state is RunState.ABANDONED,
    )
    is_told = results.ended is not None or run.state is RunState.UNKNOWN
    state = results.state if is_told else str(run.state)
    return replace(
        results,
        update_id=folder.update_id,
        pipeline=results.pipeline or folder.pipeline,
        target=results.target or folder.target,
        state=state,
        verdict=overall(state, results.rules),
        ended=results.ended or run.ended,
    )


def past_quality(  # noqa: PLR0913 - one keyword for each thing that is asked
    state_root: Path,
    *,
    target: str,
    pipeline: str,
    history: Path | None = None,
    until: str | None = None,
    most: int = MOST_UPDATES,
    samples: bool = True,
) -> tuple[UpdateQuality, ...]:
    """Return the results of a pipeline's newest updates, newest first.

    Args:
        state_root: the folder on the driver's disk that holds runs and locks.
        target: only those of this target.
        pipeline: only those of this pipeline.
        history: a folder kept between runs, whose updates are added.
        until: the newest update that is wanted; the newest of all by default.
        most: how many.
        samples: whether the rows that rules show are wanted; reading them takes its time.

    Raises:
        StateTooNew: a newer dlt_lite wrote one of them.
    """
    every = matching_runs(state_root, target=target, pipeline=pipeline)
    runs = (each for each in every if until is None or each.folder.update_id <= until)
    told = (quality_of(each, samples=samples) for each in runs)
    found = {each.update_id: each for each in islice(told, most)}
    kept = () if history is None else kept_results(history, samples=samples)
    ours = (
        each
        for each in kept
        if (each.target, each.pipeline) == (target, pipeline)
        and (until is None or each.update_id <= until)
    )
    found = {each.update_id: each for each in islice(ours, most)} | found
    newest = sorted(found.values(), key=lambda each: each.update_id, reverse=True)
    return tuple(newest[:most])


def origin_of(text: str) -> Origin | None:
    """Return the place that `file`, `file:line` or `file:line:column` names."""
    found = _ORIGIN.fullmatch(text)
    if not text or found is None:
        return None
    return Origin(found["path"], int(found["line"] or 0), int(found["column"] or 0))


def _declared(told: Sequence[Event], manifest: Manifest | None) -> Mapping[str, _Declared]:
    declared = {
        each.name: _Declared(
            origin_of(each.origin),
            (*each.inputs, *each.external_inputs),
            tuple(_rule(each.name, rule, each.origin) for rule in each.expectations),
        )
        for each in (() if manifest is None else manifest.datasets)
    }
    inputs: dict[str, tuple[str, ...]] = {}
    for event in told:
        if isinstance(event.record, FlowDefinition):
            flow = event.record
            inputs[flow.dataset] = (*inputs.get(flow.dataset, ()), *flow.input_datasets)
    for event in told:
        if isinstance(event.record, DatasetDefinition):
            each = event.record
            declared[each.dataset] = _Declared(
                origin_of(each.origin),
                tuple(dict.fromkeys(inputs.get(each.dataset, ()))),
                tuple(_rule(each.dataset, rule, each.origin) for rule in each.expectations),
            )
    return declared


# What a rule costs that checked nothing, where its kind says so.
_COSTS = {
    RuleKind.UNIQUE: Cost.EXTRA_SCAN,
    RuleKind.FOREIGN_KEY: Cost.EXTRA_SCAN,
    RuleKind.ROW_COUNT_CHANGE: Cost.DERIVED,
    RuleKind.DROP_RATIO: Cost.DERIVED,
    RuleKind.SCHEMA: Cost.DERIVED,
}


def _rule(dataset: str, told: ExpectationDefinition, origin: str) -> RuleResult:
    """Return a rule without figures; what nobody said of it is as a rule of its action has it."""
    kept = RuleAction(told.action)
    usual = Severity.CRITICAL if kept is RuleAction.FAIL else Severity.WARNING
    threshold = Threshold(told.mostly, told.max_failures)
    return RuleResult(
        dataset=dataset,
        rule=told.name,
        kind=RuleKind(told.kind),
        action=kept,
        condition=told.condition,
        severity=usual if told.severity is None else Severity(told.severity),
        owner=told.owner,
        tags=told.tags,
        description=told.description,
        null_policy=NullPolicy(told.null_policy),
        threshold=None if threshold == Threshold() else threshold,
        origin=origin_of(told.origin or origin),
        where=told.where,
        expectation=told.expectation,
        cost=_COSTS.get(RuleKind(told.kind), Cost.IN_JOB),
    )


def _dataset(result: DatasetResult, declared: Mapping[str, _Declared]) -> DatasetQuality:
    known = declared.get(result.name, _Declared())
    quarantined = result.rows_quarantined
    rows = result.rows_written + result.rows_dropped + quarantined
    return DatasetQuality(
        name=result.name,
        kind=result.kind,
        state=result.state,
        action=result.action,
        reason=result.reason,
        rows_in=None if result.path is None else rows,
        written=result.rows_written,
        dropped=result.rows_dropped,
        quarantined=quarantined,
        version=result.version,
        inputs=known.inputs,
        origin=known.origin,
        error=result.error,
        seconds=result.seconds,
    )


def _rules(
    dataset: DatasetResult, declared: Mapping[str, _Declared], update_id: str
) -> Iterator[RuleResult]:
    broken = _broken(dataset)
    stopped = _stopped_by(dataset) if broken is None else broken.names
    for found in dataset.expectations:
        owner = found.dataset or dataset.name
        known = {rule.rule: rule for rule in declared.get(owner, _Declared()).rules}
        bare = known.get(found.name, RuleResult(owner, found.name, action=RuleAction(found.action)))
        flow = None if found.dataset is None else found.flow or dataset.name
        rule = replace(bare, update_id=update_id, flow=flow, version=dataset.version)
        yield _decided(rule, found, dataset, broken, stopped)


def _stopped_by(dataset: DatasetResult) -> str:
    """Return the names of the fail rules that ended a dataset's flow; nothing where none did."""
    if dataset.state != FlowState.FAILED:
        return ""
    return ", ".join(
        each.name for each in dataset.expectations if each.action == RuleAction.FAIL and each.failed
    )


def _broken(dataset: DatasetResult) -> _Broken | None:
    error = error_json(dataset.error)
    if error is None or error["code"] != _BROKEN:
        return None
    found = _BROKEN_RULES.search(error["message"] or "")
    return None if found is None else _Broken(found["names"], int(found["rows"]))


def _decided(
    rule: RuleResult,
    found: ExpectationResult,
    dataset: DatasetResult,
    broken: _Broken | None,
    stopped: str,
) -> RuleResult:
    rows = None if broken is None else broken.rows_of(rule.rule)
    if rows is not None and rule.action is RuleAction.FAIL and not found.failed:
        reason = "the job ended there, so more rows may break it; nothing of them was written"
        return replace(
            rule,
            violations=rows,
            exact=False,
            verdict=Verdict.FAIL,
            reason=reason,
            version=None,
            samples=found.samples,
        )
    if found.passed or found.failed or not found.exact:
        result = judged(_with_figures(rule, found, dataset))
        if dataset.action == _REPLAY and result.verdict is Verdict.FAIL:
            return replace(result, verdict=Verdict.WARN, reason=_STAYED)
        return result
    if stopped:
        return undecided(rule, Verdict.SKIPPED, f"the job ended at {stopped} before it was decided")
    return _not_run(rule, found, dataset)


def _with_figures(rule: RuleResult, found: ExpectationResult, dataset: DatasetResult) -> RuleResult:
    failed = found.failed
    dropped = _dropped(found, dataset) if rule.action is RuleAction.DROP else 0
    put_aside = min(failed, dataset.rows_quarantined)
    return replace(
        rule,
        evaluated=found.passed + failed if rule.by_row else None,
        violations=failed,
        null_results=found.nulls,
        observed=found.observed,
        dropped=dropped,
        quarantined=put_aside if rule.action is RuleAction.QUARANTINE else 0,
        exact=found.exact,
        cost=found.cost,
        samples=found.samples,
    )


def _dropped(found: ExpectationResult, dataset: DatasetResult) -> int | None:
    """Return how many of the rows that broke a drop rule were dropped, None where nobody knows.

    One of them may have been put aside by another rule, or be of a batch that failed.
    """
    is_done = dataset.state == FlowState.COMPLETED and found.exact
    if not found.failed:
        return 0
    if found.dataset is not None:
        return found.failed if is_done else None
    if not dataset.rows_dropped:
        return 0
    others = [
        each
        for each in dataset.expectations
        if each.action == RuleAction.DROP and each.failed and each.dataset is None
    ]
    if others == [found]:
        return dataset.rows_dropped
    return found.failed if is_done and not dataset.rows_quarantined else None


def _not_run(rule: RuleResult, found: ExpectationResult, dataset: DatasetResult) -> RuleResult:
    """Return a rule that counted no row: of a dataset that failed an error, else skipped."""
    if not found.enabled:
        return undecided(rule, Verdict.SKIPPED, "switched off in this target")
    match dataset.state:
        case FlowState.FAILED:
            reason = f"{dataset.name} failed before the rule was decided"
            return undecided(rule, Verdict.ERROR, reason)
        case FlowState.SKIPPED | FlowState.EXCLUDED as state:
            return undecided(rule, Verdict.SKIPPED, _LEFT_OUT[FlowState(state)])
        case FlowState.COMPLETED if dataset.action == "skip":
            return undecided(rule, Verdict.SKIPPED, "up to date, so no rows were checked")
        case FlowState.COMPLETED if dataset.path is None and found.dataset is None:
            return undecided(rule, Verdict.SKIPPED, "no table read the view, no rows were checked")
        case FlowState.COMPLETED if not rule.by_row:
            replayed = dataset.action == _REPLAY
            return undecided(rule, Verdict.SKIPPED, _REPLAYED if replayed else _NO_EARLIER)
        case FlowState.COMPLETED:
            return judged(replace(rule, evaluated=0, violations=0))
        case _:
            return undecided(rule, Verdict.SKIPPED, "the update has not come to it yet")
