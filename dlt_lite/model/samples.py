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
    kept: list[list[Sample]] = [[] for _ in groups]
    left = most
    for turn in range(max(map(len, groups), default=0)):
        for own, group in zip(kept, groups, strict=True):
            if turn >= len(group):
                continue
            sample = _cut(group[turn])
            left -= size_of(sample)
            if left < 0:
                return [tuple(each) for each in kept]
            own.append(sample)
    return [tuple(each) for each in kept]


def size_of(sample: Sample) -> int:
    """Return how many bytes a sample takes as text, without what JSON puts around it."""
    texts = (text for cell in sample.cells for text in (cell.column, cell.value or ""))
    return sum(len(text.encode("utf-8", "backslashreplace")) for text in texts)


def _cut(sample: Sample) -> Sample:
    return Sample(tuple(_cut_cell(cell) for cell in sample.cells))


def _cut_cell(cell: Cell) -> Cell:
    if cell.value is None or len(cell.value) <= LONGEST_VALUE:
        return cell
    return replace(cell, value=f"{cell.value[: LONGEST_VALUE - 1]}…")
