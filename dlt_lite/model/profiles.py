"""What a table holds, told by one look at it: the values that rules are proposed from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

Bound = int | float | Decimal | date | str


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """One column.

    Attributes:
        name: its name.
        type: its type as Spark writes it.
        nulls: rows in which it is NULL.
        distinct: about how many different values it has; None where nobody asked.
        least: its least value, None where it has none or its values may not be shown.
        most: its greatest value.
        shortest: how long its shortest text is, None where it is no text.
        longest: how long its longest text is.
        values: all of its values, where they are few and may be shown; else None.
    """

    name: str
    type: str
    nulls: int
    distinct: int | None = None
    least: Bound | None = None
    most: Bound | None = None
    shortest: int | None = None
    longest: int | None = None
    values: tuple[Bound, ...] | None = None


@dataclass(frozen=True, slots=True)
class TableProfile:
    """A table.

    Attributes:
        dataset: the dataset's name.
        version: the table's version.
        rows: how many rows it has.
        columns: its columns.
    """

    dataset: str
    version: int
    rows: int
    columns: tuple[ColumnProfile, ...]
