"""The result model to JSON and back, and its JSON Schema; all three read off the records.

Plain values in, records out, strictly: what the model does not know is refused by its place. A
field that came later has a default, so that what an older version wrote can be read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import StrEnum
from functools import cache
from inspect import getdoc
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from dlt_lite.model.results import RuleResult, UpdateQuality

RESULTS_VERSION = 2
_VERSION = "results_version"
# What every small file of a run folder says of itself; no part of the model.
_FORMAT = "format"
# Said for readers of the JSON, and left aside by ours, since the other fields decide it.
_DERIVED: dict[type, Mapping[str, object]] = {RuleResult: {"ratio": float | None}}
_JSON_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}

Decoder = Callable[[Any], Any]


class ResultProblem(ValueError):
    """A document that is not of the result model; the text says where and why."""


class ResultTooNew(ValueError):
    """A document of a later version of the result model."""


def encoded(update: UpdateQuality) -> dict[str, Any]:
    """Return an update's results as plain dictionaries, lists and values."""
    return {_VERSION: RESULTS_VERSION, **_plain(update)}


def decoded(plain: object, *, samples: bool = True) -> UpdateQuality:
    """Return the results that a document holds.

    Args:
        plain: the document.
        samples: whether the rows that rules show are wanted.

    Raises:
        ResultProblem: it has an unknown field, lacks one, or a value is of another kind.
        ResultTooNew: a later version wrote it.
    """
    if not isinstance(plain, Mapping):
        raise ResultProblem("it is no object")
    body = dict(plain)
    body.pop(_FORMAT, None)
    version = body.pop(_VERSION, None)
    if type(version) is not int or version < 1:
        raise ResultProblem(f"{_VERSION}: {version!r} is no version")
    if version > RESULTS_VERSION:
        raise ResultTooNew(f"{_VERSION} is {version}; this version knows {RESULTS_VERSION}")
    if not samples:
        body["rules"] = _without_samples(body.get("rules", []))
    update: UpdateQuality = _decoder(UpdateQuality)(body)
    return update


def results_schema() -> dict[str, Any]:
    """Return the JSON Schema of the documents that `encoded` makes."""
    definitions: dict[str, Any] = {}
    root = _record_schema(UpdateQuality, definitions)
    form = {"type": "integer", "description": "the format of the file around the results."}
    version = {
        "type": "integer",
        "minimum": 1,
        "maximum": RESULTS_VERSION,
        "description": "the version of the model that it was written by.",
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dlt_lite quality results",
        **root,
        "properties": {_FORMAT: form, _VERSION: version, **root["properties"]},
        "required": [_VERSION, *root["required"]],
        "$defs": dict(sorted(definitions.items())),
    }


def _without_samples(rules: object) -> object:
    if not isinstance(rules, list):
        return rules
    return [{**rule, "samples": []} if isinstance(rule, dict) else rule for rule in rules]


def _plain(value: object) -> Any:  # noqa: ANN401 - JSON
    if is_dataclass(value):
        kind = type(value)
        names = (*(each.name for each in fields(value)), *_DERIVED.get(kind, ()))
        return {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, StrEnum) else value


@cache
def _decoder(hint: Any) -> Decoder:  # noqa: ANN401 - a type hint
    origin, inner = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType}:
        [some] = (each for each in inner if each is not type(None))
        return _optional(_decoder(some))
    if origin is tuple:
        return _many(_decoder(inner[0]))
    if is_dataclass(hint):
        return _record(hint)
    if issubclass(hint, StrEnum):
        return _word(hint)
    return _value(hint)


def _optional(decode: Decoder) -> Decoder:
    return lambda plain: None if plain is None else decode(plain)


def _many(decode: Decoder) -> Decoder:
    def many(plain: object) -> tuple[Any, ...]:
        if not isinstance(plain, list | tuple):
            raise ResultProblem(f"{plain!r:.60} is no list")
        return tuple(map(decode, plain))

    return many


def _word(kind: type[StrEnum]) -> Decoder:
    words = {str(each): each for each in kind}

    def word(plain: object) -> StrEnum:
        found = words.get(plain) if isinstance(plain, str) else None
        if found is None:
            raise ResultProblem(f"{plain!r:.60} is none of {', '.join(words)}")
        return found

    return word


def _value(kind: type) -> Decoder:
    kinds = {kind, int} if kind is float else {kind}

    def value(plain: object) -> object:
        if type(plain) not in kinds:
            raise ResultProblem(f"{plain!r:.60} is no {_JSON_TYPES[kind]}")
        return plain

    return value


def _record(kind: Any) -> Decoder:  # noqa: ANN401 - a dataclass
    hints = get_type_hints(kind)
    decoders = {each.name: _decoder(hints[each.name]) for each in fields(kind)}
    wanted = {each.name for each in fields(kind) if _is_required(each)}
    known = {*decoders, *_DERIVED.get(kind, ())}

    def record(plain: object) -> object:
        if not isinstance(plain, Mapping):
            raise ResultProblem(f"{plain!r:.60} is no object")
        if missing := wanted - plain.keys():
            raise ResultProblem(f"{', '.join(sorted(missing))} is missing")
        if unknown := plain.keys() - known:
            raise ResultProblem(f"{min(map(str, unknown))} is no field of this version")
        values, name = {}, ""
        try:
            for name, decode in decoders.items():
                if name in plain:
                    values[name] = decode(plain[name])
        except ResultProblem as problem:
            raise ResultProblem(f"{name}: {problem}") from None
        return kind(**values)

    return record


def _is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _schema(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - a hint
    origin, inner = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType}:
        [some] = (each for each in inner if each is not type(None))
        return {"anyOf": [_schema(some, definitions), {"type": "null"}]}
    if origin is tuple:
        return {"type": "array", "items": _schema(inner[0], definitions)}
    if is_dataclass(hint):
        name = hint.__name__  # type: ignore[union-attr]
        if name not in definitions:
            definitions[name] = {}
            definitions[name] = _record_schema(hint, definitions)
        return {"$ref": f"#/$defs/{name}"}
    if issubclass(hint, StrEnum):
        return {"enum": [str(each) for each in hint]}
    return {"type": _JSON_TYPES[hint]}


def _record_schema(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    hints = get_type_hints(kind) | dict(_DERIVED.get(kind, {}))
    summary, told = _told(kind)
    derived = list(_DERIVED.get(kind, ()))
    told |= {name: _summary(getattr(kind, name)) for name in derived}
    names = [each.name for each in fields(kind)] + derived
    return {
        "type": "object",
        "description": summary,
        "properties": {
            name: _schema(hints[name], definitions)
            | ({"description": told[name]} if name in told else {})
            for name in names
        },
        "required": [each.name for each in fields(kind) if _is_required(each)],
        "additionalProperties": False,
    }


def _told(kind: type) -> tuple[str, dict[str, str]]:
    """Return what a record's docstring says of it, and of each of its fields."""
    _, _, attributes = (getdoc(kind) or "").partition("Attributes:\n")
    told: dict[str, str] = {}
    name = ""
    for line in attributes.splitlines():
        if line.startswith("        "):
            told[name] += f" {line.strip()}"
        elif line.strip():
            name, _, text = line.strip().partition(": ")
            told[name] = text
    return _summary(kind), told


def _summary(documented: object) -> str:
    return (getdoc(documented) or "").partition("\n")[0]
