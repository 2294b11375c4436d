"""Tasks on the runner's Spark: SQL, attached processes, what they cannot break, pipelines."""

import dataclasses
import json
import textwrap
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dlt_lite.engine import archive, session
from dlt_lite.engine.archive import Archive
from dlt_lite.jobs.calls import Control
from dlt_lite.jobs.results import JobResult
from dlt_lite.runs.history import list_runs
from dlt_lite.storage.catalog import know_tables, schemas_kept
from dlt_lite.workspace import Project, Watchers

pytestmark = pytest.mark.spark

SETTINGS = "name: tasks\nschema: work\nshell_tasks: true\n"


class Jobs:
    """A project with one job, run in this process on the session that is there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "pipelines" / "daily"
        self.folder.mkdir(parents=True)
        (root / "dlt_lite.yml").write_text(SETTINGS, encoding="utf-8")

    def file(self, name: str, code: str) -> None:
        """Write a file of the job."""
        (self.folder / name).write_text(textwrap.dedent(code), encoding="utf-8")

    def pipeline(self, name: str, **files: str) -> None:
        """Write a pipeline."""
        folder = self.root / "pipelines" / name
        folder.mkdir()
        (folder / "pipeline.yml").write_text(
            f"name: {name}\nlibraries: [{{file: {{path: tables.py}}}}]\n", encoding="utf-8"
        )
        for file, code in files.items():
            (folder / f"{file}.py").write_text(textwrap.dedent(code), encoding="utf-8")

    def run(self, tasks: str, control: Control | None = None) -> JobResult:
        """Run a job of these tasks."""
        text = f"name: daily\ntasks:\n{textwrap.indent(textwrap.dedent(tasks), '  ')}"
        (self.folder / "job.yml").write_text(text, encoding="utf-8")
        watchers = Watchers(control=control or Control())
        return Project.load(self.root).run_job("daily", watchers=watchers)

    def log(self, result: JobResult, key: str) -> str:
        """Return what a task has printed."""
        return result.log_of(result.run.tasks[key]).read_text(encoding="utf-8")


@pytest.fixture
def jobs(tmp_path: Path, spark) -> Jobs:
    spark.sql("DROP SCHEMA IF EXISTS work CASCADE")
    return Jobs(tmp_path)


def test_sql_takes_parameters_and_hands_its_rows_on(jobs: Jobs):
    result = jobs.run(
        """
        - task_key: make
          sql_task:
            query: >-
              CREATE OR REPLACE TABLE work.numbers AS SELECT id, :label AS label FROM range(5);
              SELECT count(*) AS n, max(label) AS label FROM work.numbers
            parameters: {label: "it's; {{literal}}"}
        - task_key: enough
          depends_on: [{task_key: make}]
          condition_task:
            {op: GREATER_THAN, left: "{{tasks.make.output.first_row.n}}", right: "4"}
        """
    )

    assert results(result) == {"make": "SUCCESS", "enough": "SUCCESS"}
    assert result.run.tasks["make"].rows == [{"n": 5, "label": "it's; {{literal}}"}]
    assert result.run.tasks["enough"].branch == "true"
    assert (jobs.root / "storage/dev/tables/work/numbers/_delta_log").is_dir()


def test_a_job_that_succeeds_sees_to_it_that_the_next_one_begins_sooner(jobs: Jobs, monkeypatch):
    fitting, asked = Archive(jobs.root / "key.jsa", {}), []
    start = session.start_session

    def started(*words, **ways):
        return dataclasses.replace(start(*words, **ways), archive=fitting)

    monkeypatch.setattr(session, "start_session", started)
    monkeypatch.setattr(archive, "make_archive_in_background", lambda *a, **_: asked.append(a))
    query = "{task_key: one, sql_task: {query: SELECT %s}}"

    failed = jobs.run(f"- {query % 'nothing_such'}")
    assert (failed.run.result, asked) == ("FAILED", [])

    without_spark = jobs.run("- {task_key: one, shell_task: {command: [echo, hello]}}")
    assert (without_spark.run.result, asked) == ("SUCCESS", [])

    succeeded = jobs.run(f"- {query % 1}")
    assert (succeeded.run.result, asked) == ("SUCCESS", [(fitting,)])


def test_a_process_shares_tables_and_neither_settings_nor_views(jobs: Jobs, spark):
    jobs.file("plus.py", "def one(x):\n    return x + 1\n")
    jobs.file(
        "first.py",
        """
        from pyspark.sql import SparkSession, functions as sf
        from dlt_lite import task_values
        from plus import one

        spark = SparkSession.builder.config("spark.sql.shuffle.partitions", "3").getOrCreate()
        assert SparkSession.getActiveSession() is spark
        spark.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
        spark.range(3).createOrReplaceTempView("mine")
        frame = spark.table("mine").select(sf.udf(one, "long")("id").alias("id"))
        frame.write.format("delta").saveAsTable("work.ones")
        task_values.set("parts", spark.conf.get("spark.sql.shuffle.partitions"))
        """,
    )
    jobs.file(
        "second.py",
        """
        from pyspark.sql import SparkSession
        from dlt_lite import task_values

        spark = SparkSession.builder.getOrCreate()
        found = spark.table("work.ones").orderBy("id").collect()
        task_values.set("rows", [row.id for row in found])
        task_values.set("view", spark.catalog.tableExists("mine"))
        task_values.set("zone", spark.conf.get("spark.sql.session.timeZone"))
        """,
    )

    result = jobs.run(
        """
        - {task_key: first, spark_python_task: {python_file: first.py}}
        - task_key: second
          depends_on: [{task_key: first}]
          spark_python_task: {python_file: second.py}
        """
    )

    assert results(result) == {"first": "SUCCESS", "second": "SUCCESS"}
    assert result.run.tasks["first"].values == {"parts": "3"}
    assert result.run.tasks["second"].values == {"rows": [1, 2, 3], "view": False, "zone": "UTC"}
    assert spark.conf.get("spark.sql.session.timeZone") == "UTC"


def test_a_process_that_stops_spark_dies_or_calls_back_hurts_nobody_else(jobs: Jobs, spark):
    jobs.file(
        "hurting.py",
        """
        import os, threading, time
        from pyspark.sql import SparkSession

        def stops():
            spark = SparkSession.builder.getOrCreate()
            spark.stop()
            spark.sparkContext.stop()
            assert SparkSession.builder.getOrCreate().range(2).count() == 2

        def dies():
            spark = SparkSession.builder.getOrCreate()
            slow = "SELECT sum(a.id % 7 * b.id % 5) FROM range(1000000) a, range(1000000) b"
            threading.Thread(target=lambda: spark.sql(slow).collect(), daemon=True).start()
            time.sleep(2)
            os._exit(9)

        def calls_back():
            spark = SparkSession.builder.getOrCreate()
            rate = spark.readStream.format("rate").load()
            rate.writeStream.foreachBatch(lambda batch, number: None).start()

        def lives():
            spark = SparkSession.builder.getOrCreate()
            time.sleep(4)
            assert spark.range(5).count() == 5
        """,
    )

    result = jobs.run(
        """
        - {task_key: lives, callable_task: {function: "hurting:lives"}}
        - {task_key: stops, callable_task: {function: "hurting:stops"}}
        - {task_key: dies, callable_task: {function: "hurting:dies"}}
        - {task_key: calls_back, callable_task: {function: "hurting:calls_back"}}
        """
    )

    assert results(result) == {
        "lives": "SUCCESS",
        "stops": "SUCCESS",
        "dies": "FAILED",
        "calls_back": "FAILED",
    }
    assert "isolated: true" in jobs.log(result, "calls_back")
    assert spark.range(3).count() == 3
    assert eventually(lambda: not spark.sparkContext.statusTracker().getActiveJobsIds())


def test_sql_past_its_time_is_interrupted(jobs: Jobs, spark):
    began = time.monotonic()

    result = jobs.run(
        """
        - task_key: slow
          timeout_seconds: 3
          sql_task:
            query: SELECT sum(a.id % 7 * b.id % 5) FROM range(1000000) a, range(1000000) b
        """
    )

    assert results(result) == {"slow": "TIMEDOUT"}
    assert time.monotonic() - began < 60
    assert eventually(lambda: not spark.sparkContext.statusTracker().getActiveJobsIds())


def test_sql_that_is_wrong_fails_with_what_spark_says(jobs: Jobs):
    result = jobs.run(
        """
        - {task_key: wrong, sql_task: {query: SELECT nothing FROM nowhere}}
        - {task_key: odd, sql_task: {query: SELEKT 1}}
        """
    )

    assert results(result) == {"wrong": "FAILED", "odd": "FAILED"}
    assert "TABLE_OR_VIEW_NOT_FOUND" in str(result.run.tasks["wrong"].error)
    assert "cannot be parsed" in str(result.run.tasks["odd"].error)
    for line, task in enumerate(result.run.tasks.values(), start=4):
        assert f"at:  pipelines/daily/job.yml:{line}:" in str(task.error)


UNSAFE = (
    "ADD JAR '/x.jar'",
    "CREATE TABLE work.t LOCATION '/tmp/abs' AS SELECT 1 AS a",
    "CREATE TABLE work.t (a INT) USING parquet OPTIONS (path '/tmp/abs')",
    "CREATE TABLE work.t LIKE work.u LOCATION '/tmp/abs'",
    "CREATE SCHEMA s LOCATION '/tmp/abs'",
    "INSERT INTO delta.`/tmp/abs` SELECT 1",
    "SELECT * FROM delta.`/tmp/abs` VERSION AS OF 0",
    "INSERT INTO work.t SELECT * FROM delta.`/tmp/abs` TIMESTAMP AS OF '2030-01-01'",
    "INSERT OVERWRITE DIRECTORY '/tmp/abs' USING parquet SELECT 1",
    "SELECT * FROM (SELECT * FROM json.`/etc/x`)",
    "WITH a AS (SELECT * FROM json.`/etc/x`) SELECT * FROM a WHERE b IN (SELECT 1)",
    "SELECT 1 WHERE EXISTS (SELECT * FROM text.`/etc/passwd`)",
    "DROP TABLE IDENTIFIER(:path)",
    "SELECT * FROM IDENTIFIER(concat('text.', '`/etc/x`'))",
    "CREATE FUNCTION f AS 'a.b.C'",
    "EXECUTE IMMEDIATE 'DROP TABLE t'",
    "BEGIN IF 1 = 1 THEN DROP SCHEMA s CASCADE; END IF; END",
    "SELECT TRANSFORM(a) USING 'cat' AS (a) FROM VALUES (1) AS t(a)",
)


def test_sql_that_reaches_outside_is_refused_before_the_first_statement_runs(jobs: Jobs, spark):
    keys = {f"t{number}": text for number, text in enumerate(UNSAFE)}
    tasks = [
        {
            "task_key": key,
            "sql_task": {
                "query": text if "BEGIN" in text else f"CREATE TABLE work.{key} (a INT); {text}",
                "parameters": {"path": "delta.`/tmp/abs`"},
            },
        }
        for key, text in keys.items()
    ]

    result = jobs.run(json.dumps(tasks))

    told = {key: result.run.tasks[key].error or "" for key in keys}
    assert {key: each for key, each in told.items() if not each.startswith("[DLT559]")} == {}
    assert "pipelines/daily/job.yml" in told["t0"]
    assert "unsafe_sql: true" in told["t0"]
    # A temporary view is in no schema: another test may have left one in the session.
    assert [row for row in spark.sql("SHOW TABLES IN work").collect() if row.namespace] == []


def test_sql_may_do_everything_where_that_is_meant(jobs: Jobs, tmp_path):
    result = jobs.run(
        f"""
        - task_key: far
          sql_task:
            query: CREATE TABLE work.far LOCATION '{tmp_path}/far' AS SELECT 1 AS a
            unsafe_sql: true
        """
    )

    assert results(result) == {"far": "SUCCESS"}


def test_sql_takes_no_table_of_a_pipeline_away(jobs: Jobs):
    code = """
    import dlt_lite as dlt
    from pyspark.sql import SparkSession

    @dlt.materialized_view
    def ours():
        return SparkSession.active().range(3)
    """
    jobs.pipeline("shop", tables=code)

    result = jobs.run(
        """
        - {task_key: makes, pipeline_task: {pipeline_id: shop}}
        - task_key: reads
          depends_on: [{task_key: makes}]
          sql_task: {query: SELECT count(*) AS n FROM work.ours}
        - task_key: own
          depends_on: [{task_key: reads}]
          sql_task:
            query: >-
              CREATE TABLE work.own AS SELECT 1 AS a; CREATE OR REPLACE TABLE work.own AS SELECT 2
              AS a; DROP TABLE work.own; DROP TABLE IF EXISTS work.none
        - task_key: drops
          depends_on: [{task_key: own}]
          sql_task: {query: DROP TABLE work.ours}
        - task_key: renamed
          depends_on: [{task_key: own}]
          sql_task: {query: "USE work; TRUNCATE TABLE ours"}
        """
    )

    assert results(result) == {
        "makes": "SUCCESS",
        "reads": "SUCCESS",
        "own": "SUCCESS",
        "drops": "FAILED",
        "renamed": "FAILED",
    }
    for key in ("drops", "renamed"):
        assert "a table of pipeline 'shop'" in result.run.tasks[key].error
    [update] = list_runs(jobs.root / ".dlt_lite", pipeline="shop")
    assert update.part_of == result.run.run_id


def test_two_pipelines_at_once_each_find_modules_of_their_own(jobs: Jobs):
    for name, number in (("one", 1), ("two", 2)):
        jobs.pipeline(
            name,
            helping=f"number = {number}\n",
            tables=f"""
                from pyspark.sql import SparkSession
                import dlt_lite as dlt
                spark = SparkSession.getActiveSession()

                @dlt.materialized_view
                def {name}():
                    import time
                    time.sleep(0.3)
                    from helping import number
                    return spark.range(number)

                @dlt.materialized_view
                def {name}_more():
                    from helping import number
                    return spark.read.table("{name}").selectExpr(f"id + {{number}} AS id")
                """,
        )

    result = jobs.run(
        """
        - {task_key: one, pipeline_task: {pipeline_id: one}}
        - {task_key: two, pipeline_task: {pipeline_id: two}}
        - task_key: count
          depends_on: [{task_key: one}, {task_key: two}]
          sql_task:
            query: SELECT (SELECT max(id) FROM work.one_more) AS one,
              (SELECT max(id) FROM work.two_more) AS two
        """
    )

    assert results(result) == {"one": "SUCCESS", "two": "SUCCESS", "count": "SUCCESS"}
    assert result.run.tasks["count"].rows == [{"one": 1, "two": 3}]


def test_a_cancelled_run_leaves_nothing_running(jobs: Jobs, spark):
    jobs.file(
        "slow.py",
        """
        from pyspark.sql import SparkSession

        spark = SparkSession.builder.getOrCreate()
        print("begun", flush=True)
        spark.sql(
            "SELECT sum(a.id % 7 * b.id % 5) FROM range(1000000) a, range(1000000) b"
        ).collect()
        """,
    )
    control = Control()
    tracker = spark.sparkContext.statusTracker()

    def cancel() -> None:
        # What the session is made ready by may be a job, too.
        logs = (jobs.root / ".dlt_lite").glob
        eventually(lambda: any("begun" in each.read_text() for each in logs("**/attempt-1.log")))
        eventually(lambda: bool(tracker.getActiveJobsIds()))
        control.cancel()

    threading.Thread(target=cancel).start()
    result = jobs.run("- {task_key: slow, spark_python_task: {python_file: slow.py}}\n", control)

    assert results(result) == {"slow": "CANCELED"}
    # Between two jobs of a query none is active: only what stays away is gone.
    assert eventually(lambda: stays_idle(tracker, 3.0))


def test_a_schema_that_a_task_makes_lies_below_the_storage_root(jobs: Jobs, spark):
    for made in ("of_sql", "of_python"):
        spark.sql(f"DROP SCHEMA IF EXISTS {made} CASCADE")
    jobs.file(
        "making.py",
        """
        from pyspark.sql import SparkSession

        def make():
            spark = SparkSession.builder.getOrCreate()
            spark.sql("CREATE SCHEMA IF NOT EXISTS of_python")
            spark.range(3).write.saveAsTable("of_python.three")
        """,
    )

    result = jobs.run(
        """
        - task_key: sql
          sql_task:
            query: |
              CREATE DATABASE of_sql -- where Spark likes
              ; CREATE TABLE of_sql.two AS SELECT id FROM range(2)
        - task_key: python
          callable_task: {function: "making:make"}
        """
    )

    assert results(result) == {"sql": "SUCCESS", "python": "SUCCESS"}
    tables = jobs.root / "storage" / "dev" / "tables"
    for table, rows in (("of_sql/two", 2), ("of_python/three", 3)):
        assert spark.read.format("delta").load(str(tables / table)).count() == rows
    for made in ("of_sql", "of_python"):
        spark.sql(f"DROP SCHEMA {made} CASCADE")


def test_so_does_one_where_the_folder_for_temporary_files_has_a_blank():
    made = []
    place = SimpleNamespace(locationUri="file:/tmp/a%20b/warehouse/of_sql.db")
    listed = iter([[], [{"namespace": "of_sql"}]])

    def sql(text: str) -> Any:
        if text == "SHOW SCHEMAS":
            return SimpleNamespace(collect=lambda: next(listed))
        return made.append(text)

    session = SimpleNamespace(
        conf={"spark.sql.warehouse.dir": "file:/tmp/a b/warehouse"},
        catalog=SimpleNamespace(getDatabase={"of_sql": place}.__getitem__),
        sql=sql,
    )

    with schemas_kept(session, "/kept", "CREATE SCHEMA of_sql"):
        pass

    assert made == ["ALTER SCHEMA `of_sql` SET LOCATION 'file:///kept/tables/of_sql'"]


def results(result: JobResult) -> Mapping[str, Any]:
    return {key: each.result for key, each in result.run.tasks.items()}


def stays_idle(tracker: Any, seconds: float) -> bool:
    """Return whether no job is active for a while."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if tracker.getActiveJobsIds():
            return False
        time.sleep(0.05)
    return True


def eventually(holds: Any) -> bool:
    """Return whether something holds within half a minute."""
    for _ in range(300):
        if holds():
            return True
        time.sleep(0.1)
    return False


def test_a_table_that_is_being_made_by_its_name_is_left_to_its_maker(tmp_path: Path, spark):
    spark.sql("DROP SCHEMA IF EXISTS making CASCADE")
    place = tmp_path / "tables" / "making" / "made"
    spark.sql(f"CREATE TABLE delta.`{place}` USING delta AS SELECT 1 AS n")
    waits = []

    def wait() -> bool:
        waits.append(len(waits))
        if len(waits) == 2:
            # What the maker does last; it fails where somebody else has been quicker.
            spark.sql(f"CREATE TABLE making.made USING delta LOCATION '{place}'")
        return True

    know_tables(spark, str(tmp_path), wait=wait)
    spark.sql("DROP TABLE making.made")
    know_tables(spark, str(tmp_path), wait=lambda: False)

    assert waits == [0, 1]
    assert spark.table("making.made").first()["n"] == 1
    spark.sql("DROP SCHEMA making CASCADE")


def test_a_table_that_a_temporary_view_shares_its_name_with_is_known_all_the_same(
    tmp_path: Path, spark
):
    spark.sql("DROP SCHEMA IF EXISTS hidden CASCADE")
    place = tmp_path / "tables" / "hidden" / "made"
    spark.sql(f"CREATE TABLE delta.`{place}` USING delta AS SELECT 1 AS n")
    spark.range(3).createOrReplaceTempView("made")
    try:
        for _ in range(2):
            know_tables(spark, str(tmp_path))

        assert spark.table("hidden.made").first()["n"] == 1
    finally:
        spark.catalog.dropTempView("made")
        spark.sql("DROP SCHEMA hidden CASCADE")
