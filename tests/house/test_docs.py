"""What README.md and docs say is so: paths exist, commands parse, the quick start is two lines."""

import importlib
import re
import shlex
from pathlib import Path

import pytest

from dlt_lite.cli.arguments import command_parser, first_words
from dlt_lite.errors import DltLiteError
from tests.house.repository import PACKAGE, ROOT, documents, quick_start

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
