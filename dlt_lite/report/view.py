"""Results of updates → what the page shows, in the words and in the order in which it shows it.

Everything a template needs is decided here; names are made visible, the escaping is the template's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dlt_lite.model.gates import GateResult
from dlt_lite.model.results import RuleResult, UpdateQuality, badness
from dlt_lite.report.anchors import Anchors, anchors_of, href
from dlt_lite.report.appearance import look_of, look_word, tally, update_look
from dlt_lite.report.comparison import Comparison, RuleChange, compare, previous_of, trends
from dlt_lite.report.dataset_rows import DatasetRow, dataset_rows, looks_of
from dlt_lite.report.escaping import visible
from dlt_lite.report.lineage import lineage_graph
from dlt_lite.report.picture import Picture, picture
from dlt_lite.report.reasons import Reason, Undecided, grouped, reasons_of
from dlt_lite.report.rule_rows import RuleRow, rule_rows
from dlt_lite.report.sparks import are_few
from dlt_lite.report.verdicts import (
    ENDS,
    Totals,
    bad,
    failed_datasets,
    sentence,
    totals,
    worst_first,
)
from dlt_lite.report.words import (
    duration,
    figures,
    length,
    moment,
    moved,
    rule_name,
    verdict_word,
)

MOST_RULES = 5000


@dataclass(frozen=True, slots=True)
class Link:
    """A line of a list that leads to a rule or a dataset.

    Attributes:
        href: where it leads to; empty for nowhere.
        text: its name.
        note: what there is to say of it.
        look: how it looks.
    """

    href: str
    text: str
    note: str
    look: str


@dataclass(frozen=True, slots=True)
class GateReason:
    """Why the gate was missed.

    Attributes:
        link: the rule that it is about; None where it is about none, or about several.
        text: what there is to say of it.
        links: the rules that it is about, where they are several.
    """

    link: Link | None
    text: str
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Cause:
    """A dataset that failed, and its whole error; the update itself where it is named so."""

    href: str
    name: str
    error: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed since an earlier update.

    Attributes:
        before: the earlier update.
        when: when it began.
        groups: (title, links) pairs, none of them empty, the worst first.
    """

    before: str
    when: str
    groups: tuple[tuple[str, tuple[Link, ...]], ...]


@dataclass(frozen=True, slots=True)
class View:
    """The whole page."""

    update: UpdateQuality
    look: str
    word: str
    sentence: str
    when: str
    took: str
    totals: Totals
    tally: tuple[tuple[str, int], ...]
    tables: int
    causes: tuple[Cause, ...]
    gate: GateResult | None
    reasons: tuple[GateReason, ...]
    worst: tuple[Link, ...]
    changes: Changes | None
    datasets: tuple[DatasetRow, ...]
    picture: Picture
    rules: tuple[RuleRow, ...]
    left_out: int
    updates: int

    @property
    def few_updates(self) -> bool:
        """Whether the bars of a trend are few and broad."""
        return are_few(self.updates)

    @property
    def unexplained(self) -> bool:
        """Whether a dataset has lost rows that no rule explains."""
        return any(each.quality.unexplained for each in self.datasets)

    @property
    def is_replay(self) -> bool:
        """Whether rows that had been set aside were tried again: its rules saw no others."""
        return any(each.quality.action == "replay" for each in self.datasets)

    @property
    def has_moves(self) -> bool:
        """Whether a view holds another number of rows than before."""
        return any(each.change for each in self.datasets)


def view_of(updates: Sequence[UpdateQuality], gate: GateResult | None = None) -> View:
    """Return what the page of the newest update shows.

    Args:
        updates: results, newest first; the first is what the page is about.
        gate: whether the quality gate was met.
    """
    update = updates[0]
    previous = previous_of(updates, update)
    comparison = None if previous is None else compare(previous, update)
    rules = worst_first(update.rules)
    anchors = anchors_of(update.datasets, rules)
    rows = rule_rows(rules[:MOST_RULES], anchors, trends(updates), comparison)
    datasets = dataset_rows(update, anchors, comparison)
    return View(
        update=update,
        look=update_look(update),
        word=_word(update),
        sentence=sentence(update),
        when=moment(update.started),
        took="" if update.ended is None else duration(length(update.started, update.ended)),
        totals=totals(update),
        tally=tally(update.rules),
        tables=sum(each.rows_in is not None for each in update.datasets),
        causes=_causes(update, anchors),
        gate=gate,
        reasons=() if gate is None else _reasons(gate, update, anchors),
        worst=tuple(_first(each, anchors) for each in grouped(bad(update.rules))),
        changes=_changes(comparison, previous, anchors),
        datasets=datasets,
        picture=_picture(update, datasets),
        rules=rows,
        left_out=len(rules) - len(rows),
        updates=len(updates),
    )


def _word(update: UpdateQuality) -> str:
    """Return an update's verdict; where it did not end well and no rule says why, its state."""
    look = update_look(update)
    return update.state.lower() if look == "error" and update.state in ENDS else look_word(look)


def _picture(update: UpdateQuality, datasets: Sequence[DatasetRow]) -> Picture:
    nodes = [(each.name, each.kind, 0) for each in update.datasets]
    edges = [(read, each.name) for each in update.datasets for read in each.inputs]
    hrefs = {each.quality.name: href(each.anchor) for each in datasets}
    return picture(lineage_graph(nodes, edges), looks_of(update, hrefs))


def _causes(update: UpdateQuality, anchors: Anchors) -> tuple[Cause, ...]:
    """Return why the update failed, the datasets that failed before the update as a whole."""
    failed = failed_datasets(update)
    causes = [
        Cause(href(anchors[each.name,]), visible(each.name), each.error or "") for each in failed
    ]
    if update.error and update.error not in {each.error for each in failed}:
        causes.append(Cause("", "the update", update.error))
    return tuple(causes)


def _reasons(gate: GateResult, update: UpdateQuality, anchors: Anchors) -> tuple[GateReason, ...]:
    return tuple(_reason(each, anchors) for each in reasons_of(gate, update))


def _reason(reason: Reason, anchors: Anchors) -> GateReason:
    if len(reason.rules) == 1:
        [rule] = reason.rules
        return GateReason(_link(rule, anchors), visible(reason.text.removeprefix(rule_name(rule))))
    return GateReason(
        None, visible(reason.text), tuple(_link(rule, anchors) for rule in reason.rules)
    )


def _first(found: RuleResult | Undecided, anchors: Anchors) -> Link:
    """Return what a person should look at: a rule, or the dataset that left many undecided."""
    if isinstance(found, RuleResult):
        return _link(found, anchors)
    anchor = anchors.get((found.dataset,), anchors[found.rules[0].key])
    return Link(
        href(anchor), visible(f"{found.told} were not decided"), visible(found.reason), "error"
    )


def _link(rule: RuleResult, anchors: Anchors, note: str | None = None) -> Link:
    told = figures(rule) if note is None else note
    anchor = anchors.get(rule.key)
    return Link(
        "" if anchor is None else href(anchor),
        visible(rule_name(rule)),
        visible(told),
        look_of(rule),
    )


def _changes(
    comparison: Comparison | None, previous: UpdateQuality | None, anchors: Anchors
) -> Changes | None:
    if comparison is None or previous is None:
        return None
    groups = (
        ("Newly violated", comparison.new_failures),
        ("Worse", comparison.regressed),
        ("Fixed", comparison.fixed),
        ("Better", comparison.improved),
        ("Gone", comparison.removed),
    )
    return Changes(
        before=visible(comparison.before),
        when=moment(previous.started),
        groups=tuple((title, _moved(changes, anchors)) for title, changes in groups if changes),
    )


def _moved(changes: Sequence[RuleChange], anchors: Anchors) -> tuple[Link, ...]:
    by_key = {each.rule.key: each for each in sorted(changes, key=_most_lost)}
    return tuple(
        _change(by_key[each.key], anchors)
        if isinstance(each, RuleResult)
        else _first(each, anchors)
        for each in grouped(change.rule for change in by_key.values())
    )


def _most_lost(change: RuleChange) -> tuple[int, int, float]:
    """Return a key that sorts the greatest change first, what is critical before it."""
    verdict, severity, *_ = badness(change.rule)
    return (verdict, severity, -abs(change.points or 0.0))


def _change(change: RuleChange, anchors: Anchors) -> Link:
    rule, points = change.rule, moved(change.rule, change.points)
    if not rule.by_row and rule.violations:
        return _link(rule, anchors)
    note = f"{points} points" if points else rule.reason or verdict_word(rule.verdict)
    return _link(rule, anchors, note)
