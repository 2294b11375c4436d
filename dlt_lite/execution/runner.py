"""Carry out a plan: every step once its inputs are done, several at a time; each told as events."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import assert_never

from dlt_lite.dag.walker import Done, Failed, Skipped, Walk
from dlt_lite.errors import Canceled, DltLiteError, ExpectationFailed, InternalProblem
from dlt_lite.events.records import FlowProgress, FlowState
from dlt_lite.execution.batch import replace_view
from dlt_lite.execution.context import Context, Outcome
from dlt_lite.execution.failures import failure, is_transient
from dlt_lite.execution.replay import treat_quarantine
from dlt_lite.execution.streaming import append_streams
from dlt_lite.execution.wide import judge_again
from dlt_lite.model.names import DatasetName
from dlt_lite.model.rules import Counts, RuleCount
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
    action_of,
)
from dlt_lite.storage.tables import change_metadata, register

Outcomes = Mapping[DatasetName, Done[Outcome] | Failed | Skipped[DatasetName]]


def run_plan(plan: Plan, context: Context) -> Outcomes:
    """Carry out a plan; return the outcome of every step."""
    runner = _Runner(plan, context)
    for step in plan.steps:
        runner.announce(step)
    runner.walk.run(at_once=context.settings.parallel_flows, stop=context.stop)
    return runner.walk.outcomes


class _Runner:
    """The state of one walk over a plan."""

    def __init__(self, plan: Plan, context: Context) -> None:
        self._steps = {step.dataset: step for step in plan.steps}
        self._versions = plan.versions
        self._context = context
        inputs = {
            step.dataset: [
                name
                for name in context.graph.materialized_inputs(step.dataset)
                if not isinstance(self._steps[name], ExcludeDataset)
            ]
            for step in plan.steps
        }
        self.walk: Walk[DatasetName, Outcome] = Walk(inputs, self._work, settled=self._settled)

    def announce(self, step: Step) -> None:
        """Say that a step waits for its turn, or has none."""
        match step:
            case ReplaceTable() | AppendStreams() | TreatQuarantine():
                self._emit(step, FlowState.QUEUED)
            case ExcludeDataset():
                self._emit(step, FlowState.EXCLUDED)
            case SkipDataset() | InlineView():
                pass
            case _:
                assert_never(step)

    def _work(self, name: DatasetName) -> Outcome:
        step = self._steps[name]
        match step:
            case ReplaceTable() | AppendStreams():
                return self._decided(step)
            case TreatQuarantine():
                self._emit(step, FlowState.RUNNING)
                return treat_quarantine(step, self._context)
            case SkipDataset():
                return self._left(step)
            case InlineView() | ExcludeDataset():
                return Outcome(changed=False, version=None)
            case _:
                assert_never(step)

    def _decided(self, step: ReplaceTable | AppendStreams) -> Outcome:
        if step.when and not any(self._changed(name) for name in step.when):
            listed = " and ".join(self._context.graph.shown(name) for name in step.when)
            reason = f"{listed} wrote no rows"
            return self._left(SkipDataset(step.dataset, reason, step.inputs, step.metadata))
        self._emit(step, FlowState.RUNNING)
        attempts = self._context.settings.max_retries + 1
        for attempt in range(1, attempts + 1):
            try:
                outcome = self._done(step)
                # An attempt that failed may have committed some batches.
                return replace(outcome, changed=outcome.changed or attempt > 1)
            except DltLiteError as error:
                if attempt == attempts or not is_transient(error) or self._context.stop.is_set():
                    raise
                time.sleep(2 ** (attempt - 1))
        raise InternalProblem("a flow ended without an outcome")

    def _done(self, step: ReplaceTable | AppendStreams) -> Outcome:
        if isinstance(step, ReplaceTable):
            outcome = replace_view(step, self._context)
        else:
            outcome = append_streams(step, self._context)
        if self._context.settings.catalog_tables:
            path = self._context.path_of(step.dataset)
            register(self._context.session, step.dataset, path)
        return outcome

    def _left(self, step: SkipDataset) -> Outcome:
        version = self._versions.get(step.dataset)
        if step.metadata:
            resolved = self._context.graph.datasets[step.dataset]
            record = self._context.record("properties", resolved)
            path = self._context.path_of(step.dataset)
            change_metadata(self._context.session, path, step.metadata, record)
            state = self._context.state_of(step.dataset)
            version = None if state is None else state.version
        found = judge_again(self._context, self._context.graph.datasets[step.dataset])
        self._emit(step, FlowState.COMPLETED, version=version, found=found)
        return Outcome(changed=False, version=version)

    def _changed(self, name: DatasetName) -> bool:
        outcome = self.walk.outcomes.get(name)
        return not isinstance(outcome, Done) or outcome.value.changed

    def _settled(
        self, name: DatasetName, outcome: Done[Outcome] | Failed | Skipped[DatasetName]
    ) -> None:
        step = self._steps[name]
        if isinstance(outcome, Failed):
            error = self._explained(name, outcome.error)
            state = FlowState.STOPPED if isinstance(error, Canceled) else FlowState.FAILED
            found = error.found if isinstance(error, ExpectationFailed) else ()
            self._emit(step, state, error=str(error), found=found)
        elif isinstance(outcome, Skipped) and not isinstance(step, ExcludeDataset | InlineView):
            self._emit(step, FlowState.SKIPPED, error=None, reason=self._why_skipped(outcome))

    def _why_skipped(self, outcome: Skipped[DatasetName]) -> str:
        if outcome.because is None:
            return "the update was stopped"
        return f"{self._context.graph.shown(outcome.because)} failed"

    def _explained(self, name: DatasetName, error: BaseException) -> DltLiteError:
        resolved = self._context.graph.datasets[name]
        return failure(error, resolved, resolved.flows[0], self._context)

    def _emit(
        self,
        step: Step,
        status: FlowState,
        *,
        version: int | None = None,
        error: str | None = None,
        reason: str | None = None,
        found: tuple[RuleCount, ...] = (),
    ) -> None:
        resolved = self._context.graph.datasets[step.dataset]
        for flow in resolved.flows:
            is_first = flow is resolved.flows[0]
            self._context.emit(
                FlowProgress(
                    resolved.dataset.shown,
                    flow.flow.name,
                    status,
                    action_of(step) if status is not FlowState.QUEUED else Action.NONE,
                    step.reason if reason is None else reason,
                    version=version,
                    counts=Counts(0, 0, found) if found and is_first else None,
                    error=error,
                )
            )
