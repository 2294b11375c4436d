"""The command line as a person uses it: in a process of its own, in a copy of the example."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import unquote, urlsplit

import yaml

from dlt_lite.cli.app import main

ROOT = Path(__file__).resolve().parents[2]
PIPELINES = ROOT / "pipelines"
EXPECTATIONS = ROOT / "expectations"
COMMAND = (sys.executable, "-m", "dlt_lite")
_PATIENCE = 600
# A process that lives for seconds is done sooner where its code is not compiled twice. Java then
# keeps a fifth of the room for compiled code, which a whole job fills: calls fail for want of it.
QUICK_COMPILER = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m"
_cache: dict[str, str] = {}
_OF_A_TERMINAL = ("NO_COLOR", "FORCE_COLOR", "DLT_LITE_OUTPUT", "DLT_LITE_PROJECT")


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that came to its end."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed on stdout, which must be JSON and nothing else."""
        return json.loads(self.out)


def share_cache(folder: Path) -> None:
    """Let all commands keep JARs and the class-data archive in one folder."""
    _cache["DLT_LITE_CACHE_DIR"] = str(folder)


def environment(changes: Mapping[str, str | None] | None = None) -> dict[str, str]:
    """Return the environment of a command: ours, the package found in this repository.

    Args:
        changes: what differs; None takes a variable away.
    """
    plain = {key: value for key, value in os.environ.items() if key not in _OF_A_TERMINAL}
    java_options = f"{plain.get('JDK_JAVA_OPTIONS', '')} {QUICK_COMPILER}".strip()
    ours = {"PYTHONPATH": str(ROOT), "JDK_JAVA_OPTIONS": java_options, **_cache}
    changed = {**plain, **ours, **(changes or {})}
    return {key: value for key, value in changed.items() if value is not None}


def dlt_lite(project: Path, *words: str, changes: Mapping[str, str | None] | None = None) -> Ended:
    """Carry out a command in a project, in a process of its own."""
    done = subprocess.run(
        [*COMMAND, *words],
        cwd=project,
        env=environment(changes),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def dlt_lite_here(
    project: Path, *words: str, changes: Mapping[str, str | None] | None = None
) -> Ended:
    """Carry out a command in this process: it adopts the session that is there, and is quick."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(project),
        mock.patch.dict(os.environ, environment(changes), clear=True),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = main(words)
    return Ended(code, out.getvalue(), err.getvalue())


def begun(
    project: Path, *words: str, changes: Mapping[str, str | None] | None = None
) -> subprocess.Popen[str]:
    """Begin a command in a project, in a process group of its own; its words go into pipes."""
    return subprocess.Popen(
        [*COMMAND, *words],
        cwd=project,
        env=environment(changes),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ended(process: subprocess.Popen[str], beginning: str = "") -> Ended:
    """Wait for a command's end; `beginning` is what was read of its stderr before."""
    out, err = process.communicate(timeout=_PATIENCE)
    return Ended(process.returncode, out, beginning + err)


def read_until(process: subprocess.Popen[str], mark: str) -> str:
    """Read what a command says until a line holds a text; return what it has said."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if mark in line:
            return "".join(said)
    raise AssertionError(f"{mark!r} was never said, but:\n{''.join(said)}")


def place_of(uri: str) -> str:
    """Return the path that a file URI means; Spark takes `%20` for three characters of a name."""
    return unquote(urlsplit(uri).path)


def copy_of_the_example(folder: Path) -> Path:
    """Copy what the example is, its files not landed yet; nothing is written to the repository."""
    for path in (*PIPELINES.rglob("*"), *EXPECTATIONS.rglob("*")):
        if path.suffix in {".py", ".yml"} and path.is_file():
            there = folder / path.relative_to(ROOT)
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, there)
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    settings = yaml.safe_dump(pyproject["tool"]["dlt_lite"])
    (folder / "dlt_lite.yml").write_text(settings, encoding="utf-8")
    for name in ("clickstream", "orders"):
        landing(folder, name).mkdir(parents=True)
    return folder


def landing(project: Path, pipeline: str) -> Path:
    """Return the folder that a pipeline reads."""
    return project / "pipelines" / pipeline / "landing" / "clean"


def land(project: Path, pipeline: str, *files: Path) -> list[Path]:
    """Let files arrive; return where they are now."""
    return [Path(shutil.copyfile(each, landing(project, pipeline) / each.name)) for each in files]
