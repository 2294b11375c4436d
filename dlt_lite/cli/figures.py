"""Numbers → the short words in which people read them."""

from __future__ import annotations

_MINUTE, _HOUR = 60, 3600
_SHORT = 10


def duration(seconds: float | None) -> str:
    """Return a length of time: `0.4 s`, `12 s`, `3 m 05 s`, `2 h 10 m`; nothing for None."""
    if seconds is None:
        return ""
    if round(seconds, 1) < _SHORT:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} m {whole % _MINUTE:02d} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} m"


def amount(number: int | None) -> str:
    """Return a number with its thousands apart; nothing for None."""
    return "" if number is None else f"{number:,}"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return `1 table`, `2 tables`."""
    return f"{amount(number)} {noun if number == 1 else plural or noun + 's'}"
