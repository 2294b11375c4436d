"""Read datasets the older way, `dlt.read` and `dlt.read_stream`, as `spark.read.table` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from dlt_lite.errors import BadOption
from dlt_lite.registry.active import active_scope

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def read(name: str) -> DataFrame:
    """Return all rows of a dataset of this pipeline, or of a table outside it.

    Args:
        name: the dataset's name, of one to three parts.

    Raises:
        BadOption: called outside of a dataset's function.
    """
    return _session().read.table(name)


def read_stream(name: str) -> DataFrame:
    """Return the rows that arrive in a dataset as a streaming frame.

    Args:
        name: the dataset's name, of one to three parts.

    Raises:
        BadOption: called outside of a dataset's function.
    """
    return _session().readStream.table(name)


def _session() -> SparkSession:
    scope = active_scope()
    if scope is None or not scope.defining:
        message = "read() and read_stream() work inside the function of a dataset only"
        raise BadOption(message, fix="move the call into the decorated function")
    return cast("SparkSession", scope.session)
