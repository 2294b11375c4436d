"""What CI runs is the second line of the README's quick start, in an environment made anew."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.house.repository import ROOT

BEFORE = "# A project\n\n```sh\necho another block\n```\n\n## Quick start\n\nSay:\n\n```sh\n"
AFTER = "```\n\n## What it is\n\n```sh\necho a block further down\n```\n"


def test_ci_runs_the_second_line_word_for_word(tmp_path: Path):
    done = ci(tmp_path, ["echo first", "test ! -e .venv && printf '%s\\n' \"a  b\" $((1+1))"])

    assert (done.returncode, done.stdout) == (0, "a  b\n2\n")


def test_ci_fails_as_the_second_line_does(tmp_path: Path):
    assert ci(tmp_path, ["echo first", "true && exit 3"]).returncode == 3


@pytest.mark.parametrize("lines", [["echo one"], ["echo one", "echo two", "echo three"], []])
def test_ci_refuses_a_block_of_other_than_two_lines(tmp_path: Path, lines: list[str]):
    done = ci(tmp_path, lines)

    assert done.returncode != 0
    assert done.stdout == ""
    assert "two" in done.stderr


def test_ci_refuses_a_second_block(tmp_path: Path):
    done = ci(tmp_path, ["echo one", "echo two", "```", "", "```sh"])

    assert done.returncode != 0
    assert "two" in done.stderr


def ci(folder: Path, lines: list[str]) -> subprocess.CompletedProcess[str]:
    """Run CI's script from elsewhere, over a project with this quick start and an old .venv."""
    (folder / ".ci").mkdir()
    (folder / ".venv").mkdir()
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci" / "run")
    text = BEFORE + "".join(f"{line}\n" for line in lines) + AFTER
    (folder / "README.md").write_text(text, encoding="utf-8")
    command = ["bash", str(folder / ".ci" / "run")]
    return subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
