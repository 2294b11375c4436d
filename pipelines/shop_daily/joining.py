"""Find the session that each order was made in."""

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as sf

from dlt_lite import task_values

# As in the sessions themselves: who is silent for longer has left.
LONGEST_SILENCE = "INTERVAL 30 MINUTES"


def orders_with_sessions() -> None:
    """Write each order with its session to `shop.orders_with_sessions`."""
    spark = SparkSession.builder.getOrCreate()
    joined = with_sessions(spark.table("shop.silver_orders"), spark.table("shop.sessions"))
    # The whole table is replaced in one commit: who reads it meanwhile reads the one before.
    joined.write.format("delta").mode("overwrite").option("overwriteSchema", "true").saveAsTable(
        "shop.orders_with_sessions"
    )
    written = spark.table("shop.orders_with_sessions")
    counts = written.select(sf.count("*"), sf.count("session_id")).first()
    task_values.set("orders", counts[0])
    task_values.set("orders_in_a_session", counts[1])


def with_sessions(orders: DataFrame, sessions: DataFrame) -> DataFrame:
    """Give each order the session that it was made in; none where it was made in none.

    An order is made in the last session of its user that has begun by then, unless more than 30
    minutes have passed since the session's last click. One row an order, whatever happens.
    """
    found = orders.alias("o").join(sessions.alias("s"), made_in_session(), "left")
    of_order = found.groupBy("o.order_id")
    last = of_order.agg(
        sf.first(sf.struct("o.*")).alias("o"),
        sf.max_by(sf.struct("s.*"), "s.started_at").alias("s"),
    )
    return last.select(
        "o.order_id",
        "o.user_id",
        "o.order_time",
        "o.amount",
        "o.flowers",
        "o.vase",
        "o.chocolate",
        "o.delivery_id",
        "o.platform",
        "s.session_id",
        sf.col("s.started_at").alias("session_started_at"),
        sf.col("s.clicks").alias("session_clicks"),
        (sf.unix_millis("o.order_time") - sf.unix_millis("s.started_at")).alias(
            "millis_since_start"
        ),
    )


def made_in_session() -> Column:
    """Say when an order may have been made in a session."""
    same_user = sf.col("o.user_id") == sf.col("s.user_id")
    has_begun = sf.col("s.started_at") <= sf.col("o.order_time")
    is_not_over = sf.col("o.order_time") <= sf.col("s.ended_at") + sf.expr(LONGEST_SILENCE)
    return same_user & has_begun & is_not_over
