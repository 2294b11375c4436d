"""Secrets in a text → `[REDACTED]`, in the forms that they come up in: plain, JSON, URL, base64."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

REDACTED = "[REDACTED]"
# Shorter ones would take ordinary words and digits out of every line.
SHORTEST = 4
# Base64 of a few bytes turns up by chance.
_SHORTEST_ENCODED = 6


class Redactor:
    """Takes secrets out of texts.

    Attributes:
        longest: the length in bytes of the longest form, as much as a stream has to hold back.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in forms_of(secret)}
        ordered = sorted(forms, key=lambda form: (-len(form), form))
        self.longest = max(map(len, ordered), default=0)
        self._form = re.compile(b"|".join(map(re.escape, ordered))) if ordered else None

    def of_bytes(self, text: bytes) -> bytes:
        """Return bytes without secrets."""
        return text if self._form is None else self._form.sub(REDACTED.encode(), text)

    def of_text(self, text: str) -> str:
        """Return a text without secrets."""
        if self._form is None:
            return text
        return self.of_bytes(text.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")


def forms_of(secret: str) -> set[bytes]:
    """Return what a secret looks like, plain and encoded; of a secret of lines, each line too."""
    parts = {secret, *secret.splitlines()}
    return {form for part in parts if len(part) >= SHORTEST for form in _forms_of_part(part)}


def _forms_of_part(part: str) -> set[bytes]:
    raw = part.encode()
    texts = {
        part,
        json.dumps(part)[1:-1],
        json.dumps(part, ensure_ascii=False)[1:-1],
        quote(part, safe=""),
        quote(part),
        quote_plus(part),
    }
    return {text.encode() for text in texts} | _base64_forms(raw)


def _base64_forms(raw: bytes) -> set[bytes]:
    """Return the parts of base64 texts that a secret determines, wherever it begins in them."""
    forms: set[bytes] = set()
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw)
        start = (shift * 8 + 5) // 6
        end = (shift + len(raw)) * 8 // 6
        middle = encoded[start:end]
        if len(middle) >= _SHORTEST_ENCODED:
            forms |= {middle, middle.replace(b"+", b"-").replace(b"/", b"_")}
    return forms
