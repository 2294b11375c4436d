"""What is installed: the lock holds every dependency, wheel and sdist hold every file."""

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dlt_lite.version import VERSION
from tests.house.repository import ROOT, package_files

PINNED = re.compile(r"^([\w.-]+)==([^\s;]+)(?: ; .*?)? \\\n    --hash=sha256:", re.MULTILINE)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build wheel and sdist with the tools of the environment, without a network."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_wheel_is_the_package_and_nothing_else(built: Path):
    [wheel] = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    own = {name for name in names if ".dist-info/" not in name}
    assert own == {path.relative_to(ROOT).as_posix() for path in package_files()}


def test_the_sdist_holds_what_builds_and_tests_the_package(built: Path):
    [sdist] = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert {path.relative_to(ROOT).as_posix() for path in package_files()} <= names
    assert {"README.md", "pyproject.toml", "requirements.lock", "conftest.py"} <= names
    assert {name.partition("/")[0] for name in names} & {".venv", ".dlt_lite", "storage"} == set()


def test_the_version_is_said_once(built: Path):
    [wheel] = built.glob("*.whl")

    assert wheel.name.split("-")[1] == VERSION


def test_every_dependency_is_locked_with_a_hash():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    wanted = [*project["project"]["dependencies"], *extras["test"], *extras["ml"]]
    wanted += project["dependency-groups"]["dev"]
    locked = pinned_versions()

    unmet = [
        str(requirement)
        for requirement in map(Requirement, wanted)
        if not all(map(requirement.specifier.contains, locked[canonicalize_name(requirement.name)]))
    ]

    assert unmet == []


def test_all_that_is_locked_has_a_hash():
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    packages = [line for line in lines if line and not line.startswith((" ", "#"))]

    assert len(packages) == sum(map(len, pinned_versions().values()))


def pinned_versions() -> dict[str, list[str]]:
    """Return the versions of every package that requirements.lock pins with a hash."""
    versions: dict[str, list[str]] = {}
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for name, version in PINNED.findall(text):
        versions.setdefault(canonicalize_name(name), []).append(version)
    return versions
