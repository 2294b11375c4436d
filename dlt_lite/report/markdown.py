"""Results → Markdown for a pull request or GitHub's step summary: the verdict, then what is wrong.

Never longer than GitHub takes: a summary that is too long is lost as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from dlt_lite.model.gates import GateResult
from dlt_lite.model.results import DatasetQuality, RuleResult, UpdateQuality, Verdict
from dlt_lite.report.appearance import CRITICAL, look_of, tally, update_look
from dlt_lite.report.comparison import Comparison, RuleChange
from dlt_lite.report.escaping import markdown, markdown_code, shortened
from dlt_lite.report.reasons import Undecided, grouped, reasons_of
from dlt_lite.report.row_moves import row_moves
from dlt_lite.report.row_texts import row_texts
from dlt_lite.report.verdicts import bad, sentence
from dlt_lite.report.words import (
    UNKNOWN,
    amount,
    counted,
    duration,
    figures,
    length,
    moved,
    passed,
    rule_name,
    signed,
    verdict_word,
)

MOST_BYTES = 1_000_000
_MOST_ROWS = 100
_MOST_CHANGES = 20
_MOST_SHOWN, _MOST_SHOWN_BYTES = 3, 16 * 1024
_LONGEST_NAME, _LONGEST_TEXT, _LONGEST_ERROR = 120, 300, 2000
_MARKS: dict[str, str] = {
    Verdict.PASS: "✅",
    CRITICAL: "🔴",
    Verdict.WARN: "⚠️",
    Verdict.FAIL: "❌",
    Verdict.ERROR: "⛔",
    Verdict.SKIPPED: "⚪",
}


def markdown_report(
    update: UpdateQuality,
    comparison: Comparison | None = None,
    gate: GateResult | None = None,
    *,
    most_bytes: int = MOST_BYTES,
) -> str:
    """Return the report.

    Args:
        update: what the rules decided.
        comparison: what changed since an earlier update.
        gate: whether the quality gate was met.
        most_bytes: how long it may be in UTF-8; what is most important stands first.
    """
    blocks = [
        [f"## {_MARKS[update_look(update)]} {markdown(sentence(update))}", "", _about(update)],
        _gate(gate, update),
        _failures(update),
        _violations(update),
        _rows(update),
        _changes(comparison, update),
        _datasets(update.datasets, update.rules),
    ]
    lines = [line for block in blocks if block for line in (*block, "")]
    return _fitting(lines, most_bytes)


def _about(update: UpdateQuality) -> str:
    seconds = length(update.started, update.ended)
    parts = [
        f"pipeline {markdown_code(update.pipeline)}" if update.pipeline else "",
        f"target {markdown_code(update.target)}" if update.target else "",
        f"update {markdown_code(update.update_id)}",
        "" if seconds is None else duration(seconds),
    ]
    return " · ".join(part for part in parts if part)


def _gate(gate: GateResult | None, update: UpdateQuality) -> list[str]:
    if gate is None:
        return []
    notes = [f"- {markdown(note)}" for note in gate.notes]
    if gate.met:
        return ["**Quality gate: met**", "", *notes]
    found = reasons_of(gate, update)
    reasons = [f"- {markdown(reason.text)}" for reason in found[:_MOST_ROWS]]
    return ["**Quality gate: missed** ❌", "", *reasons, *_more(len(found)), *notes]


def _failures(update: UpdateQuality) -> list[str]:
    """Return why the update or a dataset failed, each error with its lines."""
    failed = [(each.name, each.error) for each in update.datasets if each.error]
    if update.error is not None and update.error not in {error for _, error in failed}:
        failed.insert(0, ("the update", update.error))
    if not failed:
        return []
    told = [line for name, error in failed[:_MOST_ROWS] for line in _failure(name, error)]
    return ["### What failed", "", *told, *_more(len(failed))]


def _failure(name: str, error: str) -> list[str]:
    lines = [line.strip() for line in shortened(error, _LONGEST_ERROR).splitlines()]
    first, *others = [markdown(line) for line in lines if line] or [""]
    title = f"- {markdown_code(shortened(name, _LONGEST_NAME))}: {first}"
    return [title, *(f"  - {other}" for other in others)]


def _violations(update: UpdateQuality) -> list[str]:
    rules = grouped(bad(update.rules))
    if not rules:
        return []
    head = ["| | rule | found | pass | action | severity | at |", "|-|-|-|-:|-|-|-|"]
    rows = [_row(*_violation(rule)) for rule in rules[:_MOST_ROWS]]
    return ["### What is wrong", "", *head, *rows, *_more(len(rules))]


def _violation(rule: RuleResult | Undecided) -> tuple[str, ...]:
    if isinstance(rule, Undecided):
        word = f"{_MARKS[Verdict.ERROR]} {verdict_word(Verdict.ERROR)}"
        told = (shortened(each, _LONGEST_TEXT) for each in (rule.told, rule.reason))
        return (word, *map(markdown, told), UNKNOWN, "", "", "")
    return (
        f"{_MARKS[look_of(rule)]} {verdict_word(rule.verdict)}",
        _name(rule),
        markdown(shortened(figures(rule), _LONGEST_TEXT)),
        passed(rule),
        str(rule.action),
        str(rule.severity),
        markdown_code(rule.origin) if rule.origin else "",
    )


def _rows(update: UpdateQuality) -> list[str]:
    """Return some of the rows that broke the worst rules."""
    rules = [
        replace(rule, samples=rule.samples[:_MOST_SHOWN])
        for rule in bad(update.rules)
        if rule.samples
    ]
    texts = row_texts(rules, most_bytes=_MOST_SHOWN_BYTES, longest=_LONGEST_TEXT)
    told = [
        line
        for rule, rows in zip(rules, texts, strict=True)
        if rows
        for line in (f"- {_name(rule)}", *(f"  - {markdown_code(row)}" for row in rows))
    ]
    return ["### Rows that broke them", "", *told] if told else []


def _changes(comparison: Comparison | None, update: UpdateQuality) -> list[str]:
    if comparison is None:
        return []
    told = [
        *_rule_changes("newly violated", comparison.new_failures),
        *_rule_changes("fixed", comparison.fixed),
        *_rule_changes("worse", comparison.regressed),
        *_rule_changes("better", comparison.improved),
        *_row_changes(row_moves(update, comparison)),
    ]
    title = f"### Since update {markdown_code(comparison.before)}"
    return [title, "", *(told or ["Nothing changed."])]


def _rule_changes(word: str, changes: Sequence[RuleChange]) -> list[str]:
    if not changes:
        return []
    by_key = {each.rule.key: each for each in changes}
    found = grouped(each.rule for each in changes)
    named = [
        markdown(shortened(each.told, _LONGEST_TEXT))
        if isinstance(each, Undecided)
        else _change(by_key[each.key])
        for each in found[:_MOST_CHANGES]
    ]
    more = [f"and {len(found) - _MOST_CHANGES:,} more"] if len(found) > _MOST_CHANGES else []
    return [f"- {len(changes):,} {word}: {', '.join([*named, *more])}"]


def _change(change: RuleChange) -> str:
    name = _name(change.rule)
    told = moved(change.rule, change.points)
    return f"{name} ({told} points)" if told else name


def _name(rule: RuleResult) -> str:
    return markdown_code(shortened(rule_name(rule), _LONGEST_NAME))


def _row_changes(moves: Mapping[str, int]) -> list[str]:
    named = [
        f"{markdown_code(shortened(name, _LONGEST_NAME))} {signed(difference)}"
        for name, difference in islice(moves.items(), _MOST_CHANGES)
    ]
    return [f"- rows of views: {', '.join(named)}"] if named else []


def _datasets(datasets: Sequence[DatasetQuality], rules: Iterable[RuleResult]) -> list[str]:
    by_dataset: dict[str, list[RuleResult]] = {}
    for rule in rules:
        by_dataset.setdefault(rule.dataset, []).append(rule)
    head = ["| dataset | state | in | written | dropped | quarantined | rules |"]
    rows = [_row(*_dataset(each, by_dataset.get(each.name, ()))) for each in datasets[:_MOST_ROWS]]
    line = "|-|-|-:|-:|-:|-:|-|"
    return ["### Datasets", "", *head, line, *rows, *_more(len(datasets))] if rows else []


def _dataset(dataset: DatasetQuality, rules: Iterable[RuleResult]) -> tuple[str, ...]:
    told = " ".join(f"{_MARKS[look]} {number:,}" for look, number in tally(rules))
    is_table = dataset.rows_in is not None
    return (
        markdown_code(shortened(dataset.name, _LONGEST_NAME)),
        markdown(dataset.state.lower()),
        amount(dataset.rows_in),
        amount(dataset.written if is_table else None),
        amount(dataset.dropped if is_table else None),
        amount(dataset.quarantined if is_table else None),
        told,
    )


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _more(found: int) -> list[str]:
    if found <= _MOST_ROWS:
        return []
    return ["", f"And {counted(found - _MOST_ROWS, 'other')}; the report has all."]


def _fitting(lines: Sequence[str], most: int) -> str:
    end = "The rest did not fit; the report has all."
    left = most - len(end) - 1
    kept: list[str] = []
    for line in lines:
        left -= len(line.encode("utf-8", "backslashreplace")) + 1
        if left < 0:
            return "\n".join([*kept, end])
        kept.append(line)
    return "\n".join(kept)
