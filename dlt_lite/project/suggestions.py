"""Wrong words → what the person may have meant, and safe ways to show what they wrote."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_LONGEST_SHOWN = 60


def shown(text: str) -> str:
    """Return text in quotes, shortened, with control characters made visible."""
    cut = text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"
    return repr(cut)


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is most like `word`, None if none is."""
    by_lower = {each.lower(): each for each in known}
    # difflib's time grows with the square of the length, and the word may be a hostile one.
    found = get_close_matches(word[:_LONGEST_SHOWN].lower(), by_lower, n=1)
    return by_lower[found[0]] if found else None


def listed(words: Iterable[str]) -> str:
    """Return words with commas between them; one that would break the line stands in quotes."""
    return ", ".join(each if each.isprintable() else repr(each) for each in words)


def did_you_mean(word: str, known: Iterable[str], *, otherwise: str = "known") -> str:
    """Return a fix that names the closest known word, or all of them."""
    words = sorted(known)
    match = closest(word, words)
    if match is not None:
        return f"did you mean {shown(match)}?"
    return f"{otherwise}: {listed(words)}" if words else f"{otherwise}: none"
