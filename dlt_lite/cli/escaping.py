"""Text from data and code → text that a terminal shows and does not obey.

Control characters, the start of ANSI and OSC sequences, line separators, bidirectional controls,
invisible tags and lone surrogates become visible escapes. Whatever stands on the screen was safe.
So does the start of what GitHub's runner would take for a command to it, such as `::error::`.
"""

from __future__ import annotations

import json
import re

from dlt_lite.report.escaping import IN_A_TEXT, visible, visible_lines

# What GitHub's runner takes for a command: at the start of a line, blanks aside; or anywhere.
_COMMAND = re.compile(r"^(\s*)(:(?=:))|(#(?=#\[))", re.MULTILINE)


def one_line(text: object) -> str:
    """Return text as one line that neither a terminal nor a CI system obeys."""
    return _told(visible(text))


def lines(text: object) -> str:
    """Return text whose line breaks stay, and of which no line is obeyed."""
    return _told(visible_lines(text))


def json_text(value: object, *, indent: int | None = 2) -> str:
    """Return a value as JSON that is as safe to look at as it is to parse."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False)
    # Outside its strings JSON has no other of these characters than the line breaks of `indent`.
    return IN_A_TEXT.sub(_json_escape, text)


def _told(text: str) -> str:
    return _COMMAND.sub(lambda found: f"{found[1] or ''}\\x{ord(found[2] or found[3]):02x}", text)


def _json_escape(match: re.Match[str]) -> str:
    return json.dumps(match[0]).strip('"') if match[0] != "\x7f" else "\\u007f"
