"""Print the JSON Schema of a kind of file, for editors: `schema job` for job.yml."""

from __future__ import annotations

import argparse

from dlt_lite.cli.invocation import Invocation
from dlt_lite.project.job_schema import job_schema


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("kind", choices=("job",), help="the kind of file")


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Print the schema."""
    del arguments
    invocation.streams.json(job_schema())
    return 0
