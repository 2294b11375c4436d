"""A task's own process, with all that it starts: begun, listened to, stopped, and gone in the end.

The process leads a process group. Whatever is left of the group when the leader has ended, or has
been asked to end and does not, is killed; when it was asked, so is what had left the group.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from dlt_lite.errors import TaskFailed
from dlt_lite.jobs.calls import Answer, Failed, Stop, Stopped, Succeeded
from dlt_lite.tasks.logs import LogFile
from dlt_lite.tasks.orders import Order, line_of, order_line
from dlt_lite.tasks.redaction import Redactor

PATIENCE = 10.0
# An error of ours as people read it.
_OURS = re.compile(r"\[(DLT\d{3})\] ")
_AT, _FIX = "  at:  ", "  fix: "
_READ_AT_ONCE = 64 * 1024
_LONGEST_LINE = 1024 * 1024
# Who left the group may hold the pipe and print for ever.
_LAST_WORDS = 3.0
_SHORTEST_LOOK, _LONGEST_LOOK = 0.01, 0.2
_PACKAGE = str(Path(__file__).resolve().parents[2])
_START = (
    "import sys; sys.path.append({package!r}); from dlt_lite.tasks.child import main; "
    "sys.exit(main({descriptor}))"
)
_OF_THE_RUNNER = ("PYSPARK_GATEWAY_PORT", "PYSPARK_GATEWAY_SECRET")

Invite = Callable[[], Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Around:
    """What surrounds a process.

    Attributes:
        environ: its environment.
        folder: where it stands.
        redactor: takes secrets out of what it says.
        invite: gives what it needs to attach to the runner's JVM; may raise an error of ours.
        patience: how many seconds it has between being asked to end and being killed.
    """

    environ: Mapping[str, str]
    folder: Path
    redactor: Redactor
    invite: Invite
    patience: float = PATIENCE


@dataclass(frozen=True, slots=True)
class _Said:
    """What a process has told the runner."""

    values: dict[str, object] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


def run_process(order: Order, around: Around, stop: Stop, log: LogFile) -> Answer:
    """Carry out an order in a process of its own.

    Args:
        order: what it is to do.
        around: what surrounds it.
        stop: asks it to end.
        log: takes what it prints.
    """
    mine, its = socket.socketpair()
    reading, writing = os.pipe()
    try:
        process = _begun(its, writing, around)
    except OSError as error:
        _close(mine, reading)
        return Failed(f"its process could not be started: {error}")
    finally:
        its.close()
        os.close(writing)
    talk = _Talk(mine, reading, around, log)
    talk.begin(order)
    try:
        was_stopped = _waited(process, stop, around.patience)
    finally:
        end_group(process)
        code = process.wait()
        talk.end()
    return _answer(code, talk.said, stop, was_stopped=was_stopped)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of a process's group."""
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)


def _begun(its: socket.socket, writing: int, around: Around) -> subprocess.Popen[bytes]:
    start = _START.format(package=_PACKAGE, descriptor=its.fileno())
    environ = {key: text for key, text in around.environ.items() if key not in _OF_THE_RUNNER}
    environ.setdefault("PYSPARK_PYTHON", sys.executable)
    return subprocess.Popen(  # noqa: S603 - our own Python and our own code
        [sys.executable, "-u", "-c", start],
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=writing,
        pass_fds=(its.fileno(),),
        start_new_session=True,
        cwd=around.folder,
        env=environ,
    )


def _waited(process: subprocess.Popen[bytes], stop: Stop, patience: float) -> bool:
    """Wait for the process's end; ask it to end when the time has come. Tell whether it was."""
    look = _SHORTEST_LOOK
    while not _has_ended(process.pid):
        if stop.wait(look) is not None:
            _asked(process, patience)
            return True
        look = min(look * 1.2, _LONGEST_LOOK)
    return False


def _asked(process: subprocess.Popen[bytes], patience: float) -> None:
    """Ask a process to end; kill what it has started, also what has left its group."""
    started = _descendants(process.pid)
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGTERM)
    until = time.monotonic() + patience
    while not _has_ended(process.pid) and time.monotonic() < until:
        time.sleep(_SHORTEST_LOOK)
    for each in started:
        with contextlib.suppress(psutil.Error):
            each.kill()


def _has_ended(pid: int) -> bool:
    """Tell whether a process has ended, leaving its number taken: its group still has the name."""
    try:
        found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return found is not None


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


def _answer(code: int, said: _Said, stop: Stop, *, was_stopped: bool) -> Answer:
    if was_stopped and stop.reason is not None:
        return Stopped(said.values)
    if code == 0:
        return Succeeded(said.values)
    if said.failures:
        why = said.failures[-1]
        ours = _OURS.match(why)
        return Failed(why, TaskFailed.code if ours is None else ours[1], values=said.values)
    return Failed(_why(code), values=said.values)


def placed(why: str, at: str) -> str:
    """Return a failure with the line of the project that it came from.

    Args:
        why: a sentence, or an error of ours as people read it.
        at: `file:line`.
    """
    if _OURS.match(why) is None:
        return f"{why} ({at})"
    lines = why.split("\n")
    if any(line.startswith(_AT) for line in lines):
        return why
    fix = next((n for n, line in enumerate(lines) if line.startswith(_FIX)), len(lines))
    return "\n".join((*lines[:fix], f"{_AT}{at}", *lines[fix:]))


def _why(code: int) -> str:
    if code > 0:
        return f"its process ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = "; the machine may have run out of memory" if name == "SIGKILL" else ""
    return f"its process was killed by {name}{hint}"


def _close(channel: socket.socket, reading: int) -> None:
    channel.close()
    os.close(reading)


class _Talk:
    """Listens to a process, in a thread: what it prints goes to the log, what it tells is kept."""

    def __init__(self, channel: socket.socket, reading: int, around: Around, log: LogFile) -> None:
        self.said = _Said()
        self._channel = channel
        self._reading = reading
        self._around = around
        self._log = log
        self._heard = bytearray()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="dlt_lite-task", daemon=True)

    def begin(self, order: Order) -> None:
        """Send the order, and listen."""
        self._thread.start()
        with contextlib.suppress(OSError):
            self._channel.sendall(order_line(order))

    def end(self) -> None:
        """Take what is still there, and stop listening: whoever holds the pipe open is no task."""
        self._over.set()
        self._thread.join()
        _close(self._channel, self._reading)

    def _listen(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._reading, selectors.EVENT_READ, self._printed)
            selector.register(self._channel, selectors.EVENT_READ, self._told)
            while selector.get_map() and not self._over.is_set():
                self._heed(selector, _LONGEST_LOOK)
            # What came before the end is still there; somebody else may go on for ever.
            until = time.monotonic() + _LAST_WORDS
            while selector.get_map() and self._heed(selector, 0) and time.monotonic() < until:
                pass

    def _heed(self, selector: selectors.BaseSelector, patience: float) -> bool:
        """Take what is there; tell whether there was anything."""
        ready = selector.select(patience)
        for key, _ in ready:
            if not key.data():
                selector.unregister(key.fileobj)
        return bool(ready)

    def _printed(self) -> bool:
        try:
            text = os.read(self._reading, _READ_AT_ONCE)
        except OSError:
            return False
        self._log.write(text)
        return bool(text)

    def _told(self) -> bool:
        try:
            text = self._channel.recv(_READ_AT_ONCE)
        except OSError:
            return False
        self._heard += text
        *whole, rest = bytes(self._heard).split(b"\n")
        # A line without an end is none of ours.
        self._heard = bytearray(rest[:_LONGEST_LINE])
        for line in whole:
            self._understand(self._around.redactor.of_bytes(line))
        return bool(text)

    def _understand(self, line: bytes) -> None:
        try:
            message: Any = json.loads(line)
        except ValueError:
            return
        match message:
            case {"key": str(key), "value": value}:
                self.said.values[key] = value
            case {"failed": str(why)}:
                at = message.get("at")
                self.said.failures.append(placed(why, str(at)) if at else why)
            case {"wants": "spark"}:
                threading.Thread(target=self._invite, name="dlt_lite-invite", daemon=True).start()
            case _:
                return

    def _invite(self) -> None:
        # The secret of the gateway is not one of the user's: it passes no redactor.
        answer = line_of(self._around.invite())
        with contextlib.suppress(OSError):
            self._channel.sendall(answer)
