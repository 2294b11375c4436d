"""The loop's one turn: which runs are due, which may begin, which have ended; what is told of it.

Everything outside is handed in as `World`: the clock, what triggers look at, processes, the disk.
What is decided is on the disk before anything is begun, see `ledger`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from dlt_lite.errors import DltLiteError
from dlt_lite.jobs.ledger import Ledger, Order
from dlt_lite.jobs.triggering import (
    MOST_MISSED,
    CatchUp,
    Due,
    Mark,
    Sight,
    begun_anew,
    changes_due,
    completions_due,
    continuous_due,
    ended,
    identity,
    next_time,
    seconds_to_rest,
    times_due,
)
from dlt_lite.model.jobs import Job
from dlt_lite.model.outcomes import ResultState
from dlt_lite.model.triggers import (
    ContinuousTrigger,
    CronTrigger,
    FileArrivalTrigger,
    JobCompletionTrigger,
    PeriodicTrigger,
    TableUpdateTrigger,
    Trigger,
)

LONGEST_IN_QUEUE = timedelta(hours=48)
_BUSY = 4
# A type of Databricks' stands for several keys of a job.yml: people are told the key.
_KINDS: Mapping[type, str] = {
    CronTrigger: "cron",
    PeriodicTrigger: "periodic",
    FileArrivalTrigger: "file_arrival",
    TableUpdateTrigger: "table_update",
    JobCompletionTrigger: "job_completion",
    ContinuousTrigger: "continuous",
}
_SHORTEST_WAIT = 0.05


class Fate(StrEnum):
    """What a run's folder says."""

    NONE = "NONE"
    RUNNING = "RUNNING"
    ENDED = "ENDED"
    ABANDONED = "ABANDONED"


@dataclass(frozen=True, slots=True)
class Found:
    """What became of a run: what its folder says, how it ended, and in a line why."""

    fate: Fate
    result: ResultState | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Exit:
    """How the process of a run ended: its exit code, and the last it said."""

    code: int
    said: str = ""


class Deed(StrEnum):
    """What the loop tells of."""

    DUE = "due"
    BEGUN = "begun"
    ENDED = "ended"
    SKIPPED = "skipped"
    MISSED = "missed"
    REFUSED = "refused"
    ABANDONED = "abandoned"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that the loop tells.

    Attributes:
        at: when.
        deed: what happened.
        job: the job it is about.
        run_id: the run, None where it is about none.
        about: more of it: of `due` the type of the trigger, as `{{job.trigger.type}}` has it.
        told: the same in people's words, where these are others.
    """

    at: datetime
    deed: Deed
    job: str
    run_id: str | None = None
    about: str = ""
    told: str = ""


@dataclass(frozen=True, slots=True)
class World:
    """What the loop stands in.

    Attributes:
        now: the wall clock.
        new_id: makes a new run's id.
        sight: says what a trigger sees; None where what it watches is not there.
        begin: starts the process of a run.
        is_alive: whether a process that was started here for a run still runs.
        exit_of: how such a process ended; None where none was started here.
        forget: called for a run that has ended: nobody will ask for its process again.
        found: what a run's folder says.
        save: writes the ledger down.
        tell: takes what happens.
    """

    now: Callable[[], datetime]
    new_id: Callable[[datetime], str]
    sight: Callable[[Trigger, Job], Sight | None]
    begin: Callable[[Order], None]
    is_alive: Callable[[str], bool]
    exit_of: Callable[[str], Exit | None]
    forget: Callable[[str], None]
    found: Callable[[str], Found]
    save: Callable[[Ledger], None]
    tell: Callable[[Notice], None]


class Server:
    """Looks, again and again, at what some jobs wait for.

    Args:
        jobs: the jobs.
        ledger: what was written down before; it is kept of jobs that are not served now.
        catch_up: what becomes of times that passed while nobody looked.
        world: what it stands in.
    """

    def __init__(
        self, jobs: Sequence[Job], ledger: Ledger, catch_up: CatchUp, world: World
    ) -> None:
        self._jobs = {job.name: job for job in jobs}
        self._catch_up = catch_up
        self._world = world
        self._orders = ledger.orders
        self._marks = self._still_wanted(ledger.marks)
        self._saved: Ledger | None = None
        self._problems: dict[str, str] = {}

    @property
    def active(self) -> tuple[str, ...]:
        """The runs of the served jobs that are begun and have not ended, as far as is known."""
        served = (order for order in self._orders if order.job in self._jobs)
        return tuple(order.run_id for order in served if order.is_begun)

    @property
    def waiting(self) -> tuple[str, ...]:
        """The runs of the served jobs that wait for others to end."""
        served = (order for order in self._orders if order.job in self._jobs)
        return tuple(order.run_id for order in served if not order.is_begun)

    def take(self, jobs: Sequence[Job], world: World) -> None:
        """Go on with jobs as they are now; what is due stays so, a changed trigger begins anew."""
        self._jobs = {job.name: job for job in jobs}
        self._world = world
        self._marks = self._still_wanted(self._marks)

    def look(self) -> float:
        """Take one turn; return after how many seconds something may be due by its time."""
        self.settle()
        now = self._world.now()
        for job in self._jobs.values():
            for trigger in job.triggers:
                self._look_at(trigger, job, now)
        self._let_begin(now)
        return self._seconds_to_next(now)

    def go_on(self) -> None:
        """Let runs that are due begin, as others end; look for no new ones."""
        self.settle()
        self._let_begin(self._world.now())

    def settle(self) -> None:
        """See which runs have ended, and begin those that a crash kept from beginning."""
        now = self._world.now()
        left: list[Order] = []
        for order in self._orders:
            if order.job not in self._jobs:
                left.append(order)
                continue
            kept = self._settled(order, now)
            left.extend(kept)
            if order.is_begun and not any(each.is_begun for each in kept):
                self._world.forget(order.run_id)
        self._orders = tuple(left)
        self._write_down()

    def _settled(self, order: Order, now: datetime) -> tuple[Order, ...]:
        """Return what is left of an order: nothing where its run has ended."""
        world = self._world
        if not order.is_begun or world.is_alive(order.run_id):
            return (order,)
        found = world.found(order.run_id)
        if found.fate is Fate.RUNNING:
            return (order,)
        if found.fate is not Fate.NONE:
            deed = Deed.ENDED if found.fate is Fate.ENDED else Deed.ABANDONED
            self._tell(now, deed, order, found.result or "")
            self._rest(order, found.result, now)
            return ()
        exit_ = world.exit_of(order.run_id)
        if exit_ is None:
            # It was written down, and then this loop was killed: the run may not have begun.
            self._begin(order, now)
            return (order,)
        if exit_.code == _BUSY and order.can_wait:
            return (replace(order, is_begun=False),)
        deed = Deed.SKIPPED if exit_.code == _BUSY else Deed.REFUSED
        self._tell(now, deed, order, exit_.said or f"exit code {exit_.code}")
        self._rest(order, None, now)
        return ()

    def _rest(self, order: Order, result: ResultState | None, now: datetime) -> None:
        """Let a continuous job rest after a failure."""
        for trigger in self._jobs[order.job].triggers:
            key = _key(self._jobs[order.job], trigger)
            if isinstance(trigger, ContinuousTrigger) and key in self._marks:
                self._marks[key] = ended(self._marks[key], result, now)

    def _look_at(self, trigger: Trigger, job: Job, now: datetime) -> None:
        key = _key(job, trigger)
        mark = begun_anew(self._marks.get(key), now)
        try:
            self._marks[key], due = self._due(trigger, job, mark, now)
            self._problems.pop(key, None)
        except (OSError, DltLiteError) as error:
            self._marks[key] = mark
            self._complain(key, job, str(error), now)
            return
        for each in due:
            self._order(job, each, _KINDS[type(trigger)], now)

    def _due(
        self, trigger: Trigger, job: Job, mark: Mark, now: datetime
    ) -> tuple[Mark, tuple[Due, ...]]:
        match trigger:
            case CronTrigger() | PeriodicTrigger():
                return times_due(trigger, mark, now, self._catch_up)
            case ContinuousTrigger():
                is_active = any(order.job == job.name for order in self._orders)
                return continuous_due(trigger, mark, now, is_active=is_active)
            case FileArrivalTrigger() | TableUpdateTrigger() | JobCompletionTrigger():
                return self._seen(trigger, job, mark, now)

    def _seen(
        self,
        trigger: FileArrivalTrigger | TableUpdateTrigger | JobCompletionTrigger,
        job: Job,
        mark: Mark,
        now: datetime,
    ) -> tuple[Mark, tuple[Due, ...]]:
        sight = self._world.sight(trigger, job)
        if sight is None and mark.seen is not None:
            # A folder that has gone, such as a disk that is not mounted, has not lost its files.
            sight = mark.seen
        if isinstance(trigger, JobCompletionTrigger):
            return completions_due(trigger, mark, sight or {}, now)
        return changes_due(trigger, mark, sight or {}, now)

    def _order(self, job: Job, due: Due, kind: str, now: datetime) -> None:
        can_wait = job.queue or self._catch_up is CatchUp.ALL
        order = Order(
            self._world.new_id(now),
            job.name,
            due.cause,
            now,
            due.scheduled,
            due.facts,
            can_wait=can_wait,
        )
        self._orders += (order,)
        if due.missed or due.more_missed:
            self._tell(now, Deed.MISSED, order, _missed(due))
        self._tell(now, Deed.DUE, order, due.cause, kind)

    def _let_begin(self, now: datetime) -> None:
        begun = self._admitted(now)
        self._write_down()
        for order in begun:
            self._begin(order, now)

    def _admitted(self, now: datetime) -> tuple[Order, ...]:
        """Let runs begin, as many as each job allows; those that cannot wait are skipped."""
        left: list[Order] = []
        begun: list[Order] = []
        active = dict.fromkeys(self._jobs, 0)
        for order in self._orders:
            if order.is_begun and order.job in active:
                active[order.job] += 1
        for order in self._orders:
            job = self._jobs.get(order.job)
            if job is None or order.is_begun:
                left.append(order)
            elif active[job.name] < job.max_concurrent_runs:
                active[job.name] += 1
                begun.append(replace(order, is_begun=True))
                left.append(begun[-1])
            elif order.can_wait and now - order.decided < LONGEST_IN_QUEUE:
                left.append(order)
            else:
                most = job.max_concurrent_runs
                about = f"{ResultState.MAXIMUM_CONCURRENT_RUNS_REACHED} ({most})"
                self._tell(now, Deed.SKIPPED, order, about)
        self._orders = tuple(left)
        return tuple(begun)

    def _begin(self, order: Order, now: datetime) -> None:
        try:
            self._world.begin(order)
        except OSError as error:
            self._complain(order.run_id, self._jobs[order.job], f"cannot begin: {error}", now)
            return
        meant = order.scheduled
        self._tell(now, Deed.BEGUN, order, "" if meant is None else f"for {meant.isoformat()}")

    def _seconds_to_next(self, now: datetime) -> float:
        seconds = [
            (time - now).total_seconds() if time is not None else rest
            for job in self._jobs.values()
            for trigger in job.triggers
            if (mark := self._marks.get(_key(job, trigger))) is not None
            for time in (next_time(trigger, mark),)
            for rest in (seconds_to_rest(mark, now),)
            if time is not None or rest > 0
        ]
        return max(min(seconds, default=float("inf")), _SHORTEST_WAIT)

    def _still_wanted(self, marks: Mapping[str, Mark]) -> dict[str, Mark]:
        """Leave out marks of triggers that served jobs no longer have."""
        wanted = {_key(job, trigger) for job in self._jobs.values() for trigger in job.triggers}
        served = tuple(f"{name}: " for name in self._jobs)
        return {
            key: mark for key, mark in marks.items() if key in wanted or not key.startswith(served)
        }

    def _write_down(self) -> None:
        ledger = Ledger(dict(self._marks), self._orders)
        if self._saved is None or _differ(ledger, self._saved):
            self._world.save(ledger)
            self._saved = ledger

    def _complain(self, key: str, job: Job, about: str, now: datetime) -> None:
        """Tell a problem, once as long as it stays the same."""
        if self._problems.get(key) != about:
            self._problems[key] = about
            self._world.tell(Notice(now, Deed.PROBLEM, job.name, None, about))

    def _tell(self, now: datetime, deed: Deed, order: Order, about: str, told: str = "") -> None:
        self._world.tell(Notice(now, deed, order.job, order.run_id, about, told))


def _missed(due: Due) -> str:
    if due.more_missed:
        number = min(due.missed, MOST_MISSED)
        return f"more than {number:,} earlier times passed unseen, and are left out"
    if due.missed == 1:
        return "an earlier time passed unseen, and is left out"
    return f"{due.missed:,} earlier times passed unseen, and are left out"


def _key(job: Job, trigger: Trigger) -> str:
    return f"{job.name}: {identity(trigger)}"


def _differ(one: Ledger, other: Ledger) -> bool:
    """Tell whether ledgers differ in more than how far the clock has come."""
    if one.orders != other.orders or one.marks.keys() != other.marks.keys():
        return True
    pairs = ((mark, other.marks[key]) for key, mark in one.marks.items())
    return any(
        replace(a, until=b.until) != b or a.until - b.until >= timedelta(minutes=1)
        for a, b in pairs
    )
