"""Write a project of many datasets: a number in, the text of its pipeline files out.

`write_groups` makes datasets in groups of ten, as real pipelines are: a stream of files, three
streams below it (one of them with rules), six views that join and aggregate. `write_chain` makes
one line of datasets, each reading the one before: streams in the first half, views in the second.
Both lie in one pipeline named `many`, fifty datasets a file, and can be run: a handful of rows is
landed beside them. The files say what a person would write, without loops. Frozen.

    python -m tests.benchmarks.many_datasets DIR --count 1000 [--chain]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

PIPELINE = "many"
PER_FILE = 50
GROUP = 10
ROWS = 20

HEAD = '''"""Generated datasets."""

from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

import dlt_lite as dlt

spark: Any = SparkSession.getActiveSession()
SCHEMA = "id bigint, kind string, amount double, at string"
'''

LANDED = """

@dlt.table(comment="Rows as they arrive")
def {name}() -> DataFrame:
    landing = spark.conf.get("landing")
    return spark.readStream.schema(SCHEMA).json(f"{{landing}}")
"""

TYPED = """

@dlt.table
def {name}() -> DataFrame:
    frame = spark.readStream.table("{above}")
    return frame.withColumn("at", F.to_timestamp("at")).withColumn("kind", F.upper("kind"))
"""

CHECKED = """

@dlt.table
@dlt.expect("has_id", "id is not null")
@dlt.expect_or_drop("positive", "amount > 0")
def {name}() -> DataFrame:
    return spark.readStream.table("{above}").withColumn("doubled", F.col("amount") * 2)
"""

LARGE = """

@dlt.table
def {name}() -> DataFrame:
    return spark.readStream.table("{above}").where("amount > 10")
"""

TOTALS = """

@dlt.materialized_view
def {name}() -> DataFrame:
    frame = spark.read.table("{above}")
    return frame.groupBy("kind").agg(F.sum("amount").alias("total"), F.count("*").alias("rows"))
"""

JOINED = """

@dlt.materialized_view
def {name}() -> DataFrame:
    totals = spark.read.table("{totals}")
    return spark.read.table("{above}").join(totals, "kind").select("id", "kind", "total")
"""

RANKED = """

@dlt.materialized_view
def {name}() -> DataFrame:
    return spark.sql("select kind, max(total) as most from {above} group by kind")
"""

STREAM_LINK = """

@dlt.table
def {name}() -> DataFrame:
    return spark.readStream.table("{above}").withColumn("amount", F.col("amount") + 1)
"""

VIEW_LINK = """

@dlt.materialized_view
def {name}() -> DataFrame:
    return spark.read.table("{above}").withColumn("amount", F.col("amount") + 1)
"""


def write_groups(folder: Path, count: int) -> None:
    """Write a project of `count` datasets in groups of ten; the last group may be cut short."""
    _write_project(folder, [_in_group(number) for number in range(count)])


def write_chain(folder: Path, count: int) -> None:
    """Write a project of `count` datasets, each of which reads the one before."""
    _write_project(folder, [_link(number, count) for number in range(count)])


def _in_group(number: int) -> str:
    group, place = divmod(number, GROUP)

    def name(of: int) -> str:
        return f"d_{group:03d}_{of}"

    text, above, totals = (
        (LANDED, 0, 0),
        (TYPED, 0, 0),
        (CHECKED, 1, 0),
        (LARGE, 2, 0),
        (TOTALS, 1, 0),
        (TOTALS, 3, 0),
        (JOINED, 1, 4),
        (JOINED, 2, 5),
        (RANKED, 6, 0),
        (RANKED, 7, 0),
    )[place]
    return text.format(name=name(place), above=name(above), totals=name(totals))


def _link(number: int, count: int) -> str:
    text = LANDED if number == 0 else STREAM_LINK if number < count // 2 else VIEW_LINK
    return text.format(name=f"link_{number:04d}", above=f"link_{number - 1:04d}")


def _write_project(folder: Path, datasets: list[str]) -> None:
    pipeline = folder / "pipelines" / PIPELINE
    landing = folder / "landing"
    pipeline.mkdir(parents=True, exist_ok=True)
    landing.mkdir(exist_ok=True)
    (folder / "dlt_lite.yml").write_text("name: bench_many\n", encoding="utf-8")
    (pipeline / "pipeline.yml").write_text(
        f"name: {PIPELINE}\nschema: bench\nconfiguration:\n  landing: {json.dumps(str(landing))}\n",
        encoding="utf-8",
    )
    (landing / "rows.json").write_text("".join(_rows()), encoding="utf-8")
    for number, start in enumerate(range(0, len(datasets), PER_FILE)):
        text = HEAD + "".join(datasets[start : start + PER_FILE])
        (pipeline / f"part_{number:03d}.py").write_text(text, encoding="utf-8")


def _rows() -> Iterator[str]:
    for number in range(ROWS):
        row = {
            "id": number,
            "kind": f"kind {number % 3}",
            "amount": number * 1.5,
            "at": f"2026-08-{number + 1:02d} 12:00:00",
        }
        yield json.dumps(row) + "\n"


def main() -> None:
    """Write the project that the command line asks for."""
    parser = argparse.ArgumentParser(description="Write a project of many datasets.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--chain", action="store_true")
    options = parser.parse_args()
    (write_chain if options.chain else write_groups)(options.folder, options.count)


if __name__ == "__main__":
    main()
