"""A session is adopted without harm to its owner, or made and stopped without a trace."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from pyspark.errors import NumberFormatException
from pyspark.errors import utils as origins
from pyspark.sql import functions as F  # noqa: N812 - PySpark's own habit

from dlt_lite.engine.rehearsal import rehearse
from dlt_lite.engine.session import (
    CATALOG,
    EXTENSIONS,
    cores_of,
    is_local,
    start_conf,
    start_session,
    stop_session,
)
from dlt_lite.engine.sessions import (
    BY_FILE_SYSTEM,
    CHECKPOINT_FILES,
    LONGEST_METHOD,
    pipeline_session,
)
from dlt_lite.errors import SessionFailed
from dlt_lite.model.settings import EngineSettings

pytestmark = pytest.mark.spark

JARS = (Path("/jars/a.jar"), Path("/jars/b.jar"))


def settings(tmp_path, *, master=None, jars_dir=None, ansi=True, **spark):
    return EngineSettings(
        app_name="test",
        master=master,
        spark=spark,
        ansi=ansi,
        jars_dir=jars_dir,
        cache_dir=tmp_path / "cache",
        class_archive=False,
    )


@pytest.fixture
def adopted(spark, tmp_path):
    assert spark.range(1).count() == 1
    wanted = settings(
        tmp_path,
        ansi=False,
        **{
            "spark.sql.shuffle.partitions": "7",
            "spark.executor.memory": "3g",
            "spark.hadoop.my.option": "x",
        },
    )
    notes = []
    session = start_session(wanted, environ=os.environ, log_file=None, emit_note=notes.append)
    return session, notes


def test_a_session_that_is_there_is_adopted_with_our_settings(adopted):
    session, _notes = adopted

    assert session.adopted
    assert session.spark.conf.get("spark.sql.ansi.enabled") == "false"
    assert session.spark.conf.get("spark.sql.session.timeZone") == "UTC"
    assert session.spark.conf.get("spark.sql.shuffle.partitions") == "7"
    assert session.spark.conf.get("my.option") == "x"


def test_the_owners_settings_stay_as_they_were(spark, adopted):
    session, _notes = adopted

    assert session.spark is not spark
    assert spark.conf.get("spark.sql.ansi.enabled") == "true"
    assert spark.conf.get("spark.sql.shuffle.partitions") != "7"


def test_a_setting_that_comes_too_late_is_told(adopted):
    _session, notes = adopted

    assert len(notes) == 1
    assert "spark.executor.memory is not set, wanted was 3g" in notes[0]


def test_an_adopted_session_is_never_stopped(spark, adopted):
    session, _notes = adopted

    stop_session(session)

    assert spark.range(3).count() == 3


def test_all_that_the_class_data_archive_is_made_from_goes_through(spark, tmp_path):
    rehearse(spark.newSession(), tmp_path)

    events = spark.read.format("delta").load(str(tmp_path / "log"))
    assert [row.of.b for row in events.collect()] == [1, 1]


def test_columns_keep_their_line_whichever_thread_has_made_the_first(spark, tmp_path, monkeypatch):
    monkeypatch.setattr(origins, "_enable_debugging_cache", None)
    thread = threading.Thread(target=lambda: spark.range(1).id + 1)
    thread.start()
    thread.join()
    assert not origins.is_debugging_enabled()

    start_session(settings(tmp_path), environ=os.environ, log_file=None, emit_note=str)

    with pytest.raises(NumberFormatException) as failed:
        spark.sql("SELECT 'a' AS word").select(F.col("word").cast("int")).collect()
    assert f"{__file__}:" in str(failed.value)


def test_an_adopted_session_writes_and_reads_delta(adopted, tmp_path):
    session, _notes = adopted
    session.spark.range(5).write.format("delta").save(str(tmp_path / "t"))

    assert session.spark.read.format("delta").load(str(tmp_path / "t")).count() == 5


def test_the_users_settings_win_and_lists_are_merged(tmp_path):
    user = {
        "spark.sql.session.timeZone": "Europe/Berlin",
        EXTENSIONS: "my.Extension",
        "spark.driver.extraClassPath": "/my.jar",
        "spark.driver.extraJavaOptions": "-Dmy=1 -XX:+UseParallelGC",
    }

    conf = start_conf(settings(tmp_path, **user), JARS, {})

    assert conf["spark.sql.session.timeZone"] == "Europe/Berlin"
    assert conf[EXTENSIONS] == "io.delta.sql.DeltaSparkSessionExtension,my.Extension"
    assert conf["spark.driver.extraClassPath"].split(os.pathsep) == [*map(str, JARS), "/my.jar"]
    assert conf["spark.driver.extraJavaOptions"] == "-Dmy=1 -XX:+UseParallelGC"


def test_a_collector_named_in_the_environment_is_the_only_one(tmp_path):
    environ = {"JAVA_TOOL_OPTIONS": "-XX:+UseZGC"}

    conf = start_conf(settings(tmp_path), JARS, environ)

    assert "GC" not in conf["spark.driver.extraJavaOptions"]


def test_only_a_cluster_gets_the_jars_shipped_and_keeps_its_own_tuning(tmp_path):
    local = start_conf(settings(tmp_path), JARS, {})
    cluster = start_conf(settings(tmp_path, master="spark://127.0.0.1:7077"), JARS, {})

    assert "spark.jars" not in local
    assert cluster["spark.jars"] == "/jars/a.jar,/jars/b.jar"
    assert "spark.sql.shuffle.partitions" not in cluster
    assert local["spark.ui.enabled"] == "false"
    assert cluster[CATALOG] == local[CATALOG]


@pytest.mark.parametrize(
    ("master", "local"),
    [("local", True), ("local[*]", True), ("local-cluster[2,1,1024]", False), ("yarn", False)],
)
def test_a_master_is_local_only_where_tasks_run_in_the_driver(master, local):
    assert is_local(master) is local


@pytest.mark.parametrize(("master", "cores"), [("local", 1), ("local[3]", 3), ("local[4,2]", 4)])
def test_a_local_master_says_how_many_cores(master, cores):
    assert cores_of(master) == cores


def test_spark_connect_is_refused_before_anything_starts(tmp_path):
    environ = {**os.environ, "SPARK_REMOTE": "sc://127.0.0.1"}

    with pytest.raises(SessionFailed, match="SPARK_REMOTE"):
        start_session(settings(tmp_path), environ=environ, log_file=None, emit_note=print)


@pytest.mark.parametrize(("said", "limit"), [({}, "8000"), ({LONGEST_METHOD: "65535"}, "65535")])
def test_a_method_that_java_would_not_compile_is_not_made_unless_somebody_wants_it(
    spark, said, limit
):
    assert pipeline_session(spark, said, "s3://bucket").conf.get(LONGEST_METHOD) == limit


@pytest.mark.parametrize(
    ("root", "configuration", "wanted"),
    [
        ("file:///data", {}, BY_FILE_SYSTEM),
        ("s3a://bucket/data", {}, None),
        ("file:///data", {CHECKPOINT_FILES: "org.example.Mine"}, "org.example.Mine"),
    ],
)
def test_checkpoints_on_a_local_disk_are_kept_without_a_program_for_each_file(
    spark, root, configuration, wanted
):
    session = pipeline_session(spark, configuration, root)

    assert session.conf.get(CHECKPOINT_FILES, None) == wanted


@pytest.fixture
def jars_dir(spark):
    paths = spark.sparkContext.getConf().get("spark.driver.extraClassPath") or ""
    return Path(paths.split(os.pathsep)[0]).parent


def in_a_new_process(code, folder, **variables):
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith("PYSPARK_G")
    } | variables
    environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=300, check=False
    )


PRELUDE = """
import os, pathlib, signal
from dlt_lite.engine.session import start_session, stop_session
from dlt_lite.engine.sessions import pipeline_session
from dlt_lite.model.settings import EngineSettings
from dlt_lite.errors import DltLiteError
here = pathlib.Path({here!r})
wanted = EngineSettings("t", "local[1]", {{}}, True, pathlib.Path({jars!r}), here / "cache", False)
def start():
    return start_session(wanted, environ=os.environ, log_file=here / "spark.log", emit_note=print)
"""

MADE_AND_STOPPED = """
os.setpgid(0, 0)
handler = signal.getsignal(signal.SIGINT)
for _ in range(2):
    session = start()
    assert signal.getsignal(signal.SIGINT) is handler
    assert "PYSPARK_PYTHON" not in os.environ
    signal.signal(signal.SIGTERM, lambda *_: None)
    os.killpg(0, signal.SIGTERM)
    other = session.spark.newSession()
    assert other.conf.get("spark.sql.session.timeZone") == "UTC"
    try:
        other.sql("select * from nowhere")
    except Exception:
        pass
    own = pipeline_session(other, {}, "file:///")
    own.range(3).write.format("delta").save(str(session.scratch / "t"))
    stop_session(session)
    stop_session(session)
    assert not session.scratch.exists()
    assert not pathlib.Path(f"/proc/{session.jvm_pid}").exists()
print("data")
"""


def test_a_made_session_outlives_a_signal_to_the_group_and_leaves_no_noise_and_no_process(
    jars_dir, tmp_path
):
    work, programs = tmp_path / "work", tmp_path / "programs"
    work.mkdir()
    programs.mkdir()
    asked = tmp_path / "asked of readlink"
    told = programs / "readlink"
    told.write_text(f'#!/bin/sh\necho "$@" >> "{asked}"\n', encoding="utf-8")
    told.chmod(0o755)
    code = PRELUDE.format(here=str(tmp_path), jars=str(jars_dir)) + MADE_AND_STOPPED

    done = in_a_new_process(code, work, PATH=f"{programs}{os.pathsep}{os.environ['PATH']}")

    assert (done.returncode, done.stdout, done.stderr) == (0, "data\n", "")
    assert list(work.iterdir()) == []
    assert not asked.exists()
    assert "Setting default log level" in (tmp_path / "spark.log").read_text()


WITHOUT_DELTA = """
from pyspark.sql import SparkSession
SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
try:
    start()
except DltLiteError as error:
    print(error)
"""


def test_a_session_without_delta_is_refused_with_the_lines_to_add(jars_dir, tmp_path):
    code = PRELUDE.format(here=str(tmp_path), jars=str(jars_dir)) + WITHOUT_DELTA

    done = in_a_new_process(code, tmp_path)

    assert "[DLT005]" in done.stdout
    assert f"--conf {EXTENSIONS}=io.delta.sql.DeltaSparkSessionExtension" in done.stdout
    assert f"--conf {CATALOG}=org.apache.spark.sql.delta.catalog.DeltaCatalog" in done.stdout
    assert f"--conf spark.jars={jars_dir}" in done.stdout


def test_a_start_that_fails_says_why_and_what_to_do(jars_dir, tmp_path):
    code = PRELUDE.format(here=str(tmp_path), jars=str(jars_dir)).replace(
        "{}, True", "{'spark.driver.memory': 'lots'}, True"
    )
    code += "\ntry:\n    start()\nexcept DltLiteError as error:\n    print(error)\n"

    done = in_a_new_process(code, tmp_path)

    assert "[DLT006] Spark did not start" in done.stdout
    assert "Invalid maximum heap size: -Xmxlots" in done.stdout
    assert "put right `spark.driver.memory`, which is lots." in done.stdout
