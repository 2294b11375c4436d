"""The forms that a report can have; apart, so that naming one does not load what writes it."""

from __future__ import annotations

from enum import StrEnum


class ReportForm(StrEnum):
    """The form of a report."""

    HTML = "html"
    JUNIT = "junit"
    MARKDOWN = "markdown"
    JSON = "json"
    GX = "gx"
    GX_DOCS = "gx-docs"


# What is written where nobody says otherwise: the others load Great Expectations first.
EVERYDAY = (ReportForm.HTML, ReportForm.JUNIT, ReportForm.MARKDOWN, ReportForm.JSON)
