"""Results of several updates → what changed between two, and how a rule fared over all.

Values in, values out; the updates come newest first, as `past_quality` gives them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dlt_lite.model.results import DatasetQuality, RuleResult, UpdateQuality, Verdict

_BROKEN = frozenset({Verdict.FAIL, Verdict.WARN})
_BAD = _BROKEN | {Verdict.ERROR}
_DECIDED = _BROKEN | {Verdict.PASS}
_COMPLETED = "COMPLETED"
_WRITES = frozenset({"create", "append", "replace", "full_refresh", "reset_checkpoint"})
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
    """How many rows a dataset was given in two updates that filled it; None where there was none.

    One that an update left as it was, left out or could not fill was given none by it, and has not
    changed.
    """

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
        note: why nothing is compared, None where something is.
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
    note: str | None = None


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

    A rule that one of the two did not check has neither failed nor been fixed between them. A
    replay is compared with nothing.
    """
    for each in (before, after):
        if each.is_replay:
            return Comparison(before.update_id, after.update_id, note=replay_note(each))
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
            each for each, was in told if was in _BROKEN and each.rule.verdict is Verdict.PASS
        ),
        regressed=tuple(each for each in still if (each.points or 0.0) <= -_NOTICEABLE),
        improved=tuple(each for each in still if (each.points or 0.0) >= _NOTICEABLE),
        added=tuple(each for each, was in told if was is None),
        removed=tuple(RuleChange(rule, rule) for key, rule in old.items() if key not in new),
        rows=_row_changes(before, after),
    )


def replay_note(update: UpdateQuality) -> str:
    """Return why a replay is compared with nothing."""
    return (
        f"update {update.update_id} is a replay: its rules saw only the rows that it tried again, "
        "so nothing is compared with it"
    )


def previous_of(updates: Sequence[UpdateQuality], update: UpdateQuality) -> UpdateQuality | None:
    """Return what an update is compared with; None where there is nothing.

    That is the newest update before it in which a rule was decided, in which each rule has its last
    decided result and each dataset what it was last given, though an older update knows it: one
    that failed or left datasets out does not hide what was before. Replays are passed over.

    Args:
        updates: results, newest first.
        update: the later update.
    """
    if update.is_replay:
        return None
    older = [each for each in updates if each.update_id < update.update_id and not each.is_replay]
    newest = next((each for each in older if any(map(_is_decided, each.rules))), None)
    if newest is None:
        return None
    oldest_first = older[::-1]
    decided = {each.key: each for past in oldest_first for each in past.rules if _is_decided(each)}
    given = {each.name: each for past in oldest_first for each in past.datasets if _was_given(each)}
    rules = {rule.key: rule for rule in newest.rules}
    rules |= {rule.key: decided[rule.key] for rule in update.rules if rule.key in decided}
    datasets = {each.name: each for each in newest.datasets}
    datasets |= {each.name: given[each.name] for each in update.datasets if each.name in given}
    return replace(
        newest,
        rules=tuple(decided.get(key, rule) for key, rule in rules.items()),
        datasets=tuple(given.get(name, each) for name, each in datasets.items()),
    )


def _is_decided(rule: RuleResult) -> bool:
    return rule.verdict in _DECIDED


def _was_given(dataset: DatasetQuality) -> bool:
    """Return whether an update filled a dataset, be it with no row."""
    is_done = dataset.state == _COMPLETED and dataset.action in _WRITES
    return is_done and dataset.rows_in is not None


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
    old, new = _given(before), _given(after)
    changes = (
        RowChange(name, old.get(name), new.get(name))
        for name in dict.fromkeys((*new, *old))
        if (name in old or not _knows(before, name)) and (name in new or not _knows(after, name))
    )
    return tuple(each for each in changes if each.before != each.after)


def _given(update: UpdateQuality) -> Mapping[str, int]:
    return {each.name: each.written for each in update.datasets if _was_given(each)}


def _knows(update: UpdateQuality, name: str) -> bool:
    return any(each.name == name for each in update.datasets)
