"""Clean the clicks: typed, each event once, and judged by rules of all four kinds."""

from cleaning import once_each, typed
from pyspark.sql import DataFrame, SparkSession

import dlt_lite as dlt

spark = SparkSession.getActiveSession()


# A rule is violated by NULL too. The last one lets a missing time pass by name: that is a matter of
# valid_event_time, which drops the row, and no reason to stop the update.
@dlt.table(
    comment="Clicks, typed and deduplicated",
    table_properties={"quality": "silver"},
    cluster_by=["user_id"],
)
@dlt.expect_all(
    {
        "known_platform": "platform IN ('Android', 'iOS')",
        "known_user": "user_id BETWEEN 1 AND 1000",
        "known_event_type": "event_type IN ('install', 'add_to_cart', 'go_to_checkout')",
    }
)
@dlt.expect_all_or_drop(
    {
        "valid_event_id": "event_id IS NOT NULL",
        "valid_user_id": "user_id IS NOT NULL",
        "valid_event_time": "event_time IS NOT NULL",
        "has_event_type": "event_type IS NOT NULL",
    }
)
@dlt.expect_or_quarantine("not_from_the_future", "NOT from_future")
@dlt.expect_or_fail(
    "not_before_2020",
    "event_time IS NULL OR event_time >= TIMESTAMP '2020-01-01 00:00:00'",
)
def silver_clicks() -> DataFrame:
    """Type and deduplicate what is new in bronze."""
    return once_each(typed(spark.readStream.table("bronze_clicks")))
