"""Bring the tables of a pipeline up to date, or run a job.

Of a pipeline what is new is read, and what changed is computed anew. Of a job each task is carried
out after what it waits for; `--param` gives values to its parameters.
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from typing import TYPE_CHECKING

from dlt_lite.cli.ci import GATE_MISSED, Begun, Ci, ci_of, make_ready, reported
from dlt_lite.cli.complaints import complaint, painted
from dlt_lite.cli.consent import asker, can_ask
from dlt_lite.cli.console import Console
from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.job_running import run_watched
from dlt_lite.cli.names import Meant, what_is_meant
from dlt_lite.cli.occasion_arguments import add_occasion_arguments, occasion
from dlt_lite.cli.opening import opened_about, parameters, settings_about
from dlt_lite.cli.plain_console import PlainConsole
from dlt_lite.cli.report_arguments import add_report_arguments
from dlt_lite.cli.signals import Signals
from dlt_lite.cli.summary import next_steps, summary, tables_place
from dlt_lite.cli.update_arguments import add_update_arguments, pipeline_name, update_request
from dlt_lite.cli.verdict import from_here, verdict_json
from dlt_lite.errors import BadCommandLine, DltLiteError, exit_code_of
from dlt_lite.events.sinks import Sink
from dlt_lite.model.requests import UpdateRequest
from dlt_lite.project.loading import pipeline_of
from dlt_lite.report.summary import UpdateResult
from dlt_lite.runs.folder import runs_of

if TYPE_CHECKING:
    from dlt_lite.workspace import Project, Report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_update_arguments(parser)
    add = parser.add_argument
    add(
        "--only",
        metavar="TASKS",
        action="append",
        default=[],
        help="these tasks of a job only: t, +t with all before it, t+ with all after it, commas"
        " between several; may be repeated",
    )
    add("--yes", action="store_true", help="agree to a reset that loses rows, unasked")
    add(
        "--ci",
        action="store_true",
        help="write the quality reports, annotate on GitHub, end with 3 where the gate is missed",
    )
    add_occasion_arguments(parser)
    add_report_arguments(parser, "; with --ci")
    add("--samples", action="store_true", help="show rows of the data in reports; with --ci")


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Run an update or a job, telling of it on stderr."""
    named = pipeline_name(arguments, invocation.program)
    kind, name = what_is_meant(named, settings_about(named, invocation))
    if kind is Meant.JOB:
        return _run_job(name, arguments, invocation)
    if arguments.only:
        raise BadCommandLine(f"{name} is a pipeline", fix="select datasets by --select")
    request = update_request(arguments, yes=arguments.yes)
    return carry_out(name, request, invocation, ci_of(arguments, invocation))


def _run_job(name: str, arguments: argparse.Namespace, invocation: Invocation) -> int:
    request = update_request(arguments, yes=arguments.yes)
    if request != UpdateRequest(yes=request.yes):
        fix = "say it in the job's file, at the task; or run the pipeline by its own name"
        raise BadCommandLine(f"{name} is a job, which takes no datasets", fix=fix)
    given, why = parameters(invocation), occasion(arguments)
    only = [key for each in arguments.only for key in each.split(",") if key]
    return run_watched(
        name,
        invocation,
        lambda project, watchers: project.run_job(
            name, parameters=given, only=only, watchers=watchers, occasion=why
        ),
    )


def carry_out(
    name: str, request: UpdateRequest, invocation: Invocation, ci: Ci | None = None
) -> int:
    """Run an update of a pipeline, telling of it on stderr, and CI of what it wants to know.

    Args:
        name: the pipeline.
        request: what is asked for.
        invocation: the call.
        ci: what CI wants; None where nobody is CI.

    Returns:
        The exit code.

    Raises:
        DltLiteError: the update could not be begun.
    """
    project, begun = opened_about(f"{Meant.PIPELINE}:{name}", invocation), Begun()
    pipeline_of(project.settings, name)
    if ci is not None:
        make_ready(ci)
    try:
        samples = ci is None or ci.samples
        result, code = _updated(name, request, project, (begun,), invocation, samples=samples)
    except DltLiteError:
        if ci is not None and begun.update_id is not None:
            _reported(ci, project, begun.update_id, invocation)
        raise
    report = None
    if not invocation.wants_json:
        _tell(result, project, invocation)
    if ci is not None:
        report, ci_code = _reported(ci, project, result.update_id, invocation)
        code = code or ci_code
    if invocation.wants_json:
        _tell_json(result, report, invocation)
    return code


def _updated(
    name: str,
    request: UpdateRequest,
    project: Project,
    sinks: tuple[Sink, ...],
    invocation: Invocation,
    *,
    samples: bool,
) -> tuple[UpdateResult, int]:
    """Carry the update out; return what it did, and the exit code that this means."""
    streams = invocation.streams
    with ExitStack() as stack:
        stack.enter_context(streams.kept_for_data())
        console = stack.enter_context(_console(invocation))
        signals = stack.enter_context(Signals(console.notice, console.leave))
        asks = asker(streams, console.paused, signals.asking) if can_ask(streams) else None
        result = project.run(
            name,
            request=request,
            sinks=(console, *sinks),
            confirm=asks,
            stop=signals.stop,
            on_session=signals.reinstall,
            on_note=console.note,
            samples=samples,
        )
    return result, _exit_code(result, signals)


def _reported(
    ci: Ci, project: Project, update_id: str, invocation: Invocation
) -> tuple[Report | None, int]:
    """Write what CI wants to know; what goes wrong with that is told, and takes nothing back."""
    try:
        report = reported(ci, project, update_id, invocation)
    except DltLiteError as error:
        streams = invocation.streams
        streams.complain(complaint(error, color=streams.err_color, verbose=streams.verbose))
        return None, exit_code_of(error)
    return report, 0 if report.gate.met else GATE_MISSED


def _tell_json(result: UpdateResult, report: Report | None, invocation: Invocation) -> None:
    streams = invocation.streams
    streams.json({**result.as_json(), **({} if report is None else verdict_json(report))})
    if result.error is not None:
        streams.complain(painted(result.error, color=streams.err_color))


def _tell(result: UpdateResult, project: Project, invocation: Invocation) -> None:
    streams = invocation.streams
    state_root = pipeline_of(project.settings, result.pipeline).state_root
    streams.data(summary(result, streams))
    folder = runs_of(state_root) / result.update_id
    place = tables_place(result)
    streams.say("")
    if place is not None:
        streams.say(f"tables: {one_line(place)}")
    streams.say(f"run:    {one_line(from_here(folder, invocation.here))}")
    if result.state == "FAILED":
        streams.say("        Spark's own log is spark.log in there")
    steps = next_steps(result, invocation.program)
    streams.say("next:   " + one_line(steps[0]))
    for step in steps[1:]:
        streams.say("        " + one_line(step))


def _console(invocation: Invocation) -> Console:
    streams = invocation.streams
    if not streams.err_is_terminal or streams.quiet:
        return PlainConsole(streams)
    from dlt_lite.cli.live_console import LiveConsole  # noqa: PLC0415 - rich costs start time

    return LiveConsole(streams, environ=invocation.environ)


def _exit_code(result: UpdateResult, signals: Signals) -> int:
    match result.state:
        case "COMPLETED":
            return 0
        case "CANCELED":
            return signals.exit_code
        case _:
            return 1
