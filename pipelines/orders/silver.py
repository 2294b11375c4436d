"""Clean the orders: typed, each order once, and judged by rules of all three kinds."""

from cleaning import once_each, typed
from pyspark.sql import DataFrame, SparkSession

import dlt_lite as dlt

spark = SparkSession.getActiveSession()


# The shop rounds each part of an order to cents by itself: on the clean files the parts differ from
# the amount by a cent at most (488 of 2,960 orders do), so a cent is let pass.
@dlt.table(
    comment="Orders, typed and deduplicated",
    table_properties={"quality": "silver"},
)
@dlt.expect_all(
    {
        "known_platform": "platform IN ('Android', 'iOS')",
        "known_user": "user_id BETWEEN 1 AND 1000",
        "amount_is_sum_of_parts": "abs(amount - (flowers + vase + chocolate)) <= 0.01",
    }
)
@dlt.expect_all_or_drop(
    {
        "valid_order_id": "order_id IS NOT NULL",
        "valid_user_id": "user_id IS NOT NULL",
        "valid_order_time": "order_time IS NOT NULL",
        "valid_amount": "amount >= 0",
    }
)
@dlt.expect_or_drop("not_from_the_future", "NOT from_future")
@dlt.expect_or_fail(
    "not_before_2020",
    "order_time IS NULL OR order_time >= TIMESTAMP '2020-01-01 00:00:00'",
)
def silver_orders() -> DataFrame:
    """Type and deduplicate what is new in bronze."""
    return once_each(typed(spark.readStream.table("bronze_orders")))
