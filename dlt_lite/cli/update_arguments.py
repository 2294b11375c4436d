"""The arguments that `plan` and `run` share → what is asked of an update."""

from __future__ import annotations

import argparse

from dlt_lite.errors import BadCommandLine
from dlt_lite.model.requests import UpdateRequest

_EVERYTHING = ""


def add_update_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the pipeline and which of its datasets are meant."""
    add = parser.add_argument
    add(
        "name",
        metavar="NAME",
        nargs="?",
        help="the pipeline or the job; job:NAME where both are called so",
    )
    add(
        "--select",
        metavar="NAMES",
        action="append",
        default=[],
        help="these datasets of a pipeline only: names, +x with what it reads, x+ with what reads"
        " it, tag:word, commas between several; may be repeated",
    )
    add(
        "--full-refresh",
        metavar="NAMES",
        nargs="?",
        const=_EVERYTHING,
        action="append",
        default=[],
        help="empty these datasets and compute them anew; without names, all",
    )
    add(
        "--reset-checkpoint",
        metavar="FLOW",
        action="append",
        default=[],
        help="let this flow read its sources from the start, its table as it is; may be repeated",
    )


def pipeline_name(arguments: argparse.Namespace, program: str) -> str:
    """Return the pipeline that is meant.

    Raises:
        BadCommandLine: no name is there, such as when --full-refresh has taken it.
    """
    if arguments.name is not None:
        return str(arguments.name)
    fix = f"see `{program} ls` for the pipelines and jobs"
    if any(arguments.full_refresh):
        taken = arguments.full_refresh[-1]
        fix = f"--full-refresh took {taken!r} as its names: write the pipeline's name first"
    raise BadCommandLine("the NAME of a pipeline or job is missing", fix=fix)


def update_request(arguments: argparse.Namespace, *, yes: bool) -> UpdateRequest:
    """Return what is asked of the update."""
    refreshed = tuple(arguments.full_refresh)
    return UpdateRequest(
        select=tuple(arguments.select),
        full_refresh=tuple(each for each in refreshed if each != _EVERYTHING),
        full_refresh_all=_EVERYTHING in refreshed,
        reset_checkpoint=tuple(arguments.reset_checkpoint),
        yes=yes,
    )
