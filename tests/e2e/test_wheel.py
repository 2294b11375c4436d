"""An installed wheel alone: in an empty folder it makes a project that runs and tests green."""

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.e2e.shell import ROOT, environment

pytestmark = pytest.mark.e2e

WITHOUT_OURS = {"PYTHONPATH": None, "PYTEST_ADDOPTS": None}


@pytest.fixture(scope="module")
def python(tmp_path_factory) -> Path:
    """Return a Python that has our wheel, and all else from the environment of this one."""
    folder = tmp_path_factory.mktemp("wheel")
    carried_out(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)], ROOT
    )
    [wheel] = folder.glob("*.whl")
    home = folder / "environment"
    venv.EnvBuilder(symlinks=True).create(home)
    own = home / Path(sysconfig.get_path("purelib")).relative_to(sys.prefix)
    (own / "lent.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    install = ["install", "--no-deps", "--no-index", "--quiet", str(wheel)]
    python = home / "bin" / "python"
    carried_out([sys.executable, "-m", "pip", "--python", str(python), *install], folder)
    return python


@pytest.fixture(scope="module")
def demo(python, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("empty")
    carried_out([python, "-m", "dlt_lite", "init", "demo"], folder)
    return folder / "demo"


def test_the_package_that_answers_is_the_wheels(python: Path, demo: Path):
    program = "import dlt_lite; print(dlt_lite.__file__)"

    printed = carried_out([python, "-c", program], demo).stdout

    assert Path(printed.strip()).is_relative_to(python.parents[1])


def test_what_init_makes_runs(python: Path, demo: Path):
    done = carried_out([python, "-m", "dlt_lite", "run", "hello"], demo)

    assert "hello: COMPLETED" in done.stdout
    assert "2 datasets updated" in done.stdout
    assert "next:   python -m dlt_lite show greetings_by_language" in done.stderr


def test_what_init_makes_tests_green(python: Path, demo: Path):
    done = carried_out([python, "-m", "pytest", "-q"], demo)

    assert "2 passed" in done.stdout


def test_nothing_is_left_that_git_would_take_but_what_init_made(python: Path, demo: Path):
    made = {path.relative_to(demo).parts[0] for path in demo.rglob("*")}
    ignored = (demo / ".gitignore").read_text(encoding="utf-8").split()

    assert python.exists()
    assert made - {each.strip("/") for each in ignored} == {
        ".gitignore",
        "README.md",
        "dlt_lite.yml",
        "pipelines",
        "tests",
    }


def carried_out(words: list[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(each) for each in words],
        cwd=folder,
        env=environment(WITHOUT_OURS),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done
