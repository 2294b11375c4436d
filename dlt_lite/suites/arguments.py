"""The arguments of an expectation: what each may be, what was given → checked Python values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from dlt_lite.project import nodes
from dlt_lite.project.suggestions import did_you_mean, shown
from dlt_lite.project.yaml_composer import plain_kind
from dlt_lite.suites.literals import column_sql, literal_sql
from dlt_lite.suites.said import (
    Said,
    SaidList,
    SaidMap,
    SaidValue,
    as_list,
    as_text,
    kind_of,
    plain,
    refuse,
    scalar_value,
)

Reader = Callable[[Said, str], object]
_PARAMETER = "$PARAMETER"


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of an expectation.

    Attributes:
        name: its name.
        read: turns what was said into a value, or refuses it.
        required: whether it must be there.
        default: its value where it is not.
    """

    name: str
    read: Reader
    required: bool = False
    default: object = None


def checked(said: SaidMap, arguments: Sequence[Argument], what: str) -> dict[str, object]:
    """Return the values of all arguments.

    Args:
        said: what was given.
        arguments: those that there are.
        what: what errors call the expectation.

    Raises:
        BadSuite: one is unknown, missing, or not what it must be.
    """
    known = {each.name: each for each in arguments}
    for entry in said.entries:
        if entry.key not in known:
            fix = did_you_mean(entry.key, known)
            refuse(entry.origin, f"{what} has no argument {shown(entry.key)}", fix)
    values: dict[str, object] = {}
    for each in arguments:
        given = said.get(each.name)
        if given is not None:
            values[each.name] = each.read(given, f"{what}: {each.name}")
        elif each.required:
            refuse(said.origin, f"{what} lacks {each.name}", f"give it a {each.name}")
        else:
            values[each.name] = each.default
    return values


def filled(said: Said, parameters: Mapping[str, object]) -> Said:
    """Return what was said with `{"$PARAMETER": name}` replaced by the parameter's value.

    Raises:
        BadSuite: there is no such parameter.
    """
    match said:
        case SaidMap() if said.keys == (_PARAMETER,):
            name = as_text(said.entries[0].value, _PARAMETER)
            if name not in parameters:
                fix = did_you_mean(name, parameters, otherwise="parameters of the pipeline")
                refuse(said.origin, f"there is no parameter {shown(name)}", fix)
            return SaidValue(parameters[name], said.origin)
        case SaidMap():
            entries = (
                type(each)(each.key, filled(each.value, parameters), each.origin)
                for each in said.entries
            )
            return SaidMap(tuple(entries), said.origin)
        case SaidList():
            return SaidList(tuple(filled(each, parameters) for each in said.items), said.origin)
        case SaidValue():
            return said


def parameter_value(given: str) -> object:
    """Return what a pipeline's parameter means where a suite refers to it: a number, or text."""
    kind = plain_kind(given)
    return given if kind is nodes.ScalarKind.NOTHING else scalar_value(given, kind)


def bound(said: Said, what: str) -> object:
    """Read the end of a range: a number, a date or a time; Great Expectations makes ints floats."""
    value = said.value if isinstance(said, SaidValue) else None
    if isinstance(value, datetime | date):
        return value
    if isinstance(value, bool | int | float | Decimal):
        return _finite(float(value), said, what)
    if isinstance(value, str) and (found := _time(value)) is not None:
        return found
    return refuse(said.origin, f"{what} is {kind_of(said)}", "give a number, a date or a time")


def number(said: Said, what: str) -> float:
    """Read a number."""
    value = said.value if isinstance(said, SaidValue) else None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        refuse(said.origin, f"{what} is {kind_of(said)}", "give a number")
    return _finite(float(value), said, what)


def whole(said: Said, what: str) -> int:
    """Read a whole number."""
    value = number(said, what)
    if not value.is_integer():
        refuse(said.origin, f"{what} is {kind_of(said)}", "give a whole number")
    return int(plain(said))


def share(said: Said, what: str) -> float:
    """Read a share from 0 to 1."""
    value = number(said, what)
    if not 0 <= value <= 1:
        refuse(said.origin, f"{what} is {kind_of(said)}", "give a share from 0 to 1, such as 0.99")
    return value


def flag(said: Said, what: str) -> bool:
    """Read true or false."""
    value = said.value if isinstance(said, SaidValue) else None
    if not isinstance(value, bool):
        refuse(said.origin, f"{what} is {kind_of(said)}", "say true or false")
    return value


def one_of(*words: str) -> Reader:
    """Return what reads one of some words."""

    def read(said: Said, what: str) -> str:
        word = as_text(said, what)
        if word not in words:
            refuse(said.origin, f"{what} is {shown(word)}", did_you_mean(word, words))
        return word

    return read


def text(said: Said, what: str) -> str:
    """Read any text, an empty one, too."""
    if not isinstance(said, SaidValue) or not isinstance(said.value, str):
        refuse(said.origin, f"{what} is {kind_of(said)}", "give text, in quotes")
    return said.value


def column(said: Said, what: str) -> str:
    """Read a column's name."""
    name = as_text(said, what)
    try:
        column_sql(name)
    except ValueError as problem:
        refuse(said.origin, f"{what}: {problem}", "name a column")
    return name


def columns(said: Said, what: str) -> tuple[str, ...]:
    """Read the names of two or more columns."""
    found = tuple(column(each, what) for each in as_list(said, what, "list the columns' names"))
    if len(found) < 2:  # noqa: PLR2004 - two are the fewest that can be compared
        refuse(said.origin, f"{what} has fewer than two columns", "name at least two")
    return found


def texts(said: Said, what: str) -> tuple[str, ...]:
    """Read a list of texts, of one at least."""
    found = tuple(text(each, what) for each in as_list(said, what, "give a list of texts"))
    if not found:
        refuse(said.origin, f"{what} is empty", "give one at least")
    return found


def names(said: Said, what: str) -> tuple[str, ...]:
    """Read a list of names, which may be empty."""
    return tuple(as_text(each, what) for each in as_list(said, what, "give a list of names"))


def values(said: Said, what: str) -> tuple[object, ...]:
    """Read a list of values."""
    return tuple(_value(each, what) for each in as_list(said, what, "give a list of values"))


def some_values(said: Said, what: str) -> tuple[object, ...]:
    """Read a list of values, of one at least."""
    found = values(said, what)
    if not found:
        refuse(said.origin, f"{what} is empty", "give one value at least")
    return found


def pairs(said: Said, what: str) -> tuple[tuple[object, object], ...]:
    """Read a list of pairs of values, of one pair at least."""
    found = []
    for each in as_list(said, what, "give a list of pairs"):
        pair = values(each, what)
        if len(pair) != 2:  # noqa: PLR2004 - a pair
            refuse(each.origin, f"{what} holds {len(pair)} values, not a pair", "give two")
        found.append((pair[0], pair[1]))
    if not found:
        refuse(said.origin, f"{what} is empty", "give one pair at least")
    return tuple(found)


def anything(said: Said, what: str) -> object:  # noqa: ARG001 - a reader
    """Read whatever it is; who decides the expectation judges it."""
    return plain(said)


def _value(said: Said, what: str) -> object:
    value = said.value if isinstance(said, SaidValue) else said
    try:
        literal_sql(value)
    except (TypeError, ValueError):
        refuse(said.origin, f"{what} holds {kind_of(said)}", "give numbers, texts, dates or null")
    return value


def _finite(value: float, said: Said, what: str) -> float:
    if not math.isfinite(value):
        refuse(said.origin, f"{what} is {value}", "give a finite number, or leave the end open")
    return value


def _time(given: str) -> object:
    """Return the number, date or time that a text is, None where it is none."""
    for read in (float, date.fromisoformat, datetime.fromisoformat):
        try:
            found: object = read(given.strip())
        except ValueError:
            continue
        return found if not isinstance(found, float) or math.isfinite(found) else None
    return None
