"""The `expect` decorators. They record a rule on the function and hand it back unchanged.

A row passes when the condition is true; false and NULL break the rule, as in Databricks' `dlt`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar, cast

from dlt_lite.errors import BadName, BadOption
from dlt_lite.model.rules import Rule, RuleAction
from dlt_lite.registry.active import active_registry
from dlt_lite.registry.registry import Registry

Q = TypeVar("Q", bound=Callable[..., object])


def expect(name: str, inv: object) -> Callable[[Q], Q]:
    """Count the rows that break a condition, and keep them.

    Args:
        name: the expectation's name, unique in its dataset.
        inv: SQL text or a Spark Column, true for a row that passes.
    """
    return _recording({name: inv}, RuleAction.WARN)


def expect_or_drop(name: str, inv: object) -> Callable[[Q], Q]:
    """Count the rows that break a condition, and keep them out of the table.

    Args:
        name: the expectation's name, unique in its dataset.
        inv: SQL text or a Spark Column, true for a row that passes.
    """
    return _recording({name: inv}, RuleAction.DROP)


def expect_or_fail(name: str, inv: object) -> Callable[[Q], Q]:
    """Fail the flow when a row breaks a condition; nothing of its batch is written.

    Args:
        name: the expectation's name, unique in its dataset.
        inv: SQL text or a Spark Column, true for a row that passes.
    """
    return _recording({name: inv}, RuleAction.FAIL)


def expect_all(expectations: Mapping[str, object]) -> Callable[[Q], Q]:
    """Count the rows that break each of several conditions, and keep them.

    Args:
        expectations: conditions by name, as in `expect`.
    """
    return _recording(expectations, RuleAction.WARN)


def expect_all_or_drop(expectations: Mapping[str, object]) -> Callable[[Q], Q]:
    """Keep rows that break any of several conditions out of the table, and count each.

    Args:
        expectations: conditions by name, as in `expect`.
    """
    return _recording(expectations, RuleAction.DROP)


def expect_all_or_fail(expectations: Mapping[str, object]) -> Callable[[Q], Q]:
    """Fail the flow when a row breaks any of several conditions.

    Args:
        expectations: conditions by name, as in `expect`.
    """
    return _recording(expectations, RuleAction.FAIL)


def expect_or_quarantine(name: str, inv: object) -> Callable[[Q], Q]:
    """Set the rows that break a condition aside, whole, in the dataset's quarantine table.

    A row that breaks a drop rule too is set aside, not dropped. Databricks has no such decorator.

    Args:
        name: the expectation's name, unique in its dataset.
        inv: SQL text or a Spark Column, true for a row that passes.
    """
    return _recording({name: inv}, RuleAction.QUARANTINE)


def expect_all_or_quarantine(expectations: Mapping[str, object]) -> Callable[[Q], Q]:
    """Set rows that break any of several conditions aside, and count each.

    Args:
        expectations: conditions by name, as in `expect_or_quarantine`.
    """
    return _recording(expectations, RuleAction.QUARANTINE)


def rules_from(
    expectations: Mapping[str, object] | None, action: RuleAction, registry: Registry
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
    return tuple(Rule(str(name), action, inv, origin) for name, inv in expectations.items())


def _recording(expectations: Mapping[str, object], action: RuleAction) -> Callable[[Q], Q]:
    def record(function: Q) -> Q:
        registry = active_registry()
        if registry is not None:
            registry.add_rules(function, rules_from(expectations, action, registry))
        return function

    return record
