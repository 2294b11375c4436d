"""An update's results and a gate → met or missed, and by what. Judges values, reads nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dlt_lite.model.gates import Gate, GateResult
from dlt_lite.model.results import DatasetQuality, RuleResult, UpdateQuality, Verdict
from dlt_lite.model.rules import Severity
from dlt_lite.report.comparison import Comparison, compare, replay_note
from dlt_lite.report.verdicts import ENDS
from dlt_lite.report.words import counted, percent, rule_name

_VIEW = "materialized_view"
_COMPLETED = "COMPLETED"
_MOST_NAMES = 3
_REPLACES = frozenset({"create", "replace", "full_refresh"})


def judge_gate(
    gate: Gate, update: UpdateQuality, previous: UpdateQuality | None = None
) -> GateResult:
    """Tell whether an update meets a gate.

    Args:
        gate: what must hold.
        update: what its rules decided.
        previous: what it is compared with; what has nothing to be compared with is noted as not
            told.

    Returns:
        Met or missed, with every reason.
    """
    change = None if previous is None else compare(previous, update)
    reasons = (
        *_not_ended(update),
        *_not_run(update),
        *(_critical(update) if gate.no_critical else ()),
        *_ratios(gate, update),
        *_regressions(gate, change),
        *(_unexplained(update) if gate.no_unexplained_drop else ()),
        *_decreases(gate, update, previous),
        *(_unchecked(update) if gate.some_checked else ()),
    )
    return GateResult(not reasons, reasons, tuple(_notes(gate, update, previous)))


def _not_ended(update: UpdateQuality) -> Iterator[str]:
    """Yield that the update did not end well: what it would have found is not known."""
    end = ENDS.get(update.state)
    if end is not None:
        yield end


def _not_run(update: UpdateQuality) -> Iterator[str]:
    for rule in update.rules:
        if rule.verdict is Verdict.ERROR:
            yield f"{rule_name(rule)} could not be decided: {rule.reason}"


def _critical(update: UpdateQuality) -> Iterator[str]:
    for rule in _of_new_rows(update):
        if rule.severity is Severity.CRITICAL and rule.verdict in {Verdict.WARN, Verdict.FAIL}:
            rows = counted(rule.violations or 0, "row") if rule.by_row else "it does not hold"
            yield f"{rule_name(rule)} is critical and violated: {rows}"


def _of_new_rows(update: UpdateQuality) -> Sequence[RuleResult]:
    """Return the rules that judged new rows; those that a replay tries have been judged before."""
    return () if update.is_replay else update.rules


def _ratios(gate: Gate, update: UpdateQuality) -> Iterator[str]:
    if gate.min_pass_ratio is None:
        return
    for rule in _of_new_rows(update):
        if rule.ratio is not None and rule.by_row and rule.ratio < gate.min_pass_ratio:
            least = percent(gate.min_pass_ratio)
            yield f"{rule_name(rule)}: {percent(rule.ratio)} of the rows pass, not {least}"


def _regressions(gate: Gate, change: Comparison | None) -> Iterator[str]:
    if gate.max_regression_points is None or change is None:
        return
    for each in (*change.new_failures, *change.regressed):
        rule, points = each.rule, each.points
        if points is not None and -points > gate.max_regression_points:
            most = f"{gate.max_regression_points:.10g}"
            yield f"{rule_name(rule)} fell by {-points:.2f} points, by more than {most}"


def _unexplained(update: UpdateQuality) -> Iterator[str]:
    for each in update.datasets:
        if each.unexplained:
            rows = counted(abs(each.unexplained), "row")
            sign = "are missing" if each.unexplained > 0 else "are there twice"
            yield f"{each.name}: {rows} {sign} that no rule explains"


def _decreases(gate: Gate, update: UpdateQuality, previous: UpdateQuality | None) -> Iterator[str]:
    if gate.max_row_decrease is None or previous is None:
        return
    old = _replaced(previous)
    for name, each in _replaced(update).items():
        before = old.get(name)
        if before is None:
            continue
        lost = before.written - each.written
        if before.written and lost > gate.max_row_decrease * before.written:
            share, most = percent(lost / before.written), percent(gate.max_row_decrease)
            yield f"{each.name} holds {share} fewer rows than before, more than {most}"


def _replaced(update: UpdateQuality) -> dict[str, DatasetQuality]:
    """Return the materialized views that an update has put in place of what they were."""
    return {
        each.name: each
        for each in update.datasets
        if each.kind == _VIEW and each.state == _COMPLETED and each.action in _REPLACES
    }


def _unchecked(update: UpdateQuality) -> Iterator[str]:
    if not any(map(_has_checked, update.rules)):
        yield "no rule has checked a row"


def _notes(gate: Gate, update: UpdateQuality, previous: UpdateQuality | None) -> Iterator[str]:
    if not update.rules:
        yield "there are no rules"
    elif not any(map(_has_checked, update.rules)):
        yield "no rule has checked a row"
    if update.is_replay:
        yield replay_note(update)
    elif (gate.max_regression_points, gate.max_row_decrease) == (None, None):
        return
    elif previous is None:
        yield "there is no earlier update to compare with"
    else:
        yield from _untold(gate, update, previous)


def _untold(gate: Gate, update: UpdateQuality, previous: UpdateQuality) -> Iterator[str]:
    """Yield what cannot be compared although there is an earlier update."""
    if gate.max_regression_points is not None:
        ratios = {rule.key: rule.ratio for rule in previous.rules}
        new = [rule for rule in update.rules if rule.ratio is not None]
        names = [rule_name(rule) for rule in new if ratios.get(rule.key) is None]
        yield from _nothing_before("result", names)
    if gate.max_row_decrease is not None:
        old = _replaced(previous)
        names = [name for name in _replaced(update) if name not in old]
        yield from _nothing_before("number of rows", names)


def _nothing_before(what: str, names: Sequence[str]) -> Iterator[str]:
    if names:
        more = len(names) - _MOST_NAMES
        listed = ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
        yield f"there is no earlier {what} to compare with: {listed}"


def _has_checked(rule: RuleResult) -> bool:
    return bool(rule.evaluated) or (not rule.by_row and rule.violations is not None)
