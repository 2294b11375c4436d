"""Write one Delta table by a bare script: what `one_table` costs without dlt_lite.

Two ways to Delta's JARs: `classpath` puts five files on the driver's class path, `pip` calls
`configure_spark_with_delta_pip`, which resolves them at every start. Frozen.

    python -m tests.benchmarks.first_table_baseline --jars {classpath,pip} --storage DIR
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from pyspark.sql import SparkSession

from tests.benchmarks.plain_session import JAVA_OPTIONS, builder, plain_session


def session(options: argparse.Namespace) -> SparkSession:
    """Return a session that has its JARs in the way asked for."""
    if options.jars == "classpath":
        return plain_session(options.storage, options.jars_dir, options.java_options)
    from delta import configure_spark_with_delta_pip  # noqa: PLC0415 (the other way needs none)

    made = builder(options.storage, options.java_options)
    if options.ivy_settings:
        made = made.config("spark.jars.ivySettings", options.ivy_settings)
    spark: SparkSession = configure_spark_with_delta_pip(made).getOrCreate()
    return spark


def main() -> None:
    """Make a session, write the table, stop."""
    parser = argparse.ArgumentParser(description="Write one Delta table by a bare script.")
    parser.add_argument("--jars", choices=("classpath", "pip"), required=True)
    parser.add_argument("--storage", type=Path, required=True)
    parser.add_argument("--jars-dir", type=Path, default=os.environ.get("DLT_LITE_JARS_DIR"))
    parser.add_argument("--java-options", default=JAVA_OPTIONS)
    parser.add_argument("--ivy-settings")
    options = parser.parse_args()
    spark = session(options)
    rows = spark.range(1_000).selectExpr("id", "id % 7 as weekday", "cast(id as string) as label")
    rows.write.format("delta").mode("overwrite").save(str(options.storage / "first_table"))
    spark.stop()


if __name__ == "__main__":
    main()
