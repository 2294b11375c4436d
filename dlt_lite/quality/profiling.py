"""One look at a table: a frame in, what its columns hold out, by a single job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 - PySpark's own habit
from pyspark.sql.types import (
    DataType,
    DateType,
    IntegralType,
    NumericType,
    StringType,
    StructField,
    TimestampNTZType,
    TimestampType,
)

from dlt_lite.engine.observing import how_many
from dlt_lite.model.profiles import ColumnProfile, TableProfile
from dlt_lite.model.samples import SampleSettings

MOST_VALUES = 12
_ROWS = "rows"
_KEPT = 1000
_MOMENTS = (DateType, TimestampType, TimestampNTZType)
_ERROR = 0.02


def profile(frame: DataFrame, dataset: str, version: int, settings: SampleSettings) -> TableProfile:
    """Return what a table holds.

    Args:
        frame: the table.
        dataset: the dataset's name.
        version: the table's version.
        settings: which columns' values may not be shown.
    """
    fields = frame.schema.fields
    columns = [F.count(F.lit(1)).alias(_ROWS)]
    columns += [
        column.alias(f"{place}_{figure}")
        for place, each in enumerate(fields)
        for figure, column in _figures(each, is_hidden=settings.hides(each.name))
    ]
    seen = frame.agg(*columns).collect()[0].asDict(recursive=True)
    rows = int(seen[_ROWS])
    profiles = (_column(each, place, seen, rows) for place, each in enumerate(fields))
    return TableProfile(dataset, version, rows, tuple(profiles))


def _figures(field: StructField, *, is_hidden: bool) -> Iterator[tuple[str, Column]]:
    name = f"`{field.name.replace('`', '``')}`"
    column, kind = F.col(name), field.dataType
    yield "nulls", how_many(column.isNull())
    if not isinstance(kind, (NumericType, StringType, *_MOMENTS)):
        return
    yield "distinct", F.approx_count_distinct(column, _ERROR)
    if isinstance(kind, StringType):
        yield "shortest", F.min(F.length(column))
        yield "longest", F.max(F.length(column))
    if is_hidden:
        return
    if not isinstance(kind, StringType):
        yield "least", _shown(F.min(column), kind)
        yield "most", _shown(F.max(column), kind)
    if isinstance(kind, IntegralType | StringType):
        # One more for NULL, and one by which it is seen that these are not all.
        yield "top", F.expr(f"approx_top_k({name}, {MOST_VALUES + 2}, {_KEPT})")


def _shown(value: Column, kind: DataType) -> Column:
    """Return a bound; a moment as text in the session's own zone, as it is written in SQL."""
    return value.cast("string") if isinstance(kind, TimestampType | TimestampNTZType) else value


def _column(field: StructField, place: int, seen: Mapping[str, Any], rows: int) -> ColumnProfile:
    def figure(name: str) -> Any:  # noqa: ANN401 - whatever the column holds
        return seen.get(f"{place}_{name}")

    return ColumnProfile(
        field.name,
        field.dataType.simpleString(),
        int(figure("nulls")),
        figure("distinct"),
        figure("least"),
        figure("most"),
        figure("shortest"),
        figure("longest"),
        _all_values(figure("top") or (), rows),
    )


def _all_values(top: Any, rows: int) -> tuple[Any, ...] | None:  # noqa: ANN401 - rows of a column
    """Return the values of a column where the most frequent ones are all that there are."""
    values = [each["item"] for each in top if each["item"] is not None]
    if not values or len(values) > MOST_VALUES or sum(each["count"] for each in top) != rows:
        return None
    return tuple(sorted(values))
