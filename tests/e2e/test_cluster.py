"""The example on a real Spark standalone cluster, by configuration alone."""

from pathlib import Path

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
LABELS = """
from labelling import label
from pyspark.sql import SparkSession

import dlt_lite as dlt

spark = SparkSession.getActiveSession()


@dlt.materialized_view
@dlt.expect("long_is_rare", "label <> 'long'")
def labels():
    return spark.read.table("sessions").select("session_id", label("clicks").alias("label"))
"""
LABELLING = """
from pyspark.sql import functions as sf

LONG = 3


def name_of(clicks):
    return "long" if clicks >= LONG else "short"


@sf.udf("string")
def label(clicks):
    return name_of(clicks)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The example with a target more, and with a dataset that calls a function of a helper."""
    root = copy_of_the_example(tmp_path_factory.mktemp("cluster") / "project")
    pipeline = root / "pipelines" / "clickstream"
    (pipeline / "labels.py").write_text(LABELS, encoding="utf-8")
    (pipeline / "labelling.py").write_text(LABELLING, encoding="utf-8")
    with_yaml(root / "dlt_lite.yml", targets={"cluster": CLUSTER})
    with_yaml(pipeline / "pipeline.yml", libraries=[{"glob": {"include": "*.py"}}])
    land(root, "clickstream", *CLICK_DAYS)
    return root


@pytest.fixture(scope="module")
def update(project, tmp_path_factory):
    """Run the pipeline on a cluster whose workers find no module of the project."""
    with standalone_cluster(tmp_path_factory.mktemp("spark")) as url:
        words = ("run", "clickstream", "-t", "cluster", "-o", "json")
        return dlt_lite(project, *words, changes={"CLUSTER": url})


@pytest.fixture(scope="module")
def wanted():
    return truth.clickstream(CLICK_DAYS)


def test_the_example_gives_the_same_figures_on_a_cluster(update, wanted, spark: SparkSession):
    assert update.code == 0, update.err
    did = {each["name"]: each for each in update.json["datasets"]}
    rules = did["silver_clicks"]["expectations"]
    funnel = spark.read.format("delta").load(place_of(did["funnel_daily"]["path"]))

    assert {name: each["rows_written"] for name, each in did.items()} == {
        "bronze_clicks": wanted.bronze_clicks.written,
        "silver_clicks": wanted.silver_clicks.written,
        "sessions": len(wanted.sessions),
        "funnel_daily": len(wanted.funnel_daily),
        "labels": len(wanted.sessions),
    }
    assert {each["name"]: each["passed"] for each in rules} == wanted.silver_clicks.passed
    assert {each["name"]: each["failed"] for each in rules} == wanted.silver_clicks.failed
    assert [tuple(row) for row in funnel.orderBy("day").collect()] == [
        truth.as_tuple(day) for day in wanted.funnel_daily
    ]


def test_functions_of_helper_modules_reach_the_workers_by_value(update, wanted):
    [labels] = [each for each in update.json["datasets"] if each["name"] == "labels"]
    long = sum(session.clicks >= 3 for session in wanted.sessions)

    assert long > 0
    assert labels["expectations"] == [
        {
            "name": "long_is_rare",
            "action": "warn",
            "passed": len(wanted.sessions) - long,
            "failed": long,
        }
    ]


def with_yaml(path: Path, **changes: object) -> None:
    """Change keys of a YAML file."""
    plain = yaml.safe_load(path.read_text("utf-8"))
    path.write_text(yaml.safe_dump({**plain, **changes}), encoding="utf-8")
