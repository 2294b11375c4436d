"""Where a declaration stands: a file and a line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """A place in a file.

    Attributes:
        path: the file, relative to the project where it lies inside it.
        line: the line, counted from 1; 0 where only the file is known.
        column: the column, counted from 1; 0 where unknown.
    """

    path: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """Return `file`, `file:line` or `file:line:column`."""
        parts = [self.path, *(str(number) for number in (self.line, self.column) if number)]
        return ":".join(parts)
