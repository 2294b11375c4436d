"""A word that names nothing → what may have been meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from dlt_lite.project.suggestions import listed

_LONGEST = 80
_MOST_LISTED = 20


def meant(word: str, known: Iterable[str], *, otherwise: str | None = None) -> str:
    """Return a fix that names the known word that is most like `word`, or what there is.

    Args:
        word: the word.
        known: the known ones.
        otherwise: what to say where none is like it; by default, what there is.
    """
    words = sorted(known)
    close = get_close_matches(word[:_LONGEST], words, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    if otherwise is not None:
        return otherwise
    return f"there are {listed(words[:_MOST_LISTED])}" if words else "there are none"
