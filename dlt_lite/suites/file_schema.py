"""The JSON Schema of a file of expectations, for editors; made of the table of kinds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlt_lite.model.rule_terms import TERMS
from dlt_lite.model.rules import NullPolicy, RuleAction, Severity
from dlt_lite.suites import arguments
from dlt_lite.suites.entries import ACTION, CHECKS
from dlt_lite.suites.kinds import KINDS, Kind, Way

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = Mapping[str, Any]

_TEXT: Schema = {"type": "string"}
_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_TEXTS: Schema = {"type": "array", "items": {"type": "string"}}
_ONE_OR_MORE: Schema = {"anyOf": [_TEXT, _TEXTS]}
_OF_TERMS: Mapping[str, Schema] = {
    "mostly": _SHARE,
    "max_failures": {"type": "integer", "minimum": 0},
    "null": {"enum": [str(each) for each in NullPolicy]},
    "where": _TEXT,
    "severity": {"enum": [str(each) for each in Severity]},
    "owner": _TEXT,
    "tags": _ONE_OR_MORE,
    "description": _TEXT,
    "enabled": {"anyOf": [{"type": "boolean"}, _TEXT, _TEXTS]},
}
_OF_CHECKS: Mapping[str, Schema] = {
    "unique": _ONE_OR_MORE,
    "aggregate": _TEXT,
    "max_drop_ratio": _SHARE,
    "schema": {"type": ["string", "array", "object"]},
}
_OF_READERS: Mapping[arguments.Reader, Schema] = {
    arguments.bound: {"type": ["number", "string", "object"]},
    arguments.number: {"type": ["number", "object"]},
    arguments.whole: {"type": ["integer", "object"]},
    arguments.share: _SHARE,
    arguments.flag: {"type": ["boolean", "object"]},
    arguments.text: {"type": ["string", "object"]},
    arguments.column: _TEXT,
    arguments.columns: {**_TEXTS, "minItems": 2},
    arguments.texts: {**_TEXTS, "minItems": 1},
}


def expectations_schema() -> dict[str, Any]:
    """Return the schema of a file below `expectations/` that says `dataset: {rules: …}`."""
    rule = {"$ref": "#/$defs/rule"}
    listed = {"type": "array", "items": rule}
    named = {"type": "object", "additionalProperties": {"anyOf": [_TEXT, rule]}}
    columns = {
        "type": "object",
        "additionalProperties": {"type": "array", "items": {"anyOf": [_TEXT, rule]}},
    }
    terms = {ACTION: {"enum": [str(each) for each in RuleAction]}, **_terms()}
    dataset = _closed(
        {"defaults": _closed(terms), "rules": {"anyOf": [named, listed]}, "columns": columns}
    )
    return {
        "$schema": _DIALECT,
        "title": "expectations of dlt_lite",
        "type": "object",
        "additionalProperties": {"anyOf": [{"$ref": "#/$defs/dataset"}, listed]},
        "$defs": {"dataset": dataset, "rule": _rule(terms)},
    }


def _rule(terms: Schema) -> dict[str, Any]:
    asked = {
        "expect": _TEXT,
        **{name: _OF_CHECKS.get(name, {"type": "object"}) for name in CHECKS},
        **{name: _kind(kind) for name, kind in KINDS.items() if kind.way is not Way.NOWHERE},
    }
    long_form = {"type": {"enum": list(KINDS)}, "kwargs": {"type": "object"}, "meta": {}}
    return _closed({"name": _TEXT, **asked, **long_form, **terms})


def _terms() -> dict[str, Schema]:
    return {word: _OF_TERMS[word] for word in TERMS}


def _kind(kind: Kind) -> dict[str, Any]:
    properties = {each.name: dict(_OF_READERS.get(each.read, {})) for each in kind.every_argument}
    return {**_closed(properties), "type": ["object", "null"]}


def _closed(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "additionalProperties": False}
