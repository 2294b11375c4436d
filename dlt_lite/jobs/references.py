"""`{{…}}` in a text → what it refers to. Text in, records out; nothing is looked up, or evaluated.

A reference is letters, digits, dots and slashes between double braces. What begins with none of
the namespaces below stays as it is; what begins with one and goes on wrongly is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from dlt_lite.errors import BadReference
from dlt_lite.model.jobs import Text
from dlt_lite.model.origin import Origin

NAMESPACES = ("job", "task", "tasks", "input", "backfill", "secrets", "workspace")
MOMENT_PARTS = (
    "iso_date",
    "iso_datetime",
    "iso_weekday",
    "is_weekday",
    "year",
    "month",
    "day",
    "hour",
    "minute",
    "second",
    "timestamp_ms",
)
_JOB_FACTS = ("id", "name", "run_id", "repair_count", "trigger.type")
_TRIGGER_FACTS = ("trigger.file_arrival.location", "trigger.table_update.updated_tables")
_TASK_FACTS = ("name", "run_id", "execution_count")
_OTHER_FACTS = ("run_id", "result_state", "error_code", "execution_count")
_FORM = re.compile(r"\{\{\s*([A-Za-z_][\w./-]*)\s*\}\}")
_SECRET = re.compile(r"secrets/([\w.-]+)/([\w.-]+)")
_MOMENTS = ("start_time", "trigger.time")


@dataclass(frozen=True, slots=True)
class JobFact:
    """`{{job.run_id}}` and the like; `name` is what stands behind `job.`."""

    name: str


@dataclass(frozen=True, slots=True)
class Moment:
    """`{{job.start_time.iso_date}}`: a part of one of three moments."""

    moment: str
    part: str


@dataclass(frozen=True, slots=True)
class ParameterOf:
    """`{{job.parameters.day}}`."""

    name: str


@dataclass(frozen=True, slots=True)
class TaskFact:
    """`{{task.name}}` and the like: of the task itself."""

    name: str


@dataclass(frozen=True, slots=True)
class OtherTaskFact:
    """`{{tasks.join.result_state}}` and the like: of a task before."""

    task_key: str
    name: str


@dataclass(frozen=True, slots=True)
class ValueOf:
    """`{{tasks.join.values.rows}}`: what a task before has set."""

    task_key: str
    key: str


@dataclass(frozen=True, slots=True)
class RowsOf:
    """`{{tasks.query.output.rows}}`; with a column, `{{tasks.query.output.first_row.day}}`."""

    task_key: str
    column: str | None


@dataclass(frozen=True, slots=True)
class Input:
    """`{{input}}`, or `{{input.a.b}}` with the path into it."""

    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Secret:
    """`{{secrets/scope/key}}`: filled in where it is used, and shown nowhere."""

    scope: str
    key: str

    def __str__(self) -> str:
        """Return the reference, never the value."""
        return f"{{{{secrets/{self.scope}/{self.key}}}}}"


Reference = (
    JobFact | Moment | ParameterOf | TaskFact | OtherTaskFact | ValueOf | RowsOf | Input | Secret
)
Piece = str | Reference


def pieces_of(text: Text) -> tuple[Piece, ...]:
    """Split a text into what stands as it is and what it refers to.

    Raises:
        BadReference: a known namespace with an unknown key.
    """
    pieces: list[Piece] = []
    position = 0
    for match in _FORM.finditer(text.raw):
        reference = _reference(match[1], text.origin)
        if reference is None:
            continue
        pieces += [text.raw[position : match.start()], reference]
        position = match.end()
    pieces.append(text.raw[position:])
    return tuple(piece for piece in pieces if piece != "")


def references_in(text: Text) -> Iterator[Reference]:
    """Yield what a text refers to.

    Raises:
        BadReference: a known namespace with an unknown key.
    """
    if "{{" in text.raw:
        yield from (piece for piece in pieces_of(text) if not isinstance(piece, str))


def _reference(path: str, origin: Origin) -> Reference | None:
    """Return what a path means, None where it begins with no known namespace."""
    space = re.split(r"[./]", path, maxsplit=1)[0]
    if space not in NAMESPACES:
        return None
    found = _in_namespace(space, path)
    if found is None:
        raise _unknown(path, space, origin)
    return found


def _in_namespace(space: str, path: str) -> Reference | None:
    rest = path[len(space) + 1 :]
    match space:
        case "job":
            return _of_job(rest)
        case "task":
            return TaskFact(rest) if rest in _TASK_FACTS else None
        case "tasks":
            return _of_other_task(rest)
        case "input":
            return _of_input(path)
        case "backfill":
            return Moment("backfill", rest) if rest in MOMENT_PARTS else None
        case "secrets":
            secret = _SECRET.fullmatch(path)
            return None if secret is None else Secret(secret[1], secret[2])
        case _:
            return None


def _of_job(rest: str) -> Reference | None:
    if rest in _JOB_FACTS or rest in _TRIGGER_FACTS:
        return JobFact(rest)
    if rest.startswith("parameters.") and rest != "parameters.":
        return ParameterOf(rest.removeprefix("parameters."))
    moment, _, part = rest.rpartition(".")
    return Moment(moment, part) if moment in _MOMENTS and part in MOMENT_PARTS else None


def _of_other_task(rest: str) -> Reference | None:
    key, _, fact = rest.partition(".")
    head, _, tail = fact.partition(".")
    if not key:
        return None
    if fact in _OTHER_FACTS:
        return OtherTaskFact(key, fact)
    if head == "values" and tail:
        return ValueOf(key, tail)
    if fact == "output.rows":
        return RowsOf(key, None)
    column = fact.removeprefix("output.first_row.")
    return RowsOf(key, column) if column not in {fact, ""} else None


def _of_input(path: str) -> Reference | None:
    parts = path.split(".")[1:]
    return Input(tuple(parts)) if all(parts) and "/" not in path else None


def _unknown(path: str, space: str, origin: Origin) -> BadReference:
    what = f"{{{{{path[:80]}}}}} refers to nothing"
    if space == "workspace":
        fix = "there is no workspace here: hand the value over as a job parameter"
        return BadReference(what, origin=origin, fix=fix)
    known = _known(space, path)
    close = get_close_matches(path[:80], known, n=1, cutoff=0.6)
    fix = f"did you mean {{{{{close[0]}}}}}?" if close else f"there are {', '.join(known)}"
    return BadReference(what, origin=origin, fix=fix)


def _known(space: str, path: str) -> list[str]:
    """Return how references of a namespace are written."""
    match space:
        case "job":
            moments = [f"job.{moment}.{part}" for moment in _MOMENTS for part in MOMENT_PARTS]
            facts = [f"job.{fact}" for fact in (*_JOB_FACTS, *_TRIGGER_FACTS)]
            return [*facts, "job.parameters.NAME", *moments]
        case "task":
            return [f"task.{fact}" for fact in _TASK_FACTS]
        case "tasks":
            key = path.split(".")[1] if path.count(".") else "KEY"
            facts = [*_OTHER_FACTS, "values.NAME", "output.rows", "output.first_row.COLUMN"]
            return [f"tasks.{key or 'KEY'}.{fact}" for fact in facts]
        case "input":
            return ["input", "input.NAME"]
        case "secrets":
            return ["secrets/SCOPE/KEY"]
        case _:
            return [f"{space}.{part}" for part in MOMENT_PARTS]
