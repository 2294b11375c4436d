"""What a run of a job did → the page that a person reads at its end, or by `runs show`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from textwrap import indent

from dlt_lite.cli.complaints import painted
from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.figures import duration
from dlt_lite.cli.streams import Streams, aligned, styled
from dlt_lite.jobs.history import TaskRun
from dlt_lite.jobs.results import JobResult, critical_path, seconds_between
from dlt_lite.runs.folder import RunState
from dlt_lite.tasks.logs import last_lines

_SLOWEST = 3
_LOG_LINES = 12
_BAR = 40
_MARGIN = "  "
_COLUMNS = ("task", "result", ">attempts", ">time", "")
_BLOCK, _SPACE = "█", "·"


def job_summary(
    result: JobResult, waits: Mapping[str, Sequence[str]], streams: Streams, program: str
) -> str:
    """Return the page.

    Args:
        result: the run.
        waits: what each task waits for, as far as that is known.
        streams: for whom it is: decides on colours and width.
        program: how the person calls us.
    """
    parts = [
        _title(result, color=streams.out_color),
        gantt(result, streams),
        _where_time_went(result, waits),
        _failures(result, color=streams.out_color),
        _next(result, program),
    ]
    return "\n\n".join(part for part in parts if part)


def gantt(result: JobResult, streams: Streams) -> str:
    """Return one line a task, with a bar where in the run's time it lies."""
    tasks = result.run.tasks.values()
    if not tasks:
        return ""
    begun = [_moment(task.started) for task in tasks if task.started]
    over = [_moment(task.ended) for task in tasks if task.started and task.ended]
    first, last = min(begun, default=0.0), max([*over, *begun], default=0.0)
    rows = [_row(task, first, last) for task in tasks]
    return aligned(_COLUMNS, rows, streams)


def repair_command(result: JobResult, program: str) -> str | None:
    """Return the command that runs what is missing of a run, None where nothing is."""
    run = result.run
    done = run.result is not None and run.result.is_success
    if (done or result.facts.state is RunState.RUNNING) and not _has_failures(result):
        return None
    return f"{program} repair {run.job} {run.run_id}"


def _has_failures(result: JobResult) -> bool:
    return any(task.result is not None and task.result.is_failure for task in _tasks(result))


def _tasks(result: JobResult) -> Sequence[TaskRun]:
    return tuple(result.run.tasks.values())


def _title(result: JobResult, *, color: bool) -> str:
    run = result.run
    word = result.state
    style = "1;32" if run.result is not None and run.result.is_success else "1;31"
    length = f" in {duration(result.seconds)}" if result.seconds is not None else ""
    repaired = f", repaired {run.repairs}x" if run.repairs else ""
    counts: dict[str, int] = {}
    for task in run.tasks.values():
        counts[task.result or task.state] = counts.get(task.result or task.state, 0) + 1
    told = ", ".join(f"{number} {state}" for state, number in sorted(counts.items()))
    state = styled(word, style, color=color)
    return f"job {one_line(run.job)}: {state}{length}: {told} (run {run.run_id}{repaired})"


def _row(task: TaskRun, first: float, last: float) -> tuple[str, ...]:
    loop = ""
    if task.iterations:
        done = sum(each.result is not None for each in task.iterations.values())
        loop = f" ({done}/{len(task.iterations)})"
    branch = "" if task.branch is None else f" {task.branch}"
    return (
        f"{task.key}{loop}",
        f"{task.result or task.state}{branch}",
        str(task.attempts) if task.attempts else "",
        duration(seconds_between(task.started, task.ended)),
        _bar(task, first, last),
    )


def _bar(task: TaskRun, first: float, last: float) -> str:
    if task.started is None:
        return ""
    length = max(last - first, 0.001)
    start = int((_moment(task.started) - first) / length * _BAR)
    end = _moment(task.ended) if task.ended else last
    width = max(round((end - first) / length * _BAR) - start, 1)
    start = min(start, _BAR - 1)
    return _SPACE * start + _BLOCK * min(width, _BAR - start)


def _where_time_went(result: JobResult, waits: Mapping[str, Sequence[str]]) -> str:
    timed = [(task, seconds_between(task.started, task.ended)) for task in _tasks(result)]
    known = [(task, seconds) for task, seconds in timed if seconds is not None]
    if len(known) <= 1:
        return ""
    path = critical_path(result.run, waits)
    chain = " → ".join(
        f"{task.key} {duration(seconds_between(task.started, task.ended))}" for task in path
    )
    slowest = sorted(known, key=lambda pair: pair[1], reverse=True)[:_SLOWEST]
    told = ", ".join(f"{task.key} {duration(seconds)}" for task, seconds in slowest)
    lines = [f"critical path: {chain}"] if waits and path else []
    return "\n".join([*lines, f"slowest:       {told}"])


def _failures(result: JobResult, *, color: bool) -> str:
    told = [_failure(result, task, color=color) for task in _tasks(result) if task.error]
    if not told and result.run.error is not None:
        told = [painted(result.run.error, color=color)]
    return "what failed:\n" + indent("\n".join(told), _MARGIN) if told else ""


def _failure(result: JobResult, task: TaskRun, *, color: bool) -> str:
    parts = [f"{task.key}:", indent(painted(task.error or "", color=color), _MARGIN)]
    number = task.first_failed
    log = result.log_of(task, number)
    lines = last_lines(log, _LOG_LINES)
    if lines:
        whose = "its log" if number is None else f"the log of iteration {number}"
        parts.append(f"{_MARGIN}the last lines of {whose}, {one_line(log)}:")
        parts.append(indent("\n".join(one_line(line) for line in lines), _MARGIN * 2))
    return "\n".join(parts)


def _next(result: JobResult, program: str) -> str:
    command = repair_command(result, program)
    return "" if command is None else f"repair it by: {command}"


def _moment(stamp: str | None) -> float:
    return datetime.fromisoformat(stamp).timestamp() if stamp else 0.0
