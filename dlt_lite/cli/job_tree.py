"""What tasks wait for → a tree, in which each stands below one of those that it waits for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dlt_lite.dag.order import in_order

# A deeper tree would leave no room for the names: what is deeper begins again at the edge.
_LEVELS = 8
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Branch:
    """A task in the tree.

    Attributes:
        key: its key.
        lead: the lines before it.
        after: what it waits for besides the task that it stands below, in words.
    """

    key: str
    lead: str
    after: str


def branches(keys: Sequence[str], waits: Mapping[str, Sequence[str]]) -> tuple[Branch, ...]:
    """Return tasks in the order in which they are drawn.

    Args:
        keys: the tasks that are drawn.
        waits: what each task waits for; what is not drawn is named behind it.
    """
    shown = frozenset(keys)
    known = {key: [each for each in waits.get(key, ()) if each in shown] for key in keys}
    above = _above(known)
    below: dict[str | None, list[str]] = {}
    for key in known:
        below.setdefault(above[key], []).append(key)
    roots = [key for key in known if not known[key]]
    broken_off = [key for key in in_order(known) if known[key] and above[key] is None]

    def drawn(key: str, lead: str, further: str) -> Iterator[Branch]:
        yield Branch(key, lead, _after(waits.get(key, ()), above[key]))
        children: Sequence[str] = below.get(key, ())
        for child in children:
            own, rest = ("└─ ", "   ") if child == children[-1] else ("├─ ", "│  ")
            yield from drawn(child, f"{further}{own}", f"{further}{rest}")

    return tuple(branch for key in (*roots, *broken_off) for branch in drawn(key, "", ""))


def _above(waits: Mapping[str, Sequence[str]]) -> dict[str, str | None]:
    """Return the task that each one stands below: the deepest of those that it waits for."""
    above: dict[str, str | None] = {}
    depths: dict[str, int] = {}
    levels: dict[str, int] = {}
    for key in in_order(waits):
        before = max(reversed(waits[key]), key=depths.__getitem__, default=None)
        depths[key] = 0 if before is None else depths[before] + 1
        levels[key] = 0 if before is None else (levels[before] + 1) % _LEVELS
        above[key] = before if levels[key] else None
    return above


def _after(waits: Sequence[str], above: str | None) -> str:
    others = [each for each in waits if each != above]
    if not others:
        return ""
    more = len(others) - _NAMED
    named = ", ".join(others[:_NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"after {named}" if above is None else f"also after {named}"
