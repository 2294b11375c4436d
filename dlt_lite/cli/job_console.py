"""A run of a job told in plain lines."""

from __future__ import annotations

from textwrap import indent

from dlt_lite.cli.complaints import painted
from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.figures import counted, duration
from dlt_lite.cli.job_board import JobBoard, TaskLine, after
from dlt_lite.cli.plain_lines import PlainLines
from dlt_lite.cli.streams import styled
from dlt_lite.events.job_records import JobRunProgress, TaskProgress
from dlt_lite.events.records import Event
from dlt_lite.model.outcomes import LifeCycle, ResultState

STYLES = {
    ResultState.SUCCESS: "32",
    ResultState.FAILED: "1;31",
    ResultState.TIMEDOUT: "1;31",
    ResultState.UPSTREAM_FAILED: "33",
    ResultState.CANCELED: "33",
}
_MARGIN = "    "
_NAMED = 4


class PlainJobConsole(PlainLines):
    """Tells of a run of a job."""

    _board = JobBoard()

    def still_running(self) -> str:
        """Return what is said when nothing has happened for a while."""
        now = self._clock()
        at_work = [line for line in self._board.lines.values() if line.is_under_way()]
        if not at_work:
            return "still at it"
        named = ", ".join(_at_work(line, now) for line in at_work[:_NAMED])
        more = len(at_work) - _NAMED
        return f"still running: {named}{f' and {more} more' if more > 0 else ''}"

    def _taken(self, event: Event) -> str | None:
        self._board = after(self._board, event)
        match event.record:
            case JobRunProgress() as record if record.state is LifeCycle.PENDING:
                what = f"repair {record.repair} of run" if record.repair else "run"
                of = f"{what} {one_line(event.envelope.update_id)} of job {one_line(record.job)}"
                return f"{of}: {counted(len(record.tasks), 'task')}"
            case TaskProgress() as record:
                return self._task_told(record)
            case _:
                return None

    def _task_told(self, record: TaskProgress) -> str | None:
        name = record.task
        if record.iteration is not None:
            if not self._streams.verbose:
                return None
            name = f"{name}[{record.iteration}]"
        line = self._board.lines[record.task]
        match record.state:
            case LifeCycle.RUNNING:
                again = f", attempt {record.attempt}" if record.attempt > 1 else ""
                return f"{name}: running{again}"
            case LifeCycle.WAITING:
                return f"{name}: failed, will be tried again\n{self._error(record.error)}"
            case LifeCycle.TERMINATED if record.result is not None:
                error = f"\n{self._error(record.error)}" if record.error else ""
                state = styled(
                    record.result, STYLES.get(record.result, ""), color=self._streams.err_color
                )
                return f"{name}: {state}{outcome(line, self._clock())}{error}"
            case _:
                return None

    def _error(self, error: str | None) -> str:
        return indent(painted(error or "", color=self._streams.err_color), _MARGIN)


def _at_work(line: TaskLine, now: float) -> str:
    parts = (duration(line.seconds(now)), line.loop())
    return f"{line.key} ({', '.join(part for part in parts if part)})"


def outcome(line: TaskLine, now: float) -> str:
    """Return how long a task took, and which way a condition went."""
    parts = [] if line.branch is None else [line.branch]
    if line.began is not None:
        parts.append(duration(line.seconds(now)))
    return f", {', '.join(parts)}" if parts else ""
