"""How runs and tasks stand and end, with Databricks' names."""

from __future__ import annotations

from enum import StrEnum


class LifeCycle(StrEnum):
    """Where a run or a task is on its way."""

    QUEUED = "QUEUED"
    BLOCKED = "BLOCKED"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    WAITING = "WAITING"
    TERMINATING = "TERMINATING"
    TERMINATED = "TERMINATED"


class ResultState(StrEnum):
    """How a run or a task ended."""

    SUCCESS = "SUCCESS"
    SUCCESS_WITH_FAILURES = "SUCCESS_WITH_FAILURES"
    FAILED = "FAILED"
    TIMEDOUT = "TIMEDOUT"
    CANCELED = "CANCELED"
    EXCLUDED = "EXCLUDED"
    DISABLED = "DISABLED"
    UPSTREAM_FAILED = "UPSTREAM_FAILED"
    UPSTREAM_CANCELED = "UPSTREAM_CANCELED"
    MAXIMUM_CONCURRENT_RUNS_REACHED = "MAXIMUM_CONCURRENT_RUNS_REACHED"

    @property
    def is_success(self) -> bool:
        """True where the work was done."""
        return self in {ResultState.SUCCESS, ResultState.SUCCESS_WITH_FAILURES}

    @property
    def is_failure(self) -> bool:
        """True where the work was tried in vain, or could not be tried for a failure above."""
        return self in {
            ResultState.FAILED,
            ResultState.TIMEDOUT,
            ResultState.UPSTREAM_FAILED,
            ResultState.MAXIMUM_CONCURRENT_RUNS_REACHED,
        }

    @property
    def is_canceled(self) -> bool:
        """True where somebody cancelled it, or what it waits for."""
        return self in {ResultState.CANCELED, ResultState.UPSTREAM_CANCELED}
