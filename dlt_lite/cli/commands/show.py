"""Print rows of a dataset's table; PIPELINE.NAME where two pipelines have one of a name."""

from __future__ import annotations

import argparse

from dlt_lite.cli.arguments import whole_number
from dlt_lite.cli.escaping import json_text
from dlt_lite.cli.figures import counted
from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.opening import opened_to_look_back
from dlt_lite.cli.streams import aligned
from dlt_lite.model.plain_values import plain_value
from dlt_lite.workspace import Rows

_LONGEST_CELL = 80
_ROWS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add("dataset", metavar="DATASET", help="the dataset")
    add("--limit", type=whole_number, default=_ROWS, metavar="N", help=f"at most N rows ({_ROWS})")
    add("--version", type=whole_number, metavar="N", help="the table as of version N")


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Print the rows."""
    with invocation.streams.kept_for_data():
        found = opened_to_look_back(invocation).rows(
            arguments.dataset, limit=arguments.limit, version=arguments.version
        )
    tell_rows(found, arguments.dataset, invocation)
    return 0


def tell_rows(found: Rows, dataset: str, invocation: Invocation) -> None:
    """Print rows of a dataset."""
    streams = invocation.streams
    rows = [[plain_value(value) for value in row] for row in found.rows]
    if invocation.wants_json:
        streams.json([dict(zip(found.columns, row, strict=True)) for row in rows])
        return
    cells = [[_cell(value) for value in row] for row in rows]
    streams.data(aligned(found.columns, cells, streams))
    streams.say(f"{counted(len(rows), 'row')}, version {found.version} of {dataset}")


def _cell(value: object) -> str:
    text = (
        "NULL"
        if value is None
        else value
        if isinstance(value, str)
        else json_text(value, indent=None)
    )
    return text if len(text) <= _LONGEST_CELL else f"{text[:_LONGEST_CELL]}…"
