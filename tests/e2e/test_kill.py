"""Killed without a warning, in processes of their own: nothing is lost, doubled or left hanging."""

import contextlib
import json
import os
import signal
import time

import psutil
import pytest
from deltalake import DeltaTable

from dlt_lite.runs.folder import runs_of
from tests.e2e.shell import begun, dlt_lite, dlt_lite_here
from tests.spark.projects import HEAD, make_project
from tests.spark.updates import FILE_STREAM, figures

pytestmark = pytest.mark.e2e

FILES = 5
TABLES = (
    HEAD
    + FILE_STREAM
    + """
import pathlib
import time

@dlt.table
@dlt.expect("small", "v < 3")
@dlt.expect_or_drop("not_two", "v <> 2")
@dlt.expect_or_fail("never", "v >= 0")
def bronze():
    return arriving()

@dlt.materialized_view
@dlt.expect("odd", "v % 2 = 1")
def gold():
    if spark.conf.get("lingers", "") == "yes":
        pathlib.Path(spark.conf.get("landing"), "_lingering").touch()
        time.sleep(600)
    return spark.read.table("bronze")
"""
)
ROWS = [(10 * file + n, (n + file) % 5) for file in range(FILES) for n in range(4)]
KEPT = sorted(row for row in ROWS if row[1] != 2)
FIGURES = {
    "bronze: rows": len(ROWS),
    "bronze: dropped": len(ROWS) - len(KEPT),
    "bronze.small in bronze: passed": sum(v < 3 for _, v in ROWS),
    "bronze.small in bronze: failed": sum(v >= 3 for _, v in ROWS),
    "bronze.not_two in bronze: passed": len(KEPT),
    "bronze.not_two in bronze: failed": len(ROWS) - len(KEPT),
    "bronze.never in bronze: passed": len(ROWS),
    "bronze.never in bronze: failed": 0,
    "gold: rows": len(KEPT),
    "gold: dropped": 0,
    "gold.odd in gold: passed": sum(v % 2 == 1 for _, v in KEPT),
    "gold.odd in gold: failed": sum(v % 2 == 0 for _, v in KEPT),
}
ENDS_THE_JVM = """
from pyspark.sql import SparkSession

def dies():
    SparkSession.builder.getOrCreate()._jvm.java.lang.System.exit(3)

def reads():
    SparkSession.builder.getOrCreate().range(3).count()
"""
RUN = ("run", "shop", "-o", "json")


@pytest.fixture
def project(tmp_path):
    landing = tmp_path / "landing"
    landing.mkdir()
    for file in range(FILES):
        lines = [json.dumps({"id": id_, "v": v}) for id_, v in ROWS[4 * file : 4 * file + 4]]
        (landing / f"{file:02}.json").write_text("\n".join(lines), encoding="utf-8")
    root = make_project(tmp_path / "project", {"shop/tables.py": TABLES})
    settings = f"name: shop\nschema: shop\nconfiguration:\n  landing: {landing}\n"
    (root / "pipelines/shop/pipeline.yml").write_text(settings, encoding="utf-8")
    return root


def test_a_jvm_that_ends_in_a_job_fails_the_tasks_that_need_it_and_says_so(tmp_path):
    folder = tmp_path / "pipelines" / "daily"
    folder.mkdir(parents=True)
    (tmp_path / "dlt_lite.yml").write_text("name: p\nshell_tasks: true\n", encoding="utf-8")
    (folder / "work.py").write_text(ENDS_THE_JVM, encoding="utf-8")
    (folder / "job.yml").write_text(
        """
tasks:
  - {task_key: first, sql_task: {query: SELECT 1}}
  - {task_key: dies, depends_on: [{task_key: first}], callable_task: {function: "work.py:dies"}}
  - {task_key: sql, depends_on: [{task_key: dies}], run_if: ALL_DONE, sql_task: {query: SELECT 1}}
  - {task_key: reads, depends_on: [{task_key: dies}], run_if: ALL_DONE,
     callable_task: {function: "work.py:reads"}}
  - {task_key: other, depends_on: [{task_key: dies}], run_if: ALL_DONE,
     shell_task: {command: ["true"]}}
""",
        encoding="utf-8",
    )

    told = dlt_lite(tmp_path, "run", "daily")

    assert told.code == 1
    for key in ("dies", "sql", "reads"):
        assert f"[DLT006] task {key!r} could not go on: Spark's JVM has ended" in told.out
    assert "2 SUCCESS" in told.out
    assert "repair daily" in told.out
    assert "Traceback" not in told.err


@pytest.mark.usefixtures("spark")
def test_the_whole_group_killed_in_the_middle_of_a_batch(project):
    first = begun(project, *RUN)
    await_batch(project, 2)
    kill(first)

    second = dlt_lite_here(project, *RUN)

    assert "ABANDONED" in second.err
    assert second.code == 0
    assert all_is_as_if_nothing_had_happened(project)
    planned = dlt_lite_here(project, "plan", "shop", "-o", "json").json
    assert {each["name"]: each["action"] for each in planned["datasets"]} == {
        "bronze": "skip",
        "gold": "skip",
    }


def test_python_alone_killed_while_its_jvm_may_still_commit(project):
    first = begun(project, *RUN)
    await_batch(project, 2)
    jvm = jvm_of(first)
    jvm.suspend()
    first.send_signal(signal.SIGKILL)
    first.wait()

    refused = dlt_lite(project, *RUN)
    jvm.resume()
    second = dlt_lite(project, *RUN)

    first.communicate()
    assert refused.code == 4
    assert f"its JVM (pid {jvm.pid}) still runs and may commit" in refused.err
    assert not jvm.is_running()
    assert "ABANDONED" in second.err
    assert second.code == 0
    assert all_is_as_if_nothing_had_happened(project)


@pytest.mark.usefixtures("spark")
def test_a_plan_killed_in_the_middle_leaves_nothing(project):
    planning = begun(project, "plan", "shop", "--param", "lingers=yes")
    mark = project.parent / "landing" / "_lingering"
    await_that(mark.exists)
    kill(planning)
    mark.unlink()
    left = {path.name for path in project.iterdir()}

    after = dlt_lite_here(project, *RUN)

    assert left == {"dlt_lite.yml", "pipelines"}
    assert "ABANDONED" not in after.err
    assert after.code == 0
    assert all_is_as_if_nothing_had_happened(project)


def all_is_as_if_nothing_had_happened(project):
    for name in ("bronze", "gold"):
        table = DeltaTable(project / "storage/dev/tables/shop" / name)
        rows = table.to_pyarrow_table().to_pylist()
        assert sorted((row["id"], row["v"]) for row in rows) == KEPT
    assert figures(project / ".dlt_lite") == FIGURES
    return True


def await_batch(project, number):
    """Wait until the newest update has reported a batch of that number."""
    mark = f'"batch_id": {number}}}'

    def is_reported():
        folders = runs_of(project / ".dlt_lite").glob("*/events.ndjson")
        return any(mark in file.read_text(encoding="utf-8") for file in folders)

    await_that(is_reported)


def await_that(is_so):
    """Wait until something is so."""
    deadline = time.monotonic() + 240
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def jvm_of(process):
    """Return the JVM that works for a command."""
    children = psutil.Process(process.pid).children(recursive=True)
    return next(each for each in children if "java" in each.name())


def kill(process):
    """Kill a command with all that it started, and wait until nothing of it is left."""
    group = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    for each in group:
        with contextlib.suppress(psutil.Error):
            each.kill()
    psutil.wait_procs(group, timeout=60)
