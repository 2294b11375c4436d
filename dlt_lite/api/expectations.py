"""The `expect` decorators. They record a rule on the function and hand it back unchanged.

A row passes when the condition is true; false and NULL break the rule, as in Databricks' `dlt`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypedDict, TypeVar, Unpack, cast

from dlt_lite.errors import BadName, BadOption
from dlt_lite.model.checks import Check
from dlt_lite.model.rule_terms import TERMS, TermProblem, check_terms, terms_of
from dlt_lite.model.rules import NO_TERMS, Rule, RuleAction, Terms
from dlt_lite.project.suggestions import did_you_mean
from dlt_lite.registry.active import active_registry
from dlt_lite.registry.registry import Registry

Q = TypeVar("Q", bound=Callable[..., object])


class RuleTerms(TypedDict, total=False):
    """What may be said of any expectation besides its name and condition.

    Databricks has none of these; `mostly` is Great Expectations' own word.

    Attributes:
        mostly: the share of rows that must pass, from 0 to 1, for the expectation to hold.
        max_failures: the number of rows that may break it; either bound suffices.
        null: `fail` or `pass`: what it means where the condition is NULL.
        where: SQL text or a Spark Column: which rows it is about; all by default.
        severity: critical, warning or info; by default critical where it fails, else warning.
        owner: who looks after it.
        tags: words to find it by.
        description: why there is such an expectation.
        enabled: whether it is switched on, or the targets in which it is.
    """

    mostly: float
    max_failures: int
    null: str
    where: object
    severity: str
    owner: str
    tags: Sequence[str]
    description: str
    enabled: bool | Sequence[str]


def expect(name: str, inv: object, **terms: Unpack[RuleTerms]) -> Callable[[Q], Q]:
    """Count the rows that break a condition, and keep them.

    Args:
        name: the expectation's name, unique in its dataset.
        inv: SQL text or a Spark Column, true for a row that passes.
        terms: what else holds of it, as in `RuleTerms`.
    """
    return _recording({name: inv}, RuleAction.WARN, terms)


def expect_or_drop(name: str, inv: object, **terms: Unpack[RuleTerms]) -> Callable[[Q], Q]:
    """Count the rows that break a condition, and keep them out of the table.

    Args:
        name: the expectation's name, unique in its dataset.
        inv: SQL text or a Spark Column, true for a row that passes.
        terms: what else holds of it, as in `RuleTerms`.
    """
    return _recording({name: inv}, RuleAction.DROP, terms)


def expect_or_fail(name: str, inv: object, **terms: Unpack[RuleTerms]) -> Callable[[Q], Q]:
    """Fail the flow when a row breaks a condition; nothing of its batch is written.

    Args:
        name: the expectation's name, unique in its dataset.
        inv: SQL text or a Spark Column, true for a row that passes.
        terms: what else holds of it, as in `RuleTerms`.
    """
    return _recording({name: inv}, RuleAction.FAIL, terms)


def expect_all(expectations: Mapping[str, object], **terms: Unpack[RuleTerms]) -> Callable[[Q], Q]:
    """Count the rows that break each of several conditions, and keep them.

    Args:
        expectations: conditions by name, as in `expect`.
        terms: what else holds of each of them, as in `RuleTerms`.
    """
    return _recording(expectations, RuleAction.WARN, terms)


def expect_all_or_drop(
    expectations: Mapping[str, object], **terms: Unpack[RuleTerms]
) -> Callable[[Q], Q]:
    """Keep rows that break any of several conditions out of the table, and count each.

    Args:
        expectations: conditions by name, as in `expect`.
        terms: what else holds of each of them, as in `RuleTerms`.
    """
    return _recording(expectations, RuleAction.DROP, terms)


def expect_all_or_fail(
    expectations: Mapping[str, object], **terms: Unpack[RuleTerms]
) -> Callable[[Q], Q]:
    """Fail the flow when a row breaks any of several conditions.

    Args:
        expectations: conditions by name, as in `expect`.
        terms: what else holds of each of them, as in `RuleTerms`.
    """
    return _recording(expectations, RuleAction.FAIL, terms)


def expect_or_quarantine(name: str, inv: object, **terms: Unpack[RuleTerms]) -> Callable[[Q], Q]:
    """Set the rows that break a condition aside, whole, in the dataset's quarantine table.

    A row that breaks a drop rule too is set aside, not dropped. Databricks has no such decorator.

    Args:
        name: the expectation's name, unique in its dataset.
        inv: SQL text or a Spark Column, true for a row that passes.
        terms: what else holds of it, as in `RuleTerms`.
    """
    return _recording({name: inv}, RuleAction.QUARANTINE, terms)


def expect_all_or_quarantine(
    expectations: Mapping[str, object], **terms: Unpack[RuleTerms]
) -> Callable[[Q], Q]:
    """Set rows that break any of several conditions aside, and count each.

    Args:
        expectations: conditions by name, as in `expect_or_quarantine`.
        terms: what else holds of each of them, as in `RuleTerms`.
    """
    return _recording(expectations, RuleAction.QUARANTINE, terms)


def rules_from(
    expectations: Mapping[str, object] | None,
    action: RuleAction,
    registry: Registry,
    given: RuleTerms | None = None,
) -> tuple[Rule, ...]:
    """Return the rules that a dictionary names; None is no rule."""
    if expectations is None:
        return ()
    origin = registry.here()
    if not isinstance(cast("object", expectations), Mapping):
        registry.refuse(
            BadOption(
                f"expectations are {expectations!r}, not a dictionary",
                origin=origin,
                fix='give {"name": "condition"}',
            )
        )
        return ()
    for name in expectations:
        if not isinstance(cast("object", name), str) or not name.strip():
            registry.refuse(
                BadName(
                    f"{name!r} is no name of an expectation",
                    origin=origin,
                    fix="name it by what a good row has, such as 'valid id'",
                )
            )
    listed = ", ".join(map(str, expectations))
    terms = checked_terms(given or {}, None, registry, name=listed)
    return tuple(Rule(str(name), action, inv, origin, terms) for name, inv in expectations.items())


def checked_terms(
    given: Mapping[str, object], check: Check | None, registry: Registry, *, name: str
) -> Terms:
    """Return what is said of a rule; what cannot be said is refused."""
    for word in given:
        if word not in TERMS:
            registry.refuse(
                BadOption(
                    f"expectation {name!r} has an unknown argument {word!r}",
                    origin=registry.here(),
                    fix=did_you_mean(word, TERMS),
                )
            )
    try:
        terms = terms_of(given)
        check_terms(terms, check)
    except TermProblem as problem:
        refuse_term(problem, registry, name=name)
        return NO_TERMS
    return terms


def refuse_term(problem: TermProblem, registry: Registry, *, name: str) -> None:
    """Keep a problem with what is said of a rule."""
    registry.refuse(
        BadOption(f"expectation {name!r}: {problem.what}", origin=registry.here(), fix=problem.fix)
    )


def _recording(
    expectations: Mapping[str, object], action: RuleAction, terms: RuleTerms
) -> Callable[[Q], Q]:
    def record(function: Q) -> Q:
        registry = active_registry()
        if registry is not None:
            registry.add_rules(function, rules_from(expectations, action, registry, terms))
        return function

    return record
