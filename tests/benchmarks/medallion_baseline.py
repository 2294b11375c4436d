"""Write the medallion's ten tables by hand: four bronze and two silver streams, four views.

This is what a careful engineer writes without a framework, one query after the other: streams
with checkpoints that end when all is read, idempotent batches, every rule counted in the job that
writes, every table's rows counted, views overwritten at each run. The same reads, writes, rules
and counts as `projects/medallion/`; what differs is who does it. Frozen.

    python -m tests.benchmarks.medallion_baseline --landing DIR --storage DIR [--result FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as sf

from tests.benchmarks.plain_session import JAVA_OPTIONS, plain_session

SCHEMAS = {
    "clicks": (
        "click_id bigint, user_id bigint, event_time string, page string, device string, "
        "product_id bigint, duration_ms bigint, referrer string"
    ),
    "orders": (
        "order_id bigint, user_id bigint, product_id bigint, order_time string, quantity int, "
        "unit_price double, status string"
    ),
    "users": "user_id bigint, name string, country string, signed_up string",
    "products": "product_id bigint, title string, category string, list_price double",
}


@dataclass(frozen=True, slots=True)
class Silver:
    """A cleaned stream: what it reads, what it selects, what it warns of and what it drops."""

    source: str
    columns: tuple[str, ...]
    warn: Mapping[str, str]
    drop: Mapping[str, str]


SILVER = {
    "silver_clicks": Silver(
        source="bronze_clicks",
        columns=(
            "click_id",
            "user_id",
            "product_id",
            "cast(event_time as timestamp) as event_time",
            "cast(substr(event_time, 1, 10) as date) as day",
            "lower(trim(page)) as page",
            "device",
            "duration_ms",
            "parse_url(referrer, 'PATH') as referrer_path",
        ),
        warn={
            "known_device": "device in ('phone', 'tablet', 'desktop')",
            "has_page": "page is not null and length(page) > 0",
        },
        drop={"has_user": "user_id is not null", "valid_duration": "duration_ms >= 0"},
    ),
    "silver_orders": Silver(
        source="bronze_orders",
        columns=(
            "order_id",
            "user_id",
            "product_id",
            "cast(order_time as timestamp) as order_time",
            "cast(substr(order_time, 1, 10) as date) as day",
            "quantity",
            "cast(unit_price as decimal(12, 2)) as unit_price",
            "cast(unit_price * quantity as decimal(14, 2)) as amount",
            "status",
        ),
        warn={
            "known_status": "status in ('placed', 'paid', 'shipped', 'returned')",
            "sane_quantity": "quantity between 1 and 100",
        },
        drop={"has_user": "user_id is not null", "positive_price": "unit_price > 0"},
    ),
}


@dataclass(frozen=True, slots=True)
class Medallion:
    """The session, where things lie, and the counts made so far, by dataset."""

    spark: SparkSession
    landing: Path
    storage: Path
    counts: dict[str, Counter[str]] = field(default_factory=dict)

    def table(self, name: str) -> str:
        """Return a table's path."""
        return str(self.storage / "tables" / name)

    def checkpoint(self, name: str) -> str:
        """Return a stream's checkpoint."""
        return str(self.storage / "checkpoints" / name)

    def read(self, name: str) -> DataFrame:
        """Return a table as a batch."""
        return self.spark.read.format("delta").load(self.table(name))


def land(medallion: Medallion, source: str) -> None:
    """Append the files of a source that are new to its bronze table."""
    name = f"bronze_{source}"
    lines = medallion.spark.readStream.schema(SCHEMAS[source])
    frame = lines.json(str(medallion.landing / source))
    query = (
        frame.withColumn("source_file", sf.col("_metadata.file_path"))
        .writeStream.format("delta")
        .outputMode("append")
        .option("checkpointLocation", medallion.checkpoint(name))
        .trigger(availableNow=True)
        .start(medallion.table(name))
    )
    query.awaitTermination()
    rows = sum(progress["numInputRows"] for progress in query.recentProgress)
    medallion.counts[name] = Counter(rows=rows)


def violations(rules: Mapping[str, str]) -> list[str]:
    """Return a counter a rule; a rule that is NULL is violated."""
    return [f"count_if(({rule}) is not true) as {name}" for name, rule in rules.items()]


def clean(medallion: Medallion, name: str) -> None:
    """Append the rows of a bronze table that are new to a silver table, each rule counted."""
    silver = SILVER[name]
    kept = " and ".join(f"({rule})" for rule in silver.drop.values())
    counters = [
        f"count_if({kept}) as rows",
        f"count_if(({kept}) is not true) as dropped",
        *violations({**silver.warn, **silver.drop}),
    ]
    counts = Counter(dict.fromkeys(("rows", "dropped", *silver.warn, *silver.drop), 0))
    medallion.counts[name] = counts

    def append(batch: DataFrame, batch_id: int) -> None:
        seen = Observation()
        counted = batch.observe(seen, *(sf.expr(counter) for counter in counters))
        (
            counted.where(kept)
            .write.format("delta")
            .mode("append")
            .option("txnAppId", f"medallion/{name}")
            .option("txnVersion", batch_id)
            .save(medallion.table(name))
        )
        counts.update(seen.get)

    bronze = medallion.spark.readStream.format("delta").load(medallion.table(silver.source))
    query = (
        bronze.selectExpr(*silver.columns)
        .writeStream.foreachBatch(append)
        .option("checkpointLocation", medallion.checkpoint(name))
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()


def replace(
    medallion: Medallion, name: str, frame: DataFrame, rules: Mapping[str, str] | None = None
) -> None:
    """Overwrite a view's table, its rows and rules counted."""
    seen = Observation()
    counters = ["count(*) as rows", *violations(rules or {})]
    counted = frame.observe(seen, *(sf.expr(counter) for counter in counters))
    counted.write.format("delta").mode("overwrite").save(medallion.table(name))
    medallion.counts[name] = Counter(seen.get)


def page_views_daily(medallion: Medallion) -> None:
    """Count views and users by day, page and device."""
    frame = (
        medallion.read("silver_clicks")
        .groupBy("day", "page", "device")
        .agg(
            sf.count("*").alias("views"),
            sf.countDistinct("user_id").alias("users"),
            sf.avg("duration_ms").alias("mean_duration_ms"),
        )
    )
    replace(medallion, "page_views_daily", frame)


def clicks_by_country(medallion: Medallion) -> None:
    """Count views by country and page."""
    users = medallion.read("bronze_users").select("user_id", "country")
    frame = (
        medallion.read("silver_clicks")
        .join(users, "user_id")
        .groupBy("country", "page")
        .agg(sf.count("*").alias("views"), sf.max("event_time").alias("last_seen"))
    )
    replace(medallion, "clicks_by_country", frame)


def revenue_daily(medallion: Medallion) -> None:
    """Sum revenue by day and category."""
    products = medallion.read("bronze_products").select("product_id", "category")
    frame = (
        medallion.read("silver_orders")
        .join(products, "product_id")
        .groupBy("day", "category")
        .agg(
            sf.sum("amount").alias("revenue"),
            sf.sum("quantity").alias("items"),
            sf.count("*").alias("orders"),
        )
    )
    replace(medallion, "revenue_daily", frame, {"positive_revenue": "revenue > 0"})


def customer_value(medallion: Medallion) -> None:
    """Sum what each user spent."""
    spent = (
        medallion.read("silver_orders")
        .groupBy("user_id")
        .agg(
            sf.sum("amount").alias("spent"),
            sf.count("*").alias("orders"),
            sf.max("order_time").alias("last_order"),
        )
    )
    users = medallion.read("bronze_users").select("user_id", "name", "country")
    replace(medallion, "customer_value", spent.join(users, "user_id"))


def refresh(medallion: Medallion) -> None:
    """Bring all ten tables up to date, one after the other."""
    for source in SCHEMAS:
        land(medallion, source)
    for name in SILVER:
        clean(medallion, name)
    for view in (page_views_daily, clicks_by_country, revenue_daily, customer_value):
        view(medallion)


def main() -> None:
    """Make a session, bring the tables up to date, say what was counted."""
    parser = argparse.ArgumentParser(description="Write the medallion's ten tables by hand.")
    parser.add_argument("--landing", type=Path, required=True)
    parser.add_argument("--storage", type=Path, required=True)
    parser.add_argument("--jars-dir", type=Path, default=os.environ.get("DLT_LITE_JARS_DIR"))
    parser.add_argument("--java-options", default=JAVA_OPTIONS)
    parser.add_argument("--result", type=Path)
    options = parser.parse_args()
    spark = plain_session(options.storage, options.jars_dir, options.java_options)
    ready = time.time()
    medallion = Medallion(spark, options.landing, options.storage)
    refresh(medallion)
    spark.stop()
    if options.result:
        found = {"session_ready": ready, "datasets": medallion.counts}
        options.result.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
