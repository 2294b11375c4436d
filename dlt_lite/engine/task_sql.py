"""A statement of a task → what it does: Spark's names for it, the tables and places it is about.

Spark's own parser says so, before anything is carried out. Nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pyspark.sql import SparkSession

from dlt_lite.engine.classes import java_static
from dlt_lite.engine.sql_parsing import every_plan, items, plan_of
from dlt_lite.model.sql_deeds import Deed, Deeds, Name

# What does something and is no command for the parser.
_NO_COMMANDS = frozenset(
    {
        "CloneTableStatement",
        "Call",
        "InsertIntoDir",
        "InsertIntoStatement",
        "RestoreTableStatement",
        "ScriptTransformation",
        "UnresolvedExecuteImmediate",
    }
)
_RELATIONS = frozenset(
    {"UnresolvedRelation", "UnresolvedTable", "UnresolvedTableOrView", "UnresolvedView"}
)
_IDENTIFIER = "UnresolvedIdentifier"
_LATE = "PlanWithUnresolvedIdentifier"
_WITH_TABLE = frozenset(
    {"InsertIntoStatement", "OverwriteByExpression", "OverwritePartitionsDynamic", "AppendData"}
)
_WITH_SPECIFICATION = frozenset(
    {"CreateTable", "CreateTableAsSelect", "ReplaceTable", "ReplaceTableAsSelect"}
)
_PATH = "path"


class _Parser(NamedTuple):
    session: SparkSession
    command: Any
    parameters: Mapping[str, str]


def deeds_of(session: SparkSession, text: str, parameters: Mapping[str, str]) -> Deeds:
    """Return what a statement does.

    Args:
        session: parses it, with its own settings.
        text: the statement.
        parameters: the values of its markers, such as `:day`.

    Raises:
        BadSql: it cannot be parsed.
    """
    for_name = java_static(session, "java.lang.Class", "forName")
    command = for_name("org.apache.spark.sql.catalyst.plans.logical.Command")
    parser = _Parser(session, command, parameters)
    plan = plan_of(session, text)
    # Whatever it builds, once its name is known: a view, or a function.
    hidden = (Deed(_LATE),) if plan.nodeName() == _LATE else ()
    plans = list(_plans(plan))
    deeds = (_deed(each, parser) for each in plans if _does_something(each, parser))
    names = [_name(each, parser) for each in plans if _is_a_name(each)]
    return Deeds(
        (*hidden, *deeds), tuple(name for name in names if name is not None), None in names
    )


def _plans(plan: Any) -> Iterator[Any]:
    """Yield a plan with all that lies below it, in scripts and behind INSERT too."""
    waiting = [plan]
    while waiting:
        for each in every_plan(waiting.pop()):
            if each.nodeName() == "SingleStatement":
                waiting.append(each.parsedPlan())
                continue
            yield each
            if each.nodeName() in _WITH_TABLE:
                waiting.append(each.table())


def _does_something(plan: Any, parser: _Parser) -> bool:
    return plan.nodeName() in _NO_COMMANDS or bool(parser.command.isInstance(plan))


def _is_a_name(plan: Any) -> bool:
    return plan.nodeName() in _RELATIONS or plan.nodeName() in {_IDENTIFIER, _LATE}


def _deed(plan: Any, parser: _Parser) -> Deed:
    kind = plan.nodeName()
    target = _target(plan)
    return Deed(
        kind,
        None if target is None else _name(target, parser),
        _place(plan),
        kind == "DropNamespace" and bool(plan.cascade()),
    )


def _target(plan: Any) -> Any:
    """Return the plan that names what a command changes, None where it has none."""
    kind = plan.nodeName()
    if kind in _WITH_TABLE:
        return plan.table()
    if kind == "RestoreTableStatement":
        return plan.table().relation()
    below = items(plan.children())
    return below[0] if below and _is_a_name(below[0]) else None


def _place(plan: Any) -> str | None:
    kind = plan.nodeName()
    if kind in _WITH_SPECIFICATION:
        return _text(plan.tableSpec().location())
    if kind == "CreateTableLike":
        return _text(plan.location())
    if kind == "CreateNamespace":
        return _text(plan.properties().get("location"))
    return _text(plan.options().get(_PATH)) if kind == "CreateTempViewUsing" else None


def _text(option: Any) -> str | None:
    return str(option.get()) if option.isDefined() else None


def _name(plan: Any, parser: _Parser) -> Name | None:
    """Return the parts of a name, None where only the run will tell."""
    kind = plan.nodeName()
    if kind == _LATE:
        return _marked(plan.identifierExpr(), parser)
    parts = plan.nameParts() if kind == _IDENTIFIER else plan.multipartIdentifier()
    return tuple(str(each) for each in items(parts))


def _marked(expression: Any, parser: _Parser) -> Name | None:
    """Return the name that `IDENTIFIER(:marker)` means."""
    given = None
    if expression.nodeName() == "NamedParameter":
        given = parser.parameters.get(expression.name())
    if given is None:
        return None
    java_session: Any = parser.session._jsparkSession
    found = java_session.sessionState().sqlParser().parseMultipartIdentifier(given)
    return tuple(str(each) for each in items(found))
