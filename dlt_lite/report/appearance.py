"""Verdicts → how they look: a critical rule that is violated does not look like a warning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from dlt_lite.model.results import RuleResult, UpdateQuality, Verdict
from dlt_lite.model.rules import Severity
from dlt_lite.report.words import verdict_word

CRITICAL = "critical"
"""The look of a critical rule that is violated and stopped nothing; the others are verdicts."""
_WORST_FIRST = (
    Verdict.FAIL,
    Verdict.ERROR,
    CRITICAL,
    Verdict.WARN,
    Verdict.PASS,
    Verdict.SKIPPED,
)


def look_of(rule: RuleResult) -> str:
    """Return how a rule looks."""
    if rule.verdict is Verdict.WARN and rule.severity is Severity.CRITICAL:
        return CRITICAL
    return rule.verdict.value


def worst_look(rules: Iterable[RuleResult]) -> str:
    """Return how the worst of rules looks; as skipped where there are none."""
    found = set(map(look_of, rules))
    return next((str(each) for each in _WORST_FIRST if each in found), Verdict.SKIPPED.value)


def update_look(update: UpdateQuality) -> str:
    """Return how an update looks."""
    return worst_look(update.rules) if update.verdict is Verdict.WARN else update.verdict.value


def tally(rules: Iterable[RuleResult]) -> tuple[tuple[str, int], ...]:
    """Return how many rules have each look, worst first."""
    found = Counter(map(look_of, rules))
    return tuple((str(each), found[each]) for each in _WORST_FIRST if found[each])


def look_word(look: str) -> str:
    """Return a look as a person says it."""
    return "violated, critical" if look == CRITICAL else verdict_word(Verdict(look))
