"""Facts of a row condition, learned on the empty frame that it will judge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from py4j.protocol import Py4JError
from pyspark.errors import ParseException, PySparkException
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 - PySpark's own habit
from pyspark.sql.types import BooleanType, StructType

from dlt_lite.engine.clocks import asks_the_clock
from dlt_lite.engine.patterns import may_have_patterns, pattern_problem
from dlt_lite.project.suggestions import listed

_OF_PATTERNS = "write it as java.util.regex.Pattern reads it"
_ONE_ROW = "a rule judges one row by its own columns"
_SUBQUERY = "holds a subquery"
_OF_SUBQUERIES = f"{_ONE_ROW}; whether another dataset has a value is asked by a foreign key"
_OF_THE_CLOCK = "compare with a column that holds the time, or ask for freshness"
_OF_ROWS = "a rule of rows is `expect`"
_UNFIT = {
    "Aggregate": "holds an aggregate",
    "Window": "holds a window function",
    "Generate": "makes rows out of one row",
}


@dataclass(frozen=True, slots=True)
class ConditionFacts:
    """What is wrong with a condition, as a person reads it; None where it can judge a row.

    Attributes:
        problem: why it cannot, or None.
        text: the condition as text.
        fix: how to put it right, or None.
    """

    problem: str | None
    text: str
    fix: str | None = None


def condition_column(condition: object) -> Column:
    """Return the Column of a condition given as SQL text or as a Column."""
    return condition if isinstance(condition, Column) else F.expr(str(condition))


def condition_text(condition: object) -> str:
    """Return a condition as text."""
    if isinstance(condition, str):
        return condition
    return str(condition).removeprefix("Column<'").removesuffix("'>")


def condition_facts(
    frame: DataFrame, condition: object, *, timeless: bool = True
) -> ConditionFacts:
    """Return whether a condition is one deterministic boolean expression over a frame's row.

    Args:
        frame: an empty frame of the columns.
        condition: SQL text or a Column.
        timeless: whether it may not ask the clock.
    """
    text = condition_text(condition)
    if not isinstance(condition, str | Column):
        kind = type(condition).__name__
        return ConditionFacts(f"is a {kind}", text, "give SQL text or a Spark Column")
    try:
        checked = frame.select(condition_column(condition).alias("_rule"))
        plan = checked._jdf.queryExecution().analyzed()
    except (PySparkException, Py4JError) as error:
        what, fix = _refused(error, frame)
        return ConditionFacts(what, text, fix)
    if problem := _unfit(plan):
        fix = _OF_SUBQUERIES if problem == _SUBQUERY else _ONE_ROW
        return ConditionFacts(problem, text, fix)
    if timeless and asks_the_clock(text, plan.expressions().apply(0)):
        return ConditionFacts("asks the clock", text, _OF_THE_CLOCK)
    found = checked.schema["_rule"].dataType
    if not isinstance(found, BooleanType):
        return ConditionFacts(
            f"is of type {found.simpleString()}, not boolean", text, "compare with something"
        )
    if problem := _bad_pattern(frame, plan, [text]):
        return ConditionFacts(problem, text, _OF_PATTERNS)
    return ConditionFacts(None, text)


def judging(
    frame: DataFrame, conditions: Sequence[object], timeless: Sequence[bool]
) -> DataFrame | None:
    """Return a frame of what all conditions say of each row, None where one cannot judge a row.

    All at once, which costs as much as one.

    Args:
        frame: an empty frame of the columns.
        conditions: SQL texts or Columns.
        timeless: for each whether it may not ask the clock.
    """
    if not all(isinstance(each, str | Column) for each in conditions):
        return None
    try:
        columns = [condition_column(each).alias(f"_r{n}") for n, each in enumerate(conditions)]
        checked = frame.select(*columns)
        plan = checked._jdf.queryExecution().analyzed()
    except (PySparkException, Py4JError):
        return None
    is_boolean = all(isinstance(each.dataType, BooleanType) for each in checked.schema.fields)
    if not is_boolean or _unfit(plan):
        return None
    texts = [*map(condition_text, conditions)]
    if _bad_pattern(frame, plan, texts) or any(
        asks_the_clock(text, plan.expressions().apply(place))
        for place, text in enumerate(texts)
        if timeless[place]
    ):
        return None
    return checked


def columns_named(frame: DataFrame, conditions: Sequence[object]) -> list[tuple[str, ...]]:
    """Return, for each condition over a frame's row, the columns of the frame that it names."""
    columns = [condition_column(each).alias(f"_r{n}") for n, each in enumerate(conditions)]
    listed = frame.select(*columns)._jdf.queryExecution().analyzed().projectList()
    known = {name: place for place, name in enumerate(frame.columns)}
    found = []
    for place in range(len(conditions)):
        # Each as `name#id`; one call for all, since there may be many rules.
        references = str(listed.apply(place).references().mkString("\0")).split("\0")
        names = {each.rpartition("#")[0] for each in references}
        found.append(tuple(sorted(names & known.keys(), key=known.__getitem__)))
    return found


def type_text(ddl: str) -> str:
    """Return a type written as DDL the way Spark writes it.

    Raises:
        PySparkException: it is none.
    """
    parsed: StructType = StructType.fromDDL(f"c {ddl}")  # type: ignore[assignment]
    return parsed.fields[0].dataType.simpleString()


def aggregate_facts(frame: DataFrame, condition: str) -> ConditionFacts:
    """Return whether a condition is one deterministic boolean expression over aggregates."""
    try:
        checked = aggregated(frame, condition)
        plan = checked._jdf.queryExecution().analyzed()
    except (PySparkException, Py4JError) as error:
        what, fix = _refused(error, frame)
        if isinstance(error, PySparkException) and error.getCondition() == "MISSING_GROUP_BY":
            what, fix = "has a column outside of any aggregate", _OF_ROWS
        return ConditionFacts(what, condition, fix)
    if problem := _unfit(plan, aggregates=True):
        return ConditionFacts(problem, condition, "compare aggregates of the columns")
    if not _aggregates(plan):
        return ConditionFacts("holds no aggregate", condition, _OF_ROWS)
    found = checked.schema["_rule"].dataType
    if not isinstance(found, BooleanType):
        return ConditionFacts(
            f"is of type {found.simpleString()}, not boolean", condition, "compare with something"
        )
    if problem := _bad_pattern(frame, plan, [condition]):
        return ConditionFacts(problem, condition, _OF_PATTERNS)
    return ConditionFacts(None, condition)


def aggregated(frame: DataFrame, condition: str) -> DataFrame:
    """Return a frame of what a condition over aggregates says of a frame."""
    return frame.agg(F.expr(condition).alias("_rule"))


def aggregates_of(frame: DataFrame, condition: str) -> tuple[str, ...]:
    """Return the aggregates that a condition compares, as SQL that a frame can compute."""
    # Renamed, so that no column is called by the table that it came from.
    plain = frame.toDF(*frame.columns)
    plan = plain.agg(F.expr(condition))._jdf.queryExecution().analyzed()
    return tuple(each for each in _aggregates(plan) if _can_be_computed(plain, each))


def is_observable(frame: DataFrame, condition: str) -> bool:
    """Return whether a condition over aggregates can be decided while rows are written."""
    try:
        frame.observe("_rule", F.expr(condition).alias("_rule")).schema  # noqa: B018 - analysed
    except (PySparkException, Py4JError):
        return False
    return True


def _aggregates(plan: Any) -> tuple[str, ...]:
    """Return the aggregates in the topmost node of a plan, each once."""
    expressions = plan.expressions()
    waiting = [expressions.apply(index) for index in range(expressions.size())]
    found: dict[str, None] = {}
    while waiting:
        each = waiting.pop(0)
        if each.nodeName() == "AggregateExpression":
            found[str(each.sql())] = None
            continue
        children = each.children()
        waiting[:0] = [children.apply(index) for index in range(children.size())]
    return tuple(found)


def _can_be_computed(frame: DataFrame, aggregate: str) -> bool:
    try:
        frame.agg(F.expr(aggregate)).schema  # noqa: B018 - analysed
    except (PySparkException, Py4JError):
        return False
    return True


def _unfit(plan: Any, *, aggregates: bool = False) -> str | None:
    for name in _node_names(plan):
        if name in _UNFIT and not (aggregates and name == "Aggregate"):
            return _UNFIT[name]
    if plan.subqueriesAll().size() > 0:
        return _SUBQUERY
    if not plan.deterministic():
        return "is not deterministic"
    return None


def _bad_pattern(frame: DataFrame, plan: Any, conditions: Iterable[str]) -> str | None:
    """Return what is wrong with a regular expression in a plan's conditions, given as text too."""
    for place, text in enumerate(conditions):
        if may_have_patterns(text):
            expression = plan.expressions().apply(place)
            if problem := pattern_problem(frame.sparkSession, expression):
                return problem
    return None


def _node_names(plan: Any) -> list[str]:
    """Return the names of a plan's nodes, from the top down its only branch."""
    names = [str(plan.nodeName())]
    while plan.children().size() > 0:
        plan = plan.children().apply(0)
        names.append(str(plan.nodeName()))
    return names


def _refused(error: Exception, frame: DataFrame) -> tuple[str, str]:
    """Return what Spark has against a condition, and how to put it right."""
    kind = (error.getCondition() or "") if isinstance(error, PySparkException) else ""
    # Only a subquery can name a table.
    if kind.startswith("TABLE_OR_VIEW_NOT_FOUND"):
        return _SUBQUERY, _OF_SUBQUERIES
    if isinstance(error, ParseException):
        fix = "correct the SQL: it is one condition, such as `amount > 0`"
    elif kind.startswith("UNRESOLVED_ROUTINE"):
        fix = "use a function that Spark SQL has"
    elif kind.startswith("DATATYPE_MISMATCH"):
        fix = "make the types fit by CAST(column AS type)"
    else:
        fix = f"the columns are: {_names(frame)}"
    return _first_sentence(error), fix


def _first_sentence(error: Exception) -> str:
    text = str(error).strip()
    if text.startswith("["):
        text = text.split("] ", 1)[-1]
    return f"cannot be used: {text.splitlines()[0].split(' SQLSTATE')[0].split('. ')[0]}"


def _names(frame: DataFrame) -> str:
    return listed(frame.columns)
