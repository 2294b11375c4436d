"""One task, tried until it is done: attempts, retries, timeouts. Knows no other task.

A wait for the next attempt counts from the start of the failed one, as on Databricks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dlt_lite.errors import BadTaskValue, DltLiteError, TaskFailed, TaskTimedOut
from dlt_lite.jobs.calls import (
    Answer,
    Deadline,
    Failed,
    RunTask,
    Stop,
    Stopped,
    StopReason,
    Succeeded,
    TaskCall,
    Timing,
)
from dlt_lite.model.jobs import FOR_EVER, Retries, Task
from dlt_lite.model.outcomes import ResultState
from dlt_lite.model.task_values import Json, checked_value

_ROWS = "output.rows"


@dataclass(frozen=True, slots=True)
class TaskEnd:
    """How a task, an iteration or an attempt ended.

    Attributes:
        result: its result.
        error: the error as a person reads it, None where there is none.
        error_code: the error's code.
        attempt: the number of the attempt, 0 where it was not begun.
        branch: of a condition, `true` or `false`.
        values: what it has set.
        rows: what a SQL task returned.
        can_be_retried: whether another attempt may help.
        is_empty_loop: whether it was a for_each task that had nothing to iterate over.
        too_long: of a for_each task, the keys whose list of values is too long to be read, and why.
    """

    result: ResultState
    error: str | None = None
    error_code: str = ""
    attempt: int = 0
    branch: str | None = None
    values: Mapping[str, Json] = field(default_factory=dict)
    rows: Json = None
    can_be_retried: bool = False
    is_empty_loop: bool = False
    too_long: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trying:
    """What is needed to try one task.

    Attributes:
        task: the task.
        call_of: makes the call of the attempt of a number.
        run_task: carries an attempt out.
        timing: the clocks.
        stop_of: makes the stop of an attempt, from its own deadline.
        stopped: the stop between attempts: it knows no timeout of the task.
        begun: told of the number of an attempt that begins.
        waiting: told of a failed attempt that will be repeated.
    """

    task: Task
    call_of: Callable[[int], TaskCall]
    run_task: RunTask
    timing: Timing
    stop_of: Callable[[Deadline | None], Stop]
    stopped: Stop
    begun: Callable[[int], None]
    waiting: Callable[[TaskEnd], None]


def tried(trying: Trying, *, first: int, retries_used: int) -> TaskEnd:
    """Try a task until it is done, or must not be tried again.

    Args:
        trying: the task and what is needed.
        first: the number of the first attempt.
        retries_used: how many retries were used up before.
    """
    number, used, timing = first, retries_used, trying.timing
    while True:
        started = timing.elapsed()
        trying.begun(number)
        end = _attempt(trying, number, started)
        if not _is_tried_again(end, trying.task.retries, used) or trying.stopped.reason:
            return end
        trying.waiting(end)
        pause = trying.task.retries.min_interval_millis / 1000 - (timing.elapsed() - started)
        if trying.stopped.wait(pause) is not None:
            return stopped_end(trying.stopped, trying.task, number)
        number, used = number + 1, used + 1


def stopped_end(stop: Stop, task: Task, attempt: int) -> TaskEnd:
    """Return how a task ends that was asked to."""
    if stop.reason is StopReason.CANCELED:
        return TaskEnd(ResultState.CANCELED, attempt=attempt)
    if stop.reason is StopReason.TIMEDOUT:
        return failed_end(_timed_out(stop, task), attempt, ResultState.TIMEDOUT)
    what = f"task {task.key!r} stopped, and nobody had asked it to"
    fix = "read its log, and run it again: repair"
    return failed_end(TaskFailed(what, origin=task.origin, fix=fix), attempt)


def _timed_out(stop: Stop, task: Task) -> TaskTimedOut:
    limit = "its time"
    if stop.until is not None:
        limit = f"timeout_seconds of {stop.until.whose}"
    seconds = "" if stop.until is None else f", {stop.until.seconds:,} s"
    return TaskTimedOut(
        f"task {task.key!r} was stopped at the end of {limit}{seconds}",
        origin=task.origin,
        fix=f"find out what it waits for, or raise {limit}",
    )


def failed_end(
    error: DltLiteError, attempt: int, result: ResultState = ResultState.FAILED
) -> TaskEnd:
    """Return how a task ends for an error of ours."""
    return TaskEnd(result, str(error), error.code, attempt)


def _attempt(trying: Trying, number: int, started: float) -> TaskEnd:
    try:
        call = trying.call_of(number)
    except DltLiteError as error:
        return failed_end(_placed(error, trying.task), number)
    limit, whose = trying.task.timeout_seconds, f"task {trying.task.key!r}"
    stop = trying.stop_of(Deadline(started + limit, limit, whose) if limit else None)
    try:
        answer = trying.run_task(call, stop)
    except DltLiteError as error:
        answer = Failed(str(_placed(error, trying.task)), error.code)
    return _end_of(answer, stop, call, number)


def _placed(error: DltLiteError, task: Task) -> DltLiteError:
    """Return an error with a place: where it has none, that of the task."""
    error.origin = error.origin or task.origin
    return error


def _end_of(answer: Answer, stop: Stop, call: TaskCall, number: int) -> TaskEnd:
    try:
        values = {key: checked_value(key, value) for key, value in answer.values.items()}
        rows = None
        if isinstance(answer, Succeeded) and answer.rows is not None:
            rows = checked_value(_ROWS, answer.rows)
    except BadTaskValue as error:
        return failed_end(error, number)
    match answer:
        case Succeeded():
            return TaskEnd(ResultState.SUCCESS, attempt=number, values=values, rows=rows)
        case Failed():
            return TaskEnd(
                ResultState.FAILED,
                _told(answer, call),
                answer.code,
                number,
                values=values,
                can_be_retried=answer.can_be_retried,
            )
        case Stopped():
            end = stopped_end(stop, call.task, number)
            return TaskEnd(
                end.result,
                end.error,
                end.error_code,
                number,
                values=values,
                can_be_retried=end.result is not ResultState.CANCELED,
            )


def _told(answer: Failed, call: TaskCall) -> str:
    """Return a failure as errors are written; one of ours already is."""
    if answer.message.startswith("[DLT"):
        return answer.message
    task, one = call.task, "" if call.iteration is None else f" --iteration {call.iteration}"
    log = f"python -m dlt_lite runs logs {call.run_id} --task {call.owner}{one}"
    what = f"task {task.key!r} failed: {answer.message}"
    return str(TaskFailed(what, origin=task.origin, fix=answer.fix or f"read its log: {log}"))


def _is_tried_again(end: TaskEnd, retries: Retries, used: int) -> bool:
    if not end.can_be_retried or (retries.most != FOR_EVER and used >= retries.most):
        return False
    return end.result is ResultState.FAILED or retries.on_timeout
