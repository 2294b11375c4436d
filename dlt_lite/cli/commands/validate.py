"""Check files, names and settings; with --analyze the queries, too. Writes nothing."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.figures import counted
from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.opening import opened

if TYPE_CHECKING:
    from dlt_lite.workspace import Validated


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("pipelines", metavar="PIPELINE", nargs="*", help="all where none is named")
    parser.add_argument(
        "--analyze", action="store_true", help="start Spark and resolve every query over no rows"
    )


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Check the pipelines."""
    streams = invocation.streams
    with streams.kept_for_data():
        found = opened(invocation).validate(tuple(arguments.pipelines), analyze=arguments.analyze)
    if invocation.wants_json:
        streams.json([_as_json(each) for each in found])
        return 0
    streams.data("\n".join(_told(each) for each in found))
    for each in found:
        for note in each.notes:
            streams.say(f"note: {one_line(each.pipeline)}: {one_line(note)}")
        for file in each.needs_analyze:
            streams.say(
                f"note: {one_line(file)} touches Spark while it is loaded: only"
                f" `{invocation.program} validate --analyze` can check it"
            )
    return 0


def _told(found: Validated) -> str:
    names = ", ".join(found.datasets)
    number = counted(len(found.datasets), "dataset")
    return one_line(
        f"{found.pipeline}: {number}: {names}" if names else f"{found.pipeline}: {number}"
    )


def _as_json(found: Validated) -> dict[str, object]:
    return {
        "pipeline": found.pipeline,
        "datasets": list(found.datasets),
        "notes": list(found.notes),
        "needs_analyze": list(found.needs_analyze),
    }
