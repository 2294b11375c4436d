"""A rule's history → a strip of bars, an update each: taller where more rows broke the rule.

All strips of a page have one scale: bars of the same height are the same share of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10

from dlt_lite.model.results import Verdict
from dlt_lite.report.appearance import look_of
from dlt_lite.report.comparison import Point
from dlt_lite.report.words import counted, percent

MOST_BARS = 30
WIDTH, HEIGHT = 120, 24
_FEW = 10
_STUB, _LEAST = 2, 4
_POWERS = 4
_BROKEN = frozenset({Verdict.WARN, Verdict.FAIL})


@dataclass(frozen=True, slots=True)
class Spark:
    """A strip, ready to be drawn.

    Attributes:
        strokes: (look, path) pairs, one for each look that occurs.
        label: what it shows, in words.
    """

    strokes: tuple[tuple[str, str], ...]
    label: str


def are_few(updates: int) -> bool:
    """Return whether so few updates are shown that their bars are broad."""
    return updates <= _FEW


def spark(points: Sequence[Point]) -> Spark:
    """Return the strip of a rule's last thirty updates, the oldest at the left."""
    shown = points[-MOST_BARS:]
    step = WIDTH // (_FEW if are_few(len(shown)) else MOST_BARS)
    strokes: dict[str, list[str]] = {}
    for slot, point in enumerate(shown):
        if point.result is not None:
            line = f"M{slot * step + step // 2} {HEIGHT}v-{_tall(point)}"
            strokes.setdefault(look_of(point.result), []).append(line)
    paths = tuple((look, "".join(lines)) for look, lines in strokes.items())
    return Spark(paths, _label(shown))


def _tall(point: Point) -> int:
    if point.result is None or point.result.verdict is Verdict.SKIPPED:
        return 1
    if point.result.verdict is Verdict.ERROR:
        return HEIGHT
    if not point.violated:
        return HEIGHT if point.result.verdict in _BROKEN else _STUB
    # Four powers of ten, so that one row in a thousand can still be seen beside one in ten.
    return round(_LEAST + (HEIGHT - _LEAST) * max(1 + log10(point.violated) / _POWERS, 0.0))


def _label(shown: Sequence[Point]) -> str:
    known = [each for each in shown if each.result is not None]
    verdicts = [each.result.verdict for each in known if each.result is not None]
    broken = sum(each in _BROKEN for each in verdicts)
    errors = sum(each is Verdict.ERROR for each in verdicts)
    skipped = sum(each is Verdict.SKIPPED for each in verdicts)
    shares = [each.violated or 0.0 for each in known if each.result and each.result.by_row]
    highest = max(shares, default=0.0)
    parts = [
        f"violated in {broken} of {counted(len(known), 'update')}",
        f"at worst by {percent(highest)} of the rows" if highest else "",
        f"could not run in {errors}" if errors else "",
        f"not checked in {skipped}" if skipped else "",
    ]
    return ", ".join(part for part in parts if part)
