"""Is that process still there? A pid alone cannot say, since pids are used again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import psutil

_TOLERANCE = 2.0


@dataclass(frozen=True, slots=True)
class Process:
    """One process of this machine, told from a later one of the same pid by when it started.

    Attributes:
        pid: its number.
        started: when it started, in seconds since 1970.
        since_boot: when it started, in seconds since the machine did.
    """

    pid: int
    started: float
    since_boot: float


def process_of(pid: int) -> Process | None:
    """Return the process that has a pid now, None where none has."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        started = process.create_time()
    except psutil.Error:
        return None
    return Process(pid, started, started - psutil.boot_time())


def this_process() -> Process:
    """Return the process that asks."""
    pid = os.getpid()
    return process_of(pid) or Process(pid, 0.0, 0.0)


def is_alive(process: Process) -> bool:
    """Tell whether a process still runs; one that died and waits to be reaped does not."""
    try:
        now = psutil.Process(process.pid)
        if now.status() == psutil.STATUS_ZOMBIE:
            return False
        started = now.create_time()
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        # Somebody else's process, which we may not look at, has the pid: better wrongly busy.
        return True
    # The clock may be set while a process runs, which moves its start time but not the other.
    return (
        abs(started - process.started) < _TOLERANCE
        or abs(started - psutil.boot_time() - process.since_boot) < _TOLERANCE
    )


def process_row(process: Process | None) -> dict[str, Any] | None:
    """Return a process as it stands in a JSON file."""
    return None if process is None else asdict(process)


def process_from(plain: Mapping[str, Any] | None) -> Process | None:
    """Return the process that stands in a JSON file."""
    if plain is None:
        return None
    return Process(int(plain["pid"]), float(plain["started"]), float(plain["since_boot"]))
