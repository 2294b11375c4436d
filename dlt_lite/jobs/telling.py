"""What happens in a run → event records, handed to whoever listens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from dlt_lite.errors import DltLiteError
from dlt_lite.events.job_records import JobRunProgress, TaskProgress, TaskValueSet
from dlt_lite.events.records import Record
from dlt_lite.events.sinks import Emit
from dlt_lite.jobs.attempts import TaskEnd
from dlt_lite.jobs.requests import RunRequest
from dlt_lite.model.outcomes import LifeCycle, ResultState
from dlt_lite.model.task_values import Json


class Teller:
    """Tells what happens in one run, or repair.

    What cannot be recorded must not go on: where telling fails, `halt` is called, and the run is
    left as one that was abandoned.
    """

    def __init__(
        self, job: str, request: RunRequest, repair: int, emit: Emit, *, halt: Callable[[], None]
    ) -> None:
        self._job = job
        self._request = request
        self._repair = repair
        self._emit = emit
        self._halt = halt

    def run(
        self,
        state: LifeCycle,
        result: ResultState | None = None,
        *,
        tasks: tuple[str, ...] = (),
        gone: tuple[str, ...] = (),
        error: str | None = None,
    ) -> None:
        """Tell that the run is in another state."""
        request = self._request
        record = JobRunProgress(
            self._job,
            state,
            result,
            self._repair,
            request.cause,
            _stamp(request.scheduled),
            _stamp(request.backfill),
            dict(request.parameters),
            request.only,
            tasks,
            error,
            dict(request.facts),
            gone,
        )
        self._tell(record)

    def begun(
        self,
        key: str,
        attempt: int,
        iteration: tuple[int, str] | None = None,
        *,
        iterations: int | None = None,
    ) -> None:
        """Tell that an attempt begins; of a for_each task, with how many iterations."""
        number, given = (None, None) if iteration is None else iteration
        record = TaskProgress(key, LifeCycle.RUNNING, None, self._repair, attempt, number, given)
        self._tell(replace(record, iterations=iterations))

    def waits(self, key: str, end: TaskEnd, iteration: tuple[int, str] | None = None) -> None:
        """Tell that a failed attempt will be repeated."""
        self._tell(self._progress(key, LifeCycle.WAITING, end, iteration))

    def ended(self, key: str, end: TaskEnd, iteration: tuple[int, str] | None = None) -> None:
        """Tell that a task, or an iteration, has ended."""
        record = self._progress(key, LifeCycle.TERMINATED, end, iteration)
        self._tell(replace(record, result=end.result, branch=end.branch, rows=end.rows))

    def value(self, key: str, name: str, value: Json, iteration: int | None = None) -> None:
        """Tell that a task, or an iteration, has set a value."""
        self._tell(TaskValueSet(key, name, value, iteration))

    def _progress(
        self, key: str, state: LifeCycle, end: TaskEnd, iteration: tuple[int, str] | None
    ) -> TaskProgress:
        number, given = (None, None) if iteration is None else iteration
        return TaskProgress(
            key,
            state,
            repair=self._repair,
            attempt=end.attempt,
            iteration=number,
            input=given,
            error_code=end.error_code,
            error=end.error,
        )

    def _tell(self, record: Record) -> None:
        try:
            self._emit(record)
        except (OSError, DltLiteError):
            self._halt()
            raise


def _stamp(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()
