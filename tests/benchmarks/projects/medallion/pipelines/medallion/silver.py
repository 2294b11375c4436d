"""Two cleaned streams with counted rules: the other side of `medallion_baseline.py`."""

from typing import Any

from pyspark.sql import DataFrame, SparkSession

import dlt_lite as dlt

spark: Any = SparkSession.getActiveSession()


@dlt.table
@dlt.expect("known_device", "device in ('phone', 'tablet', 'desktop')")
@dlt.expect("has_page", "page is not null and length(page) > 0")
@dlt.expect_or_drop("has_user", "user_id is not null")
@dlt.expect_or_drop("valid_duration", "duration_ms >= 0")
def silver_clicks() -> DataFrame:
    frame: DataFrame = spark.readStream.table("bronze_clicks")
    return frame.selectExpr(
        "click_id",
        "user_id",
        "product_id",
        "cast(event_time as timestamp) as event_time",
        "cast(substr(event_time, 1, 10) as date) as day",
        "lower(trim(page)) as page",
        "device",
        "duration_ms",
        "parse_url(referrer, 'PATH') as referrer_path",
    )


@dlt.table
@dlt.expect("known_status", "status in ('placed', 'paid', 'shipped', 'returned')")
@dlt.expect("sane_quantity", "quantity between 1 and 100")
@dlt.expect_or_drop("has_user", "user_id is not null")
@dlt.expect_or_drop("positive_price", "unit_price > 0")
def silver_orders() -> DataFrame:
    frame: DataFrame = spark.readStream.table("bronze_orders")
    return frame.selectExpr(
        "order_id",
        "user_id",
        "product_id",
        "cast(order_time as timestamp) as order_time",
        "cast(substr(order_time, 1, 10) as date) as day",
        "quantity",
        "cast(unit_price as decimal(12, 2)) as unit_price",
        "cast(unit_price * quantity as decimal(14, 2)) as amount",
        "status",
    )
