"""Validate ten rules on a written Delta table by Great Expectations, as a script would.

The rules are those of `rules_baseline.py`. Ways: `floor` imports GX and reads one row, `plain`
validates as GX comes, `lean` with `persist=False` and BOOLEAN_ONLY.

    python -m tests.benchmarks.gx_baseline --way {floor,plain,lean} --table DIR --storage DIR
"""

from __future__ import annotations

import argparse
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import great_expectations as gx
from great_expectations import expectations as gxe

from tests.benchmarks.plain_session import JAVA_OPTIONS, plain_session

WAYS = ("floor", "plain", "lean")
YEAR_2020 = datetime(2020, 1, 1)  # noqa: DTZ001 - GX compares without a zone
COUNTRIES = ["DE", "FR", "IT", "ES", "NL", "PL", "SE", "US"]


def rules() -> list[Any]:
    """Return the ten rules as GX has them."""
    between = gxe.ExpectColumnValuesToBeBetween
    return [
        gxe.ExpectColumnValuesToNotBeNull(column="id"),
        gxe.ExpectColumnValuesToNotBeNull(column="customer"),
        between(column="amount", min_value=0),
        between(column="quantity", min_value=1, max_value=100),
        between(column="price", min_value=0.01, max_value=10000),
        between(column="score", max_value=1.0),
        between(column="ts", min_value=YEAR_2020),
        gxe.ExpectColumnValuesToMatchRegex(column="email", regex="@"),
        gxe.ExpectColumnValuesToBeInSet(column="country", value_set=COUNTRIES),
        gxe.ExpectColumnValueLengthsToEqual(column="code", value=8),
    ]


def main() -> None:
    """Make a session, validate, say what was found."""
    parser = argparse.ArgumentParser(description="Validate a Delta table by Great Expectations.")
    parser.add_argument("--way", choices=WAYS, required=True)
    parser.add_argument("--table", required=True)
    parser.add_argument("--storage", type=Path, required=True)
    parser.add_argument("--jars-dir", type=Path, default=os.environ.get("DLT_LITE_JARS_DIR"))
    parser.add_argument("--java-options", default=JAVA_OPTIONS)
    parser.add_argument("--result", type=Path)
    options = parser.parse_args()
    spark = plain_session(options.storage, options.jars_dir, options.java_options)
    frame = spark.read.format("delta").load(options.table)
    frame.limit(1).collect()
    context = gx.get_context(mode="ephemeral")
    source = context.data_sources.add_spark("s", persist=options.way != "lean")
    asset = source.add_dataframe_asset("t").add_batch_definition_whole_dataframe("all")
    suite = gx.ExpectationSuite(name="ten", expectations=rules())
    found: dict[str, Any] = {}
    if options.way != "floor":
        batch = asset.get_batch(batch_parameters={"dataframe": frame})
        form = "BOOLEAN_ONLY" if options.way == "lean" else "BASIC"
        found = {"success": bool(batch.validate(suite, result_format=form).success)}
    spark.stop()
    if options.result:
        options.result.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
