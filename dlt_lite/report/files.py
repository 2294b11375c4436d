"""An update's results → its reports as files in a folder, one for each form that was asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

from dlt_lite.errors import StorageNotWritable
from dlt_lite.model.gates import GateResult
from dlt_lite.model.result_codec import encoded
from dlt_lite.model.results import UpdateQuality
from dlt_lite.report.comparison import compare, previous_of
from dlt_lite.report.junit import junit_xml
from dlt_lite.report.markdown import markdown_report
from dlt_lite.report.page import html_report
from dlt_lite.runs.disk import FORMAT
from dlt_lite.runs.quality import bounded


class ReportForm(StrEnum):
    """The form of a report."""

    HTML = "html"
    JUNIT = "junit"
    MARKDOWN = "markdown"
    JSON = "json"


_Writer = Callable[[Sequence[UpdateQuality], GateResult | None], str]
_NAMES: Mapping[ReportForm, str] = {
    ReportForm.HTML: "report.html",
    ReportForm.JUNIT: "junit.xml",
    ReportForm.MARKDOWN: "report.md",
    ReportForm.JSON: "quality.json",
}


def write_reports(
    folder: Path,
    updates: Sequence[UpdateQuality],
    forms: Sequence[ReportForm] = tuple(ReportForm),
    gate: GateResult | None = None,
) -> Mapping[ReportForm, Path]:
    """Write the reports of an update.

    Args:
        folder: where to, made where it is missing.
        updates: results, newest first, as `past_quality` gives them; the first is reported.
        forms: which reports.
        gate: whether the quality gate was met.

    Returns:
        The files.

    Raises:
        StorageNotWritable: the disk refused one.
    """
    written = {}
    for form in dict.fromkeys(forms):
        path = folder / _NAMES[form]
        text = _WRITERS[form](updates, gate)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise StorageNotWritable(
                f"{path} cannot be written: {error.strerror or error}",
                fix="name a folder that you may write to",
            ) from error
        written[form] = path
    return written


def results_json(update: UpdateQuality) -> str:
    """Return an update's results as JSON text, as its run folder has them and safe to look at."""
    plain = {"format": FORMAT, **encoded(bounded(update))}
    return json.dumps(plain, indent=1, allow_nan=False) + "\n"


def summary_markdown(updates: Sequence[UpdateQuality], gate: GateResult | None = None) -> str:
    """Return the Markdown report of the newest update, compared with the one before.

    Args:
        updates: results, newest first.
        gate: whether the quality gate was met.
    """
    update = updates[0]
    previous = previous_of(updates, update.update_id)
    change = None if previous is None else compare(previous, update)
    return markdown_report(update, change, gate)


_WRITERS: Mapping[ReportForm, _Writer] = {
    ReportForm.HTML: html_report,
    ReportForm.JUNIT: lambda updates, _: junit_xml(updates[0]),
    ReportForm.MARKDOWN: summary_markdown,
    ReportForm.JSON: lambda updates, _: results_json(updates[0]),
}
