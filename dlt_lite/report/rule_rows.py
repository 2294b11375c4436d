"""What the rules of an update decided → rows of a table, each with its history and its story."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dlt_lite.model.results import RuleResult
from dlt_lite.model.rules import Cost, NullPolicy, Severity
from dlt_lite.model.samples import Cell, Sample
from dlt_lite.report.anchors import Anchors, href
from dlt_lite.report.appearance import look_of
from dlt_lite.report.comparison import Comparison, Point
from dlt_lite.report.escaping import visible
from dlt_lite.report.sparks import Spark, spark
from dlt_lite.report.words import broken, figures, moved, passed

_UNKNOWN_LAST = 2.0
_INEXACT = "not exact: a row may count twice or not at all"
_COSTS = {
    Cost.IN_JOB: "counted in the job that wrote the rows",
    Cost.STATISTICS: "read off the files' statistics, without looking at a row",
    Cost.DERIVED: "derived: the job would have failed otherwise",
    Cost.EXTRA_SCAN: "took a scan of its own",
}


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
        look: how it looks.
        broken: how many rows broke it.
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
    look: str
    broken: str
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


def rule_rows(
    rules: Sequence[RuleResult],
    anchors: Anchors,
    histories: Mapping[tuple[str, str, str], tuple[Point, ...]],
    comparison: Comparison | None,
) -> tuple[RuleRow, ...]:
    """Return rules as the page shows them, in the order in which they are given.

    Args:
        rules: the rules, worst first.
        anchors: their ids on the page.
        histories: how each fared, oldest first.
        comparison: what changed since an earlier update.
    """
    marks = _marks(comparison)
    return tuple(
        RuleRow(
            anchor=anchors[rule.key],
            href=href(anchors[rule.key]),
            result=rule,
            dataset=visible(rule.dataset),
            name=visible(rule.rule),
            told=visible(figures(rule)),
            look=look_of(rule),
            broken=broken(rule),
            share=passed(rule),
            rank=rank,
            order=_UNKNOWN_LAST if rule.ratio is None or not rule.by_row else rule.ratio,
            spark=spark(histories[rule.key]),
            change=moved(rule, marks[rule.key][1]) if rule.key in marks else "",
            mark=marks[rule.key][0] if rule.key in marks else "",
            facts=_facts(rule),
            origin=visible(rule.origin or ""),
        )
        for rank, rule in enumerate(rules)
    )


def _marks(comparison: Comparison | None) -> Mapping[tuple[str, ...], tuple[str, float | None]]:
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
