"""Propose rules for a dataset: one look at its table, and a file of rules to review on stdout.

With `--diff FILE` a patch comes out that adds to a file the rules that it lacks.
"""

from __future__ import annotations

import argparse

from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.opening import opened
from dlt_lite.cli.writing import write_file
from dlt_lite.errors import BadCommandLine


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add("dataset", metavar="DATASET", help="the dataset")
    add("--out", metavar="FILE", help="a file that is not there yet; stdout by default")
    add("--diff", metavar="FILE", help="print a patch that adds what this file of rules lacks")


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Print or write the proposal."""
    streams, out = invocation.streams, arguments.out
    path = None if out is None else invocation.here / out
    if path is not None and path.exists():
        raise BadCommandLine(f"{out} is there already", fix="name another file, or compare by diff")
    amend = None if arguments.diff is None else invocation.here / arguments.diff
    with streams.kept_for_data():
        text = opened(invocation).suggest(arguments.dataset, amend=amend)
    if path is not None:
        write_file(path, text)
        streams.say(one_line(str(out)))
    elif invocation.wants_json:
        streams.json({"dataset": arguments.dataset, "rules": text})
    else:
        streams.data(text.removesuffix("\n"))
    return 0
