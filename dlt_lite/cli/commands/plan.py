"""Say what a run would do with each dataset, and why. Reads only."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.opening import opened
from dlt_lite.cli.streams import Streams, aligned
from dlt_lite.cli.update_arguments import add_update_arguments, pipeline_name, update_request
from dlt_lite.report.summary import PlannedDataset

_CHANGES = 10
_UNCHANGING = frozenset({"skip", "none"})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_update_arguments(parser)
    parser.add_argument(
        "--exit-code", action="store_true", help="exit with 10 where a run would change something"
    )


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Print the plan."""
    name = pipeline_name(arguments, invocation.program)
    streams = invocation.streams
    with streams.kept_for_data():
        request = update_request(arguments, yes=False)
        result = opened(invocation).plan(name, request=request, on_note=_note_to(streams))
    if invocation.wants_json:
        streams.json(result.as_json())
    else:
        columns = ("dataset", "action", "reason")
        rows = [(each.name, _action(each), each.reason) for each in result.datasets]
        streams.data(aligned(columns, rows, streams))
    changes = any(each.action not in _UNCHANGING for each in result.datasets)
    return _CHANGES if changes and arguments.exit_code else 0


def _action(dataset: PlannedDataset) -> str:
    words = dataset.action.replace("_", " ")
    return f"{words} if {' or '.join(dataset.when)} changes" if dataset.when else words


def _note_to(streams: Streams) -> Callable[[str], None]:
    return lambda text: streams.say(f"note: {one_line(text)}")
