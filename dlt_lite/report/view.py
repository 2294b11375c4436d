"""Results of updates → what the page shows, in the words and in the order in which it shows it.

Everything a template needs is decided here; names are made visible, the escaping is the template's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from dlt_lite.model.gates import GateResult
from dlt_lite.model.results import (
    Cell,
    Cost,
    DatasetQuality,
    NullPolicy,
    RuleResult,
    Sample,
    Severity,
    UpdateQuality,
    Verdict,
    worst,
)
from dlt_lite.report.comparison import (
    Comparison,
    Point,
    RuleChange,
    compare,
    previous_of,
    trends,
)
from dlt_lite.report.escaping import visible
from dlt_lite.report.lineage import lineage_graph
from dlt_lite.report.picture import Looks, Picture, picture
from dlt_lite.report.sparks import Spark, spark
from dlt_lite.report.verdicts import Totals, bad, sentence, totals, verdicts_of, worst_first
from dlt_lite.report.words import (
    amount,
    counted,
    duration,
    figures,
    length,
    moment,
    percent,
    points,
    rule_name,
    signed,
    verdict_word,
)

MOST_RULES = 5000
_WORST = 5
_SHOWN = (Verdict.FAIL, Verdict.ERROR, Verdict.WARN, Verdict.PASS, Verdict.SKIPPED)
_BAR = 1000
_THINNEST = 8
_UNKNOWN_LAST = 2.0
_INEXACT = "not exact: a row may count twice or not at all"
_COSTS = {
    Cost.IN_JOB: "counted in the job that wrote the rows",
    Cost.STATISTICS: "read off the files' statistics, without looking at a row",
    Cost.DERIVED: "derived: the job would have failed otherwise",
    Cost.EXTRA_SCAN: "counted by a scan of its own",
}


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a bar, from `x`, in thousandths of it."""

    kind: str
    x: int
    width: int


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """A dataset as the page shows it.

    Attributes:
        anchor: its id on the page.
        quality: its figures.
        verdict: the worst of its rules; None where it has none.
        tally: how many of its rules have each verdict, worst first.
        segments: of its bar; empty where no rows came in.
        label: the bar in words.
        change: by how many rows written it differs from the update before.
        name: its name.
        origin: where it was declared.
        error: why it failed.
    """

    anchor: str
    quality: DatasetQuality
    verdict: Verdict | None
    tally: tuple[tuple[Verdict, int], ...]
    segments: tuple[Segment, ...]
    label: str
    change: str
    name: str
    origin: str
    error: str


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule as the page shows it.

    Attributes:
        anchor: its id on the page.
        href: a link to it.
        result: what it decided.
        dataset: its dataset's name.
        name: its own name.
        told: what it found, as a sentence.
        share: the share of rows that passed.
        rank: its place when the worst stand first.
        order: the share as a number to sort by.
        spark: its history.
        change: in percentage points since the update before.
        mark: `new`, `fixed`, `worse`, `better` or nothing.
        facts: (label, text) pairs.
        origin: where it was declared.
    """

    anchor: str
    href: str
    result: RuleResult
    dataset: str
    name: str
    told: str
    share: str
    rank: int
    order: float
    spark: Spark
    change: str
    mark: str
    facts: tuple[tuple[str, str], ...]
    origin: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of its samples."""
        cells = (cell.column for sample in self.result.samples for cell in sample.cells)
        return tuple(dict.fromkeys(cells))

    @property
    def samples(self) -> tuple[Sample, ...]:
        """Some of the rows that broke it."""
        return self.result.samples

    @property
    def is_inexact(self) -> bool:
        """Whether it has figures that are not exact."""
        return self.result.violations is not None and not self.result.exact

    @property
    def severity_rank(self) -> int:
        """The severity as a number to sort by."""
        return tuple(Severity).index(self.result.severity)

    def cells(self, sample: Sample) -> tuple[Cell | None, ...]:
        """Return a sample's cells in the order of the columns; None where it lacks one."""
        found = {cell.column: cell for cell in sample.cells}
        return tuple(found.get(column) for column in self.columns)


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
        return tuple((each, self.totals.rules[each]) for each in _SHOWN if self.totals.rules[each])

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
    previous = previous_of(updates, update.update_id)
    comparison = None if previous is None else compare(previous, update)
    rules = worst_first(update.rules)
    anchors = _anchors(update.datasets, rules)
    rows = _rule_rows(rules[:MOST_RULES], anchors, trends(updates), comparison)
    datasets = _dataset_rows(update, anchors, comparison)
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


def looks_of(update: UpdateQuality, hrefs: Mapping[str, str]) -> Mapping[str, Looks]:
    """Return what an update says of each dataset in a drawing.

    Args:
        update: what its rules decided.
        hrefs: by dataset, where a click leads to.
    """
    by_dataset = _by_dataset(update.rules)
    return {
        each.name: Looks(
            _note(each, by_dataset.get(each.name, ())),
            _verdict(each, by_dataset.get(each.name, ())),
            hrefs.get(each.name, ""),
        )
        for each in update.datasets
    }


def _picture(update: UpdateQuality, datasets: Sequence[DatasetRow]) -> Picture:
    nodes = [(each.name, each.kind, 0) for each in update.datasets]
    edges = [(read, each.name) for each in update.datasets for read in each.inputs]
    hrefs = {each.quality.name: _href(each.anchor) for each in datasets}
    return picture(lineage_graph(nodes, edges), looks_of(update, hrefs))


def _note(dataset: DatasetQuality, rules: Sequence[RuleResult]) -> str:
    if dataset.state in {"FAILED", "SKIPPED", "EXCLUDED"}:
        return dataset.state.lower()
    rows = "" if dataset.rows_in is None else counted(dataset.written, "row")
    kept_out = dataset.dropped + dataset.quarantined
    out = f"{kept_out:,} kept out" if kept_out else ""
    told = out or (counted(len(rules), "rule") if rules else "")
    return " · ".join(part for part in (rows, told) if part)


def _verdict(dataset: DatasetQuality, rules: Sequence[RuleResult]) -> Verdict | None:
    found = worst(rule.verdict for rule in rules)
    if dataset.state == "FAILED" and found is not Verdict.FAIL:
        return Verdict.ERROR
    return found if rules else None


def _by_dataset(rules: Sequence[RuleResult]) -> dict[str, list[RuleResult]]:
    found: dict[str, list[RuleResult]] = {}
    for rule in rules:
        found.setdefault(rule.dataset, []).append(rule)
    return found


_Key = tuple[str, ...]


def _anchors(datasets: Sequence[DatasetQuality], rules: Sequence[RuleResult]) -> Mapping[_Key, str]:
    """Return an id for each dataset and each rule; no two are the same, none holds a blank."""
    wished: dict[_Key, str] = {(each.name,): each.name for each in datasets}
    for rule in rules:
        flow = "" if rule.flow is None else f"@{rule.flow}"
        wished[rule.key] = f"{rule.dataset}.{rule.rule}{flow}"
    taken: set[str] = set()
    anchors = {}
    for key, text in wished.items():
        anchor = base = "_".join(visible(text).split()) or "_"
        number = 1
        while anchor in taken:
            number += 1
            anchor = f"{base}~{number}"
        taken.add(anchor)
        anchors[key] = anchor
    return anchors


def _href(anchor: str) -> str:
    return f"#{quote(anchor, safe='')}"


def _link(rule: RuleResult, anchors: Mapping[_Key, str], note: str | None = None) -> Link:
    told = figures(rule) if note is None else note
    anchor = anchors.get(rule.key)
    href = "" if anchor is None else _href(anchor)
    return Link(href, visible(rule_name(rule)), visible(told), rule.verdict)


def _rule_rows(
    rules: Sequence[RuleResult],
    anchors: Mapping[_Key, str],
    histories: Mapping[tuple[str, str, str], tuple[Point, ...]],
    comparison: Comparison | None,
) -> tuple[RuleRow, ...]:
    marks = _marks(comparison)
    return tuple(
        RuleRow(
            anchor=anchors[rule.key],
            href=_href(anchors[rule.key]),
            result=rule,
            dataset=visible(rule.dataset),
            name=visible(rule.rule),
            told=visible(figures(rule)),
            share=percent(rule.ratio),
            rank=rank,
            order=_UNKNOWN_LAST if rule.ratio is None else rule.ratio,
            spark=spark(histories[rule.key]),
            change=points(marks[rule.key][1]) if rule.key in marks else "",
            mark=marks[rule.key][0] if rule.key in marks else "",
            facts=_facts(rule),
            origin=visible(rule.origin or ""),
        )
        for rank, rule in enumerate(rules)
    )


def _marks(comparison: Comparison | None) -> Mapping[_Key, tuple[str, float | None]]:
    if comparison is None:
        return {}
    groups = (
        ("new", comparison.new_failures),
        ("fixed", comparison.fixed),
        ("worse", comparison.regressed),
        ("better", comparison.improved),
    )
    return {each.rule.key: (word, each.points) for word, changes in groups for each in changes}


def _facts(rule: RuleResult) -> tuple[tuple[str, str], ...]:
    nulls = "counts as violated" if rule.null_policy is NullPolicy.FAIL else "passes"
    counted_nulls = "" if rule.null_results is None else f": {rule.null_results:,} here"
    told = (
        ("severity", str(rule.severity)),
        ("action", str(rule.action)),
        ("kind", str(rule.kind).replace("_", " ")),
        ("threshold", str(rule.threshold or "")),
        ("found", rule.observed or ""),
        ("dropped", f"{rule.dropped:,}" if rule.dropped else ""),
        ("quarantined", f"{rule.quarantined:,}" if rule.quarantined else ""),
        ("NULL", f"{nulls}{counted_nulls}" if rule.by_row else ""),
        ("figures", _COSTS[rule.cost] if rule.violations is not None else ""),
        ("exactness", "" if rule.exact or rule.violations is None else _INEXACT),
        ("table version", "" if rule.version is None else str(rule.version)),
        ("read by", rule.flow or ""),
        ("owner", rule.owner or ""),
        ("tags", ", ".join(rule.tags)),
    )
    return tuple((label, visible(text)) for label, text in told if text)


def _dataset_rows(
    update: UpdateQuality, anchors: Mapping[_Key, str], comparison: Comparison | None
) -> tuple[DatasetRow, ...]:
    by_dataset = _by_dataset(update.rules)
    changes = () if comparison is None else comparison.rows
    moved = {each.dataset: (each.after or 0) - (each.before or 0) for each in changes}
    return tuple(
        _dataset_row(each, by_dataset.get(each.name, ()), anchors[each.name,], moved.get(each.name))
        for each in update.datasets
    )


def _dataset_row(
    dataset: DatasetQuality, rules: Sequence[RuleResult], anchor: str, moved: int | None
) -> DatasetRow:
    found = verdicts_of(rules)
    return DatasetRow(
        anchor=anchor,
        quality=dataset,
        verdict=_verdict(dataset, rules),
        tally=tuple((each, found[each]) for each in _SHOWN if found[each]),
        segments=_segments(dataset),
        label=_bar_label(dataset),
        change="" if moved is None else signed(moved),
        name=visible(dataset.name),
        origin=visible(dataset.origin or ""),
        error=dataset.error or "",
    )


def _segments(dataset: DatasetQuality) -> tuple[Segment, ...]:
    """Return the parts of a bar; one that is not nothing can be seen."""
    whole = dataset.rows_in or 0
    if whole <= 0:
        return ()
    parts = {
        "written": dataset.written,
        "dropped": dataset.dropped,
        "quarantined": dataset.quarantined,
        "unexplained": max(dataset.unexplained, 0),
    }
    widths = {
        kind: max(round(rows / whole * _BAR), _THINNEST) for kind, rows in parts.items() if rows > 0
    }
    largest = max(widths, key=widths.__getitem__, default="")
    if largest:
        widths[largest] -= sum(widths.values()) - _BAR
    segments, x = [], 0
    for kind, width in widths.items():
        segments.append(Segment(kind, x, width))
        x += width
    return tuple(segments)


def _bar_label(dataset: DatasetQuality) -> str:
    if dataset.rows_in is None:
        return "its rows are not counted"
    parts = [
        f"{counted(dataset.rows_in, 'row')} in",
        f"{dataset.written:,} written",
        f"{dataset.dropped:,} dropped" if dataset.dropped else "",
        f"{dataset.quarantined:,} quarantined" if dataset.quarantined else "",
        f"{dataset.unexplained:,} unexplained" if dataset.unexplained else "",
    ]
    return ", ".join(part for part in parts if part)


def _changes(
    comparison: Comparison | None, previous: UpdateQuality | None, anchors: Mapping[_Key, str]
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


def _change(change: RuleChange, anchors: Mapping[_Key, str]) -> Link:
    moved = points(change.points)
    note = f"{moved} points" if moved else verdict_word(change.rule.verdict)
    return _link(change.rule, anchors, note)
