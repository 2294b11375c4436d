"""Text from data and code → text that a terminal shows and does not obey.

Control characters, the start of ANSI and OSC sequences, line separators, bidirectional controls,
invisible tags and lone surrogates become visible escapes. Whatever stands on the screen was safe.
"""

from __future__ import annotations

import json
import re

_DANGEROUS = (
    "\x00-\x1f\x7f-\x9f"
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff"
    "\ud800-\udfff\U000e0000-\U000e007f"
)
_IN_A_LINE = re.compile(f"[{_DANGEROUS}]")
_IN_A_TEXT = re.compile(f"(?!\n)[{_DANGEROUS}]")
_LAST_OF_LATIN_1 = 0xFF
_LAST_OF_FIRST_PLANE = 0xFFFF


def one_line(text: object) -> str:
    """Return text as one line: line breaks and tabs are escaped too."""
    return _IN_A_LINE.sub(_python_escape, str(text))


def lines(text: object) -> str:
    """Return text whose line breaks stay; a tab becomes blanks."""
    return _IN_A_TEXT.sub(_python_escape, str(text).replace("\r\n", "\n").expandtabs(4))


def json_text(value: object, *, indent: int | None = 2) -> str:
    """Return a value as JSON that is as safe to look at as it is to parse."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False)
    # Outside its strings JSON has no other of these characters than the line breaks of `indent`.
    return _IN_A_TEXT.sub(_json_escape, text)


def _python_escape(match: re.Match[str]) -> str:
    point = ord(match[0])
    if point <= _LAST_OF_LATIN_1:
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(match[0], f"\\x{point:02x}")
    return f"\\u{point:04x}" if point <= _LAST_OF_FIRST_PLANE else f"\\U{point:08x}"


def _json_escape(match: re.Match[str]) -> str:
    return json.dumps(match[0]).strip('"') if match[0] != "\x7f" else "\\u007f"
