"""Events of a run of a job, folded into what a person watches: one line a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from dlt_lite.cli.board import seconds_of
from dlt_lite.cli.figures import worked
from dlt_lite.events.job_records import JobRunProgress, TaskProgress
from dlt_lite.events.records import Event
from dlt_lite.model.outcomes import LifeCycle, ResultState


@dataclass(frozen=True, slots=True)
class TaskLine:
    """What is known of one task.

    Attributes:
        key: its key.
        state: where it is.
        result: how it ended, None where it has not.
        attempt: the number of the attempt.
        iterations: how many iterations of a for_each task have ended.
        of_iterations: how many it has; None where that is not known, or for other tasks.
        branch: of a condition, `true` or `false`.
        began: when it began, in seconds of the epoch.
        ended: when it ended.
        error: why it failed.
    """

    key: str
    state: LifeCycle = LifeCycle.BLOCKED
    result: ResultState | None = None
    attempt: int = 0
    iterations: int = 0
    of_iterations: int | None = None
    branch: str | None = None
    began: float | None = None
    ended: float | None = None
    error: str | None = None

    def is_under_way(self) -> bool:
        """Return whether it is at work, or waits to try again."""
        return self.state in {LifeCycle.RUNNING, LifeCycle.WAITING}

    def loop(self) -> str:
        """Return how far a for_each task has come; empty for others."""
        if self.of_iterations is not None:
            return f"{self.iterations:,} of {self.of_iterations:,} iterations done"
        return f"{self.iterations:,} iterations done" if self.iterations else ""

    def seconds(self, now: float) -> float | None:
        """Return how long it has been at work, None before."""
        return worked(self.began, self.ended, now)


@dataclass(frozen=True, slots=True)
class JobBoard:
    """What is known of one run.

    Attributes:
        job: the job's name.
        run_id: the run.
        state: where it is.
        result: how it ended, None where it has not.
        repair: which repair of the run it is; 0 for the run itself.
        began: when its first event came, in seconds of the epoch.
        lines: what is known of each task, in the order of the job.
    """

    job: str = ""
    run_id: str = ""
    state: LifeCycle = LifeCycle.PENDING
    result: ResultState | None = None
    repair: int = 0
    began: float | None = None
    lines: Mapping[str, TaskLine] = field(default_factory=dict)


def after(board: JobBoard, event: Event) -> JobBoard:
    """Return the board once an event has happened."""
    at = seconds_of(event.envelope.timestamp)
    match event.record:
        case JobRunProgress() as progress:
            return _of_run(board, progress, event.envelope.update_id, at)
        case TaskProgress() as progress:
            line = _advanced(board.lines.get(progress.task, TaskLine(progress.task)), progress, at)
            return replace(board, lines={**board.lines, line.key: line})
        case _:
            return board


def _of_run(board: JobBoard, progress: JobRunProgress, run_id: str, at: float) -> JobBoard:
    lines = board.lines
    if progress.state is LifeCycle.PENDING:
        lines = {key: TaskLine(key) for key in progress.tasks}
    return replace(
        board,
        job=progress.job,
        run_id=run_id,
        state=progress.state,
        result=progress.result,
        repair=progress.repair,
        began=at if board.began is None else board.began,
        lines=lines,
    )


def _advanced(line: TaskLine, progress: TaskProgress, at: float) -> TaskLine:
    if progress.iteration is not None:
        ended = progress.state is LifeCycle.TERMINATED
        return replace(line, iterations=line.iterations + ended)
    began = line.began
    if began is None and progress.state is LifeCycle.RUNNING:
        began = at
    return replace(
        line,
        state=progress.state,
        result=progress.result,
        attempt=progress.attempt,
        of_iterations=line.of_iterations if progress.iterations is None else progress.iterations,
        branch=progress.branch or line.branch,
        began=began,
        ended=at if progress.state is LifeCycle.TERMINATED else None,
        error=progress.error,
    )
