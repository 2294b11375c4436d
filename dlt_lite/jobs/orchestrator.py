"""Run a job: each task after what it waits for, as far as `run_if` lets it, several at once.

A job, a request and a crew in, events out. The walk goes on below failures, since `run_if` decides
what a failure means. A repair is the same walk over fewer tasks: what stays is taken from the run's
history. Only the thread that walks changes what is known of ended tasks.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from dlt_lite.dag.walker import Done, Skipped, Walk
from dlt_lite.dag.walker import Failed as Raised
from dlt_lite.errors import BadJobParameter, DltLiteError, TaskFailed
from dlt_lite.jobs.attempts import TaskEnd, Trying, failed_end, tried
from dlt_lite.jobs.calls import Control, Deadline, Stop, TaskCall, deadline, earlier
from dlt_lite.jobs.conditions import compare
from dlt_lite.jobs.filling import Facts, OtherTask, filled, filled_parameters
from dlt_lite.jobs.history import IterationRun, JobRun, TaskRun
from dlt_lite.jobs.loops import Loop, end_of, gathered_values, items_of, looped
from dlt_lite.jobs.repair import is_to_repair, tasks_to_repair
from dlt_lite.jobs.requests import Crew, JobOutcome, RunRequest
from dlt_lite.jobs.run_if import Ended, disabled_tasks, job_result, verdict
from dlt_lite.jobs.selection import selected_tasks, waits_of
from dlt_lite.jobs.spelling import meant
from dlt_lite.jobs.telling import Teller
from dlt_lite.model.jobs import (
    CallableTask,
    ConditionTask,
    ForEachTask,
    Job,
    PipelineTask,
    SqlFileTask,
    SqlQueryTask,
    Task,
    WheelTask,
    listed_texts,
    named_texts,
)
from dlt_lite.model.outcomes import LifeCycle, ResultState
from dlt_lite.model.task_values import Json, value_text

_SHOWN_TASKS = 5


def run_job(job: Job, request: RunRequest, crew: Crew, control: Control) -> JobOutcome:
    """Run a job.

    Args:
        job: a job without problems, see `validation`.
        request: what is asked.
        crew: who does the work.
        control: the handle by which others cancel it.

    Raises:
        UnknownTask: the request selects a task that the job does not have.
        BadJobParameter: the request gives a parameter that the job does not have.
        ReferenceMissing: a parameter's default refers to what this run has not.
    """
    keys = selected_tasks(job, request.only)
    return _Run(job, request, crew, control, None).carried_out(keys)


def cancel_unbegun(job: Job, request: RunRequest, crew: Crew) -> JobOutcome:
    """Tell that a run has ended before it began, and all its tasks with it.

    Args:
        job: the job.
        request: what was asked.
        crew: who is told.
    """
    teller = Teller(job.name, request, 0, crew.emit, halt=lambda: None)
    disabled = disabled_tasks(job)
    ends = {
        key: TaskEnd(ResultState.DISABLED if key in disabled else ResultState.CANCELED)
        for key in selected_tasks(job, request.only)
    }
    for key, end in ends.items():
        teller.ended(key, end)
    teller.run(LifeCycle.TERMINATED, ResultState.CANCELED)
    return JobOutcome(ResultState.CANCELED, ends)


def check_request(job: Job, request: RunRequest, now: datetime) -> None:
    """Refuse a request that no run of the job can meet, before anything is written.

    Args:
        job: the job.
        request: what is asked.
        now: the time it is.

    Raises:
        UnknownTask: it selects a task that the job does not have.
        BadJobParameter: it gives a parameter that the job does not have.
        ReferenceMissing: a parameter's default refers to what this run has not.
    """
    selected_tasks(job, request.only)
    facts_of_run(job, request, now, 0)


def repair_request(job: Job, run: JobRun, given: Mapping[str, str]) -> RunRequest:
    """Return what a repair of a run asks: what the run was given, with new values over it.

    Args:
        job: the job as it is now; parameters that it has lost are left out.
        run: what became of the run.
        given: the new values.
    """
    own = {name: value for name, value in run.given.items() if name in _names(job)}
    scheduled, backfill = _moment(run.scheduled), _moment(run.backfill)
    return RunRequest(run.run_id, {**own, **given}, (), run.cause, scheduled, backfill, run.facts)


def repair_job(
    job: Job, run: JobRun, given: Mapping[str, str], crew: Crew, control: Control
) -> JobOutcome | None:
    """Run again what did not succeed in a run, and all that waits for it; same run, new attempt.

    Args:
        job: the job as it is now, without problems.
        run: what became of the run; it must have ended, or been abandoned.
        given: values for parameters; the run's own stay where this gives none.
        crew: who does the work.
        control: the handle by which others cancel it.

    Returns:
        How it ended, None where there is nothing to run again.

    Raises:
        BadJobParameter: a parameter that the job does not have.
        ReferenceMissing: a parameter's default refers to what this run has not.
    """
    if not is_to_repair(job, run):
        return None
    request = repair_request(job, run, given)
    again = tasks_to_repair(job, run)
    return _Run(job, request, crew, control, run).carried_out(again)


class _Run:
    """One run, or repair, while it is going on."""

    def __init__(
        self, job: Job, request: RunRequest, crew: Crew, control: Control, before: JobRun | None
    ) -> None:
        self._job = job
        self._request = request
        self._crew = crew
        self._control = control
        self._before: Mapping[str, TaskRun] = {} if before is None else before.tasks
        repair = 0 if before is None else before.repairs + 1
        self._facts = facts_of_run(job, request, _begun(crew, before), repair)
        self._teller = Teller(job.name, request, repair, crew.emit, halt=self._halt)
        self._tasks = {task.key: task for task in job.tasks}
        self._disabled = disabled_tasks(job)
        self._halted = threading.Event()
        self._until = deadline(crew.timing, job.timeout_seconds, f"job {job.name!r}")
        self._again: frozenset[str] = frozenset()
        self._ends: dict[str, TaskEnd] = {}
        self._ended: dict[str, Ended] = {}
        self._others: dict[str, OtherTask] = {}
        self._values: dict[str, Mapping[str, Json]] = {}
        self._empty_loops: tuple[str, ...] = ()
        self._too_long: dict[str, Mapping[str, str]] = {}

    def carried_out(self, keys: tuple[str, ...]) -> JobOutcome:
        """Run tasks; whatever else the run had stays as it ended."""
        self._again = frozenset(keys)
        for key, run in self._before.items():
            if key in self._tasks and key not in self._again and run.result is not None:
                self._note(key, _kept(self._tasks[key], run, run.result))
        gone = tuple(key for key in self._before if key not in self._tasks)
        self._teller.run(LifeCycle.PENDING, tasks=keys, gone=gone)
        self._teller.run(LifeCycle.RUNNING)
        waits = waits_of(self._job)
        inputs = {key: tuple(each for each in waits[key] if each in self._again) for key in keys}
        walk: Walk[str, TaskEnd] = Walk(
            inputs, self._done, settled=self._settled, goes_on_below_failures=True
        )
        walk.run(at_once=self._job.parallel_tasks, stop=self._halted)
        result = self._result()
        self._teller.run(LifeCycle.TERMINATED, result, error=self._error(result))
        return JobOutcome(result, self._ends)

    def _done(self, key: str) -> TaskEnd:
        """Do all that is to be done of one task; called in a thread of its own."""
        task = self._tasks[key]
        if key in self._disabled:
            return TaskEnd(ResultState.DISABLED)
        with self._control.heard_by(key) as event:
            if self._stop(event, None).reason is not None:
                return TaskEnd(ResultState.CANCELED)
            ruled = verdict(task, self._ended)
            if ruled is not None:
                return TaskEnd(ruled)
            match task.work:
                case ConditionTask():
                    return self._judged(task, task.work)
                case ForEachTask():
                    return self._looped(task, task.work, event)
                case _:
                    return self._tried(task, event)

    def _judged(self, task: Task, work: ConditionTask) -> TaskEnd:
        number = self._attempts_before(task) + 1
        self._teller.begun(task.key, number)
        facts = self._facts_of(task, task, number)
        try:
            sides = filled(work.left, facts).shown, filled(work.right, facts).shown
            holds = compare(work.op, *sides)
        except DltLiteError as error:
            error.origin = error.origin or work.left.origin
            return failed_end(error, number)
        branch = "true" if holds else "false"
        return TaskEnd(ResultState.SUCCESS, attempt=number, branch=branch)

    def _tried(self, task: Task, event: threading.Event) -> TaskEnd:
        key, teller = task.key, self._teller
        trying = Trying(
            task,
            lambda number: self._call(task, task, number),
            self._crew.run_task,
            self._crew.timing,
            lambda until: self._stop(event, until),
            self._stop(event, None),
            lambda number: teller.begun(key, number),
            lambda end: teller.waits(key, end),
        )
        used = _retries_used(self._before.get(key))
        return tried(trying, first=self._attempts_before(task) + 1, retries_used=used)

    def _looped(self, task: Task, work: ForEachTask, event: threading.Event) -> TaskEnd:
        number = self._attempts_before(task) + 1
        try:
            items = items_of(filled(work.inputs, self._facts_of(task, task, number)), task)
        except DltLiteError as error:
            self._teller.begun(task.key, number)
            return failed_end(error, number)
        self._teller.begun(task.key, number, iterations=len(items))
        until = deadline(self._crew.timing, task.timeout_seconds, f"task {task.key!r}")

        def attempt(at: int, item: Json, begun_before: int) -> TaskEnd:
            given = (at, value_text(item))
            trying = Trying(
                work.task,
                lambda tries: self._call(task, work.task, tries, at, (item,)),
                self._crew.run_task,
                self._crew.timing,
                lambda own: self._stop(event, earlier(own, until)),
                self._stop(event, until),
                lambda tries: self._teller.begun(task.key, tries, given),
                lambda end: self._teller.waits(task.key, end, given),
            )
            return tried(trying, first=begun_before + 1, retries_used=0)

        loop = Loop(
            self._request.run_id,
            task,
            items,
            work.concurrency,
            self._stop(event, until),
            self._halted,
            self._kept_iterations(task),
            attempt,
            lambda at, item, end: self._iteration_ended(task.key, at, item, end),
        )
        return looped(loop, number)

    def _iteration_ended(self, key: str, at: int, item: Json, end: TaskEnd) -> None:
        for name, value in end.values.items():
            self._teller.value(key, name, value, at)
        self._teller.ended(key, end, (at, value_text(item)))

    def _kept_iterations(self, task: Task) -> Mapping[int, IterationRun]:
        run = self._before.get(task.key)
        if run is None or any(each.task_key in self._again for each in task.depends_on):
            return {}
        return {**run.left_over, **run.iterations}

    def _call(
        self,
        owner: Task,
        task: Task,
        number: int,
        iteration: int | None = None,
        inputs: tuple[Json, ...] = (),
    ) -> TaskCall:
        """Return the call of an attempt, its texts filled in; `owner` is the task of the graph."""
        facts = replace(self._facts_of(owner, task, number), inputs=inputs)
        parameters = {key: filled(text, facts) for key, text in named_texts(task.work).items()}
        if _takes_job_parameters(task):
            parameters |= facts.parameters
        one = "" if iteration is None else f"-{iteration}"
        return TaskCall(
            self._job,
            task,
            self._request.run_id,
            f"{self._task_run_id(owner.key)}{one}",
            number,
            iteration,
            tuple(filled(text, facts) for text in listed_texts(task.work)),
            parameters,
            dict(self._values),
            self._empty_loops,
            dict(self._too_long),
            owner.key,
        )

    def _facts_of(self, owner: Task, task: Task, number: int) -> Facts:
        own = {
            "name": task.key,
            "run_id": self._task_run_id(owner.key),
            "execution_count": str(number),
        }
        return replace(self._facts, task=own, others=self._others)

    def _settled(self, key: str, outcome: Done[TaskEnd] | Raised | Skipped[str]) -> None:
        end = end_of(outcome, self._tasks[key])
        for name, value in end.values.items():
            self._teller.value(key, name, value)
        self._teller.ended(key, end)
        self._note(key, end)

    def _note(self, key: str, end: TaskEnd) -> None:
        """Keep how a task ended, in the forms that are asked for."""
        self._ends[key] = end
        self._ended[key] = Ended(end.result, end.branch)
        facts = {
            "run_id": self._task_run_id(key),
            "result_state": end.result.lower(),
            "error_code": end.error_code,
            "execution_count": str(end.attempt),
        }
        self._others[key] = OtherTask(facts, end.values, end.rows, end.is_empty_loop, end.too_long)
        if end.is_empty_loop:
            self._empty_loops += (key,)
        if end.too_long:
            self._too_long[key] = end.too_long
        if end.values:
            self._values[key] = end.values

    def _result(self) -> ResultState:
        results = {each.result for each in self._ended.values()}
        if self._control.run_canceled.is_set() and ResultState.CANCELED in results:
            return ResultState.CANCELED
        over = self._until is not None and self._crew.timing.elapsed() >= self._until.at
        if over and results & {ResultState.TIMEDOUT, ResultState.CANCELED}:
            return ResultState.TIMEDOUT
        return job_result(self._job, self._ended)

    def _error(self, result: ResultState) -> str | None:
        if result not in {ResultState.FAILED, ResultState.TIMEDOUT}:
            return None
        causes = [key for key, end in self._ends.items() if end.error is not None]
        told = ", ".join(causes[:_SHOWN_TASKS]) or "its time was over"
        if result is ResultState.TIMEDOUT:
            limit = f"timeout_seconds, {self._job.timeout_seconds:,} s"
            what = f"job {self._job.name!r} was stopped at the end of its {limit}: {told}"
            fix = "find out what takes so long, or raise timeout_seconds of the job"
            return str(TaskFailed(what, origin=self._job.origin, fix=fix))
        what, run_id = f"job {self._job.name!r} has ended {result}: {told}", self._request.run_id
        fix = f"mend the cause, then: python -m dlt_lite repair {self._job.name} {run_id}"
        return str(TaskFailed(what, origin=self._job.origin, fix=fix))

    def _stop(self, event: threading.Event, until: Deadline | None) -> Stop:
        return Stop(event, self._crew.timing, until=earlier(until, self._until))

    def _halt(self) -> None:
        self._halted.set()
        self._control.cancel()

    def _attempts_before(self, task: Task) -> int:
        run = self._before.get(task.key)
        return 0 if run is None else run.attempts

    def _task_run_id(self, key: str) -> str:
        return f"{self._request.run_id}-{key}"


def facts_of_run(job: Job, request: RunRequest, started: datetime, repair: int) -> Facts:
    """Return what texts may refer to before any task has run.

    Args:
        job: the job.
        request: what is asked.
        started: when the run began.
        repair: which repair of the run it is; 0 for the run itself.

    Raises:
        BadJobParameter: the request gives a parameter that the job does not have.
        ReferenceMissing: a parameter's default refers to what this run has not.
    """
    names = _names(job)
    for name in request.parameters:
        if name not in names:
            what = f"job {job.name!r} has no parameter {name[:80]!r}"
            raise BadJobParameter(what, origin=job.origin, fix=meant(name, names))
    moments = {"start_time": started, "trigger.time": request.scheduled or started}
    if request.backfill is not None:
        moments["backfill"] = request.backfill
    facts = Facts(
        {
            **request.facts,
            "id": job.name,
            "name": job.title,
            "run_id": request.run_id,
            "repair_count": str(repair),
            "trigger.type": request.cause,
        },
        moments,
    )
    return replace(facts, parameters=filled_parameters(job.parameters, request.parameters, facts))


def _begun(crew: Crew, before: JobRun | None) -> datetime:
    """Return when the run began: a repair does not change that."""
    started = None if before is None else _moment(before.started)
    return started or crew.timing.now()


def _kept(task: Task, run: TaskRun, result: ResultState) -> TaskEnd:
    is_loop = isinstance(task.work, ForEachTask)
    return TaskEnd(
        result,
        run.error,
        run.error_code,
        run.attempts,
        run.branch,
        run.values,
        run.rows,
        is_empty_loop=is_loop and result is ResultState.SUCCESS and not run.iterations,
        too_long=_too_long(task, run),
    )


def _too_long(task: Task, run: TaskRun) -> Mapping[str, str]:
    """Return what of the values of a loop cannot be read; its iterations are those of the past."""
    places = range(run.of_iterations or 0)
    nothing = IterationRun("")
    return gathered_values(task, [run.iterations.get(at, nothing).values for at in places]).too_long


def _retries_used(run: TaskRun | None) -> int:
    """Return the retries that were used up when the run was cut off; none where the task ended.

    The attempt that was cut off is repeated for nothing: it did not fail by itself.
    """
    if run is None or run.result is not None:
        return 0
    return max(0, run.attempts_here - (run.state is LifeCycle.RUNNING))


def _takes_job_parameters(task: Task) -> bool:
    """Tell whether the job's parameters are handed to a task: to all that take values by name."""
    work = task.work
    if isinstance(work, WheelTask):
        return not work.arguments
    return isinstance(work, PipelineTask | CallableTask | SqlFileTask | SqlQueryTask)


def _names(job: Job) -> tuple[str, ...]:
    return tuple(each.name for each in job.parameters)


def _moment(stamp: str | None) -> datetime | None:
    return None if stamp is None else datetime.fromisoformat(stamp)
