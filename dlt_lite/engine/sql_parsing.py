"""SQL text and what Spark's own parser makes of it; names that are computed are written out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pyspark.errors import ParseException
from pyspark.sql import SparkSession
from pyspark.sql.classic.column import _to_java_column
from pyspark.sql.functions import lit

from dlt_lite.engine.classes import java_class, java_static
from dlt_lite.errors import BadSql

Arguments = Mapping[str, object] | Sequence[object] | None
_PARSER = "org.apache.spark.sql.catalyst.parser.ParameterHandler"
_COMPUTED_NAME = re.compile(r"\bIDENTIFIER\b", re.IGNORECASE)


class Edit(NamedTuple):
    """A piece of text and what comes in its place."""

    start: int
    stop: int
    text: str


class Parsed(NamedTuple):
    """SQL text as the parser counts its characters, and what it parses to.

    Attributes:
        text: the text, with `${…}` replaced.
        plan: the plan, unresolved.
        args: the arguments that are still to be put in.
    """

    text: str
    plan: Any
    args: Arguments


def parsed_text(session: SparkSession, text: str, args: Arguments = None) -> Parsed:
    """Parse SQL text, with the session's own settings.

    Raises:
        BadSql: the text cannot be parsed.
    """
    text, plan = _parsed(session, text)
    if not _COMPUTED_NAME.search(text) or not list(_computed_names(plan)):
        return Parsed(text, plan, args)
    # A name may be made of arguments: these are put in first, as Spark itself does it.
    text, plan = _parsed(session, _with_arguments(session, text, args))
    edits = [
        Edit(*_span(node), _name_of(session, text, node.identifierExpr()))
        for node in _computed_names(plan)
    ]
    return Parsed(*_parsed(session, edited(text, edits)), None)


def plan_of(session: SparkSession, text: str) -> Any:
    """Return what Spark's parser makes of SQL text.

    Raises:
        BadSql: the text cannot be parsed.
    """
    return _parsed(session, text)[1]


def every_plan(plan: Any) -> Iterator[Any]:
    """Yield a plan and all that lies in it: children, subqueries, bodies of CTEs."""
    plans = [plan]
    while plans:
        each = plans.pop()
        yield each
        name = each.nodeName()
        plans += [*items(each.children()), *items(each.subqueries())]
        if name == "UnresolvedWith":
            plans += [pair._2() for pair in items(each.cteRelations())]
        elif name == "RelationTimeTravel":
            plans.append(each.relation())


def evaluated(session: SparkSession, expression: str, kind: str) -> str | None:
    """Return the value of a constant SQL expression, cast to a type, as text."""
    java_session: Any = session._jsparkSession
    text = f"SELECT CAST(CAST(({expression}) AS {kind}) AS STRING)"
    row = java_session.sql(text).head()
    return None if row.isNullAt(0) else str(row.getString(0))


def edited(text: str, edits: Iterable[Edit]) -> str:
    """Return a text with edits made; they do not overlap."""
    for start, stop, new in sorted(set(edits), reverse=True):
        text = text[:start] + new + text[stop:]
    return text


def quoted(name: str) -> str:
    """Return a name as one part of an identifier in SQL."""
    return "`" + name.replace("`", "``") + "`"


def items(sequence: Any) -> list[Any]:
    """Return what a Scala sequence holds."""
    return [sequence.apply(index) for index in range(sequence.size())]


def stop_of(node: Any) -> int:
    """Return the position behind a node's text."""
    stop: int = node.origin().stopIndex().get() + 1
    return stop


def _span(node: Any) -> tuple[int, int]:
    return node.origin().startIndex().get(), stop_of(node)


def _parsed(session: SparkSession, text: str) -> tuple[str, Any]:
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


def _computed_names(plan: Any) -> Iterator[Any]:
    return (each for each in every_plan(plan) if each.nodeName() == "PlanWithUnresolvedIdentifier")


def _name_of(session: SparkSession, text: str, expression: Any) -> str:
    start, stop = _span(expression)
    name = evaluated(session, text[start:stop], "STRING")
    if name is None:
        raise BadSql(
            f"IDENTIFIER({text[start:stop]}) is NULL, which names no table",
            fix="give it the name of a dataset or table",
        )
    java_session: Any = session._jsparkSession
    parts = items(java_session.sessionState().sqlParser().parseMultipartIdentifier(name))
    return ".".join(map(quoted, parts))


def _with_arguments(session: SparkSession, text: str, args: Arguments) -> str:
    """Return the text with literals in place of `:name` or `?`."""
    if not args:
        return text
    is_named = isinstance(args, Mapping)
    given = dict(args) if isinstance(args, Mapping) else {f"_{n}": v for n, v in enumerate(args)}
    java_session: Any = session._jsparkSession
    expressions = {
        key: java_session.toRichColumn(_to_java_column(lit(value))).expr()
        for key, value in given.items()
    }
    to_map = java_static(session, "org.apache.spark.api.python.PythonUtils", "toScalaMap")
    literals = java_session.resolveAndValidateParameters(to_map(expressions))
    if is_named:
        return str(java_static(session, _PARSER, "substituteNamedParameters")(text, literals)._1())
    to_seq = java_static(session, "org.apache.spark.api.python.PythonUtils", "toSeq")
    listed = to_seq([literals.apply(key) for key in given])
    return str(java_static(session, _PARSER, "substitutePositionalParameters")(text, listed)._1())
