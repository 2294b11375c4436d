"""One table of a thousand rows: the other side of `first_table_baseline.py`."""

from typing import Any

from pyspark.sql import DataFrame, SparkSession

import dlt_lite as dlt

spark: Any = SparkSession.getActiveSession()


@dlt.materialized_view
def first_table() -> DataFrame:
    numbers: DataFrame = spark.range(1_000)
    return numbers.selectExpr("id", "id % 7 as weekday", "cast(id as string) as label")
