"""What a table holds → rules that it satisfies with some slack, as a file of rules to review.

Values in, text out. Each rule says how sure it is and what was seen; all of them warn.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum

import yaml

from dlt_lite.model.profiles import Bound, ColumnProfile, TableProfile

INDENT = "    "
_MANY, _SOME = 1000, 100
_LARGEST_SHARE = 0.05
_SLACK = Decimal("0.1")
_ROWS_A_VALUE = 20
_MOST_NUMBERS = 6
_LONGEST_VALUE = 50
_NEARLY_ALL = 0.97
_LONGEST_TEXT = 255
_SMALLEST, _GREATEST = -15, 30
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TYPE = re.compile(r"[A-Za-z0-9_<>:,() ]+")
_WORDS = frozenset(
    {
        *("all", "any", "array", "case", "cast", "current_date", "current_time"),
        *("current_timestamp", "current_user", "date", "distinct", "else", "end", "exists"),
        *("false", "in", "interval", "lateral", "like", "map", "not", "null", "select"),
        *("session_user", "some", "struct", "then", "time", "timestamp", "true", "user", "when"),
    }
)


class Confidence(StrEnum):
    """How likely a proposed rule is meant by whoever made the data."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposed rule.

    Attributes:
        name: its name.
        asks: what it asks, in the words of a file of rules.
        confidence: how sure it is.
        why: what was seen, and which slack was given.
        more: what else is said of it.
    """

    name: str
    asks: Mapping[str, object]
    confidence: Confidence
    why: str
    more: Mapping[str, object] = field(default_factory=dict)


def proposals(profile: TableProfile) -> tuple[Proposal, ...]:
    """Return rules that a table satisfies, and may be meant to."""
    found = [_columns(profile)]
    if profile.rows:
        found.append(_enough_rows(profile))
        for column in profile.columns:
            found += _of_column(column, profile.rows)
    return tuple(found)


def rules_text(profile: TableProfile, proposed: Iterable[Proposal]) -> str:
    """Return rules as a file of them, each below what it rests on."""
    of = f"version {profile.version} of {profile.dataset}, {profile.rows:,} rows"
    lines = [
        f"# Proposed from {of.splitlines()[0]}.",
        "# To be reviewed: they warn until `on_violation` says more.",
        f"{_yaml(profile.dataset)}:",
        "  rules:",
    ]
    lines += [line for each in proposed for line in proposal_lines(each)]
    return "\n".join(lines) + "\n"


def proposal_lines(proposal: Proposal) -> list[str]:
    """Return the lines of a rule in a file, indented as below `rules:`."""
    said = {**proposal.asks, **proposal.more}
    why = f"{INDENT}# {proposal.confidence}: {proposal.why}"
    if set(said) == {"expect"}:
        return [why, f"{INDENT}{_yaml(proposal.name)}: {_yaml(said['expect'])}"]
    return [
        why,
        f"{INDENT}{_yaml(proposal.name)}:",
        *(f"{INDENT}  {word}: {_yaml(value)}" for word, value in said.items()),
    ]


def _columns(profile: TableProfile) -> Proposal:
    ddl = ", ".join(_as_ddl(each) for each in profile.columns)
    why = f"the {len(profile.columns)} columns as they are; others may come"
    return Proposal("columns", {"schema": ddl}, Confidence.MEDIUM, why)


def _as_ddl(column: ColumnProfile) -> str:
    """Return a column as DDL; without its type where that has names within that need quotes."""
    name = _quoted(column.name)
    return f"{name} {column.type}" if _TYPE.fullmatch(column.type) else name


def _enough_rows(profile: TableProfile) -> Proposal:
    why = f"{profile.rows:,} rows now; half of them is the slack"
    asks = {"aggregate": f"count(*) >= {max(1, profile.rows // 2)}"}
    return Proposal("enough rows", asks, Confidence.LOW, why)


def _of_column(column: ColumnProfile, rows: int) -> Iterator[Proposal]:
    if column.nulls == rows:
        return
    yield from _is_there(column, rows)
    is_key = _looks_like_a_key(column, rows)
    if is_key:
        about = f"about {column.distinct:,} values in {rows:,} rows; not counted exactly"
        asks = {"unique": [column.name]}
        yield Proposal(f"one row per {column.name}", asks, Confidence.LOW, about)
    if (known := _known_values(column, rows)) is not None:
        yield known
    elif isinstance(column.longest, int):
        yield from _lengths(column, rows)
    elif isinstance(column.least, date | str):
        yield _not_before(column, column.least)
    elif not is_key:
        yield from _range(column, rows)


def _is_there(column: ColumnProfile, rows: int) -> Iterator[Proposal]:
    asks = {"expect": f"{_quoted(column.name)} IS NOT NULL"}
    name, share = f"{column.name} is there", column.nulls / rows
    if not column.nulls:
        yield Proposal(name, asks, _by_rows(rows), f"no NULL in {rows:,} rows")
    elif share <= _LARGEST_SHARE:
        mostly = math.floor((1 - 2 * share) * 1000) / 1000
        why = f"NULL in {column.nulls:,} of {rows:,} rows; twice as many are the slack"
        yield Proposal(name, asks, Confidence.LOW, why, {"mostly": mostly})


def _looks_like_a_key(column: ColumnProfile, rows: int) -> bool:
    if column.distinct is None or column.nulls or rows < _SOME or column.type in {"date", "double"}:
        return False
    is_named = column.longest is not None or isinstance(column.least, int)
    return is_named and column.distinct >= _NEARLY_ALL * rows


def _known_values(column: ColumnProfile, rows: int) -> Proposal | None:
    values = column.values
    if values is None or rows < _ROWS_A_VALUE * len(values):
        return None
    if any(isinstance(each, str) and len(each) > _LONGEST_VALUE for each in values):
        return None
    if len(values) > _MOST_NUMBERS and not isinstance(values[0], str):
        return None
    listed = ", ".join(map(_literal, values))
    sure = Confidence.HIGH if rows >= _MANY * len(values) else Confidence.MEDIUM
    why = f"{len(values)} values in {rows:,} rows; no slack"
    return _condition(
        f"{column.name} is known", f"{_quoted(column.name)} IN ({listed})", sure, why, column
    )


def _lengths(column: ColumnProfile, rows: int) -> Iterator[Proposal]:
    shortest, longest = column.shortest or 0, column.longest or 0
    length, name = f"length({_quoted(column.name)})", f"{column.name} has its length"
    if shortest == longest:
        why = f"all are {longest} long; no slack"
        yield _condition(name, f"{length} = {longest}", _by_rows(rows), why, column)
    elif longest <= _LONGEST_TEXT:
        least, most = min(1, shortest), math.ceil(longest * 1.5)
        why = f"{shortest} to {longest} long; half as long again is the slack"
        yield _condition(name, f"{length} BETWEEN {least} AND {most}", Confidence.LOW, why, column)


def _not_before(column: ColumnProfile, least: date | str) -> Proposal:
    year = str(least)[:4]
    word = "DATE" if isinstance(least, date) else "TIMESTAMP"
    time = "" if isinstance(least, date) else " 00:00:00"
    why = f"the first is {least}; the beginning of its year is the slack"
    condition = f"{_quoted(column.name)} >= {word} '{year}-01-01{time}'"
    return _condition(f"{column.name} is not before", condition, Confidence.MEDIUM, why, column)


def _range(column: ColumnProfile, rows: int) -> Iterator[Proposal]:
    least, most = _number(column.least), _number(column.most)
    if least is None or most is None or least == most:
        return
    slack = (most - least) * _SLACK
    # To the first digit of the slack, outwards.
    step = Decimal(1).scaleb(slack.adjusted())
    if isinstance(column.least, int):
        step = max(step, Decimal(1))
    low = ((least - slack) / step).to_integral_value(ROUND_FLOOR) * step
    high = ((most + slack) / step).to_integral_value(ROUND_CEILING) * step
    if least >= 0:
        low = max(low, Decimal(0))
    sure = Confidence.MEDIUM if rows >= _MANY else Confidence.LOW
    why = f"{column.least} to {column.most}; a tenth of the span is the slack on either side"
    condition = f"{_quoted(column.name)} BETWEEN {_plain(low)} AND {_plain(high)}"
    yield _condition(f"{column.name} is in range", condition, sure, why, column)


def _condition(
    name: str, condition: str, sure: Confidence, why: str, column: ColumnProfile
) -> Proposal:
    """Return a rule about the values that are there; whether one is there is another's business."""
    more = {"null": "pass"} if column.nulls else {}
    return Proposal(name, {"expect": condition}, sure, why, more)


def _by_rows(rows: int) -> Confidence:
    if rows >= _MANY:
        return Confidence.HIGH
    return Confidence.MEDIUM if rows >= _SOME else Confidence.LOW


def _number(value: Bound | None) -> Decimal | None:
    if not isinstance(value, int | float | Decimal):
        return None
    number = Decimal(str(value))
    # Others cannot be written out as SQL's decimals are.
    fits = number.is_finite() and (not number or _SMALLEST <= number.adjusted() <= _GREATEST)
    return number if fits else None


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _literal(value: Bound) -> str:
    if not isinstance(value, str):
        return str(value)
    text = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"


def _quoted(column: str) -> str:
    if _PLAIN.fullmatch(column) and column.lower() not in _WORDS:
        return column
    return f"`{column.replace('`', '``')}`"


def _yaml(value: object) -> str:
    """Return a value as YAML in one line; what cannot be seen is spelled out."""
    is_odd = isinstance(value, str) and not value.isprintable()
    text = yaml.safe_dump(
        value,
        default_style='"' if is_odd else None,
        default_flow_style=True,
        allow_unicode=not is_odd,
        width=math.inf,
    )
    return text.removesuffix("...\n").strip()
