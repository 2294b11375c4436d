from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from jsonschema import Draft202012Validator

from dlt_lite.errors import StateTooNew, StorageNotWritable
from dlt_lite.model.result_codec import results_schema
from dlt_lite.model.samples import Cell, Sample
from dlt_lite.report.files import results_json
from dlt_lite.runs.folder import RunFolder
from dlt_lite.runs.quality import (
    bounded,
    keep_results,
    kept_results,
    read_results,
    write_results,
)
from tests.unit.told_updates import a_rule, an_update, clickstream, hostile_update

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def a_run(root, name="u1"):
    return RunFolder.create(root, name, pipeline="shop", target="dev", started=NOON)


def sampled(*texts):
    return tuple(Sample((Cell("c", text),)) for text in texts)


@pytest.mark.parametrize("update", [clickstream(), hostile_update()])
def test_results_lie_in_the_runs_folder(tmp_path, update):
    folder = a_run(tmp_path)

    write_results(folder, update)

    assert read_results(folder.path) == update
    assert read_results(folder.path / "quality.json") == update


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"format": 1, "results_ver', '{"format": 1, "results_version": 1}']
)
def test_a_damaged_file_holds_no_results(tmp_path, text):
    (tmp_path / "quality.json").write_text(text)

    assert read_results(tmp_path) is None
    assert read_results(tmp_path / "missing") is None


def test_results_of_a_newer_version_are_refused(tmp_path):
    folder = a_run(tmp_path)
    write_results(folder, an_update())
    file = folder.path / "quality.json"
    plain = json.loads(file.read_text()) | {"results_version": 99}
    file.write_text(json.dumps(plain))

    with pytest.raises(StateTooNew):
        read_results(folder.path)


def test_the_file_of_a_run_is_valid_by_the_schema(tmp_path):
    folder = a_run(tmp_path)
    write_results(folder, clickstream())
    plain = json.loads((folder.path / "quality.json").read_text())

    assert list(Draft202012Validator(results_schema()).iter_errors(plain)) == []


def test_the_json_report_of_an_update_can_be_kept_as_its_history(tmp_path):
    (tmp_path / "u1.json").write_text(results_json(clickstream()))

    assert list(kept_results(tmp_path)) == [clickstream()]


def test_a_history_that_is_a_file_is_refused_and_one_that_is_not_there_yet_is_empty(tmp_path):
    file = tmp_path / "history"
    assert list(kept_results(file)) == []
    file.touch()

    with pytest.raises(StorageNotWritable, match="is no folder"):
        list(kept_results(file))


def test_samples_are_bounded_and_every_rules_first_row_comes_first():
    rules = [
        replace(a_rule("orders", name), samples=sampled("a" * 400, "b" * 400)) for name in "xyz"
    ]

    kept = bounded(an_update(*rules), most=1700).rules

    assert [len(rule.samples) for rule in kept] == [2, 1, 1]


def test_a_long_value_is_cut_and_says_so():
    rule = replace(a_rule("orders", "x"), samples=sampled("a" * 5000))

    [kept] = bounded(an_update(rule)).rules

    assert kept.samples[0].cells[0].value == "a" * 999 + "…"


def test_no_file_of_results_has_more_than_64_kb_of_samples(tmp_path):
    rules = [replace(a_rule("o", f"r{n}"), samples=sampled(*["é" * 900] * 5)) for n in range(200)]
    folder = a_run(tmp_path)

    write_results(folder, an_update(*rules))

    samples = [sample for rule in read_results(folder.path).rules for sample in rule.samples]
    size = sum(len((cell.value or "").encode()) for each in samples for cell in each.cells)
    assert 60_000 < size <= 64 * 1024


def test_a_kept_folder_gives_its_updates_newest_first_from_files_and_run_folders(tmp_path):
    kept = tmp_path / "kept"
    for name in ("20261101T000000Z-a", "20261103T000000Z-c"):
        keep_results(kept, an_update(update_id=name))
    (kept / "20261102T000000Z-b").mkdir()
    keep_results(tmp_path, an_update(update_id="20261102T000000Z-b")).rename(
        kept / "20261102T000000Z-b" / "quality.json"
    )
    (kept / "other.json").write_text("{}")

    assert [each.update_id[:8] for each in kept_results(kept)] == [
        "20261103",
        "20261102",
        "20261101",
    ]
    assert list(kept_results(tmp_path / "missing")) == []


def test_a_kept_folder_keeps_the_newest_of_each_pipeline_and_target_and_what_is_not_ours(tmp_path):
    (tmp_path / "20250101.json").write_text("{}")
    for number in range(1, 6):
        for pipeline, target in (("shop", "dev"), ("shop", "prod"), ("orders", "dev")):
            name = f"2026110{number}T000000Z-{pipeline}-{target}"
            update = replace(an_update(update_id=name), pipeline=pipeline, target=target)
            keep_results(tmp_path, update, most=2)

    assert [each.update_id[7:] for each in kept_results(tmp_path)] == [
        f"{number}T000000Z-{name}"
        for number in (5, 4)
        for name in ("shop-prod", "shop-dev", "orders-dev")
    ]
    assert (tmp_path / "20250101.json").exists()


def test_an_older_update_that_is_kept_again_removes_no_newer_one(tmp_path):
    for number in (3, 2, 1):
        keep_results(tmp_path, an_update(update_id=f"2026110{number}T000000Z"), most=2)

    assert [each.update_id[:8] for each in kept_results(tmp_path)] == ["20261103", "20261102"]


def test_a_folder_that_cannot_be_made_is_an_error_of_ours(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(StorageNotWritable):
        keep_results(tmp_path / "file" / "kept", an_update())
