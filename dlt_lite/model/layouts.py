"""Whether columns stand as a `HasLayout` check wants; names and types in, a sentence out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from dlt_lite.model.checks import HasLayout
from dlt_lite.model.schema import Schema

# Spark's type classes by the names that its JSON has for them.
_CLASSES: Mapping[str, str] = {
    "array": "ArrayType",
    "binary": "BinaryType",
    "boolean": "BooleanType",
    "byte": "ByteType",
    "char": "CharType",
    "date": "DateType",
    "decimal": "DecimalType",
    "double": "DoubleType",
    "float": "FloatType",
    "integer": "IntegerType",
    "long": "LongType",
    "map": "MapType",
    "short": "ShortType",
    "string": "StringType",
    "struct": "StructType",
    "timestamp": "TimestampType",
    "timestamp_ntz": "TimestampNTZType",
    "varchar": "VarcharType",
    "variant": "VariantType",
    "void": "NullType",
}
_WHOLE = ("ByteType", "ShortType", "IntegerType", "LongType")
_FRACTIONS = ("DecimalType", "DoubleType", "FloatType")
_FAMILIES: Mapping[str, frozenset[str]] = {
    "IntegralType": frozenset(_WHOLE),
    "FractionalType": frozenset(_FRACTIONS),
    "NumericType": frozenset((*_WHOLE, *_FRACTIONS)),
    "DataType": frozenset(_CLASSES.values()),
}
TYPE_CLASSES = frozenset((*_CLASSES.values(), *_FAMILIES))


def layout_breach(check: HasLayout, schema: Schema) -> str | None:
    """Return what is wrong with the columns of a dataset, None where nothing is.

    As Great Expectations counts them, a struct's fields are columns, too, behind the struct: `a.b`.

    Args:
        check: what is wanted.
        schema: the columns.
    """
    names = tuple(_names(json.loads(schema.text)))
    if check.least is not None and len(names) < check.least:
        return f"there are {len(names)} columns, fewer than {check.least}"
    if check.most is not None and len(names) > check.most:
        return f"there are {len(names)} columns, more than {check.most}"
    return _names_breach(check, names) or _types_breach(check, schema)


def _names(struct: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """Yield the names of all columns as Great Expectations spells them, those with dots quoted."""
    for field in struct["fields"]:
        name, kind = field["name"], field["type"]
        is_plain = "." not in name or (name.startswith("`") and name.endswith("`"))
        yield f"{above}{name if is_plain else f'`{name}`'}"
        if isinstance(kind, dict) and kind["type"] == "struct":
            yield from _names(kind, f"{above}{name}.")


def _names_breach(check: HasLayout, names: tuple[str, ...]) -> str | None:
    if missing := [name for name in check.names if name not in names]:
        return f"there is no column {', '.join(missing)}"
    others = [name for name in names if name not in check.names]
    if others and not check.others:
        return f"there are other columns: {', '.join(others)}"
    if check.ordered and names != check.names:
        return f"the columns stand in another order: {', '.join(names)}"
    position = check.position
    if position is None:
        return None
    there = -len(names) <= position < len(names) and names[position] == check.names[0]
    return None if there else f"column {check.names[0]} is not at position {position}"


def _types_breach(check: HasLayout, schema: Schema) -> str | None:
    if not check.types:
        return None
    wanted = frozenset[str]().union(*(_FAMILIES.get(each, {each}) for each in check.types))
    for column in schema.columns:
        found = _class_of(column.shown_type)
        if column.name in check.names and found not in wanted:
            return f"column {column.name} is of type {found}"
    return None


def _class_of(shown_type: str) -> str:
    name = shown_type.partition("(")[0].strip()
    return _CLASSES.get(name, name)
