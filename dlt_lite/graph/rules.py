"""Whether a dataset's rules can decide anything, judged over its empty result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import DateType, StructType, TimestampNTZType, TimestampType

from dlt_lite.engine.casts import failing_casts
from dlt_lite.engine.comparing import can_compare
from dlt_lite.engine.empties import empty_frame
from dlt_lite.engine.expressions import (
    ConditionFacts,
    aggregate_facts,
    aggregated,
    condition_column,
    condition_facts,
    condition_text,
    judging,
    type_text,
)
from dlt_lite.engine.plans import QueryFacts, query_facts
from dlt_lite.errors import BadExpectation, raise_together
from dlt_lite.model.checks import Aggregate, ForeignKey, Fresh, HasSchema, Unique
from dlt_lite.model.datasets import Dataset
from dlt_lite.model.rules import NO_TERMS, NullPolicy, Rule
from dlt_lite.model.schema import Schema
from dlt_lite.project.suggestions import did_you_mean

_OF_TYPES = (
    "give values of the column's type, or cast the column in the query, as by try_cast; "
    "or write the rule as SQL"
)
_OF_TIME = (TimestampType, TimestampNTZType, DateType)


def rule_facts(session: SparkSession, dataset: Dataset, schema: Schema) -> QueryFacts | None:
    """Return what a dataset's rules are made of; None where they hold no condition.

    Raises:
        DltLiteError: what is wrong with the rules, together.
    """
    frame = empty_frame(session, schema.text, streaming=False)
    problems = [*_bad_checks(dataset, frame)]
    told = [(rule, condition) for rule in dataset.rules for condition in _conditions(rule)]
    timeless = [rule.check is None for rule, _ in told]
    judged = judging(frame, [condition for _, condition in told], timeless) if told else None
    if told and judged is None:
        problems += _bad_conditions(dataset, frame)
    elif judged is not None:
        problems += _failing(dataset, told, judged)
    raise_together(problems)
    return None if judged is None else query_facts(judged)


def rule_text(rule: Rule) -> str:
    """Return what, of a rule, decides which rows are written, as canonical text."""
    terms = rule.terms
    where = None if terms.where is None else condition_text(terms.where)
    passes = terms.null is NullPolicy.PASS
    more = (where, passes, terms.threshold, rule.check)
    plain = (NO_TERMS.where, False, NO_TERMS.threshold, None)
    return f"{rule.name} {rule.action}{'' if more == plain else f' {more}'}"


def check_key(rule: Rule, dataset: Dataset, own: StructType, other: DataFrame) -> None:
    """Check that the columns of a foreign key are there, and can be compared.

    Args:
        rule: the rule.
        dataset: the dataset that declares it.
        own: the dataset's columns.
        other: a frame of the columns of the dataset that the key is looked up in.

    Raises:
        BadExpectation: they are not, or cannot.
    """
    check = rule.check
    if isinstance(check, ForeignKey):
        missing = [*_missing(rule, dataset, check.to, other, check.dataset)]
        raise_together(missing or [*_unlike(rule, dataset, check, (own, other.schema))])


def _conditions(rule: Rule) -> Iterator[object]:
    if rule.check is None:
        yield rule.condition
    if rule.terms.where is not None:
        yield rule.terms.where


def _bad_conditions(dataset: Dataset, frame: DataFrame) -> Iterator[BadExpectation]:
    for rule in dataset.rules:
        for condition in _conditions(rule):
            facts = condition_facts(frame, condition, timeless=rule.check is None)
            yield from _bad(rule, dataset, facts)
            if facts.problem is None:
                asked = frame.select(condition_column(condition))
                yield from _failing(dataset, [(rule, condition)], asked)


def _bad_checks(dataset: Dataset, frame: DataFrame) -> Iterator[BadExpectation]:
    for rule in dataset.wide_rules:
        match rule.check:
            case Aggregate() as check:
                facts = aggregate_facts(frame, check.condition)
                yield from _bad(rule, dataset, facts)
                if facts.problem is None:
                    asked = aggregated(frame, check.condition)
                    yield from _failing(dataset, [(rule, rule.condition)], asked)
            case Unique(columns=columns) | ForeignKey(columns=columns):
                yield from _missing(rule, dataset, columns, frame, dataset.shown)
            case Fresh(column=column):
                yield from _no_time(rule, dataset, column, frame)
            case HasSchema() as check:
                yield from _no_types(rule, dataset, check)
            case _:
                pass


def _failing(
    dataset: Dataset, told: Sequence[tuple[Rule, object]], judged: DataFrame
) -> Iterator[BadExpectation]:
    """Yield the entries of suites that one value of another type would make end the update.

    Who writes SQL, such as a condition for rows, chooses its types; an entry knows none.
    """
    if not any(rule.expectation for rule, _ in told):
        return
    for (rule, condition), cast in zip(told, failing_casts(judged), strict=True):
        if rule.expectation and cast is not None and condition is rule.condition:
            what = f"{cast}, which fails at the first value that is none: {condition}"
            yield _problem(rule, dataset, what, _OF_TYPES)


def _no_time(
    rule: Rule, dataset: Dataset, column: str, frame: DataFrame
) -> Iterator[BadExpectation]:
    missing = [*_missing(rule, dataset, (column,), frame, dataset.shown)]
    yield from missing
    found = {each.name.lower(): each.dataType for each in frame.schema.fields}.get(column.lower())
    if not missing and not isinstance(found, _OF_TIME):
        kind = "" if found is None else found.simpleString()
        yield _problem(rule, dataset, f"is about {column}, a {kind}", "name a timestamp or date")


def _no_types(rule: Rule, dataset: Dataset, check: HasSchema) -> Iterator[BadExpectation]:
    for column, type_ in check.columns:
        try:
            type_text(type_ or "INT")
        except PySparkException:
            fix = "write it as in DDL, such as BIGINT or ARRAY<STRING>"
            yield _problem(rule, dataset, f"says {type_!r} of {column}, which is no type", fix)


def _missing(
    rule: Rule, dataset: Dataset, columns: tuple[str, ...], frame: DataFrame, shown: str
) -> Iterator[BadExpectation]:
    known = {name.lower() for name in frame.columns}
    for column in columns:
        if column.lower() not in known:
            fix = did_you_mean(column, frame.columns, otherwise="the columns are")
            yield _problem(rule, dataset, f"names {column!r}, which is no column of {shown}", fix)


def _unlike(
    rule: Rule, dataset: Dataset, check: ForeignKey, schemas: tuple[StructType, StructType]
) -> Iterator[BadExpectation]:
    own, others = (
        {each.name.lower(): each.dataType for each in schema.fields} for schema in schemas
    )
    for name, to in zip(check.columns, check.to, strict=True):
        kind, other = own.get(name.lower()), others[to.lower()]
        if kind is not None and not can_compare(kind, other):
            what = (
                f"compares {name} ({kind.simpleString()}) with {check.dataset}.{to} "
                f"({other.simpleString()}), which Spark cannot do without a cast that may fail"
            )
            fix = "look the key up in a view that casts the column, or choose another column"
            yield _problem(rule, dataset, what, fix)


def _bad(rule: Rule, dataset: Dataset, fact: ConditionFacts) -> Iterator[BadExpectation]:
    if fact.problem is not None:
        yield _problem(rule, dataset, f"{fact.problem}: {fact.text}", fact.fix)


def _problem(rule: Rule, dataset: Dataset, what: str, fix: str | None) -> BadExpectation:
    return BadExpectation(
        f"expectation {rule.name!r} of {dataset.shown} {what}", origin=rule.origin, fix=fix
    )
