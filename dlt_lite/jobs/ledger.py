"""What `serve` must not forget: marks of triggers, and runs that are due or begun; as a JSON file.

A run is written down with its id before it is begun, in the same file as the mark that made it due.
So a restart neither forgets a run nor begins it twice: the id says whether there has been one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dlt_lite.jobs.triggering import Mark
from dlt_lite.runs.disk import file_name, make_folder, read_json, write_json


@dataclass(frozen=True, slots=True)
class Order:
    """A run that is due.

    Attributes:
        run_id: its id.
        job: the job.
        cause: what starts it.
        decided: when it was found to be due.
        scheduled: the time it is meant for.
        facts: what its trigger tells.
        is_begun: whether a process was started for it, or is about to be.
        can_wait: whether it waits while as many runs are active as may be.
    """

    run_id: str
    job: str
    cause: str
    decided: datetime
    scheduled: datetime | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    is_begun: bool = False
    can_wait: bool = False


@dataclass(frozen=True, slots=True)
class Ledger:
    """All that is written down.

    Attributes:
        marks: what is known of each trigger, by job and trigger.
        orders: the runs that are due or begun, in the order of their becoming due.
    """

    marks: Mapping[str, Mark] = field(default_factory=dict)
    orders: tuple[Order, ...] = ()


def ledger_path(state_root: Path, target: str) -> Path:
    """Return where the ledger of a target lies."""
    return state_root / "serve" / f"{file_name(target)}.json"


def write_ledger(path: Path, ledger: Ledger) -> None:
    """Replace the ledger on the disk as a whole.

    Raises:
        StorageNotWritable: the disk refused it.
    """
    make_folder(path.parent)
    plain = {
        "marks": {key: _mark_row(mark) for key, mark in ledger.marks.items()},
        "orders": [_order_row(order) for order in ledger.orders],
    }
    write_json(path, plain)


def read_ledger(path: Path) -> Ledger | None:
    """Return the ledger on the disk, None where there is none or it cannot be read.

    Raises:
        StateTooNew: a newer dlt_lite wrote it.
    """
    plain = read_json(path)
    if plain is None:
        return None
    try:
        return Ledger(
            {str(key): _mark(row) for key, row in plain["marks"].items()},
            tuple(_order(row) for row in plain["orders"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _mark_row(mark: Mark) -> dict[str, Any]:
    return {
        "since": _stamp(mark.since),
        "until": _stamp(mark.until),
        "fired": _stamp(mark.fired),
        "changed": _stamp(mark.changed),
        "seen": None if mark.seen is None else dict(mark.seen),
        "pending": list(mark.pending),
        "failures": mark.failures,
    }


def _mark(row: Mapping[str, Any]) -> Mark:
    seen = row["seen"]
    return Mark(
        _known_moment(row["since"]),
        _known_moment(row["until"]),
        _moment(row["fired"]),
        _moment(row["changed"]),
        None if seen is None else {str(key): str(value) for key, value in seen.items()},
        tuple(str(each) for each in row["pending"]),
        int(row["failures"]),
    )


def _order_row(order: Order) -> dict[str, Any]:
    return {
        "run_id": order.run_id,
        "job": order.job,
        "cause": order.cause,
        "decided": _stamp(order.decided),
        "scheduled": _stamp(order.scheduled),
        "facts": dict(order.facts),
        "is_begun": order.is_begun,
        "can_wait": order.can_wait,
    }


def _order(row: Mapping[str, Any]) -> Order:
    return Order(
        str(row["run_id"]),
        str(row["job"]),
        str(row["cause"]),
        _known_moment(row["decided"]),
        _moment(row["scheduled"]),
        {str(key): str(value) for key, value in row["facts"].items()},
        bool(row["is_begun"]),
        bool(row["can_wait"]),
    )


def _stamp(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()


def _moment(stamp: str | None) -> datetime | None:
    return None if stamp is None else _known_moment(stamp)


def _known_moment(stamp: str) -> datetime:
    found = datetime.fromisoformat(stamp)
    if found.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return found
