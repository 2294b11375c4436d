"""One run of a job, looked at from outside: its page, its tasks' logs, a request to end."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from dlt_lite.cli.clock import now
from dlt_lite.cli.escaping import lines, one_line
from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.job_summary import job_summary
from dlt_lite.errors import BadCommandLine, Busy, NoLog, RunIsOver, UnknownTask
from dlt_lite.jobs.history import JobRun, TaskRun
from dlt_lite.jobs.results import JobResult, job_result_of
from dlt_lite.jobs.selection import waits_of
from dlt_lite.model.settings import ProjectSettings
from dlt_lite.project.suggestions import did_you_mean, shown
from dlt_lite.runs.folder import RunFacts, RunKind, RunState, task_log
from dlt_lite.runs.processes import is_alive

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


def cancel(facts: RunFacts, invocation: Invocation) -> int:
    """Ask the process of a run to end.

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
    if is_alive(facts.python):
        os.kill(facts.python.pid, signal.SIGTERM)
    invocation.streams.say(f"run {run_id} was asked to end")
    if invocation.wants_json:
        invocation.streams.json({"run_id": run_id, "asked": True})
    return 0


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
    path = _log(result, arguments)
    if not arguments.follow and not path.exists():
        raise _without_log(result.run, arguments)
    position = 0
    while True:
        is_over = job_result_of(settings.state_root, run_id).facts.state is not RunState.RUNNING
        position = _printed(path, position, invocation)
        if is_over or not arguments.follow:
            return 0
        time.sleep(_PAUSE)


def _without_log(run: JobRun, arguments: argparse.Namespace) -> NoLog:
    key, task = arguments.task, run.tasks[arguments.task]
    if arguments.iteration is None and task.iterations:
        failed = task.first_failed
        number = min(task.iterations) if failed is None else failed
        why = "" if failed is None else ", the first that failed"
        what = f"task {key} of run {run.run_id} is a loop: each of its iterations has a log"
        return NoLog(what, fix=f"name one: --iteration {number}{why}")
    one = "" if arguments.iteration is None else f", iteration {arguments.iteration},"
    what = f"task {key}{one} of run {run.run_id} has printed nothing"
    return NoLog(what, fix=f"it may not have begun: {task.result or task.state}")


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
