"""Names of tables in SQL text: where they stand, and what to write in their place.

Spark's own parser says where. CTE names are subtracted by scope: a CTE may have a dataset's name.
A table's name is replaced by that of a temporary view which nobody else can have, and keeps its own
as an alias, so that columns may be qualified by it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, NamedTuple

from pyspark.sql import SparkSession

from dlt_lite.engine.sql_commands import VIEW_COMMAND, forbidden, refuse_command
from dlt_lite.engine.sql_parsing import (
    Arguments,
    Edit,
    evaluated,
    every_plan,
    items,
    parsed_text,
    quoted,
    stop_of,
)
from dlt_lite.errors import BadSql

VIEW_PREFIX = "_dlt_lite_"
_WRITES = frozenset(
    {
        "InsertIntoStatement",
        "UpdateTable",
        "DeleteFromTable",
        "MergeIntoTable",
        "Call",
        "UnresolvedExecuteImmediate",
    }
)
_TIME_TRAVEL = "RelationTimeTravel"
_NAMED = frozenset({"UnresolvedRelation", _TIME_TRAVEL})
_ALIASES = frozenset({"SubqueryAlias", "UnresolvedSubqueryColumnAliases"})
_TAILS = frozenset({"Sample", "GlobalLimit", "LocalLimit", "UnresolvedEventTimeWatermark"})
_TRANSPARENT = _ALIASES | _TAILS | {"NamedStreamingRelation"}
_GAP = r"(?:\s|/\*.*?\*/|--[^\n]*\n)*"
_PART = r"(?:`(?:[^`]|``)*`|\w+)"
_STREAMED = re.compile(
    rf"STREAM{_GAP}\(?{_GAP}(?P<name>{_PART}(?:{_GAP}\.{_GAP}{_PART})*)", re.IGNORECASE | re.DOTALL
)
_AS_OF = re.compile(rf"^.*?\bAS{_GAP}OF\b", re.IGNORECASE | re.DOTALL)
_TABLE_BEFORE = re.compile(rf"\bTABLE{_GAP}\(?{_GAP}$", re.IGNORECASE | re.DOTALL)
_OPTIONS_BEHIND = re.compile(
    rf"{_GAP}WITH{_GAP}\((?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^)])*\)",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class SqlReference:
    """One mention of a table.

    Attributes:
        parts: the identifier's parts.
        streaming: whether it stands in `STREAM`.
        options: what `WITH (…)` behind it says.
        start: where its name begins, in characters.
        stop: the position behind its name.
        alias_at: where an alias may be added; None where one follows or none may stand.
        clauses: where clauses behind it stand, `VERSION AS OF …` and `WITH (…)`, which its reader
            carries out.
        moment: the SQL expression of `TIMESTAMP AS OF`.
    """

    parts: tuple[str, ...]
    streaming: bool
    options: tuple[tuple[str, str], ...]
    start: int
    stop: int
    alias_at: int | None
    clauses: tuple[tuple[int, int], ...] = ()
    moment: str | None = None

    @property
    def view(self) -> str:
        """The name of the temporary view that stands for it."""
        parts = tuple(part.lower() for part in self.parts)
        whole = repr((parts, self.streaming, self.options, self.moment))
        word = re.sub(r"\W", "_", self.parts[-1].lower())
        return f"{VIEW_PREFIX}{word}_{sha256(whole.encode()).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True)
class SqlStatement:
    """What a statement says of tables.

    Attributes:
        text: its text, with `${…}` replaced.
        args: what is still to be put in for `:name` or `?`.
        references: the tables that it mentions, CTE names left out.
        made_view: the temporary view that it makes, None where it makes none.
    """

    text: str
    args: Arguments
    references: tuple[SqlReference, ...]
    made_view: str | None


def parsed(
    session: SparkSession, text: str, args: Arguments = None, *, loading: bool = False
) -> SqlStatement:
    """Return what SQL text says of tables.

    Args:
        session: parses it, with its own settings.
        text: the text.
        args: what stands for `:name` or `?` in it.
        loading: whether it stands where files are loaded; it may make settings there.

    Raises:
        BadSql: the text cannot be parsed.
        ForbiddenCall: it is a command that changes something.
    """
    text, plan, args = parsed_text(session, text, args)
    refuse_command(session, plan, loading=loading)
    made = plan.name().table() if plan.nodeName() == VIEW_COMMAND else None
    references = tuple(_relations(plan, text, _Place(frozenset())))
    return SqlStatement(text, args, references, made)


def reference_edits(reference: SqlReference) -> Iterator[Edit]:
    """Yield what makes a reference mean its view."""
    yield Edit(reference.start, reference.stop, quoted(reference.view))
    for start, stop in reference.clauses:
        yield Edit(start, stop, "")
    if reference.alias_at is not None:
        alias = f" AS {quoted(reference.parts[-1])}"
        yield Edit(reference.alias_at, reference.alias_at, alias)


def has_long_columns(text: str, tables: Iterable[str]) -> bool:
    """Return whether columns may be qualified by a name of several parts that ends in a table's."""
    last = "|".join(re.escape(table) for table in tables)
    return bool(re.search(rf"\.\s*`?(?:{last})`?\s*\.", text, re.IGNORECASE))


def qualifier_edits(
    session: SparkSession, text: str, tables: Collection[tuple[str, ...]]
) -> Iterator[Edit]:
    """Yield what shortens columns qualified by a full name, `shop.orders.amount`, to its last part.

    Args:
        session: parses the text.
        text: the text, with `${…}` replaced.
        tables: the full names, in lower case, of tables that are mentioned without an alias.
    """
    for parts, start in _columns(parsed_text(session, text).plan):
        for length in range(len(parts) - 1, 1, -1):
            prefix = tuple(part.lower() for part in parts[:length])
            written = re.compile(rf"{_PART}(?:{_GAP}\.{_GAP}{_PART}){{{length - 1}}}", re.DOTALL)
            found = written.match(text, start)
            if found and any(name[-length:] == prefix for name in tables):
                yield Edit(start, found.end(), quoted(parts[length - 1]))
                break


def reader_options_of(session: SparkSession, reference: SqlReference) -> dict[str, str]:
    """Return the options of a reader that reads what a reference says.

    Raises:
        BadSql: its moment is NULL.
    """
    options = dict(reference.options)
    if reference.moment is not None:
        moment = evaluated(session, reference.moment, "TIMESTAMP")
        if moment is None:
            raise BadSql(
                f"TIMESTAMP AS OF {reference.moment} is NULL, which is no moment",
                fix="give a timestamp, as in `TIMESTAMP AS OF '2030-01-31 12:00:00'`",
            )
        options["timestampAsOf"] = moment
    return options


class _Place(NamedTuple):
    """Where in a plan a walk is.

    Attributes:
        hidden: names of CTEs that can be seen here.
        aliased: whether an alias stands directly above.
        tail: the position behind clauses that stand between a table's name and its alias.
        as_of: the position behind `VERSION AS OF …`.
    """

    hidden: frozenset[str]
    aliased: bool = False
    tail: int = 0
    as_of: int = 0


def _relations(plan: Any, text: str, place: _Place) -> Iterator[SqlReference]:
    name = plan.nodeName()
    if name in _WRITES:
        raise forbidden(name)
    if name in _NAMED:
        reference = _reference(plan, text, place)
        if len(reference.parts) > 1 or reference.parts[0].lower() not in place.hidden:
            yield reference
        return
    hidden = place.hidden
    if name == "UnresolvedWith":
        hidden = yield from _with_relations(plan, text, hidden)
    below = _Place(hidden)
    if name in _TRANSPARENT:
        tail = stop_of(plan) if name in _TAILS else 0
        below = _Place(hidden, place.aliased or name in _ALIASES, max(place.tail, tail))
    for child in items(plan.children()):
        yield from _relations(child, text, below)
    for subquery in items(plan.subqueries()):
        yield from _relations(subquery, text, _Place(hidden))


def _with_relations(
    plan: Any, text: str, hidden: frozenset[str]
) -> Generator[SqlReference, None, frozenset[str]]:
    """Yield the relations of CTE bodies; return the names hidden in the query below."""
    recursive = plan.allowRecursion()
    for pair in items(plan.cteRelations()):
        own = pair._1().lower()
        inner = hidden | {own} if recursive else hidden
        yield from _relations(pair._2(), text, _Place(inner))
        hidden |= {own}
    return hidden


def _reference(plan: Any, text: str, place: _Place) -> SqlReference:
    if plan.nodeName() == _TIME_TRAVEL:
        return _reference_as_of(plan, text, place)
    parts = tuple(items(plan.multipartIdentifier()))
    start, stop = plan.origin().startIndex().get(), stop_of(plan)
    streaming = plan.isStreaming()
    given = plan.options()
    # The end of a Java iterator is an exception, which is dear: ask first.
    options = () if given.isEmpty() else tuple(sorted((str(key), str(given[key])) for key in given))
    behind = _OPTIONS_BEHIND.match(text, max(stop, place.as_of)) if options else None
    clauses = () if behind is None else (behind.span(),)
    alias_at: int | None = max(stop, place.as_of, place.tail, 0 if behind is None else behind.end())
    if place.aliased or _TABLE_BEFORE.search(text[:start]):
        alias_at = None
    # The place of a stream is all of `STREAM(name) WATERMARK …`, that of a table its name alone.
    if streaming and (found := _STREAMED.match(text, start)):
        start, stop = found.span("name")
    return SqlReference(parts, streaming, options, start, stop, alias_at, clauses)


def _reference_as_of(plan: Any, text: str, place: _Place) -> SqlReference:
    """Return a reference to a table as it was; its clause has a place of its own in the text."""
    start, stop = plan.origin().startIndex().get(), stop_of(plan)
    found = _reference(plan.relation(), text, place._replace(as_of=stop))
    found = replace(found, clauses=(*found.clauses, (start, stop)))
    if plan.version().isDefined():
        version = ("versionAsOf", str(plan.version().get()))
        return replace(found, options=(*found.options, version))
    return replace(found, moment=_AS_OF.sub("", text[start:stop]))


def _columns(plan: Any) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield every qualified column and star of a plan: its parts, and where it begins."""
    for each in every_plan(plan):
        yield from _columns_of(each)


def _columns_of(plan: Any) -> Iterator[tuple[tuple[str, ...], int]]:
    expressions = items(plan.expressions())
    while expressions:
        each = expressions.pop()
        expressions += items(each.children())
        name = each.nodeName()
        if name == "UnresolvedAttribute":
            parts = tuple(items(each.nameParts()))
        elif name.startswith("UnresolvedStar") and each.target().isDefined():
            parts = (*items(each.target().get()), "*")
        else:
            continue
        if len(parts) > 2:  # noqa: PLR2004 - schema, table, column
            yield parts, each.origin().startIndex().get()
