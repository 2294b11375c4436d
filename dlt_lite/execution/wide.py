"""Rules about more than one row, around a write: what may stop it before, what follows after.

A view's `fail` rules are decided over its result before anything is written. All else is decided
by the writing job, by what it counted, or over the version that was committed. What was found is
recorded beside the table: a rule of freshness is decided anew at every update, and a streaming
table that broke a rule goes on to say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame

from dlt_lite.engine.files import Files
from dlt_lite.engine.scope import Asked
from dlt_lite.errors import ExpectationFailed
from dlt_lite.execution.context import Context
from dlt_lite.execution.readers import FlowReader
from dlt_lite.graph.graph import ResolvedDataset
from dlt_lite.graph.rules import rule_text
from dlt_lite.model.checks import DropRatio, ForeignKey, RowCountChange
from dlt_lite.model.datasets import DatasetKind
from dlt_lite.model.names import qualify, split_identifier
from dlt_lite.model.rules import NO_COUNTS, Counts, Rule, RuleAction, RuleCount
from dlt_lite.model.state import TableState
from dlt_lite.quality.enforce import count_now, passing
from dlt_lite.quality.samples import Sampling
from dlt_lite.quality.wide import (
    Known,
    Watched,
    decided_now,
    derived,
    fresh_still,
    is_broken,
    seen_in_passing,
    watch,
)
from dlt_lite.storage.records import RecordedChecks, read_checks, write_checks

_NOTHING_WRITTEN = "nothing was written"
_ROWS_STAY = "its rows are in the table"
_AS_BEFORE = "its rows have not changed since"


@dataclass(frozen=True, slots=True)
class Weighed:
    """A view's result, as far as its wide rules have been decided before it is written.

    Attributes:
        watched: the rows that are written, and the rules that the writing job decides.
        found: what was decided already.
    """

    watched: Watched
    found: tuple[RuleCount, ...]


def weigh_view(
    context: Context,
    resolved: ResolvedDataset,
    reader: FlowReader,
    frame: DataFrame,
    sampling: Sampling,
) -> tuple[RuleCount, ...]:
    """Decide over a view's result what may keep it from being written.

    Args:
        context: the update.
        resolved: the view.
        reader: reads what its rules compare with.
        frame: its result.
        sampling: what is shown of rows that break its rules.

    Raises:
        ExpectationFailed: a `fail` rule is broken.
    """
    dataset = resolved.dataset
    decisive = [rule for rule in dataset.rules if _stops_before(rule)]
    if not decisive:
        return ()
    known = _known(context, resolved, reader)
    counts = NO_COUNTS
    if any(_needs_counts(rule) for rule in decisive):
        counts = count_now(frame, dataset.row_rules, sampling)
    wide = [rule for rule in decisive if rule.check is not None]
    rows = passing(frame, dataset.row_rules)
    found = (
        *decided_now(rows, wide, known),
        *derived(wide, frame.schema, counts, known),
    )
    thresholds = tuple(count for count in counts.rules if count.name in _names(decisive))
    _stop_if_broken(resolved, decisive, (*found, *thresholds), _NOTHING_WRITTEN)
    return found


def watch_view(
    context: Context, resolved: ResolvedDataset, kept: DataFrame, frame: DataFrame
) -> Watched:
    """Let the job that writes a view decide what rules it can.

    Args:
        context: the update.
        resolved: the view.
        kept: the rows that are written.
        frame: the query's result, observed by nobody.
    """
    rules = _warning(resolved.dataset.wide_rules)
    return watch(kept, rules, frame, context.samples)


def finish_view(
    context: Context,
    resolved: ResolvedDataset,
    reader: FlowReader,
    weighed: Weighed,
    *,
    counts: Counts,
    state: TableState,
) -> tuple[RuleCount, ...]:
    """Decide what is left once a view is written, and record what was found."""
    rules = resolved.dataset.wide_rules
    if not rules:
        return ()
    known = _known(context, resolved, reader)
    seen = seen_in_passing(weighed.watched, known)
    done = _names(weighed.watched.rules) if seen is not None else frozenset()
    left = [rule for rule in _warning(rules) if rule.name not in done]
    committed = _committed(context, state)
    found = (
        *weighed.found,
        *(seen or ()),
        *decided_now(committed, left, known),
        *derived(left, committed.schema, counts, known),
    )
    _record(context, resolved, state, counts.written, found)
    return found


def weigh_batch(resolved: ResolvedDataset, frame: DataFrame, sampling: Sampling) -> None:
    """Decide over a batch whether more rows break a `fail` rule than its threshold allows.

    Raises:
        ExpectationFailed: they do.
    """
    decisive = [rule for rule in resolved.dataset.row_rules if _stops_before(rule)]
    if decisive:
        counts = count_now(frame, resolved.dataset.row_rules, sampling)
        _stop_if_broken(resolved, decisive, counts.rules, _NOTHING_WRITTEN)


def judge_table(
    context: Context, resolved: ResolvedDataset, counts: Counts, *, anew: bool
) -> tuple[RuleCount, ...]:
    """Decide the wide rules of a streaming table once its flows are done.

    Args:
        context: the update.
        resolved: the streaming table.
        counts: what the update did with the rows.
        anew: whether the table was emptied first.

    Raises:
        ExpectationFailed: a `fail` rule is broken.
    """
    rules, state = resolved.dataset.wide_rules, context.state_of(resolved.dataset.name)
    if not rules or state is None:
        return ()
    reader = FlowReader(context, context.session_for(resolved.flows[0]))
    known = _known(context, resolved, reader, anew=anew)
    rows = _committed(context, state)
    found = (*decided_now(rows, rules, known), *derived(rules, rows.schema, counts, known))
    _record(context, resolved, state, counts.written, found)
    _stop_if_broken(resolved, rules, found, _ROWS_STAY)
    return found


def judge_again(context: Context, resolved: ResolvedDataset) -> tuple[RuleCount, ...]:
    """Decide what must be decided although nothing has changed.

    Raises:
        ExpectationFailed: a `fail` rule is broken, still or by now.
    """
    rules, state = resolved.dataset.wide_rules, context.state_of(resolved.dataset.name)
    if not rules or state is None:
        return ()
    before = read_checks(Files(context.session), _place(context, resolved))
    is_stream = resolved.kind is DatasetKind.STREAMING_TABLE
    if is_stream and (before is None or not _is_about(context, before, resolved, state)):
        return _judged_late(context, resolved, state, before)
    if before is None:
        return ()
    # Nothing but the moment and the masks is asked of what else is known.
    known = Known(context.now, lambda _: None, samples=context.samples)
    found = fresh_still(rules, before.found, known)
    told = _names(found)
    if is_stream:
        kept = _broken(rules, before.found)
        found = (*found, *(count for _, count in kept if count.name not in told))
    _stop_if_broken(resolved, rules, found, _AS_BEFORE)
    return found


def _judged_late(
    context: Context,
    resolved: ResolvedDataset,
    state: TableState,
    before: RecordedChecks | None,
) -> tuple[RuleCount, ...]:
    """Decide over a table whose rules, or whose version, nobody has decided about."""
    rules = [rule for rule in resolved.dataset.wide_rules if not _is_of_an_update(rule)]
    reader = FlowReader(context, context.session_for(resolved.flows[0]))
    known, rows = _known(context, resolved, reader), _committed(context, state)
    found = (*decided_now(rows, rules, known), *derived(rules, rows.schema, NO_COUNTS, known))
    _record(context, resolved, state, 0 if before is None else before.rows, found)
    _stop_if_broken(resolved, rules, found, _ROWS_STAY)
    return found


def _stops_before(rule: Rule) -> bool:
    return rule.action is RuleAction.FAIL and not rule.fails_at_once


def _needs_counts(rule: Rule) -> bool:
    return rule.check is None or _is_of_an_update(rule)


def _is_of_an_update(rule: Rule) -> bool:
    return isinstance(rule.check, DropRatio | RowCountChange)


def _warning(rules: Iterable[Rule]) -> list[Rule]:
    return [rule for rule in rules if rule.action is not RuleAction.FAIL]


def _names(those: Iterable[Rule | RuleCount]) -> frozenset[str]:
    return frozenset(each.name for each in those)


def _committed(context: Context, state: TableState) -> DataFrame:
    reader = context.session.read.format("delta").option("versionAsOf", state.version)
    return reader.load(state.path)


def _known(
    context: Context, resolved: ResolvedDataset, reader: FlowReader, *, anew: bool = False
) -> Known:
    before = None if anew else read_checks(Files(context.session), _place(context, resolved))

    def other(text: str) -> DataFrame | None:
        parts = split_identifier(text)
        if qualify(parts, context.graph.namespace) == resolved.dataset.name:
            return None
        return reader.read(Asked(parts, streaming=False, reader=None))

    rows = None if before is None else before.rows
    return Known(context.now, other, rows, context.samples)


def _place(context: Context, resolved: ResolvedDataset) -> str:
    return context.layout.checks(resolved.dataset.name)


def _definition(context: Context, resolved: ResolvedDataset) -> str:
    """Return the rules, which version of other tables they look values up in, and the masks."""
    rules = resolved.dataset.wide_rules
    keys = (rule.check for rule in rules if isinstance(rule.check, ForeignKey))
    looked_up = (f"{key.dataset} {_seen(context, resolved, key.dataset)}" for key in keys)
    masks = ", ".join(sorted(context.samples.mask))
    hidden = (f"mask {masks}",) if masks else ()
    return "\n".join((*map(rule_text, rules), *looked_up, *hidden))


def _seen(context: Context, resolved: ResolvedDataset, text: str) -> str:
    """Return what changes with another dataset; of one that cannot tell, with every update."""
    name = qualify(split_identifier(text), context.graph.namespace)
    if name == resolved.dataset.name:
        return ""
    if name is None or name not in context.graph.datasets or context.is_view(name):
        return context.update_id
    state = context.state_of(name)
    return "" if state is None else f"{state.table_id} {state.version}"


def _is_about(
    context: Context, before: RecordedChecks, resolved: ResolvedDataset, state: TableState
) -> bool:
    about = (before.table_id, before.version, before.definition)
    return about == (state.table_id, state.version, _definition(context, resolved))


def _record(
    context: Context,
    resolved: ResolvedDataset,
    state: TableState,
    rows: int,
    found: tuple[RuleCount, ...],
) -> None:
    definition = _definition(context, resolved)
    record = RecordedChecks(state.table_id, state.version, definition, rows, found)
    write_checks(Files(context.session), _place(context, resolved), record)


def _broken(rules: Iterable[Rule], found: Iterable[RuleCount]) -> list[tuple[Rule, RuleCount]]:
    """Return the `fail` rules that are broken, each with what was found."""
    counts = {count.name: count for count in found}
    return [
        (rule, counts[rule.name])
        for rule in rules
        if rule.action is RuleAction.FAIL
        and rule.name in counts
        and is_broken(rule, counts[rule.name])
    ]


def _stop_if_broken(
    resolved: ResolvedDataset,
    rules: Sequence[Rule],
    found: tuple[RuleCount, ...],
    outcome: str,
) -> None:
    broken = _broken(rules, found)
    if not broken:
        return
    told = "; ".join(f"{rule.name!r} failed: {_told(rule, count)}" for rule, count in broken)
    raise ExpectationFailed(
        f"{resolved.dataset.shown}: expectation {told}; {outcome}",
        origin=broken[0][0].origin,
        fix="correct the data at its source or in the query, or change the rule",
        found=found,
    )


def _told(rule: Rule, count: RuleCount) -> str:
    if count.observed is not None:
        return f"{count.observed} ({rule.condition})"
    if rule.check is not None and not count.passed and count.failed == 1:
        return str(rule.condition)
    threshold = "" if rule.terms.threshold is None else f", where {rule.terms.threshold} is asked"
    return f"{count.failed:,} of {count.passed + count.failed:,} rows break it{threshold}"
