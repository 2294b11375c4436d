"""Schemas as values, read from Spark's JSON form, compared without Spark."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Column:
    """One top-level column.

    Attributes:
        name: the column's name.
        type: Spark's JSON form of its type, as canonical text.
        nullable: whether it may hold NULL.
    """

    name: str
    type: str
    nullable: bool

    @property
    def shown_type(self) -> str:
        """The type as a person reads it."""
        plain = json.loads(self.type)
        return plain if isinstance(plain, str) else str(plain["type"])


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns of a table or a query's result, in order."""

    columns: tuple[Column, ...]
    text: str

    def column(self, name: str) -> Column | None:
        """Return the column of a name, case apart, None where there is none."""
        wanted = name.lower()
        return next((each for each in self.columns if each.name.lower() == wanted), None)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(each.name for each in self.columns)


Kind = str | Mapping[str, "Kind"] | Sequence["Kind"]


def schema_of(columns: Mapping[str, Kind]) -> Schema:
    """Return the schema of columns that may all hold NULL.

    Args:
        columns: each with its type: Spark's name of it, a mapping for a struct, a sequence of one
            type for an array.
    """
    return schema_from_json(json.dumps(_spelled(columns)))


def _spelled(kind: Kind) -> object:
    match kind:
        case str():
            return kind
        case Mapping():
            fields = [
                {"name": name, "type": _spelled(each), "nullable": True, "metadata": {}}
                for name, each in kind.items()
            ]
            return {"type": "struct", "fields": fields}
        case _:
            [element] = kind
            return {"type": "array", "elementType": _spelled(element), "containsNull": True}


def schema_from_json(text: str) -> Schema:
    """Return the schema that Spark wrote as `text`."""
    fields = json.loads(text)["fields"]
    columns = (
        Column(each["name"], json.dumps(_bare(each["type"]), sort_keys=True), each["nullable"])
        for each in fields
    )
    return Schema(tuple(columns), text)


def _bare(kind: object) -> object:
    """Return a type without comments, metadata and nullability, which do not make it another."""
    if isinstance(kind, dict):
        left_out = {"metadata", "nullable", "containsNull", "valueContainsNull"}
        return {key: _bare(value) for key, value in kind.items() if key not in left_out}
    if isinstance(kind, list):
        return [_bare(each) for each in kind]
    return kind


def as_stored(schema: Schema) -> Schema:
    """Return the schema that a table has which was made for a query's result: all may be NULL.

    A constant is never NULL today; a table must not hold the query to that tomorrow.
    """
    return schema_from_json(json.dumps(_nullable(json.loads(schema.text))))


def _nullable(kind: object) -> object:
    if isinstance(kind, dict):
        may = {"nullable", "containsNull", "valueContainsNull"}
        return {
            key: value if key == "metadata" else key in may or _nullable(value)
            for key, value in kind.items()
        }
    return [_nullable(each) for each in kind] if isinstance(kind, list) else kind


@dataclass(frozen=True, slots=True)
class Place:
    """A column, or what lies inside one.

    Attributes:
        path: the names that lead to it; `element`, `key` and `value` lead into arrays and maps.
        is_field: whether it is a column or a field of a struct.
        shown_type: its type as a person reads it.
    """

    path: tuple[str, ...]
    is_field: bool
    shown_type: str

    def __str__(self) -> str:
        """Return the path with dots."""
        return ".".join(self.path)


def places(schema: Schema) -> Iterator[Place]:
    """Yield every column of a schema and all that lies inside, from the outside in."""
    for column in schema.columns:
        yield from _places((column.name,), json.loads(column.type), is_field=True)


def _places(
    path: tuple[str, ...], kind: str | dict[str, Any], *, is_field: bool
) -> Iterator[Place]:
    if isinstance(kind, str):
        yield Place(path, is_field, kind)
        return
    yield Place(path, is_field, kind["type"])
    for field in kind.get("fields", ()):
        yield from _places((*path, field["name"]), field["type"], is_field=True)
    inside = {"elementType": "element", "keyType": "key", "valueType": "value"}
    for key, word in inside.items():
        if key in kind:
            yield from _places((*path, word), kind[key], is_field=False)


Path = tuple[str, ...]


def required(schema: Schema) -> dict[Path, Path]:
    """Return the columns and fields of structs that may not hold NULL: as compared, as written."""
    return {_lower(path): path for path, field in _fields(schema) if not field["nullable"]}


def comments(schema: Schema) -> dict[Path, tuple[Path, str]]:
    """Return every column and field of a struct, as compared: as written, and its comment."""
    return {
        _lower(path): (path, field.get("metadata", {}).get("comment", ""))
        for path, field in _fields(schema)
    }


def _fields(schema: Schema) -> Iterator[tuple[Path, dict[str, Any]]]:
    waiting: list[tuple[Path, dict[str, Any]]] = [
        ((each["name"],), each) for each in json.loads(schema.text)["fields"]
    ]
    while waiting:
        path, field = waiting.pop(0)
        yield path, field
        kind = field["type"]
        if isinstance(kind, dict) and kind["type"] == "struct":
            waiting += [((*path, each["name"]), each) for each in kind["fields"]]


def _lower(path: Path) -> Path:
    return tuple(part.lower() for part in path)


class SchemaClash(ValueError):
    """Two schemas give one column different types; the text says which."""


def merged(first: Schema, second: Schema) -> Schema:
    """Return the first schema with the columns that only the second has behind its own.

    What only one of them has may hold NULL.

    Raises:
        SchemaClash: a column has another type in the second.
    """
    both = _merged_type("", json.loads(first.text), json.loads(second.text))
    return schema_from_json(json.dumps(both))


def _merged_type(where: str, first: Any, second: Any) -> Any:  # noqa: ANN401 - JSON
    """Return what holds the values of two types at a place in a schema."""
    kinds = {each["type"] if isinstance(each, dict) else each for each in (first, second)}
    if kinds == {"struct"}:
        return {
            "type": "struct",
            "fields": _merged_fields(where, first["fields"], second["fields"]),
        }
    if kinds == {"array"}:
        inner = _merged_type(f"{where}.element", first["elementType"], second["elementType"])
        has_null = first["containsNull"] or second["containsNull"]
        return {**first, "elementType": inner, "containsNull": has_null}
    if kinds == {"map"}:
        key = _merged_type(f"{where}.key", first["keyType"], second["keyType"])
        inner = _merged_type(f"{where}.value", first["valueType"], second["valueType"])
        has_null = first["valueContainsNull"] or second["valueContainsNull"]
        return {**first, "keyType": key, "valueType": inner, "valueContainsNull": has_null}
    if json.dumps(_bare(first), sort_keys=True) != json.dumps(_bare(second), sort_keys=True):
        message = f"column {where!r} is {_shown(first)} in one and {_shown(second)} in the other"
        raise SchemaClash(message)
    return first


def _merged_fields(where: str, first: list[Any], second: list[Any]) -> list[Any]:
    later = {each["name"].lower(): each for each in second}
    kept = [_merged_field(where, each, later.pop(each["name"].lower(), None)) for each in first]
    return [*kept, *({**each, "nullable": True} for each in later.values())]


def _merged_field(
    where: str, field: dict[str, Any], other: dict[str, Any] | None
) -> dict[str, Any]:
    if other is None:
        return {**field, "nullable": True}
    place = f"{where}.{field['name']}" if where else field["name"]
    kind = _merged_type(place, field["type"], other["type"])
    return {**field, "nullable": field["nullable"] or other["nullable"], "type": kind}


def _shown(kind: object) -> str:
    return kind if isinstance(kind, str) else json.dumps(_bare(kind))
