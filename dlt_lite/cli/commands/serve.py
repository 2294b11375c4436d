"""Start jobs by their triggers, until it is asked to stop.

Runs are processes of their own. What is due is written down before it is begun, so that a restart
neither forgets a run nor begins it twice. The first SIGTERM or Ctrl-C begins nothing more, and
cancels what is running or waits for it (`--on-stop`); the second ends everything at once.
"""

from __future__ import annotations

import argparse
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from dlt_lite.cli.arguments import whole_number
from dlt_lite.cli.clock import now
from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.job_sources import JobSources
from dlt_lite.cli.names import job_named
from dlt_lite.cli.opening import project_settings
from dlt_lite.cli.served import Serving, Teller, canceller, teller, world_of
from dlt_lite.cli.signals import CANCELING_RUNS, WAITING_FOR_RUNS, Signals
from dlt_lite.errors import BadCommandLine, Busy, DltLiteError, NoTrigger
from dlt_lite.jobs.catalogue import job_of, jobs_of
from dlt_lite.jobs.ledger import Ledger, ledger_path, read_ledger
from dlt_lite.jobs.serving import Server, World
from dlt_lite.jobs.triggering import CatchUp
from dlt_lite.model.jobs import Job
from dlt_lite.model.settings import ProjectSettings
from dlt_lite.runs.folder import new_update_id
from dlt_lite.runs.lock import LOOP, PipelineLock, acquire
from dlt_lite.tasks.run_processes import RunProcesses

_EVERY = 10
_LONGEST_STOP = 60.0
_CANCEL = "cancel"
_FAILED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add("names", metavar="JOB", nargs="*", help="the jobs; all that have triggers by default")
    add(
        "--catch-up",
        choices=[each.value for each in CatchUp],
        default=CatchUp.ONCE.value,
        help="of times that passed while nobody looked: run the last one (once), each, or none",
    )
    add(
        "--on-stop",
        choices=(_CANCEL, "wait"),
        default=_CANCEL,
        help="what becomes of runs that are going on when it is asked to stop",
    )
    add(
        "--every",
        type=whole_number,
        default=_EVERY,
        metavar="SECONDS",
        help=f"how often files, tables and other runs are looked at ({_EVERY})",
    )
    add(
        "--once",
        action="store_true",
        help="look once, wait for what was begun, and end: with 1 where a run has not succeeded",
    )


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Serve."""
    if invocation.options.params:
        fix = "parameters of runs have their defaults in the jobs' files"
        raise BadCommandLine("`serve` takes no --param", fix=fix)
    settings = project_settings(invocation)
    jobs = _served(arguments.names, settings)
    wake = threading.Event()
    tell = teller(invocation)
    with _alone(settings), ExitStack() as stack:
        processes = RunProcesses(settings.root, invocation.environ, wake.set)
        site = _Site(arguments.names, invocation, processes, tell)
        ledger = _ledger(settings, tell.note)
        server = Server(jobs, ledger, CatchUp(arguments.catch_up), site.world(jobs, settings))
        signals = stack.enter_context(_signals(arguments.on_stop, wake, invocation))
        cancel, reread = canceller(settings, processes), site.rereader(server, settings)
        every = max(arguments.every, 1)
        serving = Serving(server, cancel, wake, signals.stop, every, reread)
        tell.note(f"serving {_listed(jobs)} on target {settings.target}")
        if arguments.once:
            serving.once()
        else:
            serving.on_and_on()
        serving.stopped(
            cancels=signals.stop.is_set() and arguments.on_stop == _CANCEL, longest=_LONGEST_STOP
        )
        if signals.stop.is_set():
            return 0 if not arguments.once else signals.exit_code
    return _FAILED if arguments.once and tell.has_failures else 0


@dataclass(frozen=True, slots=True)
class _Site:
    """What stays the same while jobs change.

    Attributes:
        names: the jobs that were named.
        invocation: the call.
        processes: the processes of runs.
        tell: says what happens.
    """

    names: Sequence[str]
    invocation: Invocation
    processes: RunProcesses
    tell: Teller

    def world(self, jobs: Sequence[Job], settings: ProjectSettings) -> World:
        """Return what the loop stands in."""
        return world_of(jobs, settings, self.invocation, self.processes, self.tell.notice)

    def rereader(self, server: Server, settings: ProjectSettings) -> Callable[[], None]:
        """Return what lets the server go on with jobs as their files have them now."""
        sources = JobSources(settings, jobs_of(settings))

        def reread() -> None:
            if sources.have_changed():
                try:
                    self._take(server, settings)
                except DltLiteError as error:
                    changed = "the project's files have changed, and serving goes on as before"
                    self.tell.note(f"{changed}: {error}")

        return reread

    def _take(self, server: Server, before: ProjectSettings) -> None:
        settings = project_settings(self.invocation)
        if (settings.target, settings.state_root) != (before.target, before.state_root):
            fix = "stop `serve`, and start it anew"
            raise BadCommandLine("the project's target or state_root is another one now", fix=fix)
        jobs = _served(self.names, settings)
        server.take(jobs, self.world(jobs, settings))
        self.tell.note(f"the project's files have changed; serving {_listed(jobs)}")


def _listed(jobs: Sequence[Job]) -> str:
    return ", ".join(job.name for job in jobs)


def _signals(on_stop: str, wake: threading.Event, invocation: Invocation) -> Signals:
    """Return handlers that wake the loop, and say what becomes of runs that are going on."""

    def announce(text: str) -> None:
        # A handler must not wait for a lock that the thread it has interrupted may hold.
        threading.Thread(target=wake.set, daemon=True).start()
        invocation.streams.say_at_once(f"{text}\n")

    return Signals(
        announce, lambda: None, CANCELING_RUNS if on_stop == _CANCEL else WAITING_FOR_RUNS
    )


def _served(names: Sequence[str], settings: ProjectSettings) -> tuple[Job, ...]:
    """Return the jobs that are served, judged."""
    if names:
        found = tuple(job_of(settings, job_named(name, settings)) for name in dict.fromkeys(names))
        idle = [job.name for job in found if not job.triggers]
        if idle:
            what = f"job {idle[0]} has no trigger"
            raise NoTrigger(what, fix="give it `schedule:` or `trigger:`, or run it by hand")
        return found
    known = jobs_of(settings)
    with_triggers = [name for name, job in known.items() if job.triggers]
    if not with_triggers:
        what = "no job of the project has a trigger"
        raise NoTrigger(what, fix="give one `schedule:` or `trigger:`")
    return tuple(job_of(settings, name) for name in with_triggers)


def _ledger(settings: ProjectSettings, note: Callable[[str], None]) -> Ledger:
    path = ledger_path(settings.state_root, settings.target)
    found = read_ledger(path)
    if found is None:
        if path.exists():
            note(f"{path} cannot be read: triggers begin anew, and nothing is caught up")
        return Ledger()
    known = jobs_of(settings)
    return Ledger(found.marks, tuple(order for order in found.orders if order.job in known))


def _alone(settings: ProjectSettings) -> PipelineLock:
    """Hold the lock of the loop: two would begin every run twice."""
    moment = now()
    try:
        return acquire(
            settings.state_root,
            target=settings.target,
            pipeline="the loop of serve",
            update_id=new_update_id(moment),
            since=moment,
            held=LOOP,
        )
    except Busy as error:
        what = f"`serve` runs already on target {settings.target}: {error.what.partition(';')[0]}"
        raise Busy(what, fix=error.fix) from error
