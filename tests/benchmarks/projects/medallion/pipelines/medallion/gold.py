"""Four views of joins and aggregates: the other side of `medallion_baseline.py`."""

from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

import dlt_lite as dlt

spark: Any = SparkSession.getActiveSession()


@dlt.materialized_view
def page_views_daily() -> DataFrame:
    clicks: DataFrame = spark.read.table("silver_clicks")
    return clicks.groupBy("day", "page", "device").agg(
        sf.count("*").alias("views"),
        sf.countDistinct("user_id").alias("users"),
        sf.avg("duration_ms").alias("mean_duration_ms"),
    )


@dlt.materialized_view
def clicks_by_country() -> DataFrame:
    clicks: DataFrame = spark.read.table("silver_clicks")
    users: DataFrame = spark.read.table("bronze_users")
    joined = clicks.join(users.select("user_id", "country"), "user_id")
    return joined.groupBy("country", "page").agg(
        sf.count("*").alias("views"), sf.max("event_time").alias("last_seen")
    )


@dlt.materialized_view
@dlt.expect("positive_revenue", "revenue > 0")
def revenue_daily() -> DataFrame:
    orders: DataFrame = spark.read.table("silver_orders")
    products: DataFrame = spark.read.table("bronze_products")
    joined = orders.join(products.select("product_id", "category"), "product_id")
    return joined.groupBy("day", "category").agg(
        sf.sum("amount").alias("revenue"),
        sf.sum("quantity").alias("items"),
        sf.count("*").alias("orders"),
    )


@dlt.materialized_view
def customer_value() -> DataFrame:
    orders: DataFrame = spark.read.table("silver_orders")
    users: DataFrame = spark.read.table("bronze_users")
    spent = orders.groupBy("user_id").agg(
        sf.sum("amount").alias("spent"),
        sf.count("*").alias("orders"),
        sf.max("order_time").alias("last_order"),
    )
    return spent.join(users.select("user_id", "name", "country"), "user_id")
