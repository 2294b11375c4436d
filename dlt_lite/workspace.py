"""A project in Python: the commands' own form, `Project.load().run("clickstream")`.

Opens a session where one is needed and gives it back, keeps the run folder and the lock, and lets
the corridor do the work. `validate` and `plan` write nothing below project and storage root.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from dlt_lite.errors import (
    BadSelection,
    Busy,
    ConfigProblem,
    DefinitionProblem,
    DltLiteError,
    EnvironmentProblem,
    ErrorGroup,
    NeedsAnalyze,
    OwnedTwice,
    ResetNeedsConsent,
    UnknownPipeline,
    raise_together,
)
from dlt_lite.events.codec import COLUMNS_DDL
from dlt_lite.events.records import (
    CreateUpdate,
    Event,
    RuntimeDetails,
    UpdateProgress,
    UpdateState,
)
from dlt_lite.events.sinks import (
    Emit,
    Emitter,
    NdjsonFile,
    Sink,
    batch_event_id,
    line_of,
    read_ndjson,
)
from dlt_lite.jobs.calls import Control
from dlt_lite.jobs.catalogue import job_of, jobs_of
from dlt_lite.jobs.requests import RunRequest
from dlt_lite.jobs.results import JobResult, job_result_of
from dlt_lite.model.jobs import Job
from dlt_lite.model.requests import UpdateRequest
from dlt_lite.model.settings import PipelineSettings, ProjectSettings
from dlt_lite.project.discovery import find_project
from dlt_lite.project.loading import load_project, pipeline_of
from dlt_lite.project.suggestions import did_you_mean, shown
from dlt_lite.report.summary import PlanResult, UpdateResult, plan_result, update_result
from dlt_lite.runs.folder import RunFolder, RunState, mark_abandoned, new_update_id, runs_of
from dlt_lite.runs.history import unrecorded
from dlt_lite.runs.lock import PipelineLock, acquire
from dlt_lite.runs.manifest import latest_manifest, write_manifest
from dlt_lite.version import VERSION

if TYPE_CHECKING:
    from dlt_lite.engine.doctor import Check
    from dlt_lite.engine.session import EngineSession
    from dlt_lite.frontends.python_files import LoadedPipeline
    from dlt_lite.model.names import DatasetName
    from dlt_lite.pipeline import Analysed, Ways
    from dlt_lite.tasks.job_runs import Workshop

Confirm = Callable[[str], bool]
_ASKS = (ConfigProblem, DefinitionProblem, EnvironmentProblem, Busy)
_ENDS = {
    UpdateState.COMPLETED: RunState.COMPLETED,
    UpdateState.FAILED: RunState.FAILED,
    UpdateState.CANCELED: RunState.CANCELED,
}


@dataclass(frozen=True, slots=True)
class Validated:
    """A pipeline whose definitions are in order.

    Attributes:
        pipeline: its name.
        datasets: its datasets' names.
        notes: what is worth saying.
        needs_analyze: files that can be judged with Spark only, each as a sentence.
    """

    pipeline: str
    datasets: tuple[str, ...]
    notes: tuple[str, ...] = ()
    needs_analyze: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a table.

    Attributes:
        columns: the columns' names.
        rows: the rows' values, in the order of the columns.
        version: the table's version.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    version: int


@dataclass(frozen=True, slots=True)
class _Made:
    """A dataset as the last run left word of it; a view has no path."""

    pipeline: str
    name: str
    called: frozenset[str]
    path: str | None
    quarantine: str | None


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
    """

    sinks: Sequence[Sink] = ()
    confirm: Confirm | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    on_session: Callable[[], None] = lambda: None
    on_note: Callable[[str], None] = lambda _: None
    on_point: Callable[[str], None] = lambda _: None
    session: EngineSession | None = None


@dataclass(frozen=True, slots=True)
class Watchers:
    """Who is told of a run of a job, and the handle by which it is cancelled.

    Attributes:
        sinks: take every event.
        control: the handle.
        on_note: takes what a person should know.
        on_session: called once Spark runs.
    """

    sinks: Sequence[Sink] = ()
    control: Control = field(default_factory=Control)
    on_note: Callable[[str], None] = lambda _: None
    on_session: Callable[[], None] = lambda: None


class Project:
    """A project as one target sees it.

    Attributes:
        settings: what its files, the environment and flags settle.
    """

    def __init__(self, settings: ProjectSettings, environ: Mapping[str, str]) -> None:
        self.settings = settings
        self._environ = environ

    @classmethod
    def load(
        cls,
        root: Path | str | None = None,
        *,
        target: str | None = None,
        parameters: Mapping[str, str] | None = None,
        overrides: Mapping[str, str] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Project:
        """Read a project's settings.

        Args:
            root: its folder; found from the current one upwards by default.
            target: the target, such as `prod`; the project's default target by default.
            parameters: values that functions read by `spark.conf.get`.
            overrides: settings that win over files and environment, such as `storage_root`.
            environ: the environment; the process's own by default.

        Raises:
            ConfigProblem: a file or a value is wrong; an ErrorGroup where several are.
        """
        variables = os.environ if environ is None else environ
        where = find_project(Path.cwd(), environ=variables) if root is None else Path(root)
        settings = load_project(
            where.resolve(),
            environ=variables,
            target=target,
            parameters=parameters or {},
            overrides=overrides or {},
        )
        return cls(settings, variables)

    def validate(
        self, pipelines: Sequence[str] = (), *, analyze: bool = False
    ) -> tuple[Validated, ...]:
        """Check pipelines without running them.

        Args:
            pipelines: their names; all by default.
            analyze: resolve the queries too, which starts Spark.

        Returns:
            What was found of each.

        Raises:
            DltLiteError: everything that is wrong, together.
        """
        chosen = self._chosen(pipelines)
        with contextlib.chdir(self.settings.root):
            if not analyze:
                return self._validated_without_spark(chosen)
            with self._session(chosen[0]) as session:
                return self._validated_with(chosen, session)

    def plan(
        self,
        pipeline: str,
        *,
        request: UpdateRequest | None = None,
        on_note: Callable[[str], None] = lambda _: None,
    ) -> PlanResult:
        """Return what an update would do, and why; nothing is written.

        Args:
            pipeline: the pipeline's name.
            request: what would be asked for; a refresh of everything by default.
            on_note: takes what a person should know.

        Raises:
            DltLiteError: the definitions are wrong, or what is on disk does not fit.
        """
        from dlt_lite import pipeline as corridor  # noqa: PLC0415 - imports Spark

        settings = pipeline_of(self.settings, pipeline)
        asked = request or UpdateRequest()
        with contextlib.chdir(self.settings.root), self._session(settings, on_note) as session:
            analysed = corridor.analyse(settings, session.spark)
            ways = _ways("", lambda _: None, Listeners(), settings.state_root)
            context = corridor.context_of(analysed, ways)
            made = corridor.plan_of(analysed, context, asked)
            for note in analysed.loaded.definitions.notes:
                on_note(note)
            events: list[Event] = []
            emit = Emitter("", settings.name, _now, [events.append])
            for record in corridor.planning_records(analysed, made):
                emit(record)
            return plan_result(events)

    def run(  # noqa: PLR0913 - one keyword for each listener
        self,
        pipeline: str,
        *,
        request: UpdateRequest | None = None,
        sinks: Sequence[Sink] = (),
        confirm: Confirm | None = None,
        stop: threading.Event | None = None,
        on_session: Callable[[], None] = lambda: None,
        on_note: Callable[[str], None] = lambda _: None,
        on_point: Callable[[str], None] = lambda _: None,
    ) -> UpdateResult:
        """Run one update of a pipeline.

        Args:
            pipeline: the pipeline's name.
            request: what is asked for; a refresh of everything by default.
            sinks: take every event.
            confirm: asked before rows are lost; None says no.
            stop: set to stop after what is running.
            on_session: called once Spark runs.
            on_note: takes what a person should know.
            on_point: called at each named point between reading and acknowledging.

        Returns:
            What became of it; its state is FAILED where a dataset failed.

        Raises:
            DltLiteError: nothing could be begun: configuration, definitions, lock, environment.
        """
        settings = pipeline_of(self.settings, pipeline)
        listeners = Listeners(
            tuple(sinks), confirm, stop or threading.Event(), on_session, on_note, on_point
        )
        return _Update(self, settings, request or UpdateRequest(), listeners).run()

    def jobs(self) -> dict[str, Job]:
        """Return the project's jobs by name; Python files that declare some are loaded.

        Raises:
            DltLiteError: what every broken file and refused declaration says, together.
        """
        return jobs_of(self.settings)

    def run_job(
        self,
        job: str,
        *,
        parameters: Mapping[str, str] | None = None,
        only: Sequence[str] = (),
        watchers: Watchers | None = None,
    ) -> JobResult:
        """Run a job.

        Args:
            job: the job's name.
            parameters: values for its parameters.
            only: the tasks that it is about, as `t`, `+t`, `t+`; none means all.
            watchers: who is told of it, and by which handle it is cancelled.

        Returns:
            What became of it; its result is FAILED where it did not succeed.

        Raises:
            DltLiteError: nothing could be begun: configuration, definitions, lock.
        """
        from dlt_lite.tasks import job_runs  # noqa: PLC0415 - costs start time

        watching = watchers or Watchers()
        found = job_of(self.settings, job)
        request = RunRequest(new_update_id(_now()), parameters or {}, tuple(only))
        job_runs.run(found, request, self._workshop(watching), watching.control)
        return job_result_of(self.settings.state_root, request.run_id)

    def repair_job(
        self,
        job: str,
        run_id: str,
        *,
        parameters: Mapping[str, str] | None = None,
        watchers: Watchers | None = None,
    ) -> JobResult | None:
        """Run again what did not succeed in a run of a job: the same run, a new attempt.

        Args:
            job: the job's name.
            run_id: the run.
            parameters: new values for its parameters; the others stay.
            watchers: who is told of it, and by which handle it is cancelled.

        Returns:
            What became of the run, None where nothing was left to do.

        Raises:
            DltLiteError: it is no run of this job, it is active, or nothing could be begun.
        """
        from dlt_lite.tasks import job_runs  # noqa: PLC0415 - costs start time

        watching = watchers or Watchers()
        found = job_of(self.settings, job)
        shop = self._workshop(watching)
        outcome = job_runs.repair(found, run_id, parameters or {}, shop, watching.control)
        return None if outcome is None else job_result_of(self.settings.state_root, run_id)

    def _workshop(self, watchers: Watchers) -> Workshop:
        from dlt_lite.tasks.job_runs import Workshop  # noqa: PLC0415 - costs start time

        return Workshop(
            self.settings,
            self._environ,
            self._run_in,
            _now,
            watchers.sinks,
            watchers.on_note,
            watchers.on_session,
        )

    def _run_in(
        self,
        settings: PipelineSettings,
        request: UpdateRequest,
        session: EngineSession,
        stop: threading.Event,
        on_note: Callable[[str], None],
    ) -> UpdateResult:
        listeners = Listeners(stop=stop, on_note=on_note, session=session)
        return _Update(self, settings, request, listeners).run()

    def rows(
        self,
        dataset: str,
        *,
        limit: int = 20,
        version: int | None = None,
        set_aside: bool = False,
    ) -> Rows:
        """Return some rows of a dataset's table.

        Args:
            dataset: its name, or `pipeline.name`.
            limit: how many rows at most.
            version: the table's version; the latest by default.
            set_aside: whether those that its rules have set aside are meant.

        Raises:
            BadSelection: no update of any pipeline has made such a table, or not that version.
        """
        made = self._table(dataset)
        from dlt_lite.engine.deltalog import latest_version  # noqa: PLC0415 - imports Spark

        if set_aside and made.quarantine is None:
            raise BadSelection(
                f"no rule of {dataset} sets rows aside", fix="declare one by expect_or_quarantine"
            )
        path = _place(str(made.quarantine if set_aside else made.path))
        with self._session(pipeline_of(self.settings, made.pipeline)) as session:
            found = latest_version(session.spark, path)
            if found is None and set_aside:
                raise BadSelection(f"{dataset} has set no rows aside", fix="all were good")
            if found is None:
                raise BadSelection(f"the table of {dataset} is gone", fix="run the pipeline")
            reader = session.spark.read.format("delta")
            if version is not None:
                if version > found[1]:
                    raise BadSelection(
                        f"{dataset} has no version {version}", fix=f"its newest is {found[1]}"
                    )
                reader = reader.option("versionAsOf", version)
            frame = reader.load(path).limit(limit)
            rows = tuple(tuple(row) for row in frame.collect())
            return Rows(tuple(frame.columns), rows, found[1] if version is None else version)

    def place_of(self, dataset: str) -> tuple[str, str]:
        """Return a dataset's pipeline and its name in it.

        Args:
            dataset: its name, or `pipeline.name`.

        Raises:
            BadSelection: no update of any pipeline has made such a table.
        """
        made = self._table(dataset)
        return made.pipeline, made.name

    def doctor(self) -> tuple[Check, ...]:
        """Check the machine: Java, Python, versions, JARs, disk, write access."""
        from dlt_lite.engine.doctor import check  # noqa: PLC0415 - costs start time

        asked = [
            (pipeline.engine, pipeline.storage_root, pipeline.state_root)
            for pipeline in self._chosen(())
        ]
        different = [each for place, each in enumerate(asked) if each not in asked[:place]]
        checks = (
            each
            for engine, storage_root, state_root in different
            for each in check(
                engine, self._environ, storage_root=storage_root, state_root=state_root
            )
        )
        return tuple(dict.fromkeys(checks))

    def _chosen(self, names: Sequence[str]) -> list[PipelineSettings]:
        """Return the settings of the pipelines that are named, or of all."""
        if not self.settings.pipelines:
            raise UnknownPipeline(
                "the project has no pipeline",
                fix="make one: a folder below pipelines/ with a pipeline.yml",
            )
        return [pipeline_of(self.settings, name) for name in names or self.settings.pipelines]

    def _table(self, dataset: str) -> _Made:
        meant = [each for each in self._made() if dataset.lower() in each.called]
        tables = [each for each in meant if each.path is not None]
        if len(tables) == 1:
            return tables[0]
        if tables:
            choices = " or ".join(f"{each.pipeline}.{each.name}" for each in tables)
            owners = " and ".join(each.pipeline for each in tables)
            raise BadSelection(f"pipelines {owners} both have {dataset}", fix=f"say {choices}")
        if meant:
            raise BadSelection(
                f"{meant[0].name} is a view, which is computed where it is read: it has no table",
                fix="show what reads it",
            )
        known = [each.name for each in self._made() if each.path is not None]
        hint = did_you_mean(dataset, known, otherwise="there are")
        raise BadSelection(
            f"no update has made a table {shown(dataset)}",
            fix=hint if known else "run its pipeline first",
        )

    def _made(self) -> Iterator[_Made]:
        """Yield the datasets that the last run of each pipeline has left word of."""
        for name, pipeline in self.settings.pipelines.items():
            manifest = latest_manifest(
                pipeline.state_root, target=self.settings.target, pipeline=name
            )
            for each in manifest.datasets if manifest else ():
                names = (each.name, f"{name}.{each.name}", each.full_name)
                called = frozenset(text.lower() for text in names)
                yield _Made(name, each.name, called, each.path, each.quarantine)

    def _validated_without_spark(self, chosen: Sequence[PipelineSettings]) -> tuple[Validated, ...]:
        from dlt_lite.frontends.python_files import load_pipeline  # noqa: PLC0415 - PySpark
        from dlt_lite.graph.validation import problems_of_declarations  # noqa: PLC0415

        found: list[Validated] = []
        errors: list[DltLiteError] = []
        loaded: dict[str, LoadedPipeline] = {}
        for settings in chosen:
            try:
                own = load_pipeline(settings, None)
                errors += problems_of_declarations(own.definitions)
                loaded[settings.name] = own
                found.append(_validated(settings.name, own))
            except DltLiteError as error:
                waiting, wrong = _parted(error)
                errors += wrong
                found.append(Validated(settings.name, (), needs_analyze=waiting))
        raise_together([*errors, *_owned_twice(loaded)])
        return tuple(found)

    def _validated_with(
        self, chosen: Sequence[PipelineSettings], session: EngineSession
    ) -> tuple[Validated, ...]:
        from dlt_lite import pipeline as corridor  # noqa: PLC0415 - imports Spark

        found: list[Validated] = []
        errors: list[DltLiteError] = []
        loaded: dict[str, LoadedPipeline] = {}
        for settings in chosen:
            try:
                analysed = corridor.analyse(settings, session.spark)
                loaded[settings.name] = analysed.loaded
                found.append(_validated(settings.name, analysed.loaded))
            except DltLiteError as error:
                errors += error.errors if isinstance(error, ErrorGroup) else (error,)
        raise_together([*errors, *_owned_twice(loaded)])
        return tuple(found)

    @contextlib.contextmanager
    def _session(
        self,
        settings: PipelineSettings,
        on_note: Callable[[str], None] = lambda _: None,
        log: Path | None = None,
    ) -> Iterator[EngineSession]:
        from dlt_lite.engine.session import start_session, stop_session  # noqa: PLC0415
        from dlt_lite.engine.standing import standing_in  # noqa: PLC0415 - imports Spark

        session = start_session(
            settings.engine, environ=self._environ, log_file=log, emit_note=on_note
        )
        try:
            with standing_in(session.spark, settings.project_root):
                yield session
        finally:
            stop_session(session)


class _Update:
    """One update: lock, run folder, session, corridor, event table; in this order, and back."""

    def __init__(
        self,
        project: Project,
        settings: PipelineSettings,
        request: UpdateRequest,
        listeners: Listeners,
    ) -> None:
        self._project = project
        self._settings = settings
        self._request = request
        self._listeners = listeners
        self._id = new_update_id(_now())

    def run(self) -> UpdateResult:
        settings = self._settings
        with (
            acquire(
                settings.state_root,
                target=settings.target,
                pipeline=settings.name,
                update_id=self._id,
                since=_now(),
            ) as lock,
            contextlib.chdir(settings.project_root),
        ):
            return self._locked(lock)

    def _locked(self, lock: PipelineLock) -> UpdateResult:
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
            started=_now(),
            storage_root=settings.storage_root,
        )
        sinks: tuple[Sink, ...] = (NdjsonFile(folder.events), *self._listeners.sinks)
        emit = Emitter(self._id, settings.name, _now, sinks)
        emit(CreateUpdate("USER_ACTION", settings.target, _config(self._request)))
        emit(UpdateProgress(UpdateState.INITIALIZING))
        try:
            error = self._settled(lock, folder, emit, [each.folder for each in earlier])
        finally:
            folder.finish(_run_state(folder), _now())
        if isinstance(error, (*_ASKS, ErrorGroup)):
            raise error
        return update_result(read_ndjson(folder.events))

    def _settled(
        self, lock: PipelineLock, folder: RunFolder, emit: Emitter, earlier: list[RunFolder]
    ) -> DltLiteError | None:
        """Carry the update out; return the error that ended it, None where it came to its end."""
        import dlt_lite.pipeline  # noqa: F401, PLC0415 - imports Spark, before its start is counted

        try:
            with self._session(folder) as session:
                lock.jvm_started(session.jvm_pid)
                folder.jvm_started(session.jvm_pid)
                self._listeners.on_session()
                emit(RuntimeDetails(_versions(session)))
                self._get_ready_to_record(session)
                error = self._carried_out(session, folder, emit)
                self._record_events(session, [*earlier, folder])
                if error is None and self._listeners.session is None:
                    _make_archive(session, self._project)
                return error
        except DltLiteError as error:
            emit(UpdateProgress(UpdateState.FAILED, error=str(error)))
            return error

    def _session(self, folder: RunFolder) -> contextlib.AbstractContextManager[EngineSession]:
        if self._listeners.session is not None:
            return contextlib.nullcontext(self._listeners.session)
        return self._project._session(  # noqa: SLF001 - same room, same reason
            self._settings, self._listeners.on_note, folder.spark_log
        )

    def _carried_out(
        self, session: EngineSession, folder: RunFolder, emit: Emitter
    ) -> DltLiteError | None:
        from dlt_lite import pipeline as corridor  # noqa: PLC0415 - imports Spark

        try:
            analysed = corridor.analyse(self._settings, session.spark)
            for note in analysed.loaded.definitions.notes:
                self._listeners.on_note(note)
            for record in corridor.definition_records(analysed):
                emit(record)
            ways = _ways(self._id, emit, self._listeners, self._settings.state_root)
            context = corridor.context_of(analysed, ways)
            plan = corridor.plan_of(analysed, context, self._request)
            for record in corridor.planning_records(analysed, plan):
                emit(record)
            self._ask(analysed, plan.lost_files)
            self._leave_manifest(analysed, plan.versions, folder)
            emit(UpdateProgress(UpdateState.RUNNING))
            outcomes = corridor.execute(context, plan)
            after = corridor.versions_after(analysed, plan, outcomes)
            self._leave_manifest(analysed, after, folder)
            emit(UpdateProgress(corridor.final_state(outcomes, stopped=ways.stop.is_set())))
        except DltLiteError as error:
            emit(UpdateProgress(UpdateState.FAILED, error=str(error)))
            return error
        return None

    def _leave_manifest(
        self, analysed: Analysed, versions: Mapping[DatasetName, int], folder: RunFolder
    ) -> None:
        from dlt_lite.pipeline import manifest_of  # noqa: PLC0415 - imports Spark

        now = _now().isoformat(timespec="seconds").replace("+00:00", "Z")
        manifest = manifest_of(analysed, versions, update_id=self._id, resolved_at=now)
        write_manifest(folder, manifest)

    def _ask(self, analysed: Analysed, lost: Mapping[DatasetName, int]) -> None:
        if not lost or self._request.yes:
            return
        listed = ", ".join(
            f"{analysed.graph.shown(name)} ({count} files)" for name, count in lost.items()
        )
        question = (
            f"A full refresh empties these tables first and then reads their sources again; it is "
            f"not atomic. Files that were read are gone, and their rows would be lost: {listed}. "
            "Go on?"
        )
        if self._listeners.confirm is None or not self._listeners.confirm(question):
            raise ResetNeedsConsent(
                f"files that were read are gone, their rows would be lost: {listed}",
                fix="put the files back, or say --yes",
            )

    def _get_ready_to_record(self, session: EngineSession) -> None:
        """Load what writing events takes, beside the work that comes first."""
        from dlt_lite.storage.event_table import get_ready  # noqa: PLC0415 - imports Spark
        from dlt_lite.storage.layout import Layout  # noqa: PLC0415

        path = Layout(self._settings.storage_root, self._settings.name).events()
        arguments = (session.spark, path, COLUMNS_DDL)
        threading.Thread(target=get_ready, args=arguments, daemon=True).start()

    def _record_events(self, session: EngineSession, folders: list[RunFolder]) -> None:
        """Write the events of this update, and of those that could not, into the event table."""
        from dlt_lite.storage.event_table import record_events  # noqa: PLC0415 - imports Spark
        from dlt_lite.storage.layout import Layout  # noqa: PLC0415

        path = Layout(self._settings.storage_root, self._settings.name).events()
        for folder in folders:
            if not folder.events.exists():
                continue
            ndjson = "\n".join(line_of(each) for each in read_ndjson(folder.events))
            try:
                record_events(session.spark, path, COLUMNS_DDL, folder.update_id, ndjson)
            except Exception as error:  # noqa: BLE001 - the events are safe in the run folder
                self._listeners.on_note(f"the event table could not be written: {error}")
                return
            folder.events_recorded()


def _ways(update_id: str, emit: Emit, listeners: Listeners, state_root: Path) -> Ways:
    from dlt_lite.pipeline import Ways  # noqa: PLC0415 - imports Spark

    def was_reported(update: str, flow_id: str, batch: int) -> bool:
        wanted = batch_event_id(flow_id, batch)
        events = read_ndjson(runs_of(state_root) / update / "events.ndjson")
        return any(event.envelope.id == wanted for event in events)

    return Ways(update_id, emit, listeners.stop, was_reported, listeners.on_point)


def _place(uri: str) -> str:
    """Return the path that a file URI means; Spark takes `%20` for three characters of a name."""
    parts = urlsplit(uri)
    return unquote(parts.path) if parts.scheme == "file" else uri


def _validated(name: str, loaded: LoadedPipeline) -> Validated:
    datasets = tuple(each.shown for each in loaded.definitions.datasets.values())
    return Validated(name, datasets, loaded.definitions.notes)


def _parted(error: DltLiteError) -> tuple[tuple[str, ...], list[DltLiteError]]:
    """Return what needs Spark to be judged, and what is wrong in any case."""
    errors = error.errors if isinstance(error, ErrorGroup) else (error,)
    waiting = tuple(str(each.origin) for each in errors if isinstance(each, NeedsAnalyze))
    return waiting, [each for each in errors if not isinstance(each, NeedsAnalyze)]


def _owned_twice(loaded: Mapping[str, LoadedPipeline]) -> list[DltLiteError]:
    owners: dict[DatasetName, tuple[str, str]] = {}
    errors: list[DltLiteError] = []
    for pipeline, own in loaded.items():
        for name, dataset in own.definitions.datasets.items():
            if dataset.declared_as.value == "temporary_view" or dataset.options.private:
                continue
            first = owners.setdefault(name, (pipeline, str(dataset.origin)))
            if first[0] != pipeline:
                errors.append(
                    OwnedTwice(
                        f"{dataset.shown} is declared in pipeline {pipeline} and in pipeline "
                        f"{first[0]} (at {first[1]})",
                        origin=dataset.origin,
                        fix="declare it in one of them, or give one another name or schema",
                    )
                )
    return errors


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


def _make_archive(session: EngineSession, project: Project) -> None:
    from dlt_lite.engine.archive import make_archive_in_background  # noqa: PLC0415

    make_archive_in_background(session.archive, environ=project._environ, now=time.time())  # noqa: SLF001


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the clock is read here and handed down
