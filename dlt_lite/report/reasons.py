"""Rules that one failure left undecided → one line, and a gate's reasons → the rules they name.

A dataset that fails leaves all its rules undecided: that is one thing to know, not a dozen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dlt_lite.model.gates import GateResult
from dlt_lite.model.results import RuleResult, UpdateQuality, Verdict
from dlt_lite.report.words import counted, figures, rule_name

_BEHIND_A_NAME = " :"
_BARE = "it does not hold"


@dataclass(frozen=True, slots=True)
class Undecided:
    """Several rules of one dataset that were not decided, for one reason."""

    dataset: str
    reason: str
    rules: tuple[RuleResult, ...]

    @property
    def told(self) -> str:
        """How many there are, of what."""
        return f"{counted(len(self.rules), 'rule')} of {self.dataset}"

    def __str__(self) -> str:
        """Return it as a sentence; that its own dataset failed is told elsewhere."""
        is_known = self.reason.startswith(f"{self.dataset} failed")
        return f"{self.told} were not decided{'' if is_known else f': {self.reason}'}"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a gate was missed.

    Attributes:
        text: a sentence; about one rule it begins with that rule's name.
        rules: what it is about; none where it is about no rule.
    """

    text: str
    rules: tuple[RuleResult, ...] = ()


def grouped(rules: Iterable[RuleResult]) -> tuple[RuleResult | Undecided, ...]:
    """Return rules in their order; those that one failure left undecided stand together."""
    listed = tuple(rules)
    groups: dict[tuple[str, str], list[RuleResult]] = {}
    for rule in listed:
        if rule.verdict is Verdict.ERROR:
            groups.setdefault((rule.dataset, rule.reason), []).append(rule)
    found: list[RuleResult | Undecided] = []
    for rule in listed:
        group = groups.get((rule.dataset, rule.reason), [])
        if rule.verdict is not Verdict.ERROR or len(group) == 1:
            found.append(rule)
        elif rule is group[0]:
            found.append(Undecided(rule.dataset, rule.reason, tuple(group)))
    return tuple(found)


def reasons_of(gate: GateResult, update: UpdateQuality) -> tuple[Reason, ...]:
    """Return why a gate was missed, each reason with its rules; undecided ones in one line."""
    named = {rule_name(rule): rule for rule in update.rules}
    groups = {
        rule.key: each
        for each in grouped(update.rules)
        if isinstance(each, Undecided)
        for rule in each.rules
    }
    found: dict[str, Reason] = {}
    for text in gate.reasons:
        rule = _named_in(text, named)
        group = None if rule is None else groups.get(rule.key)
        if rule is None:
            reason = Reason(text)
        elif group is not None:
            reason = Reason(str(group), group.rules)
        else:
            reason = Reason(_with_what_was_found(text, rule), (rule,))
        found[reason.text] = reason
    return tuple(found.values())


def _named_in(text: str, named: Mapping[str, RuleResult]) -> RuleResult | None:
    """Return the rule whose name a text begins with, of several the longest."""
    ends = (place for place, each in enumerate(text) if each in _BEHIND_A_NAME)
    found = [named[text[:end]] for end in ends if text[:end] in named]
    return found[-1] if found else None


def _with_what_was_found(text: str, rule: RuleResult) -> str:
    if rule.by_row or not text.endswith(_BARE):
        return text
    return f"{text.removesuffix(_BARE)}{figures(rule)}"
