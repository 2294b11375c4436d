"""The wall clock of the command line."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Return the time it is, in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - the command line reads it
