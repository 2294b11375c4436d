"""`[tool.dlt_lite]` of a pyproject.toml → the same nodes that YAML gives, without line numbers."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping as AnyMapping
from pathlib import Path

from dlt_lite.errors import BadValue, BadYaml
from dlt_lite.model.origin import Origin
from dlt_lite.project.nodes import Entry, Mapping, Node, Scalar, ScalarKind, Sequence, of_value
from dlt_lite.project.yaml_reader import read_bounded

PYPROJECT = "pyproject.toml"

_ORIGIN = Origin(PYPROJECT)
_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)")
# TOML makes tables of dotted keys, and the keys of these two are dotted as a rule.
_DOTTED = frozenset({"configuration", "spark"})


def read_pyproject(file: Path) -> Mapping | None:
    """Read the table `tool.dlt_lite`, None where the file has none.

    Raises:
        BadYaml: the file cannot be read or is no TOML.
        BadValue: `tool.dlt_lite` is no table.
    """
    content = read_bounded(file, PYPROJECT)
    # Most files do not mention us: no need to parse them, nor to mind their faults.
    if b"dlt_lite" not in content:
        return None
    try:
        return _our_table(_parsed(content))
    except RecursionError as error:
        raise BadYaml("nested too deeply", origin=_ORIGIN, fix="write it flatter") from error


def _our_table(document: AnyMapping[str, object]) -> Mapping | None:
    tool = document.get("tool")
    table = tool.get("dlt_lite") if isinstance(tool, dict) else None
    if table is None:
        return None
    if not isinstance(table, dict):
        raise BadValue("tool.dlt_lite must be a table", origin=_ORIGIN, fix="[tool.dlt_lite]")
    return _level(table)


def _parsed(content: bytes) -> dict[str, object]:
    try:
        return tomllib.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadYaml("not UTF-8", origin=_ORIGIN, fix="save the file as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        place = _PLACE.search(str(error))
        numbers = (int(place[1]), int(place[2])) if place is not None else (0, 0)
        origin = Origin(PYPROJECT, *numbers)
        raise BadYaml(f"not TOML: {error}", origin=origin, fix="correct the line") from error


def _level(table: AnyMapping[str, object]) -> Mapping:
    return Mapping(tuple(_entry(key, value) for key, value in table.items()), _ORIGIN)


def _entry(key: str, value: object) -> Entry:
    name = Scalar(key, ScalarKind.TEXT, _ORIGIN)
    if key in _DOTTED and isinstance(value, dict):
        return Entry(name, Mapping(tuple(_flattened(value, "")), _ORIGIN))
    if key == "targets" and isinstance(value, dict):
        return Entry(name, _targets(value))
    return Entry(name, _node(value))


def _targets(targets: AnyMapping[str, object]) -> Mapping:
    entries = [
        Entry(
            Scalar(name, ScalarKind.TEXT, _ORIGIN),
            _level(target) if isinstance(target, dict) else _node(target),
        )
        for name, target in targets.items()
    ]
    return Mapping(tuple(entries), _ORIGIN)


def _flattened(table: AnyMapping[str, object], prefix: str) -> list[Entry]:
    entries: list[Entry] = []
    for key, value in table.items():
        if isinstance(value, dict):
            entries.extend(_flattened(value, f"{prefix}{key}."))
        else:
            name = Scalar(prefix + key, ScalarKind.TEXT, _ORIGIN)
            entries.append(Entry(name, _node(value)))
    return entries


def _node(value: object) -> Node:
    match value:
        case dict():
            return _level(value)
        case list():
            return Sequence(tuple(_node(item) for item in value), _ORIGIN)
        case _:
            return of_value(value, _ORIGIN)
