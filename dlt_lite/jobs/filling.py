"""Texts with references → texts with values. Each reference is replaced once.

What replaced it is never looked at again: a value that holds `{{…}}`, quotes or `$(…)` stays so.
Secrets stay references here: whoever starts the task resolves them, by a function of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import assert_never

from dlt_lite.dag.order import in_order
from dlt_lite.errors import BadTaskValue, ReferenceMissing
from dlt_lite.jobs.references import (
    Input,
    JobFact,
    Moment,
    OtherTaskFact,
    ParameterOf,
    Piece,
    Reference,
    RowsOf,
    Secret,
    TaskFact,
    ValueOf,
    pieces_of,
    references_in,
)
from dlt_lite.jobs.spelling import meant
from dlt_lite.model.jobs import JobParameter, Text
from dlt_lite.model.origin import Origin
from dlt_lite.model.task_values import Json, too_long_to_read, value_text

_FRIDAY = 5
_LISTED = 20


@dataclass(frozen=True, slots=True)
class Rendered:
    """A text with its values filled in and its secrets not."""

    pieces: tuple[str | Secret, ...]

    @property
    def shown(self) -> str:
        """The text as everybody may see it: a secret is its reference."""
        return "".join(str(piece) for piece in self.pieces)

    @property
    def has_secrets(self) -> bool:
        """Whether the text holds a secret."""
        return any(isinstance(piece, Secret) for piece in self.pieces)

    def revealed(self, secret_of: Callable[[str, str], str]) -> str:
        """Return the text with its secrets, for the one place that uses it.

        Args:
            secret_of: returns the secret of a scope and a key.
        """
        return "".join(
            secret_of(piece.scope, piece.key) if isinstance(piece, Secret) else piece
            for piece in self.pieces
        )


@dataclass(frozen=True, slots=True)
class OtherTask:
    """What may be referred to of a task that has ended.

    Attributes:
        facts: its run_id, result_state, error_code and execution_count.
        values: what it has set.
        rows: what its SQL returned, None where it was no SQL.
        is_empty_loop: whether it was a for_each task over nothing: whatever its iterations would
            have set is an empty list.
        too_long: of a for_each task, the keys whose list of values is too long to be read, and why.
    """

    facts: Mapping[str, str]
    values: Mapping[str, Json] = field(default_factory=dict)
    rows: Json = None
    is_empty_loop: bool = False
    too_long: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a text may refer to.

    Attributes:
        job: what stands behind `job.`, such as `run_id`.
        moments: the moments: `start_time`, `trigger.time`, and `backfill` where it is one.
        parameters: the job's parameters.
        task: what stands behind `task.`.
        others: the tasks that have ended.
        inputs: the item of a for_each task, as the only item of a tuple; empty outside of one.
    """

    job: Mapping[str, str]
    moments: Mapping[str, datetime]
    parameters: Mapping[str, Rendered] = field(default_factory=dict)
    task: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, OtherTask] = field(default_factory=dict)
    inputs: tuple[Json, ...] = ()


def literal(text: str) -> Rendered:
    """Return a text that means itself."""
    return Rendered((text,))


def filled(text: Text, facts: Facts) -> Rendered:
    """Return a text with its values filled in.

    Raises:
        ReferenceMissing: it refers to what is not there in this run.
        BadTaskValue: it refers to values of a loop that are too long in all.
        BadReference: it refers to what can never be there.
    """
    pieces: list[str | Secret] = []
    for piece in pieces_of(text):
        pieces.extend(_values(piece, facts, text.origin))
    return Rendered(tuple(pieces))


def filled_parameters(
    parameters: tuple[JobParameter, ...], given: Mapping[str, str], facts: Facts
) -> dict[str, Rendered]:
    """Return a job's parameters: what a run gives is literal, defaults may refer to each other.

    Args:
        parameters: the job's parameters.
        given: what the run gives.
        facts: what is known before any task has run.

    Raises:
        ReferenceMissing: a default refers to what is not there in this run.
    """
    defaults = {each.name: each.default for each in parameters}
    done = {name: literal(value) for name, value in given.items()}
    reads = {name: parameters_read(text) for name, text in defaults.items() if name not in done}
    for name in in_order(reads):
        if name in reads:
            known = Facts(facts.job, facts.moments, done)
            done[name] = filled(defaults[name], known)
    return {name: done[name] for name in (*defaults, *given)}


def parameters_read(text: Text) -> tuple[str, ...]:
    """Return the job parameters that a text refers to."""
    found = references_in(text)
    return tuple(each.name for each in found if isinstance(each, ParameterOf))


def moment_part(moment: datetime, part: str) -> str:
    """Return a part of a moment, seen in UTC, as `{{job.start_time.…}}` names it."""
    utc = moment.astimezone(UTC)
    return {
        "iso_date": f"{utc:%Y-%m-%d}",
        "iso_datetime": f"{utc:%Y-%m-%dT%H:%M:%SZ}",
        "iso_weekday": str(utc.isoweekday()),
        "is_weekday": str(utc.isoweekday() <= _FRIDAY).lower(),
        "year": str(utc.year),
        "month": str(utc.month),
        "day": str(utc.day),
        "hour": str(utc.hour),
        "minute": str(utc.minute),
        "second": str(utc.second),
        "timestamp_ms": str(int(utc.timestamp() * 1000)),
    }[part]


def _values(piece: Piece, facts: Facts, origin: Origin) -> tuple[str | Secret, ...]:
    if isinstance(piece, str | Secret):
        return (piece,)
    if isinstance(piece, ParameterOf):
        found = facts.parameters.get(piece.name)
        if found is None:
            fix = meant(piece.name, facts.parameters)
            raise _missing(f"there is no job parameter {piece.name!r}", origin, fix)
        return found.pieces
    return (_value(piece, facts, origin),)


def _value(reference: Reference, facts: Facts, origin: Origin) -> str:
    match reference:
        case JobFact():
            return facts.job.get(reference.name, "")
        case TaskFact():
            return facts.task.get(reference.name, "")
        case Moment():
            moment = facts.moments.get(reference.moment)
            if moment is None:
                fix = "run it by `backfill`, or give the moment: run JOB --backfill 2027-01-31"
                raise _missing("this run is no backfill", origin, fix)
            return moment_part(moment, reference.part)
        case Input():
            return value_text(_within(facts.inputs, reference, origin))
        case OtherTaskFact() | ValueOf() | RowsOf():
            return _of_other(reference, facts, origin)
        case ParameterOf() | Secret():
            raise AssertionError(reference)
        case _:
            assert_never(reference)


def _of_other(reference: OtherTaskFact | ValueOf | RowsOf, facts: Facts, origin: Origin) -> str:
    other = facts.others.get(reference.task_key)
    if other is None:
        fix = f"let it run, too: --only +{reference.task_key}, or no --only at all"
        raise _missing(f"task {reference.task_key!r} has not run in this run", origin, fix)
    match reference:
        case OtherTaskFact():
            return other.facts.get(reference.name, "")
        case ValueOf():
            if reference.key not in other.values and other.is_empty_loop:
                return value_text([])
            if reference.key in other.too_long:
                raise _unreadable(other.too_long[reference.key], origin)
            if reference.key not in other.values:
                what = f"task {reference.task_key!r} has set no value {reference.key!r}"
                raise _missing(what, origin, _of_values(reference.key, other))
            return value_text(other.values[reference.key])
        case RowsOf():
            return value_text(_rows(reference, other, origin))


def _rows(reference: RowsOf, other: OtherTask, origin: Origin) -> Json:
    rows = other.rows
    if not isinstance(rows, list):
        fix = "refer to a sql_task whose last statement is a query"
        raise _missing(f"task {reference.task_key!r} has returned no rows", origin, fix)
    if reference.column is None:
        return rows
    first = rows[0] if rows else None
    if not isinstance(first, dict) or reference.column not in first:
        if not isinstance(first, dict):
            what = f"task {reference.task_key!r} has returned no row, so there is no first one"
            fix = "let its query return one, such as SELECT count(*) AS n, or ask {{…output.rows}}"
            raise _missing(what, origin, fix)
        what = f"the first row of task {reference.task_key!r} has no column {reference.column!r}"
        raise _missing(what, origin, meant(reference.column, first))
    found: Json = first[reference.column]
    return found


def _within(inputs: tuple[Json, ...], reference: Input, origin: Origin) -> Json:
    if not inputs:
        fix = "write it into the task within a for_each_task"
        raise _missing("there is no input outside of a for_each task", origin, fix)
    found = inputs[0]
    for key in reference.path:
        if not isinstance(found, dict) or key not in found:
            what = f"the input {value_text(inputs[0])[:60]} has no {key!r}"
            raise _missing(what, origin, _of_input(key, found))
        found = found[key]
    return found


def _of_values(key: str, other: OtherTask) -> str:
    names = "" if not other.values else f"; it has set {', '.join(sorted(other.values)[:_LISTED])}"
    return f"let it set one, by task_values.set({key!r}, …){names}"


def _of_input(key: str, found: Json) -> str:
    if isinstance(found, dict):
        return meant(key, found)
    return 'give inputs that are objects, such as {"KEY": …}, or write {{input}}'


def _unreadable(why: str, origin: Origin) -> BadTaskValue:
    error = too_long_to_read(why)
    error.origin = origin
    return error


def _missing(what: str, origin: Origin, fix: str) -> ReferenceMissing:
    return ReferenceMissing(what, origin=origin, fix=fix)
