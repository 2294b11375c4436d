"""`report`, `quality`, `schema` and `graph --format html` over made-up runs; CI's reports."""

from __future__ import annotations

import argparse
import gc
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import dlt_lite
from dlt_lite.cli.app import main
from dlt_lite.cli.ci import Ci, ci_of, reported
from dlt_lite.cli.commands.quality import would_row
from dlt_lite.cli.invocation import GlobalOptions, Invocation, OutputForm
from dlt_lite.cli.report_arguments import report_forms
from dlt_lite.cli.streams import Color, Streams
from dlt_lite.errors import BadCommandLine, BadSelection, NothingRecorded, UnknownRun
from dlt_lite.model.checks import RuleKind
from dlt_lite.model.origin import Origin
from dlt_lite.model.results import DatasetQuality
from dlt_lite.model.rules import RuleAction, Threshold
from dlt_lite.model.samples import Cell, Sample
from dlt_lite.report.forms import EVERYDAY, ReportForm
from dlt_lite.report.words import UNKNOWN
from dlt_lite.runs.folder import RunFolder, RunKind, RunState
from dlt_lite.runs.manifest import Manifest, ManifestDataset, write_manifest
from dlt_lite.runs.quality import keep_results, write_results
from dlt_lite.workspace import Project
from tests.unit.told_updates import a_rule, an_update

START = datetime(2026, 1, 2, 3, 0, tzinfo=UTC)
FIRST, SECOND, THIRD = (f"2026010{day}T030000Z-1" for day in (1, 2, 3))
PLACE = Origin("pipelines/shop/tables.py", 12)
GATE = "name: test\nquality: {gate: {min_pass_ratio: 0.99, max_regression_points: 2}}\n"
NO_EARLIER = "there is no earlier update to compare with"
PERSON = "ada@example.org"
DROP = RuleAction.DROP


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A project of two pipelines, of which nothing has run."""
    root = tmp_path / "repository" / "shops"
    root.mkdir(parents=True)
    (root / "dlt_lite.yml").write_text(GATE)
    for name in ("orders", "shop"):
        folder = root / "pipelines" / name
        folder.mkdir(parents=True)
        (folder / "pipeline.yml").write_text(f"name: {name}\n")
        (folder / "tables.py").write_text("raise SystemError('must not be imported')\n")
    monkeypatch.chdir(root)
    for name in ("NO_COLOR", "FORCE_COLOR", "DLT_LITE_OUTPUT", "DLT_LITE_TARGET"):
        monkeypatch.delenv(name, raising=False)
    return root


@pytest.fixture
def said(capsys, root):
    """Call a command in the project."""

    def said(*words: str) -> tuple[int, str, str]:
        assert root == Path.cwd()
        capsys.readouterr()
        code = main(list(words))
        out, err = capsys.readouterr()
        return code, out, err

    return said


@pytest.fixture
def ran(said, root):
    """Call a command after three updates of `shop`, the newest the worst."""
    for update_id, violations in ((FIRST, 0), (SECOND, 1), (THIRD, 20)):
        leave(root, an_update_of(update_id, violations))
    leave(root, an_update(a_rule("bills", "paid"), update_id=SECOND + "0"), pipeline="orders")
    return said


def an_update_of(update_id, violations, *more):
    sample = Sample((Cell("email", PERSON, offending=True),))
    rules = (
        a_rule("clicks", "dated", 100, violations, DROP, origin=PLACE, samples=(sample,)),
        a_rule("clicks", "known", 100, 0, origin=PLACE),
        *more,
    )
    return an_update(*rules, update_id=update_id)


def leave(root, update, *, pipeline="shop", target="dev"):
    """Leave an update's results behind, as a run does."""
    folder = RunFolder.create(
        root / ".dlt_lite", update.update_id, pipeline=pipeline, target=target, started=START
    )
    write_results(folder, replace(update, pipeline=pipeline, target=target))
    datasets = (ManifestDataset("clicks", "shop.clicks", "streaming_table", "file:///s", 1),)
    write_manifest(folder, Manifest(pipeline, target, update.update_id, "2026", datasets))
    folder.finish(RunState.COMPLETED, START)


def test_a_report_of_the_newest_update_is_written_in_every_form(ran, root):
    code, out, err = ran("report", "shop")

    written = {path.name for path in (root / "report").iterdir()}
    assert code == 0
    assert written == {"report.html", "junit.xml", "report.md", "quality.json"}
    assert out.splitlines() == [
        "quality:   1 of 2 rules violated.",
        "gate:      missed",
        "           clicks.dated: 80.0% of the rows pass, not 99.0%",
        "           clicks.dated fell by 19.00 points, by more than 2",
    ]
    assert "html:      report/report.html" in err
    assert json.loads((root / "report/quality.json").read_text())["update_id"] == THIRD
    assert ET.parse(root / "report/junit.xml").getroot().get("tests") == "2"  # noqa: S314


def test_a_report_is_of_the_forms_the_update_and_the_folder_that_are_asked_for(ran, root):
    words = ("--update", FIRST[:8], "--format", "markdown,json", "--out", "a/b", "-o", "json")
    code, out, _ = ran("report", "shop", *words)

    told = json.loads(out)
    assert code == 0
    assert (told["update_id"], told["pipeline"], told["target"]) == (FIRST, "shop", "dev")
    assert told["verdict"] == "pass"
    assert told["gate"] == {"met": True, "reasons": [], "notes": [NO_EARLIER]}
    assert told["reports"] == {
        "markdown": str(root / "a/b/report.md"),
        "json": str(root / "a/b/quality.json"),
    }
    assert {path.name for path in (root / "a/b").iterdir()} == {"report.md", "quality.json"}


def test_rows_that_were_set_aside_are_in_the_report_of_every_form(said, root):
    sample = Sample((Cell("kind", "<b>odd</b>", offending=True),))
    rule = a_rule(
        "clicks",
        "kind is known",
        1000,
        37,
        RuleAction.QUARANTINE,
        quarantined=37,
        origin=PLACE,
        samples=(sample,),
    )
    clicks = DatasetQuality(
        "clicks", "streaming_table", "COMPLETED", "append", "", 1000, 960, 3, quarantined=37
    )
    leave(root, an_update(rule, datasets=[clicks], update_id=THIRD))

    code, _, _ = said("report", "shop")

    texts = {path.name: path.read_text() for path in (root / "report").iterdir()}
    plain = json.loads(texts["quality.json"])
    case = ET.fromstring(texts["junit.xml"]).find(".//testcase")  # noqa: S314
    assert code == 0
    assert (plain["rules"][0]["action"], plain["rules"][0]["quarantined"]) == ("quarantine", 37)
    assert (plain["datasets"][0]["quarantined"], plain["datasets"][0]["dropped"]) == (37, 3)
    assert '<property name="rows_quarantined" value="37" />' in texts["junit.xml"]
    assert case.findtext("system-out").startswith("WARNING: 37 of 1,000 rows broke it (3.7%)")
    assert "action quarantine" in case.findtext("system-out")
    assert "960 written, 3 dropped, 37 quarantined" in texts["report.html"]
    assert "&lt;b&gt;odd&lt;/b&gt;" in texts["report.html"]
    assert "<b>odd" not in texts["report.html"] + texts["report.md"]
    assert "40 of 1,000 rows of clicks kept out (4.0%)" in texts["report.md"]
    assert "| <code>clicks</code> | completed | 1,000 | 960 | 3 | 37 |" in texts["report.md"]


def test_without_a_pipeline_the_newest_update_of_all_is_reported(ran):
    assert json.loads(ran("report", "-o", "json")[1])["update_id"] == THIRD
    assert json.loads(ran("report", "orders", "-o", "json")[1])["pipeline"] == "orders"


def test_a_fresh_machine_says_that_it_knows_no_earlier_update(said, root):
    leave(root, an_update_of(THIRD, 20))

    _, out, err = said("report", "shop")

    assert "           note: there is no earlier update to compare with" in out.splitlines()
    assert "no earlier update is known here" in err


def test_a_folder_kept_between_runs_is_what_a_fresh_machine_compares_with(said, root):
    leave(root, an_update_of(THIRD, 20))
    keep_results(root / "kept", replace(an_update_of(FIRST, 0), pipeline="shop"))

    _, out, err = said("report", "shop", "--history", "kept")

    assert "clicks.dated fell by 20.00 points" in out
    assert "no earlier update" not in err


def test_a_kept_update_can_be_reported_where_nothing_has_run(said, root):
    keep_results(root / "kept", replace(an_update_of(FIRST, 0), pipeline="shop"))

    newest = json.loads(said("report", "--history", "kept", "-o", "json")[1])
    named = json.loads(said("report", "--update", "2026", "--history", "kept", "-o", "json")[1])

    assert newest["update_id"] == named["update_id"] == FIRST


@pytest.mark.parametrize(
    ("words", "says", "fix"),
    [
        (("shpo",), "[DLT106] no pipeline is called 'shpo'", "did you mean 'shop'?"),
        (("--update", "20260103T030000Z-2"), "[DLT113] no run is called", f"did you mean {THIRD}"),
        (("--update", "2026"), "[DLT113] 4 runs begin with '2026'", "write more of it"),
        (("--update", ""), "[DLT113] no run is called ''", "the newest are"),
        (
            ("orders", "--update", THIRD),
            f"[DLT113] update {THIRD} is of pipeline shop, not of orders",
            "leave the pipeline out",
        ),
        (("-t", "prod"), "[DLT105] no target is called 'prod'", ""),
        (("--format", "htlm"), "'htlm' is no form of a report", "see `"),
    ],
)
def test_what_cannot_be_reported_is_refused_with_what_may_have_been_meant(
    ran, root, words, says, fix
):
    exit_code, out, err = ran("report", *words)

    assert (exit_code, out) == (2, "")
    assert says in err
    assert fix in err
    assert not (root / "report").exists()


def test_before_the_first_update_nothing_is_reported_or_told(said):
    for words in (("report",), ("quality", "history", "clicks"), ("quality", "compare", "latest")):
        code, out, err = said(*words)

        assert (code, out) == (2, "")
        assert err.startswith("[DLT114] the project has had no update on target dev")
        assert "run it first" in err


def test_a_run_of_a_job_is_no_update(ran, root):
    RunFolder.create(
        root / ".dlt_lite", "job-1", pipeline="daily", target="dev", started=START, kind=RunKind.JOB
    )

    code, _, err = ran("report", "--update", "job-1")

    assert code == 2
    assert "job-1 is a run of job daily, and no update" in err


def test_a_folder_that_cannot_be_written_is_an_error_of_the_machine(ran, root):
    (root / "taken").touch()

    for words in (("report", "--out", "taken"), ("report", "--out", "taken/below")):
        code, out, err = ran(*words)

        assert (code, out) == (5, "")
        assert err.startswith("[DLT007]")
        assert "fix: name a folder that you may write to" in err
    assert ran("graph", "shop", "--format", "html", "--out", "taken/x.html")[0] == 5


def test_the_history_of_a_dataset_has_a_line_for_each_rule(ran):
    code, out, _ = ran("quality", "history", "clicks")

    assert code == 0
    assert [line.split() for line in out.splitlines()[1:]] == [
        ["dated", "drop", "violated", "80.0%", "▁▂▅", "3", "pipelines/shop/tables.py:12"],
        ["known", "warn", "passed", "100%", "▁▁▁", "3", "pipelines/shop/tables.py:12"],
    ]


def test_a_long_name_does_not_make_a_history_wider_than_it_can_be_read(said, root):
    leave(root, an_update(a_rule("clicks", "x" * 300, 9, 1, origin=PLACE), update_id=FIRST))

    [_, line] = said("quality", "history", "clicks")[1].splitlines()

    assert line.startswith("x" * 79 + "…  warn")
    assert len(line) < 160


def test_a_rule_about_a_whole_table_has_no_share_in_its_history(said, root):
    rule = a_rule("clicks", "many", None, 1, kind=RuleKind.AGGREGATE, origin=PLACE)
    leave(root, an_update(rule, update_id=FIRST))

    [_, line] = said("quality", "history", "clicks")[1].splitlines()
    [_, told] = said("quality", "history", "clicks", "many")[1].splitlines()

    assert line.split()[:4] == ["many", "warn", "violated", UNKNOWN]
    assert "100%" not in told
    assert "0%" not in told


def test_the_history_of_a_rule_has_a_line_for_each_update(ran):
    code, out, _ = ran("quality", "history", "shop.CLICKS", "dated")
    [told] = json.loads(ran("quality", "history", "clicks", "dated", "-o", "json")[1])

    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[1:]] == [FIRST, SECOND, THIRD]
    assert "violated      100        20   80.0%" in out
    assert (told["dataset"], told["rule"], told["origin"]) == ("clicks", "dated", str(PLACE))
    assert [(each["violations"], each["verdict"]) for each in told["updates"]] == [
        (0, "pass"),
        (1, "warn"),
        (20, "warn"),
    ]


@pytest.mark.parametrize(
    ("words", "says", "fix"),
    [
        (("clikcs",), "no update knows a dataset 'clikcs'", "did you mean 'clicks'?"),
        (("clicks", "datd"), "clicks has no rule 'datd'", "did you mean 'dated'?"),
        ((), "the DATASET is missing", "ls"),
    ],
)
def test_a_history_of_what_is_not_there_is_refused(ran, words, says, fix):
    code, out, err = ran("quality", "history", *words)

    assert (code, out) == (2, "")
    assert says in err
    assert fix in err


def test_a_dataset_that_two_pipelines_have_asks_for_the_pipeline(ran, root):
    leave(root, an_update(a_rule("Clicks", "paid"), update_id=THIRD + "1"), pipeline="orders")

    assert "fix: say orders.Clicks or shop.clicks" in ran("quality", "history", "clicks")[2]
    assert ran("quality", "history", "orders.clicks")[0] == 0


def test_a_dry_run_tells_of_each_rule_what_it_would_have_done():
    drop, aside = RuleAction.DROP, RuleAction.QUARANTINE
    rules = (
        a_rule("clicks", "known", 100, 20, origin=PLACE),
        a_rule("clicks", "dated", 100, 7, DROP, dropped=7),
        a_rule("clicks", "mostly", 100, 1, drop, dropped=1, threshold=Threshold(0.9)),
        a_rule("clicks", "kind", 1000, 1200, aside, quarantined=1200),
        a_rule("clicks", "sure", 100, 3, RuleAction.FAIL),
        a_rule("clicks", "fine", 100, 0, RuleAction.FAIL),
    )

    rows = {row[0]: row for row in map(would_row, rules)}

    assert rows["clicks.known"] == (
        *("clicks.known", "warn", "100", "20", "80.0%", "warn", "", str(PLACE)),
    )
    assert {name: row[5] for name, row in rows.items()} == {
        "clicks.known": "warn",
        "clicks.dated": "drop 7",
        "clicks.mostly": "drop 1",
        "clicks.kind": "set 1,200 aside",
        "clicks.sure": "fail",
        "clicks.fine": "passed",
    }


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("quality", "dry-run"), "the FILE is missing"),
        (("quality", "dry-run"), "quality --help`"),
        (("quality", "dry-run", "a.yml", "b.yml"), "'b.yml' is one word too many"),
        (("quality", "dry-run", "missing.yml"), "missing.yml'"),
        (("quality", "dry-run", "rule.yml"), "fix: did you mean 'rules.yml'?"),
        (("quality", "dry-run", "nope/x.yml"), "fix: files of rules there: none"),
        (("quality", "dry-run", "pipelines"), "fix: name a file of text"),
        (("quality", "dry-run", "rules.yml"), "no update has made a table 'nothing'"),
        (("quality", "dry-run", "wrong.yml"), "wrong.yml:1:10"),
        (("suggest", "nothing"), "no update has made a table 'nothing'"),
        (("suggest", "clicks", "--out", "rules.yml"), "rules.yml is there already"),
    ],
)
def test_what_cannot_be_tried_or_proposed_is_refused_before_spark_starts(ran, root, words, says):
    (root / "rules.yml").write_text("nothing: {rules: {a: id > 0}}\n")
    (root / "wrong.yml").write_text("clicks: {rulz: {a: id > 0}}\n")

    code, out, err = ran(*words)

    assert (code, out) == (2, "")
    assert says in err


def test_two_updates_are_compared_rule_by_rule(ran):
    code, out, _ = ran("quality", "compare", FIRST, SECOND)

    assert code == 0
    assert out.splitlines() == [
        f"from {FIRST} to {SECOND}",
        "newly violated:",
        "  clicks.dated: 1 of 100 rows broke it (1.0%), −1.00 points",  # noqa: RUF001 - a minus
    ]
    assert (
        ran("quality", "compare", FIRST, FIRST)[1] == f"from {FIRST} to {FIRST}: nothing changed\n"
    )


def test_an_update_is_compared_with_the_newest_of_its_pipeline(ran):
    told = json.loads(ran("quality", "compare", SECOND + "0", "-o", "json")[1])
    shop = json.loads(ran("quality", "compare", SECOND + "0", THIRD, "-o", "json")[1] or "{}")

    assert (told["before"], told["after"]) == (SECOND + "0", SECOND + "0")
    assert shop["error"]["code"] == "DLT111"


def test_a_comparison_as_json_has_figures_of_both(ran):
    told = json.loads(ran("quality", "compare", THIRD, FIRST, "-o", "json")[1])

    [fixed] = told["fixed"]
    assert (fixed["rule"], fixed["points"]) == ("dated", 20.0)
    assert (fixed["before"]["violations"], fixed["after"]["violations"]) == (20, 0)
    assert told["new_failures"] == told["rows"] == []


def test_the_schema_is_the_documented_one(said):
    code, out, _ = said("schema", "quality")
    documented = Path(dlt_lite.__file__).parents[1] / "docs" / "quality.schema.json"

    assert code == 0
    assert json.loads(out) == json.loads(documented.read_text())


def test_the_graph_as_a_page_goes_to_a_file_or_to_stdout(ran, root):
    code, out, err = ran("graph", "shop", "--format", "html", "--out", "x/graph.html")

    page = (root / "x" / "graph.html").read_text()
    assert (code, out, err) == (0, "", "x/graph.html\n")
    assert page.startswith("<!doctype html>")
    assert "1 of 2 rules violated" in page
    assert ran("graph", "shop", "--format", "html")[1] == page
    ran("graph", "shop", "--format", "dot", "--out", "x/graph.dot")
    assert (root / "x" / "graph.dot").read_text().startswith("digraph lineage {")


@pytest.mark.usefixtures("ran")
def test_python_gives_the_same_as_the_commands(root):
    project = Project.load(root)

    report = project.report(root / "out", "shop", forms=[ReportForm.JSON])
    [dated] = project.quality_history("clicks", "dated")
    changed = project.compare(FIRST)

    assert project.quality("shop").update_id == report.update.update_id == THIRD
    assert (report.gate.met, list(report.files)) == (False, [ReportForm.JSON])
    assert [point.update_id for point in dated.points] == [FIRST, SECOND, THIRD]
    assert [each.rule.rule for each in changed.new_failures] == ["dated"]
    with pytest.raises(UnknownRun):
        project.quality(update="nope")
    with pytest.raises(BadSelection):
        project.quality_history("nope")
    with pytest.raises(NothingRecorded):
        Project.load(root, overrides={"state_root": "elsewhere"}).quality()


def in_ci(root, environ, *, json_wanted=False):
    """Return a call in CI, and what it says on stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    streams = Streams(out, err, environ=environ, color=Color.NEVER)
    form = OutputForm.JSON if json_wanted else OutputForm.TEXT
    options = GlobalOptions(None, None, (), form, False, 0, Color.NEVER, None)
    return Invocation("run", options, environ, root, streams, "dlt_lite"), out, err


@pytest.mark.usefixtures("ran")
def test_ci_annotates_the_rules_line_and_adds_to_the_summary_and_the_history(root):
    summary = root / "summary.md"
    summary.write_text("# Before\n")
    environ = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(root.parent),
        "GITHUB_STEP_SUMMARY": str(summary),
    }
    call, out, _ = in_ci(root, environ)
    ci = Ci(root / "out", EVERYDAY, root / "kept", samples=False)

    report = reported(ci, Project.load(root), THIRD, call)

    assert out.getvalue().startswith(
        "::warning file=shops/pipelines/shop/tables.py,line=12,title=clicks.dated violated::20 of"
    )
    assert not report.gate.met
    assert summary.read_text().startswith("# Before\n## ")
    assert "**Quality gate: missed**" in summary.read_text()
    assert [path.suffix for path in (root / "kept").iterdir()] == [".json"]


@pytest.mark.usefixtures("ran")
@pytest.mark.parametrize("samples", [False, True])
def test_rows_of_the_data_are_in_what_ci_publishes_only_where_somebody_says_so(root, samples):
    call, _, _ = in_ci(root, {"GITHUB_STEP_SUMMARY": str(root / "out" / "summary.md")})
    ci = Ci(root / "out", EVERYDAY, root / "out", samples=samples)
    (root / "out").mkdir()

    reported(ci, Project.load(root), THIRD, call)

    texts = [path.read_text() for path in (root / "out").iterdir()]
    seen = [PERSON in text.replace("&#64;", "@").replace("&#46;", ".") for text in texts]
    assert seen == [samples] * 6


@pytest.mark.usefixtures("ran")
def test_rows_are_read_of_the_update_that_is_reported_and_of_none_before_it(root):
    report = Project.load(root).report(root / "out", "shop", history=root / ".dlt_lite" / "runs")

    shown = [[bool(rule.samples) for rule in update.rules] for update in report.updates]
    assert shown == [[True, False], [False, False], [False, False]]
    assert gc.isenabled()


@pytest.mark.usefixtures("ran")
def test_json_on_stdout_is_left_alone_and_elsewhere_nothing_is_annotated(root):
    ci = Ci(root / "out", (ReportForm.JSON,), None, samples=False)
    on_github, out, err = in_ci(root, {"GITHUB_ACTIONS": "true"}, json_wanted=True)
    elsewhere, other_out, other_err = in_ci(root, {})

    reported(ci, Project.load(root), THIRD, on_github)
    reported(ci, Project.load(root), THIRD, elsewhere)

    assert out.getvalue() == ""
    assert "::warning file=pipelines/shop/tables.py,line=12" in err.getvalue()
    assert "::warning" not in other_out.getvalue() + other_err.getvalue()


@pytest.mark.usefixtures("ran")
@pytest.mark.parametrize("place", ["nowhere/summary.md", "full.md"])
def test_a_summary_that_cannot_be_had_or_is_full_fails_nothing(root, place):
    (root / "full.md").write_bytes(b"x" * 1024 * 1024)
    call, out, _ = in_ci(root, {"GITHUB_STEP_SUMMARY": str(root / place)})
    ci = Ci(root / "out", (ReportForm.JSON,), None, samples=False)

    reported(ci, Project.load(root), THIRD, call)

    assert "gate:      missed" in out.getvalue()
    assert (root / "full.md").stat().st_size == 1024 * 1024


def test_what_only_ci_reads_is_refused_without_it(root):
    given = {"ci": False, "out": None, "format": None, "history": None, "samples": False}
    call, _, _ = in_ci(root, {})

    assert ci_of(argparse.Namespace(**given), call) is None
    with pytest.raises(BadCommandLine, match="--history means nothing without --ci"):
        ci_of(argparse.Namespace(**{**given, "history": "x"}), call)


def test_forms_come_with_commas_each_once_is_enough():
    assert report_forms("html, junit") == (ReportForm.HTML, ReportForm.JUNIT)
    for text in ("", "html,pdf"):
        with pytest.raises(argparse.ArgumentTypeError):
            report_forms(text)


@pytest.mark.usefixtures("ran")
def test_a_report_needs_neither_spark_nor_anything_heavy(root):
    script = (
        "import sys\n"
        "from dlt_lite.cli.app import main\n"
        "code = main(['report', 'shop'])\n"
        "heavy = {'pyspark', 'py4j', 'delta', 'pandas', 'great_expectations', 'pyarrow'}\n"
        "sys.exit(f'imported: {heavy & set(sys.modules)}' if heavy & set(sys.modules) else code)\n"
    )
    ours = {**os.environ, "PYTHONPATH": str(Path(dlt_lite.__file__).parents[1])}

    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=root,
        env=ours,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
