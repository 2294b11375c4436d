"""A run of a job shown as a tree that changes in place, for a terminal."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from textwrap import indent
from types import TracebackType
from typing import Self

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.table import Table
from rich.text import Text

from dlt_lite.cli.escaping import lines as safe_lines
from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.figures import duration
from dlt_lite.cli.job_board import JobBoard, TaskLine, after
from dlt_lite.cli.streams import Streams
from dlt_lite.events.job_records import TaskProgress
from dlt_lite.events.records import Event
from dlt_lite.model.outcomes import LifeCycle, ResultState

_REFRESHES_A_SECOND = 4
_OTHER_LINES = 5
_FEWEST_LINES = 3
_CURSOR_BACK = "\x1b[?25h\n"
_RESULT_STYLES = {
    ResultState.SUCCESS: "green",
    ResultState.FAILED: "bold red",
    ResultState.TIMEDOUT: "bold red",
    ResultState.UPSTREAM_FAILED: "yellow",
    ResultState.CANCELED: "yellow",
}


class LiveJobConsole:
    """A sink that keeps a tree of tasks on the screen, and takes it away at the end.

    Args:
        streams: where it is shown: on stderr.
        waits: what each task waits for.
        environ: the environment; rich asks it for the terminal's size and abilities.
        clock: seconds of the epoch.
    """

    def __init__(
        self,
        streams: Streams,
        waits: Mapping[str, Sequence[str]],
        *,
        environ: Mapping[str, str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._streams = streams
        self._waits = waits
        self._board = JobBoard()
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
        """Take an event in; the next refresh shows it, and a failure is told above the tree."""
        with self._turn:
            self._board = after(self._board, event)
        record = event.record
        if isinstance(record, TaskProgress) and record.error is not None:
            told = Text.assemble((f"{one_line(record.task)} failed", "bold red"))
            told.append("\n" + indent(safe_lines(record.error), "    "))
            self._live.console.print(told)

    def __enter__(self) -> Self:
        """Begin to show the tree."""
        self._live.start(refresh=False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the tree away."""
        self._live.stop()

    def notice(self, text: str) -> None:
        """Show a sentence below the tree from now on; fit to be called from a signal handler."""
        self._notice = text

    def note(self, text: str) -> None:
        """Tell, above the tree, what a person should know besides the events."""
        self._live.console.print(Text(f"note: {one_line(text)}", style="dim"))

    def leave(self) -> None:
        """Give the terminal its cursor back, past every buffer."""
        self._streams.say_at_once(_CURSOR_BACK)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Take the tree away for a while."""
        self._live.stop()
        try:
            yield
        finally:
            self._live.start(refresh=False)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw what is known now."""
        room = max(options.size.height - _OTHER_LINES, _FEWEST_LINES)
        yield tree(self._board, self._waits, now=self._clock(), room=room, notice=self._notice)


def tree(
    board: JobBoard,
    waits: Mapping[str, Sequence[str]],
    *,
    now: float,
    room: int,
    notice: str = "",
) -> Group:
    """Return the tree and what stands around it.

    Args:
        board: what is known.
        waits: what each task waits for.
        now: seconds of the epoch.
        room: how many tasks fit.
        notice: a sentence to stand below.
    """
    lines = list(board.lines.values())
    depths = depths_of(waits)
    kept = [line for line in lines if line.is_under_way() or line.result is None or line.error]
    shown = lines if len(lines) <= room else kept[:room]
    parts: list[RenderableType] = [_title(board, now)]
    if shown:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
        table.add_column(no_wrap=True, overflow="ellipsis")
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(no_wrap=True)
        for line in shown:
            table.add_row(*_cells(line, depths.get(line.key, 0), now))
        parts.append(table)
    if len(shown) < len(lines):
        parts.append(Text(f"and {len(lines) - len(shown)} more tasks", style="dim"))
    if notice:
        parts.append(Text(one_line(notice), style="yellow"))
    return Group(*parts)


def depths_of(waits: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return how many tasks stand above each one, along the longest way."""
    depths: dict[str, int] = {}

    def depth(key: str) -> int:
        if key not in depths:
            depths[key] = 0
            depths[key] = max((depth(each) + 1 for each in waits.get(key, ())), default=0)
        return depths[key]

    for key in waits:
        depth(key)
    return depths


def _title(board: JobBoard, now: float) -> Text:
    if board.began is None:
        return Text("beginning …", style="dim")
    title = Text.assemble((one_line(board.job), "bold"), f"  {board.result or board.state}  ")
    title.append(duration(max(now - board.began, 0.0)), style="dim")
    title.append(f"  run {one_line(board.run_id)}", style="dim")
    title.no_wrap, title.overflow = True, "ellipsis"
    return title


def _cells(line: TaskLine, depth: int, now: float) -> tuple[Text, ...]:
    branch = f"{'   ' * (depth - 1)}└─ " if depth else ""
    state = _state(line)
    again = f"attempt {line.attempt}" if line.attempt > 1 else ""
    loop = f"{line.iterations} iterations done" if line.iterations else ""
    return (
        Text.assemble((branch, "dim"), one_line(line.key)),
        state,
        Text(duration(line.seconds(now)), style="dim"),
        Text(", ".join(part for part in (again, loop) if part), style="dim"),
    )


def _state(line: TaskLine) -> Text:
    if line.result is not None:
        return Text(line.result, style=_RESULT_STYLES.get(line.result, "dim"))
    words = {LifeCycle.BLOCKED: "waiting", LifeCycle.WAITING: "will be tried again"}
    style = "cyan" if line.state is LifeCycle.RUNNING else "dim"
    return Text(words.get(line.state, line.state.lower()), style=style)
