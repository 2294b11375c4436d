"""Find the Java that Spark will run on. An environment in, a Java out; knows no Spark."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dlt_lite.errors import NoJava, WrongJava

OLDEST = 17
TESTED = (17, 21)

_VERSION = re.compile(r'version "(\d+)(?:\.(\d+))?')
_PATIENCE_SECONDS = 30
_INSTALL = (
    "install a JDK 17 or 21 (Debian, Ubuntu: apt-get install openjdk-17-jre-headless; "
    "Fedora: dnf install java-17-openjdk-headless; macOS: brew install openjdk@17) "
    "and, if `java` is not on PATH then, set JAVA_HOME to its folder."
)


@dataclass(frozen=True, slots=True)
class Java:
    """A Java that answered.

    Attributes:
        home: the folder that JAVA_HOME names, None for a `java` found on PATH.
        executable: the `java` program.
        version: its feature release, such as 17.
        text: all that `java -version` printed; differs where the build or its default options do.
    """

    home: Path | None
    executable: Path
    version: int
    text: str


def find_java(environ: Mapping[str, str]) -> Java:
    """Find the Java that Spark's own scripts will take: JAVA_HOME's, else the one on PATH.

    Args:
        environ: the process environment.

    Returns:
        A Java of version 17 or newer.

    Raises:
        NoJava: there is none, or what is there does not answer.
        WrongJava: it is older than 17.
    """
    home, executable = _locate(environ)
    text = _version_text(executable, environ)
    version = _feature_release(text)
    if version is None:
        raise NoJava(
            f"{executable} did not say which Java it is: {_first_line(text)!r}.", fix=_INSTALL
        )
    if version < OLDEST:
        by = "JAVA_HOME" if home is not None else "PATH"
        raise WrongJava(
            f"Spark needs Java 17 or newer, and {executable} (found by {by}) is Java {version}.",
            fix=_INSTALL,
        )
    return Java(home, executable, version, text)


def _locate(environ: Mapping[str, str]) -> tuple[Path | None, Path]:
    home = environ.get("JAVA_HOME")
    if home:
        executable = shutil.which("java", path=os.path.join(home, "bin"))  # noqa: PTH118 - a search path
        if executable is None:
            raise NoJava(
                f"JAVA_HOME is {home}, and there is no bin/java in it.",
                fix="set JAVA_HOME to the folder of a JDK 17 or 21, or unset it to use PATH's; "
                f"where there is none, {_INSTALL}",
            )
        return Path(home), Path(executable)
    executable = shutil.which("java", path=environ.get("PATH", os.defpath))
    if executable is None:
        raise NoJava(
            "Spark runs on Java, and none was found: JAVA_HOME is not set, no java on PATH.",
            fix=_INSTALL,
        )
    return None, Path(executable)


def _version_text(executable: Path, environ: Mapping[str, str]) -> str:
    try:
        answer = subprocess.run(  # noqa: S603 - the user's own Java
            [str(executable), "-version"],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoJava(f"{executable} could not be run: {error}.", fix=_INSTALL) from error
    return answer.stdout.strip()


def _feature_release(text: str) -> int | None:
    found = _VERSION.search(text)
    if found is None:
        return None
    # Before Java 9 the feature release stood second: "1.8.0_412".
    first, second = found.groups()
    return int(second) if first == "1" and second else int(first)


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else ""
