"""One entry of a Great Expectations suite → what is asked, as ours, or as theirs if need be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from dlt_lite.model.checks import Check, GreatExpectation
from dlt_lite.model.rules import NullPolicy
from dlt_lite.project.suggestions import did_you_mean, shown
from dlt_lite.suites.arguments import checked, filled
from dlt_lite.suites.kinds import Way, kind_of_expectation
from dlt_lite.suites.row_conditions import PARSERS, where_sql
from dlt_lite.suites.said import SaidEntry, SaidMap, SaidValue, as_text, plain, refuse

# How a result is made and where data comes from is not the suite's business here.
_NOT_OURS = {
    "auto",
    "batch_id",
    "catch_exceptions",
    "include_config",
    "profiler_config",
    "result_format",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What an expectation asks.

    Attributes:
        name: its type and what it is about.
        long_name: the same with all of its arguments.
        condition: SQL text over a row, or its check as text.
        check: what is asked of more than one row; None for a rule of rows.
        null: what NULL means; None where there is no condition.
        where: SQL text: which rows it is about; None for all.
        mostly: the share of rows that must pass; None for all.
        entry: its type and arguments as JSON text.
    """

    name: str
    long_name: str
    condition: str
    check: Check | None
    null: NullPolicy | None
    where: str | None
    mostly: float | None
    entry: str


def asked_by(type_: str, said: SaidMap, parameters: Mapping[str, object], *, old: bool) -> Asked:
    """Return what an expectation asks.

    Args:
        type_: its type.
        said: its arguments.
        parameters: the values of suite parameters.
        old: whether it was written for a version of Great Expectations before 1.0.

    Raises:
        BadSuite: there is no such expectation, or its arguments cannot be.
    """
    kind = kind_of_expectation(type_, said)
    ours = tuple(
        _renamed(each, type_) if old else each for each in said.entries if each.key not in _NOT_OURS
    )
    given = filled(SaidMap(ours, said.origin), parameters)
    assert isinstance(given, SaidMap)  # noqa: S101 - a mapping stays one
    values = checked(given, kind.every_argument, type_)
    if kind.needs_a_bound and values["min_value"] is None and values["max_value"] is None:
        refuse(said.origin, f"{type_} has neither min_value nor max_value", "give one of them")
    try:
        compiled = kind.compile(values)
    except ValueError as problem:
        refuse(said.origin, f"{type_}: {problem}", "correct it")
    arguments = json.dumps(plain(given), ensure_ascii=False, default=str, sort_keys=True)
    about = _about(values)
    names = (f"{type_}({about})" if about else type_, f"{type_} {arguments}")
    entry = json.dumps(
        {"type": type_, "kwargs": plain(given)}, ensure_ascii=False, default=str, sort_keys=True
    )
    where = _where(given)
    if compiled is None:
        check = GreatExpectation(type_, arguments)
        return Asked(*names, str(check), check, None, None, None, entry)
    about_rows = kind.way is not Way.SCHEMA
    mostly = values.get("mostly")
    return Asked(
        *names,
        compiled.condition,
        compiled.check,
        compiled.null,
        where if about_rows else None,
        float(mostly) if about_rows and isinstance(mostly, float) and mostly < 1 else None,
        entry,
    )


def _where(given: SaidMap) -> str | None:
    parser = given.get("condition_parser")
    word = None if parser is None else as_text(parser, "condition_parser")
    if parser is not None and word not in PARSERS:
        what = f"condition_parser {shown(str(word))} is not for Spark"
        refuse(parser.origin, what, did_you_mean(str(word), PARSERS))
    condition = given.get("row_condition")
    return None if condition is None else where_sql(condition, word)


def _about(values: Mapping[str, object]) -> str:
    """Return the columns that an expectation is about."""
    listed = values.get("column_list") or values.get("column_set")
    if isinstance(listed, tuple):
        return ", ".join(map(str, listed))
    named = (values.get(key) for key in ("column", "column_A", "column_B"))
    return ", ".join(str(each) for each in named if each is not None)


def _renamed(entry: SaidEntry, type_: str) -> SaidEntry:
    """Return an argument of an old suite by today's words: of a pair, `never` is `neither` now."""
    if entry.key == "ignore_row_if" and "_pair_" in type_ and plain(entry.value) == "never":
        return SaidEntry(entry.key, SaidValue("neither", entry.value.origin), entry.origin)
    return entry
