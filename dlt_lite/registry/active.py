"""What is active in this context: registries for declarations, scopes for reads and task values.

A ContextVar each, so that two threads never see each other's. Worker threads do not inherit them:
whoever runs user code sets them in the thread that runs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from dlt_lite.model.task_values import Json
    from dlt_lite.registry.jobs import JobRegistry
    from dlt_lite.registry.registry import Registry


class FlowScope(Protocol):
    """What user code meets while one flow's query is called."""

    @property
    def session(self) -> object:
        """The flow's own Spark session, None while files are loaded without Spark."""

    def table(self, text: str, *, streaming: bool, reader: object) -> object:
        """Return the frame that a name means, or None where Spark itself shall look it up.

        Args:
            text: the name as the user wrote it.
            streaming: whether it is read as a stream.
            reader: the reader that carries the user's options, None where there is none.
        """

    def sql(
        self, text: str, args: Mapping[str, object] | Sequence[object] | None
    ) -> tuple[str, Mapping[str, object] | Sequence[object] | None]:
        """Return SQL text whose names the flow's session can resolve, and its arguments."""

    def makes_view(self, name: str) -> None:
        """Take note of a temporary view that user code makes."""

    @property
    def defining(self) -> bool:
        """True inside a query function, False while a file is loaded."""


class TaskScope(Protocol):
    """What user code meets while a task of a job runs it."""

    def put(self, key: str, value: object) -> None:
        """Keep a value for the tasks that come after.

        Raises:
            BadTaskValue: it is no JSON, or too large.
        """

    def look_up(self, task_key: str, key: str) -> Json:
        """Return a value that a task before has kept.

        Raises:
            KeyError: it has kept none under this key.
            BadTaskValue: it is what iterations of a loop have set, and too large in all.
        """


_jobs: ContextVar[JobRegistry | None] = ContextVar("dlt_lite_jobs", default=None)
_task: ContextVar[TaskScope | None] = ContextVar("dlt_lite_task", default=None)
_registry: ContextVar[Registry | None] = ContextVar("dlt_lite_registry", default=None)
_scope: ContextVar[FlowScope | None] = ContextVar("dlt_lite_scope", default=None)
# A task's own process is one task and nothing else, in whatever threads its code begins.
_process_task: list[TaskScope] = []


def active_registry() -> Registry | None:
    """Return the registry that declarations go to, None outside of loading."""
    return _registry.get()


def active_scope() -> FlowScope | None:
    """Return the scope of the user code that is running, None outside of user code."""
    return _scope.get()


def active_job_registry() -> JobRegistry | None:
    """Return the registry that declarations of jobs go to, None outside of loading."""
    return _jobs.get()


def active_task() -> TaskScope | None:
    """Return the scope of the task that is running, None outside of a task."""
    return _task.get() or next(iter(_process_task), None)


def this_process_is_task(scope: TaskScope) -> None:
    """Let task values go to a scope in every thread of this process, for as long as it lives."""
    _process_task[:] = [scope]


@contextmanager
def registering_jobs_into(registry: JobRegistry) -> Iterator[None]:
    """Let declarations of jobs go to a registry."""
    token = _jobs.set(registry)
    try:
        yield
    finally:
        _jobs.reset(token)


@contextmanager
def running_task(scope: TaskScope) -> Iterator[None]:
    """Let task values go to a scope and come from it."""
    token = _task.set(scope)
    try:
        yield
    finally:
        _task.reset(token)


@contextmanager
def registering_into(registry: Registry) -> Iterator[None]:
    """Let declarations go to a registry."""
    token = _registry.set(registry)
    try:
        yield
    finally:
        _registry.reset(token)


@contextmanager
def reading_through(scope: FlowScope | None) -> Iterator[None]:
    """Let reads of user code go through a scope; None lets them through untouched."""
    token = _scope.set(scope)
    try:
        yield
    finally:
        _scope.reset(token)
