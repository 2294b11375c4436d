"""An update's results → its reports as files in a folder, one for each form that was asked for."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from dlt_lite.errors import StorageNotWritable
from dlt_lite.model.gates import GateResult
from dlt_lite.model.result_codec import encoded
from dlt_lite.model.results import UpdateQuality
from dlt_lite.report.comparison import compare, previous_of
from dlt_lite.report.forms import EVERYDAY, ReportForm
from dlt_lite.report.gx import gx_json, gx_results, write_data_docs
from dlt_lite.report.junit import junit_xml
from dlt_lite.report.markdown import MOST_BYTES, markdown_report
from dlt_lite.report.page import html_report
from dlt_lite.runs.disk import FORMAT
from dlt_lite.runs.quality import bounded

_Writer = Callable[[Sequence[UpdateQuality], GateResult | None], str]
_NAMES: Mapping[ReportForm, str] = {
    ReportForm.HTML: "report.html",
    ReportForm.JUNIT: "junit.xml",
    ReportForm.MARKDOWN: "report.md",
    ReportForm.JSON: "quality.json",
    ReportForm.GX: "gx",
    ReportForm.GX_DOCS: "gx-docs",
}


def write_reports(
    folder: Path,
    updates: Sequence[UpdateQuality],
    forms: Sequence[ReportForm] = EVERYDAY,
    gate: GateResult | None = None,
) -> Mapping[ReportForm, Path]:
    """Write the reports of an update.

    Args:
        folder: where to, made where it is missing.
        updates: results, newest first, as `past_quality` gives them; the first is reported.
        forms: which reports.
        gate: whether the quality gate was met.

    Returns:
        The files; of results of Great Expectations their folder, of its site the first page.

    Raises:
        StorageNotWritable: the disk refused one.
    """
    written = {}
    for form in dict.fromkeys(forms):
        path = folder / _NAMES[form]
        if form in _FOLDERS:
            path = _FOLDERS[form](path, updates[0])
        else:
            write_report(path, _WRITERS[form](updates, gate))
        written[form] = path
    return written


def write_report(path: Path, text: str) -> None:
    """Write one report, its folder made where it is missing.

    Raises:
        StorageNotWritable: the disk refused it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
    except OSError as error:
        raise _refused(path, error) from error


def _write_gx(folder: Path, update: UpdateQuality) -> Path:
    """Write a file for each dataset that has rules, named like it; the folder is there anyhow."""
    check_writable(folder)
    for dataset, result in gx_results(update).items():
        name = re.sub(r"[^\w.-]", "_", dataset)
        write_report(folder / f"{name}.json", gx_json(result))
    return folder


def _write_gx_docs(folder: Path, update: UpdateQuality) -> Path:
    check_writable(folder)
    try:
        return write_data_docs(folder, update)
    except OSError as error:
        raise _refused(folder, error) from error


def check_writable(folder: Path) -> None:
    """Find out whether reports can be written into a folder, made where it is missing.

    Raises:
        StorageNotWritable: they cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _refused(folder, error) from error


def without_samples(update: UpdateQuality) -> UpdateQuality:
    """Return results without any row of the data."""
    rules = tuple(replace(rule, samples=()) for rule in update.rules)
    return replace(update, rules=rules)


def results_json(update: UpdateQuality) -> str:
    """Return an update's results as JSON text, as its run folder has them and safe to look at."""
    plain = {"format": FORMAT, **encoded(bounded(update))}
    return json.dumps(plain, indent=1, allow_nan=False) + "\n"


def summary_markdown(
    updates: Sequence[UpdateQuality],
    gate: GateResult | None = None,
    *,
    most_bytes: int = MOST_BYTES,
) -> str:
    """Return the Markdown report of the newest update, compared with the one before.

    Args:
        updates: results, newest first.
        gate: whether the quality gate was met.
        most_bytes: how long it may be in UTF-8.
    """
    update = updates[0]
    previous = previous_of(updates, update)
    change = None if previous is None else compare(previous, update)
    return markdown_report(update, change, gate, most_bytes=most_bytes)


def _refused(path: Path, error: OSError) -> StorageNotWritable:
    return StorageNotWritable(
        f"{path} cannot be written: {error.strerror or error}",
        fix="name a folder that you may write to",
    )


_WRITERS: Mapping[ReportForm, _Writer] = {
    ReportForm.HTML: html_report,
    ReportForm.JUNIT: lambda updates, _: junit_xml(updates[0]),
    ReportForm.MARKDOWN: summary_markdown,
    ReportForm.JSON: lambda updates, _: results_json(updates[0]),
}
_FOLDERS: Mapping[ReportForm, Callable[[Path, UpdateQuality], Path]] = {
    ReportForm.GX: _write_gx,
    ReportForm.GX_DOCS: _write_gx_docs,
}
