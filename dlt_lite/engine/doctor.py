"""Check what a run needs of this machine. Settings and roots in, one `Check` a question out.

No JVM is started, nothing is fetched, and nothing stays written.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from dlt_lite.engine.archive import archive_state
from dlt_lite.engine.file_systems import jar_advice, lacks_jar
from dlt_lite.engine.jars import (
    by_hand,
    check_pair,
    fault_of,
    inspect_folder,
    installed_version,
    jar_folder,
    spark_home,
)
from dlt_lite.engine.java import TESTED, find_java
from dlt_lite.errors import DltLiteError, VersionMismatch
from dlt_lite.model.settings import EngineSettings

_OLDEST_PYTHON = (3, 11)
_NEEDED_BYTES = 1 << 30
_PATIENCE_SECONDS = 30
_ASK_PYTHON = (
    "import importlib.util, sys; "
    "print('%d.%d' % sys.version_info[:2], importlib.util.find_spec('pyarrow') is not None)"
)


@dataclass(frozen=True, slots=True)
class Check:
    """The answer to one question.

    Attributes:
        name: what was looked at.
        ok: whether a run can do with it.
        detail: what was found.
        remedy: how to put it right, or better; None where nothing is to be done.
    """

    name: str
    ok: bool
    detail: str
    remedy: str | None


def check(
    settings: EngineSettings, environ: Mapping[str, str], *, storage_root: str, state_root: Path
) -> tuple[Check, ...]:
    """Check Java, Python, the versions, JARs, the class-data archive, disk and write access.

    Args:
        settings: how Spark would be started.
        environ: the process environment.
        storage_root: URI or path below which tables lie; only a local one is looked at.
        state_root: the folder for runs and locks.

    Returns:
        The checks, in the order in which a start would come upon them.
    """
    roots = (("storage", storage_root), ("state", str(state_root)))
    return (
        _python(),
        _java(environ),
        _pair(environ),
        _worker_python(settings, environ),
        _jars(settings),
        _archive(settings),
        *(_disk(name, root) for name, root in roots),
        *(
            _far_access(name, root, settings, environ)
            if (path := _local(root)) is None
            else _write_access(name, path)
            for name, root in roots
        ),
    )


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    ok = sys.version_info >= _OLDEST_PYTHON
    return Check(
        "Python", ok, f"{version}, {sys.executable}", None if ok else "use Python 3.11 or newer."
    )


def _java(environ: Mapping[str, str]) -> Check:
    try:
        java = find_java(environ)
    except DltLiteError as error:
        return _failed("Java", error)
    remedy = None
    if java.version not in TESTED:
        remedy = f"Java {java.version} may work, but only 17 and 21 are tested: prefer one of them."
    return Check("Java", True, f"{java.version}, {java.executable}", remedy)


def _pair(environ: Mapping[str, str]) -> Check:
    pyspark, delta = installed_version("pyspark"), installed_version("delta-spark")
    try:
        check_pair(pyspark, delta, environ)
    except DltLiteError as error:
        return _failed("Spark and Delta", error)
    return Check("Spark and Delta", True, f"pyspark {pyspark}, delta-spark {delta}", None)


def _worker_python(settings: EngineSettings, environ: Mapping[str, str]) -> Check:
    """Check the Python of Spark's workers; where nobody names one it is ours."""
    named = settings.spark.get("spark.pyspark.python") or environ.get("PYSPARK_PYTHON")
    name = "Python of the workers"
    if not named:
        return Check(name, True, f"this one, {sys.executable}", None)
    ours = "{}.{}".format(*sys.version_info[:2])
    remedy = f"unset PYSPARK_PYTHON, or let it name a Python {ours} that has pyarrow."
    try:
        answer = _answer_of(named, environ)
    except (OSError, subprocess.SubprocessError) as error:
        return Check(name, False, f"PYSPARK_PYTHON, {named}, cannot be run: {error}", remedy)
    ok = answer == [ours, "True"]
    version, has_pyarrow = answer if len(answer) == len(("version", "pyarrow")) else ("?", "?")
    lacks = "" if has_pyarrow == "True" else ", without pyarrow"
    detail = f"PYSPARK_PYTHON, {named}: Python {version}{lacks}"
    return Check(name, ok, detail, None if ok else remedy)


def _answer_of(python: str, environ: Mapping[str, str]) -> list[str]:
    answer = subprocess.run(  # noqa: S603 - the user's own Python
        [python, "-c", _ASK_PYTHON],
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_SECONDS,
        check=True,
    )
    return answer.stdout.split()


def _jars(settings: EngineSettings) -> Check:
    name = "Delta's JARs"
    folder = jar_folder(settings)
    if settings.jars_dir is None and not folder.is_dir():
        detail = f"not fetched yet: the first start fetches them into {folder}"
        return Check(name, True, detail, f"without a network: {by_hand(settings)}")
    fault = fault_of(inspect_folder(folder), settings)
    if fault is not None:
        return _failed(name, fault)
    return Check(name, True, f"five in {folder}, SHA-256 right", None)


def _archive(settings: EngineSettings) -> Check:
    """Tell of the class-data archive; a run can always do without."""
    if settings.class_archive:
        detail = archive_state(settings.cache_dir, now=time.time())
    else:
        detail = "off (`class_archive` is false)"
    return Check("Class-data archive", True, detail, None)


def _disk(name: str, root: str) -> Check:
    path = _local(root)
    title = f"Disk of the {name} root"
    if path is None:
        return Check(title, True, f"{root}: checked when a run uses it", None)
    free = shutil.disk_usage(_nearest(path)).free
    ok = free >= _NEEDED_BYTES
    remedy = None if ok else "make room, or move the root: less than 1 GB is left."
    return Check(title, ok, f"{free / 1e9:.1f} GB free at {path}", remedy)


def _far_access(
    name: str, root: str, settings: EngineSettings, environ: Mapping[str, str]
) -> Check:
    """Check whether Spark can know a file system; what lies there only a run finds out."""
    title = f"Write access to the {name} root"
    try:
        jars = [each.name for each in (spark_home(environ) / "jars").glob("*.jar")]
    except VersionMismatch:
        jars = []  # That pyspark is missing is told above.
    if jars and lacks_jar(root, settings.spark, jars):
        detail = f"{root} cannot be reached: Spark has no file system for it"
        return Check(title, False, detail, jar_advice(root))
    return Check(title, True, f"{root}: checked when a run uses it", None)


def _write_access(name: str, path: Path) -> Check:
    title = f"Write access to the {name} root"
    folder = _nearest(path)
    if (stands := _in_the_way(path)) is not None:
        return Check(title, False, f"{stands} is not a folder", f"move the {name} root.")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Check(
            title,
            False,
            f"{folder} cannot be written: {error.strerror}",
            f"give yourself the right to write there, or move the {name} root.",
        )
    made = "" if folder == path else f" (a run makes {path})"
    return Check(title, True, f"{folder}{made}", None)


def _local(root: str) -> Path | None:
    """Return a root as a path, None where it is not on this machine's disk."""
    parts = urlsplit(root)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    # One letter is a Windows drive.
    return Path(root) if len(parts.scheme) <= 1 else None


def _nearest(path: Path) -> Path:
    """Return the folder itself, or the nearest one above that exists: a run makes the rest."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
    return next((each for each in (absolute, *absolute.parents) if each.is_dir()), absolute)


def _in_the_way(path: Path) -> Path | None:
    """Return what stands where a folder would have to be made, None where nothing does."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - as above
    there = next((each for each in (absolute, *absolute.parents) if os.path.lexists(each)), None)
    return None if there is None or there.is_dir() else there


def _failed(name: str, error: DltLiteError) -> Check:
    return Check(name, False, error.what, error.fix)
