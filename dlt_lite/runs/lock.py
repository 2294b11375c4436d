"""One active update a pipeline and target: a lock on the driver's disk that outlives nobody.

The lock file names its holder. It is judged and replaced only while the kernel's lock on a guard
file beside it is held, so that of several who find a dead holder exactly one takes over. A holder
is dead when its Python and its JVM are: a JVM may still be committing after its Python died. It
guards one machine; between machines the transaction ids in the tables do.
"""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from dlt_lite.errors import Busy
from dlt_lite.runs.disk import (
    file_name,
    make_folder,
    moment_text,
    not_writable,
    read_json,
    write_json,
)
from dlt_lite.runs.processes import (
    Process,
    is_alive,
    process_from,
    process_of,
    process_row,
    this_process,
)

_PAUSE = 0.1
_GUARD_PATIENCE = 10.0
_TORN_UNTIL = 60.0


@dataclass(frozen=True, slots=True)
class Held:
    """How people speak of what a lock is held for.

    Attributes:
        noun: what holds it.
        rule: why nobody else may; empty where who asks says so.
        end: how it is ended, with `{pid}` and `{id}` in it.
    """

    noun: str
    rule: str
    end: str


UPDATE = Held("update", "one update of a pipeline and target at a time", "stop it: kill {pid}")
JOB_RUN = Held("run", "", "cancel it: `runs cancel {id}`")
LOOP = Held("loop", "one loop of `serve` a state root and target", "stop it: kill {pid}")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock.

    Attributes:
        update_id: the update.
        host: the machine.
        python: the Python process.
        jvm: the JVM that works for it, once known.
        since: since when, ISO 8601 in UTC.
    """

    update_id: str
    host: str
    python: Process
    jvm: Process | None
    since: str


class PipelineLock:
    """A lock that is held; leave the `with` block, or call `release`, to give it back."""

    def __init__(self, path: Path, holder: Holder) -> None:
        self.path = path
        self.holder = holder

    def __enter__(self) -> PipelineLock:
        """Return the lock."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the lock back, whatever happened."""
        self.release()

    def jvm_started(self, pid: int) -> None:
        """Record the JVM that works for the update: the lock is held while it lives.

        Args:
            pid: the JVM's process number.

        Raises:
            Busy: somebody removed the lock file, and another update has it now.
            StorageNotWritable: the disk refused it.
        """
        with _guarded(self.path):
            found = _read(self.path)
            if found is not None and not self._is_ours(found):
                raise _held(self.path, found, "is running", UPDATE)
            self.holder = replace(self.holder, jvm=process_of(pid))
            write_json(self.path, _row(self.holder))

    def release(self) -> None:
        """Give the lock back; nothing happens where another update has it by now."""
        if not self.path.exists():
            return
        with _guarded(self.path):
            found = _read(self.path)
            if found is not None and self._is_ours(found):
                self.path.unlink(missing_ok=True)

    def _is_ours(self, found: Holder) -> bool:
        mine = self.holder
        return found.update_id == mine.update_id and found.python == mine.python


def acquire(  # noqa: PLR0913 - one keyword for each thing that a lock is called by
    state_root: Path,
    *,
    target: str,
    pipeline: str,
    update_id: str,
    since: datetime,
    patience: float = 15.0,
    held: Held = UPDATE,
) -> PipelineLock:
    """Take the lock of a pipeline and target, also from a holder that is dead.

    Args:
        state_root: the folder on the driver's disk that holds runs and locks.
        target: the target's name.
        pipeline: the pipeline's name.
        update_id: the update that takes it.
        since: now.
        patience: how many seconds to wait for the JVM of a dead Python to end.
        held: how people speak of what it is held for.

    Returns:
        The lock, a context manager that gives it back.

    Raises:
        Busy: another update has it; says which, and what to do.
        StorageNotWritable: the state root cannot be written.
        StateTooNew: a newer dlt_lite wrote the lock.
    """
    path = lock_path(state_root, target=target, pipeline=pipeline)
    make_folder(path.parent)
    holder = Holder(update_id, socket.gethostname(), this_process(), None, moment_text(since))
    deadline = time.monotonic() + patience
    while True:
        with _guarded(path):
            obstacle = _obstacle(path, since, held)
            if obstacle is None:
                write_json(path, _row(holder))
                return PipelineLock(path, holder)
        if not obstacle.passes or time.monotonic() >= deadline:
            raise obstacle.error
        time.sleep(_PAUSE)


def lock_path(state_root: Path, *, target: str, pipeline: str) -> Path:
    """Return where the lock of a pipeline and target lies."""
    return state_root / "locks" / file_name(target) / f"{file_name(pipeline)}.lock"


@dataclass(frozen=True, slots=True)
class _Obstacle:
    """Why a lock cannot be taken, and whether waiting may help."""

    error: Busy
    passes: bool


def _obstacle(path: Path, now: datetime, held: Held) -> _Obstacle | None:
    """Return what stands in the way of taking a lock, None where nothing does."""
    found = _read(path)
    if found is None:
        return _torn(path, now)
    if found.host != socket.gethostname():
        fix = f"wait for it; if you are sure that it is gone, remove {path}"
        return _Obstacle(
            _held(path, found, "is running, as far as can be seen from here", held, fix),
            passes=False,
        )
    if is_alive(found.python):
        return _Obstacle(_held(path, found, "is running", held), passes=False)
    if found.jvm is not None and is_alive(found.jvm):
        state = f"has lost its Python, but its JVM (pid {found.jvm.pid}) still runs and may commit"
        fix = f"wait for the JVM to end, or end it: kill {found.jvm.pid}"
        return _Obstacle(_held(path, found, state, held, fix), passes=True)
    return None


def _torn(path: Path, now: datetime) -> _Obstacle | None:
    """Return the obstacle that a lock file without a readable holder is: none once it is old."""
    try:
        age = now.timestamp() - path.stat().st_mtime
    except FileNotFoundError:
        return None
    if age > _TORN_UNTIL:
        return None
    fix = f"try again in a minute; if you are sure that no update runs, remove {path}"
    return _Obstacle(
        Busy(f"the lock file {path} is young and cannot be read", fix=fix), passes=False
    )


def _held(path: Path, found: Holder, state: str, held: Held, fix: str | None = None) -> Busy:
    pid = found.python.pid
    who = f"{held.noun} {found.update_id} (host {found.host}, pid {pid}, since {found.since})"
    rule = f"; {held.rule}" if held.rule else ""
    end = held.end.format(pid=pid, id=found.update_id)
    return Busy(
        f"{who} {state}{rule}", fix=fix or f"wait for it to end, or {end} (lock file: {path})"
    )


@contextmanager
def _guarded(path: Path) -> Iterator[None]:
    """Keep everybody else from judging or replacing a lock file; the kernel frees the dead's."""
    guard = path.with_suffix(".guard")
    try:
        handle = os.open(guard, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise not_writable(guard, error) from error
    try:
        _lock(handle, guard)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, guard: Path) -> None:
    deadline = time.monotonic() + _GUARD_PATIENCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                fix = f"see who holds it: fuser {guard}"
                raise Busy(f"another process keeps {guard} locked", fix=fix) from error
            time.sleep(_PAUSE / 10)
        except OSError as error:
            raise not_writable(guard, error) from error
        else:
            return


def _read(path: Path) -> Holder | None:
    plain = read_json(path)
    try:
        return None if plain is None else _holder(plain)
    except (KeyError, TypeError, ValueError):
        return None


def _row(holder: Holder) -> dict[str, Any]:
    return {
        "update_id": holder.update_id,
        "host": holder.host,
        "python": process_row(holder.python),
        "jvm": process_row(holder.jvm),
        "since": holder.since,
    }


def _holder(plain: Mapping[str, Any]) -> Holder:
    python = process_from(plain["python"])
    if python is None:
        raise ValueError("no process")
    jvm = process_from(plain["jvm"])
    return Holder(str(plain["update_id"]), str(plain["host"]), python, jvm, str(plain["since"]))
