"""An update's results → its verdict in one sentence, and the figures that stand below it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from dlt_lite.model.results import DatasetQuality, RuleResult, UpdateQuality, Verdict, badness
from dlt_lite.model.rules import Severity
from dlt_lite.report.escaping import shortened
from dlt_lite.report.summary import error_json
from dlt_lite.report.words import counted, percent

ENDS = {
    "FAILED": "the update failed",
    "CANCELED": "the update was stopped",
    "ABANDONED": "the update was killed",
    "RUNNING": "the update is still running",
}
_ASIDE = re.compile(r"\s\([^()]*\)")
_SENTENCE_END = re.compile(r"\.\s+(?=[A-Z])")
_LONGEST_NAME, _LONGEST_CAUSE = 60, 160


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
    """Return an update's verdict: what failed and why, what is violated, which rows were lost."""
    told = [", ".join(_rules(update)), _kept_out(update.datasets)]
    verdict = "; ".join(each for each in told if each)
    end = _ended(update)
    return " ".join(f"{each[0].upper()}{each[1:]}." for each in (end, verdict) if each)


def first_sentence(error: str) -> str:
    """Return what an error says first, without its code and what it says in brackets."""
    told = error_json(error)
    line = next(iter(((told and told["message"]) or error).strip().splitlines()), "")
    said = _ASIDE.sub("", _SENTENCE_END.split(line, maxsplit=1)[0]).rstrip(" .:")
    return shortened(said, _LONGEST_CAUSE)


def failed_datasets(update: UpdateQuality) -> tuple[DatasetQuality, ...]:
    """Return the datasets that failed of something that they tell."""
    return tuple(each for each in update.datasets if each.state == "FAILED" and each.error)


def _ended(update: UpdateQuality) -> str:
    end = ENDS.get(update.state)
    failed = failed_datasets(update)
    if end is None or not (failed or update.error):
        return end or ""
    if not failed:
        return f"{end}: {first_sentence(update.error or '')}"
    first, others = failed[0], len(failed) - 1
    name = shortened(first.name, _LONGEST_NAME)
    more = f" and {counted(others, 'dataset')} more" if others else ""
    cause = first_sentence(first.error or "")
    cause = cause.removeprefix(f"{first.name}: ").removeprefix(f"{first.name} failed: ")
    return f"{end} at {name}{more}{cause and f': {cause}'}"


def _rules(update: UpdateQuality) -> list[str]:
    rules = update.rules
    if not rules:
        return [] if update.state in ENDS else ["there are no rules, so nothing was checked"]
    found = verdicts_of(rules)
    broken = found[Verdict.FAIL] + found[Verdict.WARN]
    checked = broken + found[Verdict.PASS]
    if not checked and not found[Verdict.ERROR]:
        return [f"none of {counted(len(rules), 'rule')} was checked"]
    told = []
    if broken:
        told.append(f"{broken:,} of {counted(len(rules), 'rule')} violated{_critical(rules)}")
    elif checked and (found[Verdict.ERROR] or update.state in ENDS):
        told.append(f"{checked:,} of {counted(len(rules), 'rule')} passed")
    elif not checked:
        told.append(f"none of {counted(len(rules), 'rule')} was decided")
    else:
        told.append(f"{_all(checked)} passed")
    left = {"could not run": found[Verdict.ERROR], "not checked": found[Verdict.SKIPPED]}
    told += [f"{number:,} {word}" for word, number in left.items() if number and checked]
    return told


def _all(checked: int) -> str:
    return "the one rule that was checked" if checked == 1 else f"all {checked:,} checked rules"


def _critical(rules: Iterable[RuleResult]) -> str:
    broken = {Verdict.FAIL, Verdict.WARN}
    found = sum(r.severity is Severity.CRITICAL and r.verdict in broken for r in rules)
    return f" ({found:,} critical)" if found else ""


def _kept_out(datasets: Iterable[DatasetQuality]) -> str:
    """Return which rows were kept out: of the dataset with the greatest share, then the others."""
    found = [each for each in datasets if each.rows_in and _out(each)]
    if not found:
        return ""
    first, *others = sorted(found, key=lambda each: _out(each) / (each.rows_in or 1), reverse=True)
    rows, whole = _out(first), first.rows_in or 0
    parts = ((first.dropped, "dropped"), (first.quarantined, "quarantined"))
    how = ", ".join(f"{number:,} {word}" for number, word in parts if number)
    told = (
        f"{rows:,} of {counted(whole, 'row')} of {shortened(first.name, _LONGEST_NAME)} kept out "
        f"({percent(rows / whole)}): {how}"
    )
    if not others:
        return told
    more = counted(sum(map(_out, others)), "row")
    return f"{told}; and {more} of {counted(len(others), 'other dataset')}"


def _out(dataset: DatasetQuality) -> int:
    return dataset.dropped + dataset.quarantined
