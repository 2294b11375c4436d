"""The checks of the workshop, so that `pytest` alone is the gate."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.repository import ROOT


def test_ruff_has_nothing_to_say():
    assert_quiet(sys.executable, "-m", "ruff", "check", "--output-format=concise")


def test_ruff_would_format_nothing_anew():
    assert_quiet(sys.executable, "-m", "ruff", "format", "--check")


def test_mypy_finds_every_type_right():
    assert_quiet(sys.executable, "-m", "mypy")


def test_every_import_contract_is_kept():
    assert_quiet(str(Path(sys.executable).with_name("lint-imports")), "--no-logo")


def assert_quiet(*command: str) -> None:
    """Fail with what a check says, and with nothing else, where it finds something."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"{done.stdout}{done.stderr}", pytrace=False)
