"""What outsiders rely on: shapes of JSON, exit codes, one update at a time, Ctrl-C, targets.

One journey over a small project: its commands follow each other, and the tests look at what each
of them said.
"""

import json
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from dlt_lite.workspace import Project
from tests.e2e.shell import (
    Ended,
    begun,
    dlt_lite,
    dlt_lite_here,
    ended,
    place_of,
    read_until,
)

pytestmark = pytest.mark.e2e

GREETING = 'it\'s "so",\nshe said;  ${env.X} = é'
MANY = 12
TABLES = """
import time

from pyspark.sql import SparkSession, functions as sf

import dlt_lite as dlt

spark = SparkSession.getActiveSession()


@dlt.table(comment="Orders as they came", tags=["raw"])
@dlt.expect("has_amount", "amount IS NOT NULL")
@dlt.expect_or_drop("has_customer", "customer IS NOT NULL")
def orders():
    print("orders is asked")
    time.sleep(0.1)
    lines = spark.readStream.schema("customer STRING, amount INT").option("maxFilesPerTrigger", 1)
    return lines.json(spark.conf.get("landing"))


@dlt.view
@dlt.expect("not_huge", "amount < 1000")
def large_orders():
    return spark.read.table("orders").where("amount > 10")


@dlt.materialized_view
def greetings():
    print({"no": "json"})
    names = spark.read.table("large_orders").select("customer").distinct()
    return names.withColumn("greeting", sf.lit(spark.conf.get("greeting")))
"""
SETTINGS = """
name: shop
schema: shop
configuration:
  landing: pipelines/shop/landing
  greeting: hello
"""
PROJECT = """
name: command_line
targets:
  prod:
    configuration: {greeting: good day}
"""
BROKEN = """
import dlt_lite as dlt
from pyspark.sql import SparkSession

spark = SparkSession.getActiveSession()


@dlt.table
def totals():
    return spark.read.table("oders")


@dlt.table
def orders():
    return spark.range(3)
"""
FIRST = [
    {"customer": "Ada", "amount": 11},
    {"customer": "Eve", "amount": 5},
    {"customer": None, "amount": None},
]


@dataclass(slots=True)
class Journey:
    """What the commands said, by a name for each."""

    project: Path
    said: dict[str, Ended] = field(default_factory=dict)

    def take(self, name: str, *words: str, changes: Mapping[str, str] | None = None) -> None:
        self.said[name] = dlt_lite(self.project, *words, changes=changes)

    def __getitem__(self, name: str) -> Ended:
        return self.said[name]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("command line") / "größe 1"
    shop, broken = root / "pipelines" / "shop", root / "pipelines" / "broken"
    (shop / "landing").mkdir(parents=True)
    broken.mkdir()
    (root / "dlt_lite.yml").write_text(PROJECT, encoding="utf-8")
    (shop / "pipeline.yml").write_text(SETTINGS, encoding="utf-8")
    (shop / "tables.py").write_text(TABLES, encoding="utf-8")
    (broken / "pipeline.yml").write_text("name: broken\nschema: broken\n", encoding="utf-8")
    (broken / "tables.py").write_text(BROKEN, encoding="utf-8")
    land(root, "first", FIRST)
    return root


@pytest.fixture(scope="module")
def journey(project, spark):
    """Make the journey; what needs no process of its own borrows the session of the tests."""
    assert spark is not None
    told = Journey(project)
    for command in ("ls", "runs"):
        told.take(f"{command} at first", command, "-o", "json")
    first_updates(told)
    for words in (("ls",), ("runs",), ("graph", "shop"), ("events", "shop"), ("config",)):
        told.take(words[0], *words, "-o", "json")
    land(project, "second", [{"customer": "Bo", "amount": 2000}])
    told.said["plan"] = dlt_lite_here(project, "plan", "shop", "-o", "json", "--exit-code")
    for number in range(MANY):
        land(project, f"many {number}", [{"customer": f"c{number}", "amount": 20}])
    told.said["stopped"] = stopped_by_ctrl_c(project)
    told.said["after the stop"] = dlt_lite_here(project, "run", "shop", "-o", "json")
    told.said["broken"] = dlt_lite_here(project, "run", "broken", "-o", "json")
    version = str(datasets(told["first"])["orders"]["version"])
    words = ("show", "orders", "--version", version, "-o", "json")
    told.said["show"] = dlt_lite_here(project, *words)
    told.take("runs at last", "runs", "-o", "json")
    return told


def first_updates(told: Journey) -> None:
    """Run one update, and while it runs a second one, and one of another target."""
    words = ("run", "shop", "-o", "json")
    with begun(told.project, *words, "--param", f"greeting={GREETING}") as first:
        beginning = read_until(first, "update ")
        told.take("second at once", *words)
        told.said["prod"] = dlt_lite_here(told.project, *words, "-t", "prod")
        told.said["first"] = ended(first, beginning)
    told.take("ls of prod", "ls", "-t", "prod", "-o", "json")


def stopped_by_ctrl_c(project: Path) -> Ended:
    """Run an update in a process group of its own, and press Ctrl-C after its second batch."""
    with begun(project, "run", "shop", "-o", "json") as running:
        beginning = read_until(running, "batch 2")
        os.killpg(running.pid, signal.SIGINT)
        return ended(running, beginning)


def test_an_update_tells_of_every_dataset_in_a_stable_shape(journey: Journey):
    plain = journey["first"].json

    assert journey["first"].code == 0
    assert types_of(plain) == {
        "update_id": str,
        "pipeline": str,
        "target": str,
        "state": str,
        "started": str,
        "ended": str,
        "error": type(None),
        "datasets": list,
    }
    assert (plain["pipeline"], plain["target"], plain["state"]) == ("shop", "dev", "COMPLETED")
    assert [each["name"] for each in plain["datasets"]] == ["orders", "large_orders", "greetings"]
    for each in plain["datasets"]:
        assert types_of(each) | {"version": None, "path": None} == {
            "name": str,
            "kind": str,
            "action": str,
            "reason": str,
            "when": list,
            "state": str,
            "version": None,
            "rows_written": int,
            "rows_dropped": int,
            "rows_quarantined": int,
            "expectations": list,
            "path": None,
            "error": type(None),
        }


def test_rows_and_expectations_are_counted_exactly(journey: Journey):
    orders, view, greetings = datasets(journey["first"]).values()

    assert (orders["action"], orders["rows_written"], orders["rows_dropped"]) == ("create", 2, 1)
    assert orders["expectations"] == [
        {"name": "has_amount", "action": "warn", "passed": 2, "failed": 1},
        {"name": "has_customer", "action": "drop", "passed": 2, "failed": 1},
    ]
    assert (view["action"], view["state"], view["version"], view["path"]) == (
        "none",
        "COMPLETED",
        None,
        None,
    )
    assert [
        (each["name"], each["dataset"], each["passed"], each["failed"])
        for each in greetings["expectations"]
    ] == [("not_huge", "large_orders", 1, 0)]


def test_parameters_reach_functions_whatever_is_in_them(journey: Journey, spark: SparkSession):
    greetings = datasets(journey["first"])["greetings"]

    reader = spark.read.format("delta").option("versionAsOf", greetings["version"])
    rows = reader.load(place_of(greetings["path"])).collect()

    assert [(row.customer, row.greeting) for row in rows] == [("Ada", GREETING)]


def test_stdout_is_json_alone_while_functions_print(journey: Journey):
    first = journey["first"]

    assert "orders is asked" in first.err
    assert "{'no': 'json'}" in first.err
    assert first.out.lstrip().startswith("{")


def test_of_two_updates_at_once_the_second_names_the_holder(journey: Journey):
    second = journey["second at once"]
    holder = journey["first"].json["update_id"]

    assert second.code == 4
    assert second.json["error"]["code"] == "DLT601"
    assert holder in second.json["error"]["message"]
    assert (second.json["state"], second.json["datasets"]) == ("FAILED", [])
    assert f"[DLT601] update {holder} (host " in second.err


def test_targets_share_no_table_and_no_lock(journey: Journey):
    dev = {each["path"] for each in journey["ls"].json if each["path"]}
    prod = {each["path"] for each in journey["ls of prod"].json if each["path"]}

    assert (journey["first"].code, journey["prod"].code) == (0, 0)
    assert len(dev) == len(prod) == 2
    assert not dev & prod
    assert journey["prod"].json["target"] == "prod"


def test_before_the_first_run_nothing_is_listed(journey: Journey):
    assert journey["ls at first"].json == journey["runs at first"].json == []
    assert "run shop" in journey["ls at first"].err or "run broken" in journey["ls at first"].err


def test_ls_tells_where_each_table_is(journey: Journey):
    listed = {each["name"]: each for each in journey["ls"].json}
    updated = datasets(journey["first"])

    assert {name: each["kind"] for name, each in listed.items()} == {
        "orders": "streaming_table",
        "large_orders": "temporary_view",
        "greetings": "materialized_view",
    }
    assert all(each["pipeline"] == "shop" for each in listed.values())
    for name, each in listed.items():
        assert (each["path"], each["version"]) == (updated[name]["path"], updated[name]["version"])
    assert Path(place_of(listed["orders"]["path"]), "_delta_log").is_dir()


def test_a_plan_has_the_shape_of_a_run_without_outcomes(journey: Journey):
    planned = journey["plan"]

    assert planned.code == 10
    assert set(planned.json) == {"pipeline", "datasets", "notes"}
    assert [
        (each["name"], each["kind"], each["action"], each["when"])
        for each in planned.json["datasets"]
    ] == [
        ("orders", "streaming_table", "append", []),
        ("large_orders", "temporary_view", "none", []),
        ("greetings", "materialized_view", "replace", []),
    ]
    assert all(each["reason"] for each in planned.json["datasets"])
    assert [set(each) for each in planned.json["datasets"]] == [
        {"name", "kind", "action", "reason", "when", "inputs", "costs"}
    ] * 3


def test_ctrl_c_stops_cleanly_and_the_next_run_goes_on(journey: Journey, spark: SparkSession):
    stopped, after = journey["stopped"], journey["after the stop"]

    path = place_of(datasets(after)["orders"]["path"])
    rows = [row.customer for row in spark.read.format("delta").load(path).collect()]

    assert stopped.code == 130
    assert stopped.json["state"] == "CANCELED"
    assert "stopping after what is running" in stopped.err
    assert datasets(stopped)["greetings"]["state"] == "SKIPPED"
    assert 0 < datasets(stopped)["orders"]["rows_written"] < MANY
    assert (after.code, after.json["state"]) == (0, "COMPLETED")
    assert sorted(rows) == sorted(["Ada", "Eve", "Bo", *(f"c{each}" for each in range(MANY))])
    written = [datasets(each)["orders"]["rows_written"] for each in (stopped, after)]
    assert sum(written) == 1 + MANY


def test_a_wrong_definition_exits_2_with_cause_place_and_remedy(journey: Journey, project: Path):
    broken = journey["broken"]

    assert broken.code == 2
    assert broken.json["error"] == {
        "code": "DLT211",
        "message": broken.json["error"]["message"],
        "origin": "pipelines/broken/tables.py:10",
        "fix": "did you mean 'orders'?",
    }
    assert "oders" in broken.json["error"]["message"]
    assert not (project / "storage" / "dev" / "tables" / "broken").exists()


def test_show_prints_a_table_as_it_was(journey: Journey):
    assert journey["show"].code == 0
    assert sorted(journey["show"].json, key=lambda row: row["amount"]) == [FIRST[1], FIRST[0]]


def test_runs_tell_what_became_of_each(journey: Journey):
    told = {each["update_id"]: each for each in journey["runs at last"].json}

    states = {
        name: told[journey[name].json["update_id"]]["state"]
        for name in ("first", "stopped", "after the stop")
    }

    assert states == {
        "first": "COMPLETED",
        "stopped": "CANCELED",
        "after the stop": "COMPLETED",
    }
    assert [each["state"] for each in told.values() if each["pipeline"] == "broken"] == ["FAILED"]
    assert all(each["target"] == "dev" for each in told.values())


def test_one_run_is_shown_as_it_was_printed(journey: Journey, project: Path):
    first = journey["first"].json

    shown = dlt_lite(project, "runs", "show", first["update_id"], "-o", "json")

    assert {key: shown.json[key] for key in first if key not in {"started", "ended"}} == {
        key: first[key] for key in first if key not in {"started", "ended"}
    }
    assert Path(shown.json["folder"]).joinpath("spark.log").exists()


def test_the_graph_and_the_settings_are_told(journey: Journey):
    edges = {(each["from"], each["to"]) for each in journey["graph"].json["edges"]}
    landing = next(
        each
        for each in journey["config"].json
        if (each["pipeline"], each["key"]) == ("shop", "configuration.landing")
    )

    assert {("orders", "large_orders"), ("large_orders", "greetings")} <= edges
    assert landing["source"] == "pipelines/shop/pipeline.yml:5"


@pytest.mark.parametrize("form", ["text", "mermaid", "dot"])
def test_the_graph_is_drawn_in_every_form(journey: Journey, project: Path, form: str):
    assert journey["first"].code == 0

    drawn = dlt_lite(project, "graph", "shop", "--format", form)

    assert drawn.code == 0
    assert "greetings" in drawn.out


def test_the_event_table_holds_the_events_of_every_run(
    journey: Journey, project: Path, spark: SparkSession
):
    assert journey["after the stop"].code == 0
    files = [
        Path(each["folder"], "events.ndjson")
        for each in journey["runs at last"].json
        if each["pipeline"] == "shop"
    ]
    lines = [json.loads(line) for path in files for line in path.read_text().splitlines()]

    table = spark.read.format("delta").load(str(project / "storage" / "dev" / "events" / "shop"))
    rows = [row.asDict(recursive=True) for row in table.collect()]

    assert table.columns == [
        "id",
        "sequence",
        "origin",
        "timestamp",
        "message",
        "level",
        "maturity_level",
        "error",
        "details",
        "event_type",
    ]
    assert in_order(told_alike(row) for row in rows) == in_order(told_alike(each) for each in lines)
    assert {each["event_type"] for each in lines} == {
        "create_update",
        "runtime_details",
        "update_progress",
        "dataset_definition",
        "flow_definition",
        "planning_information",
        "flow_progress",
    }


def test_events_are_printed_as_they_are_kept(journey: Journey):
    printed = journey["events"].json

    assert {each["origin"]["update_id"] for each in printed} == {journey["first"].json["update_id"]}
    assert [each["sequence"]["data_plane_id"]["seq_no"] for each in printed] == list(
        range(1, len(printed) + 1)
    )


@pytest.mark.usefixtures("spark")
def test_python_returns_what_json_prints(journey: Journey, project: Path):
    before = journey["after the stop"].json

    result = Project.load(project).run("shop").as_json()

    assert types_of(result) == types_of(before)
    assert [set(each) for each in result["datasets"]] == [set(each) for each in before["datasets"]]
    assert {each["name"]: each["action"] for each in result["datasets"]} == {
        "orders": "skip",
        "large_orders": "none",
        "greetings": "skip",
    }


def test_no_java_exits_5_with_the_remedies(project: Path, tmp_path: Path):
    gone = {"PATH": str(tmp_path), "JAVA_HOME": ""}

    refused = dlt_lite(project, "plan", "shop", "-o", "json", changes=gone)
    checked = dlt_lite(project, "doctor", "-o", "json", changes=gone)

    assert (refused.code, checked.code) == (5, 5)
    assert refused.json["error"]["code"] == "DLT001"
    assert [each["name"] for each in checked.json if not each["ok"]] == ["Java"]
    assert "17 or 21" in next(each["remedy"] for each in checked.json if not each["ok"])


def test_a_folder_without_jars_exits_5_and_names_what_is_missing(project: Path, tmp_path: Path):
    refused = dlt_lite(
        project, "run", "shop", "-o", "json", changes={"DLT_LITE_JARS_DIR": str(tmp_path)}
    )

    newest = dlt_lite(project, "runs", "--limit", "1", "-o", "json").json[0]
    assert refused.code == 5
    assert newest["state"] == "FAILED"
    assert refused.json["error"]["code"] == "DLT003"
    assert "delta-spark_4.2_2.13-4.4.0.jar" in refused.err


def test_doctor_finds_nothing_wrong_where_updates_run(journey: Journey, project: Path):
    assert journey["first"].code == 0

    checked = dlt_lite(project, "doctor", "-o", "json")

    assert checked.code == 0
    assert all(set(each) == {"name", "ok", "detail", "remedy"} for each in checked.json)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("run", "shpo"), "DLT106"),
        (("run", "shop", "-t", "nope"), "DLT105"),
        (("run", "shop", "--nope"), "DLT115"),
        (("show", "nothing"), "DLT111"),
        (("runs", "show", "nothing"), "DLT113"),
    ],
)
def test_what_was_mistyped_exits_2_with_its_code(project: Path, words: tuple[str, ...], code: str):
    refused = dlt_lite(project, *words, "-o", "json")

    assert (refused.code, refused.json["error"]["code"]) == (2, code)


def land(project: Path, name: str, rows: list[dict[str, Any]]) -> None:
    folder = project / "pipelines" / "shop" / "landing"
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / f".{name}.json").write_text(text, encoding="utf-8")
    (folder / f".{name}.json").rename(folder / f"{name}.json")


def datasets(command: Ended) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in command.json["datasets"]}


def types_of(plain: Mapping[str, Any]) -> dict[str, type]:
    return {key: type(value) for key, value in plain.items()}


def told_alike(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event of the table or of a file in the same words; rows of the data stay there."""
    details = json.loads(row["details"])
    quality = details.get("flow_progress", {}).get("data_quality", {})
    for rule in quality.get("expectations", ()):
        rule.pop("samples", None)
    stamp = row["timestamp"]
    moment = datetime.fromisoformat(stamp) if isinstance(stamp, str) else stamp
    seconds = moment.timestamp()
    return {**row, "timestamp": seconds, "details": details}


def in_order(events: Any) -> list[dict[str, Any]]:
    return sorted(
        events,
        key=lambda each: (
            each["origin"]["update_id"],
            each["sequence"]["data_plane_id"]["seq_no"],
        ),
    )
