"""Write the reports of an update: a page, JUnit, Markdown, JSON; needs neither Spark nor tables."""

from __future__ import annotations

import argparse

from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.opening import opened_to_look_back
from dlt_lite.cli.report_arguments import add_report_arguments, forms_of, history_of, out_of
from dlt_lite.cli.verdict import files_text, verdict_json, verdict_text
from dlt_lite.report.updates import LATEST


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add("name", metavar="PIPELINE", nargs="?", help="the pipeline; that of the update by default")
    add(
        "--update",
        metavar="ID",
        default=LATEST,
        help="an update's id, the beginning of it, or `latest`, as by default",
    )
    add_report_arguments(parser)


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Write the reports, and print the verdict."""
    streams = invocation.streams
    history = history_of(arguments, invocation)
    report = opened_to_look_back(invocation).report(
        out_of(arguments, invocation),
        arguments.name,
        update=arguments.update,
        forms=forms_of(arguments),
        history=history,
    )
    if invocation.wants_json:
        update = report.update
        about = {"update_id": update.update_id, "pipeline": update.pipeline}
        streams.json({**about, "target": update.target, **verdict_json(report)})
        return 0
    streams.data(verdict_text(report.update, report.gate, streams))
    streams.say(files_text(report, invocation.here, keeps_history=history is not None))
    return 0
