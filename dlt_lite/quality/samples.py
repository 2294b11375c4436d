"""Rows that broke a rule, out of the very aggregates that count them, as text and without secrets.

What is shown of a row is decided before Spark touches it: the columns that the rule names and the
dataset's keys, and of a column whose name is masked nothing, however deep it lies. All samples of
all rules come as one JSON text, whose parts are made only of rows that a rule is still in want of.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import or_
from typing import Any

from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 - PySpark's own habit
from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    DataType,
    MapType,
    StringType,
    StructField,
    StructType,
)

from dlt_lite.engine.expressions import columns_named
from dlt_lite.model.checks import Unique
from dlt_lite.model.datasets import Dataset
from dlt_lite.model.samples import LONGEST_VALUE, MASKED, NOTHING_SHOWN, Cell, Sample
from dlt_lite.model.samples import SampleSettings as Settings
from dlt_lite.quality.conditions import joined, names_of_broken
from dlt_lite.quality.masks import may_hide

SAMPLES = "samples"
_LONGEST_RECORD = 4000
_WHICH, _CELLS = "which", "cells"
# Spark numbers a task's rows in so many of the bits of `monotonically_increasing_id`.
_NUMBER = (1 << 33) - 1
# Rows stay in the memory of their task and of the driver until the job's end.
_MOST_ROWS = 10_000
_MOST_OF_MAX_BY = 100_000


@dataclass(frozen=True, slots=True)
class Sampling:
    """What is shown of rows that break the rules of one dataset.

    Attributes:
        settings: how many rows, and what is never shown.
        columns: by rule, the columns that are shown, each with whether the rule is about it.
    """

    settings: Settings = NOTHING_SHOWN
    columns: Mapping[str, tuple[tuple[str, bool], ...]] = field(default_factory=dict)

    def without(self, rules: Iterable[str]) -> Sampling:
        """Return it for what is left once some rules have been shown enough of."""
        left = {name: shown for name, shown in self.columns.items() if name not in set(rules)}
        return replace(self, columns=left)


def sampling_of(frame: DataFrame, dataset: Dataset, settings: Settings) -> Sampling:
    """Return what is shown of a frame's rows that break a dataset's rules.

    Args:
        frame: a frame of the columns that the rules are about.
        dataset: the dataset.
        settings: how many rows, and what is never shown.
    """
    rules = dataset.row_rules
    if not settings.most or not rules:
        return Sampling(settings)
    choosing = [rule for rule in rules if rule.terms.where is not None]
    conditions = [rule.condition for rule in rules] + [rule.terms.where for rule in choosing]
    named = columns_named(frame, conditions)
    chosen = dict(zip((rule.name for rule in choosing), named[len(rules) :], strict=True))
    keys, shown = _keys(dataset, frame.columns), {}
    for rule, about in zip(rules, named, strict=False):
        names = dict.fromkeys((*about, *chosen.get(rule.name, ()), *keys))
        shown[rule.name] = tuple((name, name in about) for name in names)
    return Sampling(settings, shown)


def earliness(broken: Iterable[Column], most: int) -> Column:
    """Return how early in its task a row is among those that break the same rule.

    It is made in generated code and of the conditions alone, so that nothing more is asked of a
    row that no rule is in want of.

    Args:
        broken: of each rule, whether a row breaks it; never NULL.
        most: how many rows each rule wants.

    Returns:
        `most` for the first that breaks a rule, 1 for the last that is wanted; else NULL.
    """
    # Spark counts on where the number is asked for: so each rule numbers the rows that break it.
    number = F.monotonically_increasing_id().bitwiseAND(F.lit(_NUMBER))
    turns = [F.when(bad, number) for bad in broken]
    earliest = F.least(*turns, F.lit(most))
    wanted = F.sequence(F.lit(most), F.lit(1), F.lit(-1))
    return F.get(wanted, earliest.cast("int"))


def sampled(
    frame: DataFrame, broken: Mapping[str, Column], early: Column | None, sampling: Sampling
) -> Column:
    """Return the aggregate that takes some rows of each rule.

    Args:
        frame: the rows.
        broken: by rule, whether a row breaks it; never NULL.
        early: the rows' `earliness`; None where they cannot be numbered: each rule then looks at
            every row for itself, which takes several times as long.
        sampling: what is shown.
    """
    shown = {name: [each for each, _ in sampling.columns[name]] for name in broken}
    settings = sampling.settings
    if early is None:
        taken = [
            taken_rows(frame, shown[name], F.when(bad, F.lit(1)), settings).alias(name)
            for name, bad in broken.items()
        ]
        return F.to_json(F.struct(*taken)).alias(SAMPLES)
    asking: dict[str, list[Column]] = {}
    for name, columns in shown.items():
        for column in columns:
            asking.setdefault(column, []).append(broken[name])
    cells = [
        F.when(joined(asking[column], or_), text).alias(column)
        for column, text in _texts(frame, asking, settings).items()
    ]
    row = F.struct(names_of_broken(broken).alias(_WHICH), F.struct(*cells).alias(_CELLS))
    most_rows = min(max(_MOST_ROWS, settings.most * len(broken)), _MOST_OF_MAX_BY)
    rows = F.max_by(row, early, most_rows)

    def of_rule(name: Column) -> Column:
        own = F.filter(rows, lambda each: F.array_contains(each.getField(_WHICH), name))
        return F.slice(own, 1, settings.most).getField(_CELLS)

    names = F.array(*map(F.lit, broken))
    return F.to_json(F.map_from_arrays(names, F.transform(names, of_rule))).alias(SAMPLES)


def taken_rows(
    frame: DataFrame, columns: Sequence[str], worst: Column, settings: Settings
) -> Column:
    """Return the aggregate that takes the cells of the rows for which a figure is greatest.

    Args:
        frame: the rows.
        columns: the names of the columns.
        worst: the figure; rows for which it is NULL are passed over.
        settings: how many rows, and what is never shown.
    """
    texts = _texts(frame, columns, settings)
    row = F.struct(*[text.alias(name) for name, text in texts.items()])
    return F.max_by(row, worst, settings.most)


def _texts(frame: DataFrame, columns: Iterable[str], settings: Settings) -> dict[str, Column]:
    kinds = {each.name.lower(): each for each in frame.schema.fields}
    return {name: _as_text(frame, kinds[name.lower()], settings) for name in columns}


def samples_seen(seen: object, sampling: Sampling) -> dict[str, tuple[Sample, ...]]:
    """Return what `sampled` took, by rule.

    Args:
        seen: its value; None where nothing was taken.
        sampling: what is shown.
    """
    if not isinstance(seen, str):
        return {}
    return {
        name: samples_of(rows, sampling.columns[name])
        for name, rows in json.loads(seen).items()
        if rows
    }


def samples_of(
    rows: Iterable[Mapping[str, str]], columns: Sequence[tuple[str, bool]]
) -> tuple[Sample, ...]:
    """Return samples of the cells that were taken, by column; NULL has no entry."""
    return tuple(
        Sample(tuple(Cell(name, row.get(name), offending) for name, offending in columns))
        for row in rows
    )


def record_text(frame: DataFrame, settings: Settings) -> Column:
    """Return a whole row as text, JSON where it can be, without what is never shown."""
    columns: list[Column | str] = ["*"]
    if settings.mask:
        columns = [_shown(_named(each.name), each, settings) for each in frame.schema.fields]
    return F.substring(_json_or_text(frame, F.struct(*columns)), 1, _LONGEST_RECORD)


def sample_of_record(record: str, rule: str, sampling: Sampling) -> tuple[Sample, ...]:
    """Return the sample of a rule that a whole row's text holds; none where it was cut."""
    columns = sampling.columns.get(rule)
    try:
        row = json.loads(record)
    except ValueError:
        return ()
    if not columns or not isinstance(row, dict):
        return ()
    cells = (Cell(name, _plain(row.get(name)), offending) for name, offending in columns)
    return (Sample(tuple(cells)),)


def _keys(dataset: Dataset, columns: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that tell rows apart, as far as somebody has said so."""
    own = {name.lower(): name for name in columns}
    return tuple(
        own[name.lower()]
        for rule in dataset.wide_rules
        if isinstance(rule.check, Unique)
        for name in rule.check.columns
        if name.lower() in own
    )


def _as_text(frame: DataFrame, column: StructField, settings: Settings) -> Column:
    shown, kind = _shown(_named(column.name), column, settings), column.dataType
    if settings.hides(column.name) or isinstance(kind, StringType):
        text = shown
    elif isinstance(kind, BinaryType):
        text = F.hex(shown)
    elif isinstance(kind, StructType | ArrayType | MapType):
        text = _json_or_text(frame, shown)
    else:
        text = shown.cast("string")
    # One more than is kept, by which it is seen that something was cut.
    return F.substring(text, 1, LONGEST_VALUE + 1)


def _json_or_text(frame: DataFrame, value: Column) -> Column:
    text = F.to_json(value)
    try:
        frame.select(text).schema  # noqa: B018 - analysed
    except PySparkException:
        return value.cast("string")
    return text


def _shown(value: Column, column: StructField, settings: Settings) -> Column:
    """Return a column's value under its name, without what is never shown; NULL stays NULL."""
    if settings.hides(column.name):
        shown = F.when(value.isNotNull(), F.lit(MASKED))
    else:
        shown = _inside(value, column.dataType, settings)
    return shown.alias(column.name)


def _inside(value: Column, kind: DataType, settings: Settings) -> Column:
    """Return a value without what lies in it under a masked name."""
    if not may_hide(kind, settings):
        return value
    match kind:
        case StructType(fields=fields):
            parts = [_shown(value.getField(each.name), each, settings) for each in fields]
            return F.when(value.isNotNull(), F.struct(*parts))
        case ArrayType(elementType=element):
            return F.transform(value, lambda each: _inside(each, element, settings))
        case MapType(valueType=inner):

            def shown(key: Column, each: Column) -> Column:
                hidden = F.lower(key.cast("string")).isin(*settings.mask) & each.isNotNull()
                text = _inside(each, inner, settings).cast("string")
                return F.when(hidden, F.lit(MASKED)).otherwise(text)

            return F.transform_values(value, shown)
        case _:
            return F.when(value.isNotNull(), F.lit(MASKED))


def _named(column: str) -> Column:
    return F.col(f"`{column.replace('`', '``')}`")


def _plain(value: Any) -> str | None:  # noqa: ANN401 - JSON
    return value if value is None or isinstance(value, str) else json.dumps(value)
