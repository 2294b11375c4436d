"""Times of a run → bars in a line of characters, without the time before its repairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SEAM = "┆"
_BLOCK, _SPACE = "█", "·"
_CELLS_A_SPAN = 4
_SHORTEST = 0.001


@dataclass(frozen=True, slots=True)
class Chart:
    """A line of time.

    Attributes:
        spans: from when to when something was done, in seconds of the epoch, oldest first.
        cells: how many characters each of them has.
    """

    spans: tuple[tuple[float, float], ...]
    cells: tuple[int, ...]

    def bar(self, began: float, ended: float) -> str:
        """Return the bar of what lies within one of the spans; none where that is not drawn."""
        own = max((n for n, span in enumerate(self.spans) if span[0] <= began), default=None)
        if own is None:
            return ""
        (first, last), cells = self.spans[own], self.cells[own]
        length = max(last - first, _SHORTEST)
        start = min(int((began - first) / length * cells), cells - 1)
        end = min(max(round((ended - first) / length * cells), start + 1), cells)
        bar = _SPACE * start + _BLOCK * (end - start) + " " * (cells - end)
        before = (_SPACE * each for each in self.cells[:own])
        after = (" " * each for each in self.cells[own + 1 :])
        return SEAM.join((*before, bar, *after)).rstrip()


def chart(spans: Sequence[tuple[float, float]], width: int) -> Chart:
    """Return the line of time on which bars are drawn.

    Args:
        spans: from when to when something was done, oldest first; the oldest are left out where
            there are too many.
        width: how many characters it may have.
    """
    kept = tuple(spans[-max(width // _CELLS_A_SPAN, 1) :])
    if not kept:
        return Chart((), ())
    lengths = [max(last - first, _SHORTEST) for first, last in kept]
    room = width - (len(kept) - 1) - len(kept)
    cells = [1 + int(room * length / sum(lengths)) for length in lengths]
    cells[lengths.index(max(lengths))] += width - (len(kept) - 1) - sum(cells)
    return Chart(kept, tuple(cells))
