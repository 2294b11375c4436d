"""Text from data and code → text that no report obeys: each form escapes in its own way.

Control characters, the start of ANSI sequences, bidirectional controls, invisible tags and lone
surrogates become visible everywhere; what is left is escaped for XML, Markdown or GitHub.
"""

from __future__ import annotations

import re

_DANGEROUS = re.compile(
    "[\x00-\x1f\x7f-\x9f"
    "\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
# The same where line breaks may stay.
IN_A_TEXT = re.compile(rf"(?!\n){_DANGEROUS.pattern}")
# What Markdown, HTML or GitHub may take for a mark, wherever it stands in a line of ours. A `_`
# between letters is none, nor a colon before a blank, nor, in code, one before a number.
_EVERYWHERE = (r"[#$&*<>@\[\\\]^`|~]", r"(?<=www)\.", r"(?<![^\W_])_+", r"_+(?![^\W_])")
_IN_CODE = re.compile("|".join((*_EVERYWHERE, r":(?![\d ])")))
_MARKS = re.compile(
    "|".join(
        (
            *_EVERYWHERE,
            r'["+={}]',
            r":(?! )|(?<!\S):",
            r"(?<=\d)[.)](?=\s|$)",
            r"(?<!\w)-|-(?!\w)",
        )
    )
)
_CALLS = re.compile(r"&#(?:35|64);")
_LAST_OF_LATIN_1, _LAST_OF_FIRST_PLANE = 0xFF, 0xFFFF


def visible(text: object) -> str:
    """Return text as one line in which everything can be seen."""
    return _DANGEROUS.sub(_spelled_out, str(text))


def visible_lines(text: object) -> str:
    """Return text whose line breaks stay; a tab becomes blanks."""
    return IN_A_TEXT.sub(_spelled_out, str(text).replace("\r\n", "\n").expandtabs(4))


def shortened(text: str, most: int) -> str:
    """Return text of at most so many characters, the cut marked."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def markdown(text: object) -> str:
    """Return text as one line of Markdown that means nothing but itself.

    Every mark is an entity, which neither Markdown nor HTML reads as a mark; an invisible joiner
    keeps GitHub from calling a person or an issue by it.
    """
    return _CALLS.sub(lambda found: f"{found[0]}&#8288;", _as_entities(text, _MARKS))


def markdown_code(text: object) -> str:
    """Return text as code; GitHub calls no person and no issue in it, and no line begins there."""
    return f"<code>{_as_entities(text, _IN_CODE)}</code>"


def _as_entities(text: object, marks: re.Pattern[str]) -> str:
    return marks.sub(lambda found: "".join(f"&#{ord(each)};" for each in found[0]), visible(text))


def annotation_text(text: object) -> str:
    """Return text as the message of a GitHub command; its line breaks stay."""
    return visible_lines(text).replace("%", "%25").replace("\n", "%0A")


def annotation_property(text: object) -> str:
    """Return text as a property of a GitHub command."""
    escaped = visible(text).replace("%", "%25")
    return escaped.replace(":", "%3A").replace(",", "%2C")


def _spelled_out(match: re.Match[str]) -> str:
    point = ord(match[0])
    if point <= _LAST_OF_LATIN_1:
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(match[0], f"\\x{point:02x}")
    return f"\\u{point:04x}" if point <= _LAST_OF_FIRST_PLANE else f"\\U{point:08x}"
