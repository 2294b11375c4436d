"""One run of a job, looked at from outside: its page, its tasks' logs, a request to end."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from dlt_lite.cli.clock import now
from dlt_lite.cli.escaping import lines, one_line
from dlt_lite.cli.figures import duration
from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.job_summary import job_summary
from dlt_lite.cli.signals import kill_with_children
from dlt_lite.errors import BadCommandLine, Busy, NoLog, RunIsOver, UnknownTask
from dlt_lite.jobs.history import IterationRun, JobRun, TaskRun
from dlt_lite.jobs.results import JobResult, job_result_of
from dlt_lite.jobs.selection import waits_of
from dlt_lite.model.settings import ProjectSettings
from dlt_lite.project.suggestions import did_you_mean, shown
from dlt_lite.runs.disk import moment_text
from dlt_lite.runs.folder import RunFacts, RunKind, RunState, task_log
from dlt_lite.runs.processes import is_alive
from dlt_lite.tasks.processes import PATIENCE

_PAUSE = 0.5


def show_job_run(settings: ProjectSettings, facts: RunFacts, invocation: Invocation) -> int:
    """Print a run of a job."""
    result = job_result_of(settings.state_root, facts.folder.update_id)
    streams = invocation.streams
    if invocation.wants_json:
        streams.json(result.as_json())
        return 0
    waits = known_waits(settings, result.run.job)
    streams.data(job_summary(result, waits, streams, invocation.program, now()))
    streams.data(f"\nrun: {one_line(facts.folder.path)}")
    return 0


def known_waits(settings: ProjectSettings, job: str) -> Mapping[str, Sequence[str]]:
    """Return what the tasks of a job wait for; nothing where a Python file would say."""
    found = settings.jobs.get(job)
    return {} if found is None else waits_of(found)


def cancel(facts: RunFacts, invocation: Invocation, *, at_once: bool) -> int:
    """Ask the process of a run to end; a second time say only that it was asked.

    A second signal would end the process at once, and leave its run abandoned: that is `--now`.

    Args:
        facts: what the run's folder says.
        invocation: the call.
        at_once: whether it is ended without waiting for what it does.

    Raises:
        Busy: it goes on on another machine.
        RunIsOver: it is over.
    """
    run_id = facts.folder.update_id
    if not facts.state.is_active or facts.python is None:
        what = f"run {run_id} is over: {facts.state}"
        raise RunIsOver(what, fix="there is nothing to cancel")
    if facts.host != socket.gethostname():
        raise Busy(f"run {run_id} goes on on {facts.host}", fix="cancel it there")
    before = facts.folder.ask_to_end(now())
    if is_alive(facts.python):
        if at_once:
            kill_with_children(facts.python.pid)
        elif before is None:
            os.kill(facts.python.pid, signal.SIGTERM)
    invocation.streams.say(f"run {run_id} {_told(facts, before, invocation, at_once=at_once)}")
    if invocation.wants_json:
        asked = moment_text(before or now())
        invocation.streams.json({"run_id": run_id, "asked": True, "since": asked, "now": at_once})
    return 0


def _told(
    facts: RunFacts, before: datetime | None, invocation: Invocation, *, at_once: bool
) -> str:
    is_job = facts.folder.kind is RunKind.JOB
    if at_once:
        name, run_id = facts.folder.pipeline, facts.folder.update_id
        again = f"repair {name} {run_id}" if is_job else f"run {name}"
        return f"was ended at once; go on by: {invocation.program} {again}"
    if before is None:
        return "was asked to end"
    patience = f"its tasks have {PATIENCE:.0f} s to end" if is_job else "it ends what it is writing"
    ago = duration(max((now() - before).total_seconds(), 0.0))
    return f"was asked to end {ago} ago, and {patience}; --now ends it at once"


def print_log(
    settings: ProjectSettings,
    facts: RunFacts,
    arguments: argparse.Namespace,
    invocation: Invocation,
) -> int:
    """Print what a task has printed; with `--follow`, until the run is over.

    Raises:
        BadCommandLine: no task is named, or the run is none of a job.
        UnknownTask: the run has no such task.
        NoLog: the task has no log.
    """
    if facts.folder.kind is not RunKind.JOB:
        fix = f"see `{invocation.program} events {facts.folder.pipeline}`"
        raise BadCommandLine(f"run {facts.folder.update_id} is an update of a pipeline", fix=fix)
    run_id = facts.folder.update_id
    result = job_result_of(settings.state_root, run_id)
    path, position = _log(result, arguments), 0
    while True:
        result = job_result_of(settings.state_root, run_id)
        position = _printed(path, position, invocation)
        if result.facts.state is not RunState.RUNNING or not arguments.follow:
            break
        time.sleep(_PAUSE)
    if not path.exists():
        raise _without_log(result.run, arguments)
    if not position:
        invocation.streams.say(f"task {arguments.task} of run {run_id} has printed nothing")
    return 0


def _without_log(run: JobRun, arguments: argparse.Namespace) -> NoLog:
    key, number, task = arguments.task, arguments.iteration, run.tasks[arguments.task]
    whose = f"task {key} of run {run.run_id}"
    if task.branch is not None:
        what = f"{whose} is a condition, which prints nothing"
        return NoLog(what, fix=f"it has come out {task.branch}, and others wait for that")
    if number is None and task.iterations:
        failed = task.first_failed
        first = min(task.iterations) if failed is None else failed
        why = "" if failed is None else ", the first that failed"
        what = f"{whose} is a loop: each of its iterations has a log"
        return NoLog(what, fix=f"name one: --iteration {first}{why}")
    if number is None or not task.attempts:
        return _without_words(task, whose, arguments.attempt)
    of_iterations = max((*task.iterations, (task.of_iterations or 0) - 1), default=-1) + 1
    if not of_iterations and task.of_iterations is None:
        what = f"{whose} is no loop, so it has no iteration {number}"
        return NoLog(what, fix="leave --iteration out")
    if number >= of_iterations:
        fix = _there_are("iteration", 0, of_iterations - 1)
        return NoLog(f"{whose} has no iteration {number}", fix=fix)
    one = task.iterations.get(number, IterationRun(""))
    return _without_words(one, f"iteration {number} of {whose}", arguments.attempt)


def _without_words(begun: TaskRun | IterationRun, whose: str, attempt: int | None) -> NoLog:
    """Return why a task, or an iteration, has no log of an attempt, or of its last one."""
    state = begun.result or (begun.state if isinstance(begun, TaskRun) else "")
    if begun.attempts and attempt is not None and attempt > begun.attempts:
        fix = _there_are("attempt", 1, begun.attempts)
        return NoLog(f"{whose} has no attempt {attempt}", fix=fix)
    fix = f"it has begun without a word: {state}"
    if not begun.attempts:
        fix = f"it has not begun{f': {state}' if state else ''}"
    elif begun.error is not None:
        fix = f"it says why it failed: {begun.error.splitlines()[0]}"
    return NoLog(f"{whose} has printed nothing", fix=fix)


def _there_are(noun: str, first: int, last: int) -> str:
    if last < first:
        return f"there are no {noun}s"
    return (
        f"there is {noun} {first} only" if first == last else f"there are {noun}s {first} to {last}"
    )


def _log(result: JobResult, arguments: argparse.Namespace) -> Path:
    key = arguments.task
    tasks = result.run.tasks
    if key is None:
        raise BadCommandLine("which task?", fix=f"--task, one of {', '.join(tasks)}")
    if key not in tasks:
        what = f"run {result.run.run_id} has no task {shown(key)}"
        raise UnknownTask(what, fix=did_you_mean(key, list(tasks), otherwise="there are"))
    iteration = arguments.iteration
    attempt = arguments.attempt or _attempts(tasks[key], iteration)
    return task_log(result.facts.folder.path, key, iteration, attempt)


def _attempts(task: TaskRun, iteration: int | None) -> int:
    if iteration is None:
        return max(task.attempts, 1)
    found = task.iterations.get(iteration)
    return max(found.attempts if found else 1, 1)


def _printed(path: Path, position: int, invocation: Invocation) -> int:
    """Print a file from a position on; return where it ends now."""
    if not path.exists():
        return position
    with path.open("rb") as file:
        file.seek(position)
        text = file.read()
    if text:
        invocation.streams.data(lines(text.decode("utf-8", "replace")).rstrip("\n"))
    return position + len(text)
