"""SQL commands that a query function may not run, each with its own way out."""

from __future__ import annotations

from typing import Any

from pyspark.sql import SparkSession

from dlt_lite.engine.classes import java_static
from dlt_lite.errors import ForbiddenCall

VIEW_COMMAND = "CreateViewCommand"
_HARMLESS = ("Describe", "Show", "Explain")
_MOVES = frozenset({"SetCatalogAndNamespace", "SetNamespaceCommand", "SetCatalogCommand"})
_VARIABLES = frozenset({"CreateVariable", "SetVariable", "DropVariable"})
_WRITES = "a dataset's function only reads; return the frame and dlt_lite writes it"
SETTINGS_FIX = "use spark_conf= of the decorator or configuration"
_FIX = {
    "SetCommand": SETTINGS_FIX,
    "ResetCommand": SETTINGS_FIX,
    **dict.fromkeys(_MOVES, "write the schema in the name, as in `other.orders`"),
    **dict.fromkeys(
        _VARIABLES, "keep the value in Python and give it by args=, as in `WHERE rate > :rate`"
    ),
}


def refuse_command(session: SparkSession, plan: Any, *, loading: bool) -> None:
    """Refuse a command that changes something; while a file is loaded, settings may be made.

    Raises:
        ForbiddenCall: it is one.
    """
    name = plan.nodeName()
    if loading and name in _VARIABLES:
        raise ForbiddenCall(
            "an SQL variable that a file makes while it is loaded is not there in query functions, "
            "which have sessions of their own",
            fix=_FIX[name],
        )
    for_name = java_static(session, "java.lang.Class", "forName")
    command = for_name("org.apache.spark.sql.catalyst.plans.logical.Command")
    if command.isInstance(plan) and not _is_free(name, plan, loading=loading):
        raise forbidden(name)


def forbidden(command: str) -> ForbiddenCall:
    """Return the error by which a command is refused."""
    return ForbiddenCall(
        f"a query function runs the SQL command {command}", fix=_FIX.get(command, _WRITES)
    )


def _is_free(name: str, plan: Any, *, loading: bool) -> bool:
    if name.startswith(_HARMLESS) or (loading and name in {"SetCommand", *_MOVES}):
        return True
    if name == VIEW_COMMAND:
        return "Local" in plan.viewType().toString()
    # `SET` and `SET key` only show.
    return name == "SetCommand" and (plan.kv().isEmpty() or plan.kv().get()._2().isEmpty())
