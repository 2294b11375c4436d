"""Print a JSON Schema: of job.yml and of expectations for editors, of quality.json."""

from __future__ import annotations

import argparse

from dlt_lite.cli.invocation import Invocation
from dlt_lite.model.result_codec import results_schema
from dlt_lite.project.job_schema import job_schema
from dlt_lite.suites.file_schema import expectations_schema

_SCHEMAS = {
    "expectations": expectations_schema,
    "job": job_schema,
    "quality": results_schema,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("kind", choices=tuple(_SCHEMAS), help="the kind of file")


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Print the schema."""
    invocation.streams.json(_SCHEMAS[arguments.kind]())
    return 0
