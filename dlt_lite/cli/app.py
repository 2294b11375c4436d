"""The outermost frame: words in, exit code out. Whatever is raised below ends here.

One of the three places that catch everything; a fault of ours leaves a report and exit code 70.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from dlt_lite.cli.arguments import (
    FirstWords,
    Parser,
    command_parser,
    first_words,
    global_options,
    overview,
    probable_options,
)
from dlt_lite.cli.complaints import complaint, complaint_json
from dlt_lite.cli.invocation import GlobalOptions, Invocation
from dlt_lite.cli.menu import Command
from dlt_lite.cli.streams import open_streams
from dlt_lite.errors import BadCommandLine, DltLiteError, exit_code_of
from dlt_lite.version import VERSION

_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class World:
    """What surrounds one call.

    Attributes:
        environ: the environment.
        here: where the person stands.
        program: how the person calls us.
    """

    environ: Mapping[str, str]
    here: Path
    program: str


@dataclass(frozen=True, slots=True)
class Call:
    """A command line that makes sense."""

    module: ModuleType
    parser: Parser
    arguments: argparse.Namespace
    invocation: Invocation
    wants_help: bool


def main(words: Sequence[str] | None = None) -> int:
    """Carry out a command line.

    Args:
        words: the words behind the program's name, None for those of this process.

    Returns:
        The exit code.
    """
    given = sys.argv[1:] if words is None else list(words)
    world = World(os.environ, Path.cwd(), _program(sys.argv[0]))
    invocation = _invocation("", probable_options(given, world.environ), world)
    try:
        first = first_words(given, world.program)
        if first.command is None:
            return _without_command(first, world)
        call = _read(first, first.command, world)
        invocation = call.invocation
        return _carried_out(call)
    except DltLiteError as error:
        return _refused(error, invocation)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as fault:  # noqa: BLE001 - the outermost frame: nobody above could catch it
        return _broken(fault, given, invocation)


def _read(first: FirstWords, command: Command, world: World) -> Call:
    module = importlib.import_module(command.module)
    parser = command_parser(command, module, world.program)
    wants_help = first.wants_help or parser.asks_for_help(first.rest)
    arguments = argparse.Namespace() if wants_help else parser.parsed(first.rest)
    options = global_options(first.given, vars(arguments), world.environ)
    return Call(module, parser, arguments, _invocation(command.name, options, world), wants_help)


def _carried_out(call: Call) -> int:
    if call.wants_help:
        call.invocation.streams.data(call.parser.format_help())
        return 0
    code: int = call.module.run(call.arguments, call.invocation)
    return code


def _without_command(first: FirstWords, world: World) -> int:
    streams = _invocation("", global_options(first.given, {}, world.environ), world).streams
    if first.wants_version:
        streams.data(f"dlt_lite {VERSION}")
        return 0
    if first.wants_help:
        streams.data(overview(world.program))
        return 0
    raise BadCommandLine("a command is missing", fix=f"see `{world.program} --help`")


def _refused(error: DltLiteError, invocation: Invocation) -> int:
    streams = invocation.streams
    streams.complain(complaint(error, color=streams.err_color, verbose=streams.verbose))
    if invocation.wants_json:
        streams.json({**_shape(invocation.command), **complaint_json(error)})
    return exit_code_of(error)


def _shape(command: str) -> dict[str, object]:
    """Return what an error's object holds besides, so that a reader of `run` finds its keys."""
    return {"update_id": None, "state": "FAILED", "datasets": []} if command == "run" else {}


def _broken(fault: Exception, words: Sequence[str], invocation: Invocation) -> int:
    from dlt_lite.cli.crash import internal_problem  # noqa: PLC0415 - seldom needed

    problem = internal_problem(fault, words, folder=_report_folder(invocation))
    problem.__cause__ = fault
    return _refused(problem, invocation)


def _report_folder(invocation: Invocation) -> Path | None:
    """Return a folder below the state root, for a run alone: no other command may write there."""
    if invocation.command != "run":
        return None
    from dlt_lite.cli.opening import project_settings  # noqa: PLC0415 - seldom needed

    try:
        return project_settings(invocation).state_root / "faults"
    except Exception:  # noqa: BLE001 - the first error is the one to show
        return None


def _invocation(command: str, options: GlobalOptions, world: World) -> Invocation:
    streams = open_streams(
        world.environ, color=options.color, quiet=options.quiet, verbose=options.verbose
    )
    return Invocation(command, options, world.environ, world.here, streams, world.program)


def _program(path: str) -> str:
    name = Path(path).name
    return "python -m dlt_lite" if name in {"__main__.py", "-m", "-c", ""} else name
