"""Settled text values → the typed records that every other room reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dlt_lite.model.gates import Gate
from dlt_lite.model.names import Namespace
from dlt_lite.model.rules import NullPolicy
from dlt_lite.model.samples import SampleSettings
from dlt_lite.model.settings import EngineSettings, PipelineSettings, RunSettings
from dlt_lite.project.fields import SUBMITTED
from dlt_lite.project.layers import Layer
from dlt_lite.project.paths import local_folder, storage_location


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a pipeline's settings say about the project around it."""

    project: str
    root: Path
    target: str


def pipeline_settings(
    values: Layer, surroundings: Surroundings, *, folder: Path, files: tuple[Path, ...]
) -> PipelineSettings:
    """Return a pipeline's settings.

    Args:
        values: every setting of the pipeline, settled.
        surroundings: the project.
        folder: the pipeline's folder.
        files: its source files.

    Raises:
        BadValue: a path that may not be used.
    """
    name, root = text_of(values, "name"), surroundings.root
    storage = values["storage_root"]
    return PipelineSettings(
        name=name,
        folder=folder,
        files=files,
        namespace=Namespace(text_of(values, "schema"), values["catalog"].text),
        configuration=_entries(values, "configuration"),
        storage_root=storage_location(storage.text or "", root=root, origin=storage.origin),
        target=surroundings.target,
        project=surroundings.project,
        project_root=root,
        state_root=folder_of(values, "state_root", root),
        engine=_engine(values, surroundings, name),
        run=RunSettings(
            parallel_flows=int(text_of(values, "parallel_flows")),
            max_retries=int(text_of(values, "max_retries")),
            catalog_tables=is_on(values, "catalog_tables"),
        ),
        gate=_gate(values),
        null_policy=NullPolicy(text_of(values, "quality.null")),
        samples=SampleSettings(
            int(text_of(values, "quality.samples")), _names(text_of(values, "quality.mask"))
        ),
    )


def text_of(values: Layer, key: str) -> str:
    """Return a setting that always has a value."""
    return values[key].text or ""


def is_on(values: Layer, key: str) -> bool:
    """Return whether a switch is on."""
    return text_of(values, key).lower() in {"true", "1"}


def folder_of(values: Layer, key: str, root: Path) -> Path:
    """Return a setting that is a folder on the driver's disk.

    Raises:
        BadValue: a path that may not be used.
    """
    return local_folder(text_of(values, key), root=root, origin=values[key].origin)


def _engine(values: Layer, surroundings: Surroundings, pipeline: str) -> EngineSettings:
    master = values["master"].text
    has_jars = values["jars_dir"].text is not None
    return EngineSettings(
        app_name=f"{surroundings.project}: {pipeline}",
        master=None if master == SUBMITTED else master,
        spark=_entries(values, "spark"),
        ansi=is_on(values, "ansi"),
        jars_dir=folder_of(values, "jars_dir", surroundings.root) if has_jars else None,
        cache_dir=folder_of(values, "cache_dir", surroundings.root),
        class_archive=is_on(values, "class_archive"),
    )


def _gate(values: Layer) -> Gate:
    return Gate(
        no_critical=is_on(values, "quality.gate.no_critical"),
        min_pass_ratio=_number(values, "quality.gate.min_pass_ratio"),
        max_regression_points=_number(values, "quality.gate.max_regression_points"),
        no_unexplained_drop=is_on(values, "quality.gate.no_unexplained_drop"),
        max_row_decrease=_number(values, "quality.gate.max_row_decrease"),
        some_checked=is_on(values, "quality.gate.some_checked"),
    )


def _number(values: Layer, key: str) -> float | None:
    text = values[key].text
    return None if text is None else float(text)


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip().lower() for name in text.split(",") if name.strip())


def _entries(values: Layer, key: str) -> dict[str, str]:
    prefix = f"{key}."
    return {
        name.removeprefix(prefix): given.text or ""
        for name, given in sorted(values.items())
        if name.startswith(prefix)
    }
