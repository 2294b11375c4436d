"""What a configuration file says, each part with its place: the tree between text and settings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from dlt_lite.model.origin import Origin


class ScalarKind(Enum):
    """What a single value is; the value is how a person calls it."""

    TEXT = "text"
    WHOLE = "a whole number"
    DECIMAL = "a decimal number"
    BOOLEAN = "true or false"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value, as it was written.

    Attributes:
        text: the value's text, without its quotes.
        kind: what it is; quoted values are always text.
        origin: where it stands.
    """

    text: str
    kind: ScalarKind
    origin: Origin


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list of values."""

    items: tuple[Node, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class Entry:
    """A key and its value."""

    key: Scalar
    value: Node


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and values, no key twice, in the order of the file."""

    entries: tuple[Entry, ...]
    origin: Origin


Node: TypeAlias = Scalar | Sequence | Mapping


def kind_of(node: Node) -> str:
    """Return what a node is, in a person's words."""
    match node:
        case Scalar():
            return node.kind.value
        case Sequence():
            return "a list"
        case Mapping():
            return "a mapping"


def is_nothing(node: Node) -> bool:
    """Return whether a key was written without a value, or with `null`."""
    return isinstance(node, Scalar) and node.kind is ScalarKind.NOTHING


def of_value(value: object, origin: Origin) -> Node:
    """Return a value of plain Python, such as code or TOML has, as a node at one place."""
    match value:
        case dict():
            entries = (
                Entry(Scalar(str(key), ScalarKind.TEXT, origin), of_value(inner, origin))
                for key, inner in value.items()
            )
            return Mapping(tuple(entries), origin)
        case list() | tuple():
            return Sequence(tuple(of_value(item, origin) for item in value), origin)
        case None:
            return Scalar("", ScalarKind.NOTHING, origin)
        case bool():
            return Scalar(str(value).lower(), ScalarKind.BOOLEAN, origin)
        case int():
            return Scalar(str(value), ScalarKind.WHOLE, origin)
        case float():
            return Scalar(repr(value), ScalarKind.DECIMAL, origin)
        case _:
            return Scalar(str(value), ScalarKind.TEXT, origin)
