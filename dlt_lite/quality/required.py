"""Keep NULL out of columns that `schema=` calls NOT NULL, in the job that writes.

Delta checks what its table says; but a table that is there cannot be told NOT NULL any more, and a
replacement with other columns takes it away.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 - PySpark's own habit

from dlt_lite.engine.sql_parsing import quoted
from dlt_lite.model.schema import Path

IS_NULL = "is NULL, and schema= says NOT NULL"


def without_nulls(frame: DataFrame, required: Iterable[Path]) -> DataFrame:
    """Return a frame whose job fails at a NULL in one of the columns or fields of structs."""
    paths = tuple(required)
    if not paths:
        return frame
    raised = (
        F.when(_is_missing(path), F.raise_error(F.lit(f"{'.'.join(path)} {IS_NULL}")))
        .otherwise(F.lit(True))
        .cast("boolean")
        for path in paths
    )
    return frame.where(reduce(Column.__and__, raised))


def _is_missing(path: Path) -> Column:
    """Return whether a field is NULL that lies in a struct which is not."""
    own, above = _column(path).isNull(), path[:-1]
    return own & _column(above).isNotNull() if above else own


def _column(path: Path) -> Column:
    return F.col(".".join(map(quoted, path)))
