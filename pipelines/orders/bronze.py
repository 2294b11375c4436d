"""Take the daily CSV files in as they come: a line becomes a row, whatever is wrong with it."""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

import dlt_lite as dlt

spark = SparkSession.getActiveSession()

LINE = """
    order_id STRING, user_id STRING, order_time STRING, amount STRING, flowers STRING, vase STRING,
    chocolate STRING, delivery_id STRING, platform STRING, broken_line STRING
"""


@dlt.table(
    comment="Orders as they were delivered, one row a line",
    table_properties={"quality": "bronze"},
)
@dlt.expect("line_is_whole", "broken_line IS NULL")
@dlt.expect("not_late", "try_cast(left(order_time, 10) AS DATE) >= file_date")
@dlt.expect_or_fail("file_is_dated", "file_date IS NOT NULL")
def bronze_orders() -> DataFrame:
    """Read what has arrived in the landing folder since the last update."""
    # enforceSchema=false compares each file's header with the names above: a file whose columns
    # stand in another order stops the update instead of putting prices into the wrong column.
    lines = (
        spark.readStream.schema(LINE)
        .option("header", "true")
        .option("enforceSchema", "false")
        .option("columnNameOfCorruptRecord", "broken_line")
        .option("pathGlobFilter", "*.csv")
        .csv(spark.conf.get("landing"))
    )
    day_in_name = sf.regexp_extract("_metadata.file_name", r"(\d{4}-\d{2}-\d{2})\.csv$", 1)
    return lines.select(
        "*",
        sf.col("_metadata.file_path").alias("source_file"),
        day_in_name.try_cast("date").alias("file_date"),
    )
