"""The example on a real Spark standalone cluster, by configuration alone."""

import pytest
import yaml
from pyspark.sql import SparkSession

from tests.e2e.cluster import standalone_cluster
from tests.e2e.shell import PIPELINES, copy_of_the_example, dlt_lite, land, place_of
from tests.example import truth

pytestmark = pytest.mark.e2e

CLICK_DAYS = sorted((PIPELINES / "clickstream/landing/clean").glob("*.jsonl"))
CLUSTER = {
    "master": "${env.CLUSTER}",
    "storage_root": "on the cluster",
    "spark": {
        "spark.executor.memory": "600m",
        "spark.executor.cores": 1,
        "spark.driver.host": "127.0.0.1",
        "spark.sql.shuffle.partitions": 2,
        "spark.databricks.delta.snapshotPartitions": 2,
        "spark.ui.enabled": False,
    },
}
DECADES = """
from decades import decade
from pyspark.sql import SparkSession

import dlt_lite as dlt

spark = SparkSession.getActiveSession()


@dlt.materialized_view
@dlt.expect("is_a_decade", "decade % 10 = 0")
def decades():
    return spark.read.table("shop.sessions").select("session_id", decade("clicks").alias("decade"))
"""
HELPER = """
from pyspark.sql import functions as sf

STEP = 10


@sf.udf("bigint")
def decade(number):
    return number // STEP * STEP
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = copy_of_the_example(tmp_path_factory.mktemp("cluster") / "project")
    settings = yaml.safe_load((root / "dlt_lite.yml").read_text("utf-8"))
    (root / "dlt_lite.yml").write_text(
        yaml.safe_dump({**settings, "targets": {"cluster": CLUSTER}})
    )
    land(root, "clickstream", *CLICK_DAYS)
    folder = root / "pipelines" / "helped"
    folder.mkdir()
    (folder / "pipeline.yml").write_text("name: helped\nschema: helped\n", encoding="utf-8")
    (folder / "tables.py").write_text(DECADES, encoding="utf-8")
    (folder / "decades.py").write_text(HELPER, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def updates(project, tmp_path_factory):
    """Run both pipelines on a cluster; the workers find no module of the project."""
    with standalone_cluster(tmp_path_factory.mktemp("spark")) as url:
        words = ("-t", "cluster", "-o", "json")
        return {
            name: dlt_lite(project, "run", name, *words, changes={"CLUSTER": url})
            for name in ("clickstream", "helped")
        }


def test_the_example_gives_the_same_figures_on_a_cluster(updates, spark: SparkSession):
    update, wanted = updates["clickstream"], truth.clickstream(CLICK_DAYS)

    assert update.code == 0, update.err
    did = {each["name"]: each for each in update.json["datasets"]}
    assert [each["rows_written"] for each in did.values()] == [
        wanted.bronze_clicks.written,
        wanted.silver_clicks.written,
        len(wanted.sessions),
        len(wanted.funnel_daily),
    ]
    assert {
        each["name"]: (each["passed"], each["failed"])
        for each in did["silver_clicks"]["expectations"]
    } == {
        rule.name: (wanted.silver_clicks.passed[rule.name], wanted.silver_clicks.failed[rule.name])
        for rule in truth.CLICK_RULES
    }
    funnel = spark.read.format("delta").load(place_of(did["funnel_daily"]["path"])).orderBy("day")
    assert [tuple(row) for row in funnel.collect()] == list(
        map(truth.as_tuple, wanted.funnel_daily)
    )


def test_functions_of_helper_modules_reach_the_workers_by_value(updates, spark: SparkSession):
    update, sessions = updates["helped"], truth.clickstream(CLICK_DAYS).sessions

    assert update.code == 0, update.err
    [decades] = update.json["datasets"]
    rows = spark.read.format("delta").load(place_of(decades["path"])).collect()
    assert {row.session_id: row.decade for row in rows} == {
        each.session_id: each.clicks // 10 * 10 for each in sessions
    }
    assert decades["expectations"] == [
        {"name": "is_a_decade", "action": "warn", "passed": len(sessions), "failed": 0}
    ]
