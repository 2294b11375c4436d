"""A suite's `row_condition`, a text or a tree → SQL text that is true for the rows it is about."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dlt_lite.project.suggestions import did_you_mean, shown
from dlt_lite.suites.arguments import column, flag, some_values
from dlt_lite.suites.literals import column_sql, literal_sql, with_an_end
from dlt_lite.suites.said import (
    Said,
    SaidList,
    SaidMap,
    SaidValue,
    as_list,
    as_map,
    as_text,
    kind_of,
    refuse,
    refuse_unknown,
)

PARSERS = ("spark", "great_expectations", "great_expectations__experimental__")
_OPERATORS: Mapping[str, str] = {
    "==": "=",
    "!=": "!=",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
    "IN": "IN",
    "NOT_IN": "NOT IN",
}
_KEYS = {
    "comparison": ("type", "column", "operator", "parameter"),
    "nullity": ("type", "column", "is_null"),
    "and": ("type", "conditions"),
    "or": ("type", "conditions"),
    "pass_through": ("type", "pass_through_filter"),
}
# Great Expectations' own small language: col("x") > 5, col("x") == "a", col("x").notNull().
_COLUMN = r'\s*col\("(?P<column>[^"]+)"\)\s*'
_NOT_NULL = re.compile(_COLUMN + r"\.notnull\(\)\s*", re.IGNORECASE)
_COMPARED = re.compile(
    _COLUMN
    + r"(?P<operator>==|!=|<=|>=|<|>)\s*"
    + r"(?:(?P<number>[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)"
    + r"|date\((?P<dq>[\"'])(?P<day>[^\"']*)(?P=dq)\)"
    + r"|(?P<q>[\"'])(?P<text>[^\"']*)(?P=q))\s*"
)
_WHAT = "row_condition"


def where_sql(condition: Said, parser: str | None) -> str:
    """Return the SQL of a row condition.

    Args:
        condition: what the suite says.
        parser: its `condition_parser`, None where it says none.

    Raises:
        BadSuite: it is none.
    """
    if isinstance(condition, SaidMap):
        return _tree(condition)
    text = as_text(condition, _WHAT)
    return _of_their_own(condition, text) if parser in PARSERS[1:] else text


def _tree(said: SaidMap) -> str:
    kind = as_text(said.get("type") or SaidValue(None, said.origin), f"{_WHAT}: type")
    if kind not in _KEYS:
        refuse(said.origin, f"{_WHAT} is of type {shown(kind)}", did_you_mean(kind, _KEYS))
    refuse_unknown(said, _KEYS[kind], f"{_WHAT} of type {kind}")
    for key in _KEYS[kind]:
        if said.get(key) is None:
            refuse(said.origin, f"{_WHAT} of type {kind} lacks {key}", f"give it a {key}")
    if kind == "pass_through":
        return as_text(_part(said, "pass_through_filter"), _WHAT)
    if kind == "nullity":
        null = "IS NULL" if flag(_part(said, "is_null"), _WHAT) else "IS NOT NULL"
        return f"{_column(said)} {null}"
    if kind == "comparison":
        return _comparison(said)
    listed = as_list(_part(said, "conditions"), _WHAT, "list the conditions")
    parts = [_part_of_tree(as_map(each, _WHAT, "give a condition with a type")) for each in listed]
    if not parts:
        refuse(said.origin, f"{_WHAT} of type {kind} is empty", "give it conditions")
    return f"({f' {kind.upper()} '.join(parts)})"


def _part_of_tree(said: SaidMap) -> str:
    """Return a condition that stands between others; SQL of the user's own in brackets."""
    sql = _tree(said)
    return f"({with_an_end(sql)})" if said.get("pass_through_filter") else sql


def _comparison(said: SaidMap) -> str:
    operator = as_text(_part(said, "operator"), f"{_WHAT}: operator")
    if operator not in _OPERATORS:
        fix = did_you_mean(operator, _OPERATORS)
        refuse(said.origin, f"{_WHAT}: there is no operator {shown(operator)}", fix)
    parameter = _part(said, "parameter")
    many = operator in {"IN", "NOT_IN"}
    if isinstance(parameter, SaidList) is not many or isinstance(parameter, SaidMap):
        fix = "give a list for IN and NOT_IN, one value for the others"
        refuse(parameter.origin, f"{_WHAT}: {operator} with {kind_of(parameter)}", fix)
    listed = parameter if isinstance(parameter, SaidList) else SaidList((parameter,), said.origin)
    listing = ", ".join(map(literal_sql, some_values(listed, f"{_WHAT}: {operator}")))
    return f"{_column(said)} {_OPERATORS[operator]} {f'({listing})' if many else listing}"


def _column(said: SaidMap) -> str:
    given = _part(said, "column")
    name = given.get("name") if isinstance(given, SaidMap) else given
    return column_sql(column(name or given, f"{_WHAT}: column"))


def _part(said: SaidMap, key: str) -> Said:
    return said.get(key) or SaidValue(None, said.origin)


def _of_their_own(said: Said, text: str) -> str:
    if (found := _NOT_NULL.fullmatch(text)) is not None:
        return f"{column_sql(found['column'])} IS NOT NULL"
    found = _COMPARED.fullmatch(text)
    if found is None:
        fix = 'write col("name") > 5, col("name") == "text" or col("name").notNull(); or SQL'
        refuse(said.origin, f"{_WHAT} {shown(text)} cannot be read", fix)
    left = f"{column_sql(found['column'])} {_OPERATORS[found['operator']]}"
    if found["number"] is not None:
        return f"{left} {found['number']}"
    return f"{left} {literal_sql(found['day'] or found['text'])}"
