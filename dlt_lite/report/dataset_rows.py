"""What an update did with datasets → rows of a table with their bars, and looks of a drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dlt_lite.model.results import DatasetQuality, RuleResult, UpdateQuality, Verdict
from dlt_lite.report.anchors import Anchors
from dlt_lite.report.appearance import tally, worst_look
from dlt_lite.report.comparison import Comparison
from dlt_lite.report.escaping import visible
from dlt_lite.report.picture import Looks
from dlt_lite.report.row_moves import row_moves
from dlt_lite.report.words import counted, signed

_BAR = 1000
_THINNEST = 8


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a bar, from `x`, in thousandths of it."""

    kind: str
    x: int
    width: int


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """A dataset as the page shows it.

    Attributes:
        anchor: its id on the page.
        quality: its figures.
        look: of the worst of its rules; empty where it has none.
        tally: how many of its rules have each look, worst first.
        segments: of its bar; empty where no rows came in.
        label: the bar in words.
        change: by how many rows it differs from the update before; empty for a table that appends.
        name: its name.
        origin: where it was declared.
        error: why it failed.
    """

    anchor: str
    quality: DatasetQuality
    look: str
    tally: tuple[tuple[str, int], ...]
    segments: tuple[Segment, ...]
    label: str
    change: str
    name: str
    origin: str
    error: str


def dataset_rows(
    update: UpdateQuality, anchors: Anchors, comparison: Comparison | None
) -> tuple[DatasetRow, ...]:
    """Return the datasets as the page shows them, in the order of the plan."""
    by_dataset = _by_dataset(update.rules)
    moved = row_moves(update, comparison)
    return tuple(
        _dataset_row(each, by_dataset.get(each.name, ()), anchors[each.name,], moved.get(each.name))
        for each in update.datasets
    )


def looks_of(update: UpdateQuality, hrefs: Mapping[str, str]) -> Mapping[str, Looks]:
    """Return what an update says of each dataset in a drawing.

    Args:
        update: what its rules decided.
        hrefs: by dataset, where a click leads to.
    """
    by_dataset = _by_dataset(update.rules)
    return {
        each.name: Looks(
            _note(each, by_dataset.get(each.name, ())),
            _look(each, by_dataset.get(each.name, ())),
            hrefs.get(each.name, ""),
        )
        for each in update.datasets
    }


def _dataset_row(
    dataset: DatasetQuality, rules: Sequence[RuleResult], anchor: str, moved: int | None
) -> DatasetRow:
    return DatasetRow(
        anchor=anchor,
        quality=dataset,
        look=_look(dataset, rules),
        tally=tally(rules),
        segments=_segments(dataset),
        label=_bar_label(dataset),
        change="" if moved is None else signed(moved),
        name=visible(dataset.name),
        origin=visible(dataset.origin or ""),
        error=dataset.error or "",
    )


def _segments(dataset: DatasetQuality) -> tuple[Segment, ...]:
    """Return the parts of a bar; one that is not nothing can be seen."""
    whole = dataset.rows_in or 0
    if whole <= 0:
        return ()
    parts = {
        "written": dataset.written,
        "dropped": dataset.dropped,
        "quarantined": dataset.quarantined,
        "unexplained": max(dataset.unexplained, 0),
    }
    widths = {
        kind: max(round(rows / whole * _BAR), _THINNEST) for kind, rows in parts.items() if rows > 0
    }
    largest = max(widths, key=widths.__getitem__, default="")
    if largest:
        widths[largest] -= sum(widths.values()) - _BAR
    segments, x = [], 0
    for kind, width in widths.items():
        segments.append(Segment(kind, x, width))
        x += width
    return tuple(segments)


def _bar_label(dataset: DatasetQuality) -> str:
    if dataset.rows_in is None:
        return "its rows are not counted"
    parts = [
        f"{counted(dataset.rows_in, 'row')} in",
        f"{dataset.written:,} written",
        f"{dataset.dropped:,} dropped" if dataset.dropped else "",
        f"{dataset.quarantined:,} quarantined" if dataset.quarantined else "",
        f"{dataset.unexplained:,} unexplained" if dataset.unexplained else "",
    ]
    return ", ".join(part for part in parts if part)


def _note(dataset: DatasetQuality, rules: Sequence[RuleResult]) -> str:
    if dataset.state in {"FAILED", "SKIPPED", "EXCLUDED"}:
        return dataset.state.lower()
    rows = "" if dataset.rows_in is None else counted(dataset.written, "row")
    kept_out = dataset.dropped + dataset.quarantined
    out = f"{kept_out:,} out" if kept_out else ""
    told = out or (counted(len(rules), "rule") if rules else "")
    return " · ".join(part for part in (rows, told) if part)


def _look(dataset: DatasetQuality, rules: Sequence[RuleResult]) -> str:
    found = worst_look(rules)
    if dataset.state == "FAILED" and found != Verdict.FAIL:
        return Verdict.ERROR.value
    return found if rules else ""


def _by_dataset(rules: Sequence[RuleResult]) -> dict[str, list[RuleResult]]:
    found: dict[str, list[RuleResult]] = {}
    for rule in rules:
        found.setdefault(rule.dataset, []).append(rule)
    return found
