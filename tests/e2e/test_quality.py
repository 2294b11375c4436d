"""The quality of the example's dirty day through the real command line, as CI sees it.

Counts are those of `landing/dirty/faults.json`, which plain Python worked out over the file.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from pyspark.sql import SparkSession

from tests.e2e.shell import PIPELINES, Ended, copy_of_the_example, dlt_lite, dlt_lite_here, land

pytestmark = pytest.mark.e2e

CLICKS = PIPELINES / "clickstream" / "landing"
FAULTS = json.loads((CLICKS / "dirty" / "faults.json").read_text("utf-8"))
LATE_AT_LAST = json.loads((CLICKS / "fatal" / "faults.json").read_text("utf-8"))["bronze"][
    "not_late"
]["failed"]
RULES = {
    (dataset, name): rule
    for dataset, layer in (("bronze_clicks", "bronze"), ("silver_clicks", "silver"))
    for name, rule in FAULTS[layer].items()
}


@dataclass(frozen=True, slots=True)
class Told:
    """What CI was told of an update: the command's end, and the files that it left."""

    ended: Ended
    quality: Mapping[str, Any]
    texts: Mapping[str, str]

    def rule(self, dataset: str, name: str) -> Mapping[str, Any]:
        """Return what was decided."""
        [found] = [
            each
            for each in self.quality["rules"]
            if (each["dataset"], each["rule"]) == (dataset, name)
        ]
        return found


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    repository = tmp_path_factory.mktemp("repository")
    return copy_of_the_example(repository / "shop")


@pytest.fixture(scope="module")
def days(project, spark) -> dict[str, Told]:
    """Run CI on the clean days, on the dirty one, on one without news, and on the fatal one."""
    assert spark is not None
    clean = sorted((CLICKS / "clean").glob("*.jsonl"))
    dirty, fatal = (next((CLICKS / day).glob("*.jsonl")) for day in ("dirty", "fatal"))
    return {
        "clean": told(project, "clean", *clean, command=dlt_lite_here),
        "dirty": told(project, "dirty", dirty),
        "idle": told(project, "idle", command=dlt_lite_here),
        "fatal": told(project, "fatal", fatal, words=("-o", "json"), command=dlt_lite_here),
    }


def told(
    project: Path,
    day: str,
    *files: Path,
    words: tuple[str, ...] = (),
    command: Callable[..., Ended] = dlt_lite,
) -> Told:
    """Let files arrive and run CI as on GitHub."""
    land(project, "clickstream", *files)
    out, summary = project / "reports" / day, project / f"{day}.md"
    changes = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(project.parent),
        "GITHUB_STEP_SUMMARY": str(summary),
    }
    given = ("run", "clickstream", "--ci", "--out", f"reports/{day}", "--history", "kept", *words)
    ended = command(project, *given, changes=changes)
    texts = {path.name: path.read_text("utf-8") for path in (*out.iterdir(), summary)}
    return Told(ended, json.loads(texts["quality.json"]), texts)


def test_the_exit_code_says_whether_the_rows_passed_the_gate_or_the_update_failed(days):
    assert {day: each.ended.code for day, each in days.items()} == {
        "clean": 0,
        "dirty": 3,
        "idle": 0,
        "fatal": 1,
    }, days["dirty"].ended.err


def test_every_rule_of_the_dirty_day_has_the_counts_that_were_worked_out_beside(days):
    dirty = days["dirty"]
    silver = next(each for each in dirty.quality["datasets"] if each["name"] == "silver_clicks")

    for (dataset, name), wanted in RULES.items():
        found = dirty.rule(dataset, name)
        assert (found["action"], found["violations"]) == (wanted["action"], wanted["failed"])
        assert found["evaluated"] == wanted["passed"] + wanted["failed"]
    for outcome in ("written", "dropped", "quarantined"):
        assert silver[outcome] == FAULTS[outcome]
    assert silver["rows_in"] == silver["written"] + silver["dropped"] + silver["quarantined"]


def test_a_rule_points_at_the_line_that_declares_it(days):
    source = (PIPELINES / "clickstream" / "silver.py").read_text("utf-8").splitlines()

    for name in ("not_from_the_future", "not_before_2020"):
        found = days["dirty"].rule("silver_clicks", name)["origin"]
        assert found["path"] == "pipelines/clickstream/silver.py"
        assert source[found["line"] - 1].startswith("@dlt.expect_or_")


def test_github_is_told_of_every_violated_rule_at_its_line_worst_first(days):
    found = [line for line in days["dirty"].ended.out.splitlines() if line.startswith("::")]
    worst = days["dirty"].rule("bronze_clicks", "not_late")

    assert len(found) == sum(rule["failed"] > 0 for rule in RULES.values())
    assert found[0].startswith(
        "::warning file=shop/pipelines/clickstream/bronze.py,"
        f"line={worst['origin']['line']},title=bronze_clicks.not_late violated::59 of 444 rows"
    )
    assert not any(line.startswith("::") for line in days["clean"].ended.out.splitlines())


def test_junit_has_a_case_for_each_rule_and_only_what_failed_fails(days):
    dirty, fatal = (ET.fromstring(days[day].texts["junit.xml"]) for day in ("dirty", "fatal"))  # noqa: S314
    cases = {(suite.get("name"), case.get("name")): case for suite in dirty for case in suite}

    assert set(RULES) <= set(cases)
    assert (dirty.get("failures"), dirty.get("errors")) == ("0", "0")
    told_of = cases["bronze_clicks", "not_late"].findtext("system-out") or ""
    assert told_of.startswith("WARNING: 59 of 444 rows broke it")
    assert [
        case.get("name") for case in fatal.iter("testcase") if case.find("failure") is not None
    ] == ["not_before_2020"]


def test_the_page_and_the_summary_hold_the_counts(days):
    page, summary = (days["dirty"].texts[name] for name in ("report.html", "dirty.md"))
    plain = re.sub(r"<[^>]*>", " ", page.replace("<wbr>", ""))
    text = " ".join(unescape(plain).split())

    assert page.startswith("<!doctype html>")
    for (_, name), rule in RULES.items():
        assert name in text
        if rule["failed"]:
            share = f"{rule['failed']} of {rule['passed'] + rule['failed']} rows"
            assert share in summary
            assert str(rule["failed"]) in text
    assert "**Quality gate: missed**" in summary
    assert "13.29 points" in summary


def test_a_day_without_news_checks_nothing_and_says_so(days):
    idle = days["idle"].quality

    assert {each["verdict"] for each in idle["rules"]} == {"skipped"}
    assert "none of 14 rules was checked" in days["idle"].ended.out.lower()


def test_an_update_that_failed_is_reported_with_the_rule_that_ended_it(days):
    fatal = days["fatal"]
    plain = fatal.ended.json

    assert fatal.rule("silver_clicks", "not_before_2020")["verdict"] == "fail"
    assert fatal.rule("sessions", "ends_after_it_starts")["verdict"] == "skipped"
    assert (plain["state"], plain["verdict"], plain["gate"]["met"]) == ("FAILED", "fail", False)
    assert "::error file=shop/pipelines/clickstream/silver.py,line=34," in fatal.ended.err
    assert plain["reports"]["html"].endswith("/reports/fatal/report.html")


@pytest.mark.usefixtures("days")
def test_results_lie_beside_the_events_and_are_told_without_spark(project):
    runs = dlt_lite(project, "runs", "-o", "json").json
    history = dlt_lite(project, "quality", "history", "bronze_clicks", "not_late", "-o", "json")
    compared = dlt_lite(
        project, "quality", "compare", *[each["update_id"] for each in runs[3:1:-1]]
    )
    again = dlt_lite(project, "report", "--update", runs[2]["update_id"], "--out", "again")

    assert all(Path(each["folder"], "quality.json").exists() for each in runs)
    assert [each["violations"] for each in history.json[0]["updates"]] == [
        0,
        59,
        None,
        LATE_AT_LAST,
    ]
    assert "  bronze_clicks.not_late: 59 of 444 rows broke it (13.3%)" in compared.out
    assert (again.code, (project / "again" / "report.html").exists()) == (0, True)
    assert len(list((project / "kept").iterdir())) == len(runs) == 4


def test_the_table_of_results_holds_each_update_that_decided_something_once(
    project, days, spark: SparkSession
):
    table = spark.read.format("delta").load(f"{project}/storage/dev/quality_results/clickstream")
    rows = table.where("rule = 'not_late'").orderBy("started").collect()

    wanted = [days[day].quality["update_id"] for day in ("clean", "dirty", "fatal")]
    assert [row.update_id for row in rows] == wanted
    assert [row.violations for row in rows] == [0, 59, LATE_AT_LAST]
    assert rows[1].ratio == pytest.approx(385 / 444)
    assert (rows[1].origin, rows[1].target) == ("pipelines/clickstream/bronze.py:23", "dev")
    assert table.count() == 3 * 14


def test_what_cannot_be_written_is_refused_before_anything_runs(project, days):
    (project / "taken").touch()

    refused = dlt_lite(project, "run", "clickstream", "--ci", "--out", "taken/below")

    assert refused.code == 5
    assert refused.err.startswith("[DLT007]")
    assert len(list((project / "kept").iterdir())) == len(days)


def test_ci_keeps_no_row_of_the_data_where_nobody_has_asked_for_them(days: Mapping[str, Told]):
    for day in days.values():
        assert [rule["rule"] for rule in day.quality["rules"] if rule["samples"]] == []
    fatal = next(each for each in days["fatal"].quality["datasets"] if each["error"])
    assert "No row is shown: samples are off." in fatal["error"]
    assert "event_id" not in fatal["error"]
