"""Turn clicks into sessions; DataFrame in, DataFrame out."""

from pyspark.sql import DataFrame, GroupedData, Window
from pyspark.sql import functions as sf

LONGEST_SILENCE = "INTERVAL 30 MINUTES"


def sessionized(clicks: DataFrame) -> DataFrame:
    """Cut each user's clicks where more than 30 minutes pass without one; exactly 30 do not cut.

    Days and files play no part: a session that runs across midnight stays one session.
    """
    in_order = Window.partitionBy("user_id").orderBy("event_time", "event_id")
    silence = sf.col("event_time") - sf.lag("event_time").over(in_order)
    cut = sf.when(silence > sf.expr(LONGEST_SILENCE), 1).otherwise(0)
    until_here = in_order.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    numbered = clicks.withColumn("cut", cut).withColumn("number", sf.sum("cut").over(until_here))
    return _described(numbered.groupBy("user_id", "number"))


def _described(sessions: GroupedData) -> DataFrame:
    """Sum each session up, in whole numbers and decimals, so that every figure is exact."""
    first_click = sf.struct("event_time", "event_id")
    summed = sessions.agg(
        sf.min("event_time").alias("started_at"),
        sf.max("event_time").alias("ended_at"),
        sf.count("*").alias("clicks"),
        sf.count_if(sf.col("event_type") == "install").alias("installs"),
        sf.count_if(sf.col("event_type") == "add_to_cart").alias("add_to_carts"),
        sf.count_if(sf.col("event_type") == "go_to_checkout").alias("checkouts"),
        sf.min_by("platform", first_click).alias("platform"),
    )
    milliseconds = sf.unix_millis("ended_at") - sf.unix_millis("started_at")
    return summed.select(
        sf.concat_ws("-", "user_id", sf.unix_millis("started_at")).alias("session_id"),
        "user_id",
        "started_at",
        "ended_at",
        "clicks",
        "installs",
        "add_to_carts",
        "checkouts",
        "platform",
        (milliseconds.cast("decimal(15, 0)") / 1000)
        .cast("decimal(15, 3)")
        .alias("duration_seconds"),
    )
