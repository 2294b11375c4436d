"""Decide every rule in the job that writes: frame and rules in, kept rows and their counts out.

The frame's rows are counted by one observe that stands directly under the filter of drop and fail
rules, which stands directly under the writer. So the counts belong to exactly the rows that the
commit is made of, and no optimizer moves a filter below them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce

from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, Observation
from pyspark.sql import functions as F  # noqa: N812 - PySpark's own habit

from dlt_lite.engine.expressions import condition_column
from dlt_lite.engine.observing import observe, observed
from dlt_lite.model.rules import Counts, Rule, RuleAction, RuleCount

_MARK = "DLT_LITE_BROKEN_ROW "
_ROWS = "rows"
_DROPPED = "dropped"
_LONGEST_RECORD = 4000
_PATIENCE = 30.0
_PATIENCE_AFTER_FAILURE = 1.0


@dataclass(frozen=True, slots=True)
class Enforced:
    """A frame under its rules. The one record that holds frames: it lives for one write.

    Attributes:
        kept: the rows that pass the drop rules; its action fails on a row that breaks a fail rule.
        observation: sees the counts, None where nothing needs counting.
        rules: the rules.
    """

    kept: DataFrame
    observation: Observation | None
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that broke a fail rule.

    Attributes:
        rules: the names of the fail rules that it broke.
        record: the row as text.
    """

    rules: tuple[str, ...]
    record: str


def enforce(frame: DataFrame, rules: Sequence[Rule]) -> Enforced:
    """Put a frame under its rules.

    Args:
        frame: a query's result, or one batch of it.
        rules: the dataset's rules.
    """
    if not rules:
        return Enforced(frame, None, ())
    counted, observation = observe(frame, counters(rules))
    return Enforced(filtered(counted, rules), observation, tuple(rules))


def filtered(frame: DataFrame, rules: Sequence[Rule]) -> DataFrame:
    """Return the rows that pass the drop rules; a row that breaks a fail rule fails the job."""
    failing = [rule for rule in rules if rule.action is RuleAction.FAIL]
    dropping = [rule for rule in rules if rule.action is RuleAction.DROP]
    if failing:
        frame = frame.where(_or_raise(frame, failing))
    return frame.where(all_pass(dropping)) if dropping else frame


def counts_of(enforced: Enforced, written: int) -> Counts | None:
    """Return what the rules decided in the job that wrote so many rows.

    Returns:
        The counts, or None where the observation and the commit do not agree and a counting pass
        has to decide.
    """
    if enforced.observation is None:
        return Counts(written, 0)
    seen = observed(enforced.observation, patience=_PATIENCE)
    counts = None if seen is None else _counts(seen, enforced.rules)
    return counts if counts is not None and counts.written == written else None


def reconciled(counts: Counts, written: int | None) -> Counts:
    """Return what a counting pass found beside a commit of so many rows.

    Where the two do not agree, since a query gives another answer each time, the commit's rows
    count and the rules' figures are marked as inexact; so too where the commit's rows are unknown.
    """
    if counts.written == written:
        return counts
    inexact = tuple(replace(each, exact=False) for each in counts.rules)
    rows = counts.rows if written is None else written + counts.dropped
    return Counts(rows, counts.dropped, inexact)


def count_now(frame: DataFrame, rules: Sequence[Rule]) -> Counts:
    """Count what the rules decide over a frame, by a job of its own."""
    row = frame.agg(*counters(rules)).collect()[0]
    return _counts(row.asDict(), rules)


def failed_so_far(enforced: Enforced, rule: str) -> int:
    """Return how many rows broke a rule before the job failed; at least the one that ended it."""
    if enforced.observation is None:
        return 1
    seen = observed(enforced.observation, patience=_PATIENCE_AFTER_FAILURE) or {}
    names = [each.name for each in enforced.rules]
    return max(1, int(seen.get(f"r{names.index(rule)}", 0)))


def broken_row(message: str) -> BrokenRow | None:
    """Return the row that a job's failure speaks of, None where it failed of something else."""
    start = message.find(_MARK)
    if start < 0:
        return None
    text = message[start + len(_MARK) :]
    try:
        names, end = json.JSONDecoder().raw_decode(text)
    except ValueError:
        return None
    record = text[end:].strip().split(" SQLSTATE: ")[0]
    return BrokenRow(tuple(names), record.splitlines()[0] if record else "")


def view_counts(
    seen: dict[str, int] | None, view: str, rules: Sequence[Rule], *, exact: bool
) -> tuple[RuleCount, ...]:
    """Return what the rules of an inlined view decided; inexact where nothing was seen."""
    if seen is None:
        return tuple(RuleCount(rule.name, rule.action, 0, 0, view, exact=False) for rule in rules)
    counts = _counts(seen, rules)
    return tuple(replace(each, dataset=view, exact=exact) for each in counts.rules)


def counters(rules: Sequence[Rule]) -> list[Column]:
    """Return the aggregates that count what rules decide."""
    columns = [F.count(F.lit(1)).alias(_ROWS)]
    columns += [F.count_if(~_passes(rule)).alias(f"r{index}") for index, rule in enumerate(rules)]
    dropping = [rule for rule in rules if rule.action is RuleAction.DROP]
    if len(dropping) > 1:
        columns.append(F.count_if(~all_pass(dropping)).alias(_DROPPED))
    return columns


def all_pass(rules: Sequence[Rule]) -> Column:
    """Return the condition that every rule passes; never NULL."""
    return reduce(Column.__and__, [_passes(rule) for rule in rules])


def _counts(seen: dict[str, int], rules: Sequence[Rule]) -> Counts:
    rows = int(seen[_ROWS])
    failed = [int(seen[f"r{index}"]) for index in range(len(rules))]
    dropping = [n for n, rule in zip(failed, rules, strict=True) if rule.action is RuleAction.DROP]
    dropped = int(seen[_DROPPED]) if _DROPPED in seen else sum(dropping)
    decided = tuple(
        RuleCount(rule.name, rule.action, rows - n, n)
        for n, rule in zip(failed, rules, strict=True)
    )
    return Counts(rows, dropped, decided)


def _passes(rule: Rule) -> Column:
    """Return a condition that is never NULL: NULL counts as broken."""
    return F.coalesce(condition_column(rule.condition), F.lit(False))


def _or_raise(frame: DataFrame, rules: Sequence[Rule]) -> Column:
    broken = F.array_compact(F.array(*[F.when(~_passes(rule), F.lit(rule.name)) for rule in rules]))
    message = F.concat(F.lit(_MARK), F.to_json(broken), F.lit(" "), _record_text(frame))
    raised = F.raise_error(message).cast("boolean")
    return F.when(all_pass(rules), F.lit(True)).otherwise(raised)


def _record_text(frame: DataFrame) -> Column:
    try:
        text = F.to_json(F.struct("*"))
        frame.select(text)
    except PySparkException:
        text = F.struct("*").cast("string")
    return F.substring(text, 1, _LONGEST_RECORD)
