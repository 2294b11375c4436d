"""Expectations about more than one row: keys, aggregates, freshness, schemas, rows kept out.

They warn, or fail: on a materialized view before anything is written. On a streaming table they
are about the whole table and are decided when the update has filled it: its rows stay, the update
fails. Databricks has no such decorators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TypeVar, Unpack

from dlt_lite.api.expectations import RuleTerms, checked_terms, refuse_term
from dlt_lite.model.checks import Check
from dlt_lite.model.rule_terms import (
    TermProblem,
    action_of,
    aggregate_of,
    drop_ratio_of,
    foreign_key_of,
    fresh_of,
    row_count_change_of,
    schema_of,
    unique_of,
)
from dlt_lite.model.rules import Rule
from dlt_lite.registry.active import active_registry
from dlt_lite.registry.registry import Registry

Q = TypeVar("Q", bound=Callable[..., object])


def expect_unique(
    columns: str | Sequence[str],
    *,
    name: str | None = None,
    on_violation: str = "warn",
    **terms: Unpack[RuleTerms],
) -> Callable[[Q], Q]:
    """Expect that no two rows have the same values in some columns.

    Each row whose values another has breaks it; rows with NULL in one of the columns are left out.
    Costs a job of its own over these columns.

    Args:
        columns: the column or columns.
        name: the expectation's name; what it says by default.
        on_violation: `warn` or `fail`.
        terms: what else holds of it, as in `RuleTerms`.
    """
    return _recording(lambda: unique_of(columns), name, on_violation, terms)


def expect_foreign_key(
    columns: str | Sequence[str],
    *,
    to: str | Sequence[str],
    name: str | None = None,
    on_violation: str = "warn",
    **terms: Unpack[RuleTerms],
) -> Callable[[Q], Q]:
    """Expect that the values of some columns are found in another dataset of the pipeline.

    Rows with NULL in one of the columns are left out. The other dataset is refreshed first. Costs
    a job of its own over the columns of both.

    Args:
        columns: the column or columns.
        to: `dataset.column`; of several columns one for each.
        name: the expectation's name; what it says by default.
        on_violation: `warn` or `fail`.
        terms: what else holds of it, as in `RuleTerms`.
    """
    return _recording(lambda: foreign_key_of(columns, to), name, on_violation, terms)


def expect_aggregate(
    condition: str,
    *,
    name: str | None = None,
    on_violation: str = "warn",
    **terms: Unpack[RuleTerms],
) -> Callable[[Q], Q]:
    """Expect that a condition over aggregates of all rows is true.

    A `warn` that needs no DISTINCT is decided in the job that writes a materialized view; else it
    costs a job of its own over its columns.

    Args:
        condition: SQL text, such as `count(*) between 900 and 1100`.
        name: the expectation's name; what it says by default.
        on_violation: `warn` or `fail`.
        terms: what else holds of it, as in `RuleTerms`.
    """
    return _recording(lambda: aggregate_of(condition), name, on_violation, terms)


def expect_row_count_change(
    *,
    max_decrease: float | None = None,
    max_increase: float | None = None,
    name: str | None = None,
    on_violation: str = "warn",
    **terms: Unpack[RuleTerms],
) -> Callable[[Q], Q]:
    """Expect that there are not many fewer, or more, rows than at the update before.

    Of a materialized view the rows that it holds are meant, of a streaming table those that an
    update appended. Where there was no update before, nothing is checked. Costs nothing, but for
    the `fail` of a materialized view, which counts before it writes.

    Args:
        max_decrease: by which share it may fall, from 0 to 1.
        max_increase: by which share it may rise.
        name: the expectation's name; what it says by default.
        on_violation: `warn` or `fail`.
        terms: what else holds of it, as in `RuleTerms`.
    """
    return _recording(
        lambda: row_count_change_of(max_decrease, max_increase), name, on_violation, terms
    )


def expect_fresh(
    column: str,
    *,
    within: str | timedelta,
    name: str | None = None,
    on_violation: str = "warn",
    **terms: Unpack[RuleTerms],
) -> Callable[[Q], Q]:
    """Expect that the newest value of a column is not older than a span, at every update.

    It is decided also where nothing new has come, from what was found before.

    Args:
        column: a column of timestamps or dates.
        within: a span such as `2 hours` or `1 day`, or a timedelta.
        name: the expectation's name; what it says by default.
        on_violation: `warn` or `fail`.
        terms: what else holds of it, as in `RuleTerms`.
    """
    return _recording(lambda: fresh_of(column, within), name, on_violation, terms)


def expect_schema(
    columns: str | Sequence[str] | Mapping[str, str | None] | object,
    *,
    others: bool = True,
    ordered: bool = False,
    name: str | None = None,
    on_violation: str = "warn",
    **terms: Unpack[RuleTerms],
) -> Callable[[Q], Q]:
    """Expect that there are certain columns; costs nothing.

    Args:
        columns: DDL such as `id BIGINT, day DATE`, a StructType, names, or types by name.
        others: whether there may be other columns.
        ordered: whether they stand in this order.
        name: the expectation's name; what it says by default.
        on_violation: `warn` or `fail`.
        terms: what else holds of it, as in `RuleTerms`.
    """
    return _recording(
        lambda: schema_of(columns, others=others, ordered=ordered), name, on_violation, terms
    )


def expect_max_drop_ratio(
    ratio: float,
    *,
    name: str | None = None,
    on_violation: str = "warn",
    **terms: Unpack[RuleTerms],
) -> Callable[[Q], Q]:
    """Expect that no greater share of an update's rows is dropped or set aside.

    Costs nothing, but for the `fail` of a materialized view, which counts before it writes.

    Args:
        ratio: the share, from 0 to 1.
        name: the expectation's name; what it says by default.
        on_violation: `warn` or `fail`.
        terms: what else holds of it, as in `RuleTerms`.
    """
    return _recording(lambda: drop_ratio_of(ratio), name, on_violation, terms)


def _recording(
    check_of: Callable[[], Check], name: str | None, on_violation: str, terms: RuleTerms
) -> Callable[[Q], Q]:
    def record(function: Q) -> Q:
        registry = active_registry()
        if registry is not None:
            registry.add_rules(function, _rules(check_of, name, on_violation, terms, registry))
        return function

    return record


def _rules(
    check_of: Callable[[], Check],
    name: str | None,
    on_violation: str,
    given: RuleTerms,
    registry: Registry,
) -> tuple[Rule, ...]:
    try:
        check = check_of()
        action = action_of(on_violation, check)
    except TermProblem as problem:
        refuse_term(problem, registry, name=name or "without a name")
        return ()
    said = name or str(check)
    terms = checked_terms(given, check, registry, name=said)
    return (Rule(said, action, str(check), registry.here(), terms, check),)
