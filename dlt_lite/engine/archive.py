"""A class-data archive: the JVM maps Spark's and Delta's classes instead of loading them.

A Java and the start settings in, JVM options out. Made once for each key by a process of its own
(`python -m dlt_lite.engine.archive`) that nobody waits for; whatever goes wrong there, runs go on
without an archive. Knows no project and no run.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from dlt_lite.engine.jars import installed_version, spark_home
from dlt_lite.engine.java import Java

JAVA_OPTIONS = "spark.driver.extraJavaOptions"
CLASS_PATH = "spark.driver.extraClassPath"

# All that decides which classes the driver's JVM loads and how; the user's other settings, which
# may hold secrets, stay out of the maker's command line.
_JVM_SETTINGS = (
    CLASS_PATH,
    JAVA_OPTIONS,
    "spark.driver.defaultJavaOptions",
    "spark.driver.memory",
    "spark.sql.catalogImplementation",
)
_JVM_VARIABLES = (
    "SPARK_SUBMIT_OPTS",
    "SPARK_DRIVER_MEMORY",
    "SPARK_CONF_DIR",
    "HADOOP_CONF_DIR",
    "YARN_CONF_DIR",
    "SPARK_DIST_CLASSPATH",
)
# Options by which a user takes class sharing into his own hands, or which it cannot bear.
_USERS_OWN = ("SharedArchive", "-Xshare", "ArchiveClasses", "-javaagent", "-agent")
_QUIET = ("-Xlog:disable", "-Xlog:all=off")
_LOCK = "making.lock"
_RETRY_SECONDS = 86_400
_NEEDED_BYTES = 1 << 30
_SMALLEST_ARCHIVE = 1 << 20
_DUMP_SECONDS = 600
_KEPT_ARCHIVES = 3
_NICENESS = 19


@dataclass(frozen=True, slots=True)
class Archive:
    """The archive that fits one way of starting the JVM, made or not.

    Attributes:
        file: where it lies once it is made; the name is its key.
        conf: the start settings that it depends on.
    """

    file: Path
    conf: Mapping[str, str]


def archive_for(
    cache_dir: Path, java: Java, conf: Mapping[str, str], *, environ: Mapping[str, str]
) -> Archive | None:
    """Return the archive that fits these start settings, None where the user manages his own."""
    texts = (conf.get(JAVA_OPTIONS, ""), environ.get("SPARK_SUBMIT_OPTS", ""), java.text)
    if any(word in text for word in _USERS_OWN for text in texts):
        return None
    needed = {key: conf[key] for key in _JVM_SETTINGS if key in conf}
    key = archive_key(java, needed, environ)
    return Archive(cache_dir / "jsa" / f"{key}.jsa", needed)


def archive_key(java: Java, conf: Mapping[str, str], environ: Mapping[str, str]) -> str:
    """Return a key that changes whenever an archive made earlier would no longer fit.

    Args:
        java: the Java that runs it; the text of `java -version` tells builds and options apart.
        conf: the driver's class path, options and memory.
        environ: the process environment.
    """
    extra = [Path(entry) for entry in conf.get(CLASS_PATH, "").split(os.pathsep) if entry]
    parts = {
        "java": [java.text, str(java.executable)],
        "pyspark": installed_version("pyspark"),
        "conf": dict(sorted(conf.items())),
        "environ": {name: environ.get(name) for name in _JVM_VARIABLES},
        "extra": [_mark(path) for path in extra],
        "jars": sorted(_marks_in(spark_home(environ) / "jars")),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def archive_options(archive: Archive) -> tuple[str, ...]:
    """Return the JVM options that use the archive, none while it is not there.

    A missing file would also switch off the archive that the JDK itself brings, and one that does
    not fit is reported on standard output; hence the test and the silence.
    """
    return (f"-XX:SharedArchiveFile={archive.file}", *_QUIET) if archive.file.is_file() else ()


def quoted(option: str) -> str:
    """Return a JVM option as Spark's launcher splits it: in quotes where it holds a blank."""
    if not any(character.isspace() or character in "\"'\\" for character in option):
        return option
    escaped = option.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def make_archive_in_background(
    archive: Archive | None, *, environ: Mapping[str, str], now: float
) -> bool:
    """Start making the archive in a process of its own and return at once.

    Args:
        archive: what to make; None where none is wanted.
        environ: the process environment. CI and tests make none: their machines forget it.
        now: the time, in seconds since 1970.

    Returns:
        Whether a process was started. It never fails.
    """
    if archive is None or archive.file.is_file() or _is_unwanted(environ):
        return False
    try:
        archive.file.parent.mkdir(parents=True, exist_ok=True)
        if not _is_worth_trying(archive, now):
            return False
        _start_maker(archive, environ)
    except OSError:
        return False
    return True


def archive_state(cache_dir: Path, *, now: float) -> str:
    """Say in a few words what the cache holds of class-data archives."""
    folder = cache_dir / "jsa"
    archives = sorted(folder.glob("*.jsa"))
    if _is_held(folder / _LOCK):
        return "one is being made"
    if archives:
        size = sum(path.stat().st_size for path in archives) / 1e6
        return f"{len(archives)} in {folder}, {size:.0f} MB"
    for attempt in folder.glob("*.attempt"):
        if _is_recent(attempt, now):
            return f"the last attempt failed, see {attempt}; the next one is made a day after it"
    return "not there yet: made in the background after the first successful run"


def main(arguments: Sequence[str]) -> int:
    """Make an archive, in the process that `make_archive_in_background` started.

    Args:
        arguments: the archive's file, and the start settings as JSON.

    Returns:
        The exit code: 0 if it was made or another process is at it.
    """
    archive = Archive(Path(arguments[0]), json.loads(arguments[1]))
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    with _only_one(archive.file.parent / _LOCK) as is_mine:
        return _make(archive) if is_mine else 0


def _mark(path: Path) -> list[str | int]:
    try:
        facts = path.stat()
    except OSError:
        return [str(path)]
    return [str(path), facts.st_size, facts.st_mtime_ns]


def _marks_in(folder: Path) -> list[list[str | int]]:
    with os.scandir(folder) as entries:
        facts = [(entry.name, entry.stat()) for entry in entries]
    return [[name, fact.st_size, fact.st_mtime_ns] for name, fact in facts]


def _is_unwanted(environ: Mapping[str, str]) -> bool:
    in_ci = environ.get("CI", "").lower() not in {"", "0", "false"}
    return in_ci or "PYTEST_CURRENT_TEST" in environ or "PYTEST_VERSION" in environ


def _is_worth_trying(archive: Archive, now: float) -> bool:
    tried = _is_recent(_attempt(archive), now)
    busy = _is_held(archive.file.parent / _LOCK)
    return not tried and not busy and shutil.disk_usage(archive.file.parent).free > _NEEDED_BYTES


def _attempt(archive: Archive) -> Path:
    """Return the marker that stands while an archive is made, and stays if that fails."""
    return archive.file.with_suffix(".attempt")


def _is_recent(path: Path, now: float) -> bool:
    try:
        return now - path.stat().st_mtime < _RETRY_SECONDS
    except OSError:
        return False


def _start_maker(archive: Archive, environ: Mapping[str, str]) -> None:
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, (root, environ.get("PYTHONPATH"))))
    command = [sys.executable, "-m", __name__, str(archive.file), json.dumps(dict(archive.conf))]
    subprocess.Popen(  # noqa: S603 - our own module
        command,
        env={**environ, "PYTHONPATH": path},
        cwd=tempfile.gettempdir(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


@contextlib.contextmanager
def _only_one(lock: Path) -> Iterator[bool]:
    is_mine = _take(lock) or (not _is_held(lock) and _take_over(lock))
    try:
        yield is_mine
    finally:
        if is_mine:
            lock.unlink(missing_ok=True)


def _take(lock: Path) -> bool:
    try:
        with lock.open("x", encoding="utf-8") as file:
            file.write(f"{os.getpid()} {psutil.Process().create_time()}")
    except FileExistsError:
        return False
    return True


def _take_over(lock: Path) -> bool:
    lock.unlink(missing_ok=True)
    return _take(lock)


def _is_held(lock: Path) -> bool:
    try:
        pid, started = lock.read_text(encoding="utf-8").split()
        return abs(psutil.Process(int(pid)).create_time() - float(started)) < 1
    except (OSError, ValueError, psutil.Error):
        return False


def _make(archive: Archive) -> int:
    folder = archive.file.parent
    for left in folder.glob("*.tmp"):
        left.unlink(missing_ok=True)
    attempt = _attempt(archive)
    attempt.write_text("being made, or failed\n", encoding="utf-8")
    written = folder / f"{archive.file.stem}.{os.getpid()}.tmp"
    with tempfile.TemporaryDirectory(prefix="dlt-lite-archive-") as scratch:
        try:
            _run_once(archive, written, Path(scratch))
            if written.stat().st_size < _SMALLEST_ARCHIVE:
                return 1
            written.replace(archive.file)
        except Exception:
            attempt.write_text(traceback.format_exc(), encoding="utf-8")
            raise
        finally:
            written.unlink(missing_ok=True)
    attempt.unlink(missing_ok=True)
    _forget_old_ones(folder)
    return 0


def _forget_old_ones(folder: Path) -> None:
    newest_first = sorted(folder.glob("*.jsa"), key=lambda path: -path.stat().st_mtime)
    for path in newest_first[_KEPT_ARCHIVES:]:
        path.unlink(missing_ok=True)


def _run_once(archive: Archive, into: Path, scratch: Path) -> None:
    """Start Spark so that it writes its archive at exit, do a bit of everything, wait for it."""
    # doctor asks this module about archives where pyspark may be missing, and needs no Spark.
    from pyspark.sql import SparkSession  # noqa: PLC0415

    from dlt_lite.engine.rehearsal import rehearse  # noqa: PLC0415

    os.environ.update(SPARK_LOCAL_IP="127.0.0.1", PYSPARK_PYTHON=sys.executable)
    options = (quoted(f"-XX:ArchiveClassesAtExit={into}"), *_QUIET, archive.conf[JAVA_OPTIONS])
    conf = {
        **archive.conf,
        JAVA_OPTIONS: " ".join(options),
        "spark.master": "local[2]",
        "spark.ui.enabled": "false",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
    }
    spark = SparkSession.builder.config(map=dict(conf)).getOrCreate()
    process = spark.sparkContext._gateway.proc  # type: ignore[union-attr]
    try:
        rehearse(spark.newSession(), scratch)
        spark.stop()
        process.stdin.close()
        process.wait(timeout=_DUMP_SECONDS)
    finally:
        # Left alone it would write an archive of half the classes, which nobody takes away.
        process.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
