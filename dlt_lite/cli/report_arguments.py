"""The arguments by which commands that write or read reports are told where, which and how."""

from __future__ import annotations

import argparse
from pathlib import Path

from dlt_lite.cli.invocation import Invocation
from dlt_lite.project.suggestions import did_you_mean, shown
from dlt_lite.report.forms import EVERYDAY, ReportForm

OUT = "report"


def add_report_arguments(parser: argparse.ArgumentParser, when: str = "") -> None:
    """Declare where reports go, and which; `when` says when they count."""
    add = parser.add_argument
    add("--out", metavar="DIR", help=f"the folder of the reports ({OUT}){when}")
    add(
        "--format",
        metavar="FORMS",
        type=report_forms,
        help=f"which, with commas: {', '.join(ReportForm)}; by default the first four{when}",
    )
    add_history_argument(parser, when)


def add_history_argument(parser: argparse.ArgumentParser, when: str = "") -> None:
    """Declare the folder that is kept between runs."""
    text = f"a folder kept between runs, whose updates are added to ours{when}"
    parser.add_argument("--history", metavar="DIR", help=text)


def report_forms(text: str) -> tuple[ReportForm, ...]:
    """Return the forms that a text names.

    Raises:
        argparse.ArgumentTypeError: it names another.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    known = [form.value for form in ReportForm]
    for word in words or [""]:
        if word not in known:
            message = f"{shown(word)} is no form of a report; {did_you_mean(word, known)}"
            raise argparse.ArgumentTypeError(message)
    return tuple(map(ReportForm, words))


def forms_of(arguments: argparse.Namespace) -> tuple[ReportForm, ...]:
    """Return the forms that are wanted."""
    forms: tuple[ReportForm, ...] | None = arguments.format
    return EVERYDAY if forms is None else forms


def out_of(arguments: argparse.Namespace, invocation: Invocation) -> Path:
    """Return the folder of the reports."""
    return invocation.here / (arguments.out or OUT)


def history_of(arguments: argparse.Namespace, invocation: Invocation) -> Path | None:
    """Return the folder that is kept between runs, None where none is named."""
    return None if arguments.history is None else invocation.here / arguments.history
