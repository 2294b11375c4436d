"""The loop of `serve` in this process: the world around it, what it tells, how it is stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC

from dlt_lite.cli.clock import now
from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.occasion_arguments import words_of
from dlt_lite.errors import (
    BadSchedule,
    InternalProblem,
    StorageNotWritable,
    UnknownRun,
    raise_together,
)
from dlt_lite.jobs.history import JobRun
from dlt_lite.jobs.ledger import Ledger, Order, ledger_path, write_ledger
from dlt_lite.jobs.requests import Occasion
from dlt_lite.jobs.runs import find_run
from dlt_lite.jobs.sensors import (
    EndsOfRuns,
    files_below,
    newest_versions,
    watched_folder,
    watched_tables,
)
from dlt_lite.jobs.serving import Deed, Fate, Found, Notice, Server, World
from dlt_lite.jobs.triggering import Sight
from dlt_lite.model.jobs import Job
from dlt_lite.model.outcomes import ResultState
from dlt_lite.model.settings import PipelineSettings, ProjectSettings
from dlt_lite.model.triggers import (
    FileArrivalTrigger,
    JobCompletionTrigger,
    TableUpdateTrigger,
    Trigger,
)
from dlt_lite.runs.folder import RunState, judged_facts, new_update_id, runs_of
from dlt_lite.runs.history import run_facts
from dlt_lite.tasks.run_processes import RunProcesses

_FATES = {RunState.RUNNING: Fate.RUNNING, RunState.ABANDONED: Fate.ABANDONED}
_BAD = {Deed.REFUSED, Deed.ABANDONED, Deed.PROBLEM}
_LOOK = 0.2


class Teller:
    """Says what the loop does: lines for people on stderr, or objects of JSON on stdout."""

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation
        self.has_failures = False

    def note(self, text: str) -> None:
        """Say something to a person."""
        self._invocation.streams.say(one_line(text))

    def notice(self, notice: Notice) -> None:
        """Say what happened."""
        self.has_failures |= _is_bad(notice)
        stamp = notice.at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        if self._invocation.wants_json:
            self._invocation.streams.line_of_json(
                {
                    "at": stamp,
                    "event": notice.deed,
                    "job": notice.job,
                    "run_id": notice.run_id,
                    "about": notice.about,
                }
            )
            return
        run = "" if notice.run_id is None else f" {notice.run_id}"
        words = notice.told or notice.about
        about = f": {words}" if words else ""
        self.note(f"{stamp} {notice.job}{run} {notice.deed}{about}{self._advice(notice)}")

    def _advice(self, notice: Notice) -> str:
        is_bad = notice.deed is Deed.ABANDONED or (notice.deed is Deed.ENDED and _is_bad(notice))
        if not is_bad:
            return ""
        return f"; next: {self._invocation.program} repair {notice.job} {notice.run_id}"


def teller(invocation: Invocation) -> Teller:
    """Return what says what the loop does."""
    return Teller(invocation)


@dataclass(frozen=True, slots=True)
class Serving:
    """A server while it serves.

    Attributes:
        server: takes the turns.
        cancel: asks a run to end.
        wake: is set when a run has ended, or somebody wants it to stop.
        stop: is set when somebody wants it to stop.
        every: how many seconds pass at most between two turns.
        reread: lets the server go on with jobs as their files have them now.
    """

    server: Server
    cancel: Callable[[str], None]
    wake: threading.Event
    stop: threading.Event
    every: float
    reread: Callable[[], None]

    def on_and_on(self) -> None:
        """Take turns until somebody wants it to stop."""
        while not self.stop.is_set():
            self.reread()
            seconds = self.server.look()
            self.wake.wait(min(seconds, self.every))
            self.wake.clear()

    def once(self) -> None:
        """Take a turn; take more until nothing that was due then is left."""
        self.server.look()
        while (self.server.active or self.server.waiting) and not self.stop.is_set():
            self.wake.wait(_LOOK)
            self.wake.clear()
            self.server.go_on()

    def stopped(self, *, cancels: bool, longest: float) -> None:
        """Wait for the runs that are going on.

        Args:
            cancels: whether they are cancelled.
            longest: how many seconds to wait for those that were.
        """
        until = time.monotonic() + longest
        self.server.settle()
        if cancels:
            for run_id in self.server.active:
                self.cancel(run_id)
        while self.server.active and not (cancels and time.monotonic() >= until):
            self.wake.wait(_LOOK)
            self.wake.clear()
            self.server.settle()


def world_of(
    jobs: Sequence[Job],
    settings: ProjectSettings,
    invocation: Invocation,
    processes: RunProcesses,
    tell: Callable[[Notice], None],
) -> World:
    """Return what the loop stands in.

    Raises:
        BadSchedule: a trigger watches what cannot be watched from here.
    """
    sight = _sights(jobs, settings)
    path = ledger_path(settings.state_root, settings.target)

    def begin(order: Order) -> None:
        processes.begin(order.run_id, _words(order, settings, invocation))

    def save(ledger: Ledger) -> None:
        write_ledger(path, ledger)

    return World(
        now,
        new_update_id,
        sight,
        begin,
        processes.is_alive,
        processes.exit_of,
        processes.forget,
        lambda run_id: found_run(settings, run_id),
        save,
        tell,
    )


def run_words(
    job: str, occasion: Occasion, settings: ProjectSettings, invocation: Invocation
) -> list[str]:
    """Return the words behind the program's name that run a job in the same project."""
    options = invocation.options
    words = ["--quiet", f"--project-dir={settings.root}", f"--target={settings.target}"]
    if options.storage_root is not None:
        words.append(f"--storage-root={options.storage_root}")
    return [*words, "run", f"job:{job}", *words_of(occasion)]


def canceller(settings: ProjectSettings, processes: RunProcesses) -> Callable[[str], None]:
    """Return what asks a run to end, also one that an earlier loop has begun.

    One that somebody has asked before is let alone: a second signal would end it at once.
    """

    def cancel(run_id: str) -> None:
        with contextlib.suppress(UnknownRun, StorageNotWritable):
            if run_facts(settings.state_root, run_id).folder.ask_to_end(now()) is not None:
                return
        if processes.is_alive(run_id):
            processes.cancel(run_id)
            return
        with contextlib.suppress(UnknownRun, ProcessLookupError, PermissionError):
            facts = run_facts(settings.state_root, run_id)
            is_here = facts.state.is_active and facts.host == socket.gethostname()
            if is_here and facts.python is not None:
                os.kill(facts.python.pid, signal.SIGTERM)

    return cancel


def found_run(settings: ProjectSettings, run_id: str) -> Found:
    """Return what became of a run."""
    path = runs_of(settings.state_root) / run_id
    if not path.exists() or judged_facts(path).state is RunState.QUEUED:
        return Found(Fate.NONE)
    try:
        facts, run = find_run(settings.state_root, run_id)
    except UnknownRun:
        return Found(Fate.ABANDONED)
    return Found(_FATES.get(facts.state, Fate.ENDED), run.result, _why(run))


def _why(run: JobRun) -> str:
    """Return in a line why a run did not succeed; empty where it did, or nothing says why."""
    if run.result is None or run.result.is_success:
        return ""
    errors = [task.error for task in run.tasks.values() if task.error] or [run.error or ""]
    return errors[0].partition("\n")[0]


def _words(order: Order, settings: ProjectSettings, invocation: Invocation) -> list[str]:
    occasion = Occasion(order.run_id, order.cause, order.scheduled, None, order.facts)
    return run_words(order.job, occasion, settings, invocation)


def _sights(
    jobs: Sequence[Job], settings: ProjectSettings
) -> Callable[[Trigger, Job], Sight | None]:
    """Return what says what a trigger sees; refuse at once what cannot be seen."""
    ends = EndsOfRuns(settings.state_root, settings.target)
    common = _common(settings)
    looks: dict[tuple[str, Trigger], Callable[[], Sight | None]] = {}
    problems: list[BadSchedule] = []
    for job in jobs:
        for trigger in job.triggers:
            try:
                looks[job.name, trigger] = _look(trigger, job, common, ends)
            except BadSchedule as problem:
                problems.append(problem)
    raise_together(problems)
    return lambda trigger, job: looks[job.name, trigger]()


def _look(
    trigger: Trigger, job: Job, common: PipelineSettings, ends: EndsOfRuns
) -> Callable[[], Sight | None]:
    match trigger:
        case FileArrivalTrigger():
            folder = watched_folder(trigger, job)
            return lambda: files_below(folder)
        case TableUpdateTrigger():
            tables = watched_tables(trigger, common.storage_root, common.namespace)
            return lambda: newest_versions(tables)
        case JobCompletionTrigger():
            return lambda: ends.of(trigger)
        case _:
            return lambda: None


def _common(settings: ProjectSettings) -> PipelineSettings:
    if settings.common is None:
        raise InternalProblem("the project has no common settings")
    return settings.common


def _is_bad(notice: Notice) -> bool:
    if notice.deed is not Deed.ENDED:
        return notice.deed in _BAD
    return not notice.about or not ResultState(notice.about).is_success
