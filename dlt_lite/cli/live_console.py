"""An update shown as a table that changes in place, for a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from dlt_lite.cli.board import Board, Line, after
from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.figures import amount, counted, duration
from dlt_lite.cli.live_screen import LiveScreen
from dlt_lite.events.records import Event, FlowProgress, FlowState

_STYLES = {
    FlowState.RUNNING: "cyan",
    FlowState.STARTING: "cyan",
    FlowState.COMPLETED: "green",
    FlowState.FAILED: "bold red",
    FlowState.SKIPPED: "yellow",
    FlowState.STOPPED: "yellow",
}
# Which lines stay when the terminal is too low for all of them.
_INTEREST = (
    FlowState.FAILED,
    FlowState.RUNNING,
    FlowState.STARTING,
    FlowState.STOPPED,
    FlowState.SKIPPED,
    FlowState.QUEUED,
    FlowState.COMPLETED,
    FlowState.EXCLUDED,
)


class LiveConsole(LiveScreen):
    """Shows an update as a table."""

    _board = Board()

    def _taken(self, event: Event) -> tuple[str, str] | None:
        self._board = after(self._board, event)
        record = event.record
        if isinstance(record, FlowProgress) and record.error is not None:
            return record.dataset, record.error
        return None

    def _drawn(self, room: int) -> Group:
        return picture(self._board, now=self._clock(), room=room, notice=self._notice)


def picture(board: Board, *, now: float, room: int, notice: str = "") -> Group:
    """Return the table and what stands around it.

    Args:
        board: what is known.
        now: seconds of the epoch.
        room: how many datasets fit.
        notice: a sentence to stand below.
    """
    lines = board.shown()
    kept = most_interesting(lines, room)
    parts: list[RenderableType] = [_title(board, now)]
    if kept:
        parts.append(_table(kept, now))
    if len(kept) < len(lines):
        parts.append(_left_out(lines, kept))
    if notice:
        parts.append(Text(one_line(notice), style="yellow"))
    return Group(*parts)


def most_interesting(lines: tuple[Line, ...], room: int) -> tuple[Line, ...]:
    """Return the lines that fit, in their order: what failed and what is at work comes first."""
    if len(lines) <= room:
        return lines
    ranked = sorted(range(len(lines)), key=lambda place: _INTEREST.index(lines[place].state))
    return tuple(lines[place] for place in sorted(ranked[:room]))


def _title(board: Board, now: float) -> Text:
    if board.began is None:
        return Text("starting Spark …", style="dim")
    title = Text.assemble((one_line(board.pipeline), "bold"), f"  {board.state}  ")
    title.append(duration(max(now - board.began, 0.0)), style="dim")
    title.append(f"  update {one_line(board.update_id)}", style="dim")
    title.no_wrap, title.overflow = True, "ellipsis"
    return title


def _table(lines: tuple[Line, ...], now: float) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold dim")
    table.add_column("dataset", no_wrap=True, overflow="ellipsis", ratio=None)
    for column in ("action", "state"):
        table.add_column(column, no_wrap=True)
    sets_aside = any(line.counts is not None and line.counts.quarantined for line in lines)
    aside = ("quarantined",) if sets_aside else ()
    for column in ("written", "dropped", *aside, "batches", "time"):
        table.add_column(column, justify="right", no_wrap=True)
    for line in lines:
        table.add_row(*_cells(line, now, sets_aside=sets_aside))
    return table


def _cells(line: Line, now: float, *, sets_aside: bool) -> tuple[Text, ...]:
    counts = line.counts
    aside = (Text(amount(counts.quarantined if counts else None)),) if sets_aside else ()
    state = "waiting" if line.state is FlowState.QUEUED else str(line.state)
    return (
        Text(one_line(line.dataset)),
        Text(one_line(line.action.replace("_", " "))),
        Text(state, style=_STYLES.get(line.state, "dim")),
        Text(amount(None if counts is None else counts.written)),
        Text(amount(counts.dropped if counts else None)),
        *aside,
        Text(amount(line.batches or None)),
        Text(duration(line.seconds(now)), style="dim"),
    )


def _left_out(lines: tuple[Line, ...], kept: tuple[Line, ...]) -> Text:
    names = {line.dataset for line in kept}
    states = [line.state for line in lines if line.dataset not in names]
    figures = [f"{amount(states.count(each))} {each}" for each in _INTEREST if each in states]
    text = f"and {counted(len(states), 'dataset')} more: {', '.join(figures)}"
    return Text(text.replace("QUEUED", "waiting"), style="dim")
