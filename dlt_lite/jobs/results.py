"""What became of a run of a job, as `-o json` prints it and as people look at it: times, paths."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from dlt_lite.jobs.history import IterationRun, JobRun, Span, TaskRun
from dlt_lite.jobs.runs import find_run
from dlt_lite.model.outcomes import LifeCycle, ResultState
from dlt_lite.runs.folder import RunFacts, RunFolder, RunState, last_sign, task_log

_ERROR = re.compile(r"\[(DLT\d{3})\] (.*?)(?:\n  at:  (.*?))?(?:\n  fix: (.*))?", re.DOTALL)


_MILLISECONDS = 3
_RESULT_OF = {
    RunState.COMPLETED: ResultState.SUCCESS,
    RunState.FAILED: ResultState.FAILED,
    RunState.CANCELED: ResultState.CANCELED,
}


def result_state(facts: RunFacts) -> str | None:
    """Return how a run of a job ended, as Databricks calls it; None where it did not come to it."""
    return facts.result or _RESULT_OF.get(facts.state)


def life_cycle_state(facts: RunFacts) -> str:
    """Return where a run of a job is, as Databricks calls it."""
    match facts.state:
        case RunState.QUEUED:
            return LifeCycle.QUEUED
        case RunState.RUNNING:
            is_asked = facts.folder.is_asked_to_end()
            return LifeCycle.TERMINATING if is_asked else LifeCycle.RUNNING
        case RunState.ABANDONED | RunState.UNKNOWN:
            return "INTERNAL_ERROR"
        case _:
            return LifeCycle.TERMINATED


@dataclass(frozen=True, slots=True)
class JobResult:
    """A run of a job.

    Attributes:
        facts: what its folder says.
        run: what became of its tasks.
    """

    facts: RunFacts
    run: JobRun

    @property
    def state(self) -> str:
        """How it ended, or where it is; ABANDONED where it was killed."""
        if self.facts.state is RunState.ABANDONED:
            return RunState.ABANDONED
        return self.run.result or self.run.state

    @property
    def seconds(self) -> float | None:
        """How long it was at work, without the time before repairs; None while it runs.

        Of a run that was abandoned it is the time up to its last event.
        """
        if self.facts.state is RunState.RUNNING:
            return None
        return round(sum(_length(each) for each in self.run.spans), _MILLISECONDS)

    @property
    def pauses(self) -> tuple[float, ...]:
        """How many seconds passed before each repair in which nothing was done."""
        spans = self.run.spans
        return tuple(
            seconds_between(one.seen, other.started) or 0.0 for one, other in pairwise(spans)
        )

    def state_of(self, task: TaskRun) -> str:
        """Return how a task ended, or where it is; ABANDONED where it was killed with the run."""
        if task.result is not None:
            return task.result
        is_cut_off = self.facts.state is RunState.ABANDONED and task.started is not None
        return RunState.ABANDONED if is_cut_off else task.state

    def log_of(self, task: TaskRun, iteration: int | None = None) -> Path:
        """Return the file of what the last attempt of a task, or of an iteration, printed."""
        attempts = task.attempts if iteration is None else task.iterations[iteration].attempts
        return task_log(self.facts.folder.path, task.key, iteration, attempts)

    def as_json(self) -> dict[str, Any]:
        """Return it as `-o json` prints it."""
        run = self.run
        return {
            "run_id": run.run_id,
            "job": run.job,
            "state": self.state,
            "result": run.result,
            "error": error_json(run.error),
            "repairs": run.repairs,
            "parameters": dict(run.given),
            "started": run.started,
            "ended": run.ended,
            "seconds": self.seconds,
            "folder": str(self.facts.folder.path),
            "tasks": [self._task_json(task) for task in run.tasks.values()],
        }

    def _task_json(self, task: TaskRun) -> dict[str, Any]:
        log = self.log_of(task)
        return {
            "task": task.key,
            "state": task.state if task.result is not None else self.state_of(task),
            "result": task.result,
            "repair": task.repair,
            "attempts": task.attempts,
            "branch": task.branch,
            "started": task.started,
            "ended": task.ended,
            "seconds": seconds_between(task.started, task.ended),
            "error": error_json(task.error),
            "values": dict(task.values),
            "log": str(log) if log.exists() else None,
            "of_iterations": task.of_iterations,
            "gone": task.is_gone,
            "iterations": [_iteration_json(n, each) for n, each in task.iterations.items()],
        }


def refused_json(job: str) -> dict[str, Any]:
    """Return what `-o json` prints of a run that was refused, but for its errors."""
    run = JobRun("", job, LifeCycle.TERMINATED)
    facts = RunFacts(RunFolder(Path(), "", job, ""), RunState.FAILED)
    shape = JobResult(facts, run).as_json()
    return {**shape, "run_id": None, "state": RunState.FAILED, "seconds": None, "folder": None}


def job_result_of(state_root: Path, run_id: str) -> JobResult:
    """Return a run of a job, as it is now.

    Args:
        state_root: the folder on the driver's disk that holds runs.
        run_id: the run, or the beginning of its id.

    Raises:
        UnknownRun: no run of a job begins so.
    """
    facts, run = find_run(state_root, run_id)
    return JobResult(facts, _seen_last(facts, run))


def _seen_last(facts: RunFacts, run: JobRun) -> JobRun:
    """Return a run with its end at its last sign of life, where it was killed."""
    if facts.state is not RunState.ABANDONED or not run.spans:
        return run
    last = run.spans[-1]
    sign = datetime.fromisoformat(facts.ended) if facts.ended else last_sign(facts.folder)
    seen = max(sign, datetime.fromisoformat(last.seen)).isoformat()
    return replace(run, spans=(*run.spans[:-1], replace(last, seen=seen)))


def critical_path(run: JobRun, waits: Mapping[str, Sequence[str]]) -> tuple[TaskRun, ...]:
    """Return the tasks that the run's length comes from, the first one first.

    Args:
        run: the run.
        waits: what each task waits for.
    """
    done = {key: task for key, task in run.tasks.items() if task.started and task.ended}
    path: list[TaskRun] = []
    found = max(done.values(), key=_ended, default=None)
    while found is not None and found not in path:
        path.append(found)
        before = [done[key] for key in waits.get(found.key, ()) if key in done]
        found = max(before, key=_ended, default=None)
    return tuple(reversed(path))


def seconds_between(started: str | None, ended: str | None) -> float | None:
    """Return the seconds between two moments, None where one is not known."""
    if started is None or ended is None:
        return None
    length = datetime.fromisoformat(ended) - datetime.fromisoformat(started)
    return max(length.total_seconds(), 0.0)


def is_over(run: JobRun) -> bool:
    """Tell whether a run has come to its end."""
    return run.state is LifeCycle.TERMINATED


def error_json(text: str | None) -> dict[str, str | None] | None:
    """Return the text of an error as `-o json` prints it."""
    if text is None:
        return None
    match = _ERROR.fullmatch(text)
    if match is None:
        return {"code": None, "message": text, "origin": None, "fix": None}
    code, message, origin, fix = match.groups()
    return {"code": code, "message": message, "origin": origin, "fix": fix}


def _iteration_json(number: int, iteration: IterationRun) -> dict[str, Any]:
    return {
        "iteration": number,
        "input": iteration.input,
        "result": iteration.result,
        "attempts": iteration.attempts,
        "error": error_json(iteration.error),
        "values": dict(iteration.values),
    }


def _length(span: Span) -> float:
    return seconds_between(span.started, span.seen) or 0.0


def _ended(task: TaskRun) -> str:
    return task.ended or ""
