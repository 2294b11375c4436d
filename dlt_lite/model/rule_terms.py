"""What people say of a rule, in Python or in a file, turned into records; plain values in.

The words are the same everywhere: `mostly`, `max_failures`, `null`, `where`, `severity`, `owner`,
`tags`, `description`, `enabled`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

from dlt_lite.model.checks import (
    BY_ROW,
    Aggregate,
    Check,
    DropRatio,
    ForeignKey,
    Fresh,
    HasSchema,
    RowCountChange,
    RuleKind,
    Unique,
)
from dlt_lite.model.rules import NullPolicy, RuleAction, Severity, Terms, Threshold

TERMS = (
    "mostly",
    "max_failures",
    "null",
    "where",
    "severity",
    "owner",
    "tags",
    "description",
    "enabled",
)
_OF_SOME_ROWS = BY_ROW | {RuleKind.AGGREGATE, RuleKind.FRESH}
_GREAT = RuleKind.GREAT_EXPECTATIONS
_NULLABLE = {RuleKind.ROW, RuleKind.AGGREGATE}
_SPAN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(second|minute|hour|day|week)s?\s*", re.IGNORECASE)
_COLUMN = re.compile(r"\s*(`(?:[^`]|``)+`|[^\s:]+)\s*:?(.*)", re.DOTALL)
_Word = TypeVar("_Word", bound=StrEnum)


class TermProblem(ValueError):
    """Something that cannot be said of a rule.

    Args:
        what: which word, and what is wrong with it.
        fix: how to put it right.
    """

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix


_OF_KEYS = "give 'dataset.column', one for each column, all of one dataset"


def terms_of(given: Mapping[str, object]) -> Terms:
    """Return what is said of a rule; None is nothing.

    Args:
        given: values by their words, which are those of `TERMS`.

    Raises:
        TermProblem: a value is not what its word needs.
    """
    said = {word: value for word, value in given.items() if value is not None}
    mostly, most = said.get("mostly"), said.get("max_failures")
    threshold = Threshold(
        None if mostly is None else share_of(mostly, "mostly"),
        None if most is None else _count(most, "max_failures"),
    )
    return Terms(
        null=None if "null" not in said else _one_of(NullPolicy, said["null"], "null"),
        where=said.get("where"),
        threshold=None if threshold == Threshold() else threshold,
        severity=(
            None if "severity" not in said else _one_of(Severity, said["severity"], "severity")
        ),
        owner=_text(said.get("owner"), "owner"),
        tags=_texts(said.get("tags", ()), "tags"),
        description=_text(said.get("description"), "description"),
        targets=_targets(said.get("enabled", True)),
    )


def action_of(given: object, check: Check | None) -> RuleAction:
    """Return the action that a word names.

    Raises:
        TermProblem: there is no such action, or no rule of this kind can have it.
    """
    action = _one_of(RuleAction, given, "on_violation")
    if check is not None and action not in {RuleAction.WARN, RuleAction.FAIL}:
        raise TermProblem(
            f"a rule about more than one row cannot {action} rows", "say warn or fail"
        )
    if action is RuleAction.FAIL and check is not None and check.kind is _GREAT:
        raise TermProblem(
            "Great Expectations decides it after the rows are written, so it cannot fail",
            "say warn, or write it as SQL",
        )
    return action


def check_terms(terms: Terms, check: Check | None) -> None:
    """Check that what is said of a rule makes sense for its kind.

    Raises:
        TermProblem: it does not.
    """
    kind = RuleKind.ROW if check is None else check.kind
    for word, given, kinds in (
        ("mostly and max_failures count rows", terms.threshold, BY_ROW),
        ("where chooses rows", terms.where, _OF_SOME_ROWS),
        ("null is about a condition", terms.null, _NULLABLE),
    ):
        if given is not None and kind not in kinds:
            raise TermProblem(f"{word}, which a rule of kind {kind} does not", "take it out")


def unique_of(columns: object) -> Unique:
    """Return the check of columns that are unique together.

    Raises:
        TermProblem: it is no column, or list of columns.
    """
    return Unique(_columns(columns, "columns"))


def foreign_key_of(columns: object, to: object) -> ForeignKey:
    """Return the check of columns whose values stand in another dataset.

    Args:
        columns: the column or columns.
        to: `dataset.column`, or one for each column.

    Raises:
        TermProblem: the two do not fit together.
    """
    own, other = _columns(columns, "columns"), _columns(to, "to", _OF_KEYS)
    named = [each.rpartition(".") for each in other]
    datasets = {dataset for dataset, _, _ in named}
    if len(own) != len(other) or len(datasets) != 1 or "" in datasets:
        raise TermProblem(f"to is {to!r}", _OF_KEYS)
    return ForeignKey(own, datasets.pop(), tuple(column for _, _, column in named))


def aggregate_of(condition: object) -> Aggregate:
    """Return the check of a condition over aggregates.

    Raises:
        TermProblem: it is no text.
    """
    if not isinstance(condition, str) or not condition.strip():
        raise TermProblem(
            f"{condition!r} is no condition", "give SQL text, such as 'count(*) between 1 and 9'"
        )
    return Aggregate(condition)


def row_count_change_of(max_decrease: object, max_increase: object) -> RowCountChange:
    """Return the check of the number of rows against the update before.

    Raises:
        TermProblem: neither bound is there, or one is no share.
    """
    if max_decrease is None and max_increase is None:
        raise TermProblem("no bound is given", "give max_decrease=, max_increase= or both")
    return RowCountChange(
        None if max_decrease is None else share_of(max_decrease, "max_decrease"),
        None if max_increase is None else _number(max_increase, "max_increase"),
    )


def fresh_of(column: object, within: object) -> Fresh:
    """Return the check of the newest value of a column.

    Raises:
        TermProblem: there is no such column or span.
    """
    (name,) = _columns(column, "column")[:1]
    if isinstance(within, timedelta):
        return Fresh(name, within)
    found = _SPAN.fullmatch(within) if isinstance(within, str) else None
    if found is None:
        raise TermProblem(f"within is {within!r}", "write a span such as '2 hours' or '1 day'")
    return Fresh(name, timedelta(**{f"{found[2].lower()}s": float(found[1])}))


def schema_of(columns: object, *, others: object = True, ordered: object = False) -> HasSchema:
    """Return the check of the columns that a dataset has.

    Args:
        columns: DDL text, names, or types by name.
        others: whether there may be other columns.
        ordered: whether they stand in this order.

    Raises:
        TermProblem: it says no columns.
    """
    fields = getattr(columns, "fields", None)
    if isinstance(columns, str):
        listed = [_column_of(each) for each in _split(columns)]
    elif fields is not None:
        listed = [(each.name, each.dataType.simpleString()) for each in fields]
    elif isinstance(columns, Mapping):
        listed = [(str(name), _text(type_, "columns")) for name, type_ in columns.items()]
    else:
        listed = [(name, None) for name in _columns(columns, "columns")]
    if not listed or not all(name for name, _ in listed):
        raise TermProblem(f"{columns!r} says no columns", "write DDL such as 'id BIGINT, day DATE'")
    return HasSchema(tuple(listed), _flag(others, "others"), _flag(ordered, "ordered"))


def drop_ratio_of(ratio: object) -> DropRatio:
    """Return the check of the share of rows that are kept out.

    Raises:
        TermProblem: it is no share.
    """
    return DropRatio(share_of(ratio, "ratio"))


def share_of(value: object, word: str) -> float:
    """Return a share from 0 to 1.

    Raises:
        TermProblem: it is none.
    """
    number = _number(value, word)
    if number > 1:
        raise TermProblem(f"{word} is {value!r}", "give a share from 0 to 1, such as 0.99")
    return number


def _number(value: object, word: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise TermProblem(f"{word} is {value!r}", "give a number, such as 0.2")
    return float(value)


def _count(value: object, word: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TermProblem(f"{word} is {value!r}", "give a whole number of rows, such as 100")
    return value


def _flag(value: object, word: str) -> bool:
    if not isinstance(value, bool):
        raise TermProblem(f"{word} is {value!r}", "say true or false")
    return value


def _text(value: object, word: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TermProblem(f"{word} is {value!r}", "give text")
    return value


def _texts(value: object, word: str, fix: str = "give a list of words") -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, Iterable) or isinstance(value, Mapping):
        raise TermProblem(f"{word} is {value!r}", fix)
    found = tuple(value)
    if not all(isinstance(each, str) for each in found):
        raise TermProblem(f"{word} is {value!r}", fix)
    return found


def _columns(
    value: object, word: str, fix: str = "name a column, or a list of columns"
) -> tuple[str, ...]:
    found = _texts(value, word, fix)
    if not found or not all(each.strip() for each in found):
        raise TermProblem(f"{word} is {value!r}", fix)
    if len({each.lower() for each in found}) < len(found):
        raise TermProblem(f"{word} is {value!r}", "name each column once")
    return found


def _targets(value: object) -> tuple[str, ...] | None:
    """Return the targets in which a rule is switched on, None for all."""
    if isinstance(value, bool):
        return None if value else ()
    return _texts(value, "enabled")


def _one_of(words: type[_Word], value: object, word: str) -> _Word:
    known = {str(each): each for each in words}
    if not isinstance(value, str) or value not in known:
        raise TermProblem(f"{word} is {value!r}", f"say one of {', '.join(known)}")
    return known[value]


def _split(ddl: str) -> Sequence[str]:
    """Return the columns of DDL text, split at the commas that stand in no brackets."""
    depth, quoted, parts = 0, False, [""]
    for each in ddl:
        quoted ^= each == "`"
        depth += 0 if quoted else (each in "<(") - (each in ">)")
        if each == "," and depth == 0 and not quoted:
            parts.append("")
        else:
            parts[-1] += each
    return parts


def _column_of(text: str) -> tuple[str, str | None]:
    found = _COLUMN.fullmatch(text)
    if found is None:
        return "", None
    name = found[1]
    if name.startswith("`"):
        name = name[1:-1].replace("``", "`")
    return name, found[2].strip() or None
