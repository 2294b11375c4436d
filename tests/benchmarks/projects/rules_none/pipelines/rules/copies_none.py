"""Three copies of a wide source, as they are: see `rules_baseline.py`."""

from typing import Any

from pyspark.sql import DataFrame, SparkSession

import dlt_lite as dlt

spark: Any = SparkSession.getActiveSession()

SCHEMA = (
    "id bigint, customer bigint, amount double, quantity int, price double, score double, "
    "ts timestamp, email string, country string, code string"
)


def source() -> DataFrame:
    path = spark.conf.get("source")
    frame: DataFrame
    if spark.conf.get("source_format") == "delta":
        frame = spark.read.format("delta").load(path)
    else:
        frame = spark.read.schema(SCHEMA).json(path)
    return frame


@dlt.materialized_view
def copy_a() -> DataFrame:
    return source()


@dlt.materialized_view
def copy_b() -> DataFrame:
    return source()


@dlt.materialized_view
def copy_c() -> DataFrame:
    return source()
