"""What the shop asks: who visited, and how far visits got."""

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as sf
from sessionization import sessionized

import dlt_lite as dlt

spark = SparkSession.getActiveSession()


@dlt.materialized_view(
    comment="Visits: a user's clicks with at most 30 minutes between one and the next",
    table_properties={"quality": "gold"},
)
@dlt.expect_or_fail("ends_after_it_starts", "ended_at >= started_at")
def sessions() -> DataFrame:
    """Cut all clicks into sessions."""
    return sessionized(spark.read.table("silver_clicks"))


@dlt.materialized_view(
    comment="How far the sessions of a day (UTC) got; a session belongs to the day it starts on",
    table_properties={"quality": "gold"},
    schema="""
        day DATE, sessions BIGINT, users BIGINT, with_cart BIGINT, with_checkout BIGINT,
        cart_rate DECIMAL(5, 4), checkout_rate DECIMAL(5, 4)
    """,
)
@dlt.expect("no_more_than_all", "with_cart <= sessions AND with_checkout <= sessions")
def funnel_daily() -> DataFrame:
    """Count, for each day, the sessions that reached the cart and the checkout."""
    days = spark.read.table("sessions").groupBy(sf.to_date("started_at").alias("day"))
    counted = days.agg(
        sf.count("*").alias("sessions"),
        sf.count_distinct("user_id").alias("users"),
        sf.count_if(sf.col("add_to_carts") > 0).alias("with_cart"),
        sf.count_if(sf.col("checkouts") > 0).alias("with_checkout"),
    )
    return counted.select(
        "*",
        share("with_cart", "sessions").alias("cart_rate"),
        share("with_checkout", "sessions").alias("checkout_rate"),
    )


def share(part: str, whole: str) -> Column:
    """Divide in decimals, rounded half up to four places, so that the rate is exact everywhere."""
    quotient = sf.col(part).cast("decimal(15, 0)") / sf.col(whole).cast("decimal(15, 0)")
    return quotient.cast("decimal(5, 4)")
