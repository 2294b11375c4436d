"""What a person asks of one update, before anything is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class QuarantineVerb(StrEnum):
    """What is done with rows that were set aside."""

    REPLAY = "replay"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True)
class QuarantineRequest:
    """What a person asks of the rows that a dataset has set aside.

    Attributes:
        verb: what is done with them.
        dataset: the dataset's name.
        where: a condition on them, in SQL; None for all.
    """

    verb: QuarantineVerb
    dataset: str
    where: str | None = None


@dataclass(frozen=True, slots=True)
class UpdateRequest:
    """Which datasets an update is about, and how far it may go.

    Attributes:
        select: selection expressions; none means every dataset.
        full_refresh: selection expressions of what is emptied and computed anew.
        full_refresh_all: whether that is every dataset.
        reset_checkpoint: the flows that read their sources from the start again.
        yes: whether a reset that loses rows has consent.
        quarantine: what is done with a dataset's rows that were set aside, and nothing else is.
        part_of: the run of a job whose task it is.
    """

    select: tuple[str, ...] = ()
    full_refresh: tuple[str, ...] = ()
    full_refresh_all: bool = False
    reset_checkpoint: tuple[str, ...] = ()
    yes: bool = False
    quarantine: QuarantineRequest | None = None
    part_of: str | None = None
