"""A run of a job shown as a tree that changes in place, for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.figures import counted, duration
from dlt_lite.cli.job_board import JobBoard, TaskLine, after
from dlt_lite.cli.job_tree import Branch, branches
from dlt_lite.cli.live_screen import LiveScreen
from dlt_lite.cli.streams import Streams
from dlt_lite.events.job_records import TaskProgress
from dlt_lite.events.records import Event
from dlt_lite.model.outcomes import LifeCycle, ResultState

_RESULT_STYLES = {
    ResultState.SUCCESS: "green",
    ResultState.FAILED: "bold red",
    ResultState.TIMEDOUT: "bold red",
    ResultState.UPSTREAM_FAILED: "yellow",
    ResultState.CANCELED: "yellow",
}


class LiveJobConsole(LiveScreen):
    """Shows a run of a job as a tree of tasks.

    Args:
        streams: where it is shown: on stderr.
        waits: what each task waits for.
        environ: the environment; rich asks it for the terminal's size and abilities.
    """

    _board = JobBoard()

    def __init__(
        self, streams: Streams, waits: Mapping[str, Sequence[str]], *, environ: Mapping[str, str]
    ) -> None:
        super().__init__(streams, environ=environ)
        self._waits = waits

    def _taken(self, event: Event) -> tuple[str, str] | None:
        self._board = after(self._board, event)
        record = event.record
        if isinstance(record, TaskProgress) and record.error is not None:
            return record.task, record.error
        return None

    def _drawn(self, room: int) -> Group:
        now = self._clock()
        return tree(self._board, self._waits, now=now, room=room, notice=self._notice)


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
    kept = [line for line in lines if line.is_under_way() or line.result is None or line.error]
    shown = lines if len(lines) <= room else kept[:room]
    parts: list[RenderableType] = [_title(board, now)]
    if shown:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
        table.add_column(no_wrap=True, overflow="ellipsis")
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        # The only column that gives way: its text is cut, and the others are whole.
        table.add_column()
        begun = {
            key: [each for each in waits.get(key, ()) if each in board.lines] for key in board.lines
        }
        for branch in branches([line.key for line in shown], begun):
            table.add_row(*_cells(board.lines[branch.key], branch, now))
        parts.append(table)
    if len(shown) < len(lines):
        parts.append(Text(f"and {counted(len(lines) - len(shown), 'more task')}", style="dim"))
    if notice:
        parts.append(Text(one_line(notice), style="yellow"))
    return Group(*parts)


def _title(board: JobBoard, now: float) -> Text:
    if board.began is None:
        return Text("beginning …", style="dim")
    title = Text.assemble((one_line(board.job), "bold"), f"  {board.result or board.state}  ")
    title.append(duration(max(now - board.began, 0.0)), style="dim")
    title.append(f"  run {one_line(board.run_id)}", style="dim")
    title.no_wrap, title.overflow = True, "ellipsis"
    return title


def _cells(line: TaskLine, branch: Branch, now: float) -> tuple[Text, ...]:
    state = _state(line)
    again = f"attempt {line.attempt}" if line.attempt > 1 else ""
    after_others = f"({branch.after})" if branch.after else ""
    told = ", ".join(part for part in (again, line.loop(), after_others) if part)
    return (
        Text.assemble((branch.lead, "dim"), one_line(line.key)),
        state,
        Text(duration(line.seconds(now)), style="dim"),
        Text(told, style="dim", no_wrap=True, overflow="ellipsis"),
    )


def _state(line: TaskLine) -> Text:
    if line.result is not None:
        return Text(line.result, style=_RESULT_STYLES.get(line.result, "dim"))
    words = {LifeCycle.BLOCKED: "waiting", LifeCycle.WAITING: "will be tried again"}
    style = "cyan" if line.state is LifeCycle.RUNNING else "dim"
    return Text(words.get(line.state, line.state.lower()), style=style)
