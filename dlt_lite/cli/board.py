"""Events of an update, folded into what a person watches: one line a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from dlt_lite.cli.figures import worked
from dlt_lite.events.records import (
    Event,
    FlowProgress,
    FlowState,
    PlanningInformation,
    UpdateProgress,
    UpdateState,
)
from dlt_lite.model.rules import NO_COUNTS, Counts, added

_UNSEEN = frozenset({"none"})
_UNDER_WAY = frozenset({FlowState.STARTING, FlowState.RUNNING})
# Of several flows the most urgent state is the dataset's.
_BY_URGENCY = (
    FlowState.RUNNING,
    FlowState.STARTING,
    FlowState.QUEUED,
    FlowState.FAILED,
    FlowState.STOPPED,
    FlowState.SKIPPED,
    FlowState.EXCLUDED,
    FlowState.COMPLETED,
)


@dataclass(frozen=True, slots=True)
class Line:
    """What is known of one dataset.

    Attributes:
        dataset: its name.
        action: what is done with it.
        reason: why.
        flows: the state of each of its flows.
        batches: how many streaming batches are done.
        counts: rows so far, None where none are known.
        version: the version of its table, None before.
        began: when its first flow started, in seconds of the epoch.
        ended: when its last flow came to an end.
        error: why it failed.
    """

    dataset: str
    action: str = ""
    reason: str = ""
    flows: Mapping[str, FlowState] = field(default_factory=dict)
    batches: int = 0
    counts: Counts | None = None
    version: int | None = None
    began: float | None = None
    ended: float | None = None
    error: str | None = None

    @property
    def state(self) -> FlowState:
        """The state of the dataset."""
        states = set(self.flows.values())
        return next((each for each in _BY_URGENCY if each in states), FlowState.QUEUED)

    def is_under_way(self) -> bool:
        """Return whether a flow of it is at work."""
        return self.state in _UNDER_WAY

    def seconds(self, now: float) -> float | None:
        """Return how long it has been at work, None before."""
        return worked(self.began, self.ended, now)


@dataclass(frozen=True, slots=True)
class Board:
    """What is known of one update.

    Attributes:
        pipeline: the pipeline's name.
        update_id: the update.
        state: its state.
        began: when its first event came, in seconds of the epoch.
        lines: what is known of each dataset, in the order of the plan.
    """

    pipeline: str = ""
    update_id: str = ""
    state: UpdateState = UpdateState.INITIALIZING
    began: float | None = None
    lines: Mapping[str, Line] = field(default_factory=dict)

    def shown(self) -> tuple[Line, ...]:
        """Return the lines worth seeing: views are computed where they are read."""
        return tuple(line for line in self.lines.values() if line.action not in _UNSEEN)

    def under_way(self) -> tuple[Line, ...]:
        """Return the lines of datasets that are at work."""
        return tuple(line for line in self.lines.values() if line.is_under_way())


def after(board: Board, event: Event) -> Board:
    """Return the board once an event has happened."""
    at = seconds_of(event.envelope.timestamp)
    if board.began is None:
        envelope = event.envelope
        board = replace(board, pipeline=envelope.pipeline, update_id=envelope.update_id, began=at)
    match event.record:
        case UpdateProgress(state=state):
            return replace(board, state=state)
        case PlanningInformation(dataset=dataset, action=action, reason=reason):
            line = board.lines.get(dataset, Line(dataset))
            return _with(board, replace(line, action=action, reason=reason))
        case FlowProgress() as progress:
            line = board.lines.get(progress.dataset, Line(progress.dataset))
            return _with(board, _advanced(line, progress, at))
        case _:
            return board


def seconds_of(timestamp: str) -> float:
    """Return an event's time in seconds of the epoch."""
    return datetime.fromisoformat(timestamp).timestamp()


def _with(board: Board, line: Line) -> Board:
    return replace(board, lines={**board.lines, line.dataset: line})


def _advanced(line: Line, progress: FlowProgress, at: float) -> Line:
    counts = line.counts
    if progress.counts is not None:
        counts = added(counts or NO_COUNTS, progress.counts)
    later = replace(
        line,
        action=progress.action or line.action,
        reason=progress.reason or line.reason,
        flows={**line.flows, progress.flow: progress.status},
        batches=line.batches + (progress.batch_id is not None),
        counts=counts,
        version=line.version if progress.version is None else progress.version,
        error=progress.error or line.error,
    )
    began = line.began
    if began is None and later.is_under_way():
        began = at
    return replace(later, began=began, ended=None if later.is_under_way() else at)
