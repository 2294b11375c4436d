"""Where words go: data to stdout, talk to stderr, colours only to who can see them."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TextIO

from dlt_lite.cli.escaping import json_text


class Color(StrEnum):
    """When to use colours."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Streams:
    """The two streams of a command.

    A reader who has gone away is no fault of ours: what is meant for them is dropped in silence.

    Args:
        out: takes data.
        err: takes talk: progress, notes, errors.
        environ: the environment, for NO_COLOR, FORCE_COLOR and TERM.
        color: when to use colours.
        quiet: whether only data and errors are wanted.
        verbose: how much more is wanted.
    """

    def __init__(
        self,
        out: TextIO,
        err: TextIO,
        *,
        environ: Mapping[str, str],
        color: Color = Color.AUTO,
        quiet: bool = False,
        verbose: int = 0,
    ) -> None:
        self.out = out
        self.err = err
        self.quiet = quiet
        self.verbose = verbose
        self.out_color = _is_colored(out, environ, color)
        self.err_color = _is_colored(err, environ, color)
        self.out_is_terminal = _is_terminal(out, environ)
        self.err_is_terminal = _is_terminal(err, environ)

    @property
    def out_columns(self) -> int | None:
        """How many characters fit on a line of stdout; None where it is no terminal."""
        return shutil.get_terminal_size().columns if self.out_is_terminal else None

    def data(self, text: str) -> None:
        """Write what was asked for."""
        _write(self.out, text)

    def json(self, value: object) -> None:
        """Write what was asked for as JSON."""
        _write(self.out, json_text(value))

    def line_of_json(self, value: object) -> None:
        """Write what was asked for as one line of JSON, one of many."""
        _write(self.out, json.dumps(value))

    def say(self, text: str, *, verbosity: int = 0) -> None:
        """Write talk, unless quiet is wanted or it is too much of a detail."""
        if not self.quiet and self.verbose >= verbosity:
            _write(self.err, text)

    def say_at_once(self, text: str) -> None:
        """Write talk past every buffer: what a signal handler may do."""
        with contextlib.suppress(OSError, ValueError):
            os.write(self.err.fileno(), text.encode("utf-8", "backslashreplace"))

    def complain(self, text: str) -> None:
        """Write an error."""
        _write(self.err, text)

    @contextlib.contextmanager
    def kept_for_data(self) -> Iterator[None]:
        """Send what the user's code prints, and what its child processes print, to stderr."""
        with contextlib.redirect_stdout(self.err), _descriptor_lent(self.out, self.err):
            yield

    def flush(self) -> None:
        """Send off what is still held back."""
        for stream in (self.out, self.err):
            _guarded(stream, "")


def open_streams(environ: Mapping[str, str], *, color: Color, quiet: bool, verbose: int) -> Streams:
    """Return the streams of this process, able to write any text whatever their encoding."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    return Streams(
        sys.stdout, sys.stderr, environ=environ, color=color, quiet=quiet, verbose=verbose
    )


def styled(text: str, style: str, *, color: bool) -> str:
    """Return text in a style, such as `1;31`, where colours are wanted."""
    return f"\x1b[{style}m{text}\x1b[0m" if color and style and text else text


def aligned(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    streams: Streams,
    *,
    spare: Sequence[str] = (),
) -> str:
    """Return rows as a table for stdout: cut to the terminal's width, or as wide as they are.

    Args:
        columns: the heads; one that starts with `>` stands to the right.
        rows: the cells.
        streams: for whom it is.
        spare: the columns that a narrow terminal can do without, the least important first.
    """
    from dlt_lite.cli.tables import table_text  # noqa: PLC0415 - rich costs start time

    fit = streams.out_is_terminal
    return table_text(columns, rows, color=streams.out_color, fit=fit, spare=spare)


def _write(stream: TextIO, text: str) -> None:
    _guarded(stream, text if text.endswith("\n") else text + "\n")


def _guarded(stream: TextIO, text: str) -> None:
    if stream.closed:
        return
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        _close_quietly(stream)


def _close_quietly(stream: TextIO) -> None:
    """Point a stream nobody reads at nothing, so that no later flush complains."""
    with contextlib.suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)


def _is_terminal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    return stream.isatty() and environ.get("TERM") != "dumb"


def _is_colored(stream: TextIO, environ: Mapping[str, str], color: Color) -> bool:
    if color is not Color.AUTO:
        return color is Color.ALWAYS
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR", "0") not in {"", "0"}:
        return True
    return _is_terminal(stream, environ)


@contextlib.contextmanager
def _descriptor_lent(out: TextIO, err: TextIO) -> Iterator[None]:
    """Let descriptor 1 mean stderr for a while, where stdout is descriptor 1."""
    try:
        real = out.fileno() == 1 and err.fileno() > 0
    except (OSError, ValueError):
        real = False
    if not real:
        yield
        return
    out.flush()
    kept = os.dup(1)
    os.dup2(err.fileno(), 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
