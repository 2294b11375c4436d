"""A project in Python: the commands' own form, `Project.load().run("clickstream")`.

Opens a session where one is needed and gives it back, keeps the run folder and the lock, and lets
the corridor do the work. `validate` and `plan` write nothing below project and storage root.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from dlt_lite.errors import (
    BadSelection,
    DltLiteError,
    NeedsAnalyze,
    OwnedTwice,
    UnknownPipeline,
    each_of,
    raise_together,
)
from dlt_lite.events.records import CreateUpdate, Event, Record, UpdateProgress, UpdateState
from dlt_lite.events.sinks import (
    Emitter,
    Sink,
)
from dlt_lite.jobs.calls import Control
from dlt_lite.jobs.catalogue import job_of, jobs_of
from dlt_lite.jobs.pipeline_selections import pipelines_selected_from, problems_of_selections
from dlt_lite.jobs.requests import Occasion, RunRequest
from dlt_lite.jobs.results import JobResult, job_result_of
from dlt_lite.model.datasets import Dataset, DeclaredAs, TableOptions
from dlt_lite.model.gates import GateResult
from dlt_lite.model.jobs import Job
from dlt_lite.model.names import dataset_name
from dlt_lite.model.requests import UpdateRequest
from dlt_lite.model.results import UpdateQuality
from dlt_lite.model.settings import PipelineSettings, ProjectSettings
from dlt_lite.plan.selection import Selectable
from dlt_lite.plan.warnings import lost_rows
from dlt_lite.project.discovery import find_project
from dlt_lite.project.loading import load_project, pipeline_of
from dlt_lite.project.suggestions import did_you_mean, shown
from dlt_lite.report.comparison import Comparison, RuleHistory
from dlt_lite.report.forms import EVERYDAY, ReportForm
from dlt_lite.report.summary import PlanResult, UpdateResult, plan_result
from dlt_lite.report.updates import LATEST, comparison_of, histories_of, past_of
from dlt_lite.runs.folder import (
    new_update_id,
)
from dlt_lite.runs.manifest import Manifest, latest_manifest
from dlt_lite.update import Confirm, Listeners, now, open_session, run_update, ways_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from dlt_lite.engine.doctor import Check
    from dlt_lite.engine.session import EngineSession
    from dlt_lite.frontends.python_files import LoadedPipeline
    from dlt_lite.model.names import DatasetName
    from dlt_lite.suites.documents import Suite
    from dlt_lite.tasks.job_runs import Workshop

_DRY_RUN = "dry-run"


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
class Report:
    """The reports of an update.

    Attributes:
        updates: results, newest first; the first are those that are reported. Those before them
            come without the rows that rules show.
        gate: whether the quality gate was met.
        files: where each report lies.
    """

    updates: tuple[UpdateQuality, ...]
    gate: GateResult
    files: Mapping[ReportForm, Path]

    @property
    def update(self) -> UpdateQuality:
        """The update that is reported."""
        return self.updates[0]


@dataclass(frozen=True, slots=True)
class _Made:
    """A dataset as the last run left word of it; a view has no path."""

    pipeline: str
    name: str
    called: frozenset[str]
    path: str | None
    quarantine: str | None


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
            ways = ways_of("", lambda _: None, Listeners(), settings.state_root)
            context = corridor.context_of(analysed, ways)
            made = corridor.plan_of(analysed, context, asked)
            for note in analysed.loaded.definitions.notes:
                on_note(note)
            events: list[Event] = []
            emit = Emitter("", settings.name, now, [events.append])
            for record in corridor.planning_records(analysed, made):
                emit(record)
            told = corridor.warnings(analysed, made, self._neighbours(settings))
            if (lost := lost_rows(made, analysed.graph)) and not asked.yes:
                told.append(f"run will ask, or want --yes: {lost}")
            for note in told:
                on_note(note)
            return replace(plan_result(events), notes=tuple(told))

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
        samples: bool = True,
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
            samples: whether rows that break a rule may be kept and shown, as the settings say.

        Returns:
            What became of it; its state is FAILED where a dataset failed, or where what lies on
            disk does not fit (DLT4xx), one thing or several: then its error tells of them.

        Raises:
            DltLiteError: nothing could be begun: configuration, definitions, lock, environment;
                of several errors found together, one is of these.
        """
        settings = pipeline_of(self.settings, pipeline)
        if not samples:
            # The masks stay: what rules of aggregates find is told all the same.
            settings = replace(settings, samples=replace(settings.samples, most=0))
        listeners = Listeners(
            tuple(sinks),
            confirm,
            stop or threading.Event(),
            on_session,
            on_note,
            on_point,
            neighbours=partial(self._neighbours, settings),
        )
        return run_update(settings, request or UpdateRequest(), listeners, self._environ)

    def _neighbours(self, settings: PipelineSettings) -> Iterator[Manifest]:
        """Yield the graphs that the project's other pipelines left last."""
        for name, other in self.settings.pipelines.items():
            if name != settings.name:
                found = latest_manifest(other.state_root, target=other.target, pipeline=name)
                if found is not None:
                    yield found

    def jobs(self) -> dict[str, Job]:
        """Return the project's jobs by name; Python files that declare some are loaded.

        Raises:
            DltLiteError: what every broken file and refused declaration says, together.
        """
        return jobs_of(self.settings)

    def problems_of_selections(self, jobs: Iterable[Job]) -> list[DltLiteError]:
        """Return what tasks select of pipelines that these do not have.

        A pipeline that only Spark can judge, or whose files are broken, is passed over.

        Args:
            jobs: the jobs.
        """
        every = tuple(jobs)
        wanted = {name for job in every for name in pipelines_selected_from(job)}
        with contextlib.chdir(self.settings.root):
            known = {
                name: among
                for name in sorted(wanted & self.settings.pipelines.keys())
                if (among := _selectable(self.settings.pipelines[name])) is not None
            }
        return [problem for job in every for problem in problems_of_selections(job, known)]

    def _job(self, name: str) -> Job:
        """Return a job without problems."""
        job = job_of(self.settings, name)
        raise_together(self.problems_of_selections([job]))
        return job

    def run_job(
        self,
        job: str,
        *,
        parameters: Mapping[str, str] | None = None,
        only: Sequence[str] = (),
        watchers: Watchers | None = None,
        occasion: Occasion | None = None,
    ) -> JobResult:
        """Run a job.

        Args:
            job: the job's name.
            parameters: values for its parameters.
            only: the tasks that it is about, as `t`, `+t`, `t+`; none means all.
            watchers: who is told of it, and by which handle it is cancelled.
            occasion: why it is begun; by hand by default.

        Returns:
            What became of it; its result is FAILED where it did not succeed.

        Raises:
            DltLiteError: nothing could be begun: configuration, definitions, lock.
        """
        from dlt_lite.tasks import job_runs  # noqa: PLC0415 - costs start time

        watching = watchers or Watchers()
        found = self._job(job)
        why = occasion or Occasion()
        request = RunRequest(
            why.run_id or new_update_id(now()),
            parameters or {},
            tuple(only),
            why.cause,
            why.scheduled,
            why.backfill,
            why.facts,
        )
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
        found = self._job(job)
        shop = self._workshop(watching)
        outcome = job_runs.repair(found, run_id, parameters or {}, shop, watching.control)
        return None if outcome is None else job_result_of(self.settings.state_root, run_id)

    def _workshop(self, watchers: Watchers) -> Workshop:
        from dlt_lite.tasks.job_runs import Workshop  # noqa: PLC0415 - costs start time

        return Workshop(
            self.settings,
            self._environ,
            self._run_in,
            now,
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
        neighbours = partial(self._neighbours, settings)
        listeners = Listeners(stop=stop, on_note=on_note, session=session, neighbours=neighbours)
        return run_update(settings, request, listeners, self._environ)

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
            NotOurs: somebody else's table is where the rows that were set aside would be.
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
            if set_aside:
                _refuse_stranger(session.spark, path, dataset)
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

    def dry_run(self, file: Path | str) -> UpdateQuality:
        """Return what the rules of a file would have done to the tables as they are.

        Nothing is written. A rule of rows is tried on the rows that the table holds by now.

        Args:
            file: a file of expectations, also one that no pipeline reads yet.

        Returns:
            The results, as an update has them; `update_id` is `dry-run`.

        Raises:
            BadSelection: no update has made the table of one of its datasets.
            DltLiteError: what is wrong with the file and its rules, together.
        """
        suites = _suites_in(Path(file), self.settings)
        made = [self._table(suite.dataset) for suite in suites]
        if not made:
            raise BadSelection(f"{file} has no rules", fix="name datasets, each with its rules")
        from dlt_lite.report.quality import update_quality  # noqa: PLC0415 - only here

        events: list[Event] = []
        emit = Emitter(_DRY_RUN, made[0].pipeline, now, [events.append])
        emit(CreateUpdate("USER_ACTION", self.settings.target))
        with self._session(pipeline_of(self.settings, made[0].pipeline)) as session:
            for suite, each in zip(suites, made, strict=True):
                for record in self._tried(suite, each, session.spark):
                    emit(record)
        emit(UpdateProgress(UpdateState.COMPLETED))
        return update_quality(events)

    def _tried(self, suite: Suite, made: _Made, spark: SparkSession) -> list[Record]:
        from dlt_lite.execution.dry_run import dry_run  # noqa: PLC0415 - imports Spark
        from dlt_lite.quality.wide import Known  # noqa: PLC0415 - imports Spark

        settings = pipeline_of(self.settings, made.pipeline)
        options, path = TableOptions(), _place(str(made.path))
        dataset = Dataset(
            dataset_name(made.name, settings.namespace),
            made.name,
            DeclaredAs.TABLE,
            options,
            tuple(each.settled(settings.null_policy) for each in suite.rules),
            suite.origin,
        )

        def other(text: str) -> DataFrame | None:
            found = self._table(text)
            if found == made:
                return None
            return spark.read.format("delta").load(_place(str(found.path)))

        known = Known(now(), other, samples=settings.samples)
        return dry_run(spark, dataset, path, _version(spark, made), known=known)

    def suggest(self, dataset: str, *, amend: Path | str | None = None) -> str:
        """Return rules that a table satisfies, with some slack, as the text of a file of rules.

        One job looks at the table. Values of masked columns are not shown.

        Args:
            dataset: its name, or `pipeline.name`.
            amend: a file of rules: what is returned is then a patch that adds what it lacks.

        Raises:
            BadSelection: no update of any pipeline has made such a table.
        """
        made = self._table(dataset)
        settings = pipeline_of(self.settings, made.pipeline)
        from dlt_lite.quality.amending import patch  # noqa: PLC0415 - YAML
        from dlt_lite.quality.profiling import profile  # noqa: PLC0415 - imports Spark
        from dlt_lite.quality.suggesting import proposals, rules_text  # noqa: PLC0415 - YAML

        with self._session(settings) as session:
            version = _version(session.spark, made)
            reader = session.spark.read.format("delta").option("versionAsOf", version)
            frame = reader.load(_place(str(made.path)))
            found = profile(frame, made.name, version, settings.samples)
        proposed = proposals(found)
        if amend is None:
            return rules_text(found, proposed)
        file = Path(amend)
        text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
        root = self.settings.root
        path = file.relative_to(root) if file.is_relative_to(root) else file
        return patch(text, path.as_posix(), found, proposed)

    def place_of(self, dataset: str) -> tuple[str, str]:
        """Return a dataset's pipeline and its name in it.

        Args:
            dataset: its name, or `pipeline.name`.

        Raises:
            BadSelection: no update of any pipeline has made such a table.
        """
        made = self._table(dataset)
        return made.pipeline, made.name

    def quality(
        self, pipeline: str | None = None, *, update: str = LATEST, history: Path | None = None
    ) -> UpdateQuality:
        """Return what the rules of an update decided, as its run folder tells it; needs no Spark.

        Args:
            pipeline: the pipeline's name; that of the update by default.
            update: its id, the beginning of it, or `latest`.
            history: a folder kept between runs, whose updates are looked through, too.

        Raises:
            UnknownRun: there is no such update.
            NothingRecorded: there has been no update.
        """
        return past_of(self.settings, pipeline, update=update, history=history).update

    def report(
        self,
        folder: Path | str,
        pipeline: str | None = None,
        *,
        update: str = LATEST,
        forms: Sequence[ReportForm] = EVERYDAY,
        history: Path | None = None,
        samples: bool = True,
    ) -> Report:
        """Write the reports of an update into a folder; needs no Spark.

        Args:
            folder: where to, made where it is missing.
            pipeline: the pipeline's name; that of the update by default.
            update: its id, the beginning of it, or `latest`.
            forms: which reports.
            history: a folder kept between runs, whose updates are added to trends and comparison.
            samples: whether rows of the data may be shown.

        Returns:
            The results, whether the gate was met, and the files.

        Raises:
            UnknownRun: there is no such update.
            NothingRecorded: there has been no update.
            StorageNotWritable: the disk refused a file.
        """
        from dlt_lite.report.files import without_samples, write_reports  # noqa: PLC0415 - jinja2

        past = past_of(self.settings, pipeline, update=update, history=history)
        updates = past.updates if samples else tuple(map(without_samples, past.updates))
        return Report(updates, past.gate, write_reports(Path(folder), updates, forms, past.gate))

    def quality_history(
        self, dataset: str, rule: str | None = None, *, history: Path | None = None
    ) -> tuple[RuleHistory, ...]:
        """Return how the rules of a dataset fared over the newest updates; needs no Spark.

        Args:
            dataset: the dataset, or `pipeline.dataset`.
            rule: the rule's name; all by default.
            history: a folder kept between runs, whose updates are added.

        Raises:
            BadSelection: no update knows such a dataset or rule.
            NothingRecorded: there has been no update.
        """
        return histories_of(self.settings, dataset, rule, history=history)

    def compare(
        self, before: str, after: str = LATEST, *, history: Path | None = None
    ) -> Comparison:
        """Return what the rules decided otherwise in another update; needs no Spark.

        Args:
            before: the earlier update's id, or the beginning of it.
            after: the later one's; by default the newest of the same pipeline.
            history: a folder kept between runs, whose updates are looked through, too.

        Raises:
            UnknownRun: there is no such update.
            BadSelection: the two are updates of different pipelines.
        """
        return comparison_of(self.settings, before, after, history=history)

    def doctor(self) -> tuple[Check, ...]:
        """Check the machine: Java, Python, versions, JARs, disk, write access.

        In a project without a pipeline that is in order, this is for what holds for all of them.
        """
        from dlt_lite.engine.doctor import check  # noqa: PLC0415 - costs start time

        common = [] if self.settings.common is None else [self.settings.common]
        asked = [
            (pipeline.engine, pipeline.storage_root, pipeline.state_root)
            for pipeline in [*self.settings.pipelines.values()] or common
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
        raise_together([*_each_once(errors), *_owned_twice(loaded)])
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
                errors += each_of(error)
        raise_together([*_each_once(errors), *_owned_twice(loaded)])
        return tuple(found)

    def _session(
        self, settings: PipelineSettings, on_note: Callable[[str], None] = lambda _: None
    ) -> AbstractContextManager[EngineSession]:
        return open_session(settings, self._environ, on_note)


def _suites_in(file: Path, settings: ProjectSettings) -> tuple[Suite, ...]:
    """Return what a file of expectations says of each dataset.

    Raises:
        DltLiteError: what is wrong with it, together.
    """
    from dlt_lite.suites.attaching import rule_files  # noqa: PLC0415 - only here
    from dlt_lite.suites.documents import read_document  # noqa: PLC0415 - only here

    if not file.exists():
        names = [each.name for each in rule_files(file.parent)]
        fix = did_you_mean(file.name, names, otherwise="files of rules there")
        is_inside = file.is_relative_to(settings.root)
        told = file.relative_to(settings.root).as_posix() if is_inside else str(file)
        raise BadSelection(f"there is no file {told!r}", fix=fix)
    own = settings.pipelines.get(file.stem)
    errors: list[DltLiteError] = []
    parameters = {} if own is None else own.configuration
    document = read_document(file, settings.root, parameters, errors.append)
    raise_together(errors)
    return () if document is None else document.suites


def _version(spark: SparkSession, made: _Made) -> int:
    from dlt_lite.engine.deltalog import latest_version  # noqa: PLC0415 - imports Spark

    found = latest_version(spark, _place(str(made.path)))
    if found is None:
        raise BadSelection(f"the table of {made.name} is gone", fix="run the pipeline")
    return found[1]


def _refuse_stranger(spark: SparkSession, path: str, dataset: str) -> None:
    from dlt_lite.engine.deltalog import snapshot  # noqa: PLC0415 - imports Spark
    from dlt_lite.storage.quarantine import refuse_stranger  # noqa: PLC0415 - imports Spark

    if (found := snapshot(spark, path)) is not None:
        refuse_stranger(found, path, dataset)


def _place(uri: str) -> str:
    """Return the path that a file URI means; Spark takes `%20` for three characters of a name."""
    parts = urlsplit(uri)
    return unquote(parts.path) if parts.scheme == "file" else uri


def _selectable(settings: PipelineSettings) -> Selectable | None:
    """Return the datasets of a pipeline, None where that takes Spark or its files are broken."""
    from dlt_lite.frontends.python_files import load_pipeline  # noqa: PLC0415 - PySpark

    try:
        datasets = load_pipeline(settings, None).definitions.datasets
    except DltLiteError:
        return None
    return Selectable(
        settings.namespace,
        dict.fromkeys(datasets, ()),
        {name: each.options.tags for name, each in datasets.items()},
        {name: each.shown for name, each in datasets.items()},
    )


def _validated(name: str, loaded: LoadedPipeline) -> Validated:
    datasets = tuple(each.shown for each in loaded.definitions.datasets.values())
    return Validated(name, datasets, loaded.definitions.notes)


def _parted(error: DltLiteError) -> tuple[tuple[str, ...], list[DltLiteError]]:
    """Return what needs Spark to be judged, and what is wrong in any case."""
    errors = each_of(error)
    waiting = tuple(str(each.origin) for each in errors if isinstance(each, NeedsAnalyze))
    return waiting, [each for each in errors if not isinstance(each, NeedsAnalyze)]


def _each_once(errors: Sequence[DltLiteError]) -> list[DltLiteError]:
    """Return errors without those that several pipelines meet at one place of one file."""
    found: dict[object, DltLiteError] = {}
    for each in errors:
        found.setdefault((each.code, each.what, each.origin) if each.origin else id(each), each)
    return list(found.values())


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
