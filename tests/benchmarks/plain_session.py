"""Start the Spark session that every baseline uses: dlt_lite's own settings, written out by hand.

A baseline differs from dlt_lite in the framework alone, so the settings that dlt_lite's embedded
default makes (`local[*]`, no UI, few partitions, UTC, ANSI, the same collector) stand here too.
Delta's five JARs come from a folder and go on the driver's class path. Frozen: a change here
changes what the published ratios mean.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pyspark.sql import SparkSession

CORES = os.cpu_count() or 2
JAVA_OPTIONS = "-XX:+UseSerialGC" if CORES <= 2 else ""  # dlt_lite's own choice, for the same size


def builder(scratch: Path, java_options: str = JAVA_OPTIONS) -> SparkSession.Builder:
    """Return a session builder with every setting but the JARs."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    settings = {
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.sql.shuffle.partitions": str(CORES),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "true",
        "spark.sql.execution.arrow.pythonUDF.columnarInput.enabled": "false",
        "spark.log.level": "ERROR",
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        **({"spark.driver.extraJavaOptions": java_options} if java_options else {}),
    }
    made = SparkSession.builder.master("local[*]").appName("baseline")
    for key, value in settings.items():
        made = made.config(key, value)
    return made


def plain_session(scratch: Path, jars_dir: Path, java_options: str = JAVA_OPTIONS) -> SparkSession:
    """Return a new session with the JARs of a folder on the driver's class path."""
    jars = ":".join(str(jar) for jar in sorted(jars_dir.glob("*.jar")))
    made = builder(scratch, java_options).config("spark.driver.extraClassPath", jars)
    return made.getOrCreate()
