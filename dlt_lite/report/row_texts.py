"""Rows that broke rules → a line of text each, for the reports that are text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from dlt_lite.model.results import RuleResult
from dlt_lite.model.samples import (
    LONGEST_VALUE,
    MOST_SAMPLE_BYTES,
    Sample,
    bytes_of,
    how_many_fit,
)
from dlt_lite.report.escaping import shortened, visible


def row_texts(
    rules: Iterable[RuleResult],
    *,
    most_bytes: int = MOST_SAMPLE_BYTES,
    longest: int = LONGEST_VALUE,
) -> list[tuple[str, ...]]:
    """Return the rows that each rule shows, every row as one line that hides nothing.

    Every rule's first row comes before any rule's second.

    Args:
        rules: the rules.
        most_bytes: how much all lines may take.
        longest: how many characters a line may have; what is longer is cut.
    """
    lines = [[shortened(_line(each), longest) for each in rule.samples] for rule in rules]
    counts = how_many_fit([_sizes(group) for group in lines], most_bytes)
    return [tuple(group[:count]) for group, count in zip(lines, counts, strict=True)]


def _line(sample: Sample) -> str:
    """Return a row as JSON, by which NULL, nothing and blanks are told apart."""
    cells = {cell.column: cell.value for cell in sample.cells}
    return visible(json.dumps(cells, ensure_ascii=False))


def _sizes(lines: Sequence[str]) -> list[int]:
    return [bytes_of(line) for line in lines]
