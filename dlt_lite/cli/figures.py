"""Numbers → the short words in which people read them."""

from __future__ import annotations

from dlt_lite.report import words


def duration(seconds: float | None) -> str:
    """Return a length of time: `0.4 s`, `12 s`, `3 m 05 s`, `2 h 10 m`; nothing for None."""
    return "" if seconds is None else words.duration(seconds)


def worked(began: float | None, ended: float | None, now: float) -> float | None:
    """Return how long something has been at work, None before; seconds of the epoch come in."""
    return None if began is None else max((now if ended is None else ended) - began, 0.0)


def amount(number: int | None) -> str:
    """Return a number with its thousands apart; nothing for None."""
    return "" if number is None else f"{number:,}"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return `1 table`, `2 tables`."""
    return f"{amount(number)} {noun if number == 1 else plural or noun + 's'}"
