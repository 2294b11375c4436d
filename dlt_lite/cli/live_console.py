"""An update shown as a table that changes in place, for a terminal."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from textwrap import indent
from types import TracebackType
from typing import Self

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.table import Table
from rich.text import Text

from dlt_lite.cli.board import Board, Line, after
from dlt_lite.cli.escaping import lines as safe_lines
from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.figures import amount, counted, duration
from dlt_lite.cli.streams import Streams
from dlt_lite.events.records import Event, FlowProgress, FlowState

_REFRESHES_A_SECOND = 4
# The title, the heads, the line that counts what is left out, a notice, and the cursor's own line.
_OTHER_LINES = 5
_FEWEST_LINES = 3
_STYLES = {
    FlowState.RUNNING: "cyan",
    FlowState.STARTING: "cyan",
    FlowState.COMPLETED: "green",
    FlowState.FAILED: "bold red",
    FlowState.SKIPPED: "yellow",
    FlowState.STOPPED: "yellow",
}
_CURSOR_BACK = "\x1b[?25h\n"
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


class LiveConsole:
    """A sink that keeps a table on the screen, and takes it away at the end.

    Args:
        streams: where it is shown: on stderr.
        environ: the environment; rich asks it for the terminal's size and abilities.
        clock: seconds of the epoch.
    """

    def __init__(
        self,
        streams: Streams,
        *,
        environ: Mapping[str, str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._streams = streams
        self._board = Board()
        self._clock = clock
        self._notice = ""
        self._turn = threading.Lock()
        self._live = Live(
            self,
            console=Console(
                file=streams.err,
                force_terminal=True,
                no_color=not streams.err_color,
                highlight=False,
                _environ=environ,
            ),
            transient=True,
            refresh_per_second=_REFRESHES_A_SECOND,
            vertical_overflow="crop",
        )

    def __call__(self, event: Event) -> None:
        """Take an event in; the next refresh shows it, and a failure is told above the table."""
        with self._turn:
            self._board = after(self._board, event)
        record = event.record
        if isinstance(record, FlowProgress) and record.error is not None:
            self._live.console.print(_failure(record.dataset, record.error))

    def __enter__(self) -> Self:
        """Begin to show the table."""
        self._live.start(refresh=False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the table away."""
        self._live.stop()

    def notice(self, text: str) -> None:
        """Show a sentence below the table from now on; fit to be called from a signal handler."""
        self._notice = text

    def note(self, text: str) -> None:
        """Tell, above the table, what a person should know besides the events."""
        self._live.console.print(Text(f"note: {one_line(text)}", style="dim"))

    def leave(self) -> None:
        """Give the terminal its cursor back, past every buffer."""
        self._streams.say_at_once(_CURSOR_BACK)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Take the table away for a while, such as for a question."""
        self._live.stop()
        try:
            yield
        finally:
            self._live.start(refresh=False)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw what is known now."""
        room = max(options.size.height - _OTHER_LINES, _FEWEST_LINES)
        yield picture(self._board, now=self._clock(), room=room, notice=self._notice)


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


def _failure(dataset: str, error: str) -> Text:
    told = Text.assemble((f"{one_line(dataset)} failed", "bold red"))
    return told.append("\n" + indent(safe_lines(error), "    "))


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
    for column in ("written", "dropped", "batches", "time"):
        table.add_column(column, justify="right", no_wrap=True)
    for line in lines:
        table.add_row(*_cells(line, now))
    return table


def _cells(line: Line, now: float) -> tuple[Text, ...]:
    counts = line.counts
    state = "waiting" if line.state is FlowState.QUEUED else str(line.state)
    return (
        Text(one_line(line.dataset)),
        Text(one_line(line.action.replace("_", " "))),
        Text(state, style=_STYLES.get(line.state, "dim")),
        Text(amount(None if counts is None else counts.written)),
        Text(amount(counts.dropped if counts else None)),
        Text(amount(line.batches or None)),
        Text(duration(line.seconds(now)), style="dim"),
    )


def _left_out(lines: tuple[Line, ...], kept: tuple[Line, ...]) -> Text:
    names = {line.dataset for line in kept}
    states = [line.state for line in lines if line.dataset not in names]
    figures = [f"{amount(states.count(each))} {each}" for each in _INTEREST if each in states]
    text = f"and {counted(len(states), 'dataset')} more: {', '.join(figures)}"
    return Text(text.replace("QUEUED", "waiting"), style="dim")
