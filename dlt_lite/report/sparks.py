"""A rule's history → a strip of bars, an update each: taller where more rows broke the rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from dlt_lite.model.results import Verdict
from dlt_lite.report.comparison import Point
from dlt_lite.report.words import counted, percent

SLOTS = 30
STEP, HEIGHT = 4, 24
_STUB = 3
_LEAST = 6
_BROKEN = frozenset({Verdict.WARN, Verdict.FAIL})


@dataclass(frozen=True, slots=True)
class Spark:
    """A strip, ready to be drawn.

    Attributes:
        strokes: (verdict, path) pairs, one for each verdict that occurs.
        label: what it shows, in words.
    """

    strokes: tuple[tuple[str, str], ...]
    label: str


def spark(points: Sequence[Point]) -> Spark:
    """Return the strip of a rule's last thirty updates, the newest at the right."""
    shown = points[-SLOTS:]
    highest = max((each.violated or 0.0 for each in shown), default=0.0)
    strokes: dict[str, list[str]] = {}
    for slot, point in enumerate(shown, start=SLOTS - len(shown)):
        if point.result is not None:
            tall = _tall(point, highest)
            line = f"M{slot * STEP + STEP // 2} {HEIGHT}v-{tall}"
            strokes.setdefault(point.result.verdict.value, []).append(line)
    paths = tuple((verdict, "".join(lines)) for verdict, lines in strokes.items())
    return Spark(paths, _label(shown))


def _tall(point: Point, highest: float) -> int:
    if point.result is None or point.result.verdict is Verdict.SKIPPED:
        return 1
    if point.result.verdict is Verdict.ERROR:
        return HEIGHT
    if not point.violated:
        return HEIGHT if point.result.verdict in _BROKEN else _STUB
    # A root, so that one row in a thousand can still be seen beside one in ten.
    return round(_LEAST + (HEIGHT - _LEAST) * sqrt(point.violated / highest))


def _label(shown: Sequence[Point]) -> str:
    known = [each for each in shown if each.result is not None]
    verdicts = [each.result.verdict for each in known if each.result is not None]
    broken = sum(each in _BROKEN for each in verdicts)
    errors = sum(each is Verdict.ERROR for each in verdicts)
    skipped = sum(each is Verdict.SKIPPED for each in verdicts)
    highest = max((each.violated or 0.0 for each in known), default=0.0)
    parts = [
        f"violated in {broken} of {counted(len(known), 'update')}",
        f"at worst by {percent(highest)} of the rows" if highest else "",
        f"could not run in {errors}" if errors else "",
        f"not checked in {skipped}" if skipped else "",
    ]
    return ", ".join(part for part in parts if part)
