"""Do by hand, in one process, all that the worked example's job does: two pipelines, then the rest.

What a careful engineer writes without a framework: streams with checkpoints that end when all is
read, idempotent batches, every rule counted in the job that writes, views overwritten, a join, the
features, a model. Each transformation (a DataFrame in, a DataFrame out) is the example's own; what
differs is who reads, writes, counts and orders. Frozen.

    python -m tests.benchmarks.shop_baseline --pipelines DIR --storage DIR [--result FILE]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from delta.tables import DeltaTable
from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as sf

from tests.benchmarks.plain_session import JAVA_OPTIONS, plain_session

SEED = 20240521
CLICK_LINE = """
    event_id STRING, user_id STRING, event_time STRING, event_type STRING, platform STRING,
    campaign_id STRING, broken_line STRING
"""
ORDER_LINE = """
    order_id STRING, user_id STRING, order_time STRING, amount STRING, flowers STRING, vase STRING,
    chocolate STRING, delivery_id STRING, platform STRING, broken_line STRING
"""


@dataclass(frozen=True, slots=True)
class Rules:
    """Conditions by name, of each kind; NULL breaks a rule."""

    warn: Mapping[str, str] = field(default_factory=dict)
    drop: Mapping[str, str] = field(default_factory=dict)
    fail: Mapping[str, str] = field(default_factory=dict)


CLICK_RULES = Rules(
    warn={
        "known_platform": "platform IN ('Android', 'iOS')",
        "known_user": "user_id BETWEEN 1 AND 1000",
        "known_event_type": "event_type IN ('install', 'add_to_cart', 'go_to_checkout')",
    },
    drop={
        "valid_event_id": "event_id IS NOT NULL",
        "valid_user_id": "user_id IS NOT NULL",
        "valid_event_time": "event_time IS NOT NULL",
        "has_event_type": "event_type IS NOT NULL",
        "not_from_the_future": "NOT from_future",
    },
    fail={"not_before_2020": "event_time IS NULL OR event_time >= TIMESTAMP '2020-01-01 00:00:00'"},
)
ORDER_RULES = Rules(
    warn={
        "known_platform": "platform IN ('Android', 'iOS')",
        "known_user": "user_id BETWEEN 1 AND 1000",
        "amount_is_sum_of_parts": "abs(amount - (flowers + vase + chocolate)) <= 0.01",
    },
    drop={
        "valid_order_id": "order_id IS NOT NULL",
        "valid_user_id": "user_id IS NOT NULL",
        "valid_order_time": "order_time IS NOT NULL",
        "valid_amount": "amount >= 0",
        "not_from_the_future": "NOT from_future",
    },
    fail={"not_before_2020": "order_time IS NULL OR order_time >= TIMESTAMP '2020-01-01 00:00:00'"},
)


@dataclass(frozen=True, slots=True)
class Shop:
    """The session, and where things lie."""

    spark: SparkSession
    pipelines: Path
    storage: Path

    def table(self, name: str) -> str:
        """Return a table's path."""
        return str(self.storage / "tables" / name)

    def read(self, name: str) -> DataFrame:
        """Return a table as a batch."""
        return self.spark.read.format("delta").load(self.table(name))

    def module(self, path: str) -> ModuleType:
        """Return one of the example's modules, which may share its name with another."""
        file = self.pipelines / path
        spec = importlib.util.spec_from_file_location(path.replace("/", "_")[:-3], file)
        if spec is None or spec.loader is None:
            raise ImportError(path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        sys.path.insert(0, str(file.parent))
        try:
            spec.loader.exec_module(module)
        finally:
            sys.path.remove(str(file.parent))
        return module


def counters(rules: Rules) -> list[str]:
    """Return what is counted of a batch: rows kept and dropped, and a counter a rule."""
    kept = " and ".join(f"({rule})" for rule in rules.drop.values()) or "true"
    found = [f"count_if({kept}) as rows", f"count_if(({kept}) is not true) as dropped"]
    for name, rule in {**rules.warn, **rules.drop, **rules.fail}.items():
        found.append(f"count_if(({rule}) is not true) as {name}")
    return found


def checked(frame: DataFrame, rules: Rules) -> DataFrame:
    """Let the job fail at a row that must never be, and leave out those that are dropped."""
    for name, rule in rules.fail.items():
        frame = frame.where(f"case when ({rule}) then true else raise_error('{name}') end")
    kept = " and ".join(f"({rule})" for rule in rules.drop.values())
    return frame.where(kept) if kept else frame


def stream_into(
    shop: Shop, name: str, frame: DataFrame, rules: Rules, cluster_by: str = ""
) -> None:
    """Append what is new of a stream to a table, each batch once, each rule counted."""
    path = shop.table(name)
    if cluster_by and not DeltaTable.isDeltaTable(shop.spark, path):
        made = DeltaTable.create(shop.spark).location(path).addColumns(frame.schema)
        made.clusterBy(cluster_by).execute()

    def append(batch: DataFrame, batch_id: int) -> None:
        seen = Observation()
        counted = batch.observe(seen, *(sf.expr(each) for each in counters(rules)))
        (
            checked(counted, rules)
            .write.format("delta")
            .mode("append")
            .option("txnAppId", f"shop/{name}")
            .option("txnVersion", batch_id)
            .save(path)
        )
        sys.stderr.write(f"{name}: {seen.get}\n")

    query = (
        frame.writeStream.foreachBatch(append)
        .option("checkpointLocation", str(shop.storage / "checkpoints" / name))
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()


def overwrite(shop: Shop, name: str, frame: DataFrame, rules: Rules | None = None) -> None:
    """Replace a view's table, its rules counted."""
    seen = Observation()
    counted = frame.observe(seen, *(sf.expr(each) for each in counters(rules or Rules())))
    writer = checked(counted, rules or Rules()).write.format("delta").mode("overwrite")
    writer.option("overwriteSchema", "true").save(shop.table(name))
    sys.stderr.write(f"{name}: {seen.get}\n")


def landed(shop: Shop, name: str) -> DataFrame:
    """Return the stream of a landing folder, a row a line."""
    reader = shop.spark.readStream.option("columnNameOfCorruptRecord", "broken_line")
    if name == "clickstream":
        kind = "jsonl"
        lines = reader.schema(CLICK_LINE).option("pathGlobFilter", "*.jsonl")
        frame = lines.json(str(shop.pipelines / name / "landing" / "clean"))
    else:
        kind = "csv"
        lines = reader.schema(ORDER_LINE).option("pathGlobFilter", "*.csv")
        lines = lines.option("header", "true").option("enforceSchema", "false")
        frame = lines.csv(str(shop.pipelines / name / "landing" / "clean"))
    day = sf.regexp_extract("_metadata.file_name", rf"(\d{{4}}-\d{{2}}-\d{{2}})\.{kind}$", 1)
    return frame.select(
        "*",
        sf.col("_metadata.file_path").alias("source_file"),
        day.try_cast("date").alias("file_date"),
    )


def bronze_rules(time_column: str) -> Rules:
    """Return the rules of a bronze table."""
    return Rules(
        warn={
            "line_is_whole": "broken_line IS NULL",
            "not_late": f"try_cast(left({time_column}, 10) AS DATE) >= file_date",
        },
        fail={"file_is_dated": "file_date IS NOT NULL"},
    )


def clickstream(shop: Shop) -> None:
    """Bring the tables of the clicks up to date."""
    stream_into(shop, "bronze_clicks", landed(shop, "clickstream"), bronze_rules("event_time"))
    cleaning = shop.module("clickstream/cleaning.py")
    bronze = shop.spark.readStream.format("delta").load(shop.table("bronze_clicks"))
    clean = cleaning.once_each(cleaning.typed(bronze))
    stream_into(shop, "silver_clicks", clean, CLICK_RULES, cluster_by="user_id")
    sessions = shop.module("clickstream/sessionization.py").sessionized(shop.read("silver_clicks"))
    rules = Rules(fail={"ends_after_it_starts": "ended_at >= started_at"})
    overwrite(shop, "sessions", sessions, rules)
    overwrite(
        shop,
        "funnel_daily",
        funnel(shop.read("sessions")),
        Rules(warn={"no_more": "with_cart <= sessions AND with_checkout <= sessions"}),
    )


def funnel(sessions: DataFrame) -> DataFrame:
    """Count, for each day, the sessions that reached the cart and the checkout."""
    counted = sessions.groupBy(sf.to_date("started_at").alias("day")).agg(
        sf.count("*").alias("sessions"),
        sf.count_distinct("user_id").alias("users"),
        sf.count_if(sf.col("add_to_carts") > 0).alias("with_cart"),
        sf.count_if(sf.col("checkouts") > 0).alias("with_checkout"),
    )
    rate = "cast(cast({} as decimal(15, 0)) / cast(sessions as decimal(15, 0)) as decimal(5, 4))"
    return counted.select(
        "*",
        sf.expr(rate.format("with_cart")).alias("cart_rate"),
        sf.expr(rate.format("with_checkout")).alias("checkout_rate"),
    )


def orders(shop: Shop) -> None:
    """Bring the tables of the orders up to date."""
    stream_into(shop, "bronze_orders", landed(shop, "orders"), bronze_rules("order_time"))
    cleaning = shop.module("orders/cleaning.py")
    bronze = shop.spark.readStream.format("delta").load(shop.table("bronze_orders"))
    stream_into(shop, "silver_orders", cleaning.once_each(cleaning.typed(bronze)), ORDER_RULES)
    rules = Rules(warn={"no_negative_revenue": "revenue >= 0"})
    overwrite(shop, "revenue_daily", revenue(shop.read("silver_orders")), rules)


def revenue(silver: DataFrame) -> DataFrame:
    """Sum up the orders of each day."""
    parts = ("flowers", "vase", "chocolate")
    sums = {"revenue": "amount", **{part: part for part in parts}}
    totals = [
        sf.expr(f"cast(coalesce(sum({column}), 0) as decimal(20, 2))").alias(name)
        for name, column in sums.items()
    ]
    days = silver.groupBy(sf.to_date("order_time").alias("day"))
    summed = days.agg(
        sf.count("*").alias("orders"), sf.count_distinct("user_id").alias("users"), *totals
    )
    average = "cast(revenue / cast(orders as decimal(15, 0)) as decimal(10, 2))"
    return summed.withColumn("average_order", sf.expr(average))


def analysis(shop: Shop) -> dict[str, dict[str, Any]]:
    """Join, extract, publish and train; return what was counted."""
    joining = shop.module("shop_daily/joining.py")
    joined = joining.with_sessions(shop.read("silver_orders"), shop.read("sessions"))
    overwrite(shop, "orders_with_sessions", joined)
    written = shop.read("orders_with_sessions")
    row = written.select(sf.count("*"), sf.count("session_id")).first()
    extracting = shop.module("shop_daily/extracting.py")
    features = extracting.features_of(shop.read("sessions"), written)
    overwrite(shop, "working_features", features)
    table = DeltaTable.forPath(shop.spark, shop.table("working_features"))
    latest = table.history(1).first()
    version = latest["version"] if latest else 0
    reader = shop.spark.read.format("delta").option("versionAsOf", version)
    working = reader.load(shop.table("working_features"))
    overwrite(shop, "user_features", working.select(*extracting.USER_FEATURES))
    users = shop.read("user_features").count()
    return {
        "orders_with_sessions": {
            "orders": row[0] if row else 0,
            "orders_in_a_session": row[1] if row else 0,
        },
        "persist_features": {"users": users},
        "train_model": trained(shop, working, version),
    }


def trained(shop: Shop, working: DataFrame, version: int) -> dict[str, float]:
    """Train, measure and save the model; return its score and the baseline's."""
    training = shop.module("shop_daily/training.py")
    sessions = training.sessions_of(working).toPandas()
    train, test = training.parted(training.with_history(sessions))
    model = training.fitted(train, SEED)
    scores = {
        "model": training.scored(model.predict_proba(test[[*training.FEATURES]])[:, 1], test),
        "checkout_rule": training.scored((test["checkouts"] > 0).astype(float), test),
        "base_rate": training.scored(training.base_rate(train, test), test),
    }
    facts = {
        "task": "does a session end in an order?",
        "table": "working_features",
        "table_version": version,
        "seed": SEED,
        "sessions_trained_on": len(train),
        "sessions_tested_on": len(test),
        "tested_from": str(test["started_at"].min()),
        "share_that_ordered": round(float(test[training.TARGET].mean()), 6),
        "scores": {name: asdict(score) for name, score in scores.items()},
        "scikit_learn": training.sklearn_version,
    }
    training.saved(model, facts, shop.storage / "models" / str(time.time_ns()))
    return {
        "roc_auc": scores["model"].roc_auc,
        "baseline_roc_auc": scores["checkout_rule"].roc_auc,
    }


def main() -> None:
    """Make a session, do everything one after the other, say what was counted."""
    parser = argparse.ArgumentParser(description="Do by hand what the worked example does.")
    parser.add_argument("--pipelines", type=Path, required=True)
    parser.add_argument("--storage", type=Path, required=True)
    parser.add_argument("--jars-dir", type=Path, default=os.environ.get("DLT_LITE_JARS_DIR"))
    parser.add_argument("--java-options", default=JAVA_OPTIONS)
    parser.add_argument("--result", type=Path)
    options = parser.parse_args()
    spark = plain_session(options.storage, options.jars_dir, options.java_options)
    shop = Shop(spark, options.pipelines, options.storage)
    steps: tuple[Callable[[Shop], None], ...] = (clickstream, orders)
    for step in steps:
        step(shop)
    counts = analysis(shop)
    spark.stop()
    if options.result:
        options.result.write_text(json.dumps({"counts": counts}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
