"""What the shop earned."""

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as sf

import dlt_lite as dlt

spark = SparkSession.getActiveSession()


@dlt.materialized_view(
    comment="Revenue of each day (UTC) and what it was earned with",
    table_properties={"quality": "gold"},
    schema="""
        day DATE, orders BIGINT, users BIGINT, revenue DECIMAL(20, 2), flowers DECIMAL(20, 2),
        vase DECIMAL(20, 2), chocolate DECIMAL(20, 2), average_order DECIMAL(10, 2)
    """,
)
@dlt.expect("no_negative_revenue", "revenue >= 0")
def revenue_daily() -> DataFrame:
    """Sum up the orders of each day; the average is rounded half up to cents."""
    days = spark.read.table("silver_orders").groupBy(sf.to_date("order_time").alias("day"))
    summed = days.agg(
        sf.count("*").alias("orders"),
        sf.count_distinct("user_id").alias("users"),
        total("amount").alias("revenue"),
        total("flowers").alias("flowers"),
        total("vase").alias("vase"),
        total("chocolate").alias("chocolate"),
    )
    average = sf.col("revenue") / sf.col("orders").cast("decimal(15, 0)")
    return summed.withColumn("average_order", average.cast("decimal(10, 2)"))


def total(column: str) -> Column:
    """Add up in decimals; a missing part counts as nothing."""
    return sf.coalesce(sf.sum(column), sf.lit(0)).cast("decimal(20, 2)")
