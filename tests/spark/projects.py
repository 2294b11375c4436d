"""Small projects made on the spot, their pipelines resolved in the session that tests share."""

import textwrap
from collections.abc import Mapping
from pathlib import Path

from pyspark.sql import SparkSession

from dlt_lite.errors import DltLiteError, ErrorGroup
from dlt_lite.graph.graph import ResolvedFlow, ResolvedGraph
from dlt_lite.model.settings import PipelineSettings
from dlt_lite.pipeline import Analysed, analyse
from dlt_lite.project.loading import pipeline_of
from dlt_lite.workspace import Project

HEAD = "import dlt_lite as dlt\nfrom pyspark.sql import SparkSession, functions as F\n\n"


def make_project(root: Path, files: Mapping[str, str]) -> Path:
    """Write a project with pipelines; a pipeline without a `pipeline.yml` publishes to `shop`.

    Args:
        root: its folder.
        files: texts by their path below `pipelines/`; a file of Python gets the usual imports.
    """
    root.mkdir(parents=True, exist_ok=True)
    (root / "dlt_lite.yml").write_text("name: made_up\n", encoding="utf-8")
    for name, text in files.items():
        path = root / "pipelines" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
    for folder in (root / "pipelines").iterdir():
        settings = folder / "pipeline.yml"
        if not settings.exists():
            settings.write_text(f"name: {folder.name}\nschema: shop\n", encoding="utf-8")
    return root


def one_file(root: Path, *texts: str) -> Path:
    """Write a project whose one pipeline, `shop`, has one file; the usual imports stand on top."""
    return make_project(root, {"shop/tables.py": HEAD + "".join(map(textwrap.dedent, texts))})


def settings_of(
    root: Path, name: str = "shop", *, parameters: Mapping[str, str] | None = None
) -> PipelineSettings:
    """Return a pipeline's settings; its storage lies beside the project."""
    overrides = {
        "storage_root": str(root.parent / "storage"),
        "state_root": str(root.parent / "state"),
    }
    project = Project.load(root, parameters=parameters, overrides=overrides, environ={})
    return pipeline_of(project.settings, name)


def analysed(
    session: SparkSession,
    root: Path,
    name: str = "shop",
    *,
    parameters: Mapping[str, str] | None = None,
) -> Analysed:
    """Load and resolve a pipeline."""
    return analyse(settings_of(root, name, parameters=parameters), session)


def resolved(session: SparkSession, root: Path, name: str = "shop") -> ResolvedGraph:
    """Return a pipeline's resolved graph."""
    return analysed(session, root, name).graph


def problems(session: SparkSession, root: Path, name: str = "shop") -> tuple[DltLiteError, ...]:
    """Return what is wrong with a pipeline, in the order in which a person reads it."""
    try:
        resolved(session, root, name)
    except ErrorGroup as group:
        return group.errors
    except DltLiteError as error:
        return (error,)
    return ()


def flows_of(graph: ResolvedGraph) -> dict[str, ResolvedFlow]:
    """Return a graph's flows by name."""
    return {flow.flow.name: flow for each in graph.datasets.values() for flow in each.flows}


def edges(flow: ResolvedFlow) -> set[str]:
    """Return what a flow reads, as text; what it streams is marked by a star."""
    return {f"{read.name or read.path}{'*' if read.streaming else ''}" for read in flow.reads}
