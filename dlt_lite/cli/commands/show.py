"""Print rows of a dataset's table; PIPELINE.NAME where two pipelines have one of a name."""

from __future__ import annotations

import argparse
import base64
import datetime as dt
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal

from dlt_lite.cli.arguments import whole_number
from dlt_lite.cli.escaping import json_text
from dlt_lite.cli.figures import counted
from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.opening import opened
from dlt_lite.cli.streams import aligned
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
        found = opened(invocation).rows(
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


def plain_value(value: object) -> object:
    """Return a value of a row as JSON can say it."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case Decimal() | dt.timedelta():
            return str(value)
        case dt.datetime() | dt.date():
            return value.isoformat()
        case bytes() | bytearray():
            return base64.b64encode(value).decode()
        case _:
            return _plain_whole(value)


def _plain_whole(value: object) -> object:
    # A struct comes as pyspark's Row, a tuple that knows the names of its fields.
    as_dict = getattr(value, "asDict", None)
    if as_dict is not None:
        value = as_dict()
    if isinstance(value, Mapping):
        return {str(key): plain_value(each) for key, each in value.items()}
    if isinstance(value, Sequence):
        return [plain_value(each) for each in value]
    return str(value)


def _cell(value: object) -> str:
    text = (
        "NULL"
        if value is None
        else value
        if isinstance(value, str)
        else json_text(value, indent=None)
    )
    return text if len(text) <= _LONGEST_CELL else f"{text[:_LONGEST_CELL]}…"
