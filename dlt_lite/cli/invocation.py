"""What a command is given: the options that hold for every command, and the world around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from dlt_lite.cli.streams import Color, Streams


class OutputForm(StrEnum):
    """How a command writes its data."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class GlobalOptions:
    """The options that every command has.

    Attributes:
        project_dir: the project's folder, None to look for it.
        target: the target, None for the environment's or the project's.
        params: texts `key=value`.
        output: how data is written.
        quiet: whether only data and errors are wanted.
        verbose: how much more is wanted.
        color: when to use colours.
        storage_root: where tables lie, None for what the project says.
    """

    project_dir: Path | None
    target: str | None
    params: tuple[str, ...]
    output: OutputForm
    quiet: bool
    verbose: int
    color: Color
    storage_root: str | None


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of a command.

    Attributes:
        command: the command's name.
        options: the options that every command has.
        environ: the environment.
        here: where the person stands.
        streams: where words go.
        program: how the person calls us, such as `python -m dlt_lite`.
    """

    command: str
    options: GlobalOptions
    environ: Mapping[str, str]
    here: Path
    streams: Streams
    program: str

    @property
    def wants_json(self) -> bool:
        """Whether data is written as JSON."""
        return self.options.output is OutputForm.JSON
