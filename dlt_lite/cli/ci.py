"""What `run --ci` does besides running: reports, GitHub's annotations and summary, the history."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.report_arguments import forms_of, history_of, out_of
from dlt_lite.cli.verdict import files_text, verdict_text
from dlt_lite.errors import BadCommandLine
from dlt_lite.events.records import Event
from dlt_lite.report.forms import ReportForm

if TYPE_CHECKING:
    from dlt_lite.workspace import Project, Report

GATE_MISSED = 3
_ONLY_WITH_CI = ("out", "format", "history", "samples")
# GitHub drops the whole summary of a step that is longer than 1 MiB.
_MOST_SUMMARY = 1024 * 1024 - 4096
_LEAST_SUMMARY = 1000


@dataclass(frozen=True, slots=True)
class Ci:
    """What CI wants of a run.

    Attributes:
        out: the folder of the reports.
        forms: which reports.
        history: a folder kept between runs.
        samples: whether rows of the data may be shown.
    """

    out: Path
    forms: tuple[ReportForm, ...]
    history: Path | None
    samples: bool


class Begun:
    """A sink that remembers which update it is told of."""

    def __init__(self) -> None:
        self.update_id: str | None = None

    def __call__(self, event: Event) -> None:
        """Take an event."""
        self.update_id = event.envelope.update_id


def ci_of(arguments: argparse.Namespace, invocation: Invocation) -> Ci | None:
    """Return what CI wants, None where nobody said `--ci`.

    Raises:
        BadCommandLine: an option that means nothing without `--ci`.
    """
    if not arguments.ci:
        given = [name for name in _ONLY_WITH_CI if getattr(arguments, name)]
        if given:
            raise BadCommandLine(f"--{given[0]} means nothing without --ci", fix="add --ci")
        return None
    return Ci(
        out_of(arguments, invocation),
        forms_of(arguments),
        history_of(arguments, invocation),
        arguments.samples,
    )


def make_ready(ci: Ci) -> None:
    """Make the folders, and find out whether they can be written before anything runs.

    Raises:
        StorageNotWritable: one cannot.
    """
    from dlt_lite.report.files import check_writable  # noqa: PLC0415 - jinja2 costs start time

    for folder in (ci.out, ci.history):
        if folder is not None:
            check_writable(folder)


def reported(ci: Ci, project: Project, update_id: str, invocation: Invocation) -> Report:
    """Write all that CI wants to know of an update, and tell of it.

    Raises:
        StorageNotWritable: the disk refused a file.
    """
    from dlt_lite.runs.quality import keep_results  # noqa: PLC0415 - only here

    report = project.report(
        ci.out, update=update_id, forms=ci.forms, history=ci.history, samples=ci.samples
    )
    if ci.history is not None:
        keep_results(ci.history, report.update)
    _annotate(report, project.settings.root, invocation)
    _add_to_summary(report, invocation)
    streams = invocation.streams
    if not invocation.wants_json:
        streams.data("\n" + verdict_text(report.update, report.gate, streams))
    streams.say(files_text(report, invocation.here, keeps_history=ci.history is not None))
    return report


def _annotate(report: Report, root: Path, invocation: Invocation) -> None:
    """Print GitHub's annotations where GitHub reads them; beside data on stderr, which it reads."""
    if invocation.environ.get("GITHUB_ACTIONS") != "true":
        return
    from dlt_lite.report.annotations import github_annotations  # noqa: PLC0415 - only here

    folder = _folder_within(invocation.environ.get("GITHUB_WORKSPACE"), root)
    streams = invocation.streams
    tell = streams.complain if invocation.wants_json else streams.data
    for line in github_annotations(report.update, folder=folder):
        tell(line)


def _folder_within(workspace: str | None, root: Path) -> str:
    if not workspace:
        return ""
    above = Path(workspace).resolve()
    folder = root.relative_to(above).as_posix() if root.is_relative_to(above) else ""
    return "" if folder == "." else folder


def _add_to_summary(report: Report, invocation: Invocation) -> None:
    """Add the report to the step's summary; a summary that cannot be had is no failure."""
    place = invocation.environ.get("GITHUB_STEP_SUMMARY")
    if not place:
        return
    from dlt_lite.report.files import summary_markdown  # noqa: PLC0415 - jinja2

    try:
        with Path(place).open("ab") as file:
            room = _MOST_SUMMARY - file.seek(0, os.SEEK_END)
            if room >= _LEAST_SUMMARY:
                text = summary_markdown(report.updates, report.gate, most_bytes=room)
                file.write(text.encode("utf-8", "backslashreplace") + b"\n")
    except OSError as error:
        invocation.streams.say(one_line(f"note: no step summary was written: {error}"))
