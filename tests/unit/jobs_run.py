"""Runs of jobs for tests: tasks that do as they are told, and a clock that moves by waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from dlt_lite.events.records import Event
from dlt_lite.events.sinks import Emitter
from dlt_lite.jobs.calls import (
    Answer,
    Control,
    Failed,
    Stop,
    Stopped,
    Succeeded,
    TaskCall,
    Timing,
)
from dlt_lite.jobs.history import JobRun, job_run_of
from dlt_lite.jobs.orchestrator import repair_job, run_job
from dlt_lite.jobs.requests import Crew, JobOutcome, RunRequest
from dlt_lite.model.jobs import Job

BEGAN = datetime(2027, 1, 1, 2, 0, tzinfo=UTC)
FOR_EVER = 1e9

Deed = Callable[[TaskCall, Stop], Answer]


class Clock:
    """A clock that stands still but for waits and for what tasks take."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self.seconds = 0.0
        self.wall_offset = 0.0
        self.timing = Timing(self.now, self.elapsed, self.wait)

    def now(self) -> datetime:
        return BEGAN + timedelta(seconds=self.seconds + self.wall_offset)

    def elapsed(self) -> float:
        return self.seconds

    def wait(self, event: threading.Event, seconds: float) -> bool:
        if not event.is_set():
            self.passes(seconds)
        return event.is_set()

    def passes(self, seconds: float) -> None:
        with self._turn:
            self.seconds += seconds


class Stage:
    """A run of a job: its tasks do what `deeds` say, and all others succeed."""

    def __init__(self, **deeds: Deed | list[Deed]) -> None:
        self.deeds = {
            key: list(deed) if isinstance(deed, list) else deed for key, deed in deeds.items()
        }
        self.clock = Clock()
        self.control = Control()
        self.calls: list[TaskCall] = []
        self.events: list[Event] = []
        self._turn = threading.Lock()

    def run(self, job: Job, **request: object) -> JobOutcome:
        return run_job(job, RunRequest("r1", **request), self._crew(), self.control)

    def repair(self, job: Job, **given: str) -> JobOutcome | None:
        return repair_job(job, self.history, given, self._crew(), Control())

    @property
    def history(self) -> JobRun:
        """What the events say became of the run."""
        run = job_run_of(self.events)
        assert run is not None
        return run

    def called(self) -> list[str]:
        """Return the keys of the tasks that were begun, in order."""
        return [call.task.key for call in self.calls]

    def _crew(self) -> Crew:
        first = len(self.events)
        emitter = Emitter("r1", "daily", self.clock.now, [self.events.append], first=first)
        return Crew(self._do, emitter, self.clock.timing)

    def _do(self, call: TaskCall, stop: Stop) -> Answer:
        with self._turn:
            self.calls.append(call)
            deed = self.deeds.get(call.task.key, succeeds())
            if isinstance(deed, list):
                deed = deed.pop(0)
        return deed(call, stop)


def succeeds(**values: object) -> Deed:
    return lambda _call, _stop: Succeeded(values)


def fails(message: str = "broken", **options: object) -> Deed:
    return lambda _call, _stop: Failed(message, **options)


def hangs(_call: TaskCall, stop: Stop) -> Answer:
    """Work until asked to stop."""
    stop.wait(FOR_EVER)
    return Stopped()


def results(outcome: JobOutcome | None) -> dict[str, str]:
    assert outcome is not None
    return {key: end.result.value for key, end in outcome.tasks.items()}
