"""Whether a task runs, by how its dependencies ended: the six values of `run_if`.

Dependencies in, a verdict out; the rules are Databricks'. A dependency counts as
- good: it succeeded, or it was excluded ("excluded tasks are treated as successful");
- bad: it failed, timed out or was cancelled, or could not run because something above it was;
- neither: it is disabled, or it is a condition whose other branch was taken.

If all dependencies are excluded or untaken branches, the task is excluded, whatever its `run_if`,
and no less where others beside them are disabled: nothing that it waits for has run.
Otherwise ALL_SUCCESS wants all good, AT_LEAST_ONE_SUCCESS one good, NONE_FAILED none bad and one
good, ALL_DONE nothing, AT_LEAST_ONE_FAILED one bad, ALL_FAILED all bad. Where that is not so, a
task that wants failures is excluded; another ends as what stands above it: UPSTREAM_FAILED before
UPSTREAM_CANCELED, and EXCLUDED where only an untaken branch is in the way.

Disabling is settled before a run: a task that can never run, because of disabled dependencies and
whatever the others do, is disabled, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dlt_lite.dag.order import in_order
from dlt_lite.model.jobs import Job, RunIf, Task
from dlt_lite.model.outcomes import ResultState


@dataclass(frozen=True, slots=True)
class Ended:
    """How a task ended.

    Attributes:
        result: its result.
        branch: of a condition task that was evaluated, `true` or `false`.
    """

    result: ResultState
    branch: str | None = None


_WANT_FAILURE = frozenset({RunIf.AT_LEAST_ONE_FAILED, RunIf.ALL_FAILED})
_NEED_EVERY = frozenset({RunIf.ALL_SUCCESS, RunIf.ALL_FAILED})


def verdict(task: Task, ended: Mapping[str, Ended]) -> ResultState | None:
    """Return how a task ends without running, None where it runs.

    Args:
        task: the task.
        ended: how each of its dependencies ended; one that is missing does not count.
    """
    states = _states(task, ended)
    if not states:
        return None
    if _all_excluded(states):
        return ResultState.EXCLUDED
    if _is_met(task.run_if, states):
        return None
    return ResultState.EXCLUDED if task.run_if in _WANT_FAILURE else _upstream(states)


def first_by_key(job: Job) -> dict[str, Task]:
    """Return a job's tasks by key; of several with one key, the first."""
    found: dict[str, Task] = {}
    for task in job.tasks:
        found.setdefault(task.key, task)
    return found


def disabled_tasks(job: Job) -> frozenset[str]:
    """Return the tasks that are disabled, or can never run because others are."""
    tasks = first_by_key(job)
    waits = {key: _waits_for(task, tasks) for key, task in tasks.items()}
    disabled: set[str] = set()
    for key in in_order(waits):
        task = tasks[key]
        off = [each in disabled for each in waits[key]]
        if task.disabled or _never_runs(task.run_if, off):
            disabled.add(key)
    return frozenset(disabled)


def job_result(job: Job, ended: Mapping[str, Ended]) -> ResultState:
    """Return how a run ends whose tasks ended so: its leaves decide.

    A leaf is a task of the run that no other task of the run waits for.

    Args:
        job: the job.
        ended: how the tasks of the run ended; tasks that were not selected are missing.
    """
    waited_for = {
        each.task_key for task in job.tasks if task.key in ended for each in task.depends_on
    }
    leaves = [found.result for key, found in ended.items() if key not in waited_for]
    if any(state.is_failure for state in leaves):
        return ResultState.FAILED
    if any(state.is_canceled for state in leaves):
        return ResultState.CANCELED
    results = [found.result for found in ended.values()]
    clean = all(not state.is_failure and not state.is_canceled for state in results)
    clean = clean and ResultState.SUCCESS_WITH_FAILURES not in results
    return ResultState.SUCCESS if clean else ResultState.SUCCESS_WITH_FAILURES


def _upstream(states: Sequence[ResultState | None]) -> ResultState:
    """Return what is in the way of a task that wants success."""
    there = [state for state in states if state is not None]
    if any(state.is_failure for state in there):
        return ResultState.UPSTREAM_FAILED
    if any(state.is_canceled for state in there):
        return ResultState.UPSTREAM_CANCELED
    return ResultState.EXCLUDED


def _never_runs(run_if: RunIf, off: Sequence[bool]) -> bool:
    if run_if in _NEED_EVERY:
        return any(off)
    return run_if is not RunIf.ALL_DONE and bool(off) and all(off)


def _waits_for(task: Task, tasks: Mapping[str, Task]) -> tuple[str, ...]:
    return tuple({each.task_key: None for each in task.depends_on if each.task_key in tasks})


def _states(task: Task, ended: Mapping[str, Ended]) -> list[ResultState | None]:
    """Return what each dependency counts as; None is an untaken branch."""
    states: list[ResultState | None] = []
    for each in task.depends_on:
        found = ended.get(each.task_key)
        if found is None:
            continue
        other = each.outcome is not None and found.branch is not None
        states.append(None if other and found.branch != each.outcome else found.result)
    return states


def _all_excluded(states: Sequence[ResultState | None]) -> bool:
    counted = [state for state in states if state is not ResultState.DISABLED]
    excluded = (state is None or state is ResultState.EXCLUDED for state in counted)
    return bool(counted) and all(excluded)


def _is_met(run_if: RunIf, states: Sequence[ResultState | None]) -> bool:
    good = [_is_good(state) for state in states]
    bad = [_is_bad(state) for state in states]
    return {
        RunIf.ALL_SUCCESS: all(good),
        RunIf.AT_LEAST_ONE_SUCCESS: any(good),
        RunIf.NONE_FAILED: any(good) and not any(bad),
        RunIf.ALL_DONE: True,
        RunIf.AT_LEAST_ONE_FAILED: any(bad),
        RunIf.ALL_FAILED: all(bad),
    }[run_if]


def _is_good(state: ResultState | None) -> bool:
    return state is not None and (state.is_success or state is ResultState.EXCLUDED)


def _is_bad(state: ResultState | None) -> bool:
    return state is not None and (state.is_failure or state.is_canceled)
