"""What a rule may ask of more than one row. Values only; each says itself as a person reads it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar


class RuleKind(StrEnum):
    """What a rule looks at; the first three decide row by row."""

    ROW = "row"
    UNIQUE = "unique"
    FOREIGN_KEY = "foreign_key"
    AGGREGATE = "aggregate"
    ROW_COUNT_CHANGE = "row_count_change"
    FRESH = "fresh"
    SCHEMA = "schema"
    DROP_RATIO = "drop_ratio"
    GREAT_EXPECTATIONS = "great_expectations"


class Incomplete(StrEnum):
    """Which rows a rule about several columns leaves out: those with NULL in any, in all, none."""

    ANY = "any"
    ALL = "all"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Unique:
    """No two rows have the same values in some columns.

    Attributes:
        columns: the columns.
        leaves_out: which rows are left out.
    """

    kind: ClassVar = RuleKind.UNIQUE
    columns: tuple[str, ...]
    leaves_out: Incomplete = Incomplete.ANY

    def __str__(self) -> str:
        """Return it as a person reads it."""
        return f"({', '.join(self.columns)}) is unique"


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """The values of some columns are found in another dataset; rows with NULL are left out.

    Attributes:
        columns: the columns.
        dataset: the other dataset, as the user wrote it.
        to: its columns, one for each.
    """

    kind: ClassVar = RuleKind.FOREIGN_KEY
    columns: tuple[str, ...]
    dataset: str
    to: tuple[str, ...]

    def __str__(self) -> str:
        """Return it as a person reads it."""
        return f"({', '.join(self.columns)}) is in {self.dataset} ({', '.join(self.to)})"


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A condition over aggregates of all rows.

    Attributes:
        condition: SQL text, such as `count(*) between 900 and 1100`.
    """

    kind: ClassVar = RuleKind.AGGREGATE
    condition: str

    def __str__(self) -> str:
        """Return it as a person reads it."""
        return self.condition


@dataclass(frozen=True, slots=True)
class RowCountChange:
    """The number of rows is not far from that of the update before.

    Of a materialized view the rows that it holds are meant, of a streaming table those that an
    update appended.

    Attributes:
        max_decrease: by which share it may fall, from 0 to 1; None for any.
        max_increase: by which share it may rise; None for any.
    """

    kind: ClassVar = RuleKind.ROW_COUNT_CHANGE
    max_decrease: float | None = None
    max_increase: float | None = None

    def __str__(self) -> str:
        """Return it as a person reads it."""
        bounds = [
            f"at most {bound:.10g} {word}"
            for bound, word in ((self.max_decrease, "fewer"), (self.max_increase, "more"))
            if bound is not None
        ]
        return f"row count: {', '.join(bounds)}"


@dataclass(frozen=True, slots=True)
class Fresh:
    """The newest value of a column of times is not older than a span, when the update runs.

    Attributes:
        column: the column.
        within: the span.
    """

    kind: ClassVar = RuleKind.FRESH
    column: str
    within: timedelta

    def __str__(self) -> str:
        """Return it as a person reads it."""
        return f"newest {self.column} within {self.within}"


@dataclass(frozen=True, slots=True)
class HasSchema:
    """The columns are as expected.

    Attributes:
        columns: names, each with its type as DDL, None for any.
        others: whether there may be other columns.
        ordered: whether they stand in this order.
    """

    kind: ClassVar = RuleKind.SCHEMA
    columns: tuple[tuple[str, str | None], ...]
    others: bool = True
    ordered: bool = False

    def __str__(self) -> str:
        """Return it as a person reads it."""
        listed = ", ".join(f"{name} {type_}" if type_ else name for name, type_ in self.columns)
        more = "" if self.others else " and no others"
        return f"columns {listed}{more}{', in this order' if self.ordered else ''}"


@dataclass(frozen=True, slots=True)
class HasLayout:
    """The columns stand as a schema expectation of Great Expectations wants; case counts.

    Attributes:
        names: columns that there must be.
        others: whether there may be other columns.
        ordered: whether the names stand in this order.
        position: where the first of the names stands, counted from 0, from the end where negative.
        types: names of Spark's type classes, such as `LongType`: the named columns have one of
            them; none for any.
        least: how many columns there are at least.
        most: how many columns there are at most.
    """

    kind: ClassVar = RuleKind.SCHEMA
    names: tuple[str, ...] = ()
    others: bool = True
    ordered: bool = False
    position: int | None = None
    types: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None

    def __str__(self) -> str:
        """Return it as a person reads it."""
        told = [f"columns {', '.join(self.names)}"] if self.names else []
        if not self.others:
            told.append("no others")
        if self.ordered:
            told.append("in this order")
        if self.position is not None:
            told.append(f"at position {self.position}")
        if self.types:
            told.append(f"of type {' or '.join(self.types)}")
        if self.least is not None:
            told.append(f"at least {self.least} columns")
        if self.most is not None:
            told.append(f"at most {self.most} columns")
        return ", ".join(told) or "any columns"


@dataclass(frozen=True, slots=True)
class GreatExpectation:
    """An expectation that only Great Expectations itself can decide, on the committed table.

    Attributes:
        type: its type, such as `expect_column_values_to_be_increasing`.
        kwargs: its arguments as JSON text.
    """

    kind: ClassVar = RuleKind.GREAT_EXPECTATIONS
    type: str
    kwargs: str

    def __str__(self) -> str:
        """Return it as a person reads it."""
        return f"{self.type} {self.kwargs}"


@dataclass(frozen=True, slots=True)
class DropRatio:
    """No greater share of the rows is dropped or set aside.

    Attributes:
        most: the share, from 0 to 1.
    """

    kind: ClassVar = RuleKind.DROP_RATIO
    most: float

    def __str__(self) -> str:
        """Return it as a person reads it."""
        return f"at most {self.most:.10g} of the rows dropped"


Check = (
    Unique
    | ForeignKey
    | Aggregate
    | RowCountChange
    | Fresh
    | HasSchema
    | HasLayout
    | DropRatio
    | GreatExpectation
)
