"""Runs of jobs on the driver's disk: begun, recorded, looked up after whatever happened, repaired.

A run's folder holds its events, each on the disk before anything follows from it, and `job.json`,
what became of its tasks, replaced as a whole. What a killed run did is in its events. A job has as
many locks as runs of it may be active; a run that is begun or repaired holds one of them, and the
next one takes over those of the dead. Of those who wait for one, the first to come is the first to
go: nobody tries for a lock as long as somebody waits who came before.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from dlt_lite.errors import Busy, Canceled, StorageNotWritable, UnknownRun
from dlt_lite.events.records import Event
from dlt_lite.events.sinks import Emitter, NdjsonFile, Sink, read_ndjson
from dlt_lite.jobs.calls import Control, RunTask, Timing
from dlt_lite.jobs.history import JobRun, job_run_of
from dlt_lite.jobs.orchestrator import (
    cancel_unbegun,
    check_request,
    repair_job,
    repair_request,
    run_job,
)
from dlt_lite.jobs.repair import is_to_repair
from dlt_lite.jobs.requests import Crew, JobOutcome, RunRequest
from dlt_lite.model.jobs import Job
from dlt_lite.model.outcomes import ResultState
from dlt_lite.runs.disk import not_writable, write_json
from dlt_lite.runs.folder import (
    RunFacts,
    RunFolder,
    RunKind,
    RunState,
    has_signed,
    judged_facts,
    runs_of,
    stored_facts,
)
from dlt_lite.runs.history import came_in_turn, list_runs, queued_runs, run_facts
from dlt_lite.runs.lock import JOB_RUN, PipelineLock, acquire

# As on Databricks, whoever has waited for two days is refused.
_LONGEST_IN_QUEUE = 48 * 3600.0
_LOOK = 1.0
# Whoever waits gives a sign at each look; who has given none for so long is not waited for.
_LONGEST_SILENCE = timedelta(minutes=1)
# Between two signs of life: as well as one knows afterwards when a run was killed.
_SIGNS = 2.0
_ENDED_AS = {
    ResultState.SUCCESS: RunState.COMPLETED,
    ResultState.SUCCESS_WITH_FAILURES: RunState.COMPLETED,
    ResultState.CANCELED: RunState.CANCELED,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where runs lie, and who works on them.

    Attributes:
        state_root: the folder on the driver's disk that holds runs and locks.
        target: the target's name.
        run_task: carries one attempt of one task out.
        timing: the clocks.
        refuse: raises a `DltLiteError` where a request cannot be carried out here.
        sinks: who else is told of every event.
        on_note: takes what a person should know.
        part_of: the run whose task begins the runs; None where a person or a scheduler does.
    """

    state_root: Path
    target: str
    run_task: RunTask
    timing: Timing
    refuse: Callable[[Job, RunRequest], None] = lambda *_: None
    sinks: Sequence[Sink] = ()
    on_note: Callable[[str], None] = lambda _: None
    part_of: str | None = None


def start_run(job: Job, request: RunRequest, place: Place, control: Control) -> JobOutcome:
    """Run a job, and record it in a folder of its own.

    Args:
        job: a job without problems, see `validation`.
        request: what is asked, with a new run's id: see `new_update_id`.
        place: where, and by whom.
        control: the handle by which others cancel it.

    Raises:
        Busy: as many runs of the job are active as may be, and the job has no queue.
        Canceled: it was cancelled while it waited for others to end.
        DltLiteError: the request asks for what the job has not; nothing was begun.
        StorageNotWritable: the disk refused it; what was recorded can be repaired.
    """
    _check(job, request, place)
    refuse_known_id(place.state_root, request.run_id)
    with _begun(job, request, place, control) as folder, _recording(folder, place) as record:
        control.once_canceled(partial(_asked_to_end, folder, place))
        return record(run_job(job, request, _crew(folder, place), control))


def repair_run(
    job: Job, run_id: str, given: Mapping[str, str], place: Place, control: Control
) -> JobOutcome | None:
    """Run again what did not succeed in a run: the same run, a new attempt.

    Args:
        job: the job as it is now, without problems.
        run_id: the run, or the beginning of its id.
        given: values for parameters.
        place: where, and by whom.
        control: the handle by which others cancel it.

    Returns:
        How it ended, None where nothing was left to do.

    Raises:
        UnknownRun: no run of a job begins so, or it is another job's.
        Busy: the run is still going on, or as many runs of the job are active as may be.
        StorageNotWritable: the disk refused it.
    """
    with _slot(job, run_id, place):
        facts, run = find_run(place.state_root, run_id)
        if facts.state is RunState.RUNNING:
            what = f"run {facts.folder.update_id} of job {job.name!r} is still going on"
            raise Busy(what, fix="wait for it to end, or cancel it; then repair it")
        if run.job != job.name:
            what = f"run {facts.folder.update_id} is one of job {run.job!r}, not of {job.name!r}"
            raise UnknownRun(what, fix=f"repair it as a run of {run.job!r}")
        if not is_to_repair(job, run):
            return None
        folder = facts.folder
        _check(job, repair_request(job, run, given), place)
        folder.reopen(place.timing.now())
        with _recording(folder, place) as record:
            control.once_canceled(partial(_asked_to_end, folder, place))
            outcome = repair_job(job, run, given, _crew(folder, place, run), control)
            return None if outcome is None else record(outcome)


def _asked_to_end(folder: RunFolder, place: Place) -> None:
    """Let whoever asks again know; where that cannot be written, the run ends all the same."""
    with suppress(StorageNotWritable):
        folder.ask_to_end(place.timing.now())


def _check(job: Job, request: RunRequest, place: Place) -> None:
    check_request(job, request, place.timing.now())
    place.refuse(job, request)


def refuse_known_id(state_root: Path, run_id: str) -> None:
    """Refuse a run whose id is that of one that there has been.

    Raises:
        Busy: there has been such a run; whoever asks twice for one run gets it once.
    """
    if (runs_of(state_root) / run_id).exists():
        raise Busy(f"run {run_id} has been begun before", fix="repair it, or run the job anew")


def find_run(state_root: Path, run_id: str) -> tuple[RunFacts, JobRun]:
    """Return what a run's folder says of it, and what became of its tasks.

    Args:
        state_root: the folder on the driver's disk that holds runs and locks.
        run_id: the run, or the beginning of its id.

    Returns:
        The facts, ABANDONED where it was killed; and the fold of its events.

    Raises:
        UnknownRun: no run of a job begins so, or it has not begun.
        StateTooNew: a newer dlt_lite wrote it.
    """
    facts = run_facts(state_root, run_id)
    if facts.state is RunState.QUEUED:
        what = f"run {facts.folder.update_id} waits in the queue of job {facts.folder.pipeline!r}"
        raise UnknownRun(what, fix="ask again once it has begun, or cancel it")
    run = job_run_of(read_ndjson(facts.folder.events))
    if run is None:
        fix = "list the runs of jobs; a pipeline's update is repaired by running it again"
        what = f"{facts.folder.update_id} is no run of a job, or was killed before it began"
        raise UnknownRun(what, fix=fix)
    return facts, run


def runs_of_jobs(
    state_root: Path, *, target: str | None = None, job: str | None = None
) -> tuple[RunFacts, ...]:
    """Return the runs of jobs, newest first; one that was killed is ABANDONED.

    Args:
        state_root: the folder on the driver's disk that holds runs and locks.
        target: only those of this target.
        job: only those of this job.
    """
    return list_runs(state_root, target=target, pipeline=job, kind=RunKind.JOB)


def _crew(folder: RunFolder, place: Place, before: JobRun | None = None) -> Crew:
    file = NdjsonFile(folder.events)

    def on_disk(event: Event) -> None:
        try:
            file(event)
        except OSError as error:
            raise not_writable(folder.events, error) from error

    first = 0 if before is None else len(read_ndjson(folder.events))
    sinks = (on_disk, *place.sinks)
    emitter = Emitter(folder.update_id, folder.pipeline, place.timing.now, sinks, first=first)
    return Crew(place.run_task, emitter, place.timing)


@contextmanager
def _recording(folder: RunFolder, place: Place) -> Iterator[Callable[[JobOutcome], JobOutcome]]:
    """Give a function that writes down how a run ended; without its call, it is abandoned."""
    ended = RunState.ABANDONED

    def record(outcome: JobOutcome) -> JobOutcome:
        nonlocal ended
        # The summary first: whoever reads that the run has ended will look for it.
        run = job_run_of(read_ndjson(folder.events))
        if run is not None:
            write_json(folder.job_file, asdict(run))
        ended = _ENDED_AS.get(outcome.result, RunState.FAILED)
        folder.finish(ended, place.timing.now(), outcome.result)
        return outcome

    over = threading.Event()

    def give_signs() -> None:
        while not over.wait(_SIGNS):
            folder.sign()

    threading.Thread(target=give_signs, name="dlt_lite-signs", daemon=True).start()
    try:
        yield record
    finally:
        over.set()
        if ended is RunState.ABANDONED:
            # Where not even this can be written, the run is seen as abandoned with its process.
            with suppress(StorageNotWritable):
                folder.finish(ended, place.timing.now())


@contextmanager
def _begun(job: Job, request: RunRequest, place: Place, control: Control) -> Iterator[RunFolder]:
    """Hold one of the job's locks, and the folder of a run that begins.

    Where there is a queue, wait for the lock; the folder says so. A run that never begins leaves
    nothing, but where somebody cancels it: then it has ended so.
    """
    run_id = request.run_id
    with ExitStack() as held:
        ahead = _queue(job, place) if job.queue else ()
        lock, refused = _lock_in_turn(job, run_id, place, ahead)
        if lock is not None:
            held.enter_context(lock)
            refuse_known_id(place.state_root, run_id)
            folder = _folder(job, run_id, place, RunState.RUNNING)
        elif not job.queue:
            raise refused
        else:
            place.on_note(f"run {run_id} waits in the queue: {refused.what}")
            folder = _folder(job, run_id, place, RunState.QUEUED)
            with _told_if_canceled(job, request, folder, place):
                held.enter_context(_awaited(job, folder, place, control))
                folder.begin(place.timing.now())
        yield folder


@contextmanager
def _told_if_canceled(
    job: Job, request: RunRequest, folder: RunFolder, place: Place
) -> Iterator[None]:
    """Leave nothing of a run that does not begin, but where it was cancelled: then it says so."""
    try:
        yield
    except Canceled:
        with _recording(folder, place) as record:
            record(cancel_unbegun(job, request, _crew(folder, replace(place, sinks=()))))
        raise
    except BaseException:
        folder.remove()
        raise


def _folder(job: Job, run_id: str, place: Place, state: RunState) -> RunFolder:
    return RunFolder.create(
        place.state_root,
        run_id,
        pipeline=job.name,
        target=place.target,
        started=place.timing.now(),
        kind=RunKind.JOB,
        state=state,
        part_of=place.part_of,
    )


def _queue(job: Job, place: Place) -> tuple[RunFacts, ...]:
    """Return the runs that wait for one of the job's locks, the one that came first first."""
    since = place.timing.now() - _LONGEST_SILENCE
    return queued_runs(place.state_root, target=place.target, pipeline=job.name, since=since)


def _awaited(job: Job, folder: RunFolder, place: Place, control: Control) -> PipelineLock:
    """Wait for one of the job's locks, until somebody cancels."""
    run_id = folder.update_id
    own = came_in_turn(stored_facts(folder.path))
    # Who comes later is never ahead, so that it is enough to look for the others once.
    ahead = tuple(each for each in _queue(job, place) if came_in_turn(each) < own)
    deadline = place.timing.elapsed() + _LONGEST_IN_QUEUE
    while True:
        place.timing.wait(control.run_canceled, _LOOK)
        if control.run_canceled.is_set():
            raise Canceled(f"run {run_id} of job {job.name!r} was cancelled in the queue")
        folder.sign()
        ahead = tuple(each for each in ahead if _waits_on(each.folder, place))
        lock, refused = _lock_in_turn(job, run_id, place, ahead)
        if lock is not None:
            return lock
        if place.timing.elapsed() >= deadline:
            raise refused


def _waits_on(folder: RunFolder, place: Place) -> bool:
    since = place.timing.now() - _LONGEST_SILENCE
    return has_signed(folder.path, since) and judged_facts(folder.path).state is RunState.QUEUED


def _lock_in_turn(
    job: Job, run_id: str, place: Place, ahead: Sequence[RunFacts]
) -> tuple[PipelineLock | None, Busy]:
    """Return one of the job's locks, None where none is free or others wait who came before."""
    if not ahead:
        return _free_lock(job, run_id, place)
    first = ahead[0].folder.update_id
    others = f"run {first} waits" if len(ahead) == 1 else f"{len(ahead)} runs, {first} first, wait"
    fix = f"wait for it to end, or cancel it: `runs cancel {first}`"
    return None, Busy(f"{others} before it for job {job.name!r}", fix=fix)


@contextmanager
def _slot(job: Job, run_id: str, place: Place) -> Iterator[None]:
    """Hold one of the job's locks."""
    lock, refused = _free_lock(job, run_id, place)
    if lock is None:
        raise refused
    with lock:
        yield


def _free_lock(job: Job, run_id: str, place: Place) -> tuple[PipelineLock | None, Busy]:
    """Return one of the job's locks that was free, None where none was; and why none was."""
    now = place.timing.now()
    refused: Busy | None = None
    for number in range(job.max_concurrent_runs):
        try:
            return _lock(job, run_id, place, number, now), Busy("")
        except Busy as error:
            refused = error
    most = job.max_concurrent_runs
    cause = "" if refused is None else f": {refused.what}"
    fix = None if refused is None else refused.fix
    return None, Busy(
        f"job {job.name!r} has as many active runs as it may ({most}){cause}", fix=fix
    )


def _lock(job: Job, run_id: str, place: Place, number: int, now: datetime) -> PipelineLock:
    return acquire(
        place.state_root,
        target=place.target,
        pipeline=f"job {job.name} {number}",
        update_id=run_id,
        since=now,
        held=JOB_RUN,
    )
