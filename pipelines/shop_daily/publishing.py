"""Publish the features of the users, for whoever wants to use them."""

from extracting import USER_FEATURES, WORKING_TABLE
from pyspark.sql import SparkSession

from dlt_lite import task_values

PUBLISHED = "shop.user_features"


def persist_features(version: str) -> None:
    """Write `shop.user_features` from one version of the working table.

    Args:
        version: the version.
    """
    spark = SparkSession.builder.getOrCreate()
    working = spark.read.option("versionAsOf", version).table(WORKING_TABLE)
    features = working.select(*USER_FEATURES)
    features.write.format("delta").mode("overwrite").option("overwriteSchema", "true").saveAsTable(
        PUBLISHED
    )
    task_values.set("users", spark.table(PUBLISHED).count())
