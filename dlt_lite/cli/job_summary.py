"""What a run of a job did → the page that a person reads at its end, or by `runs show`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from textwrap import indent

from dlt_lite.cli.complaints import painted
from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.figures import duration
from dlt_lite.cli.gantt import SEAM, chart
from dlt_lite.cli.streams import Streams, aligned, styled
from dlt_lite.jobs.history import TaskRun
from dlt_lite.jobs.results import JobResult, critical_path, seconds_between
from dlt_lite.runs.folder import RunState
from dlt_lite.tasks.logs import last_lines

_SLOWEST = 3
_LOG_LINES = 12
_BAR, _LONGEST_BAR, _SHORTEST_BAR = 40, 80, 8
_GAP = 2
_PAUSES = 3
_MARGIN = "  "
_HEADS = ("task", "result", "attempts", "time")
_COLUMNS = ("task", "result", ">attempts", ">time", "")


def job_summary(
    result: JobResult,
    waits: Mapping[str, Sequence[str]],
    streams: Streams,
    program: str,
    now: datetime,
) -> str:
    """Return the page.

    Args:
        result: the run.
        waits: what each task waits for, as far as that is known.
        streams: for whom it is: decides on colours and width.
        program: how the person calls us.
        now: the time it is.
    """
    parts = [
        _title(result, color=streams.out_color),
        gantt(result, streams, now),
        _where_time_went(result, waits),
        _failures(result, color=streams.out_color),
        _next(result, program),
    ]
    return "\n\n".join(part for part in parts if part)


def gantt(result: JobResult, streams: Streams, now: datetime) -> str:
    """Return one line a task, with a bar where in the run's time it lies.

    Args:
        result: the run.
        streams: for whom it is: decides on the width.
        now: the time it is.
    """
    tasks = _tasks(result)
    if not tasks:
        return ""
    rows = [_row(task, result) for task in tasks]
    taken = sum(
        max(len(row[place]) for row in (*rows, _HEADS)) + _GAP for place in range(len(_HEADS))
    )
    width = _BAR if streams.out_columns is None else streams.out_columns - taken
    if width < _SHORTEST_BAR:
        return aligned(_COLUMNS[:-1], rows, streams)
    spans = _spans(result, now)
    line = chart(_drawn(spans, result), min(width, _LONGEST_BAR))
    last = spans[-1][1] if spans else 0.0
    bars = [
        line.bar(_moment(task.started), _moment(task.ended) if task.ended else last)
        if task.started
        else ""
        for task in tasks
    ]
    drawn = [(*row, bar) for row, bar in zip(rows, bars, strict=True)]
    return "\n".join(
        part for part in (aligned(_COLUMNS, drawn, streams), _left_out(result)) if part
    )


def repair_command(result: JobResult, program: str) -> str | None:
    """Return the command that runs what is missing of a run, None where nothing is."""
    run = result.run
    done = run.result is not None and run.result.is_success
    if (done or result.facts.state is RunState.RUNNING) and not _has_failures(result):
        return None
    return f"{program} repair {run.job} {run.run_id}"


def _has_failures(result: JobResult) -> bool:
    return any(task.result is not None and task.result.is_failure for task in _present(result))


def _tasks(result: JobResult) -> Sequence[TaskRun]:
    return tuple(result.run.tasks.values())


def _present(result: JobResult) -> Sequence[TaskRun]:
    """Return the tasks that the job still has."""
    return tuple(task for task in _tasks(result) if not task.is_gone)


def _title(result: JobResult, *, color: bool) -> str:
    run = result.run
    word = result.state
    style = "1;32" if run.result is not None and run.result.is_success else "1;31"
    verb = ", last seen after" if result.facts.state is RunState.ABANDONED else " in"
    length = f"{verb} {duration(result.seconds)}" if result.seconds is not None else ""
    if run.started is None:
        length = " before it began"
    repaired = f", repaired {run.repairs}x" if run.repairs else ""
    counts: dict[str, int] = {}
    for task in _present(result):
        counts[result.state_of(task)] = counts.get(result.state_of(task), 0) + 1
    told = ", ".join(f"{number} {state}" for state, number in sorted(counts.items()))
    state = styled(word, style, color=color)
    return f"job {one_line(run.job)}: {state}{length}: {told} (run {run.run_id}{repaired})"


def _row(task: TaskRun, result: JobResult) -> tuple[str, ...]:
    loop = ""
    if task.iterations:
        done = sum(each.result is not None for each in task.iterations.values())
        loop = f" ({done}/{task.of_iterations or len(task.iterations)})"
    branch = "" if task.branch is None else f" {task.branch}"
    return (
        f"{task.key}{loop}",
        f"{result.state_of(task)}{branch}{', no longer in the job' * task.is_gone}",
        str(task.attempts) if task.attempts else "",
        duration(seconds_between(task.started, task.ended)),
    )


def _spans(result: JobResult, now: datetime) -> list[tuple[float, float]]:
    """Return when the run was at work, in seconds of the epoch: up to now where it still is."""
    spans = [(_moment(span.started), _moment(span.seen)) for span in result.run.spans]
    if spans and result.facts.state is RunState.RUNNING:
        spans[-1] = (spans[-1][0], now.timestamp())
    return spans


def _drawn(spans: list[tuple[float, float]], result: JobResult) -> list[tuple[float, float]]:
    """Return the line of time; a killed run's moment is not drawn as if it were all there was."""
    if not spans or result.facts.state is not RunState.ABANDONED:
        return spans
    first, last = spans[-1]
    return [*spans[:-1], (first, max(last, first + 1.0))]


def _left_out(result: JobResult) -> str:
    pauses = result.pauses
    if not pauses:
        return ""
    if len(pauses) > _PAUSES:
        return f"{SEAM} left out: {duration(sum(pauses))} before {len(pauses)} repairs"
    told = [f"{duration(each)} before repair {n}" for n, each in enumerate(pauses, start=1)]
    return f"{SEAM} left out: {', '.join(told)}"


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
    told = [_failure(result, task, color=color) for task in _present(result) if task.error]
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
