"""`ls`, `graph`, `runs`, `events` and `config` over a made-up state root."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from dlt_lite.cli.app import main
from dlt_lite.events.records import (
    CreateUpdate,
    DatasetDefinition,
    FlowProgress,
    FlowState,
    PlanningInformation,
    UpdateProgress,
    UpdateState,
)
from dlt_lite.events.sinks import Emitter, NdjsonFile
from dlt_lite.model.rules import Counts, RuleAction, RuleCount
from dlt_lite.runs.folder import RunFolder, RunState
from dlt_lite.runs.manifest import (
    ExpectationDefinition,
    Manifest,
    ManifestDataset,
    write_manifest,
)

START = datetime(2026, 1, 2, 3, 0, tzinfo=UTC)
PATH = "file:///s/tables/shop/clicks"
DATASETS = (
    ManifestDataset(
        "clicks", "shop.clicks", "streaming_table", PATH, 1,
        external_inputs=("/landing",),
        expectations=(ExpectationDefinition("dated", "drop", "day IS NOT NULL"),),
        tags=("raw",),
    ),
    ManifestDataset("recent", "shop.recent", "temporary_view", inputs=("clicks",)),
    ManifestDataset(
        "daily", "shop.daily", "materialized_view", "file:///s/tables/shop/daily",
        inputs=("recent",), comment="\x1b[31m[b]",
    ),
)  # fmt: skip
RECORDS = (
    CreateUpdate("USER_ACTION", "dev"),
    DatasetDefinition("clicks", "shop.clicks", "streaming_table", PATH, 1),
    PlanningInformation("clicks", "streaming_table", "create", "it is not there yet"),
    UpdateProgress(UpdateState.RUNNING),
    FlowProgress(
        "clicks", "clicks", FlowState.RUNNING, "create", flow_id="f", batch_id=0, version=1,
        counts=Counts(10, 2, (RuleCount("dated", RuleAction.DROP, 8, 2),)),
    ),
    FlowProgress("clicks", "clicks", FlowState.COMPLETED, "create", version=1),
    FlowProgress("daily", "daily", FlowState.FAILED, error="[DLT501] no \x1b[2J\n  fix: x"),
    UpdateProgress(UpdateState.FAILED),
)  # fmt: skip


@pytest.fixture
def project(tmp_path, monkeypatch, capsys):
    """Call a command in a project of two pipelines, of which nothing has run."""
    (tmp_path / "dlt_lite.yml").write_text("name: test\ntargets: {prod: {storage_root: p}}\n")
    for name in ("orders", "shop"):
        folder = tmp_path / "pipelines" / name
        folder.mkdir(parents=True)
        (folder / "pipeline.yml").write_text(f"name: {name}\n")
        (folder / "tables.py").write_text("raise SystemError('must not be imported')\n")
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "DLT_LITE_OUTPUT", "DLT_LITE_TARGET"):
        monkeypatch.delenv(name, raising=False)

    def said(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(list(words))
        out, err = capsys.readouterr()
        return code, out, err

    return said


@pytest.fixture
def ran(project, tmp_path):
    """Call a command in the project after a failed run of `shop`."""
    folder = RunFolder.create(
        tmp_path / ".dlt_lite", "20260102T030000Z-1", pipeline="shop", target="dev", started=START
    )
    seconds = iter(range(len(RECORDS)))
    emit = Emitter(
        folder.update_id,
        "shop",
        lambda: START + timedelta(seconds=next(seconds)),
        [NdjsonFile(folder.events)],
    )
    for record in RECORDS:
        emit(record)
    write_manifest(folder, Manifest("shop", "dev", folder.update_id, "2026-01-02", DATASETS))
    folder.finish(RunState.FAILED, START + timedelta(seconds=9))
    return project


def said(capsys, *words: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(list(words))
    out, err = capsys.readouterr()
    return code, out, err


def test_before_the_first_run_ls_lists_pipelines_and_says_to_run_first(project):
    code, out, err = project("ls")

    assert code == 0
    assert out.splitlines()[1:] == ["orders", "shop"]
    assert "not run yet on target dev: orders, shop" in err
    assert "run orders" in err
    assert json.loads(project("ls", "-o", "json")[1]) == []


def test_ls_lists_what_the_last_run_found(ran):
    code, out, err = ran("ls")

    assert code == 0
    assert out.splitlines() == [
        "pipeline  dataset  kind               version  path",
        "orders",
        "shop      clicks   streaming table          1  file:///s/tables/shop/clicks",
        "shop      recent   temporary view",
        "shop      daily    materialized view           file:///s/tables/shop/daily",
    ]
    assert "not run yet on target dev: orders;" in err


def test_ls_as_json_has_the_keys_that_outsiders_rely_on(ran):
    listed = json.loads(ran("ls", "-p", "shop", "-o", "json")[1])

    keys = ("name", "pipeline", "kind", "path", "version")
    assert [tuple(each[key] for key in keys) for each in listed] == [
        ("clicks", "shop", "streaming_table", PATH, 1),
        ("recent", "shop", "temporary_view", None, None),
        ("daily", "shop", "materialized_view", "file:///s/tables/shop/daily", None),
    ]


def test_an_unknown_pipeline_is_refused(ran):
    code, out, err = ran("ls", "-p", "shpo")

    assert (code, out) == (2, "")
    assert "did you mean 'shop'?" in err


@pytest.mark.parametrize(
    ("form", "first"),
    [("text", "/landing"), ("mermaid", "flowchart LR"), ("dot", "digraph lineage {")],
)
def test_the_graph_is_drawn_in_each_form(ran, form, first):
    code, out, _ = ran("graph", "shop", "--format", form)

    assert code == 0
    assert out.startswith(first)


def test_the_graph_as_json_comes_by_format_and_by_output(ran):
    by_format = ran("graph", "shop", "--format", "json")[1]
    by_output = ran("graph", "shop", "-o", "json")[1]

    assert by_format == by_output
    assert {"from": "clicks", "to": "recent"} in json.loads(by_format)["edges"]


def test_no_graph_is_known_before_the_first_run(project):
    code, out, err = project("graph")

    assert (code, out) == (2, "")
    assert err.startswith("[DLT114] no graph is known on target dev: orders, shop")


def test_runs_lists_the_runs_of_the_chosen_target(ran):
    code, out, _ = ran("runs")

    assert code == 0
    assert out.splitlines() == [
        "run                 kind      name  state   started               time",
        "20260102T030000Z-1  pipeline  shop  FAILED  2026-01-02 03:00:00  9.0 s",
    ]
    assert ran("runs", "-t", "prod") == (0, "", "no run yet on target prod\n")
    assert json.loads(ran("runs", "-o", "json")[1])[0]["state"] == "FAILED"


def test_none_of_the_runs_is_listed_where_that_is_asked(ran):
    code, out, err = ran("runs", "--limit", "0")

    assert (code, err) == (0, "")
    assert len(out.splitlines()) == 1
    assert json.loads(ran("runs", "--limit", "0", "-o", "json")[1]) == []


def test_one_run_is_shown_by_the_beginning_of_its_id(ran):
    code, out, _ = ran("runs", "show", "2026")
    told = json.loads(ran("runs", "show", "2026", "-o", "json")[1])

    assert code == 0
    assert "shop: FAILED in 9.0 s" in out
    assert "  clicks.dated (drop): 2 of 10 rows (20.0%)" in out
    assert "    [DLT501] no \\x1b[2J" in out
    assert (told["update_id"], told["state"]) == ("20260102T030000Z-1", "FAILED")


def test_runs_that_are_not_there_are_refused(ran):
    assert ran("runs", "show", "1999")[0] == 2
    assert "the run's ID is missing" in ran("runs", "show")[2]


def test_events_are_those_of_the_newest_run_of_a_pipeline_or_of_a_run(ran):
    newest = ran("events")[1]

    assert len(newest.splitlines()) == len(RECORDS) + 2
    assert ran("events", "shop")[1] == newest
    assert ran("events", "20260102")[1] == newest


def test_events_are_chosen_by_type_level_and_number(ran):
    assert ran("events", "--level", "METRICS")[1] == (
        "2026-01-02T03:00:04.000Z  METRICS  Flow clicks is RUNNING. Batch 0 is done. "
        "8 written, 2 dropped; violated: dated 2\n"
    )
    assert ran("events", "--level", "ERROR")[1] == (
        "2026-01-02T03:00:06.000Z  ERROR    Flow daily is FAILED.\n"
        "    [DLT501] no \\x1b[2J\n"
        "      fix: x\n"
    )
    words = ("events", "--type", "flow_progress", "--limit", "2", "-o", "json")
    rows = json.loads(ran(*words)[1])
    assert [row["origin"]["dataset_name"] for row in rows] == ["clicks", "daily"]
    assert ran("events", "--limit", "0")[1] == ""


def test_the_latest_run_is_one_that_nobodys_task_has_begun(ran, tmp_path):
    RunFolder.create(
        tmp_path / ".dlt_lite",
        "20260102T040000Z-1",
        pipeline="shop",
        target="dev",
        started=START,
        part_of="20260102T035900Z-1",
    )

    for words in (("events",), ("events", "latest")):
        assert "run 20260102T030000Z-1 of shop" in ran(*words)[2]
    assert json.loads(ran("runs", "show", "latest", "-o", "json")[1])["part_of"] is None
    assert "run 20260102T040000Z-1 of shop" in ran("events", "shop")[2]
    assert [each["part_of"] for each in json.loads(ran("runs", "-o", "json")[1])] == [
        "20260102T035900Z-1",
        None,
    ]


def test_events_of_a_pipeline_that_never_ran_say_to_run_it(ran):
    code, _, err = ran("events", "orders")

    assert code == 2
    assert "fix: run it first" in err
    assert "did you mean pipeline 'orders'?" in ran("events", "ordres")[2]


def test_a_run_that_nobody_finishes_is_shown_as_it_is(ran, tmp_path):
    RunFolder.create(
        tmp_path / ".dlt_lite", "20260103T000000Z-1", pipeline="shop", target="dev", started=START
    )

    assert "20260103T000000Z-1  pipeline  shop  RUNNING" in ran("runs")[1]
    assert ran("events") == (0, "", "run 20260103T000000Z-1 of shop: RUNNING\n")


def test_config_tells_where_each_value_comes_from(project):
    _, out, _ = project("config", "show", "--origin", "--storage-root", "elsewhere")
    told = json.loads(project("config", "-o", "json", "--param", "day=1")[1])

    lines = [line.split() for line in out.splitlines()]
    assert ["storage_root", "elsewhere", "flag", "--storage-root"] in lines
    assert ["name", "test", "dlt_lite.yml:1"] in lines
    assert {
        "pipeline": "shop",
        "key": "configuration.day",
        "value": "1",
        "source": "flag --param",
    } in told


def test_reading_commands_write_nothing(ran, tmp_path):
    before = sorted(tmp_path.rglob("*"))

    for words in (["ls"], ["graph"], ["runs"], ["events"], ["config"], ["runs", "show", "2026"]):
        assert ran(*words)[0] == 0

    assert sorted(tmp_path.rglob("*")) == before
