"""Bring the tables of a pipeline up to date, or run a job.

Of a pipeline what is new is read, and what changed is computed anew. Of a job each task is carried
out after what it waits for; `--param` gives values to its parameters.
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path

from dlt_lite.cli.complaints import painted
from dlt_lite.cli.consent import asker, can_ask
from dlt_lite.cli.console import Console
from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.job_running import run_watched
from dlt_lite.cli.names import Meant, what_is_meant
from dlt_lite.cli.opening import opened, parameters, project_settings
from dlt_lite.cli.plain_console import PlainConsole
from dlt_lite.cli.signals import Signals
from dlt_lite.cli.summary import next_steps, summary, tables_place
from dlt_lite.cli.update_arguments import add_update_arguments, pipeline_name, update_request
from dlt_lite.errors import BadCommandLine
from dlt_lite.model.requests import UpdateRequest
from dlt_lite.project.loading import pipeline_of
from dlt_lite.report.summary import UpdateResult
from dlt_lite.runs.folder import runs_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_update_arguments(parser)
    parser.add_argument(
        "--only",
        metavar="TASKS",
        action="append",
        default=[],
        help="these tasks of a job only: t, +t with all before it, t+ with all after it, commas"
        " between several; may be repeated",
    )
    parser.add_argument(
        "--yes", action="store_true", help="agree to a reset that loses rows, unasked"
    )


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Run an update or a job, telling of it on stderr."""
    kind, name = what_is_meant(
        pipeline_name(arguments, invocation.program), project_settings(invocation)
    )
    if kind is Meant.JOB:
        return _run_job(name, arguments, invocation)
    if arguments.only:
        raise BadCommandLine(f"{name} is a pipeline", fix="select datasets by --select")
    return carry_out(name, update_request(arguments, yes=arguments.yes), invocation)


def _run_job(name: str, arguments: argparse.Namespace, invocation: Invocation) -> int:
    request = update_request(arguments, yes=arguments.yes)
    if request != UpdateRequest(yes=request.yes):
        fix = "say it in the job's file, at the task; or run the pipeline by its own name"
        raise BadCommandLine(f"{name} is a job, which takes no datasets", fix=fix)
    given = parameters(invocation)
    only = [key for each in arguments.only for key in each.split(",") if key]
    return run_watched(
        name,
        invocation,
        lambda project, watchers: project.run_job(
            name, parameters=given, only=only, watchers=watchers
        ),
    )


def carry_out(name: str, request: UpdateRequest, invocation: Invocation) -> int:
    """Run an update of a pipeline, telling of it on stderr; return the exit code."""
    project, streams = opened(invocation), invocation.streams
    with ExitStack() as stack:
        stack.enter_context(streams.kept_for_data())
        console = stack.enter_context(_console(invocation))
        signals = stack.enter_context(Signals(console.notice, console.leave))
        asks = asker(streams, console.paused, signals.asking) if can_ask(streams) else None
        result = project.run(
            name,
            request=request,
            sinks=(console,),
            confirm=asks,
            stop=signals.stop,
            on_session=signals.reinstall,
            on_note=console.note,
        )
    if invocation.wants_json:
        streams.json(result.as_json())
        if result.error is not None:
            streams.complain(painted(result.error, color=streams.err_color))
    else:
        _tell(result, pipeline_of(project.settings, name).state_root, invocation)
    return _exit_code(result, signals)


def _tell(result: UpdateResult, state_root: Path, invocation: Invocation) -> None:
    streams = invocation.streams
    streams.data(summary(result, streams))
    folder = runs_of(state_root) / result.update_id
    place = tables_place(result)
    streams.say("")
    if place is not None:
        streams.say(f"tables: {one_line(place)}")
    streams.say(f"run:    {one_line(_from_here(folder, invocation.here))}")
    if result.state == "FAILED":
        streams.say("        Spark's own log is spark.log in there")
    steps = next_steps(result, invocation.program)
    streams.say("next:   " + one_line(steps[0]))
    for step in steps[1:]:
        streams.say("        " + one_line(step))


def _from_here(path: Path, here: Path) -> Path:
    return path.relative_to(here) if path.is_relative_to(here) else path


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
