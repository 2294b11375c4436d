"""Run one command as a fresh process and say what it cost: wall, CPU and memory, its JVM included.

Spark's JVM outlives the Python process that started it, and a process' own accounts leave out
what it did not wait for. So this process makes itself the reaper of orphans (Linux), starts the
command in a session of its own, waits for all that the session started, and adds up what the
kernel says of each. Processes that left the session (work detached into the background) are
waited for too, so that they don't disturb the next measurement, and are counted apart.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_SET_CHILD_SUBREAPER = 36  # prctl(2)
_SESSION_FIELD = 3  # in /proc/<pid>/stat, counted after the command's closing parenthesis
_SAMPLE_SECONDS = 0.25
_TAIL = 3_000


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a command cost.

    Attributes:
        wall: seconds until the command's own process ended.
        cpu: CPU seconds of the command and everything in its session, to the last one's end.
        peak_rss: bytes, the sum of the processes' own peaks.
        background_cpu: CPU seconds of what it detached from its session.
        others_cpu: CPU seconds the rest of the machine used meanwhile: how quiet it was.
        started: when it started, seconds since the epoch.
        ended: when its own process ended.
        inside: seconds of a part of it, where a benchmark takes its figure from inside.
    """

    wall: float
    cpu: float
    peak_rss: int
    background_cpu: float
    others_cpu: float
    started: float
    ended: float
    inside: float | None = None


class CommandFailed(Exception):
    """A measured command ended with another exit code than 0."""


def become_reaper() -> None:
    """Let orphans of this process' descendants become its children, so that it can wait for them.

    Raises:
        OSError: the system has no such thing; the benchmarks measure on Linux only.
    """
    try:
        failed = ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0
    except AttributeError:
        failed = True
    if failed:
        message = "the benchmarks count the JVM's CPU by prctl(2), which this system does not have"
        raise OSError(message)


def measured(
    command: Sequence[str],
    log: Path,
    *,
    env: Mapping[str, str],
    cwd: Path,
    output: Path | None = None,
) -> Measurement:
    """Run a command to its end and return its cost.

    Args:
        command: the command line.
        log: takes its stderr, and its stdout where `output` is None.
        env: its whole environment.
        cwd: where it runs.
        output: takes its stdout.

    Raises:
        CommandFailed: it ended with another exit code than 0; the text has the log's end.
    """
    busy = _machine_busy()
    with log.open("ab") as talk, (output or log).open("ab") as data:
        started = time.time()
        process = subprocess.Popen(
            command,
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=data,
            stderr=talk,
            start_new_session=True,
        )
        memory = _MemoryWatch(process.pid)
        memory.start()
        try:
            reaped = _reap_all(process.pid)
        except KeyboardInterrupt:
            os.killpg(process.pid, signal.SIGTERM)
            raise
        finally:
            memory.stop()
    process.returncode = reaped.code
    others = _machine_busy() - busy - reaped.cpu - reaped.background_cpu
    if reaped.code != 0:
        tail = log.read_text(encoding="utf-8", errors="replace")[-_TAIL:]
        message = f"exit {reaped.code}: {' '.join(command)}\n{tail}"
        raise CommandFailed(message)
    return Measurement(
        wall=reaped.ended - started,
        cpu=reaped.cpu,
        peak_rss=max(memory.peak(), reaped.largest),
        background_cpu=reaped.background_cpu,
        others_cpu=max(0.0, others),
        started=started,
        ended=reaped.ended,
    )


@dataclass(frozen=True, slots=True)
class _Reaped:
    code: int
    ended: float
    cpu: float
    background_cpu: float
    largest: int


def _reap_all(leader: int) -> _Reaped:
    code, ended, cpu, background, largest = 0, 0.0, 0.0, 0.0, 0
    while True:
        try:
            waiting = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        except ChildProcessError:
            return _Reaped(code, ended, cpu, background, largest)
        if waiting is None:
            continue
        pid = waiting.si_pid
        in_session = _session(pid) == leader
        _, status, usage = os.wait4(pid, 0)
        if pid == leader:
            code, ended = os.waitstatus_to_exitcode(status), time.time()
        spent = usage.ru_utime + usage.ru_stime
        if in_session:
            cpu += spent
            largest = max(largest, usage.ru_maxrss * 1_024)
        else:
            background += spent


def _session(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[_SESSION_FIELD])


class _MemoryWatch:
    """Reads the peak of each process of a session now and then; the kernel keeps the peaks.

    A process must be seen twice to count: between fork and exec a child of the JVM (Hadoop calls
    `chmod`) shows the JVM's memory as its own.
    """

    def __init__(self, session: int) -> None:
        self._session = session
        self._peaks: dict[int, int] = {}
        self._seen: set[int] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def peak(self) -> int:
        return sum(self._peaks.values())

    def _watch(self) -> None:
        while not self._over.wait(_SAMPLE_SECONDS):
            for pid in psutil.pids():
                if _session(pid) != self._session:
                    continue
                if pid in self._seen:
                    self._peaks[pid] = max(self._peaks.get(pid, 0), _high_water(pid))
                self._seen.add(pid)


def _high_water(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    lines = (line.split() for line in status.splitlines() if line.startswith("VmHWM:"))
    return next((int(words[1]) * 1_024 for words in lines), 0)


def _machine_busy() -> float:
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    guest = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return float(sum(times) - idle - guest)
