"""Decide rules about more than one row: in the writing job where it can be, else by one of its own.

Frames and rules in, what was found out. Rules of aggregates that stand alone are decided together
by one job; a rule of keys groups by its columns once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame, Observation
from pyspark.sql import functions as F  # noqa: N812 - PySpark's own habit
from pyspark.sql.types import StructType

from dlt_lite.engine.expressions import (
    aggregates_of,
    condition_column,
    is_observable,
    type_text,
)
from dlt_lite.engine.observing import observe, observed
from dlt_lite.engine.reading import values_aggregated
from dlt_lite.model.checks import (
    Aggregate,
    DropRatio,
    ForeignKey,
    Fresh,
    GreatExpectation,
    HasLayout,
    HasSchema,
    Incomplete,
    RowCountChange,
    Unique,
)
from dlt_lite.model.layouts import layout_breach
from dlt_lite.model.rules import Cost, Counts, NullPolicy, Rule, RuleAction, RuleCount
from dlt_lite.model.samples import MASKED, NOTHING_SHOWN, Sample, SampleSettings
from dlt_lite.model.schema import schema_from_json
from dlt_lite.quality.great_expectations import Undecided, decided_by_great_expectations
from dlt_lite.quality.masks import hides_any
from dlt_lite.quality.samples import samples_of, taken_rows

_PATIENCE = 30.0
_HELD, _PART, _TIMES, _FOUND = "held", "part", "_times", "_found"


@dataclass(frozen=True, slots=True)
class Known:
    """What rules are decided by besides the rows.

    Attributes:
        now: when the update decides.
        other: gives the frame of another dataset by its name; of the same one the rows themselves.
        rows_before: the rows of the update before; None where there was none.
        samples: what of the data may be shown.
    """

    now: datetime
    other: Callable[[str], DataFrame | None]
    rows_before: int | None = None
    samples: SampleSettings = NOTHING_SHOWN


@dataclass(frozen=True, slots=True)
class Watched:
    """A frame whose rules of aggregates are decided as its rows are written.

    Attributes:
        frame: the frame.
        rules: those rules.
        observation: sees what they find.
        parts: for each rule, the aggregates that it compares.
    """

    frame: DataFrame
    rules: tuple[Rule, ...] = ()
    observation: Observation | None = None
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def watch(
    frame: DataFrame, rules: Iterable[Rule], like: DataFrame, samples: SampleSettings
) -> Watched:
    """Let the job that writes a frame decide what rules it can.

    Args:
        frame: the rows.
        rules: the rules.
        like: a frame of the same columns that is not observed: an observation is over as soon as
            something that stands on it cannot be analysed.
        samples: what of the data may be shown.
    """
    chosen = tuple(rule for rule in rules if _is_decided_in_passing(like, rule))
    if not chosen:
        return Watched(frame)
    parts = {rule.name: _parts(like, rule) for rule in chosen}
    seen, observation = observe(frame, _columns(like, chosen, parts, samples))
    return Watched(seen, chosen, observation, parts)


def seen_in_passing(watched: Watched, known: Known) -> tuple[RuleCount, ...] | None:
    """Return what the writing job has found, None where it did not say."""
    if watched.observation is None:
        return ()
    seen = observed(watched.observation, patience=_PATIENCE)
    if seen is None:
        return None
    return tuple(_found(watched.rules, watched.parts, seen, known, Cost.IN_JOB))


def decided_now(frame: DataFrame, rules: Sequence[Rule], known: Known) -> tuple[RuleCount, ...]:
    """Decide rules over a frame, by jobs of their own.

    Args:
        frame: the rows that are, or will be, in the table.
        rules: rules of aggregates, freshness and keys.
        known: what else decides.
    """
    found = [
        count
        for where, together in _by_rows(rules).items()
        for count in _aggregated(_about(frame, where), together, known)
    ]
    for rule in rules:
        match rule.check:
            case Unique() as check:
                found.append(_unique(_about(frame, rule.terms.where), rule, check, known))
            case ForeignKey() as check:
                other = known.other(check.dataset)
                among = frame if other is None else other
                about = _about(frame, rule.terms.where)
                found.append(_found_in(about, rule, check, among, known))
            case GreatExpectation() as check:
                found.append(_by_great_expectations(frame, rule, check, known.samples))
            case _:
                pass
    return tuple(found)


def derived(
    rules: Iterable[Rule], schema: StructType, counts: Counts, known: Known
) -> tuple[RuleCount, ...]:
    """Decide what follows from figures that are there.

    Args:
        rules: rules of the schema, the number of rows and those kept out.
        schema: the columns of the table.
        counts: what was done with the rows.
        known: what else decides.
    """
    return tuple(
        count for rule in rules if (count := _derived(rule, schema, counts, known)) is not None
    )


def planned_cost(rule: Rule, like: Callable[[], DataFrame], *, is_view: bool) -> Cost:
    """Return how a rule of a dataset that is written will be decided.

    Args:
        rule: the rule.
        like: makes a frame of the columns that it is about; not asked for one in vain.
        is_view: whether the dataset is a materialized view.
    """
    before = rule.action is RuleAction.FAIL and is_view
    match rule.check:
        case None if rule.fails_at_once:
            return Cost.DERIVED
        case None:
            return Cost.EXTRA_SCAN if rule.action is RuleAction.FAIL else Cost.IN_JOB
        case HasSchema() | HasLayout():
            return Cost.DERIVED
        case DropRatio() | RowCountChange():
            return Cost.EXTRA_SCAN if before else Cost.DERIVED
        case _:
            in_passing = is_view and not before and _is_decided_in_passing(like(), rule)
            return Cost.IN_JOB if in_passing else Cost.EXTRA_SCAN


def fresh_still(
    rules: Iterable[Rule], found: Iterable[RuleCount], known: Known
) -> tuple[RuleCount, ...]:
    """Decide rules of freshness again, by the newest values that were found before."""
    newest = {count.name: count.hidden or count.observed for count in found}
    return tuple(
        _fresh(rule, rule.check, _moment(newest[rule.name]), known, Cost.DERIVED)
        for rule in rules
        if isinstance(rule.check, Fresh) and rule.name in newest
    )


def is_broken(rule: Rule, count: RuleCount) -> bool:
    """Return whether what was found breaks a rule, beyond its threshold."""
    threshold = rule.terms.threshold
    if not count.failed:
        return False
    return threshold is None or not threshold.allows(
        count.passed + count.failed, count.failed, count.nulls or 0
    )


def _by_rows(rules: Iterable[Rule]) -> dict[object, list[Rule]]:
    """Return rules of aggregates by the condition that chooses their rows."""
    found: dict[object, list[Rule]] = {}
    for rule in rules:
        if isinstance(rule.check, Aggregate | Fresh):
            found.setdefault(rule.terms.where, []).append(rule)
    return found


def _about(frame: DataFrame, where: object) -> DataFrame:
    return frame if where is None else frame.where(condition_column(where))


def _is_decided_in_passing(frame: DataFrame, rule: Rule) -> bool:
    if rule.terms.where is not None:
        return False
    match rule.check:
        case Aggregate(condition=condition):
            return is_observable(frame, condition)
        case Fresh():
            return True
        case _:
            return False


def _aggregated(frame: DataFrame, rules: Sequence[Rule], known: Known) -> Iterator[RuleCount]:
    parts = {rule.name: _parts(frame, rule) for rule in rules}
    row = frame.agg(*_columns(frame, rules, parts, known.samples)).first()
    seen = {} if row is None else row.asDict()
    yield from _found(rules, parts, seen, known, Cost.EXTRA_SCAN)


def _parts(frame: DataFrame, rule: Rule) -> tuple[str, ...]:
    check = rule.check
    return aggregates_of(frame, check.condition) if isinstance(check, Aggregate) else ()


def _columns(
    frame: DataFrame,
    rules: Sequence[Rule],
    parts: Mapping[str, tuple[str, ...]],
    samples: SampleSettings,
) -> list[Column]:
    """Return what one job computes for rules of aggregates, and of freshness."""
    columns = []
    for index, rule in enumerate(rules):
        match rule.check:
            case Aggregate(condition=condition):
                columns.append(F.expr(condition).alias(f"{_HELD}{index}"))
                columns += [
                    _told(frame, part, samples).alias(f"{_PART}{index}_{place}")
                    for place, part in enumerate(parts[rule.name])
                ]
            case Fresh(column=column):
                newest = F.max(_named(column)).cast("timestamp")
                # As a number: an observation hands timestamps over in the driver's own zone.
                columns.append(F.unix_micros(newest).alias(f"{_HELD}{index}"))
            case _:
                pass
    return columns


def _told(frame: DataFrame, aggregate: str, samples: SampleSettings) -> Column:
    """Return an aggregate's value as text; of a masked column only how many there are."""
    is_count = aggregate.lower().startswith("count(")
    if samples.mask and not is_count:
        values = values_aggregated(frame, aggregate)
        if hides_any(frame.schema, values, samples):
            return F.lit(MASKED)
    return F.expr(aggregate).cast("string")


def _found(
    rules: Sequence[Rule],
    parts: Mapping[str, tuple[str, ...]],
    seen: Mapping[str, Any],
    known: Known,
    cost: Cost,
) -> Iterator[RuleCount]:
    for index, rule in enumerate(rules):
        value = seen.get(f"{_HELD}{index}")
        if isinstance(rule.check, Fresh):
            yield _fresh(rule, rule.check, _of_micros(value), known, cost)
            continue
        told = ", ".join(
            f"{part} = {_or_null(seen.get(f'{_PART}{index}_{place}'))}"
            for place, part in enumerate(parts[rule.name])
        )
        held = rule.terms.null is NullPolicy.PASS if value is None else bool(value)
        yield _one(rule, held=held, observed=told or _or_null(value), cost=cost)


def _or_null(value: object) -> str:
    return "NULL" if value is None else str(value)


def _fresh(
    rule: Rule, check: Fresh, newest: datetime | None, known: Known, cost: Cost
) -> RuleCount:
    held = newest is not None and newest >= known.now - check.within
    told = None if newest is None else newest.isoformat()
    found = _one(rule, held=held, observed=told, cost=cost)
    if told is None or not known.samples.hides(check.column):
        return found
    return replace(found, observed=MASKED, hidden=told)


def _unique(frame: DataFrame, rule: Rule, check: Unique, known: Known) -> RuleCount:
    columns = [_named(name) for name in check.columns]
    complete = frame.where(_complete(columns, check.leaves_out))
    groups = complete.groupBy(*columns).agg(F.count(F.lit(1)).alias(_TIMES))
    return _weighed(groups, rule, F.col(_TIMES) > 1, check.columns, known)


def _found_in(
    frame: DataFrame, rule: Rule, check: ForeignKey, other: DataFrame, known: Known
) -> RuleCount:
    columns = [_named(name) for name in check.columns]
    keys = [f"_key{place}" for place in range(len(columns))]
    own = [column.alias(key) for column, key in zip(columns, keys, strict=True)]
    named = [_named(name).alias(key) for name, key in zip(check.to, keys, strict=True)]
    values = (
        frame.where(_complete(columns, Incomplete.ANY))
        .groupBy(*own)
        .agg(F.count(F.lit(1)).alias(_TIMES))
    )
    those = other.select(*named).distinct().withColumn(_FOUND, F.lit(True))
    own_names = dict(zip(keys, check.columns, strict=True))
    groups = values.join(those, keys, "left").withColumnsRenamed(own_names)
    return _weighed(groups, rule, F.col(_FOUND).isNull(), check.columns, known)


def _weighed(
    groups: DataFrame, rule: Rule, bad: Column, columns: Sequence[str], known: Known
) -> RuleCount:
    """Count the rows of all groups and of bad ones, and take the keys of the greatest bad ones."""
    times = F.when(bad, F.col(_TIMES))
    wanted = [F.sum(_TIMES), F.sum(times)]
    if known.samples.most:
        wanted.append(F.to_json(taken_rows(groups, columns, times, known.samples)))
    rows, failed, *taken = groups.agg(*wanted).collect()[0]
    shown = json.loads(taken[0]) if taken and taken[0] is not None else ()
    samples = samples_of(shown, [(name, True) for name in columns])
    return _rows(rule, rows or 0, failed or 0, samples)


def _by_great_expectations(
    frame: DataFrame, rule: Rule, check: GreatExpectation, samples: SampleSettings
) -> RuleCount:
    try:
        _, broken, told = decided_by_great_expectations(frame, check, samples)
    except Undecided as problem:
        told = f"Great Expectations could not decide: {problem}"
        return replace(_nothing(rule), exact=False, observed=told, cost=Cost.EXTRA_SCAN)
    return _one(rule, held=not broken, observed=told, cost=Cost.EXTRA_SCAN)


def _complete(columns: Sequence[Column], leaves_out: Incomplete) -> Column:
    match leaves_out:
        case Incomplete.ANY:
            return reduce(Column.__and__, [column.isNotNull() for column in columns])
        case Incomplete.ALL:
            return reduce(Column.__or__, [column.isNotNull() for column in columns])
        case Incomplete.NEVER:
            return F.lit(True)


def _derived(rule: Rule, schema: StructType, counts: Counts, known: Known) -> RuleCount | None:
    match rule.check:
        case HasLayout() as check:
            breach = layout_breach(check, schema_from_json(schema.json()))
            return _one(rule, held=breach is None, observed=breach, cost=Cost.DERIVED)
        case HasSchema() as check:
            wrong = [*_wrong_columns(check, schema)]
            return _one(rule, held=not wrong, observed="; ".join(wrong), cost=Cost.DERIVED)
        case DropRatio(most=most):
            if not counts.rows:
                return _nothing(rule)
            lost = counts.rows - counts.written
            told = f"{lost:,} of {counts.rows:,} rows"
            return _one(rule, held=lost / counts.rows <= most, observed=told, cost=Cost.DERIVED)
        case RowCountChange() as check:
            return _changed(rule, check, counts.written, known.rows_before)
        case _:
            return None


def _changed(rule: Rule, check: RowCountChange, rows: int, before: int | None) -> RuleCount:
    if not before:
        return _nothing(rule)
    change = rows / before - 1
    fell = check.max_decrease is not None and -change > check.max_decrease
    rose = check.max_increase is not None and change > check.max_increase
    told = f"{rows:,} rows, {before:,} before"
    return _one(rule, held=not fell and not rose, observed=told, cost=Cost.DERIVED)


def _wrong_columns(check: HasSchema, schema: StructType) -> Iterator[str]:
    columns = [(each.name, each.dataType.simpleString()) for each in schema.fields]
    found = {name.lower(): type_ for name, type_ in columns}
    wanted = {name.lower() for name, _ in check.columns}
    for name, ddl in check.columns:
        type_ = found.get(name.lower())
        if type_ is None:
            yield f"{name} is missing"
        elif ddl is not None and type_text(ddl) != type_:
            yield f"{name} is {type_}"
    if not check.others:
        yield from (f"{name} is there too" for name, _ in columns if name.lower() not in wanted)
    if check.ordered:
        order = [name.lower() for name, _ in columns if name.lower() in wanted]
        if order != [name.lower() for name, _ in check.columns if name.lower() in found]:
            yield "they stand in another order"


def _one(rule: Rule, *, held: bool, observed: str | None, cost: Cost) -> RuleCount:
    return RuleCount(
        rule.name, rule.action, int(held), int(not held), observed=observed or None, cost=cost
    )


def _rows(rule: Rule, rows: int, failed: int, samples: tuple[Sample, ...]) -> RuleCount:
    cost = Cost.EXTRA_SCAN
    return RuleCount(rule.name, rule.action, rows - failed, failed, cost=cost, samples=samples)


def _nothing(rule: Rule) -> RuleCount:
    return RuleCount(rule.name, rule.action, 0, 0, cost=Cost.DERIVED)


def _named(column: str) -> Column:
    return F.col(f"`{column.replace('`', '``')}`")


def _of_micros(micros: int | None) -> datetime | None:
    if micros is None:
        return None
    return datetime.fromtimestamp(micros / 1_000_000, UTC)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
