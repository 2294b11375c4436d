"""A mapping of a configuration file, asked key by key: values come out typed, or as a problem.

A key that nobody may write is an error with the nearest known one; a key that only Databricks can
honour is noted. Whoever asks gets a default for what was wrong, so that all problems are found.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from dlt_lite.errors import BadValue, ConfigProblem, UnknownKey
from dlt_lite.model.jobs import IgnoredKey, Text
from dlt_lite.model.origin import Origin
from dlt_lite.project import nodes
from dlt_lite.project.bundle_variables import filled_in
from dlt_lite.project.suggestions import did_you_mean, shown

LARGEST_NUMBER = 1_000_000_000
_FREE_SPACE = "x-"
_AS_MAPPING = "write `key: value`, indented, one a line"

E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Keys:
    """Which keys may stand in one kind of place.

    Attributes:
        title: how errors call the place.
        read: the keys that something reads.
        cloud: the keys that only Databricks can honour, each with the reason.
    """

    title: str
    read: frozenset[str]
    cloud: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known and gathered while one job is read.

    Attributes:
        job: the job's name.
        folder: the folder that relative paths start from.
        root: the project's folder, symlinks followed.
        target: the target's name.
        environ: the environment.
        found: where problems are added.
        ignored: where keys are added that do nothing here.
    """

    job: str
    folder: Path
    root: Path
    target: str
    environ: Mapping[str, str]
    found: list[ConfigProblem]
    ignored: list[IgnoredKey]


class Entries:
    """The entries of one mapping."""

    def __init__(self, node: nodes.Mapping, keys: Keys, reading: Reading, path: str = "") -> None:
        self.origin = node.origin
        self._keys = keys
        self._reading = reading
        self._path = path
        self._nodes: dict[str, nodes.Node] = {}
        self.places: dict[str, Origin] = {}
        self.unknown: list[str] = []
        for entry in node.entries:
            self._sort_in(entry)

    def path_of(self, key: str) -> str:
        """Return the dotted path of a key of this mapping."""
        return f"{self._path}.{key}" if self._path else key

    def has(self, key: str) -> bool:
        """Tell whether a key has a value here."""
        return key in self._nodes

    def keys_here(self) -> frozenset[str]:
        """Return the keys that have a value here."""
        return frozenset(self._nodes)

    def node(self, key: str) -> nodes.Node | None:
        """Return what stands below a key, None where nothing does."""
        return self._nodes.get(key)

    def refuse(self, what: str, origin: Origin, fix: str | None = None) -> None:
        """Add a problem."""
        self._reading.found.append(BadValue(what, origin=origin, fix=fix))

    def note(self, reason: str, key: str | None = None) -> None:
        """Note that a key of this mapping does nothing here, or the whole mapping."""
        reading = self._reading
        path = self._path if key is None else self.path_of(key)
        origin = self.origin if key is None else self.places.get(key, self.origin)
        reading.ignored.append(IgnoredKey(reading.job, path, reason, origin))

    def required_text(self, key: str) -> str:
        """Return a text that must be there; empty where it is missing or wrong."""
        if key not in self._nodes:
            self.refuse(f"{self._keys.title} needs {shown(key)}", self.origin, f"add `{key}:`")
        return self.text(key) or ""

    def text(self, key: str) -> str | None:
        """Return a text, None where there is none."""
        found = self.template(key)
        return None if found is None else found.raw

    def template(self, key: str) -> Text | None:
        """Return a text that may hold references, None where there is none."""
        node = self._nodes.get(key)
        return None if node is None else self._template(key, node)

    def whole(self, key: str, default: int, *, least: int = 0, most: int = LARGEST_NUMBER) -> int:
        """Return a whole number within bounds."""
        node = self._nodes.get(key)
        if node is None:
            return default
        text = self._scalar(key, node, frozenset({nodes.ScalarKind.WHOLE}), "a whole number")
        if text is None:
            return default
        if not text.lstrip("+-").isdigit() or len(text) > len(str(LARGEST_NUMBER)) + 1:
            what = f"{shown(key)} must be a whole number, not {shown(text)}"
            self.refuse(
                what, node.origin, f"write a number, such as `{key}: {max(default, least)}`"
            )
            return default
        if not least <= int(text) <= most:
            bounds = f"from {least:,} to {most:,}" if most != LARGEST_NUMBER else f"from {least:,}"
            nearest = least if int(text) < least else most
            what = f"{shown(key)} must be a whole number {bounds}, not {text}"
            self.refuse(what, node.origin, f"the nearest that may be is `{key}: {nearest}`")
            return default
        return int(text)

    def switch(self, key: str, *, default: bool = False) -> bool:
        """Return a value that is true or false."""
        node = self._nodes.get(key)
        if node is None:
            return default
        text = self._scalar(key, node, frozenset({nodes.ScalarKind.BOOLEAN}), "true or false")
        if text is not None and text.lower() not in {"true", "false"}:
            what = f"{shown(key)} must be true or false, not {shown(text)}"
            self.refuse(what, node.origin, f"write `{key}: true` or `{key}: false`")
        return default if text is None else text.lower() == "true"

    def choice(self, key: str, default: E) -> E:
        """Return one of a few words."""
        node = self._nodes.get(key)
        if node is None:
            return default
        kinds = type(default)
        text = self._scalar(key, node, frozenset({nodes.ScalarKind.TEXT}), "a word")
        if text is None:
            return default
        if text not in {each.value for each in kinds}:
            what = f"{shown(key)} must not be {shown(text)}"
            self.refuse(what, node.origin, did_you_mean(text, [each.value for each in kinds]))
            return default
        return kinds(text)

    def inner(self, key: str, keys: Keys) -> Entries | None:
        """Return the mapping below a key, None where there is none."""
        node = self._nodes.get(key)
        return None if node is None else self.mapping(key, node, keys)

    def each(self, key: str, keys: Keys, *, named_by: str | None = None) -> tuple[Entries, ...]:
        """Return the mappings of the list below a key; a path names each by one of its values."""
        found: list[Entries] = []
        for number, node in enumerate(self.items(key)):
            name = _name_within(node, named_by) or str(number)
            inner = self.mapping(f"{key}.{name}", node, keys)
            if inner is not None:
                found.append(inner)
        return tuple(found)

    def mapping(self, key: str, node: nodes.Node, keys: Keys) -> Entries | None:
        """Return a node that must be a mapping, None where it is none."""
        if not isinstance(node, nodes.Mapping):
            what = f"{shown(key)} must be keys and values, not {nodes.kind_of(node)}"
            self.refuse(what, node.origin, _AS_MAPPING)
            return None
        return Entries(node, keys, self._reading, self.path_of(key))

    def items(self, key: str) -> tuple[nodes.Node, ...]:
        """Return the items of the list below a key."""
        node = self._nodes.get(key)
        if node is None:
            return ()
        if not isinstance(node, nodes.Sequence):
            what = f"{shown(key)} must be a list, not {nodes.kind_of(node)}"
            self.refuse(what, node.origin, "write `- ` before each of its items")
            return ()
        return node.items

    def templates(self, key: str) -> tuple[Text, ...]:
        """Return the texts of the list below a key."""
        found = (self._template(key, node) for node in self.items(key))
        return tuple(each for each in found if each is not None)

    def texts(self, key: str) -> tuple[str, ...]:
        """Return the texts of the list below a key, as plain text."""
        return tuple(each.raw for each in self.templates(key))

    def named(self, key: str) -> dict[str, Text]:
        """Return the texts of the mapping below a key."""
        node = self._nodes.get(key)
        if node is None:
            return {}
        if not isinstance(node, nodes.Mapping):
            what = f"{shown(key)} must be keys and values, not {nodes.kind_of(node)}"
            self.refuse(what, node.origin, _AS_MAPPING)
            return {}
        found = {
            entry.key.text: self._template(f"{key}.{entry.key.text}", entry.value)
            for entry in node.entries
        }
        return {name: text for name, text in found.items() if text is not None}

    def json(self, key: str) -> Text | None:
        """Return a text, or a list or mapping as JSON text; None where there is none."""
        node = self._nodes.get(key)
        if node is None or isinstance(node, nodes.Scalar):
            return self.template(key)
        return Text(json.dumps(_plain(node), ensure_ascii=False), node.origin)

    def _sort_in(self, entry: nodes.Entry) -> None:
        key, reading = entry.key.text, self._reading
        if key in self._keys.read:
            self.places[key] = entry.key.origin
            if not nodes.is_nothing(entry.value):
                self._nodes[key] = entry.value
        elif key in self._keys.cloud:
            reason = self._keys.cloud[key]
            path = self.path_of(key)
            reading.ignored.append(IgnoredKey(reading.job, path, reason, entry.key.origin))
        elif not key.startswith(_FREE_SPACE):
            self.unknown.append(key)
            what = f"{shown(key)} is no key of {self._keys.title}"
            fix = did_you_mean(key, self._keys.read | self._keys.cloud.keys())
            reading.found.append(UnknownKey(what, origin=entry.key.origin, fix=fix))

    def _template(self, key: str, node: nodes.Node) -> Text | None:
        text = self._scalar(key, node, frozenset(nodes.ScalarKind), "one value")
        return None if text is None else Text(text, node.origin)

    def _scalar(
        self, key: str, node: nodes.Node, kinds: frozenset[nodes.ScalarKind], wants: str
    ) -> str | None:
        """Return the text of a node that must be one value of these kinds, variables filled in."""
        if not isinstance(node, nodes.Scalar) or nodes.is_nothing(node):
            what = f"{shown(key)} must be {wants}, not {nodes.kind_of(node)}"
            self.refuse(what, node.origin, f"write {wants} behind `{key}:`")
            return None
        reading = self._reading
        if node.kind is nodes.ScalarKind.TEXT and "${" in node.text:
            try:
                return filled_in(node, environ=reading.environ, target=reading.target)
            except ConfigProblem as problem:
                reading.found.append(problem)
                return None
        if node.kind not in kinds:
            fix = f"write it without quotes: {node.text}" if _means(node.text) in kinds else None
            what = f"{shown(key)} must be {wants}, not {nodes.kind_of(node)}"
            self.refuse(what, node.origin, fix or f"write {wants} behind `{key}:`")
            return None
        is_switch = node.kind is nodes.ScalarKind.BOOLEAN
        return node.text.lower() if is_switch else node.text


def _name_within(node: nodes.Node, key: str | None) -> str | None:
    if key is None or not isinstance(node, nodes.Mapping):
        return None
    values = (entry.value for entry in node.entries if entry.key.text == key)
    found = next(values, None)
    return found.text if isinstance(found, nodes.Scalar) else None


def _means(text: str) -> nodes.ScalarKind | None:
    """Return what a text would be without its quotes, None where it would stay a text."""
    if text.lower() in {"true", "false"}:
        return nodes.ScalarKind.BOOLEAN
    return nodes.ScalarKind.WHOLE if text.isdigit() else None


def _plain(node: nodes.Node) -> object:
    """Return a node as JSON has it."""
    match node:
        case nodes.Sequence():
            return [_plain(item) for item in node.items]
        case nodes.Mapping():
            return {entry.key.text: _plain(entry.value) for entry in node.entries}
        case nodes.Scalar(kind=nodes.ScalarKind.NOTHING):
            return None
        case nodes.Scalar(kind=nodes.ScalarKind.BOOLEAN):
            return node.text.lower() == "true"
        case nodes.Scalar(kind=nodes.ScalarKind.WHOLE):
            return int(node.text)
        case nodes.Scalar(kind=nodes.ScalarKind.DECIMAL):
            return float(node.text)
        case nodes.Scalar():
            return node.text
