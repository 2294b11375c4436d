"""Text from data and code → text that a terminal shows and does not obey.

Control characters, the start of ANSI and OSC sequences, line separators, bidirectional controls,
invisible tags and lone surrogates become visible escapes. Whatever stands on the screen was safe.
"""

from __future__ import annotations

import json
import re

from dlt_lite.report.escaping import IN_A_TEXT, visible, visible_lines

# What no page shall obey, no terminal shall.
one_line = visible
lines = visible_lines


def json_text(value: object, *, indent: int | None = 2) -> str:
    """Return a value as JSON that is as safe to look at as it is to parse."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False)
    # Outside its strings JSON has no other of these characters than the line breaks of `indent`.
    return IN_A_TEXT.sub(_json_escape, text)


def _json_escape(match: re.Match[str]) -> str:
    return json.dumps(match[0]).strip('"') if match[0] != "\x7f" else "\\u007f"
