"""What README.md and docs say is so: paths exist, commands parse, the quick start is two lines."""

import importlib
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from dlt_lite.cli.arguments import command_parser, first_words
from dlt_lite.errors import DltLiteError
from tests.house.repository import PACKAGE, ROOT, documents, quick_start, walk

PROGRAM = "python -m dlt_lite"
TEMPLATES = sorted((PACKAGE / "cli" / "templates").iterdir())

_TOP = r"(?:dlt_lite|pipelines|expectations|tests|docs|\.ci)"
PATH = re.compile(rf"(?<![\w/.{{-]){_TOP}/[\w./*-]*")
LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)")
COMMAND = re.compile(rf"{PROGRAM}((?: [^\n`|;&>#]*)?)")
PLACEHOLDER = re.compile(r"\b[A-Z]{3,}\b|…")


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.name)
def test_every_path_that_a_document_names_exists(document: Path):
    text = document.read_text(encoding="utf-8")
    named = {found.rstrip(".") for found in PATH.findall(text)}
    linked = {found for found in LINK.findall(text) if not (document.parent / found).exists()}

    assert sorted(path for path in named if not is_there(path)) == []
    assert sorted(linked) == []


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.name)
def test_every_command_that_a_document_names_can_be_given(document: Path):
    text = document.read_text(encoding="utf-8").replace("\\\n", " ")
    refused = {words: problem for words in COMMAND.findall(text) if (problem := refusal(words))}

    assert refused == {}


def test_the_quick_start_is_one_block_of_two_lines():
    [[first, second]] = quick_start()

    assert first.endswith(f"{PROGRAM} run clickstream")
    assert second.endswith("python -m pytest")


def test_the_walk_through_quality_finds_every_file_that_it_moves_and_every_line_that_it_edits(
    tmp_path: Path,
):
    clone = tmp_path / "clone"
    for name in ("expectations", "pipelines"):
        shutil.copytree(ROOT / name, clone / name)
    (clone / "dlt_lite").mkdir()
    shutil.copy(ROOT / "pyproject.toml", clone)
    (clone / ".venv/bin").mkdir(parents=True)
    # What it moves is what a reader's shell moves; dlt_lite itself is walked through elsewhere.
    (clone / ".venv/bin/activate").write_text("python() { echo python $@; }\n", "utf-8")

    script = "\n".join(["set -e", *walk()])
    asked = ["bash", "-c", script]
    done = subprocess.run(asked, cwd=clone, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.count(PROGRAM) == done.stdout.count("python") > 0
    names = ("clickstream", "orders")
    landings = [tmp_path / f"flowers/pipelines/{name}/landing/clean" for name in names]
    assert [len(list(each.glob("2024-*"))) for each in landings] == [23, 22]
    assert not any('"1970-' in file.read_text("utf-8") for file in landings[0].iterdir())
    silver = (tmp_path / "flowers/pipelines/clickstream/silver.py").read_text("utf-8")
    assert '@dlt.expect_or_quarantine("not_from_the_future", "event_time IS NOT NULL")' in silver


def is_there(path: str) -> bool:
    """Return whether a path exists, here or in what `init` makes; a placeholder names no path."""
    if PLACEHOLDER.search(path):
        return True
    places = [ROOT, *TEMPLATES]
    return any(any(place.glob(form)) for place in places for form in (path, f"{path}.tmpl"))


def refusal(text: str) -> str | None:
    """Return why the command line does not take these words, None where it does."""
    words = [word for word in shlex.split(text) if word not in {"…", "..."}]
    try:
        first = first_words(words, PROGRAM)
        if first.command is None:
            return None
        module = importlib.import_module(first.command.module)
        parser = command_parser(first.command, module, PROGRAM)
        if not parser.asks_for_help(first.rest):
            parser.parsed(first.rest)
    except DltLiteError as error:
        return str(error)
    return None
