"""Names of tables in SQL text: where they stand, and what to write in their place.

Spark's own parser says where. CTE names are subtracted by scope: a CTE may have a dataset's name.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.errors import ParseException
from pyspark.sql import SparkSession

from dlt_lite.errors import BadSql, ForbiddenCall

_HARMLESS = ("Describe", "Show", "Explain")
_VIEW = "CreateViewCommand"


@dataclass(frozen=True, slots=True)
class SqlReference:
    """One mention of a table.

    Attributes:
        parts: the identifier's parts.
        streaming: whether it stands in `STREAM`.
        start: where the text of the relation begins, in characters.
        stop: the position behind its end.
        aliased: whether an alias follows.
    """

    parts: tuple[str, ...]
    streaming: bool
    start: int
    stop: int
    aliased: bool


def references(session: SparkSession, text: str) -> tuple[SqlReference, ...]:
    """Return the tables that SQL text mentions, CTE names left out.

    Raises:
        BadSql: the text cannot be parsed.
        ForbiddenCall: it is a command that changes something.
    """
    try:
        plan = session._jsparkSession.sessionState().sqlParser().parsePlan(text)
    except ParseException as error:
        first = str(error).strip().splitlines()[0]
        raise BadSql(f"SQL cannot be parsed: {first}", fix="correct the SQL text") from error
    _refuse_commands(session, plan)
    return tuple(_relations(plan, frozenset(), aliased=False))


def replaced(text: str, names: Mapping[SqlReference, str]) -> str:
    """Return the text with each reference's identifier replaced by a back-quoted name."""
    for reference in sorted(names, key=lambda each: each.start, reverse=True):
        name = f"`{names[reference]}`"
        alias = "" if reference.aliased else f" AS `{reference.parts[-1]}`"
        old = text[reference.start : reference.stop]
        new = f"STREAM({name}){alias}" if reference.streaming else f"{name}{alias}"
        trailing = _alias_text(old) if reference.aliased and reference.streaming else ""
        text = text[: reference.start] + new + trailing + text[reference.stop :]
    return text


def _alias_text(old: str) -> str:
    """Return what stands behind `STREAM x` or `STREAM(x)` in the text of an aliased relation."""
    closing = old.find(")")
    if closing >= 0:
        return old[closing + 1 :]
    words = old.split(maxsplit=2)
    return f" {words[2]}" if len(words) == 3 else ""  # noqa: PLR2004 - STREAM, name, the rest


def _relations(plan: Any, hidden: frozenset[str], *, aliased: bool) -> Iterator[SqlReference]:
    name = plan.nodeName()
    if name == "UnresolvedRelation":
        reference = _reference(plan, aliased=aliased)
        if reference.parts[-1].lower() not in hidden or len(reference.parts) > 1:
            yield reference
        return
    if name == "UnresolvedWith":
        hidden = yield from _with_relations(plan, hidden)
    children = plan.children()
    inherits = name == "SubqueryAlias" or (aliased and name == "NamedStreamingRelation")
    for index in range(children.size()):
        yield from _relations(children.apply(index), hidden, aliased=inherits)
    subqueries = plan.subqueries()
    for index in range(subqueries.size()):
        yield from _relations(subqueries.apply(index), hidden, aliased=False)


def _with_relations(
    plan: Any,
    hidden: frozenset[str],
) -> Generator[SqlReference, None, frozenset[str]]:
    """Yield the relations of CTE bodies; return the names hidden in the query below."""
    bodies = plan.cteRelations()
    recursive = plan.allowRecursion()
    for index in range(bodies.size()):
        own = bodies.apply(index)._1().lower()
        inner = hidden | {own} if recursive else hidden
        yield from _relations(bodies.apply(index)._2(), inner, aliased=False)
        hidden |= {own}
    return hidden


def _reference(plan: Any, *, aliased: bool) -> SqlReference:
    identifier = plan.multipartIdentifier()
    parts = tuple(identifier.apply(index) for index in range(identifier.size()))
    origin = plan.origin()
    start, stop = origin.startIndex().get(), origin.stopIndex().get() + 1
    return SqlReference(parts, plan.isStreaming(), start, stop, aliased)


def _refuse_commands(session: SparkSession, plan: Any) -> None:
    name = plan.nodeName()
    jvm: Any = session._jvm
    is_command = jvm.java.lang.Class.forName(
        "org.apache.spark.sql.catalyst.plans.logical.Command"
    ).isInstance(plan)
    writes = is_command or name == "InsertIntoStatement"
    if not writes or name.startswith(_HARMLESS):
        return
    if plan.getClass().getSimpleName() == _VIEW and "Local" in plan.viewType().toString():
        return
    raise ForbiddenCall(
        f"a query function runs the SQL command {name}",
        fix="a dataset's function only reads; return the frame and dlt_lite writes it",
    )
