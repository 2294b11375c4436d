"""What a faulty landing is made of: kinds of rows, how many of each, which rules they break."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from random import Random
from typing import Protocol

SEED = 20240522


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of row.

    Attributes:
        name: what is wrong with it.
        count: how many rows of it there are.
        spoil: the fields that make it what it is, put over those of a good row.
        bronze: the rules it breaks on the way into bronze.
        silver: the rules it breaks on the way into silver.
        duplicate: whether silver has its event already, so that no rule of silver sees it.
    """

    name: str
    count: int
    spoil: Callable[[Random], Mapping[str, object]] = lambda _: {}
    bronze: tuple[str, ...] = ()
    silver: tuple[str, ...] = ()
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file, the id it carries (None for none that can be read), and why it is there."""

    text: str
    id: int | None
    kind: Kind


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a bronze and of a silver table: name to action."""

    bronze: Mapping[str, str]
    silver: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Landing:
    """One faulty file to be made."""

    file: str
    first_id: int
    kinds: tuple[Kind, ...]
    rules: Rules

    @property
    def day(self) -> str:
        """The day in the file's name."""
        return PurePosixPath(self.file).stem

    @property
    def header(self) -> tuple[str, ...]:
        """The first lines of a file of this kind."""
        if self.file.endswith(".csv"):
            return (
                "order_id,user_id,order_time,amount,flowers,vase,chocolate,delivery_id,platform",
            )
        return ()

    @property
    def ending(self) -> str:
        """How the clean files of this kind end a line."""
        return "\r\n" if self.file.endswith(".csv") else "\n"

    def told(self, lines: list[Line]) -> dict[str, object]:
        """Say what is in the file and what each rule must make of it after all clean files."""
        seen = [line for line in lines if not line.kind.duplicate]
        stopped = any(self._breaks(line, "fail") for line in seen)
        aside = [line for line in seen if self._breaks(line, "quarantine")]
        dropped = [line for line in seen if self._breaks(line, "drop") and line not in aside]
        kept = [] if stopped else [each for each in seen if each not in aside + dropped]
        bronze = Counter(rule for line in lines for rule in line.kind.bronze)
        silver = Counter(rule for line in seen for rule in line.kind.silver)
        return {
            "file": PurePosixPath(self.file).name,
            "rows": len(lines),
            "faults": {kind.name: kind.count for kind in self.kinds},
            "bronze": _counted(self.rules.bronze, bronze, rows=len(lines)),
            "silver": _counted(self.rules.silver, silver, rows=len(seen)),
            "duplicates": len(lines) - len(seen),
            "state": "FAILED" if stopped else "COMPLETED",
            "dropped": 0 if stopped else len(dropped),
            "quarantined": 0 if stopped else len(aside),
            "written": len(kept),
            "survivors": sorted(line.id for line in kept if line.id is not None),
        }

    def _breaks(self, line: Line, action: str) -> bool:
        return any(self.rules.silver[rule] == action for rule in line.kind.silver)


class Maker(Protocol):
    """Makes the lines of one landing."""

    def lines(self, kind: Kind, rng: Random) -> list[Line]:
        """Make all lines of a kind."""


def composed(landing: Landing, maker: Maker) -> list[Line]:
    """Make all lines of a landing and shuffle them: a delivery is in no order."""
    # Not for secrets: the seed is there so that the same bytes come out every time.
    rng = Random(f"{SEED} {landing.file}")  # noqa: S311
    lines = [line for kind in landing.kinds for line in maker.lines(kind, rng)]
    rng.shuffle(lines)
    return lines


def _counted(rules: Mapping[str, str], failed: Counter[str], *, rows: int) -> dict[str, object]:
    return {
        rule: {"action": action, "passed": rows - failed[rule], "failed": failed[rule]}
        for rule, action in rules.items()
    }
