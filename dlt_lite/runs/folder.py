"""One run's folder on the driver's disk: what the run is called, and what it says of itself.

`<state root>/runs/<update id>/` holds `events.ndjson`, `run.json`, and of a pipeline
`manifest.json`, `quality.json` and `spark.log`, of a job `job.json` and the logs of its tasks.
A folder appears together with its `run.json`, which is only ever replaced as a whole. Knows no
other run.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from dlt_lite.runs.disk import (
    make_folder,
    moment_text,
    not_writable,
    read_json,
    sync_folder,
    write_json,
)
from dlt_lite.runs.processes import (
    Process,
    is_alive,
    process_from,
    process_of,
    process_row,
    this_process,
)

_RECORDED = "events_recorded"
_ASKED = "cancel.json"


class RunState(StrEnum):
    """The state of a run as its folder tells it."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    ABANDONED = "ABANDONED"
    UNKNOWN = "UNKNOWN"

    @property
    def is_active(self) -> bool:
        """Whether somebody works on the run, or waits to."""
        return self in {RunState.QUEUED, RunState.RUNNING}


class RunKind(StrEnum):
    """What is run."""

    PIPELINE = "pipeline"
    JOB = "job"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of one run.

    Attributes:
        path: where it lies.
        update_id: the run's id, which is the folder's name.
        pipeline: the pipeline's name, or the job's; empty where `run.json` cannot be read.
        target: the target's name; empty where `run.json` cannot be read.
        kind: whether a pipeline is run or a job.
    """

    path: Path
    update_id: str
    pipeline: str
    target: str
    kind: RunKind = RunKind.PIPELINE

    @classmethod
    def create(  # noqa: PLR0913 - one keyword for each thing that a run is called by
        cls,
        state_root: Path,
        update_id: str,
        *,
        pipeline: str,
        target: str,
        started: datetime,
        storage_root: str | None = None,
        kind: RunKind = RunKind.PIPELINE,
        state: RunState = RunState.RUNNING,
        part_of: str | None = None,
    ) -> RunFolder:
        """Make the folder of a run that begins now, in this process, or waits for its turn.

        Args:
            state_root: the folder on the driver's disk that holds runs and locks.
            update_id: a new id, see `new_update_id`.
            pipeline: the pipeline's name.
            target: the target's name.
            started: when the run began.
            storage_root: URI or path below which its tables lie.
            kind: whether it is a pipeline or a job.
            state: RUNNING, or QUEUED: see `begin`.
            part_of: the run of a job that began it by one of its tasks.

        Returns:
            The folder, with a `run.json` that says so.

        Raises:
            StorageNotWritable: the state root cannot be written, or has a run of that id.
        """
        runs = runs_of(state_root)
        folder = cls(runs / update_id, update_id, pipeline, target, kind)
        unborn = runs / f".{update_id}"
        make_folder(unborn)
        facts = RunFacts(
            folder,
            state,
            started=moment_text(started),
            host=socket.gethostname(),
            python=this_process(),
            storage_root=storage_root,
            part_of=part_of,
        )
        try:
            write_json(unborn / "run.json", _row(facts))
            unborn.rename(folder.path)
            sync_folder(runs)
        except OSError as error:
            raise not_writable(folder.path, error) from error
        finally:
            shutil.rmtree(unborn, ignore_errors=True)
        return folder

    @property
    def events(self) -> Path:
        """The file of its events."""
        return self.path / "events.ndjson"

    @property
    def run_file(self) -> Path:
        """The file that says what it is and how it ended."""
        return self.path / "run.json"

    @property
    def manifest(self) -> Path:
        """The file of its resolved graph."""
        return self.path / "manifest.json"

    @property
    def quality(self) -> Path:
        """The file of what its rules decided."""
        return self.path / "quality.json"

    @property
    def job_file(self) -> Path:
        """The file of what became of a job's tasks."""
        return self.path / "job.json"

    @property
    def spark_log(self) -> Path:
        """The file of what Spark logs."""
        return self.path / "spark.log"

    def jvm_started(self, pid: int) -> None:
        """Record the JVM that works for the run."""
        write_json(self.run_file, _row(replace(self._facts(), jvm=process_of(pid))))

    def begin(self, now: datetime) -> None:
        """Record that a run whose turn it was to wait for begins."""
        facts = replace(self._facts(), state=RunState.RUNNING, started=moment_text(now))
        write_json(self.run_file, _row(facts))

    def ask_to_end(self, now: datetime) -> datetime | None:
        """Record that the run is asked to end.

        Returns:
            When it was asked before, None where this is the first time.

        Raises:
            StorageNotWritable: the disk refused it.
        """
        asked = self.path / _ASKED
        found = read_json(asked)
        if found is not None:
            return datetime.fromisoformat(str(found["asked"]))
        write_json(asked, {"asked": now.astimezone(UTC).isoformat()})
        return None

    def sign(self) -> None:
        """Give a sign of life: whoever finds the run abandoned knows when that was."""
        with suppress(OSError):
            os.utime(self.run_file)

    def is_asked_to_end(self) -> bool:
        """Tell whether somebody has asked the run to end."""
        return (self.path / _ASKED).exists()

    def remove(self) -> None:
        """Take away the folder of a run that never began."""
        shutil.rmtree(self.path, ignore_errors=True)

    def reopen(self, now: datetime) -> None:
        """Record that a run that had ended goes on, in this process.

        Args:
            now: the time it is; what has passed since its end was no work.

        Raises:
            StorageNotWritable: the disk refused it.
        """
        before = self._facts()
        (self.path / _ASKED).unlink(missing_ok=True)
        ended = datetime.fromisoformat(before.ended) if before.ended else last_sign(self)
        facts = replace(
            before,
            idle=before.idle + max((now - ended).total_seconds(), 0.0),
            state=RunState.RUNNING,
            ended=None,
            result=None,
            host=socket.gethostname(),
            python=this_process(),
            jvm=None,
        )
        write_json(self.run_file, _row(facts))

    def finish(self, state: RunState, ended: datetime, result: str | None = None) -> None:
        """Record how the run ended, and when.

        Args:
            state: how it ended.
            ended: when.
            result: of a job, how it ended in Databricks' words.
        """
        facts = replace(self._facts(), state=state, ended=moment_text(ended), result=result)
        write_json(self.run_file, _row(facts))

    def events_recorded(self) -> None:
        """Mark that the run's events are in the Delta event table."""
        try:
            (self.path / _RECORDED).touch()
            sync_folder(self.path)
        except OSError as error:
            raise not_writable(self.path, error) from error

    def has_recorded_events(self) -> bool:
        """Tell whether the run's events are marked as being in the Delta event table."""
        return (self.path / _RECORDED).exists()

    def _facts(self) -> RunFacts:
        """Return what is known of the run; what it is called outlives a damaged file."""
        facts = stored_facts(self.path)
        if facts.state is RunState.UNKNOWN:
            host, python = socket.gethostname(), this_process()
            return RunFacts(self, RunState.RUNNING, host=host, python=python)
        return facts


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a run's folder says of the run.

    Attributes:
        folder: the folder.
        state: its state; ABANDONED where it says RUNNING but its process is gone.
        started: when it began, or to wait in the queue, ISO 8601 in UTC; None where unknown.
        ended: when it ended; None while it runs.
        idle: how many seconds between these passed before repairs, in which nothing was done.
        host: the machine it runs on.
        python: its Python process.
        jvm: its JVM, once known.
        storage_root: URI or path below which its tables lie.
        events_recorded: whether its events are in the Delta event table.
        result: of a job that has ended, its result as Databricks calls it, where it was recorded.
        part_of: the run of a job that began it by one of its tasks; None for all others.
    """

    folder: RunFolder
    state: RunState
    started: str | None = None
    ended: str | None = None
    host: str | None = None
    python: Process | None = None
    jvm: Process | None = None
    storage_root: str | None = None
    events_recorded: bool = False
    idle: float = 0.0
    result: str | None = None
    part_of: str | None = None


def new_update_id(now: datetime) -> str:
    """Return a new run's id, such as `20261124T231900Z-1f49c1ab`; ids sort by time."""
    moment = now.astimezone(UTC)
    milliseconds = moment.microsecond // 1000
    return f"{moment:%Y%m%dT%H%M%SZ}-{milliseconds:03x}{secrets.randbits(20):05x}"


def runs_of(state_root: Path) -> Path:
    """Return the folder that holds the runs."""
    return state_root / "runs"


def task_log(run: Path, key: str, iteration: int | None, attempt: int) -> Path:
    """Return the file of what an attempt of a task printed.

    Args:
        run: the folder of the run.
        key: the task's key.
        iteration: the number of the iteration of a for_each task, None outside of one.
        attempt: the number of the attempt in the run.
    """
    folder = run / "tasks" / key
    if iteration is not None:
        folder /= f"iteration-{iteration}"
    return folder / f"attempt-{attempt}.log"


def stored_facts(path: Path) -> RunFacts:
    """Return what a run's folder says; UNKNOWN where `run.json` is missing or torn.

    Raises:
        StateTooNew: a newer dlt_lite wrote it.
    """
    plain = read_json(path / "run.json")
    nothing = RunFacts(RunFolder(path, path.name, "", ""), RunState.UNKNOWN)
    try:
        facts = nothing if plain is None else _facts(path, plain)
    except (KeyError, TypeError, ValueError):
        facts = nothing
    return replace(facts, events_recorded=facts.folder.has_recorded_events())


def judged_facts(path: Path) -> RunFacts:
    """Return what a run's folder says; ABANDONED where it is active and nobody is there.

    Raises:
        StateTooNew: a newer dlt_lite wrote it.
    """
    facts = stored_facts(path)
    here = facts.state.is_active and facts.host == socket.gethostname()
    if here and facts.python is not None and not is_alive(facts.python):
        # It may have ended between the two looks.
        facts = stored_facts(path)
        if facts.state.is_active:
            return replace(facts, state=RunState.ABANDONED)
    return facts


def mark_abandoned(facts: RunFacts) -> RunFacts:
    """Write down that a run was abandoned, ended when it gave its last sign of life.

    Raises:
        StorageNotWritable: the disk refused it.
    """
    folder = facts.folder
    ended = moment_text(last_sign(folder))
    marked = replace(facts, state=RunState.ABANDONED, ended=ended)
    write_json(folder.run_file, _row(marked))
    return marked


def has_signed(path: Path, since: datetime) -> bool:
    """Tell whether a run has given a sign of life since a moment; its folder may be gone."""
    try:
        return (path / "run.json").stat().st_mtime >= since.timestamp()
    except OSError:
        return False


def last_sign(folder: RunFolder) -> datetime:
    """Return when a run gave its last sign of life."""
    signs = [path.stat().st_mtime for path in (folder.events, folder.run_file) if path.exists()]
    return datetime.fromtimestamp(max(signs, default=0.0), UTC)


def _row(facts: RunFacts) -> dict[str, Any]:
    return {
        "update_id": facts.folder.update_id,
        "pipeline": facts.folder.pipeline,
        "target": facts.folder.target,
        "kind": facts.folder.kind,
        "state": facts.state,
        "started": facts.started,
        "ended": facts.ended,
        "host": facts.host,
        "python": process_row(facts.python),
        "jvm": process_row(facts.jvm),
        "storage_root": facts.storage_root,
        "idle": facts.idle,
        "result": facts.result,
        "part_of": facts.part_of,
    }


def _facts(path: Path, plain: Mapping[str, Any]) -> RunFacts:
    return RunFacts(
        RunFolder(
            path,
            path.name,
            str(plain["pipeline"]),
            str(plain["target"]),
            RunKind(plain.get("kind", RunKind.PIPELINE)),
        ),
        RunState(plain["state"]),
        plain["started"],
        plain["ended"],
        plain["host"],
        process_from(plain["python"]),
        process_from(plain["jvm"]),
        plain["storage_root"],
        idle=float(plain.get("idle", 0.0)),
        result=plain.get("result"),
        part_of=plain.get("part_of"),
    )
