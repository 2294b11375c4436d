"""Names of datasets: read from text, completed by a namespace, compared without case."""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST_NAME = 128
_PART = re.compile(r"[A-Za-z0-9_]+")
_ODD = re.compile(r"[`\s]")
_TOKEN = re.compile(r"\s*(?:`((?:[^`]|``)*)`|([^.`\s]+))\s*")
LEGACY_SCHEMA = "live"


class NameProblem(ValueError):
    """A name that cannot be a dataset's; the text says why."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """Where a pipeline publishes: what a one-part or two-part name is completed by."""

    schema: str
    catalog: str | None = None


@dataclass(frozen=True, slots=True)
class DatasetName:
    """A dataset's full name; two that differ in case only are equal.

    Attributes:
        schema: the schema part, in lower case.
        table: the last part, in lower case.
        catalog: the catalog part, in lower case, or None where the project names no catalog.
    """

    schema: str
    table: str
    catalog: str | None = None

    def __str__(self) -> str:
        """Return the parts with dots between them."""
        return ".".join(part for part in (self.catalog, self.schema, self.table) if part)

    def short(self, namespace: Namespace) -> str:
        """Return the shortest name that means this dataset within a namespace."""
        if self.catalog != lowered(namespace.catalog):
            return str(self)
        if self.schema != namespace.schema.lower():
            return f"{self.schema}.{self.table}"
        return self.table


def lowered(part: str | None) -> str | None:
    """Return a part in lower case, None staying None."""
    return None if part is None else part.lower()


def split_identifier(text: str) -> tuple[str, ...]:
    """Split `a.b.c`, with or without back quotes, into its parts.

    Raises:
        NameProblem: the text is no identifier of parts and dots.
    """
    parts: list[str] = []
    position = 0
    while True:
        token = _TOKEN.match(text, position)
        if token is None:
            message = f"{text!r} is not a name"
            raise NameProblem(message)
        quoted, bare = token.groups()
        parts.append(bare if quoted is None else quoted.replace("``", "`"))
        position = token.end()
        if position == len(text):
            return tuple(parts)
        if text[position] != ".":
            message = f"{text!r} is not a name"
            raise NameProblem(message)
        position += 1


def dataset_name(text: str, namespace: Namespace) -> DatasetName:
    """Return the full name that `text` declares within a namespace.

    Raises:
        NameProblem: more than three parts, a part that is empty, too long, or has other
            characters than letters, digits and underscores.
    """
    parts = split_identifier(text)
    for part in parts:
        if not _PART.fullmatch(part) or _ODD.search(text):
            message = f"{text!r}: a name has letters, digits and underscores only"
            raise NameProblem(message)
        if len(part) > LONGEST_NAME:
            message = f"{part[:20]}…: a name has at most {LONGEST_NAME} characters"
            raise NameProblem(message)
    name = qualify(parts, namespace)
    if name is None:
        message = f"{text!r}: a name has at most three parts (catalog.schema.table)"
        raise NameProblem(message)
    return name


def qualify(parts: tuple[str, ...], namespace: Namespace) -> DatasetName | None:
    """Return the dataset that an identifier's parts mean within a namespace, None for four parts.

    `LIVE.x`, the older way to name a dataset of one's own pipeline, means `x`.
    """
    match tuple(part.lower() for part in parts):
        case (table,):
            return DatasetName(namespace.schema.lower(), table, lowered(namespace.catalog))
        case (schema, table) if schema == LEGACY_SCHEMA:
            return DatasetName(namespace.schema.lower(), table, lowered(namespace.catalog))
        case (schema, table):
            return DatasetName(schema, table, lowered(namespace.catalog))
        case (catalog, schema, table):
            plain = namespace.catalog is None and catalog == "spark_catalog"
            return DatasetName(schema, table, None if plain else catalog)
        case _:
            return None
