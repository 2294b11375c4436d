"""Events of a run → whom to tell of what. Knows no network: `tasks.notifier` sends.

A run tells when it begins, and when it has ended; a task for each attempt. A task that was never
begun tells nobody: what kept it from beginning does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from dlt_lite.events.job_records import JobRunProgress, TaskProgress
from dlt_lite.events.records import Event
from dlt_lite.jobs.filling import Facts
from dlt_lite.jobs.orchestrator import facts_of_run
from dlt_lite.jobs.requests import RunRequest
from dlt_lite.jobs.results import error_json, seconds_between
from dlt_lite.model.jobs import ForEachTask, Hook, HookEvent, Job, Notifications, Task
from dlt_lite.model.outcomes import LifeCycle, ResultState

_MOST_SHOWN = 5
_Key = tuple[str, int | None]


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody is told.

    Attributes:
        hook: whom to tell, and how.
        body: what, as JSON has it.
        facts: what the hook's texts may refer to.
    """

    hook: Hook
    body: Mapping[str, Any]
    facts: Facts


@dataclass(frozen=True, slots=True)
class _Subject:
    """A run, a task or an iteration that goes on."""

    name: str
    told: Notifications
    about: Mapping[str, Any]
    started: str
    slow_at: float | None


class Watch:
    """Follows the events of one run of a job, or of a repair of it."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._run: dict[str, Any] = {}
        self._facts = Facts({}, {})
        self._going_on: dict[_Key, _Subject] = {}
        self._failed: dict[str, Mapping[str, Any]] = {}

    @property
    def slow_at(self) -> float | None:
        """When something that goes on will have taken too long, on the clock of `heard`."""
        found = (each.slow_at for each in self._going_on.values())
        return min((at for at in found if at is not None), default=None)

    def heard(self, event: Event, elapsed: float) -> tuple[Message, ...]:
        """Return whom to tell of an event.

        Args:
            event: the event.
            elapsed: seconds on a clock that never jumps.

        Raises:
            DltLiteError: a parameter of the run cannot be filled in.
        """
        stamp = event.envelope.timestamp
        match event.record:
            case JobRunProgress(state=LifeCycle.PENDING):
                self._begin(event.record, event.envelope.update_id, stamp)
                return ()
            case JobRunProgress(state=LifeCycle.RUNNING):
                name = f"run of job {self._job.name}"
                return self._started(_RUN, name, self._job.notifications, {}, stamp, elapsed)
            case JobRunProgress(state=LifeCycle.TERMINATED, result=ResultState() as result):
                failed = {"failed": list(self._failed.values())[:_MOST_SHOWN]}
                return self._ended(_RUN, result, event.record.error, stamp, failed)
            case TaskProgress():
                return self._of_task(event.record, stamp, elapsed)
            case _:
                return ()

    def too_slow(self, elapsed: float, now: datetime) -> tuple[Message, ...]:
        """Return whom to tell of what has taken too long by now; each is told once."""
        found: list[Message] = []
        for key, each in list(self._going_on.items()):
            if each.slow_at is not None and elapsed >= each.slow_at:
                self._going_on[key] = replace(each, slow_at=None)
                stamp = now.isoformat()
                found += self._messages(each, HookEvent.ON_DURATION, "RUNNING", None, stamp)
        return tuple(found)

    def _begin(self, record: JobRunProgress, run_id: str, stamp: str) -> None:
        request = RunRequest(
            run_id,
            record.given,
            record.only,
            record.cause,
            _moment(record.scheduled),
            _moment(record.backfill),
            record.facts,
        )
        self._run = {
            "job": self._job.name,
            "title": self._job.title,
            "run_id": run_id,
            "repair": record.repair,
            "cause": record.cause,
            "scheduled": record.scheduled,
        }
        self._going_on.clear()
        self._failed.clear()
        started = datetime.fromisoformat(stamp)
        self._facts = facts_of_run(self._job, request, started, record.repair)

    def _of_task(self, record: TaskProgress, stamp: str, elapsed: float) -> tuple[Message, ...]:
        task = _task_of(self._job, record)
        if task is None:
            return ()
        key, told = (record.task, record.iteration), task.notifications
        if record.state is LifeCycle.RUNNING:
            is_again = record.attempt > 1 and told.only_last_attempt
            about = {
                "task": record.task,
                "iteration": record.iteration,
                "attempt": record.attempt,
            }
            begun = self._started(key, f"task {record.task}", told, about, stamp, elapsed)
            return () if is_again else begun
        if record.state is LifeCycle.WAITING:
            ended = self._ended(key, ResultState.FAILED, record.error, stamp)
            return () if told.only_last_attempt else ended
        if record.state is LifeCycle.TERMINATED and record.result is not None:
            if record.error is not None and record.iteration is None:
                error = error_json(record.error)
                self._failed[record.task] = {"task": record.task, "error": error}
            return self._ended(key, record.result, record.error, stamp)
        return ()

    def _started(  # noqa: PLR0917 - the fields of a subject
        self,
        key: _Key,
        name: str,
        told: Notifications,
        about: Mapping[str, Any],
        stamp: str,
        elapsed: float,
    ) -> tuple[Message, ...]:
        slow = told.slow_after_seconds
        slow_at = None if slow is None else elapsed + slow
        subject = _Subject(name, told, about, stamp, slow_at)
        self._going_on[key] = subject
        return self._messages(subject, HookEvent.ON_START, "RUNNING", None, stamp)

    def _ended(
        self,
        key: _Key,
        result: ResultState,
        error: str | None,
        stamp: str,
        more: Mapping[str, Any] | None = None,
    ) -> tuple[Message, ...]:
        subject = self._going_on.pop(key, None)
        if subject is None or (result.is_canceled and subject.told.silent_if_canceled):
            return ()
        event = HookEvent.ON_SUCCESS if result.is_success else HookEvent.ON_FAILURE
        told = replace(subject, about={**subject.about, **(more or {})})
        return self._messages(told, event, result, error, stamp)

    def _messages(
        self, subject: _Subject, event: HookEvent, state: str, error: str | None, stamp: str
    ) -> tuple[Message, ...]:
        hooks = [hook for hook in subject.told.hooks if hook.event is event]
        says = "takes too long" if event is HookEvent.ON_DURATION else f"is {state}"
        body = {
            "event": event,
            "text": f"{self._job.title}: {subject.name} {says} ({self._run.get('run_id')})",
            **self._run,
            **subject.about,
            "state": state,
            "error": error_json(error),
            "at": stamp,
            "started": subject.started,
            "seconds": seconds_between(subject.started, stamp),
        }
        return tuple(Message(hook, body, self._facts) for hook in hooks)


_RUN: _Key = ("", None)


def _task_of(job: Job, record: TaskProgress) -> Task | None:
    found = next((task for task in job.tasks if task.key == record.task), None)
    if found is not None and record.iteration is not None:
        return found.work.task if isinstance(found.work, ForEachTask) else None
    return found


def _moment(stamp: str | None) -> datetime | None:
    return None if stamp is None else datetime.fromisoformat(stamp)
