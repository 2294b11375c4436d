"""In what a column of a table and the same column of a query differ. Types in, words out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where a query does not yield what a table has.

    Attributes:
        column: the column or the field inside it, as `a.b`.
        has: the type in the table.
        yields: the type in the query, None where it yields nothing of that name.
    """

    column: str
    has: str
    yields: str | None


def differences(has: str, yields: str, column: str) -> Iterator[Difference]:
    """Yield what a column's type in a table has and the query's does not.

    Fields that only the query has are no difference: they can be added to the table.

    Args:
        has: the type in the table, as Spark's JSON.
        yields: the type in the query, as Spark's JSON.
        column: the column's name.
    """
    return _differences(json.loads(has), json.loads(yields), column)


def _differences(has: Any, yields: Any, where: str) -> Iterator[Difference]:  # noqa: ANN401 - JSON
    inside = _parts(has)
    if _kind(has) != _kind(yields) or (not inside and has != yields):
        yield Difference(where, _kind(has), _kind(yields))
        return
    others = {name.lower(): kind for name, kind in _parts(yields)}
    for name, kind in inside:
        if name.lower() in others:
            yield from _differences(kind, others[name.lower()], f"{where}.{name}")
        else:
            yield Difference(f"{where}.{name}", _kind(kind), None)


def _parts(plain: Any) -> list[tuple[str, Any]]:  # noqa: ANN401 - JSON
    """Return the types inside a nested one, with the names by which Spark reaches them."""
    match _kind(plain):
        case "struct":
            return [(each["name"], each["type"]) for each in plain["fields"]]
        case "array":
            return [("element", plain["elementType"])]
        case "map":
            return [("key", plain["keyType"]), ("value", plain["valueType"])]
        case _:
            return []


def _kind(plain: Any) -> str:  # noqa: ANN401 - JSON
    """Return a type as a person reads it, of a nested one the outermost part."""
    return str(plain if isinstance(plain, str) else plain["type"])
