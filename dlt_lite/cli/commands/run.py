"""Bring the tables of a pipeline up to date: what is new is read, what changed is computed anew."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path

from dlt_lite.cli.complaints import painted
from dlt_lite.cli.consent import asker, can_ask
from dlt_lite.cli.console import Console
from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.opening import opened
from dlt_lite.cli.plain_console import PlainConsole
from dlt_lite.cli.signals import Signals
from dlt_lite.cli.summary import next_steps, summary, tables_place
from dlt_lite.cli.update_arguments import add_update_arguments, pipeline_name, update_request
from dlt_lite.model.requests import UpdateRequest
from dlt_lite.project.loading import pipeline_of
from dlt_lite.report.summary import UpdateResult
from dlt_lite.runs.folder import runs_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_update_arguments(parser)
    parser.add_argument(
        "--yes", action="store_true", help="agree to a reset that loses rows, unasked"
    )


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Run an update, telling of it on stderr."""
    name = pipeline_name(arguments, invocation.program)
    return carry_out(name, update_request(arguments, yes=arguments.yes), invocation)


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
