"""A job run, or repaired, before a person's eyes: console, signals, summary, exit code."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from dlt_lite.cli.clock import now
from dlt_lite.cli.complaints import complaint, complaint_json
from dlt_lite.cli.console import Console
from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.job_console import PlainJobConsole
from dlt_lite.cli.job_summary import job_summary
from dlt_lite.cli.names import Meant
from dlt_lite.cli.opening import opened_about
from dlt_lite.cli.signals import CANCELING, Signals
from dlt_lite.errors import DltLiteError, exit_code_of
from dlt_lite.jobs.calls import Control
from dlt_lite.jobs.results import JobResult, refused_json
from dlt_lite.jobs.selection import waits_of
from dlt_lite.model.outcomes import ResultState

if TYPE_CHECKING:
    from dlt_lite.workspace import Project, Watchers

Work = Callable[["Project", "Watchers"], JobResult | None]


def run_watched(job: str, invocation: Invocation, work: Work) -> int:
    """Do something with a job, telling of it on stderr; return the exit code.

    Args:
        job: the job's name.
        invocation: the call.
        work: does it, and returns the run; None where nothing was left to do.

    Raises:
        DltLiteError: it could not be begun, or not be recorded; where JSON is wanted, that tells.
    """
    try:
        return _watched(job, invocation, work)
    except DltLiteError as error:
        streams = invocation.streams
        if not invocation.wants_json:
            raise
        streams.complain(complaint(error, color=streams.err_color, verbose=streams.verbose))
        streams.json({**refused_json(job), **complaint_json(error)})
        return exit_code_of(error)


def _watched(job: str, invocation: Invocation, work: Work) -> int:
    from dlt_lite.workspace import Watchers  # noqa: PLC0415 - costs start time

    project = opened_about(f"{Meant.JOB}:{job}", invocation, parameters_are_a_jobs=True)
    streams = invocation.streams
    control = Control()
    with ExitStack() as stack:
        stack.enter_context(streams.kept_for_data())
        waits = waits_of(project.jobs()[job]) if job in project.jobs() else {}
        console = _console(invocation, waits)
        stack.enter_context(console)

        def announce(text: str) -> None:
            # A handler must not wait for a lock that the thread it has interrupted may hold.
            threading.Thread(target=control.cancel, daemon=True).start()
            console.notice(text)

        signals = stack.enter_context(Signals(announce, console.leave, CANCELING))
        watchers = Watchers((console,), control, console.note, signals.reinstall)
        result = work(project, watchers)
    if result is None:
        streams.say("nothing to repair: no task of the run has failed or is left undone")
        if invocation.wants_json:
            streams.json(None)
        return 0
    _tell(result, waits, invocation)
    return _exit_code(result, signals)


def _tell(result: JobResult, waits: Mapping[str, Sequence[str]], invocation: Invocation) -> None:
    streams = invocation.streams
    if invocation.wants_json:
        streams.json(result.as_json())
        return
    streams.data(job_summary(result, waits, streams, invocation.program, now()))
    streams.say(f"\nrun:  {one_line(result.facts.folder.path)}")
    streams.say(f"next: {invocation.program} runs show {result.run.run_id}")


def _console(invocation: Invocation, waits: dict[str, tuple[str, ...]]) -> Console:
    streams = invocation.streams
    if not streams.err_is_terminal or streams.quiet:
        return PlainJobConsole(streams)
    from dlt_lite.cli.live_job_console import LiveJobConsole  # noqa: PLC0415 - rich costs start time

    return LiveJobConsole(streams, waits, environ=invocation.environ)


def _exit_code(result: JobResult, signals: Signals) -> int:
    found = result.run.result
    if found is not None and found.is_success:
        return 0
    return signals.exit_code if found is ResultState.CANCELED else 1
