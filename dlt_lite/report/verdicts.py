"""An update's results → its verdict in one sentence, and the figures that stand below it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dlt_lite.model.results import DatasetQuality, RuleResult, UpdateQuality, Verdict, badness
from dlt_lite.model.rules import Severity
from dlt_lite.report.words import counted, percent

ENDS = {
    "FAILED": "the update failed",
    "CANCELED": "the update was stopped",
    "ABANDONED": "the update was killed",
    "RUNNING": "the update is still running",
}


@dataclass(frozen=True, slots=True)
class Totals:
    """The rows of an update over all its tables, and its rules by verdict.

    Attributes:
        rows_in: rows of all queries' results.
        written: rows that were written.
        dropped: rows that rules kept out.
        quarantined: rows that rules put aside.
        rules: how many rules have each verdict.
        inexact: how many rules have figures that are not exact.
    """

    rows_in: int
    written: int
    dropped: int
    quarantined: int
    rules: Counter[Verdict]
    inexact: int


def totals(update: UpdateQuality) -> Totals:
    """Return the sums over an update."""
    tables = [each for each in update.datasets if each.rows_in is not None]
    return Totals(
        sum(each.rows_in or 0 for each in tables),
        sum(each.written for each in tables),
        sum(each.dropped for each in tables),
        sum(each.quarantined for each in tables),
        verdicts_of(update.rules),
        sum(not each.exact and each.violations is not None for each in update.rules),
    )


def verdicts_of(rules: Iterable[RuleResult]) -> Counter[Verdict]:
    """Return how many rules have each verdict."""
    return Counter(rule.verdict for rule in rules)


def worst_first(rules: Iterable[RuleResult]) -> tuple[RuleResult, ...]:
    """Return rules in the order in which a person should look at them."""
    return tuple(sorted(rules, key=lambda rule: (*badness(rule), rule.key)))


def bad(rules: Iterable[RuleResult]) -> tuple[RuleResult, ...]:
    """Return the rules that are violated or could not run, worst first."""
    wanted = {Verdict.FAIL, Verdict.ERROR, Verdict.WARN}
    return worst_first(rule for rule in rules if rule.verdict in wanted)


def sentence(update: UpdateQuality) -> str:
    """Return an update's verdict in one sentence."""
    told = [*_ended(update), *_rules(update.rules)]
    rows = _rows(update.datasets)
    text = ", ".join(told)
    return f"{text[0].upper()}{text[1:]}{f'; {rows}' if rows else ''}."


def _ended(update: UpdateQuality) -> list[str]:
    end = ENDS.get(update.state)
    return [] if end is None else [end]


def _rules(rules: Sequence[RuleResult]) -> list[str]:
    if not rules:
        return ["there are no rules, so nothing was checked"]
    found = verdicts_of(rules)
    broken = found[Verdict.FAIL] + found[Verdict.WARN]
    checked = broken + found[Verdict.PASS]
    if not checked and not found[Verdict.ERROR]:
        return [f"none of {counted(len(rules), 'rule')} was checked"]
    told = []
    if broken:
        told.append(f"{broken:,} of {counted(checked, 'rule')} violated{_critical(rules)}")
    elif checked:
        told.append(f"{_all(checked)} passed")
    if found[Verdict.ERROR]:
        told.append(f"{found[Verdict.ERROR]:,} could not run")
    if found[Verdict.SKIPPED]:
        told.append(f"{found[Verdict.SKIPPED]:,} not checked")
    return told


def _all(checked: int) -> str:
    return "the one rule that was checked" if checked == 1 else f"all {checked:,} checked rules"


def _critical(rules: Iterable[RuleResult]) -> str:
    broken = {Verdict.FAIL, Verdict.WARN}
    found = sum(r.severity is Severity.CRITICAL and r.verdict in broken for r in rules)
    return f" ({found:,} critical)" if found else ""


def _rows(datasets: Iterable[DatasetQuality]) -> str:
    tables = [each for each in datasets if each.rows_in]
    rows = sum(each.rows_in or 0 for each in tables)
    dropped = sum(each.dropped for each in tables)
    aside = sum(each.quarantined for each in tables)
    if not dropped + aside:
        return ""
    parts = [
        f"{counted(dropped, 'row')} dropped" if dropped else "",
        f"{aside:,} quarantined" if dropped else f"{counted(aside, 'row')} quarantined",
    ]
    told = ", ".join(parts if aside else parts[:1])
    return f"{told} ({percent((dropped + aside) / rows)} of {rows:,})"
