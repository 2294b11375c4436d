"""One update of a pipeline: lock, run folder, session, corridor, tables of the past; and back."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dlt_lite.errors import (
    Busy,
    Canceled,
    ConfigProblem,
    DefinitionProblem,
    DltLiteError,
    EnvironmentProblem,
    ResetNeedsConsent,
    SessionFailed,
    each_of,
)
from dlt_lite.events.codec import COLUMNS
from dlt_lite.events.records import CreateUpdate, RuntimeDetails, UpdateProgress, UpdateState
from dlt_lite.events.samples import BoundedSamples, without_samples
from dlt_lite.events.sinks import (
    Emit,
    Emitter,
    NdjsonFile,
    Sink,
    batch_event_id,
    line_of,
    read_ndjson,
)
from dlt_lite.model.requests import UpdateRequest
from dlt_lite.model.result_rows import RESULT_COLUMNS, result_rows
from dlt_lite.model.settings import PipelineSettings
from dlt_lite.plan.warnings import lost_rows
from dlt_lite.report.quality import quality_of
from dlt_lite.report.summary import UpdateResult, update_result
from dlt_lite.runs.folder import (
    RunFolder,
    RunState,
    mark_abandoned,
    new_update_id,
    runs_of,
    stored_facts,
)
from dlt_lite.runs.history import unrecorded
from dlt_lite.runs.lock import PipelineLock, acquire
from dlt_lite.runs.manifest import Manifest, write_manifest
from dlt_lite.runs.quality import write_results
from dlt_lite.version import VERSION

if TYPE_CHECKING:
    from dlt_lite.engine.session import EngineSession
    from dlt_lite.model.names import DatasetName
    from dlt_lite.pipeline import Analysed, Ways

Confirm = Callable[[str], bool]
_ASKS = (ConfigProblem, DefinitionProblem, EnvironmentProblem, Busy)
_ENDS = {
    UpdateState.COMPLETED: RunState.COMPLETED,
    UpdateState.FAILED: RunState.FAILED,
    UpdateState.CANCELED: RunState.CANCELED,
}


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who is told of an update while it runs.

    Attributes:
        sinks: take every event.
        confirm: asked before rows are lost; None says no.
        stop: set to stop after what is running.
        on_session: called once Spark runs.
        on_note: takes what a person should know.
        on_point: called at each named point between reading and acknowledging.
        session: the session to work in; None to open one.
        neighbours: gives the graphs that the project's other pipelines left last.
    """

    sinks: Sequence[Sink] = ()
    confirm: Confirm | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    on_session: Callable[[], None] = lambda: None
    on_note: Callable[[str], None] = lambda _: None
    on_point: Callable[[str], None] = lambda _: None
    session: EngineSession | None = None
    neighbours: Callable[[], Iterable[Manifest]] = tuple


def run_update(
    settings: PipelineSettings,
    request: UpdateRequest,
    listeners: Listeners,
    environ: Mapping[str, str],
) -> UpdateResult:
    """Run an update.

    Args:
        settings: the pipeline's settings.
        request: what is asked for.
        listeners: who is told.
        environ: the environment.

    Returns:
        What became of it; its state is FAILED where a dataset failed, or where what lies on disk
        does not fit (DLT4xx), one thing or several: then its error tells of them.

    Raises:
        DltLiteError: nothing could be begun: configuration, definitions, lock, environment; of
            several errors found together, one is of these.
    """
    update_id = new_update_id(now())
    with (
        acquire(
            settings.state_root,
            target=settings.target,
            pipeline=settings.name,
            update_id=update_id,
            since=now(),
        ) as lock,
        contextlib.chdir(settings.project_root),
    ):
        return _Update(update_id, settings, request, listeners, environ).run(lock)


@contextlib.contextmanager
def open_session(
    settings: PipelineSettings,
    environ: Mapping[str, str],
    on_note: Callable[[str], None] = lambda _: None,
    log: Path | None = None,
) -> Iterator[EngineSession]:
    """Open the session that a pipeline asks for, and give it back.

    Args:
        settings: the pipeline's settings.
        environ: the environment.
        on_note: takes what a person should know.
        log: where Spark's own log goes.

    Raises:
        EnvironmentProblem: Spark cannot be had here.
    """
    from dlt_lite.engine.session import start_session, stop_session  # noqa: PLC0415 - Spark
    from dlt_lite.engine.standing import standing_in  # noqa: PLC0415 - imports Spark

    session = start_session(settings.engine, environ=environ, log_file=log, emit_note=on_note)
    try:
        with standing_in(session.spark, settings.project_root):
            yield session
    finally:
        stop_session(session)


def ways_of(update_id: str, emit: Emit, listeners: Listeners, state_root: Path) -> Ways:
    """Return the ways by which the corridor tells of an update and is told to stop."""
    from dlt_lite.pipeline import Ways  # noqa: PLC0415 - imports Spark

    def was_reported(update: str, flow_id: str, batch: int) -> bool:
        wanted = batch_event_id(flow_id, batch)
        events = read_ndjson(runs_of(state_root) / update / "events.ndjson")
        return any(event.envelope.id == wanted for event in events)

    return Ways(update_id, emit, listeners.stop, was_reported, listeners.on_point, now())


def now() -> datetime:
    """Return the time, with its zone."""
    return datetime.now(UTC)  # noqa: TID251 - the clock is read here and handed down


class _Update:
    """One update under its lock."""

    def __init__(
        self,
        update_id: str,
        settings: PipelineSettings,
        request: UpdateRequest,
        listeners: Listeners,
        environ: Mapping[str, str],
    ) -> None:
        self._id = update_id
        self._settings = settings
        self._request = request
        self._listeners = listeners
        self._environ = environ

    def run(self, lock: PipelineLock) -> UpdateResult:
        settings = self._settings
        earlier = unrecorded(settings.state_root, target=settings.target, pipeline=settings.name)
        for facts in earlier:
            if facts.state is RunState.ABANDONED:
                mark_abandoned(facts)
                self._listeners.on_note(f"update {facts.folder.update_id} was ABANDONED")
        folder = RunFolder.create(
            settings.state_root,
            self._id,
            pipeline=settings.name,
            target=settings.target,
            started=now(),
            storage_root=settings.storage_root,
            part_of=self._request.part_of,
        )
        sinks: tuple[Sink, ...] = (NdjsonFile(folder.events), *self._listeners.sinks)
        emit = BoundedSamples(Emitter(self._id, settings.name, now, sinks), settings.samples)
        emit(CreateUpdate("USER_ACTION", settings.target, _config(self._request)))
        emit(UpdateProgress(UpdateState.INITIALIZING))
        try:
            error = self._settled(lock, folder, emit, [each.folder for each in earlier])
        finally:
            folder.finish(_run_state(folder), now())
            self._leave_results(folder)
        if error is not None and any(isinstance(each, _ASKS) for each in each_of(error)):
            raise error
        return update_result(read_ndjson(folder.events))

    def _settled(
        self, lock: PipelineLock, folder: RunFolder, emit: Emit, earlier: list[RunFolder]
    ) -> DltLiteError | None:
        """Carry the update out; return the error that ended it, None where it came to its end."""
        import dlt_lite.pipeline  # noqa: F401, PLC0415 - imports Spark, before its start is counted
        from dlt_lite.engine.exceptions import SPARK_ERRORS  # noqa: PLC0415

        try:
            with self._session(folder) as session:
                lock.jvm_started(session.jvm_pid)
                folder.jvm_started(session.jvm_pid)
                self._listeners.on_session()
                emit(RuntimeDetails(_versions(session)))
                self._get_ready_to_record(session)
                error = self._carried_out(session, folder, emit)
                self._leave_results(folder)
                self._record_events(session, [*earlier, folder])
                if error is None and self._listeners.session is None:
                    _make_archive(session, self._environ)
                return error
        except (DltLiteError, *SPARK_ERRORS) as error:
            return self._told(error, emit)

    def _told(self, error: Exception, emit: Emit) -> DltLiteError:
        """Tell of the error that ended the update; raise it again where it is none of ours."""
        if self._is_of_the_stop(error):
            emit(UpdateProgress(UpdateState.CANCELED))
            return Canceled("the update was stopped", fix="run it again: it goes on from there")
        if not isinstance(error, DltLiteError):
            raise error
        emit(UpdateProgress(UpdateState.FAILED, error=str(error)))
        return error

    def _is_of_the_stop(self, error: Exception) -> bool:
        """Return whether Spark is gone since whoever asked us to stop has ended it, too."""
        from dlt_lite.engine.exceptions import is_dead  # noqa: PLC0415 - imports Spark

        is_gone = isinstance(error, SessionFailed) or is_dead(error)
        return is_gone and self._listeners.stop.is_set()

    def _session(self, folder: RunFolder) -> contextlib.AbstractContextManager[EngineSession]:
        if self._listeners.session is not None:
            return contextlib.nullcontext(self._listeners.session)
        return open_session(
            self._settings, self._environ, self._listeners.on_note, folder.spark_log
        )

    def _carried_out(
        self, session: EngineSession, folder: RunFolder, emit: Emit
    ) -> DltLiteError | None:
        from dlt_lite import pipeline as corridor  # noqa: PLC0415 - imports Spark
        from dlt_lite.engine.exceptions import SPARK_ERRORS  # noqa: PLC0415

        try:
            analysed = corridor.analyse(self._settings, session.spark)
            for note in analysed.loaded.definitions.notes:
                self._listeners.on_note(note)
            for record in corridor.definition_records(analysed):
                emit(record)
            ways = ways_of(self._id, emit, self._listeners, self._settings.state_root)
            context = corridor.context_of(analysed, ways)
            plan = corridor.plan_of(analysed, context, self._request)
            for record in corridor.planning_records(analysed, plan):
                emit(record)
            told = corridor.warnings(analysed, plan, self._listeners.neighbours())
            for note in told:
                self._listeners.on_note(note)
            self._ask(lost_rows(plan, analysed.graph), told)
            self._leave_manifest(analysed, plan.versions, folder)
            emit(UpdateProgress(UpdateState.RUNNING))
            outcomes = corridor.execute(context, plan)
            after = corridor.versions_after(analysed, plan, outcomes)
            self._leave_manifest(analysed, after, folder)
            emit(UpdateProgress(corridor.final_state(outcomes, stopped=ways.stop.is_set())))
        except (DltLiteError, *SPARK_ERRORS) as error:
            return self._told(error, emit)
        return None

    def _leave_manifest(
        self, analysed: Analysed, versions: Mapping[DatasetName, int], folder: RunFolder
    ) -> None:
        from dlt_lite.pipeline import manifest_of  # noqa: PLC0415 - imports Spark

        resolved_at = now().isoformat(timespec="seconds").replace("+00:00", "Z")
        manifest = manifest_of(analysed, versions, update_id=self._id, resolved_at=resolved_at)
        write_manifest(folder, manifest)

    def _leave_results(self, folder: RunFolder) -> None:
        """Write what the rules decided, unless that is done; nothing else depends on it."""
        if folder.quality.exists():
            return
        try:
            write_results(folder, quality_of(stored_facts(folder.path)))
        except (DltLiteError, OSError, ValueError) as error:
            self._listeners.on_note(f"the results of the rules could not be written: {error}")

    def _ask(self, lost: str, told: Sequence[str]) -> None:
        if not lost or self._request.yes:
            return
        facts = "; ".join((lost, *told))
        question = (
            f"A full refresh empties these tables first and then reads their sources again; it is "
            f"not atomic. {facts[0].upper()}{facts[1:]}. Go on?"
        )
        if self._listeners.confirm is None or not self._listeners.confirm(question):
            raise ResetNeedsConsent(lost, fix="put the files back, or say --yes")

    def _get_ready_to_record(self, session: EngineSession) -> None:
        """Load what writing events takes, beside the work that comes first."""
        from dlt_lite.storage.event_table import get_ready  # noqa: PLC0415 - imports Spark
        from dlt_lite.storage.layout import Layout  # noqa: PLC0415

        path = Layout(self._settings.storage_root, self._settings.name).events()
        arguments = (session.spark, path, COLUMNS)
        threading.Thread(target=get_ready, args=arguments, daemon=True).start()

    def _record_events(self, session: EngineSession, folders: list[RunFolder]) -> None:
        """Write what this update, and those that could not, tell into the tables of the past."""
        from dlt_lite.engine.exceptions import SPARK_ERRORS  # noqa: PLC0415 - imports Spark

        for folder in folders:
            if not folder.events.exists():
                continue
            try:
                self._record(session, folder)
            except (DltLiteError, *SPARK_ERRORS) as error:
                if not self._is_of_the_stop(error):
                    self._listeners.on_note(f"the event table could not be written: {error}")
                return  # All of it is safe in the run folder; the next update writes it.
            folder.events_recorded()

    def _record(self, session: EngineSession, folder: RunFolder) -> None:
        from dlt_lite.storage.event_table import record_told  # noqa: PLC0415 - imports Spark
        from dlt_lite.storage.layout import Layout  # noqa: PLC0415

        spark, update_id = session.spark, folder.update_id
        layout = Layout(self._settings.storage_root, self._settings.name)
        events = "\n".join(line_of(without_samples(each)) for each in read_ndjson(folder.events))
        record_told(spark, layout.events(), COLUMNS, update_id, events)
        rows = result_rows(quality_of(stored_facts(folder.path)))
        # Names and texts may hold half a character, which no table takes.
        lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        if results := lines.encode("utf-8", "replace").decode():
            record_told(spark, layout.quality_results(), RESULT_COLUMNS, update_id, results)


def _config(request: UpdateRequest) -> dict[str, str]:
    given = {
        "select": " ".join(request.select),
        "full_refresh": "all" if request.full_refresh_all else " ".join(request.full_refresh),
        "reset_checkpoint": " ".join(request.reset_checkpoint),
    }
    if (asked := request.quarantine) is not None:
        given["quarantine"] = f"{asked.verb} {asked.dataset}"
        given["where"] = asked.where or ""
    return {key: value for key, value in given.items() if value}


def _run_state(folder: RunFolder) -> RunState:
    """Return how a run ended; one whose events break off before its end did not go well."""
    states = [
        event.record.state
        for event in read_ndjson(folder.events)
        if isinstance(event.record, UpdateProgress)
    ]
    return _ENDS.get(states[-1], RunState.FAILED) if states else RunState.FAILED


def _versions(session: EngineSession) -> dict[str, str]:
    from importlib.metadata import version  # noqa: PLC0415 - costs start time

    return {
        "dlt_lite": VERSION,
        "spark": session.spark.version,
        "delta": version("delta-spark"),
    }


def _make_archive(session: EngineSession, environ: Mapping[str, str]) -> None:
    from dlt_lite.engine.archive import make_archive_in_background  # noqa: PLC0415

    make_archive_in_background(session.archive, environ=environ, now=time.time())
