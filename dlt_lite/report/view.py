"""Results of updates → what the page shows, in the words and in the order in which it shows it.

Everything a template needs is decided here; names are made visible, the escaping is the template's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dlt_lite.model.gates import GateResult
from dlt_lite.model.results import WORST_FIRST, RuleResult, UpdateQuality, Verdict
from dlt_lite.report.anchors import Anchors, anchors_of, href
from dlt_lite.report.comparison import Comparison, RuleChange, compare, previous_of, trends
from dlt_lite.report.dataset_rows import DatasetRow, dataset_rows, looks_of
from dlt_lite.report.escaping import visible
from dlt_lite.report.lineage import lineage_graph
from dlt_lite.report.picture import Picture, picture
from dlt_lite.report.rule_rows import RuleRow, rule_rows
from dlt_lite.report.verdicts import Totals, bad, sentence, totals, worst_first
from dlt_lite.report.words import (
    amount,
    duration,
    figures,
    length,
    moment,
    points,
    rule_name,
    signed,
    verdict_word,
)

MOST_RULES = 5000
_WORST = 5


@dataclass(frozen=True, slots=True)
class Link:
    """A line of a list that leads to a rule."""

    href: str
    text: str
    note: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed since an earlier update.

    Attributes:
        before: the earlier update.
        when: when it began.
        groups: (title, links) pairs, none of them empty.
        rows: (dataset, rows before, rows now, difference) of each dataset that changed.
    """

    before: str
    when: str
    groups: tuple[tuple[str, tuple[Link, ...]], ...]
    rows: tuple[tuple[str, str, str, str], ...]


@dataclass(frozen=True, slots=True)
class View:
    """The whole page."""

    update: UpdateQuality
    sentence: str
    when: str
    took: str
    totals: Totals
    gate: GateResult | None
    worst: tuple[Link, ...]
    changes: Changes | None
    datasets: tuple[DatasetRow, ...]
    picture: Picture
    rules: tuple[RuleRow, ...]
    left_out: int
    updates: int

    @property
    def tally(self) -> tuple[tuple[Verdict, int], ...]:
        """How many rules have each verdict, worst first."""
        return tuple(
            (each, self.totals.rules[each]) for each in WORST_FIRST if self.totals.rules[each]
        )

    @property
    def unexplained(self) -> bool:
        """Whether a dataset has lost rows that no rule explains."""
        return any(each.quality.unexplained for each in self.datasets)


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
        sentence=sentence(update),
        when=moment(update.started),
        took="" if update.ended is None else duration(length(update.started, update.ended)),
        totals=totals(update),
        gate=gate,
        worst=tuple(_link(rule, anchors) for rule in bad(update.rules)[:_WORST]),
        changes=_changes(comparison, previous, anchors),
        datasets=datasets,
        picture=_picture(update, datasets),
        rules=rows,
        left_out=len(rules) - len(rows),
        updates=len(updates),
    )


def _picture(update: UpdateQuality, datasets: Sequence[DatasetRow]) -> Picture:
    nodes = [(each.name, each.kind, 0) for each in update.datasets]
    edges = [(read, each.name) for each in update.datasets for read in each.inputs]
    hrefs = {each.quality.name: href(each.anchor) for each in datasets}
    return picture(lineage_graph(nodes, edges), looks_of(update, hrefs))


def _link(rule: RuleResult, anchors: Anchors, note: str | None = None) -> Link:
    told = figures(rule) if note is None else note
    anchor = anchors.get(rule.key)
    return Link(
        "" if anchor is None else href(anchor),
        visible(rule_name(rule)),
        visible(told),
        rule.verdict,
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
        groups=tuple(
            (title, tuple(_change(each, anchors) for each in changes))
            for title, changes in groups
            if changes
        ),
        rows=tuple(
            (
                visible(each.dataset),
                amount(each.before),
                amount(each.after),
                signed((each.after or 0) - (each.before or 0)),
            )
            for each in comparison.rows
        ),
    )


def _change(change: RuleChange, anchors: Anchors) -> Link:
    moved = points(change.points)
    note = f"{moved} points" if moved else verdict_word(change.rule.verdict)
    return _link(change.rule, anchors, note)
