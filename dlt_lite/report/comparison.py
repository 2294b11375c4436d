"""Results of several updates → what changed between two, and how a rule fared over all.

Values in, values out; the updates come newest first, as `past_quality` gives them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dlt_lite.model.results import DatasetQuality, RuleResult, UpdateQuality, Verdict

_BAD = frozenset({Verdict.FAIL, Verdict.ERROR, Verdict.WARN})
_JUDGED = _BAD | {Verdict.PASS}
_POINTS = 100
# Shares are quotients of whole numbers; what comes further behind is an error of floats.
_PLACES = 9
_NOTICEABLE = 0.01


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A rule in two updates.

    Attributes:
        rule: what it decided in the later update; in the earlier one where it is gone.
        before: what it decided in the earlier update; None where it did not exist.
    """

    rule: RuleResult
    before: RuleResult | None

    @property
    def points(self) -> float | None:
        """By how many percentage points the share of passing rows rose; None where unknown."""
        old, new = None if self.before is None else self.before.ratio, self.rule.ratio
        if old is None or new is None:
            return None
        return round((new - old) * _POINTS, _PLACES)


@dataclass(frozen=True, slots=True)
class RowChange:
    """How many rows a dataset was given in two updates; None where it did not exist."""

    dataset: str
    before: int | None
    after: int | None

    @property
    def share(self) -> float | None:
        """The change as a share of the rows before; None where there were none."""
        if not self.before or self.after is None:
            return None
        return (self.after - self.before) / self.before


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed from one update to a later one.

    Attributes:
        before: the earlier update's id.
        after: the later update's id.
        new_failures: rules that are violated, or could not run, and were not before.
        fixed: rules that pass and did not before.
        regressed: rules that are violated by a greater share of rows than before, by a hundredth
            of a percentage point or more.
        improved: rules that are violated by a smaller share.
        added: rules that did not exist before.
        removed: rules that do not exist any more.
        rows: datasets that were given another number of rows.
    """

    before: str
    after: str
    new_failures: tuple[RuleChange, ...] = ()
    fixed: tuple[RuleChange, ...] = ()
    regressed: tuple[RuleChange, ...] = ()
    improved: tuple[RuleChange, ...] = ()
    added: tuple[RuleChange, ...] = ()
    removed: tuple[RuleChange, ...] = ()
    rows: tuple[RowChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """A rule in one update of its history.

    Attributes:
        update_id: the update.
        started: when it began.
        result: what the rule decided; None where the update does not know the rule.
    """

    update_id: str
    started: str | None
    result: RuleResult | None

    @property
    def violated(self) -> float | None:
        """The share of rows that broke the rule; None where nothing was checked."""
        ratio = None if self.result is None else self.result.ratio
        return None if ratio is None else 1.0 - ratio


@dataclass(frozen=True, slots=True)
class RuleHistory:
    """How one rule fared.

    Attributes:
        dataset: the dataset, or view, that declares it.
        rule: its name.
        flow: for a view's rule: the flow that read the view.
        points: one for each update that knows it, oldest first, none of them without a result.
    """

    dataset: str
    rule: str
    flow: str | None
    points: tuple[Point, ...]


def compare(before: UpdateQuality, after: UpdateQuality) -> Comparison:
    """Return what changed from one update to a later one.

    A rule that one of the two did not check has neither failed nor been fixed between them.
    """
    old = {rule.key: rule for rule in before.rules}
    new = {rule.key: rule for rule in after.rules}
    told = [(RuleChange(rule, old.get(key)), _verdict(old.get(key))) for key, rule in new.items()]
    still = [each for each, was in told if was in _BAD and each.rule.verdict in _BAD]
    return Comparison(
        before=before.update_id,
        after=after.update_id,
        new_failures=tuple(
            each for each, was in told if was not in _BAD and each.rule.verdict in _BAD
        ),
        fixed=tuple(
            each for each, was in told if was in _BAD and each.rule.verdict is Verdict.PASS
        ),
        regressed=tuple(each for each in still if (each.points or 0.0) <= -_NOTICEABLE),
        improved=tuple(each for each in still if (each.points or 0.0) >= _NOTICEABLE),
        added=tuple(each for each, was in told if was is None),
        removed=tuple(RuleChange(rule, rule) for key, rule in old.items() if key not in new),
        rows=_row_changes(before, after),
    )


def previous_of(updates: Sequence[UpdateQuality], update_id: str) -> UpdateQuality | None:
    """Return the newest update before another in which a rule was decided, None if there is none.

    Args:
        updates: results, newest first.
        update_id: the later update.
    """
    older = [each for each in updates if each.update_id < update_id]
    decided = (each for each in older if any(rule.verdict in _JUDGED for rule in each.rules))
    return next(decided, None)


def history(updates: Sequence[UpdateQuality], dataset: str, rule: str) -> tuple[Point, ...]:
    """Return how a rule fared, oldest first; a view's rule once for every flow that read the view.

    Args:
        updates: results, newest first.
        dataset: the dataset, or view, that declares the rule.
        rule: the rule's name.
    """
    asked = (dataset.lower(), rule)
    return tuple(
        Point(update.update_id, update.started, result)
        for update in reversed(updates)
        for result in update.rules
        if result.key[:2] == asked
    )


def rule_histories(updates: Sequence[UpdateQuality], dataset: str) -> tuple[RuleHistory, ...]:
    """Return how each rule of a dataset fared; a view's rule once for every flow that read it.

    Args:
        updates: results, newest first.
        dataset: the dataset, or view, that declares the rules.
    """
    points: dict[tuple[str, str, str], list[Point]] = {}
    for update in updates:
        for result in update.rules:
            if result.key[0] == dataset.lower():
                point = Point(update.update_id, update.started, result)
                points.setdefault(result.key, []).append(point)
    return tuple(
        RuleHistory(dataset, rule, flow or None, tuple(reversed(found)))
        for (_, rule, flow), found in points.items()
    )


def trends(updates: Sequence[UpdateQuality]) -> Mapping[tuple[str, str, str], tuple[Point, ...]]:
    """Return how every rule of the newest update fared, oldest first: a point for each update."""
    by_update = [
        (update, {rule.key: rule for rule in update.rules}) for update in reversed(updates)
    ]
    newest = updates[0].rules if updates else ()
    return {
        rule.key: tuple(
            Point(update.update_id, update.started, rules.get(rule.key))
            for update, rules in by_update
        )
        for rule in newest
    }


def _verdict(rule: RuleResult | None) -> Verdict | None:
    return None if rule is None else rule.verdict


def _row_changes(before: UpdateQuality, after: UpdateQuality) -> tuple[RowChange, ...]:
    old, new = _tables(before), _tables(after)
    names = dict.fromkeys((*new, *old))
    changes = (RowChange(name, _rows(old.get(name)), _rows(new.get(name))) for name in names)
    return tuple(each for each in changes if each.before != each.after)


def _tables(update: UpdateQuality) -> Mapping[str, DatasetQuality]:
    return {each.name: each for each in update.datasets if each.rows_in is not None}


def _rows(dataset: DatasetQuality | None) -> int | None:
    return None if dataset is None else dataset.written
