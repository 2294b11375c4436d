"""Make a new project in a folder that is empty or not there yet."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from shlex import quote

from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.writing import write_file
from dlt_lite.errors import NotEmpty

TEMPLATES = ("minimal",)
# So that no tool takes a file of a template for one of ours.
_SUFFIX = ".tmpl"
_UNFIT = re.compile(r"[^\w .-]+")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("folder", metavar="DIR", help="the new project's folder")
    parser.add_argument(
        "--template", choices=TEMPLATES, default="minimal", help="what to begin with"
    )


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Write the files of a template."""
    folder = invocation.here / arguments.folder
    _refuse_content(folder, arguments.folder)
    written = [str(path) for path in write_template(arguments.template, folder)]
    streams = invocation.streams
    if invocation.wants_json:
        streams.json({"folder": str(folder.resolve()), "files": written})
        return 0
    streams.data("\n".join(one_line(Path(arguments.folder) / path) for path in written))
    steps = [f"{invocation.program} run hello", "python -m pytest"]
    if folder.resolve() != invocation.here.resolve():
        steps.insert(0, f"cd {quote(arguments.folder)}")
    streams.say("next:\n" + "\n".join(f"  {one_line(step)}" for step in steps))
    return 0


def write_template(template: str, folder: Path) -> tuple[PurePosixPath, ...]:
    """Write a template's files into a folder.

    Args:
        template: the template's name.
        folder: the folder, made where it is not there.

    Returns:
        The paths of the files, relative to the folder.

    Raises:
        StorageNotWritable: the disk refused one.
    """
    title = _UNFIT.sub("_", folder.resolve().name).strip() or "project"
    source = files("dlt_lite.cli").joinpath("templates", template)
    written = []
    for path, file in sorted(_files_below(source, PurePosixPath())):
        text = file.read_text(encoding="utf-8")
        if path.suffix == _SUFFIX:
            # JSON text in double quotes is YAML, too.
            name = json.dumps(title, ensure_ascii=False)
            text = text.replace("{{name}}", name).replace("{{title}}", title)
            path = path.with_suffix("")  # noqa: PLW2901 - the template's name for it, less its mark
        write_file(folder / path, text)
        written.append(path)
    return tuple(written)


def _refuse_content(folder: Path, shown: str) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if folder.exists() or folder.is_symlink():
        what = "has something in it" if folder.is_dir() else "is no folder"
        raise NotEmpty(f"{one_line(shown)} {what}", fix="name a folder that is empty or new")


def _files_below(
    folder: Traversable, path: PurePosixPath
) -> Iterator[tuple[PurePosixPath, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _files_below(entry, path / entry.name)
        else:
            yield path / entry.name, entry
