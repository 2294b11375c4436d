"""What a statement of SQL does, as far as its text tells: kinds, tables, places."""

from __future__ import annotations

from dataclasses import dataclass

Name = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that a statement does, beside reading.

    Attributes:
        kind: what Spark calls it, such as `DropTable`.
        target: the name of what it changes, None where it has none.
        place: where it lets data lie, or which file it is about; None where it does not say.
        cascades: whether it also takes away what lies in its target.
    """

    kind: str
    target: Name | None = None
    place: str | None = None
    cascades: bool = False


@dataclass(frozen=True, slots=True)
class Deeds:
    """What a statement does.

    Attributes:
        deeds: what it does, beside reading; of a script, all of it.
        reads: the names of all tables that it mentions.
        is_open: whether it mentions a table whose name is known only once it runs.
    """

    deeds: tuple[Deed, ...]
    reads: tuple[Name, ...]
    is_open: bool
