"""What is known of each user, and of each of their sessions, before anybody asks."""

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as sf

from dlt_lite import task_values

WORKING_TABLE = "shop.working_features"

# The meaning of each feature; it stands in the table, too.
USER_FEATURES = {
    "user_id": "The user",
    "sessions": "Visits of the user, by at most 30 minutes of silence",
    "clicks": "Clicks in all of these",
    "add_to_carts": "Clicks that put something into the cart",
    "checkouts": "Clicks that went to the checkout",
    "first_seen": "Start of the first session, or the first order before any",
    "last_seen": "End of the last session, or the last order after all",
    "recency_days": "Days from last_seen to the newest click or order of anybody",
    "orders": "Orders of the user, also those made outside of a session",
    "orders_in_sessions": "Orders that were made in a session",
    "sessions_with_order": "Sessions in which an order was made",
    "conversion": "sessions_with_order / sessions; NULL without a session",
    "revenue": "Amount of all orders",
    "basket": "revenue / orders; NULL without an order",
    "largest_basket": "Amount of the largest order; NULL without an order",
}


def extract_features() -> None:
    """Write the working table, and hand on the version that was written."""
    spark = SparkSession.builder.getOrCreate()
    features = features_of(spark.table("shop.sessions"), spark.table("shop.orders_with_sessions"))
    features.write.format("delta").mode("overwrite").option("overwriteSchema", "true").saveAsTable(
        WORKING_TABLE
    )
    version = spark.sql(f"DESCRIBE HISTORY {WORKING_TABLE} LIMIT 1").first()["version"]
    task_values.set("version", version)


def features_of(sessions: DataFrame, orders: DataFrame) -> DataFrame:
    """Return one row a user: the features, and `visits`, the sessions in the order of their time.

    Amounts are decimals and times are whole, so that every figure is exact.
    """
    visits = sessions.join(orders_of_sessions(orders), "session_id", "left").groupBy("user_id")
    of_visits = visits.agg(
        sf.count("*").alias("sessions"),
        sf.sum("clicks").alias("clicks"),
        sf.sum("add_to_carts").alias("add_to_carts"),
        sf.sum("checkouts").alias("checkouts"),
        sf.min("started_at").alias("first_visit"),
        sf.max("ended_at").alias("last_visit"),
        sf.count_if(sf.col("orders_here") > 0).alias("sessions_with_order"),
        sf.sort_array(sf.collect_list(visit())).alias("visits"),
    )
    of_orders = orders.groupBy("user_id").agg(
        sf.count("*").alias("orders"),
        sf.count("session_id").alias("orders_in_sessions"),
        sf.sum("amount").cast("decimal(20, 2)").alias("revenue"),
        sf.max("amount").alias("largest_basket"),
        sf.min("order_time").alias("first_order"),
        sf.max("order_time").alias("last_order"),
    )
    users = of_visits.join(of_orders, "user_id", "full")
    seen = users.withColumn("last_seen", sf.greatest("last_visit", "last_order"))
    newest = seen.agg(sf.max("last_seen").alias("newest"))
    return described(seen.crossJoin(sf.broadcast(newest)))


def orders_of_sessions(orders: DataFrame) -> DataFrame:
    """Count the orders that were made in each session."""
    inside = orders.where("session_id IS NOT NULL")
    return inside.groupBy("session_id").agg(sf.count("*").alias("orders_here"))


def visit() -> Column:
    """Sum up a session as the model sees it; `ordered` is what it is to tell."""
    return sf.struct(
        "started_at",
        "session_id",
        "clicks",
        "installs",
        "add_to_carts",
        "checkouts",
        "platform",
        "duration_seconds",
        (sf.coalesce("orders_here", sf.lit(0)) > 0).alias("ordered"),
    )


def described(users: DataFrame) -> DataFrame:
    """Return the features by name, with their meaning as comments of their columns."""
    millis = sf.unix_millis("newest") - sf.unix_millis("last_seen")
    values = {
        "first_seen": sf.least("first_visit", "first_order"),
        "last_seen": sf.col("last_seen"),
        "recency_days": (millis.cast("decimal(18, 0)") / 86_400_000).cast("decimal(10, 4)"),
        "conversion": share("sessions_with_order", "sessions", "decimal(5, 4)"),
        "revenue": sf.coalesce("revenue", sf.lit(0)).cast("decimal(20, 2)"),
        "basket": share("revenue", "orders", "decimal(10, 2)"),
        "largest_basket": sf.col("largest_basket"),
    }
    counts = ("sessions", "clicks", "add_to_carts", "checkouts", "orders", "orders_in_sessions")
    for name in (*counts, "sessions_with_order"):
        values[name] = sf.coalesce(name, sf.lit(0)).cast("bigint")
    columns = [
        values.get(name, sf.col(name)).alias(name, metadata={"comment": meaning})
        for name, meaning in USER_FEATURES.items()
    ]
    return users.select(*columns, "visits")


def share(part: str, whole: str, kind: str) -> Column:
    """Divide in decimals, rounded half up; NULL where the whole is nothing."""
    divisor = sf.nullif(sf.col(whole), sf.lit(0)).cast("decimal(15, 0)")
    return (sf.col(part).cast("decimal(18, 2)") / divisor).cast(kind)
