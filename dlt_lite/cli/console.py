"""What every way of telling of a running update has in common."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol, Self

from dlt_lite.events.records import Event


class Console(AbstractContextManager["Console"], Protocol):
    """A sink of events that also tells what is said between them."""

    def __call__(self, event: Event) -> None:
        """Take an event."""

    def __enter__(self) -> Self:
        """Begin."""

    def note(self, text: str) -> None:
        """Tell what a person should know besides the events."""

    def notice(self, text: str) -> None:
        """Say something at once; fit to be called from a signal handler."""

    def leave(self) -> None:
        """Tidy up the screen before the process ends at once; as fit."""

    def paused(self) -> AbstractContextManager[None]:
        """Keep off the screen for a while."""
