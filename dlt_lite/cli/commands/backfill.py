"""Run a job once for each day of a range, both ends included.

`--param NAME` names the parameter that gets the day, as 2027-01-31; `--param KEY=VALUE` gives the
others. In the job `{{backfill.iso_date}}` and the like stand for the day, too. A day that fails
stops no other; `--only-missing` leaves out the days that a backfill with the same parameters has
done.
"""

from __future__ import annotations

import argparse
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import date

from dlt_lite.cli.arguments import number_from_one
from dlt_lite.cli.clock import now
from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.names import job_named
from dlt_lite.cli.opening import parameters, settings_about
from dlt_lite.cli.served import canceller, found_run, run_words
from dlt_lite.cli.signals import CANCELING_RUNS, Signals
from dlt_lite.cli.streams import aligned
from dlt_lite.errors import BadCommandLine
from dlt_lite.jobs.backfilling import (
    DayEnd,
    DayState,
    Hands,
    backfilled,
    days_between,
    days_done,
    moment_of,
)
from dlt_lite.jobs.catalogue import job_of
from dlt_lite.jobs.orchestrator import check_request
from dlt_lite.jobs.requests import Occasion, RunRequest
from dlt_lite.jobs.serving import Exit
from dlt_lite.model.jobs import Job
from dlt_lite.model.outcomes import ResultState
from dlt_lite.model.settings import ProjectSettings
from dlt_lite.runs.folder import new_update_id
from dlt_lite.tasks.run_processes import RunProcesses

_LOOK = 0.2
_FAILED = 1
_SHOWN_REPAIRS = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add("name", metavar="JOB", help="the job")
    add("--from", dest="first", type=_day, required=True, metavar="DAY", help="the first day")
    add("--to", dest="last", type=_day, required=True, metavar="DAY", help="the last day")
    add(
        "--parallel",
        type=number_from_one,
        default=1,
        metavar="N",
        help="how many runs go on at once, at most as many as the job's max_concurrent_runs (1)",
    )
    add("--only-missing", action="store_true", help="leave out days that have been done")


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Run the job for each day."""
    parameter, invocation = _day_parameter(invocation)
    settings = settings_about(arguments.name, invocation)
    job = job_of(settings, job_named(arguments.name, settings))
    given, days = parameters(invocation), days_between(arguments.first, arguments.last)
    for day in (days[0], days[-1]):
        asked = {**given, parameter: day.isoformat()}
        check_request(job, RunRequest("", asked, backfill=moment_of(day)), now())
    done: frozenset[date] = frozenset()
    if arguments.only_missing:
        done = days_done(settings.state_root, settings.target, job.name, given, parameter)
    parallel = min(arguments.parallel, job.max_concurrent_runs)
    if parallel < arguments.parallel:
        invocation.streams.say(f"{parallel} at a time: max_concurrent_runs of job {job.name}")
    work = _Work(job, settings, invocation, parameter, given)
    ends, stopped_by = work.done(days, done, parallel)
    _tell(ends, job.name, invocation)
    if stopped_by is not None:
        return stopped_by
    return 0 if all(end.is_good for end in ends) else _FAILED


class _Work:
    """The runs of a backfill, as processes."""

    def __init__(
        self,
        job: Job,
        settings: ProjectSettings,
        invocation: Invocation,
        parameter: str,
        given: Mapping[str, str],
    ) -> None:
        self._job = job
        self._settings = settings
        self._invocation = invocation
        self._parameter = parameter
        self._given = given
        self._wake = threading.Event()
        self._processes = RunProcesses(settings.root, invocation.environ, self._wake.set)
        self._ids: dict[date, str] = {}

    def done(
        self, days: Sequence[date], done: frozenset[date], parallel: int
    ) -> tuple[tuple[DayEnd, ...], int | None]:
        """Run the days; return what became of them, and an exit code where somebody stopped it."""
        with ExitStack() as stack:
            signals = stack.enter_context(Signals(self._announce, lambda: None, CANCELING_RUNS))
            hands = Hands(self._begin, self._ended, self._wait, signals.stop.is_set, self._over)
            ends = backfilled(days, done, parallel, hands)
            return ends, signals.exit_code if signals.stop.is_set() else None

    def _begin(self, day: date) -> None:
        run_id = new_update_id(now())
        occasion = Occasion(run_id, "backfill", None, moment_of(day))
        given = {**self._given, self._parameter: day.isoformat()}
        words = run_words(self._job.name, occasion, self._settings, self._invocation)
        words += [f"--param={key}={value}" for key, value in given.items()]
        self._ids[day] = run_id
        self._processes.begin(run_id, words)

    def _ended(self, day: date) -> DayEnd | None:
        run_id = self._ids[day]
        exit_ = self._processes.exit_of(run_id)
        if exit_ is None:
            return None
        return DayEnd(day, *self._state(run_id, exit_))

    def _state(self, run_id: str, exit_: Exit) -> tuple[ResultState | DayState, str, str]:
        found = found_run(self._settings, run_id)
        if found.result is not None:
            return found.result, run_id, found.why
        return DayState.REFUSED, run_id, exit_.said or f"exit code {exit_.code}"

    def _wait(self) -> None:
        self._wake.wait(_LOOK)
        self._wake.clear()

    def _over(self, end: DayEnd) -> None:
        about = f": {end.about}" if end.about else ""
        self._invocation.streams.say(one_line(f"{end.day} {end.run_id} {end.state}{about}"))

    def _announce(self, text: str) -> None:
        asks = canceller(self._settings, self._processes)

        def cancel() -> None:
            for run_id in self._processes.alive:
                asks(run_id)

        # A handler must not wait for a lock that the thread it has interrupted may hold.
        threading.Thread(target=cancel, daemon=True).start()
        self._invocation.streams.say_at_once(f"{text}\n")


def _day_parameter(invocation: Invocation) -> tuple[str, Invocation]:
    """Return the parameter that gets the day, and the call without it."""
    names = [text for text in invocation.options.params if "=" not in text]
    if len(names) != 1:
        what = "which parameter gets the day?" if not names else "two parameters get the day"
        raise BadCommandLine(what, fix="write one `--param NAME`, such as --param run_date")
    others = tuple(text for text in invocation.options.params if "=" in text)
    if any(text.partition("=")[0].strip() == names[0] for text in others):
        what = f"parameter {one_line(names[0])} gets the day, and a value of its own"
        raise BadCommandLine(what, fix=f"remove `--param {one_line(names[0])}=…`")
    options = replace(invocation.options, params=others)
    return names[0], replace(invocation, options=options)


def _tell(ends: Sequence[DayEnd], job: str, invocation: Invocation) -> None:
    streams = invocation.streams
    if invocation.wants_json:
        streams.json(
            {
                "days": [
                    {
                        "day": end.day.isoformat(),
                        "state": end.state,
                        "run_id": end.run_id,
                        "about": end.about or None,
                    }
                    for end in ends
                ]
            }
        )
        return
    rows = [(end.day.isoformat(), end.state, end.run_id or "", one_line(end.about)) for end in ends]
    streams.data(aligned(("day", "state", "run", ""), rows, streams))
    counted = Counter(str(end.state) for end in ends)
    streams.say(", ".join(f"{count} {state}" for state, count in counted.items()))
    begun = [end.run_id for end in ends if not end.is_good and isinstance(end.state, ResultState)]
    for run_id in begun[:_SHOWN_REPAIRS]:
        streams.say(f"repair it by: {invocation.program} repair {job} {run_id}")
    if len(begun) > _SHOWN_REPAIRS:
        streams.say(f"{len(begun) - _SHOWN_REPAIRS} more can be repaired so, by their run's id")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        message = f"must be a day such as 2027-01-31, not {one_line(text)}"
        raise argparse.ArgumentTypeError(message) from error
