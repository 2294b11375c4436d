"""YAML events → one tree of nodes, within a budget of values and depth.

The tree is built here and not by PyYAML, because only here can the depth, the size of expanded
aliases and the tags be judged before memory is spent. Values follow YAML 1.2: `true` and `false`
are the only booleans, so that `no`, `on`, `12:30`, `1_000`, `0o17` and dates stay text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NoReturn

import yaml

from dlt_lite.errors import BadYaml
from dlt_lite.model.origin import Origin
from dlt_lite.project.nodes import Entry, Mapping, Node, Scalar, ScalarKind, Sequence, kind_of
from dlt_lite.project.suggestions import shown

DEEPEST_NESTING = 50
MOST_VALUES = 100_000

_LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MERGE = "<<"
_NO_KEY = {"", "~"}
_CORE = "tag:yaml.org,2002:"
_TAGGED_KINDS = {
    f"{_CORE}int": ScalarKind.WHOLE,
    f"{_CORE}float": ScalarKind.DECIMAL,
    f"{_CORE}bool": ScalarKind.BOOLEAN,
    f"{_CORE}null": ScalarKind.NOTHING,
}
_PLAIN_KINDS = (
    (ScalarKind.NOTHING, re.compile(r"~|null|Null|NULL|")),
    (ScalarKind.BOOLEAN, re.compile(r"true|True|TRUE|false|False|FALSE")),
    (ScalarKind.WHOLE, re.compile(r"[-+]?(0|[1-9][0-9]*)")),
    (ScalarKind.DECIMAL, re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")),
)
_LEADING_ZEROS = re.compile(r"[-+]?0[0-9]+")


def compose(text: str, path: str) -> Node:
    """Build the tree of the one document in `text`; no document at all is a scalar of no value.

    Args:
        text: YAML without forbidden characters.
        path: what errors call the file.

    Raises:
        BadYaml: tags, duplicate keys, cyclic or unknown anchors, too deep, too many values.
        yaml.YAMLError: the text is not YAML.
    """
    return _Composer(text, path).document()


class _Composer:
    """Builds one document's tree out of events, within a budget of values and depth."""

    __slots__ = ("_anchors", "_events", "_path", "_spent")

    def __init__(self, text: str, path: str) -> None:
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=_LOADER))
        self._path = path
        self._spent = 0
        # What an anchor holds: its node, size and height; None while it is still being built.
        self._anchors: dict[str, tuple[Node, int, int] | None] = {}

    def document(self) -> Node:
        next(self._events)  # the stream's start
        event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            return Scalar("", ScalarKind.NOTHING, Origin(self._path, 1, 1))
        node, _ = self._node(next(self._events), 0)
        next(self._events)  # the document's end
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            self._refuse("a second document begins", event, "keep one document in the file")
        return node

    def _node(self, event: yaml.NodeEvent, depth: int) -> tuple[Node, int]:
        if isinstance(event, yaml.AliasEvent):
            return self._aliased(event, depth)
        self._spend(1, event)
        if depth >= DEEPEST_NESTING:
            self._refuse_depth(event)
        before = self._spent
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        node, height = self._built(event, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = (node, self._spent - before + 1, height)
        return node, height

    def _aliased(self, event: yaml.NodeEvent, depth: int) -> tuple[Node, int]:
        anchor = str(event.anchor)
        if anchor not in self._anchors:
            self._refuse(f"no anchor is called {shown(anchor)}", event)
        anchored = self._anchors[anchor]
        if anchored is None:
            self._refuse(f"the anchor {shown(anchor)} contains itself", event)
        node, size, height = anchored
        self._spend(size, event)
        if depth + height > DEEPEST_NESTING:
            self._refuse_depth(event)
        return node, height

    def _built(self, event: yaml.NodeEvent, depth: int) -> tuple[Node, int]:
        origin = self._origin(event)
        if isinstance(event, yaml.ScalarEvent):
            return Scalar(event.value, self._kind(event), origin), 1
        if isinstance(event, yaml.CollectionStartEvent):
            self._check_tag(event)
        if isinstance(event, yaml.SequenceStartEvent):
            items, height = self._items(depth + 1)
            return Sequence(items, origin), height + 1
        entries, height = self._entries(depth + 1)
        return Mapping(entries, origin), height + 1

    def _items(self, depth: int) -> tuple[tuple[Node, ...], int]:
        items: list[Node] = []
        tallest = 0
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            node, height = self._node(event, depth)
            items.append(node)
            tallest = max(tallest, height)
        return tuple(items), tallest

    def _entries(self, depth: int) -> tuple[tuple[Entry, ...], int]:
        own: dict[str, Entry] = {}
        inherited: dict[str, Entry] = {}
        merged = False
        tallest = 0
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key, _ = self._node(event, depth)
            value, height = self._node(next(self._events), depth)
            tallest = max(tallest, height)
            # `null: pass` is what a person writes; `~` and no key at all are slips.
            if not isinstance(key, Scalar) or (key.text in _NO_KEY and _is_nothing(key)):
                self._refuse("a key must be one value", event, "write `key: value`")
            if key.text in own or (merged and _is_merge(event)):
                self._refuse_duplicate(event, key, own.get(key.text))
            if _is_merge(event):
                merged = True
                for entry in self._merged(value, event):
                    inherited.setdefault(entry.key.text, entry)
            else:
                own[key.text] = Entry(key, value)
        return tuple({**inherited, **own}.values()), tallest

    def _merged(self, value: Node, event: yaml.NodeEvent) -> Iterator[Entry]:
        for source in value.items if isinstance(value, Sequence) else (value,):
            if not isinstance(source, Mapping):
                fix = "write `<<: *anchor`, or a list of such aliases"
                self._refuse(f"`<<` merges mappings, not {kind_of(source)}", event, fix)
            yield from source.entries

    def _kind(self, event: yaml.ScalarEvent) -> ScalarKind:
        if event.tag in {"!", f"{_CORE}str"}:
            return ScalarKind.TEXT
        if event.tag is None:
            return plain_kind(event.value) if event.implicit[0] else ScalarKind.TEXT
        kind = _TAGGED_KINDS.get(event.tag)
        if kind is None:
            self._refuse_tag(event)
        if plain_kind(event.value) is not kind:
            self._refuse(f"{shown(event.value)} is not {kind.value}", event)
        return kind

    def _check_tag(self, event: yaml.CollectionStartEvent) -> None:
        fitting = "seq" if isinstance(event, yaml.SequenceStartEvent) else "map"
        if event.tag not in {None, "!", f"{_CORE}{fitting}"}:
            self._refuse_tag(event)

    def _spend(self, size: int, event: yaml.NodeEvent) -> None:
        self._spent += size
        if self._spent > MOST_VALUES:
            message = f"more than {MOST_VALUES:,} values, aliases counted at full size"
            self._refuse(message, event, "use fewer aliases of aliases, or split the file")

    def _refuse_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> NoReturn:
        tag = str(event.tag).replace(_CORE, "!!")
        fix = "leave the tag out; configuration holds plain values only"
        self._refuse(f"the tag {shown(tag)} is not allowed", event, fix)

    def _refuse_depth(self, event: yaml.NodeEvent) -> NoReturn:
        self._refuse(f"nested deeper than {DEEPEST_NESTING} levels", event)

    def _refuse_duplicate(
        self, event: yaml.NodeEvent, key: Scalar, first: Entry | None
    ) -> NoReturn:
        where = f", first in line {first.key.origin.line}" if first is not None else ""
        self._refuse(f"the key {shown(key.text)} stands here twice{where}", event, "keep one")

    def _refuse(self, what: str, event: yaml.NodeEvent, fix: str | None = None) -> NoReturn:
        raise BadYaml(what, origin=self._origin(event), fix=fix)

    def _origin(self, event: yaml.NodeEvent) -> Origin:
        mark = event.start_mark
        if mark is None:
            return Origin(self._path)
        return Origin(self._path, mark.line + 1, mark.column + 1)


def _is_nothing(key: Scalar) -> bool:
    return key.kind is ScalarKind.NOTHING


def _is_merge(event: yaml.NodeEvent) -> bool:
    return (
        isinstance(event, yaml.ScalarEvent)
        and event.value == _MERGE
        and event.tag is None
        and bool(event.implicit[0])
    )


def plain_kind(text: str) -> ScalarKind:
    """Return what a value written without quotes is."""
    if _LEADING_ZEROS.fullmatch(text):
        return ScalarKind.TEXT
    for kind, pattern in _PLAIN_KINDS:
        if pattern.fullmatch(text):
            return kind
    return ScalarKind.TEXT
