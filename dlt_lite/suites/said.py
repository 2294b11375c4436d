"""What a file or a Python dictionary says, each part with its place: one tree for all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

from dlt_lite.errors import BadSuite
from dlt_lite.model.origin import Origin
from dlt_lite.project import nodes
from dlt_lite.project.suggestions import did_you_mean, shown

_DEEPEST = 50
# Python refuses to read thousands of digits.
_LONGEST_WHOLE = 400


@dataclass(frozen=True, slots=True)
class SaidValue:
    """One value."""

    value: object
    origin: Origin


@dataclass(frozen=True, slots=True)
class SaidList:
    """Several things in order."""

    items: tuple[Said, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class SaidEntry:
    """A key, what stands under it, and where the key stands."""

    key: str
    value: Said
    origin: Origin


@dataclass(frozen=True, slots=True)
class SaidMap:
    """Things by their keys, no key twice."""

    entries: tuple[SaidEntry, ...]
    origin: Origin

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys, in order."""
        return tuple(each.key for each in self.entries)

    def get(self, key: str) -> Said | None:
        """Return what stands under a key, None where nothing or `null` does."""
        found = next((each.value for each in self.entries if each.key == key), None)
        return None if isinstance(found, SaidValue) and found.value is None else found


Said: TypeAlias = SaidValue | SaidList | SaidMap


def said_by(node: nodes.Node) -> Said:
    """Return what a file's tree says, its numbers and booleans as Python's."""
    match node:
        case nodes.Scalar():
            return SaidValue(scalar_value(node.text, node.kind), node.origin)
        case nodes.Sequence():
            return SaidList(tuple(map(said_by, node.items)), node.origin)
        case nodes.Mapping():
            entries = (
                SaidEntry(each.key.text, said_by(each.value), each.key.origin)
                for each in node.entries
            )
            return SaidMap(tuple(entries), node.origin)


def scalar_value(text: str, kind: nodes.ScalarKind) -> object:
    """Return the Python value that a scalar means."""
    match kind:
        case nodes.ScalarKind.NOTHING:
            return None
        case nodes.ScalarKind.BOOLEAN:
            return text.lower() == "true"
        case nodes.ScalarKind.WHOLE if len(text) <= _LONGEST_WHOLE:
            return int(text)
        case nodes.ScalarKind.WHOLE | nodes.ScalarKind.DECIMAL:
            return float(text)
        case nodes.ScalarKind.TEXT:
            return text


def said_in(value: object, origin: Origin, depth: int = 0) -> Said:
    """Return what a Python value says; all of it stands at one line.

    Raises:
        BadSuite: a key is no text, or it is nested without end.
    """
    if depth > _DEEPEST:
        raise BadSuite(f"nested deeper than {_DEEPEST} levels", origin=origin)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise BadSuite(f"the key {key!r} is no text", origin=origin, fix="name it by text")
        entries = (
            SaidEntry(key, said_in(each, origin, depth + 1), origin) for key, each in value.items()
        )
        return SaidMap(tuple(entries), origin)
    if isinstance(value, list | tuple | set | frozenset):
        return SaidList(tuple(said_in(each, origin, depth + 1) for each in value), origin)
    return SaidValue(value, origin)


def plain(said: Said) -> Any:  # noqa: ANN401 - whatever was said
    """Return what was said as Python's own dictionaries, lists and values."""
    match said:
        case SaidValue():
            return said.value
        case SaidList():
            return [plain(each) for each in said.items]
        case SaidMap():
            return {each.key: plain(each.value) for each in said.entries}


def kind_of(said: Said) -> str:
    """Return what was said, in a person's words."""
    match said:
        case SaidMap():
            return "a mapping"
        case SaidList():
            return "a list"
        case SaidValue():
            return "nothing" if said.value is None else re.sub(r"\s+", " ", shown(str(said.value)))


def is_nothing(said: Said) -> bool:
    """Return whether a key has no value."""
    return isinstance(said, SaidValue) and said.value is None


def as_map(said: Said, what: str, fix: str) -> SaidMap:
    """Return what must be a mapping; nothing at all is an empty one.

    Raises:
        BadSuite: it is something else.
    """
    if is_nothing(said):
        return SaidMap((), said.origin)
    if not isinstance(said, SaidMap):
        refuse(said.origin, f"{what} must be a mapping, not {kind_of(said)}", fix)
    return said


def as_list(said: Said, what: str, fix: str) -> tuple[Said, ...]:
    """Return what must be a list; nothing at all is an empty one.

    Raises:
        BadSuite: it is something else.
    """
    if is_nothing(said):
        return ()
    if not isinstance(said, SaidList):
        refuse(said.origin, f"{what} must be a list, not {kind_of(said)}", fix)
    return said.items


def as_text(said: Said, what: str) -> str:
    """Return what must be text.

    Raises:
        BadSuite: it is something else, or nothing.
    """
    if not isinstance(said, SaidValue) or not isinstance(said.value, str) or not said.value.strip():
        refuse(said.origin, f"{what} must be text, not {kind_of(said)}", "give it in quotes")
    return said.value


def refuse_unknown(said: SaidMap, known: Iterable[str], what: str) -> None:
    """Refuse the first key that is none of the known.

    Raises:
        BadSuite: there is one.
    """
    words = tuple(known)
    for each in said.entries:
        if each.key not in words:
            refuse(each.origin, f"{what} has no {shown(each.key)}", did_you_mean(each.key, words))


def refuse(origin: Origin, what: str, fix: str) -> NoReturn:
    """Refuse something at its place.

    Raises:
        BadSuite: always.
    """
    raise BadSuite(what, origin=origin, fix=fix)
