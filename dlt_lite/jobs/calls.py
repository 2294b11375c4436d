"""What the orchestrator asks of whoever carries out a task, and what it may answer.

`run_task(call, stop)` does one attempt of one task and answers with `Succeeded`, `Failed` or
`Stopped`; it may raise an error of ours in place of `Failed`. While it works it looks at `stop` (or
waits on it), and ends soon after `stop.reason` is set: it answers `Stopped` then. It is called in a
thread of its own; calls of several tasks run at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from dlt_lite.jobs.filling import Rendered
from dlt_lite.model.jobs import Job, Task
from dlt_lite.model.task_values import Json

_LONGEST_WAIT = 3600.0
_LOOK = 0.2


class StopReason(StrEnum):
    """Why an attempt has to end."""

    CANCELED = "CANCELED"
    TIMEDOUT = "TIMEDOUT"


@dataclass(frozen=True, slots=True)
class TaskCall:
    """One attempt of one task.

    Attributes:
        job: the job.
        task: the task; of a for_each task the one within it.
        run_id: the run of the job.
        task_run_id: the run of this task, unique among all runs; the same for all its attempts.
        attempt: the number of the attempt in this run, from 1.
        iteration: the number of the iteration of a for_each task, from 0; None outside of one.
        arguments: what it takes by place.
        parameters: what it takes by name, the job's parameters merged over its own.
        values: what the tasks before it have set, for `task_values.get`.
        empty_loops: the for_each tasks before it that had nothing to iterate over.
        too_long: of for_each tasks before it, the keys whose values cannot be read, and why.
        owner: the key of the task of the graph: of the for_each task around an iteration.
    """

    job: Job
    task: Task
    run_id: str
    task_run_id: str
    attempt: int
    iteration: int | None
    arguments: tuple[Rendered, ...]
    parameters: Mapping[str, Rendered]
    values: Mapping[str, Mapping[str, Json]]
    empty_loops: tuple[str, ...] = ()
    too_long: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The task is done.

    Attributes:
        values: what it has set for those after it.
        rows: what a SQL task returned, a list of objects; None for other kinds.
    """

    values: Mapping[str, object] = field(default_factory=dict)
    rows: Json = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt failed.

    Attributes:
        message: why, as a person reads it.
        code: a stable code, for `{{tasks.t.error_code}}`.
        values: what it had set before.
        can_be_retried: whether another attempt may help.
        fix: what to do about it, where reading the task's log is not what helps.
    """

    message: str
    code: str = "DLT551"
    values: Mapping[str, object] = field(default_factory=dict)
    can_be_retried: bool = True
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class Stopped:
    """The attempt ended because it was asked to."""

    values: Mapping[str, object] = field(default_factory=dict)


Answer = Succeeded | Failed | Stopped


@dataclass(frozen=True, slots=True)
class Timing:
    """Clocks and patience, handed in so that tests need neither.

    Attributes:
        now: the wall clock, for what people and references see.
        elapsed: seconds on a clock that never jumps, for timeouts and retries.
        wait: waits until an event is set, at most so many seconds.
    """

    now: Callable[[], datetime]
    elapsed: Callable[[], float] = time.monotonic
    wait: Callable[[threading.Event, float], object] = threading.Event.wait


class Control:
    """The handle by which a run, or one task of it, is cancelled from another thread."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._waiting: dict[threading.Event, str] = {}
        self._tasks: set[str] = set()
        self._heard: Callable[[], None] = lambda: None
        self.run_canceled = threading.Event()

    def cancel(self) -> None:
        """Cancel the run: what is running is stopped, nothing more is begun."""
        self.run_canceled.set()
        self._heard()
        with self._turn:
            for event in self._waiting:
                event.set()

    def once_canceled(self, act: Callable[[], None]) -> None:
        """Do something when the run is cancelled, or now where it is."""
        self._heard = act
        if self.run_canceled.is_set():
            act()

    def cancel_task(self, key: str) -> None:
        """Cancel one task, with all its iterations; the run goes on."""
        with self._turn:
            self._tasks.add(key)
            for event, waiting in self._waiting.items():
                if waiting == key:
                    event.set()

    def is_canceled(self, key: str) -> bool:
        """Tell whether a task is cancelled, by itself or with the run."""
        return self.run_canceled.is_set() or key in self._tasks

    @contextmanager
    def heard_by(self, key: str) -> Iterator[threading.Event]:
        """Give an event that is set when the task is cancelled."""
        event = threading.Event()
        with self._turn:
            self._waiting[event] = key
        try:
            if self.is_canceled(key):
                event.set()
            yield event
        finally:
            with self._turn:
                del self._waiting[event]


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment at which something has to end.

    Attributes:
        at: the moment, on the clock that never jumps.
        seconds: the timeout that leads to it.
        whose: whose timeout that is, such as `job 'daily'`.
    """

    at: float
    seconds: int
    whose: str


def deadline(timing: Timing, seconds: int | None, whose: str) -> Deadline | None:
    """Return the deadline of what begins now, None where it may take for ever."""
    return Deadline(timing.elapsed() + seconds, seconds, whose) if seconds else None


def earlier(one: Deadline | None, other: Deadline | None) -> Deadline | None:
    """Return the deadline that comes first."""
    known = [each for each in (one, other) if each is not None]
    return min(known, key=lambda each: each.at, default=None)


class Stop:
    """Asks one attempt to end: because of somebody, or of the time."""

    def __init__(self, event: threading.Event, timing: Timing, *, until: Deadline | None) -> None:
        self._event = event
        self._timing = timing
        self.until = until

    @property
    def reason(self) -> StopReason | None:
        """Why the attempt has to end now, None while it need not."""
        if self._event.is_set():
            return StopReason.CANCELED
        left = self.seconds_left
        return StopReason.TIMEDOUT if left is not None and left <= 0 else None

    @property
    def seconds_left(self) -> float | None:
        """How long the attempt may still take, None for ever."""
        return None if self.until is None else self.until.at - self._timing.elapsed()

    def wait(self, seconds: float) -> StopReason | None:
        """Wait so many seconds, or until the attempt has to end; return why it has to."""
        end = self._timing.elapsed() + seconds
        while self.reason is None and (left := end - self._timing.elapsed()) > 0:
            until_timeout = self.seconds_left
            bound = left if until_timeout is None else min(left, until_timeout)
            self._timing.wait(self._event, min(bound, _LONGEST_WAIT))
        return self.reason


@contextmanager
def once_stopped(stop: Stop, act: Callable[[], object]) -> Iterator[None]:
    """Do something, once, as soon as an attempt has to end; look until leaving."""
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            if stop.wait(_LOOK) is not None:
                act()
                return

    threading.Thread(target=watch, name="dlt_lite-stop", daemon=True).start()
    try:
        yield
    finally:
        over.set()


RunTask = Callable[[TaskCall, Stop], Answer]
