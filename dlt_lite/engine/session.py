"""The Spark session: made for this process, or adopted from whoever made it.

Settings and an environment in, an `EngineSession` out. Spark's own talk goes to a log file, never
to the screen. Knows no project, no pipeline and no table.
"""

from __future__ import annotations

import atexit
import logging
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from sys import executable as this_python
from typing import IO, Any

from py4j.protocol import Py4JError
from pyspark import SparkConf, SparkContext, __version__
from pyspark.errors import PySparkException
from pyspark.errors import utils as origins
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession

from dlt_lite.engine.archive import (
    CLASS_PATH,
    JAVA_OPTIONS,
    Archive,
    archive_for,
    archive_options,
    quoted,
)
from dlt_lite.engine.jars import (
    DELTA_VERSION,
    check_pair,
    delta_jars,
    installed_version,
    jar_folder,
    jar_paths,
)
from dlt_lite.engine.java import find_java
from dlt_lite.errors import SessionFailed, SessionLacksSetting
from dlt_lite.model.settings import EngineSettings

EXTENSIONS = "spark.sql.extensions"
CATALOG = "spark.sql.catalog.spark_catalog"
DELTA_EXTENSION = "io.delta.sql.DeltaSparkSessionExtension"
DELTA_CATALOG = "org.apache.spark.sql.delta.catalog.DeltaCatalog"

# The usual store asks Hadoop about links, which starts a program (`readlink`) for each answer. This
# one renames just so, and lets no two threads do it at once.
_LOG_STORE = "io.delta.storage.LocalLogStore"
_untyped_launch: Any = launch_gateway
_JARS = "spark.jars"
_JAVA_VARIABLES = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "SPARK_SUBMIT_OPTS")
_SMALL_MACHINE = 2
_SHOWN_LINES = 15
_IDLE_TALK = re.compile(r"^\tat | WARN |^WARNING: |default log4j profile|[Ll]og level|setLogLevel")
# Spark prints every analysis error as JSON too; both loggers have handlers of their own.
_LOUD_LOGGERS = ("SQLQueryContextLogger", "DataFrameQueryContextLogger")


@dataclass(frozen=True, slots=True)
class EngineSession:
    """A Spark session, and what is needed to leave it.

    Attributes:
        spark: the session. An adopted one's owner has another, whose settings stay as they are.
        adopted: whether somebody else made Spark, and stops it.
        jvm_pid: the process id of the JVM; it can go on working after Python has died.
        scratch: a temporary folder that goes with the session, None for an adopted one.
        archive: the class-data archive that fits this start, None where none is wanted.
    """

    spark: SparkSession
    adopted: bool
    jvm_pid: int
    scratch: Path | None
    archive: Archive | None


def start_session(
    settings: EngineSettings,
    *,
    environ: Mapping[str, str],
    log_file: Path | None,
    emit_note: Callable[[str], None],
    apart: bool = True,
) -> EngineSession:
    """Make a Spark session, or adopt the one that this process or spark-submit has.

    Args:
        settings: how Spark is started, or what an adopted session must have.
        environ: the process environment.
        log_file: where Spark, its JVM and its Python workers write; None keeps it for the text of
            an error only. Standard output and standard error stay as they are.
        emit_note: is told what a person should know meanwhile.
        apart: whether the JVM leaves our process group: a signal to that is then ours alone.

    Returns:
        The session; hand it to `stop_session` in the end.

    Raises:
        NoJava, WrongJava, JarsMissing, JarsDamaged, VersionMismatch: something is not installed.
        SessionLacksSetting: the session to adopt was started without Delta.
        SessionFailed: Spark did not start.
    """
    check_pair(__version__, installed_version("delta-spark"), environ)
    _refuse_connect(environ)
    _quieten()
    if _is_somebody_elses(environ):
        session = _adopt(settings, environ, emit_note)
    else:
        session = _start(settings, environ, log_file=log_file, emit_note=emit_note, apart=apart)
    _let_columns_know_their_line()
    return session


def stop_session(session: EngineSession, *, patience: float = 20.0) -> None:
    """Stop what `start_session` made and wait until its JVM is gone; leave an adopted one alone.

    Args:
        session: what `start_session` returned. Stopping it twice is no mistake.
        patience: after how many seconds a JVM that does not end is killed.
    """
    gateway = _our_gateway(session)
    if gateway is not None:
        _stop_spark(session.spark)
        _end_jvm(gateway, patience)
    if session.scratch is not None:
        shutil.rmtree(session.scratch, ignore_errors=True)


def start_conf(
    settings: EngineSettings, jars: tuple[Path, ...], environ: Mapping[str, str]
) -> dict[str, str]:
    """Return all that Spark is started with, but for what differs from start to start.

    Defaults of SQL are given at the start, since new sessions forget what was set while running.
    """
    user = settings.spark
    master = user.get("spark.master") or settings.master or "local[*]"
    conf = {
        "spark.master": master,
        "spark.app.name": settings.app_name,
        "spark.log.level": "ERROR",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.catalogImplementation": "in-memory",
        CATALOG: DELTA_CATALOG,
        **_result_settings(settings),
        **(_local_settings(master) if is_local(master) else {}),
        **user,
    }
    conf[EXTENSIONS] = _merged(DELTA_EXTENSION, user.get(EXTENSIONS), ",")
    conf[CLASS_PATH] = _merged(os.pathsep.join(map(str, jars)), user.get(CLASS_PATH), os.pathsep)
    conf[JAVA_OPTIONS] = _java_options(conf, master, environ)
    if not is_local(master):
        # Executors have no class path of ours: without this, ClassCastException in every task.
        conf[_JARS] = _merged(",".join(map(str, jars)), user.get(_JARS), ",")
    return conf


def is_local(master: str) -> bool:
    """Return whether tasks run in the driver's own JVM."""
    return master == "local" or master.startswith("local[")


def cores_of(master: str) -> int:
    """Return how many tasks a local master runs at once."""
    first = master.removeprefix("local").strip("[]").split(",")[0]
    return int(first) if first.isdigit() else 1 if not first else _usable_cores()


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _result_settings(settings: EngineSettings) -> dict[str, str]:
    return {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": str(settings.ansi).lower(),
        # Spark 4.2.0 hangs on Python UDFs above vectorized scans otherwise.
        "spark.sql.execution.arrow.pythonUDF.columnarInput.enabled": "false",
        # Spark 4.1 binds markers such as `:day` in its parser, which Delta's stands in front of and
        # does not do: every query with arguments would fail. tests/spark/test_tasks.py
        "spark.sql.legacy.parameterSubstitution.constantsOnly": "true",
    }


def _local_settings(master: str) -> dict[str, str]:
    return {
        "spark.ui.enabled": "false",
        "spark.delta.logStore.file.impl": _LOG_STORE,
        "spark.hadoop.io.delta.kernel.logStore.file.impl": _LOG_STORE,
        "spark.databricks.delta.snapshotPartitions": "2",
        # A table's log takes some 3 MB once its state is known, and Delta keeps 10,000 of them.
        "spark.databricks.delta.delta.log.cacheSize": "50",
        "spark.sql.shuffle.partitions": str(cores_of(master)),
        # Else Delta's VACUUM runs up to 10,000 tasks, 20 s for an empty table.
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": str(4 * cores_of(master)),
    }


def _merged(ours: str, users: str | None, separator: str) -> str:
    parts = [*ours.split(separator), *(users or "").split(separator)]
    return separator.join(dict.fromkeys(part for part in parts if part))


def _java_options(conf: Mapping[str, str], master: str, environ: Mapping[str, str]) -> str:
    """Return the user's JVM options, behind a collector that suits a small machine.

    Two collectors on one command line are refused by the JVM, wherever the other one stands.
    """
    users = conf.get(JAVA_OPTIONS, "")
    said = (
        users,
        conf.get("spark.driver.defaultJavaOptions", ""),
        *(environ.get(name, "") for name in _JAVA_VARIABLES),
    )
    chosen = any("-XX:+Use" in text and "GC" in text for text in said)
    is_small = is_local(master) and _usable_cores() <= _SMALL_MACHINE
    return f"-XX:+UseSerialGC {users}".strip() if is_small and not chosen else users


def _refuse_connect(environ: Mapping[str, str]) -> None:
    for name in ("SPARK_REMOTE", "SPARK_CONNECT_MODE_ENABLED"):
        if environ.get(name):
            raise SessionFailed(
                f"{name} is set, so pyspark would use Spark Connect, which dlt_lite cannot use.",
                fix=f"unset {name}; a cluster is named by `master`.",
            )


def _quieten() -> None:
    for name in _LOUD_LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    warnings.filterwarnings("ignore", module=r"(pyspark|py4j)(\.|$)")


def _let_columns_know_their_line() -> None:
    """Have PySpark decide again whether a Column keeps the line that made it.

    It asks the active session's settings once in a process, and a thread that has none says no.
    """
    origins._enable_debugging_cache = None
    origins.is_debugging_enabled()


def _is_somebody_elses(environ: Mapping[str, str]) -> bool:
    """Return whether Spark is there: a context in this process, or spark-submit's JVM."""
    context = SparkContext._active_spark_context
    return context is not None or "PYSPARK_GATEWAY_PORT" in environ


def _adopt(
    settings: EngineSettings, environ: Mapping[str, str], emit_note: Callable[[str], None]
) -> EngineSession:
    owners = _owners_session(_python_variables(settings, environ))
    check_pair(owners.version, installed_version("delta-spark"), environ)
    lacking = _lacking(owners, settings)
    if lacking:
        lines = "".join(f"\n         --conf {line}" for line in lacking)
        raise SessionLacksSetting(
            "The Spark session that this process already has was started without Delta, and that "
            "cannot be added later.",
            fix=f"start it (spark-submit, or the builder's config) with{lines}",
        )
    spark = owners.newSession()
    refused = _set_all(spark, settings)
    if refused:
        emit_note(
            "The adopted Spark session was started with other values, which cannot be changed "
            f"now: {'; '.join(refused)}."
        )
    return EngineSession(spark, adopted=True, jvm_pid=_pid_of(spark), scratch=None, archive=None)


def _owners_session(variables: Mapping[str, str]) -> SparkSession:
    try:
        with _handlers_kept(), _process_environment(variables):
            return SparkSession.getActiveSession() or SparkSession.builder.getOrCreate()
    except (PySparkException, Py4JError, OSError, ValueError) as error:
        raise SessionFailed(
            f"The Spark of this process (spark-submit's, or a session made before) cannot be "
            f"used: {_cause(error)}",
            fix="start anew; outside spark-submit PYSPARK_GATEWAY_PORT must not be set.",
        ) from error


def _lacking(spark: SparkSession, settings: EngineSettings) -> list[str]:
    lacking: list[str] = []
    extensions = spark.conf.get(EXTENSIONS, "") or ""
    if DELTA_EXTENSION not in (part.strip() for part in extensions.split(",")):
        lacking.append(f"{EXTENSIONS}={_merged(extensions, DELTA_EXTENSION, ',')}")
    if spark.conf.get(CATALOG, "") != DELTA_CATALOG:
        lacking.append(f"{CATALOG}={DELTA_CATALOG}")
    if not _has_delta_classes(spark):
        lacking.append(_jars_setting(settings))
    return lacking


def _has_delta_classes(spark: SparkSession) -> bool:
    jvm: Any = spark._jvm
    try:
        for name in (DELTA_EXTENSION, DELTA_CATALOG):
            jvm.org.apache.spark.util.Utils.classForName(name, False, False)
    except Py4JError:
        return False
    return True


def _jars_setting(settings: EngineSettings) -> str:
    paths = jar_paths(jar_folder(settings))
    if all(path.is_file() for path in paths):
        return f"{_JARS}={','.join(map(str, paths))}"
    return f"spark.jars.packages=io.delta:delta-spark_4.2_2.13:{DELTA_VERSION}"


def _set_all(spark: SparkSession, settings: EngineSettings) -> list[str]:
    """Set what can be set on a session; return the other settings that differ, as text."""
    refused: list[str] = []
    for key, value in {**_result_settings(settings), **settings.spark}.items():
        # A session's own Hadoop configuration is made from its settings, without the prefix.
        plain = key.removeprefix("spark.hadoop.")
        try:
            spark.conf.set(plain, value)
        except PySparkException:
            there = spark.conf.get(key, None)
            if there != value and key not in {EXTENSIONS, CLASS_PATH, JAVA_OPTIONS, _JARS}:
                refused.append(f"{key} is {there or 'not set'}, wanted was {value}")
    return refused


def _pid_of(spark: SparkSession) -> int:
    jvm: Any = spark._jvm
    return int(jvm.java.lang.ProcessHandle.current().pid())


def _start(
    settings: EngineSettings,
    environ: Mapping[str, str],
    *,
    log_file: Path | None,
    emit_note: Callable[[str], None],
    apart: bool,
) -> EngineSession:
    java = find_java(environ)
    jars = delta_jars(settings, java, emit_note, environ=environ)
    conf = start_conf(settings, jars, environ)
    local = is_local(conf["spark.master"])
    archive = None
    if local and settings.class_archive:
        archive = archive_for(settings.cache_dir, java, conf, environ=environ)
    scratch = Path(tempfile.mkdtemp(prefix="dlt-lite-"))
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    variables = {**environ, **_python_variables(settings, environ)}
    if local:
        # The machine's own name may not resolve, and nothing outside needs to reach us.
        variables.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    with _open_log(log_file) as log, _handlers_kept(), _process_environment(variables):
        spark = _launch(_of_this_start(conf, archive, scratch), log, apart=apart)
    return EngineSession(spark, False, _gateway().proc.pid, scratch, archive)


def _of_this_start(
    conf: Mapping[str, str], archive: Archive | None, scratch: Path
) -> dict[str, str]:
    options = archive_options(archive) if archive is not None else ()
    java_options = " ".join((*map(quoted, options), conf[JAVA_OPTIONS])).strip()
    return {
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        **{key: value for key, value in conf.items() if value or key != JAVA_OPTIONS},
        **({JAVA_OPTIONS: java_options} if java_options else {}),
    }


def _python_variables(settings: EngineSettings, environ: Mapping[str, str]) -> dict[str, str]:
    """Return which Python the workers run: ours, unless the user says another."""
    users = settings.spark.get("spark.pyspark.python") or environ.get("PYSPARK_PYTHON")
    return {"PYSPARK_PYTHON": users or this_python}


def _launch(conf: Mapping[str, str], log: IO[bytes], *, apart: bool) -> SparkSession:
    began = log.tell()
    _forget_stopped_jvm()
    gateway: Any = None
    try:
        spark_conf = SparkConf(loadDefaults=False).setAll(list(conf.items()))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # The JVM ends with its standard input, thus with us, whatever its process group is.
            process = {"stdout": log, "stderr": log, "start_new_session": apart}
            gateway = _untyped_launch(spark_conf, popen_kwargs=process)
            context = SparkContext(conf=spark_conf, gateway=gateway)
            _let_it_end_in_silence(context)
        return SparkSession(context)
    except (PySparkException, Py4JError, OSError, ValueError) as error:
        # A Java exception's text is asked of the JVM, so before that ends.
        cause = _cause(error)
        if gateway is not None:
            _end_jvm(gateway, patience=5.0)
        raise _failure(cause, _tail(log, began), conf) from error


def _let_it_end_in_silence(context: SparkContext) -> None:
    """Print no traceback when the JVM ends: whoever asks it for something next says so."""
    server: Any = context._accumulatorServer
    server.handle_error = lambda *_: None


def _forget_stopped_jvm() -> None:
    """Let go of the JVM of a context that was stopped: it lacks Delta on its class path."""
    SparkContext._gateway = None
    SparkContext._jvm = None


def _cause(error: Exception) -> str:
    try:
        text = str(getattr(error, "java_exception", None) or error)
    except (Py4JError, OSError):
        text = "its JVM ended."
    return text.splitlines()[0] if text else type(error).__name__


def _failure(cause: str, tail: str, conf: Mapping[str, str]) -> SessionFailed:
    said = f"\n{tail}" if tail else ""
    return SessionFailed(f"Spark did not start: {cause}{said}", fix=_remedy(f"{cause}{tail}", conf))


def _remedy(text: str, conf: Mapping[str, str]) -> str:
    memory = f"`spark.driver.memory`, which is {conf.get('spark.driver.memory', '1g')}"
    options = f"put right `{JAVA_OPTIONS}`, which is {conf.get(JAVA_OPTIONS, '')!r}."
    hints = {
        "ava options": options,
        "VM option": options,
        "garbage collectors": options,
        "enough space": f"lower {memory}: this machine has less free.",
        "heap": f"put right {memory}.",
        "ystem memory": f"raise {memory}.",
        "aster": f"check that `master`, {conf['spark.master']}, is right and can be reached.",
        "No space left": "make room in the folder for temporary files, or set `spark.local.dir`.",
    }
    found = next((hint for word, hint in hints.items() if word in text), None)
    return found or "see what Spark said above; `doctor` checks Java, the JARs and the disk."


def _tail(log: IO[bytes], began: int) -> str:
    """Return the last telling lines written since, without spark-submit's usage text."""
    log.seek(began)
    text = log.read().decode("utf-8", "replace").partition("\nUsage: spark-submit")[0]
    lines = [line for line in text.splitlines() if line.strip() and not _IDLE_TALK.search(line)]
    return "\n".join(f"       {line}" for line in lines[-_SHOWN_LINES:])


@contextmanager
def _open_log(log_file: Path | None) -> Iterator[IO[bytes]]:
    if log_file is None:
        # A file without a name: nothing is left of it, however this process ends.
        with tempfile.TemporaryFile() as nameless:
            yield nameless
    else:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        with log_file.open("ab+") as file:
            file.seek(0, os.SEEK_END)
            yield file


@contextmanager
def _handlers_kept() -> Iterator[None]:
    """Put back the handler of Ctrl-C, which a SparkContext made in the main thread replaces."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        in_main = threading.current_thread() is threading.main_thread()
        if in_main and before is not None:
            signal.signal(signal.SIGINT, before)


@contextmanager
def _process_environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Let pyspark see these variables, which it reads from the process itself, for a while."""
    changed = {name: value for name, value in variables.items() if os.environ.get(name) != value}
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _gateway() -> Any:
    return SparkContext._gateway


def _our_gateway(session: EngineSession) -> Any:
    gateway = _gateway()
    process = getattr(gateway, "proc", None)
    is_ours = process is not None and process.pid == session.jvm_pid and not session.adopted
    return gateway if is_ours else None


def _stop_spark(spark: SparkSession) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            spark.stop()
        except (Py4JError, OSError):
            # The JVM died before: forget the session, else pyspark would hand it out again.
            SparkSession._instantiatedSession = None
            SparkSession._activeSession = None


def _end_jvm(gateway: Any, patience: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _stop_context()
    try:
        gateway.shutdown()
    except (Py4JError, OSError):
        logging.getLogger(__name__).debug("the JVM's gateway was gone already", exc_info=True)
    process = gateway.proc
    # The JVM ends itself when its standard input does.
    process.stdin.close()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if _gateway() is gateway:
        _forget_stopped_jvm()


def _stop_context() -> None:
    """Stop a context that a failed start, or a JVM that died, has left behind."""
    context = SparkContext._active_spark_context
    if context is None:
        return
    try:
        context.stop()
    except (Py4JError, OSError):
        # The first stop() has dropped the JVM's side; the second one finishes Python's.
        context.stop()
