"""Rules as events tell them."""

from __future__ import annotations

from dlt_lite.events.records import ExpectationDefinition
from dlt_lite.model.rules import NullPolicy, Rule, Threshold


def expectation_record(rule: Rule, *, enabled: bool = True) -> ExpectationDefinition:
    """Return what is told of a rule; `enabled` says whether it is switched on."""
    terms = rule.terms
    threshold = terms.threshold or Threshold()
    return ExpectationDefinition(
        rule.name,
        rule.action,
        _condition(rule.condition),
        str(rule.origin),
        rule.kind,
        terms.severity,
        terms.owner,
        terms.tags,
        terms.description,
        None if terms.where is None else _condition(terms.where),
        terms.null or NullPolicy.FAIL,
        threshold.mostly,
        threshold.max_failures,
        enabled,
        rule.expectation,
    )


def _condition(condition: object) -> str:
    return condition if isinstance(condition, str) else str(condition)
