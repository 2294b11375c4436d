"""Copy a wide source into Delta by hand: bare, with ten warn rules, filtered, with ten drop rules.

Variants: `none` copies; `warn` counts the violations of ten rules in the writing job by one
`observe`; `filter` keeps the rows that meet all ten; `drop` keeps the same rows and counts. Each
is written `COPIES` times, to as many tables, so that the figure stands out from the process' start.
The same writes as `projects/rules_<variant>/`. Frozen.

    python -m tests.benchmarks.rules_baseline --variant {none,warn,filter,drop} \\
        --format {delta,json} --source DIR --storage DIR [--result FILE]
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as sf

from tests.benchmarks.plain_session import JAVA_OPTIONS, plain_session

VARIANTS = ("none", "warn", "filter", "drop")
FORMATS = ("delta", "json")
COPIES = ("copy_a", "copy_b", "copy_c")
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


def read(spark: SparkSession, kind: str, source: str) -> DataFrame:
    """Return the source as a batch."""
    if kind == "delta":
        return spark.read.format("delta").load(source)
    return spark.read.schema(SCHEMA).json(source)


def copy(frame: DataFrame, variant: str, path: str) -> dict[str, int]:
    """Overwrite a table with a variant of the source; return what was counted."""
    seen = Observation()
    counters = [f"count_if(({rule}) is not true) as {name}" for name, rule in RULES.items()]
    if variant in {"warn", "drop"}:
        total = "count(*) as rows" if variant == "warn" else f"count_if({ALL_MET}) as rows"
        frame = frame.observe(seen, sf.expr(total), *(sf.expr(counter) for counter in counters))
    if variant in {"filter", "drop"}:
        frame = frame.where(ALL_MET)
    frame.write.format("delta").mode("overwrite").save(path)
    return seen.get if variant in {"warn", "drop"} else {}


def main() -> None:
    """Make a session, write the copies, say what was counted."""
    parser = argparse.ArgumentParser(description="Copy a wide source into Delta by hand.")
    parser.add_argument("--variant", choices=VARIANTS, required=True)
    parser.add_argument("--format", choices=FORMATS, required=True)
    parser.add_argument("--source", required=True)
    parser.add_argument("--storage", type=Path, required=True)
    parser.add_argument("--jars-dir", type=Path, default=os.environ.get("DLT_LITE_JARS_DIR"))
    parser.add_argument("--java-options", default=JAVA_OPTIONS)
    parser.add_argument("--result", type=Path)
    options = parser.parse_args()
    spark = plain_session(options.storage, options.jars_dir, options.java_options)
    counts = {
        name: copy(
            read(spark, options.format, options.source),
            options.variant,
            str(options.storage / "tables" / name),
        )
        for name in COPIES
    }
    spark.stop()
    if options.result:
        options.result.write_text(json.dumps({"datasets": counts}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
