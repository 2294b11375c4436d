"""Turn delivered orders into typed ones; DataFrame in, DataFrame out. Private to this pipeline.

The pipeline of the clicks has a module of this name too; neither sees the other's.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf

# A fixed format: a plain cast also takes "12:00", for a time of the day on which the update runs.
TIME_FORMAT = "yyyy-MM-dd'T'HH:mm:ss.SSSXXX"
DELIVERED = (
    "order_id",
    "user_id",
    "order_time",
    "amount",
    "flowers",
    "vase",
    "chocolate",
    "delivery_id",
    "platform",
    "broken_line",
)


def typed(lines: DataFrame) -> DataFrame:
    """Give every field its type; what does not fit it becomes NULL and is left to the rules."""
    order_id = whole_number("order_id")
    order_time = sf.try_to_timestamp(text("order_time"), sf.lit(TIME_FORMAT))
    return lines.select(
        order_id.alias("order_id"),
        whole_number("user_id").alias("user_id"),
        order_time.alias("order_time"),
        money("amount").alias("amount"),
        money("flowers").alias("flowers"),
        money("vase").alias("vase"),
        money("chocolate").alias("chocolate"),
        whole_number("delivery_id").alias("delivery_id"),
        text("platform").alias("platform"),
        (order_time >= sf.date_add("file_date", 1)).alias("from_future"),
        sf.when(order_id.isNull(), sf.to_json(sf.struct(*DELIVERED))).alias("without_id"),
    )


def once_each(orders: DataFrame) -> DataFrame:
    """Keep one row an order, however often it was delivered.

    The price is a state that grows with the table. Orders without an id are no duplicates of each
    other unless all of their line is equal.
    """
    return orders.dropDuplicates(["order_id", "without_id"]).drop("without_id")


def text(column: str) -> Column:
    """Trim, and take blank for missing."""
    return sf.nullif(sf.trim(column), sf.lit(""))


def whole_number(column: str) -> Column:
    """Read a whole number; NULL where it is none."""
    return text(column).try_cast("bigint")


def money(column: str) -> Column:
    """Read an amount in whole cents; NULL where it is none, such as one with a decimal comma."""
    return text(column).try_cast("decimal(10, 2)")
