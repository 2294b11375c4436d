"""Three copies of a wide source, filtered by ten conditions: see `rules_baseline.py`."""

from typing import Any

from pyspark.sql import DataFrame, SparkSession

import dlt_lite as dlt

spark: Any = SparkSession.getActiveSession()

SCHEMA = (
    "id bigint, customer bigint, amount double, quantity int, price double, score double, "
    "ts timestamp, email string, country string, code string"
)
RULES = {
    "has_id": "id is not null",
    "has_customer": "customer is not null",
    "amount_not_negative": "amount >= 0",
    "sane_quantity": "quantity between 1 and 100",
    "sane_price": "price between 0.01 and 10000",
    "score_at_most_one": "score <= 1.0",
    "recent": "ts >= timestamp'2020-01-01'",
    "has_email": "email like '%@%'",
    "known_country": "country in ('DE', 'FR', 'IT', 'ES', 'NL', 'PL', 'SE', 'US')",
    "whole_code": "length(code) = 8",
}
ALL_MET = " and ".join(f"({rule})" for rule in RULES.values())


def source() -> DataFrame:
    path = spark.conf.get("source")
    frame: DataFrame
    if spark.conf.get("source_format") == "delta":
        frame = spark.read.format("delta").load(path)
    else:
        frame = spark.read.schema(SCHEMA).json(path)
    return frame


@dlt.materialized_view
def copy_a() -> DataFrame:
    return source().where(ALL_MET)


@dlt.materialized_view
def copy_b() -> DataFrame:
    return source().where(ALL_MET)


@dlt.materialized_view
def copy_c() -> DataFrame:
    return source().where(ALL_MET)
