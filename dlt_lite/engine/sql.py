"""Names of tables in SQL text: where they stand, and what to write in their place.

Spark's own parser says where. CTE names are subtracted by scope: a CTE may have a dataset's name.
A table's name is replaced by that of a temporary view which nobody else can have, and keeps its own
as an alias, so that columns may be qualified by it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Generator, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple

from pyspark.errors import ParseException
from pyspark.sql import SparkSession

from dlt_lite.engine.classes import java_class, java_static
from dlt_lite.errors import BadSql, ForbiddenCall

VIEW_PREFIX = "_dlt_lite_"
_HARMLESS = ("Describe", "Show", "Explain")
_SETTINGS = ("Set", "CreateVariable")
_VIEW = "CreateViewCommand"
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
_ALIASES = frozenset({"SubqueryAlias", "UnresolvedSubqueryColumnAliases"})
_TAILS = frozenset({"Sample", "GlobalLimit", "LocalLimit", "UnresolvedEventTimeWatermark"})
_TRANSPARENT = _ALIASES | _TAILS | {"NamedStreamingRelation"}
_GAP = r"(?:\s|/\*.*?\*/|--[^\n]*\n)*"
_PART = r"(?:`(?:[^`]|``)*`|\w+)"
_STREAMED = re.compile(
    rf"STREAM{_GAP}\(?{_GAP}(?P<name>{_PART}(?:{_GAP}\.{_GAP}{_PART})*)", re.IGNORECASE | re.DOTALL
)
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
    """

    parts: tuple[str, ...]
    streaming: bool
    options: tuple[tuple[str, str], ...]
    start: int
    stop: int
    alias_at: int | None

    @property
    def view(self) -> str:
        """The name of the temporary view that stands for it."""
        whole = repr((tuple(part.lower() for part in self.parts), self.streaming, self.options))
        word = re.sub(r"\W", "_", self.parts[-1].lower())
        return f"{VIEW_PREFIX}{word}_{sha256(whole.encode()).hexdigest()[:16]}"


class Edit(NamedTuple):
    """A piece of text and what comes in its place."""

    start: int
    stop: int
    text: str


@dataclass(frozen=True, slots=True)
class SqlStatement:
    """What a statement says of tables.

    Attributes:
        text: its text, with `${…}` replaced.
        references: the tables that it mentions, CTE names left out.
        made_view: the temporary view that it makes, None where it makes none.
    """

    text: str
    references: tuple[SqlReference, ...]
    made_view: str | None


def parsed(session: SparkSession, text: str, *, loading: bool = False) -> SqlStatement:
    """Return what SQL text says of tables.

    Args:
        session: parses it, with its own settings.
        text: the text.
        loading: whether it stands where files are loaded; it may make settings there.

    Raises:
        BadSql: the text cannot be parsed.
        ForbiddenCall: it is a command that changes something.
    """
    text, plan = _plan(session, text)
    _refuse_commands(session, plan, (*_HARMLESS, *_SETTINGS) if loading else _HARMLESS)
    made = plan.name().table() if plan.nodeName() == _VIEW else None
    return SqlStatement(text, tuple(_relations(plan, text, _Place(frozenset()))), made)


def reference_edits(reference: SqlReference) -> Iterator[Edit]:
    """Yield what makes a reference mean its view."""
    yield Edit(reference.start, reference.stop, _quoted(reference.view))
    if reference.alias_at is not None:
        alias = f" AS {_quoted(reference.parts[-1])}"
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
    for parts, start in _columns(_plan(session, text)[1]):
        for length in range(len(parts) - 1, 1, -1):
            prefix = tuple(part.lower() for part in parts[:length])
            written = re.compile(rf"{_PART}(?:{_GAP}\.{_GAP}{_PART}){{{length - 1}}}", re.DOTALL)
            found = written.match(text, start)
            if found and any(name[-length:] == prefix for name in tables):
                yield Edit(start, found.end(), _quoted(parts[length - 1]))
                break


def edited(text: str, edits: Iterable[Edit]) -> str:
    """Return a text with edits made; they do not overlap."""
    for start, stop, new in sorted(set(edits), reverse=True):
        text = text[:start] + new + text[stop:]
    return text


def _plan(session: SparkSession, text: str) -> tuple[str, Any]:
    """Return the text as the parser counts its characters, and what it parses to."""
    java_session: Any = session._jsparkSession
    sessions = java_class(session, "org.apache.spark.sql.SparkSession")
    before = sessions.getActiveSession()
    # Substitution and parser ask the active session for their settings.
    sessions.setActiveSession(java_session)
    try:
        substitution = java_class(session, "org.apache.spark.sql.internal.VariableSubstitution")
        text = substitution().substitute(text)
        return text, java_session.sessionState().sqlParser().parsePlan(text)
    except ParseException as error:
        first = str(error).strip().splitlines()[0]
        raise BadSql(f"SQL cannot be parsed: {first}", fix="correct the SQL text") from error
    finally:
        if before.isDefined():
            sessions.setActiveSession(before.get())


class _Place(NamedTuple):
    """Where in a plan a walk is.

    Attributes:
        hidden: names of CTEs that can be seen here.
        aliased: whether an alias stands directly above.
        tail: the position behind clauses that stand between a table's name and its alias.
    """

    hidden: frozenset[str]
    aliased: bool = False
    tail: int = 0


def _relations(plan: Any, text: str, place: _Place) -> Iterator[SqlReference]:
    name = plan.nodeName()
    if name in _WRITES:
        raise _forbidden(name)
    if name == "UnresolvedRelation":
        reference = _reference(plan, text, place)
        if len(reference.parts) > 1 or reference.parts[0].lower() not in place.hidden:
            yield reference
        return
    hidden = place.hidden
    if name == "UnresolvedWith":
        hidden = yield from _with_relations(plan, text, hidden)
    below = _Place(hidden)
    if name in _TRANSPARENT:
        tail = _stop(plan) if name in _TAILS else 0
        below = _Place(hidden, place.aliased or name in _ALIASES, max(place.tail, tail))
    for child in _items(plan.children()):
        yield from _relations(child, text, below)
    for subquery in _items(plan.subqueries()):
        yield from _relations(subquery, text, _Place(hidden))


def _with_relations(
    plan: Any, text: str, hidden: frozenset[str]
) -> Generator[SqlReference, None, frozenset[str]]:
    """Yield the relations of CTE bodies; return the names hidden in the query below."""
    recursive = plan.allowRecursion()
    for pair in _items(plan.cteRelations()):
        own = pair._1().lower()
        inner = hidden | {own} if recursive else hidden
        yield from _relations(pair._2(), text, _Place(inner))
        hidden |= {own}
    return hidden


def _reference(plan: Any, text: str, place: _Place) -> SqlReference:
    parts = tuple(_items(plan.multipartIdentifier()))
    start, stop = plan.origin().startIndex().get(), _stop(plan)
    streaming = plan.isStreaming()
    given = plan.options()
    # The end of a Java iterator is an exception, which is dear: ask first.
    options = () if given.isEmpty() else tuple(sorted((str(key), str(given[key])) for key in given))
    alias_at: int | None = max(stop, place.tail)
    if place.aliased or _TABLE_BEFORE.search(text[:start]):
        alias_at = None
    elif alias_at == stop and options and (behind := _OPTIONS_BEHIND.match(text, stop)):
        alias_at = behind.end()
    # The place of a stream is all of `STREAM(name) WATERMARK …`, that of a table its name alone.
    if streaming and (found := _STREAMED.match(text, start)):
        start, stop = found.span("name")
    return SqlReference(parts, streaming, options, start, stop, alias_at)


def _columns(plan: Any) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield every qualified column and star of a plan: its parts, and where it begins."""
    plans = [plan]
    while plans:
        each = plans.pop()
        plans += [*_items(each.children()), *_items(each.subqueries())]
        if each.nodeName() == "UnresolvedWith":
            plans += [pair._2() for pair in _items(each.cteRelations())]
        yield from _columns_of(each)


def _columns_of(plan: Any) -> Iterator[tuple[tuple[str, ...], int]]:
    expressions = _items(plan.expressions())
    while expressions:
        each = expressions.pop()
        expressions += _items(each.children())
        name = each.nodeName()
        if name == "UnresolvedAttribute":
            parts = tuple(_items(each.nameParts()))
        elif name.startswith("UnresolvedStar") and each.target().isDefined():
            parts = (*_items(each.target().get()), "*")
        else:
            continue
        if len(parts) > 2:  # noqa: PLR2004 - schema, table, column
            yield parts, each.origin().startIndex().get()


def _items(sequence: Any) -> list[Any]:
    return [sequence.apply(index) for index in range(sequence.size())]


def _stop(node: Any) -> int:
    stop: int = node.origin().stopIndex().get() + 1
    return stop


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _refuse_commands(session: SparkSession, plan: Any, allowed: tuple[str, ...]) -> None:
    name = plan.nodeName()
    for_name = java_static(session, "java.lang.Class", "forName")
    command = for_name("org.apache.spark.sql.catalyst.plans.logical.Command")
    if not command.isInstance(plan) or name.startswith(allowed):
        return
    if name == _VIEW and "Local" in plan.viewType().toString():
        return
    raise _forbidden(name)


def _forbidden(command: str) -> ForbiddenCall:
    return ForbiddenCall(
        f"a query function runs the SQL command {command}",
        fix="a dataset's function only reads; return the frame and dlt_lite writes it",
    )
