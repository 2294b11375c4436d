"""Rows that broke a rule, as far as they may be shown, and how much that is; values only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

MASKED = "***"
MOST_SAMPLE_BYTES = 64 * 1024
LONGEST_VALUE = 1000


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a sample, as text.

    Attributes:
        column: the column's name.
        value: the value; None for NULL.
        offending: whether the rule is about this column.
    """

    column: str
    value: str | None
    offending: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """A row that broke a rule, or those of its columns that may be shown."""

    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class SampleSettings:
    """What of the data an update may show.

    Attributes:
        most: how many rows for each rule; none also keeps rows out of error messages.
        mask: names of columns whose values are never shown, in lower case.
    """

    most: int = 5
    mask: frozenset[str] = frozenset()

    def hides(self, column: str) -> bool:
        """Return whether the values of a column of this name are never shown."""
        return column.lower() in self.mask


AS_USUAL = SampleSettings()
NOTHING_SHOWN = SampleSettings(0)


def fitting(groups: Sequence[Sequence[Sample]], most: int) -> list[tuple[Sample, ...]]:
    """Return the samples of each group that take at most so many bytes together.

    Every group's first one comes before any group's second. Long values are cut.
    """
    cut = [[_cut(sample) for sample in group] for group in groups]
    counts = how_many_fit([[size_of(sample) for sample in group] for group in cut], most)
    return [tuple(group[:count]) for group, count in zip(cut, counts, strict=True)]


def how_many_fit(sizes: Sequence[Sequence[int]], most: int) -> list[int]:
    """Return how many of each group's first things fit into so much room together.

    Every group's first one comes before any group's second.
    """
    counts = [0] * len(sizes)
    left = most
    for turn in range(max(map(len, sizes), default=0)):
        for place, group in enumerate(sizes):
            if turn >= len(group):
                continue
            left -= group[turn]
            if left < 0:
                return counts
            counts[place] += 1
    return counts


def size_of(sample: Sample) -> int:
    """Return how many bytes a sample takes as text, without what JSON puts around it."""
    return sum(bytes_of(text) for cell in sample.cells for text in (cell.column, cell.value or ""))


def bytes_of(text: str) -> int:
    """Return how many bytes a text takes in a file."""
    return len(text.encode("utf-8", "backslashreplace"))


def _cut(sample: Sample) -> Sample:
    return Sample(tuple(_cut_cell(cell) for cell in sample.cells))


def _cut_cell(cell: Cell) -> Cell:
    if cell.value is None or len(cell.value) <= LONGEST_VALUE:
        return cell
    return replace(cell, value=f"{cell.value[: LONGEST_VALUE - 1]}…")
