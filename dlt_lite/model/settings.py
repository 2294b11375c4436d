"""What a project, a pipeline and a target settle, read and merged: values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dlt_lite.model.gates import Gate
from dlt_lite.model.jobs import IgnoredKey, Job
from dlt_lite.model.names import Namespace
from dlt_lite.model.rules import NullPolicy
from dlt_lite.model.samples import AS_USUAL, SampleSettings


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How Spark is started, or what an adopted session must have.

    Attributes:
        app_name: the Spark application's name.
        master: Spark's master URL, None where spark-submit decides.
        spark: the user's own Spark settings; they win over ours.
        ansi: whether `spark.sql.ansi.enabled` is on.
        jars_dir: a folder that holds Delta's five JARs, for machines without a network.
        cache_dir: where fetched JARs and the class-data archive are kept between runs.
        class_archive: whether a class-data archive is made and used.
    """

    app_name: str
    master: str | None
    spark: Mapping[str, str]
    ansi: bool
    jars_dir: Path | None
    cache_dir: Path
    class_archive: bool


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How an update is carried out.

    Attributes:
        parallel_flows: how many flows run at once.
        max_retries: how often a flow is tried again after a transient error.
        catalog_tables: whether tables are also registered in Spark's catalog (a metastore).
    """

    parallel_flows: int
    max_retries: int
    catalog_tables: bool


@dataclass(frozen=True, slots=True)
class PipelineSettings:
    """One pipeline as one target sees it.

    Attributes:
        name: the pipeline's name, unique in the project.
        folder: the pipeline's folder; helper modules are found here.
        files: the source files, in the order they are loaded.
        namespace: where its datasets are published.
        configuration: values that functions read by `spark.conf.get`, parameters merged in.
        storage_root: URI or path below which tables and checkpoints lie.
        target: the target's name.
        project: the project's name.
        project_root: the project's folder.
        state_root: the folder on the driver's disk that holds runs and locks.
        engine: how Spark is started.
        run: how an update is carried out.
        gate: what must hold of its quality for CI to let an update pass.
        null_policy: what it means where a rule's condition is NULL and the rule does not say.
        samples: what of the data may be shown.
        siblings: the names of the project's other pipelines.
        targets: the names of all targets of the project; none where nobody has asked.
    """

    name: str
    folder: Path
    files: tuple[Path, ...]
    namespace: Namespace
    configuration: Mapping[str, str]
    storage_root: str
    target: str
    project: str
    project_root: Path
    state_root: Path
    engine: EngineSettings
    run: RunSettings
    gate: Gate
    null_policy: NullPolicy = NullPolicy.FAIL
    samples: SampleSettings = AS_USUAL
    siblings: frozenset[str] = frozenset()
    targets: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SettingSource:
    """Where a setting's value comes from, for `config show --origin`.

    Attributes:
        key: the setting's dotted key, such as `spark.master` or `configuration.landing`.
        value: its value as text.
        source: `default`, `flag`, `env DLT_LITE_…`, or `file:line`.
    """

    key: str
    value: str
    source: str


@dataclass(frozen=True, slots=True)
class ProjectSettings:
    """A project as one target sees it.

    Attributes:
        name: the project's name.
        root: the project's folder.
        target: the target's name.
        state_root: the folder on the driver's disk that holds runs and locks.
        pipelines_folder: the folder whose folders are pipelines and jobs.
        pipelines: the pipelines by name, in the order of their names.
        sources: where each project-wide setting comes from.
        pipeline_sources: the same for each pipeline's own settings.
        jobs: the jobs that YAML declares, by name, in the order of their names.
        job_files: the Python files that declare jobs.
        shell_tasks: whether jobs may run commands of the machine.
        ignored_keys: the keys of jobs that only Databricks can honour.
        common: what holds for work that belongs to no pipeline: engine, storage root.
    """

    name: str
    root: Path
    target: str
    state_root: Path
    pipelines_folder: Path
    pipelines: Mapping[str, PipelineSettings]
    sources: tuple[SettingSource, ...]
    pipeline_sources: Mapping[str, tuple[SettingSource, ...]]
    jobs: Mapping[str, Job]
    job_files: tuple[Path, ...]
    shell_tasks: bool
    ignored_keys: tuple[IgnoredKey, ...]
    common: PipelineSettings | None = None
