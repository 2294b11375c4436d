"""Casts of text in conditions that end a job at a value which is none of the other type."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

# Not `try_cast`, which gives NULL.
_IS_CAST = re.compile(r"\bcast\(")
_TEXTS = ("string", "char", "varchar")
_NEVER_FAIL = (*_TEXTS, "binary", "void")
_ANSI = "ANSI"


def failing_casts(judging: DataFrame) -> tuple[str | None, ...]:
    """Return, for each column of a frame, the first cast of text in it that may fail.

    Args:
        judging: a frame of what conditions say, each a column.

    Returns:
        For each, what is cast and to what, as a person reads it; None where every value can be.
    """
    expressions = judging._jdf.queryExecution().analyzed().expressions()
    return tuple(
        next(_failing(expressions.apply(place)), None) for place in range(expressions.size())
    )


def _failing(expression: Any) -> Iterator[str]:
    if not _IS_CAST.search(str(expression.toString())):
        return
    waiting = [expression]
    while waiting:
        each = waiting.pop(0)
        if each.nodeName() == "Cast" and _may_fail(each):
            child, kind = each.child(), each.dataType().simpleString()
            yield f"casts {child.sql()} ({child.dataType().simpleString()}) to {kind}"
        children = each.children()
        waiting += [children.apply(index) for index in range(children.size())]


def _may_fail(cast: Any) -> bool:
    child = cast.child()
    source, target = child.dataType().simpleString(), cast.dataType().simpleString()
    is_of_text = source.startswith(_TEXTS) and not target.startswith(_NEVER_FAIL)
    if not is_of_text or str(cast.evalMode().toString()) != _ANSI:
        return False
    return not child.foldable() or _fails_now(cast)


def _fails_now(constant: Any) -> bool:
    try:
        constant.eval(None)
    except (PySparkException, Py4JError):
        return True
    return False
