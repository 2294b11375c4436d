"""What triggers look at: files below a folder, versions of tables, ends of runs. No Spark."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dlt_lite.errors import BadSchedule
from dlt_lite.jobs import sensors
from dlt_lite.jobs.sensors import (
    EndsOfRuns,
    files_below,
    newest_versions,
    watched_folder,
    watched_tables,
)
from dlt_lite.model.names import Namespace
from dlt_lite.model.triggers import (
    CompletionStatus,
    FileArrivalTrigger,
    JobCompletionTrigger,
    TableCondition,
    TableUpdateTrigger,
)
from dlt_lite.runs.folder import RunFolder, RunKind, RunState
from tests.unit.jobs_made import HERE, a_job, a_task

NOON = datetime(2027, 1, 10, 12, 0, tzinfo=UTC)
FILES = FileArrivalTrigger("landing", 0, 0, paused=False, origin=HERE)
TABLES = TableUpdateTrigger(
    ("clicks", "shop.orders", "lake.shop.users"), TableCondition.ANY_UPDATED, 0, 0, False, HERE
)
OTHERS = JobCompletionTrigger(("daily",), CompletionStatus.DONE, paused=False, origin=HERE)


def write(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def commit(table: Path, version: int) -> None:
    write(table / "_delta_log" / f"{version:020}.json")


def test_files_are_found_at_any_depth_and_hidden_ones_are_not(tmp_path):
    for name in ("a.json", "day=1/b.json", "_SUCCESS", ".tmp", "_temporary/c", "x/.hidden/d"):
        write(tmp_path / name)

    assert files_below(tmp_path) == {"a.json": "", "day=1/b.json": ""}


def test_a_folder_that_is_not_there_is_not_an_empty_one(tmp_path):
    assert files_below(tmp_path / "none") is None
    assert files_below(tmp_path) == {}


def test_links_to_folders_are_not_followed(tmp_path):
    (tmp_path / "round").symlink_to(tmp_path)
    write(tmp_path / "a")

    assert files_below(tmp_path) == {"a": ""}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list everything")
def test_a_folder_that_cannot_be_listed_is_no_empty_one(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir(mode=0)
    try:
        with pytest.raises(PermissionError):
            files_below(tmp_path)
    finally:
        inner.chmod(0o700)


def test_too_many_files_are_refused_with_a_way_out(tmp_path, monkeypatch):
    monkeypatch.setattr(sensors, "MOST_FILES", 2)
    for name in "abc":
        write(tmp_path / name)

    with pytest.raises(BadSchedule, match="more than 2 files"):
        files_below(tmp_path)


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("landing", "/project/pipelines/daily/landing"),
        ("../clicks/landing", "/project/pipelines/daily/../clicks/landing"),
        ("/data/in", "/data/in"),
        ("file:///data/two%20words", "/data/two words"),
        ("file:/data/in", "/data/in"),
    ],
)
def test_a_watched_folder_is_found_from_the_jobs_folder(url, folder):
    job = replace(a_job(a_task("a")), folder=Path("/project/pipelines/daily"))

    assert watched_folder(replace(FILES, url=url), job) == Path(folder)


@pytest.mark.parametrize("url", ["s3a://lake/in", "hdfs://x/y", "dbfs:/in", "file://host/in"])
def test_what_is_not_on_a_disk_here_is_refused_and_told_where(url):
    with pytest.raises(BadSchedule, match="cannot be watched") as caught:
        watched_folder(replace(FILES, url=url), a_job(a_task("a")))

    assert caught.value.origin == HERE
    assert "schedule" in caught.value.fix
    with pytest.raises(BadSchedule, match="the storage root"):
        watched_tables(TABLES, url, Namespace("default"))


def test_names_of_tables_are_completed_as_pipelines_complete_them():
    found = watched_tables(TABLES, "/lake/dev", Namespace("Web"))

    assert found == {
        "clicks": Path("/lake/dev/tables/web/clicks"),
        "shop.orders": Path("/lake/dev/tables/shop/orders"),
        "lake.shop.users": Path("/lake/dev/tables/lake/shop/users"),
    }


@pytest.mark.parametrize("name", ["a.b.c.d", "a b", "a..b"])
def test_a_name_that_is_no_table_is_refused(name):
    with pytest.raises(BadSchedule):
        watched_tables(replace(TABLES, tables=(name,)), "/lake", Namespace("default"))


def test_the_newest_version_is_that_of_the_log(tmp_path):
    for version in (0, 1, 9, 10):
        commit(tmp_path / "a", version)
    write(tmp_path / "a" / "_delta_log" / f"{11:020}.checkpoint.parquet")
    write(tmp_path / "a" / "_delta_log" / f"{12:020}.crc")
    write(tmp_path / "a" / "_delta_log" / "_last_checkpoint")
    (tmp_path / "b" / "_delta_log").mkdir(parents=True)
    tables = {name: tmp_path / name for name in "abc"}

    assert newest_versions(tables) == {"a": "10"}


def a_run(root, run_id, job="daily", target="dev", kind=RunKind.JOB):
    return RunFolder.create(root, run_id, pipeline=job, target=target, started=NOON, kind=kind)


def test_only_ended_runs_of_the_jobs_on_the_target_are_seen(tmp_path):
    for run_id, options in {
        "r1": {},
        "r2": {"job": "other"},
        "r3": {"target": "prod"},
        "r4": {"kind": RunKind.PIPELINE},
    }.items():
        a_run(tmp_path, run_id, **options).finish(RunState.COMPLETED, NOON)
    a_run(tmp_path, "r5").finish(RunState.FAILED, NOON)
    a_run(tmp_path, "r6").finish(RunState.ABANDONED, NOON)
    a_run(tmp_path, "r7")

    assert EndsOfRuns(tmp_path, "dev").of(OTHERS) == {
        "r1 2027-01-10T12:00:00.000Z": "SUCCESS",
        "r5 2027-01-10T12:00:00.000Z": "FAILED",
    }
    assert EndsOfRuns(tmp_path / "none", "dev").of(OTHERS) == {}


def test_a_repair_that_succeeds_is_another_end(tmp_path):
    ends, run = EndsOfRuns(tmp_path, "dev"), a_run(tmp_path, "r1")
    run.finish(RunState.FAILED, NOON)
    first = ends.of(OTHERS)
    run.reopen(NOON)
    between = ends.of(OTHERS)
    run.finish(RunState.COMPLETED, NOON.replace(hour=13))

    assert list(first.values()) == ["FAILED"]
    assert between == {}
    assert ends.of(OTHERS) == {"r1 2027-01-10T13:00:00.000Z": "SUCCESS"}
