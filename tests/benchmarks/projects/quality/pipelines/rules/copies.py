"""Three copies of a wide source under the rules that BENCH_RULES names."""

import os
from collections.abc import Callable
from typing import Any

from pyspark.sql import DataFrame, SparkSession

import dlt_lite as dlt

spark: Any = SparkSession.getActiveSession()

WARN = {
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
# Rules that every row of the source meets.
MET = {
    "has_id": "id is null or id >= 0",
    "has_customer": "customer is null or customer < 100000",
    "amount_not_negative": "amount >= -1",
    "sane_quantity": "quantity between 0 and 100",
    "sane_price": "price between 0.01 and 100000",
    "score_at_most_one": "score <= 1.5",
    "recent": "ts >= timestamp'1970-01-01'",
    "has_email": "email like 'customer%'",
    "known_country": "country in ('DE', 'FR', 'IT', 'ES', 'NL', 'PL', 'SE', 'US', 'XX')",
    "whole_code": "length(code) between 2 and 8",
}
HUNDRED = {f"{name}_{n}": f"({rule}) or id = {n}" for n in range(10) for name, rule in WARN.items()}
VARIANTS: dict[str, Callable[[Any], Any]] = {
    "none": lambda function: function,
    "warn": dlt.expect_all(WARN),
    "fail": dlt.expect_all_or_fail(MET),
    "few aside": dlt.expect_or_quarantine("odd", "coalesce(id, 0) % 10000 <> 7"),
    "tenth aside": dlt.expect_or_quarantine("odd", "coalesce(id, 0) % 10 <> 7"),
    "hundred": dlt.expect_all(HUNDRED),
    "unique": dlt.expect_unique("id"),
}


def copy(name: str) -> None:
    @dlt.materialized_view(name=name)
    @VARIANTS[os.environ["BENCH_RULES"]]
    def source() -> DataFrame:
        frame: DataFrame = spark.read.format("delta").load(spark.conf.get("source"))
        return frame


for each in ("copy_a", "copy_b", "copy_c"):
    copy(each)
