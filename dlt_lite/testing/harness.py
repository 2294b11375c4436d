"""Run a pipeline on given rows in storage of its own, and look at what came of it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from types import NoneType

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - PySpark's own habit
from pyspark.sql.types import ArrayType, MapType, StringType, StructField, StructType

from dlt_lite.dag.order import upstream
from dlt_lite.engine.standing import standing_in
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
# What is written as text and cast, so that 5 may be given for a DECIMAL and a day for a TIMESTAMP.
_PLAIN = (str, int, float, Decimal, NoneType)
_NESTED = (ArrayType, MapType, StructType)


# A second task for a log of three files takes longer than it saves.
_QUICK_ON_FEW_ROWS = {"spark.databricks.delta.snapshotPartitions": "1"}


def engine_settings(
    environ: Mapping[str, str], spark: Mapping[str, str] | None = None
) -> EngineSettings:
    """Return how a session for tests is started: local, small, JARs from the usual places.

    Args:
        environ: the process's environment.
        spark: Spark settings beside ours, or in their place.
    """
    jars = environ.get("DLT_LITE_JARS_DIR")
    cache = environ.get("DLT_LITE_CACHE_DIR") or default_cache(environ)
    return EngineSettings(
        app_name="dlt_lite tests",
        master="local[2]",
        spark={**_QUICK_ON_FEW_ROWS, **(spark or {})},
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
                type. Calling again adds rows: to a stream that reads them, another batch.
            schema: DDL, needed for a table that the pipeline does not declare. Such tables are
                given first: without them the queries that read them have no meaning.

        Raises:
            BadSelection: there is no such dataset or column, or it is a view.
        """
        full = dataset_name(name, self.settings.namespace)
        if schema is not None:
            self._given_outside(full, rows, schema)
            return
        self._refuse_view(full)
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
        """Run an update; again and again, and each sees what was given since the one before.

        Args:
            selection: datasets to bring about, in the selection grammar, with all that they read
                up to what was given; everything by default.
            full_refresh: what is computed anew from scratch.
            yes: rows that the sources no longer have may be lost.
            on_point: called at each named point between reading and acknowledging.
            stop: set to stop after what is running.

        Returns:
            What came of it; its `state` is FAILED where a dataset failed.

        Raises:
            DltLiteError: nothing could be begun: the definitions are wrong, and the like.
        """
        request = UpdateRequest(
            select=self._selection(selection), full_refresh=tuple(full_refresh), yes=yes
        )
        result = self.project.run(self.settings.name, request=request, on_point=on_point, stop=stop)
        return RunUnderTest(result, self._session, self._paths())

    def _refuse_view(self, name: DatasetName) -> None:
        resolved = self._analysis().graph.datasets.get(name)
        if resolved is not None and resolved.kind is DatasetKind.TEMPORARY_VIEW:
            raise BadSelection(
                f"{resolved.dataset.shown} is a view, which is computed where it is read",
                origin=resolved.dataset.origin,
                fix="give what it reads",
            )

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
            root = self.settings.project_root
            with contextlib.chdir(root), standing_in(self._session, root):
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
            is_plain = not isinstance(field.dataType, _NESTED) and all(
                isinstance(row.get(field.name), _PLAIN) for row in rows
            )
            text.add(field.name, StringType() if is_plain else field.dataType)
        values = [
            tuple(_as_given(row.get(field.name), field) for field in text.fields) for row in rows
        ]
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
        """Return a dataset's table as this update left it; one that was given, as it is now."""
        path = self._paths.get(name.lower())
        if path is None:
            raise _unknown("dataset", name, self._paths)
        reader = self._session.read.format("delta")
        version = self.dataset(name).version
        if version is not None:
            reader = reader.option("versionAsOf", version)
        return reader.load(path)

    def rows(self, name: str) -> list[dict[str, object]]:
        """Return a dataset's rows as dictionaries."""
        return [row.asDict(recursive=True) for row in self.table(name).collect()]

    def dataset(self, name: str) -> DatasetResult:
        """Return what the update did with a dataset."""
        for each in self.result.datasets:
            if each.name.lower() == name.lower():
                return each
        raise _unknown("dataset", name, [each.name for each in self.result.datasets])

    def expectation(self, name: str) -> ExpectationResult:
        """Return what an expectation decided; `dataset.expectation` where two have the name."""
        counted = {
            f"{each.name}.{count.name}": count
            for each in self.result.datasets
            for count in each.expectations
        }
        found = [key for key in counted if key == name or key.endswith(f".{name}")]
        if len(found) != 1:
            raise _unknown("expectation", name, found or counted)
        return counted[found[0]]


def _as_given(value: object, field: StructField) -> object:
    as_text = isinstance(field.dataType, StringType) and value is not None
    return str(value) if as_text else value


def _unknown(what: str, name: str, known: Iterable[str]) -> BadSelection:
    return BadSelection(f"no one {what} is called {name!r}", fix=f"known: {', '.join(known)}")
