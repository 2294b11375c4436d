"""Take the daily JSON lines in as they come: a line becomes a row, whatever is wrong with it."""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

import dlt_lite as dlt

spark = SparkSession.getActiveSession()

# Every field is text: a user_id of "abc" must arrive here as it was sent, and be judged in silver.
# A line that is no JSON at all arrives whole in broken_line.
LINE = """
    event_id STRING, user_id STRING, event_time STRING, event_type STRING, platform STRING,
    campaign_id STRING, broken_line STRING
"""


@dlt.table(
    comment="Clicks as they were delivered, one row a line",
    table_properties={"quality": "bronze"},
)
@dlt.expect("line_is_whole", "broken_line IS NULL")
@dlt.expect("not_late", "try_cast(left(event_time, 10) AS DATE) >= file_date")
@dlt.expect_or_fail("file_is_dated", "file_date IS NOT NULL")
def bronze_clicks() -> DataFrame:
    """Read what has arrived in the landing folder since the last update."""
    lines = (
        spark.readStream.schema(LINE)
        .option("columnNameOfCorruptRecord", "broken_line")
        .option("pathGlobFilter", "*.jsonl")
        .json(spark.conf.get("landing"))
    )
    day_in_name = sf.regexp_extract("_metadata.file_name", r"(\d{4}-\d{2}-\d{2})\.jsonl$", 1)
    return lines.select(
        "*",
        sf.col("_metadata.file_path").alias("source_file"),
        day_in_name.try_cast("date").alias("file_date"),
    )
