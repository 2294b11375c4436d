"""JSON text → the tree of nodes that YAML has, each with its place; strict, within its budget."""

from __future__ import annotations

import json
import re
from typing import NoReturn

from dlt_lite.errors import BadSuite
from dlt_lite.model.origin import Origin
from dlt_lite.project.nodes import Entry, Mapping, Node, Scalar, ScalarKind, Sequence
from dlt_lite.project.suggestions import shown
from dlt_lite.project.yaml_composer import DEEPEST_NESTING, MOST_VALUES

_BLANK = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"')
_WORDS = {
    "true": ScalarKind.BOOLEAN,
    "false": ScalarKind.BOOLEAN,
    "null": ScalarKind.NOTHING,
}


def parse_json(content: bytes, *, path: str) -> Node:
    """Parse the bytes of a JSON file.

    Args:
        content: UTF-8, with or without a byte order mark.
        path: what errors call the file.

    Raises:
        BadSuite: the bytes are no JSON, a key stands twice, or it is too deep or too large.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadSuite("not UTF-8", origin=Origin(path), fix="save the file as UTF-8") from error
    return _Parser(text, path).document()


class _Parser:
    """Reads one document from its beginning to its end."""

    __slots__ = ("_at", "_counted", "_line", "_path", "_spent", "_text")

    def __init__(self, text: str, path: str) -> None:
        self._text = text
        self._path = path
        self._at = 0
        self._spent = 0
        # The line of the last place that was asked for: places only move on.
        self._counted, self._line = 0, 1

    def document(self) -> Node:
        node = self._node(0)
        if self._next():
            self._refuse("the document is over, and more follows")
        return node

    def _node(self, depth: int) -> Node:
        self._spent += 1
        first, origin = self._next(), self._origin()
        if depth >= DEEPEST_NESTING:
            self._refuse(f"nested deeper than {DEEPEST_NESTING} levels", "write it flatter")
        if self._spent > MOST_VALUES:
            self._refuse(f"more than {MOST_VALUES:,} values", "split the file")
        if first == "{":
            return Mapping(self._entries(depth + 1), origin)
        if first == "[":
            return Sequence(self._items(depth + 1), origin)
        if first == '"':
            return Scalar(self._string(), ScalarKind.TEXT, origin)
        return self._plain(origin)

    def _items(self, depth: int) -> tuple[Node, ...]:
        self._at += 1
        items: list[Node] = []
        if self._taken("]"):
            return ()
        while True:
            items.append(self._node(depth))
            if self._taken("]"):
                return tuple(items)
            self._take(",", "a list's values have commas between them")

    def _entries(self, depth: int) -> tuple[Entry, ...]:
        self._at += 1
        found: dict[str, Entry] = {}
        if self._taken("}"):
            return ()
        while True:
            if self._next() != '"':
                self._refuse("a key in double quotes is missing here")
            origin = self._origin()
            key = self._string()
            if key in found:
                first = found[key].key.origin.line
                what = f"the key {shown(key)} stands here twice, first in line {first}"
                raise BadSuite(what, origin=origin, fix="keep one")
            self._take(":", "a colon follows the key")
            found[key] = Entry(Scalar(key, ScalarKind.TEXT, origin), self._node(depth))
            if self._taken("}"):
                return tuple(found.values())
            self._take(",", "keys have commas between them")

    def _string(self) -> str:
        found = _STRING.match(self._text, self._at)
        if found is None:
            self._refuse("a text is not ended in its line, or holds an unknown escape")
        self._at = found.end()
        return str(json.loads(found[0]))

    def _plain(self, origin: Origin) -> Scalar:
        for word, kind in _WORDS.items():
            if self._text.startswith(word, self._at):
                self._at += len(word)
                return Scalar(word, kind, origin)
        number = _NUMBER.match(self._text, self._at)
        if number is None:
            self._refuse("a value is missing here")
        self._at = number.end()
        is_whole = number[1] is None and number[2] is None
        return Scalar(number[0], ScalarKind.WHOLE if is_whole else ScalarKind.DECIMAL, origin)

    def _next(self) -> str:
        blank = _BLANK.match(self._text, self._at)
        self._at = self._at if blank is None else blank.end()
        return self._text[self._at : self._at + 1]

    def _taken(self, character: str) -> bool:
        if self._next() != character:
            return False
        self._at += 1
        return True

    def _take(self, character: str, otherwise: str) -> None:
        if not self._taken(character):
            self._refuse(f"{character!r} is missing here: {otherwise}")

    def _refuse(self, what: str, fix: str = "correct it; JSON has no comments") -> NoReturn:
        raise BadSuite(f"not JSON: {what}", origin=self._origin(), fix=fix)

    def _origin(self) -> Origin:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = max(self._counted, self._at)
        begin = self._text.rfind("\n", 0, self._at) + 1
        return Origin(self._path, self._line, self._at - begin + 1)
