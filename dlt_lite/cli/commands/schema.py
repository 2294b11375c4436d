"""Print the JSON Schema of what dlt_lite writes."""

from __future__ import annotations

import argparse

from dlt_lite.cli.invocation import Invocation
from dlt_lite.model.result_codec import results_schema


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("what", choices=("quality",), help="the results of rules: quality.json")


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Print the schema."""
    del arguments  # There is one to choose yet.
    invocation.streams.json(results_schema())
    return 0
