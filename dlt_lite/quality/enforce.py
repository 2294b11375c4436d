"""Decide every rule in the job that writes: frame and rules in, kept rows and their counts out.

The frame's rows are counted by one observe that stands directly under the filter of drop, fail and
quarantine rules, which stands directly under the writer. So the counts belong to exactly the rows
that the commit is made of, and no optimizer moves a filter below them. Rules that all end the job
need no observe: what has been written has met them. The first rows that a
quarantine rule sets aside come out of the same observe; where there are more, a second job over
the same input finds them all. So do the rows that reports show of a rule.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pyspark.sql import Column, DataFrame, Observation
from pyspark.sql import functions as F  # noqa: N812 - PySpark's own habit

from dlt_lite.engine.expressions import condition_column
from dlt_lite.engine.observing import how_many, observe, observed, observed_rows
from dlt_lite.model.rules import (
    BROKEN,
    JUDGING,
    Cost,
    Counts,
    NullPolicy,
    Rule,
    RuleAction,
    RuleCount,
)
from dlt_lite.quality.conditions import (
    Verdicts,
    all_pass,
    is_about,
    kept_verdicts,
    names_of_broken,
    verdicts,
)
from dlt_lite.quality.samples import (
    SAMPLES,
    Sampling,
    earliness,
    record_text,
    sampled,
    samples_seen,
)

_MARK = "DLT_LITE_BROKEN_ROW "
_ROWS = "rows"
_BREAKING, _ABOUT, _NULLS = "r", "w", "n"
_DROPPED = "dropped"
_QUARANTINED = "quarantined"
_ASIDE = "aside"
_WANTED = f"{JUDGING}wanted"
# A row stays in the memory of its task and of the driver until the job's end.
MOST_IN_THE_JOB = 500
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Enforced:
    """A frame under its rules. The one record that holds frames: it lives for one write.

    Attributes:
        kept: the rows that pass the drop rules; its action fails on a row that breaks a fail rule.
        observation: sees the counts, None where the number of rows that are written says it all.
        rules: the rules.
        sampling: what is shown of the rows that break them.
        aside: the rows that a quarantine rule sets aside, by a job of their own; None without
            such a rule.
    """

    kept: DataFrame
    observation: Observation | None
    rules: tuple[Rule, ...]
    sampling: Sampling
    aside: DataFrame | None = None


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that broke a fail rule.

    Attributes:
        rules: the names of the fail rules that it broke.
        record: the row as text; empty where no row may be shown.
    """

    rules: tuple[str, ...]
    record: str


def enforce(frame: DataFrame, rules: Sequence[Rule], sampling: Sampling) -> Enforced:
    """Put a frame under its rules.

    Args:
        frame: a query's result, or one batch of it.
        rules: the dataset's rules.
        sampling: what is shown of the rows that break them.
    """
    if not rules:
        return Enforced(frame, None, (), sampling)
    if all(map(_follows_from_the_write, rules)):
        # By chance, as Spark sees it: else it may ask rows below a join that are not of the result.
        staying = F.substring(F.uuid(), 1, 0)
        kept = frame.where(_or_raise(frame, rules, sampling, staying))
        return Enforced(kept, None, tuple(rules), sampling)
    marked, columns, decided = figures(frame, rules, sampling, in_the_job=True)
    aside = None
    if quarantining := _of(rules, RuleAction.QUARANTINE):
        aside = set_aside(frame, rules)
        bad = F.when(decided.breaks_any() & decided.breaks_one_of(quarantining), F.lit(1))
        row = F.struct(*_own_columns(frame), names_of_broken(decided.broken).alias(BROKEN))
        columns.append(F.max_by(row, bad, MOST_IN_THE_JOB).alias(_ASIDE))
    counted, observation = observe(marked, columns)
    kept = filtered(unmarked(counted), rules, sampling)
    return Enforced(kept, observation, tuple(rules), sampling, aside)


def set_aside(frame: DataFrame, rules: Sequence[Rule]) -> DataFrame:
    """Return the rows that quarantine rules set aside, and the names of all rules they break."""
    bad = ~all_pass(_of(rules, RuleAction.QUARANTINE))
    return frame.where(bad).select(*_own_columns(frame), _broken(rules).alias(BROKEN))


def seen_aside(enforced: Enforced, counts: Counts) -> DataFrame | None:
    """Return the rows that were set aside as the writing job saw them; None if it did not see all.

    Args:
        enforced: the frame whose job has run.
        counts: what the rules decided in that very job.
    """
    if enforced.observation is None or enforced.aside is None:
        return None
    seen = observed(enforced.observation, patience=_PATIENCE)
    if seen is None or _counts(seen, enforced.rules, enforced.sampling) != counts:
        return None
    rows = observed_rows(seen[_ASIDE], enforced.aside)
    return rows if counts.quarantined <= MOST_IN_THE_JOB else None


def filtered(frame: DataFrame, rules: Sequence[Rule], sampling: Sampling) -> DataFrame:
    """Return the rows that are written; a row that breaks a fail rule fails the job."""
    if failing := [rule for rule in rules if rule.fails_at_once]:
        frame = frame.where(_or_raise(frame, failing, sampling))
    return passing(frame, rules)


def passing(frame: DataFrame, rules: Sequence[Rule]) -> DataFrame:
    """Return the rows that no rule keeps out."""
    kept_out = _of(rules, RuleAction.DROP, RuleAction.QUARANTINE)
    return frame.where(all_pass(kept_out)) if kept_out else frame


def counts_of(enforced: Enforced, written: int) -> Counts | None:
    """Return what the rules decided in the job that wrote so many rows.

    Returns:
        The counts, or None where the observation and the commit do not agree and a counting pass
        has to decide.
    """
    if enforced.observation is None:
        return _counts({_ROWS: written}, enforced.rules, enforced.sampling)
    seen = observed(enforced.observation, patience=_PATIENCE)
    counts = None if seen is None else _counts(seen, enforced.rules, enforced.sampling)
    return counts if counts is not None and counts.written == written else None


def reconciled(counts: Counts, written: int | None) -> Counts:
    """Return what a counting pass found beside a commit of so many rows.

    Where the two do not agree, since a query gives another answer each time or the rules that drop
    rows were others when the rows were committed, the commit's rows count, what is neither there
    nor set aside was dropped, and the rules' figures are marked as inexact; so too where the
    commit's rows are unknown.
    """
    if counts.written == written:
        return counts
    inexact = tuple(replace(each, exact=False) for each in counts.rules)
    if written is None:
        return Counts(counts.rows, counts.dropped, inexact, counts.quarantined)
    dropped = counts.rows - written - counts.quarantined
    if dropped < 0:
        rows = written + counts.dropped + counts.quarantined
        return Counts(rows, counts.dropped, inexact, counts.quarantined)
    return Counts(counts.rows, dropped, inexact, counts.quarantined)


def count_now(frame: DataFrame, rules: Sequence[Rule], sampling: Sampling) -> Counts:
    """Count what the rules decide over a frame, by a job of its own."""
    marked, columns, _ = figures(frame, rules, sampling, in_the_job=False)
    row = marked.agg(*columns).collect()[0]
    return _counts(row.asDict(), rules, sampling)


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
    record = text[end:].split(" SQLSTATE: ")[0].strip()
    return BrokenRow(tuple(names), record.splitlines()[0] if record else "")


def view_counts(
    seen: Mapping[str, Any] | None,
    view: str,
    rules: Sequence[Rule],
    sampling: Sampling,
    *,
    exact: bool,
) -> tuple[RuleCount, ...]:
    """Return what the rules of an inlined view decided; inexact where nothing was seen."""
    if seen is None:
        return tuple(RuleCount(rule.name, rule.action, 0, 0, view, exact=False) for rule in rules)
    counts = _counts(seen, rules, sampling)
    return tuple(replace(each, dataset=view, exact=exact) for each in counts.rules)


def figures(
    frame: DataFrame, rules: Sequence[Rule], sampling: Sampling, *, in_the_job: bool
) -> tuple[DataFrame, list[Column], Verdicts]:
    """Return the aggregates that count what rules decide, and take some rows that break them.

    Args:
        frame: the rows.
        rules: the rules.
        sampling: what is shown of the rows that break them.
        in_the_job: whether the job that they rule counts: it has met no row that would have ended
            it, if it has ended well.

    Returns:
        The frame that they are of, which may have columns more, the aggregates, and what the rules
        say of a row of that frame.
    """
    if in_the_job:
        sampling = sampling.without(rule.name for rule in rules if rule.fails_at_once)
    counted = [rule for rule in rules if not (in_the_job and rule.fails_at_once)]
    shown = [rule.name for rule in counted if sampling.columns.get(rule.name)]
    is_asked_often = bool(shown) or bool(_of(rules, RuleAction.QUARANTINE))
    decided = kept_verdicts(counted, JUDGING) if is_asked_often else verdicts(counted)
    columns = _counters(rules, decided)
    frame = frame.withColumns(dict(decided.columns))
    if not shown:
        return frame, columns, decided
    broken = {name: decided.broken[name] for name in shown}
    if frame.isStreaming:  # whose rows Spark does not number
        return frame, [*columns, sampled(frame, broken, None, sampling)], decided
    early = earliness(broken.values(), sampling.settings.most)
    frame = frame.withColumn(_WANTED, F.when(decided.breaks_any(), early))
    return frame, [*columns, sampled(frame, broken, F.col(_WANTED), sampling)], decided


def unmarked(frame: DataFrame) -> DataFrame:
    """Return an observed frame without the columns that `figures` has added."""
    return frame.drop(*[name for name in frame.columns if name.startswith(JUDGING)])


def _counters(rules: Sequence[Rule], decided: Verdicts) -> list[Column]:
    columns = [F.count(F.lit(1)).alias(_ROWS)]
    columns += [
        column.alias(f"{figure}{index}")
        for index, rule in enumerate(rules)
        for figure, column in _figures(rule, decided.broken.get(rule.name))
    ]
    dropping = _of(rules, RuleAction.DROP)
    quarantining = _of(rules, RuleAction.QUARANTINE)
    if len(quarantining) > 1:
        columns.append(how_many(decided.breaks_one_of(quarantining)).alias(_QUARANTINED))
    if len(dropping) > 1 or (dropping and quarantining):
        dropped = decided.breaks_one_of(dropping)
        if quarantining:
            dropped &= ~decided.breaks_one_of(quarantining)
        columns.append(how_many(dropped).alias(_DROPPED))
    return columns


def _counts(seen: Mapping[str, Any], rules: Sequence[Rule], sampling: Sampling) -> Counts:
    rows = int(seen[_ROWS])
    samples = samples_seen(seen.get(SAMPLES), sampling)
    failed = [int(seen.get(f"{_BREAKING}{index}", 0)) for index in range(len(rules))]

    def kept_out(name: str, action: RuleAction) -> int:
        own = [n for n, rule in zip(failed, rules, strict=True) if rule.action is action]
        return int(seen[name]) if name in seen else sum(own)

    decided = tuple(
        RuleCount(
            rule.name,
            rule.action,
            int(seen.get(f"{_ABOUT}{index}", rows)) - failed[index],
            failed[index],
            nulls=seen.get(f"{_NULLS}{index}"),
            cost=Cost.IN_JOB if f"{_BREAKING}{index}" in seen else Cost.DERIVED,
            samples=samples.get(rule.name, ()),
        )
        for index, rule in enumerate(rules)
    )
    dropped = kept_out(_DROPPED, RuleAction.DROP)
    return Counts(rows, dropped, decided, kept_out(_QUARANTINED, RuleAction.QUARANTINE))


def _of(rules: Sequence[Rule], *actions: RuleAction) -> list[Rule]:
    return [rule for rule in rules if rule.action in actions]


def _own_columns(frame: DataFrame) -> list[Column]:
    return [F.col(f"`{name.replace('`', '``')}`") for name in frame.columns]


def _broken(rules: Sequence[Rule]) -> Column:
    """Return the names of the rules that a row breaks."""
    return names_of_broken(verdicts(rules).broken)


def _follows_from_the_write(rule: Rule) -> bool:
    """Return whether all of a rule's figures are known once the job has ended well."""
    return rule.fails_at_once and rule.terms.where is None and rule.terms.null is NullPolicy.FAIL


def _figures(rule: Rule, broken: Column | None) -> Iterator[tuple[str, Column]]:
    """Yield what is counted of a rule: no more than what is not known and interesting.

    Args:
        rule: the rule.
        broken: whether a row breaks it; None where it is known that none does.
    """
    if broken is not None:
        yield _BREAKING, how_many(broken)
    if rule.terms.where is not None:
        yield _ABOUT, how_many(condition_column(rule.terms.where))
    if rule.terms.null is NullPolicy.PASS:
        yield _NULLS, how_many(is_about(rule) & condition_column(rule.condition).isNull())


def _or_raise(frame: DataFrame, rules: Sequence[Rule], sampling: Sampling, *more: Column) -> Column:
    message = [F.lit(_MARK), F.to_json(_broken(rules)), *more]
    if sampling.settings.most:
        message += [F.lit(" "), record_text(frame, sampling.settings)]
    raised = F.raise_error(F.concat(*message)).cast("boolean")
    return F.when(all_pass(rules), F.lit(True)).otherwise(raised)
