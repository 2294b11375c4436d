"""A fault of ours → a file that tells of it, and a sentence that names the file."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from dlt_lite.cli.escaping import one_line
from dlt_lite.errors import InternalProblem

_SECRET_HOLDERS = frozenset({"--param"})
_PACKAGES = ("dlt-lite", "pyspark", "delta-spark", "rich")


def internal_problem(
    fault: BaseException, words: Sequence[str], *, folder: Path | None
) -> InternalProblem:
    """Write a report and return the error to show.

    Args:
        fault: what was raised.
        words: the command line; values of parameters are left out.
        folder: where the report goes, None or one that cannot be written for the temporary folder.
    """
    file = _written(_report(fault, words), folder)
    what = one_line(f"dlt_lite itself went wrong: {type(fault).__name__}: {_said(fault)}")
    where = "no report could be written" if file is None else f"the report is {file}"
    return InternalProblem(what, fix=f"{where}; please send it to whoever looks after dlt_lite")


def _said(fault: BaseException) -> str:
    """Return what an exception says; PySpark's say nothing any more once Spark is stopped."""
    try:
        return str(fault)
    except Exception:  # noqa: BLE001 - whatever it does, the first fault is the one to show
        return "what it says cannot be read any more"


def _report(fault: BaseException, words: Sequence[str]) -> str:
    versions = [f"{name} {_version_of(name)}" for name in _PACKAGES]
    return "\n".join(
        (
            f"command: {' '.join(one_line(word) for word in without_secrets(words))}",
            f"python: {sys.version.split()[0]} on {platform.platform()}",
            f"packages: {', '.join(versions)}",
            "",
            *traceback.format_exception(fault),
        )
    )


def without_secrets(words: Sequence[str]) -> list[str]:
    """Return a command line whose parameters have lost their values."""
    kept: list[str] = []
    for position, word in enumerate(words):
        option, equals, _ = word.partition("=")
        if option in _SECRET_HOLDERS and equals:
            kept.append(f"{option}=…")
        elif position and words[position - 1] in _SECRET_HOLDERS:
            kept.append(f"{option}=…" if equals else "…")
        else:
            kept.append(word)
    return kept


def _version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "is not installed"


def _written(text: str, folder: Path | None) -> Path | None:
    for place in (folder, Path(tempfile.gettempdir())):
        if place is None:
            continue
        try:
            place.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(".txt", "dlt_lite-fault-", place)
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        except OSError:
            continue
        return Path(name)
    return None
