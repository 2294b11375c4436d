"""Events of a run of a job → what became of the run and its tasks: a fold, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from dlt_lite.events.job_records import JobRunProgress, TaskProgress, TaskValueSet
from dlt_lite.events.records import Event
from dlt_lite.model.outcomes import LifeCycle, ResultState
from dlt_lite.model.task_values import Json


@dataclass(frozen=True, slots=True)
class IterationRun:
    """What became of one iteration of a for_each task.

    Attributes:
        input: what it was given, as text.
        result: how it ended, None where it has not.
        attempts: how often it was begun.
        error: why it failed.
        values: what it has set.
    """

    input: str
    result: ResultState | None = None
    attempts: int = 0
    error: str | None = None
    values: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TaskRun:
    """What became of one task.

    Attributes:
        key: its key.
        state: where it is.
        result: how it ended, None where it has not.
        repair: the repair that it was last run in; 0 for the run itself.
        attempts: how often it was begun, in all repairs.
        attempts_here: how often it was begun in the last of them.
        branch: of a condition, `true` or `false`.
        started: when its last run began, ISO 8601 in UTC.
        ended: when it ended.
        error: why it failed.
        error_code: the code of the error.
        values: what it has set.
        rows: what a SQL task returned.
        iterations: what became of the iterations of a for_each task, by number; of those only
            that were begun.
        of_iterations: how many iterations a for_each task has, None where that is not known.
        left_over: what became of iterations that the loop had before, and has no longer.
        is_gone: whether the job no longer has the task, as the last repair has found.
    """

    key: str
    state: LifeCycle = LifeCycle.BLOCKED
    result: ResultState | None = None
    repair: int = 0
    attempts: int = 0
    attempts_here: int = 0
    branch: str | None = None
    started: str | None = None
    ended: str | None = None
    error: str | None = None
    error_code: str = ""
    values: Mapping[str, Json] = field(default_factory=dict)
    rows: Json = None
    iterations: Mapping[int, IterationRun] = field(default_factory=dict)
    of_iterations: int | None = None
    left_over: Mapping[int, IterationRun] = field(default_factory=dict)
    is_gone: bool = False

    @property
    def first_failed(self) -> int | None:
        """The number of the first iteration that was begun and did not succeed."""
        failed = (
            number
            for number, each in self.iterations.items()
            if each.attempts and each.result is not None and not each.result.is_success
        )
        return min(failed, default=None)


@dataclass(frozen=True, slots=True)
class Span:
    """A time in which a run was at work: the run itself, or one repair of it.

    Attributes:
        started: when it began, ISO 8601 in UTC.
        seen: when its last event came; once it has ended, that is its end.
    """

    started: str
    seen: str


@dataclass(frozen=True, slots=True)
class JobRun:
    """What became of a run of a job.

    Attributes:
        run_id: the run.
        job: the job's name.
        state: where it is, as its last event says.
        result: how it ended, None where it has not.
        repairs: how often it was repaired.
        cause: what started it.
        scheduled: the time it was meant for, ISO 8601 in UTC.
        backfill: the moment that it stands for.
        only: what it was to be about; empty for all tasks.
        started: when it began; repairs do not change it. None where it was cancelled before that.
        ended: when it ended last.
        given: the parameters that it was given, those of repairs merged in.
        error: why it failed.
        facts: what its trigger told, by the names that stand behind `{{job.`.
        tasks: what became of its tasks, by key.
        spans: the times in which it was at work: its own, and one for each repair.
    """

    run_id: str
    job: str
    state: LifeCycle
    result: ResultState | None = None
    repairs: int = 0
    cause: str = ""
    scheduled: str | None = None
    backfill: str | None = None
    only: tuple[str, ...] = ()
    started: str | None = None
    ended: str | None = None
    given: Mapping[str, str] = field(default_factory=dict)
    error: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    tasks: Mapping[str, TaskRun] = field(default_factory=dict)
    spans: tuple[Span, ...] = ()


def job_run_of(events: Iterable[Event]) -> JobRun | None:
    """Return what became of a run, None where no event of a job is there."""
    run: JobRun | None = None
    tasks: dict[str, TaskRun] = {}
    spans: tuple[Span, ...] = ()
    for event in events:
        spans = _spans(spans, event)
        match event.record:
            case JobRunProgress():
                run = _with_run(run, event, event.record)
                if event.record.state is LifeCycle.PENDING:
                    tasks = _begun_anew(event.record, tasks)
            case TaskProgress():
                key = event.record.task
                tasks[key] = _with_task(tasks.get(key, TaskRun(key)), event, event.record)
            case TaskValueSet():
                key = event.record.task
                tasks[key] = _with_value(tasks.get(key, TaskRun(key)), event.record)
            case _:
                continue
    return None if run is None else replace(run, tasks=tasks, spans=spans)


def _spans(spans: tuple[Span, ...], event: Event) -> tuple[Span, ...]:
    stamp, record = event.envelope.timestamp, event.record
    if isinstance(record, JobRunProgress) and record.state is LifeCycle.PENDING:
        return (*spans, Span(stamp, stamp))
    return (*spans[:-1], replace(spans[-1], seen=stamp)) if spans else ()


def _begun_anew(record: JobRunProgress, tasks: Mapping[str, TaskRun]) -> dict[str, TaskRun]:
    """Return the tasks as a run or repair begins: those of it are blocked, and have set nothing."""
    gone = frozenset(record.gone)
    known = {key: replace(task, is_gone=key in gone) for key, task in tasks.items()}
    return known | {
        key: TaskRun(
            key,
            repair=record.repair,
            attempts=tasks[key].attempts if key in tasks else 0,
            iterations=tasks[key].iterations if key in tasks else {},
            left_over=tasks[key].left_over if key in tasks else {},
        )
        for key in record.tasks
    }


def _with_run(run: JobRun | None, event: Event, record: JobRunProgress) -> JobRun:
    stamp = event.envelope.timestamp
    if run is None:
        run = JobRun(
            event.envelope.update_id,
            record.job,
            record.state,
            cause=record.cause,
            scheduled=record.scheduled,
            backfill=record.backfill,
            only=record.only,
            facts=record.facts,
        )
    over = record.state is LifeCycle.TERMINATED
    return replace(
        run,
        state=record.state,
        result=record.result,
        repairs=record.repair,
        started=run.started or (None if over else stamp),
        ended=stamp if over else None,
        given={**run.given, **record.given},
        error=record.error,
    )


def _with_value(task: TaskRun, record: TaskValueSet) -> TaskRun:
    if record.iteration is None:
        return replace(task, values={**task.values, record.key: record.value})
    one = task.iterations.get(record.iteration, IterationRun(""))
    one = replace(one, values={**one.values, record.key: record.value})
    return replace(task, iterations={**task.iterations, record.iteration: one})


def _with_task(task: TaskRun, event: Event, record: TaskProgress) -> TaskRun:
    if record.iteration is not None:
        before = task.iterations.get(record.iteration)
        # An attempt begins with nothing set; what it has set is told before its end.
        is_begun = before is None or record.state is LifeCycle.RUNNING
        values = {} if is_begun or before is None else before.values
        one = IterationRun(record.input or "", record.result, record.attempt, record.error, values)
        return replace(task, iterations={**task.iterations, record.iteration: one})
    if record.iterations is not None:
        task = _with_length(task, record.iterations)
    stamp = event.envelope.timestamp
    over = record.state is LifeCycle.TERMINATED
    begun = record.state is LifeCycle.RUNNING
    return replace(
        task,
        state=record.state,
        result=record.result,
        repair=record.repair,
        attempts=max(task.attempts, record.attempt),
        attempts_here=task.attempts_here + begun,
        branch=record.branch,
        started=stamp if begun and task.started is None else task.started,
        ended=stamp if over else None,
        error=record.error,
        error_code=record.error_code,
        rows=record.rows,
    )


def _with_length(task: TaskRun, length: int) -> TaskRun:
    """Return a loop that begins: what it had beyond its new length is none of its iterations."""
    known = {**task.left_over, **task.iterations}
    return replace(
        task,
        of_iterations=length,
        iterations={at: known[at] for at in sorted(known) if at < length},
        left_over={at: each for at, each in known.items() if at >= length},
    )
