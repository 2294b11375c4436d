"""What a person asks of one update, before anything is looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UpdateRequest:
    """Which datasets an update is about, and how far it may go.

    Attributes:
        select: selection expressions; none means every dataset.
        full_refresh: selection expressions of what is emptied and computed anew.
        full_refresh_all: whether that is every dataset.
        reset_checkpoint: the flows that read their sources from the start again.
        yes: whether a reset that loses rows has consent.
    """

    select: tuple[str, ...] = ()
    full_refresh: tuple[str, ...] = ()
    full_refresh_all: bool = False
    reset_checkpoint: tuple[str, ...] = ()
    yes: bool = False
