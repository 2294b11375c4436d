"""Run a pipeline on given rows in storage of its own, and look at what came of it."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - PySpark's own habit
from pyspark.sql.types import StringType, StructType

from dlt_lite.dag.order import upstream
from dlt_lite.errors import BadSelection
from dlt_lite.model.datasets import DatasetKind
from dlt_lite.model.names import DatasetName, dataset_name
from dlt_lite.model.requests import UpdateRequest
from dlt_lite.model.settings import EngineSettings
from dlt_lite.pipeline import Analysed, analyse
from dlt_lite.plan.selection import Selectable, selected
from dlt_lite.project.discovery import default_cache, find_project
from dlt_lite.project.loading import pipeline_of
from dlt_lite.report.summary import DatasetResult, ExpectationResult, UpdateResult
from dlt_lite.storage.layout import Layout
from dlt_lite.storage.tables import append_given
from dlt_lite.workspace import Project

Row = Mapping[str, object]


def engine_settings(environ: Mapping[str, str]) -> EngineSettings:
    """Return how a session for tests is started: local, small, JARs from the usual places."""
    jars = environ.get("DLT_LITE_JARS_DIR")
    cache = environ.get("DLT_LITE_CACHE_DIR") or default_cache(environ)
    return EngineSettings(
        app_name="dlt_lite tests",
        master="local[2]",
        spark={},
        ansi=True,
        jars_dir=None if jars is None else Path(jars),
        cache_dir=Path(cache),
        class_archive=environ.get("DLT_LITE_CLASS_ARCHIVE", "true").lower() == "true",
    )


class PipelineBench:
    """Where a test sets up pipelines."""

    def __init__(self, session: SparkSession, start: Path, scratch: Path) -> None:
        self.spark = session
        self._start = start
        self._scratch = scratch

    def pipeline(
        self,
        name: str,
        *,
        project: Path | str | None = None,
        target: str | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> PipelineUnderTest:
        """Return a pipeline of the project, with storage of its own.

        Args:
            name: the pipeline's name.
            project: the project's folder; the one that the test lies in by default.
            target: the target; the default target by default.
            parameters: values that functions read by `spark.conf.get`.
        """
        root = find_project(self._start, environ={}) if project is None else Path(project)
        loaded = Project.load(
            root,
            target=target,
            parameters=parameters,
            overrides={
                "storage_root": str(self._scratch / "storage"),
                "state_root": str(self._scratch / "state"),
            },
        )
        return PipelineUnderTest(loaded, name, self.spark)


class PipelineUnderTest:
    """One pipeline in storage of its own; rows may be given, and given again."""

    def __init__(self, project: Project, name: str, session: SparkSession) -> None:
        self.project = project
        self.settings = pipeline_of(project.settings, name)
        self._session = session
        self._given: set[DatasetName] = set()
        self._analysed: Analysed | None = None

    def given(self, name: str, rows: Sequence[Row], *, schema: str | None = None) -> None:
        """Put rows where a dataset, or a table outside the pipeline, would be.

        Args:
            name: its name. A dataset of the pipeline is then not run itself.
            rows: dictionaries; a column that is left out is NULL, text is cast to the column's
                type. Calling again adds rows, as another batch.
            schema: DDL, needed for a table that the pipeline does not declare.
        """
        full = dataset_name(name, self.settings.namespace)
        if schema is not None:
            self._given_outside(full, rows, schema)
            return
        frame = self._frame(full, rows, schema)
        kind = DatasetKind.STREAMING_TABLE.value
        append_given(frame, self._path(full), self.settings.name, kind=kind)
        self._given.add(full)

    def _given_outside(self, name: DatasetName, rows: Sequence[Row], schema: str) -> None:
        """Write a table outside the pipeline; queries that read it can be resolved only then."""
        path = Layout(self.settings.storage_root, self.settings.name).table(name)
        frame = self._frame(name, rows, schema)
        append_given(frame, path, "given", kind=DatasetKind.STREAMING_TABLE.value)

    def run(
        self,
        *selection: str,
        full_refresh: Sequence[str] = (),
        yes: bool = True,
        on_point: Callable[[str], None] = lambda _: None,
        stop: threading.Event | None = None,
    ) -> RunUnderTest:
        """Run an update.

        Args:
            selection: datasets to bring about, in the selection grammar, with all that they read
                up to what was given; everything by default.
            full_refresh: what is computed anew from scratch.
            yes: rows that the sources no longer have may be lost.
            on_point: called at each named point between reading and acknowledging.
            stop: set to stop after what is running.
        """
        request = UpdateRequest(
            select=self._selection(selection), full_refresh=tuple(full_refresh), yes=yes
        )
        result = self.project.run(self.settings.name, request=request, on_point=on_point, stop=stop)
        return RunUnderTest(result, self._session, self._paths())

    def _paths(self) -> dict[str, str]:
        analysed = self._analysis()
        return {
            resolved.dataset.shown.lower(): self._path(name)
            for name, resolved in analysed.graph.datasets.items()
        }

    def _path(self, name: DatasetName) -> str:
        own = self._analysis().graph.datasets.get(name)
        private = own is not None and own.dataset.options.private
        return Layout(self.settings.storage_root, self.settings.name).table(name, private=private)

    def _analysis(self) -> Analysed:
        if self._analysed is None:
            self._analysed = analyse(self.settings, self._session)
        return self._analysed

    def _selection(self, asked: Sequence[str]) -> tuple[str, ...]:
        if not asked and not self._given:
            return ()
        graph = self._analysis().graph
        inputs = {name: each.inputs for name, each in graph.datasets.items()}
        shown = {name: each.dataset.shown for name, each in graph.datasets.items()}
        tags = {name: each.dataset.options.tags for name, each in graph.datasets.items()}
        among = Selectable(graph.namespace, inputs, tags, shown)
        above = upstream(inputs, self._given)
        wanted = set(selected(asked, among)) if asked else set(inputs) - above
        stopping = {
            name: () if name in self._given else tuple(each) for name, each in inputs.items()
        }
        needed = (wanted | upstream(stopping, wanted)) - self._given
        if not needed:
            raise BadSelection("everything that was selected is given", fix="select what reads it")
        return tuple(str(name) for name in needed)

    def _frame(self, name: DatasetName, rows: Sequence[Row], schema: str | None) -> DataFrame:
        types = self._types(name, schema)
        names = types.fieldNames()
        unknown = {key for row in rows for key in row} - set(names)
        if unknown:
            raise BadSelection(
                f"{name.table} has no column {', '.join(sorted(unknown))}",
                fix=f"its columns are {', '.join(names)}",
            )
        text = StructType()
        for field in types.fields:
            given = [row.get(field.name) for row in rows]
            is_text = all(value is None or isinstance(value, str) for value in given)
            text.add(field.name, StringType() if is_text else field.dataType)
        values = [tuple(row.get(key) for key in names) for row in rows]
        frame = self._session.createDataFrame(values, text)
        return frame.select(*[F.col(f.name).cast(f.dataType).alias(f.name) for f in types.fields])

    def _types(self, name: DatasetName, schema: str | None) -> StructType:
        if schema is not None:
            given: StructType = StructType.fromDDL(schema)  # type: ignore[assignment]
            return given
        resolved = self._analysis().graph.datasets.get(name)
        if resolved is None:
            raise BadSelection(
                f"the pipeline declares no {name.table}",
                fix="give schema= for a table outside the pipeline",
            )
        types: StructType = StructType.fromJson(json.loads(resolved.schema.text))
        return types


@dataclasses.dataclass(frozen=True, slots=True)
class RunUnderTest:
    """What came of an update.

    Attributes:
        result: the update's result, as `run -o json` prints it.
    """

    result: UpdateResult
    _session: SparkSession
    _paths: Mapping[str, str]

    @property
    def state(self) -> str:
        """COMPLETED, FAILED or CANCELED."""
        return str(self.result.state)

    def table(self, name: str) -> DataFrame:
        """Return a dataset's table as a frame."""
        return self._session.read.format("delta").load(self._paths[name.lower()])

    def rows(self, name: str) -> list[dict[str, object]]:
        """Return a dataset's rows as dictionaries."""
        return [row.asDict(recursive=True) for row in self.table(name).collect()]

    def dataset(self, name: str) -> DatasetResult:
        """Return what the update did with a dataset."""
        return next(each for each in self.result.datasets if each.name.lower() == name.lower())

    def expectation(self, name: str) -> ExpectationResult:
        """Return what an expectation decided; `dataset.expectation` where two have the name."""
        dataset, _, rule = name.rpartition(".")
        return next(
            count
            for each in self.result.datasets
            if not dataset or each.name.lower() == dataset.lower()
            for count in each.expectations
            if count.name == rule
        )
