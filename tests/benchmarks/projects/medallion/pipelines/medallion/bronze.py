"""Four streams of JSON lines, as they arrive: the other side of `medallion_baseline.py`."""

from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

import dlt_lite as dlt

spark: Any = SparkSession.getActiveSession()

CLICKS = (
    "click_id bigint, user_id bigint, event_time string, page string, device string, "
    "product_id bigint, duration_ms bigint, referrer string"
)
ORDERS = (
    "order_id bigint, user_id bigint, product_id bigint, order_time string, quantity int, "
    "unit_price double, status string"
)
USERS = "user_id bigint, name string, country string, signed_up string"
PRODUCTS = "product_id bigint, title string, category string, list_price double"


def landed(source: str, schema: str) -> DataFrame:
    landing = spark.conf.get("landing")
    frame: DataFrame = spark.readStream.schema(schema).json(f"{landing}/{source}")
    return frame.withColumn("source_file", sf.col("_metadata.file_path"))


@dlt.table
def bronze_clicks() -> DataFrame:
    return landed("clicks", CLICKS)


@dlt.table
def bronze_orders() -> DataFrame:
    return landed("orders", ORDERS)


@dlt.table
def bronze_users() -> DataFrame:
    return landed("users", USERS)


@dlt.table
def bronze_products() -> DataFrame:
    return landed("products", PRODUCTS)
