"""The example on its real data, by the real command line, against figures of plain Python.

Each journey is made once: its updates follow each other, and the tests look at what each of them
said and at the tables as they were after it (Delta keeps the versions).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from chispa import assert_df_equality
from pyspark.sql import DataFrame, SparkSession

from tests.e2e.shell import (
    PIPELINES,
    Ended,
    copy_of_the_example,
    dlt_lite,
    dlt_lite_here,
    land,
    landing,
    place_of,
)
from tests.example import truth

pytestmark = pytest.mark.e2e

CLICKS, ORDERS = PIPELINES / "clickstream" / "landing", PIPELINES / "orders" / "landing"
CLICK_DAYS = sorted((CLICKS / "clean").glob("*.jsonl"))
ORDER_DAYS = sorted((ORDERS / "clean").glob("*.csv"))
DIRTY_CLICKS, FATAL_CLICKS = CLICKS / "dirty/2024-05-22.jsonl", CLICKS / "fatal/2024-05-23.jsonl"
DIRTY_ORDERS = ORDERS / "dirty/2024-05-22.csv"

CUSTOMERS = """
from pyspark.sql import SparkSession, functions as sf

import dlt_lite as dlt

spark = SparkSession.getActiveSession()


@dlt.materialized_view
def customers():
    visits = spark.read.table("shop.sessions").groupBy("user_id").agg(sf.count("*").alias("visits"))
    orders = spark.sql("SELECT user_id, count(*) AS orders FROM shop.silver_orders GROUP BY ALL")
    return visits.join(orders, "user_id", "full")
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One update.

    Attributes:
        planned: what the plan said of each dataset before it.
        ended: how it ended.
        did: what it said of each dataset.
        on_disk: the version that each table had after it.
    """

    planned: Mapping[str, Mapping[str, Any]]
    ended: Ended
    did: Mapping[str, Mapping[str, Any]]
    on_disk: Mapping[str, int]

    def each(self, key: str) -> dict[str, Any]:
        """Return one of the facts, by dataset."""
        return {name: dataset[key] for name, dataset in self.did.items()}

    def rules(self, dataset: str) -> dict[str, tuple[str, int, int]]:
        """Return each rule of rows, with its action, passed and failed."""
        told = [each for each in self.did[dataset]["expectations"] if "kind" not in each]
        return {each["name"]: (each["action"], each["passed"], each["failed"]) for each in told}

    def wide_rules(self, dataset: str) -> dict[str, tuple[int, int, str | None]]:
        """Return each rule about more than one row, with passed, failed and what it found."""
        told = [each for each in self.did[dataset]["expectations"] if "kind" in each]
        return {
            each["name"]: (each["passed"], each["failed"], each.get("observed")) for each in told
        }


Journey = Mapping[str, Step]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return copy_of_the_example(tmp_path_factory.mktemp("example") / "project")


@pytest.fixture(scope="module")
def clickstream(project, spark):
    """20 days; nothing; a day; a dirty day; a day that must not pass; that day put right."""
    assert spark is not None
    fatal = landing(project, "clickstream") / FATAL_CLICKS.name

    def correct() -> None:
        lines = fatal.read_text("utf-8").splitlines(keepends=True)
        fatal.write_text("".join(each for each in lines if '"1970-' not in each), "utf-8")

    take, take_here = taker(project, "clickstream"), taker(project, "clickstream", dlt_lite_here)
    return {
        "first": take(*CLICK_DAYS[:-1]),
        "nothing": take(),
        "a day": take_here(CLICK_DAYS[-1]),
        "dirty": take_here(DIRTY_CLICKS),
        "fatal": take(FATAL_CLICKS),
        "way out": take_here("--full-refresh", "bronze_clicks", before=correct),
    }


@pytest.fixture(scope="module")
def orders(project, spark):
    """All clean days; a dirty day."""
    assert spark is not None
    take = taker(project, "orders", dlt_lite_here)
    return {"first": take(*ORDER_DAYS), "dirty": take(DIRTY_ORDERS)}


@pytest.mark.parametrize("step", ["first", "nothing", "a day", "dirty", "fatal", "way out"])
def test_the_plan_told_the_truth_about_clicks(clickstream: Journey, step: str):
    assert broken_promises(clickstream[step]) == []


@pytest.mark.parametrize("step", ["first", "dirty"])
def test_the_plan_told_the_truth_about_orders(orders: Journey, step: str):
    assert broken_promises(orders[step]) == []


def test_the_first_run_makes_every_table(clickstream: Journey, spark: SparkSession):
    step, wanted = clickstream["first"], truth.clickstream(CLICK_DAYS[:-1])

    assert step.ended.code == 0
    assert set(step.each("action").values()) == {"create"}
    assert_clicks_are(step, wanted, spark)
    assert judged(step, "bronze_clicks") == told(wanted.bronze_clicks, truth.bronze_rules(""))
    assert judged(step, "silver_clicks") == told(wanted.silver_clicks, truth.CLICK_RULES)


def test_every_order_of_the_clean_days_is_counted(orders: Journey, spark: SparkSession):
    step, wanted = orders["first"], truth.orders(ORDER_DAYS)

    assert step.ended.code == 0
    assert judged(step, "bronze_orders") == told(wanted.bronze_orders, truth.bronze_rules(""))
    assert judged(step, "silver_orders") == told(wanted.silver_orders, truth.ORDER_RULES)
    assert_rows_are(frame(spark, step, "silver_orders"), wanted.silver_orders.rows)
    assert_rows_are(frame(spark, step, "revenue_daily"), wanted.revenue_daily)


def test_the_clean_landing_loses_nothing(clickstream: Journey, orders: Journey):
    steps = (clickstream["first"], clickstream["a day"], orders["first"])

    assert [set(step.each("rows_dropped").values()) for step in steps] == [{0}] * 3


def test_nothing_new_is_nothing_done(clickstream: Journey):
    before, step = clickstream["first"], clickstream["nothing"]

    assert step.ended.code == 0
    assert [each for each in step.did.values() if each["action"] != "skip"] == []
    assert set(step.each("rows_written").values()) == {0}
    assert step.each("version") == before.each("version") == step.on_disk


def test_of_a_new_day_only_its_file_is_read(clickstream: Journey, spark: SparkSession):
    before, step = clickstream["nothing"], clickstream["a day"]
    day = truth.clickstream(CLICK_DAYS[-1:])

    new = frame(spark, step, "bronze_clicks").exceptAll(frame(spark, before, "bronze_clicks"))

    assert step.did["bronze_clicks"]["rows_written"] == day.bronze_clicks.written == new.count()
    assert [Path(row[0]).name for row in new.select("source_file").distinct().collect()] == [
        CLICK_DAYS[-1].name
    ]
    assert step.each("action") == {
        "bronze_clicks": "append",
        "silver_clicks": "append",
        "sessions": "replace",
        "funnel_daily": "replace",
    }
    assert_clicks_are(step, truth.clickstream(CLICK_DAYS), spark)


def test_of_a_dirty_day_every_fault_is_counted(clickstream: Journey, spark: SparkSession):
    step, faults = clickstream["dirty"], json.loads((CLICKS / "dirty/faults.json").read_text())

    assert step.ended.code == 0
    assert_faults_are(step, faults, bronze="bronze_clicks", silver="silver_clicks")
    assert_clicks_are(step, truth.clickstream([*CLICK_DAYS, DIRTY_CLICKS]), spark)


def test_of_dirty_orders_every_fault_is_counted(orders: Journey, spark: SparkSession):
    step, faults = orders["dirty"], json.loads((ORDERS / "dirty/faults.json").read_text())
    wanted = truth.orders([*ORDER_DAYS, DIRTY_ORDERS])

    assert step.ended.code == 0
    assert_faults_are(step, faults, bronze="bronze_orders", silver="silver_orders")
    assert_rows_are(frame(spark, step, "revenue_daily"), wanted.revenue_daily)


def test_rules_from_the_file_hold_on_the_clean_days_and_say_that_the_dirty_one_lost_much(
    orders: Journey,
):
    faults = json.loads((ORDERS / "dirty/faults.json").read_text())
    offered = faults["rows"] - faults["duplicates"]
    lost = (0, f"0 of {len(truth.orders(ORDER_DAYS).silver_orders.rows):,} rows")
    lost_then = (1, f"{faults['dropped']} of {offered} rows")

    for step, files, (failed, found) in (
        (orders["first"], ORDER_DAYS, lost),
        (orders["dirty"], [*ORDER_DAYS, DIRTY_ORDERS], lost_then),
    ):
        wanted = truth.orders(files)
        days = [each.day for each in wanted.revenue_daily]
        revenue = sum(each.revenue for each in wanted.revenue_daily)
        rows = len(wanted.silver_orders.rows)
        assert step.planned["silver_orders"]["costs"]["one_row_per_order"] == "extra_scan"
        assert step.wide_rules("silver_orders") == {
            "one_row_per_order": (rows, 0, None),
            "few_are_dropped": (1 - failed, failed, found),
        }
        assert step.wide_rules("revenue_daily") == {
            "no_day_is_missing": (
                *(1, 0),
                f"count(1) = {len(days)}, max(day) = {max(days)}, min(day) = {min(days)}",
            ),
            "usual_order": (1, 0, f"sum(revenue) = {revenue}, sum(orders) = {rows}"),
        }


def test_a_row_that_must_not_pass_stops_its_table_and_leaves_yesterdays_rows(
    clickstream: Journey,
):
    before, step = clickstream["dirty"], clickstream["fatal"]

    error = step.did["silver_clicks"]["error"]

    assert (step.ended.code, step.ended.json["state"]) == (1, "FAILED")
    assert step.each("state") == {
        "bronze_clicks": "COMPLETED",
        "silver_clicks": "FAILED",
        "sessions": "SKIPPED",
        "funnel_daily": "SKIPPED",
    }
    assert error["code"] == "DLT502"
    assert error["message"].startswith(
        "silver_clicks: expectation not_before_2020 failed for 1 or more rows (partial count: the "
        'job ended there); nothing of them was written. One is: {"event_id":40041,"user_id":1,'
    )
    assert step.each("rows_written") == {
        "bronze_clicks": 41,
        "silver_clicks": 0,
        "sessions": 0,
        "funnel_daily": 0,
    }
    assert {name for name in step.on_disk if step.on_disk[name] != before.on_disk[name]} == {
        "bronze_clicks"
    }


def test_the_way_out_is_a_full_refresh_with_its_cascade(
    clickstream: Journey, project: Path, spark: SparkSession
):
    step = clickstream["way out"]
    files = sorted(landing(project, "clickstream").glob("*.jsonl"))
    wanted = truth.clickstream(files)
    delivered = [
        (*line.fields.values(), line.broken_line, line.file_date)
        for line in wanted.bronze_clicks.rows
    ]

    assert step.ended.code == 0
    assert step.each("action") == {
        "bronze_clicks": "full_refresh",
        "silver_clicks": "full_refresh",
        "sessions": "replace",
        "funnel_daily": "replace",
    }
    assert len(files) == len(CLICK_DAYS) + 2
    assert_clicks_are(step, wanted, spark)
    assert_rows_are(frame(spark, step, "silver_clicks"), wanted.silver_clicks.rows)
    assert_rows_are(frame(spark, step, "bronze_clicks").drop("source_file"), delivered)


def test_rows_that_were_set_aside_go_in_once_when_their_rule_is_mended(
    clickstream: Journey, project: Path, spark: SparkSession
):
    before = clickstream["way out"]
    silver = project / "pipelines" / "clickstream" / "silver.py"
    mended = silver.read_text("utf-8").replace('"NOT from_future"', '"event_time IS NOT NULL"')
    future = json.loads((CLICKS / "dirty/faults.json").read_text())["faults"]["future"]
    aside = before.did["silver_clicks"]["rows_quarantined"]
    table = place_of(before.did["silver_clicks"]["path"])
    rows = frame(spark, before, "silver_clicks").count()
    silver.write_text(mended, encoding="utf-8")

    replay = ("quarantine", "replay", "silver_clicks", "-o", "json")
    first, second = dlt_lite_here(project, *replay), dlt_lite_here(project, *replay)

    replayed = [by_name(each.json["datasets"])["silver_clicks"] for each in (first, second)]
    assert [each["rows_written"] for each in replayed] == [future, 0]
    assert spark.read.format("delta").load(table).count() == rows + future
    assert spark.read.format("delta").load(f"{table}__quarantine").count() == aside - future


@pytest.mark.usefixtures("clickstream", "orders")
def test_pipelines_see_each_others_published_tables(project: Path, spark: SparkSession):
    folder = project / "pipelines" / "customers"
    folder.mkdir()
    (folder / "tables.py").write_text(CUSTOMERS, encoding="utf-8")
    (folder / "pipeline.yml").write_text("name: customers\nschema: crm\n", encoding="utf-8")

    step = taker(project, "customers", dlt_lite_here)()

    files = sorted(landing(project, "clickstream").glob("*.jsonl"))
    visitors = {session.user_id for session in truth.clickstream(files).sessions}
    buyers = {each.user_id for each in truth.orders([*ORDER_DAYS, DIRTY_ORDERS]).silver_orders.rows}
    rows = frame(spark, step, "customers").collect()
    assert {row.user_id for row in rows if row.visits} == visitors
    assert {row.user_id for row in rows if row.orders} == buyers
    assert broken_promises(step) == []


def taker(
    project: Path, pipeline: str, command: Callable[..., Ended] = dlt_lite
) -> Callable[..., Step]:
    """Return what takes a step: files land, the update is planned in this process, and run.

    Args:
        project: the project's folder.
        pipeline: the pipeline's name.
        command: what runs it: a process as a person has it, or quickly, in this one.
    """

    def take(*given: Path | str, before: Callable[[], None] = lambda: None) -> Step:
        before()
        land(project, pipeline, *(each for each in given if isinstance(each, Path)))
        words = (pipeline, *(each for each in given if isinstance(each, str)), "-o", "json")
        planned = dlt_lite_here(project, "plan", *words)
        assert planned.code == 0, planned.err
        ended = command(project, "run", *words)
        did = by_name(ended.json["datasets"])
        on_disk = {name: latest_version(each["path"]) for name, each in did.items()}
        return Step(by_name(planned.json["datasets"]), ended, did, on_disk)

    return take


def by_name(datasets: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {each["name"]: each for each in datasets}


def latest_version(uri: str) -> int:
    log = Path(place_of(uri)) / "_delta_log"
    return max(int(path.stem) for path in log.glob("*.json"))


def broken_promises(step: Step) -> list[str]:
    """Return where an update did what its plan had not said."""
    return [
        f"{name}: {step.planned[name]} became {did['action']}, {did['reason']}"
        for name, did in step.did.items()
        if did["action"] != step.planned[name]["action"]
        and not (did["action"] == "skip" and step.planned[name]["when"])
    ]


def frame(spark: SparkSession, step: Step, name: str) -> DataFrame:
    """Return a table as it was after an update."""
    reader = spark.read.format("delta").option("versionAsOf", step.on_disk[name])
    return reader.load(place_of(step.did[name]["path"]))


def assert_clicks_are(step: Step, wanted: truth.ClickstreamTruth, spark: SparkSession) -> None:
    assert_rows_are(frame(spark, step, "sessions"), wanted.sessions)
    assert_rows_are(frame(spark, step, "funnel_daily"), wanted.funnel_daily)


def assert_rows_are(found: DataFrame, wanted: Sequence[object]) -> None:
    rows = [each if isinstance(each, tuple) else truth.as_tuple(each) for each in wanted]
    expected = found.sparkSession.createDataFrame(rows, found.schema, verifySchema=False)
    assert_df_equality(found, expected, ignore_row_order=True)


def judged(step: Step, dataset: str) -> tuple[int, int, dict[str, tuple[str, int, int]]]:
    """Return what an update said of a table: rows written, rows dropped, and of each rule."""
    did = step.did[dataset]
    return did["rows_written"], did["rows_dropped"], step.rules(dataset)


def told(
    wanted: truth.Judged[Any], rules: Sequence[truth.Rule[Any]]
) -> tuple[int, int, dict[str, tuple[str, int, int]]]:
    """Return the same of plain Python's figures."""
    counts = {
        rule.name: (rule.action, wanted.passed[rule.name], wanted.failed[rule.name])
        for rule in rules
    }
    return wanted.written, wanted.dropped, counts


def assert_faults_are(step: Step, faults: Mapping[str, Any], *, bronze: str, silver: str) -> None:
    for dataset, key in ((bronze, "bronze"), (silver, "silver")):
        wanted = {
            name: (rule["action"], rule["passed"], rule["failed"])
            for name, rule in faults[key].items()
        }
        assert step.rules(dataset) == wanted
    assert step.did[bronze]["rows_written"] == faults["rows"]
    assert step.did[silver]["rows_written"] == faults["written"]
    assert step.did[silver]["rows_dropped"] == faults["dropped"]
    assert step.did[silver]["rows_quarantined"] == faults["quarantined"]
