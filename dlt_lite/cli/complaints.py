"""An error → what a person reads on stderr, or the object that `-o json` prints."""

from __future__ import annotations

import traceback

from dlt_lite.cli.escaping import lines
from dlt_lite.cli.streams import styled
from dlt_lite.errors import DltLiteError, ErrorGroup

_BOLD_RED, _DIM, _CYAN = "1;31", "2", "36"


def complaint(error: DltLiteError, *, color: bool, verbose: int = 0) -> str:
    """Return an error as a person reads it.

    Args:
        error: the error.
        color: whether its parts are told apart by colours.
        verbose: 0 shows the error alone, 1 the user's code that raised below it, too.
    """
    parts = [_painted(str(each), color=color) + _below(each, verbose) for each in flat(error)]
    return "\n\n".join(parts)


def painted(text: str, *, color: bool) -> str:
    """Return the text of errors, made safe, their parts told apart by colours."""
    return _painted(text, color=color)


def complaint_json(error: DltLiteError) -> dict[str, object]:
    """Return an error as `-o json` prints it; of several the first is the cause."""
    errors = [_one_json(each) for each in flat(error)]
    return {"error": errors[0] if errors else None, "errors": errors}


def flat(error: DltLiteError) -> tuple[DltLiteError, ...]:
    """Return the errors that an error consists of."""
    if isinstance(error, ErrorGroup):
        return tuple(inner for each in error.errors for inner in flat(each))
    return (error,)


def _one_json(error: DltLiteError) -> dict[str, object]:
    return {
        "code": error.code,
        "message": error.what,
        "origin": None if error.origin is None else str(error.origin),
        "fix": error.fix,
    }


def _painted(text: str, *, color: bool) -> str:
    safe = lines(text)
    return "\n".join(_painted_line(line, color=color) for line in safe.split("\n"))


def _painted_line(line: str, *, color: bool) -> str:
    if line.startswith("[DLT"):
        code, bracket, rest = line.partition("]")
        return styled(code + bracket, _BOLD_RED, color=color) + rest
    for label, style in (("  at:", _DIM), ("  fix:", _CYAN)):
        if line.startswith(label):
            return styled(label, style, color=color) + line.removeprefix(label)
    return line


def _below(error: DltLiteError, verbose: int) -> str:
    cause = error.__cause__
    if not verbose or cause is None:
        return ""
    return "\n" + lines("".join(traceback.format_exception(cause))).rstrip("\n")
