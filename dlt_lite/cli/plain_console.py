"""An update told in plain lines, for a log, a pipe or a person who wants no pictures."""

from __future__ import annotations

from textwrap import indent

from dlt_lite.cli.board import Board, Line, after
from dlt_lite.cli.complaints import painted
from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.figures import amount, counted, duration
from dlt_lite.cli.plain_lines import PlainLines
from dlt_lite.cli.streams import styled
from dlt_lite.events.codec import message_of
from dlt_lite.events.records import (
    CreateUpdate,
    Event,
    FlowProgress,
    FlowState,
    PlanningInformation,
    RuntimeDetails,
    UpdateProgress,
    UpdateState,
)
from dlt_lite.model.rules import Counts

_NAMED_IN_HEARTBEAT = 3
_STYLES = {FlowState.FAILED: "1;31", FlowState.COMPLETED: "32", FlowState.SKIPPED: "33"}
_SKIP = "skip"
_MARGIN = "    "
_SILENT = frozenset({FlowState.QUEUED, FlowState.EXCLUDED})


class PlainConsole(PlainLines):
    """Tells of an update."""

    _board = Board()

    def still_running(self) -> str:
        """Return what is said when nothing has happened for a while."""
        at_work, now = self._board.under_way(), self._clock()
        if not at_work:
            began = self._board.began
            since = "" if began is None else f" ({duration(now - began)})"
            return f"still at it{since}"
        named = [f"{one_line(each.dataset)}{_so_far(each, now)}" for each in at_work]
        more = len(named) - _NAMED_IN_HEARTBEAT
        rest = f" and {more} more" if more > 0 else ""
        return f"still running: {', '.join(named[:_NAMED_IN_HEARTBEAT])}{rest}"

    def _taken(self, event: Event) -> str | None:
        before, self._board = self._board, after(self._board, event)
        return self._told(before, event)

    def _told(self, before: Board, event: Event) -> str | None:
        record = event.record
        match record:
            case CreateUpdate():
                update = one_line(event.envelope.update_id)
                pipeline = one_line(event.envelope.pipeline)
                return f"update {update} of {pipeline}, target {one_line(record.target)}"
            case RuntimeDetails():
                versions = ", ".join(f"{name} {text}" for name, text in record.versions.items())
                return f"session ready ({one_line(versions)})"
            case UpdateProgress():
                return None if record.state is before.state else _state_told(record)
            case FlowProgress():
                return self._flow_told(before, record)
            case PlanningInformation() if self._streams.verbose:
                return one_line(message_of(record))
            case _:
                return one_line(message_of(record)) if self._streams.verbose > 1 else None

    def _flow_told(self, before: Board, record: FlowProgress) -> str | None:
        line = self._board.lines[record.dataset]
        old = before.lines.get(record.dataset)
        if record.batch_id is not None:
            return self._batch_told(line, record)
        if line.state in _SILENT or (old is not None and old.state is line.state):
            return None
        if line.action == _SKIP and line.state is FlowState.COMPLETED:
            return f"{one_line(line.dataset)}: {_doing(line)}" if self._streams.verbose else None
        if line.is_under_way():
            started = old is not None and old.is_under_way()
            return None if started else f"{one_line(line.dataset)}: {_doing(line)}"
        state = styled(line.state, _STYLES.get(line.state, ""), color=self._streams.err_color)
        told = f"{one_line(line.dataset)}: {state}{_outcome(line, self._clock())}"
        if line.error is None or line.state is not FlowState.FAILED:
            return told
        return f"{told}\n{indent(painted(line.error, color=self._streams.err_color), _MARGIN)}"

    def _batch_told(self, line: Line, record: FlowProgress) -> str:
        rows = "" if record.counts is None else f": {_rows(record.counts.written)}"
        lost = "".join(f", {each}" for each in _kept_out(record.counts))
        return f"{one_line(line.dataset)}: batch {record.batch_id}{rows}{lost}"


def _state_told(record: UpdateProgress) -> str | None:
    """Return what is said of a new state; its error is told by whoever ends the update."""
    if record.state is UpdateState.INITIALIZING:
        return None
    cause = f" ({one_line(record.cause)})" if record.cause else ""
    return f"update {record.state}{cause}"


def _doing(line: Line) -> str:
    action = one_line(line.action.replace("_", " ")) or "running"
    return f"{action}, {one_line(line.reason)}" if line.reason else action


def _outcome(line: Line, now: float) -> str:
    parts = []
    if line.counts is not None:
        parts.append(_rows(line.counts.written))
        parts += _kept_out(line.counts)
    if line.began is not None:
        parts.append(duration(line.seconds(now)))
    elif line.reason:
        parts.append(one_line(line.reason))
    return f", {', '.join(parts)}" if parts else ""


def _kept_out(counts: Counts | None) -> list[str]:
    """Return how many rows were dropped and set aside, where any were."""
    if counts is None:
        return []
    told = ((counts.dropped, "dropped"), (counts.quarantined, "quarantined"))
    return [f"{amount(rows)} {what}" for rows, what in told if rows]


def _so_far(line: Line, now: float) -> str:
    batches = f", {counted(line.batches, 'batch', 'batches')}" if line.batches else ""
    return f" ({duration(line.seconds(now))}{batches})"


def _rows(number: int) -> str:
    return f"{counted(number, 'row')} written"
