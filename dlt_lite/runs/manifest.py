"""The last resolved graph of a pipeline, kept in its run's folder for `ls` and `graph`.

Records in, a JSON file out, and back; whoever reads it needs neither Spark nor the user's code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from dlt_lite.events.codec import expectation_definition
from dlt_lite.events.records import ExpectationDefinition
from dlt_lite.runs.disk import read_json, write_json
from dlt_lite.runs.folder import RunFolder
from dlt_lite.runs.history import matching_runs


@dataclass(frozen=True, slots=True)
class ManifestFlow:
    """A flow, and the names of what it reads."""

    name: str
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ManifestColumn:
    """A column, its type as a person reads it."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class ManifestDataset:
    """A dataset of the graph.

    Attributes:
        name: its name as the user wrote it.
        full_name: its full name.
        kind: streaming_table, materialized_view or temporary_view.
        path: URI of its Delta table; None for a view.
        version: the version that the update last saw or wrote; None where there is none.
        inputs: the pipeline's datasets that it reads.
        external_inputs: what it reads outside the pipeline.
        flows: the flows that fill it.
        expectations: its own expectations.
        tags: words to select it by.
        comment: text that stands beside it.
        columns: its columns.
        origin: where it was declared.
        quarantine: URI of the Delta table of the rows that it sets aside; None where no rule does.
        streams_from: what it reads outside the pipeline as a stream: full names, and URIs.
    """

    name: str
    full_name: str
    kind: str
    path: str | None = None
    version: int | None = None
    inputs: tuple[str, ...] = ()
    external_inputs: tuple[str, ...] = ()
    flows: tuple[ManifestFlow, ...] = ()
    expectations: tuple[ExpectationDefinition, ...] = ()
    tags: tuple[str, ...] = ()
    comment: str | None = None
    columns: tuple[ManifestColumn, ...] = ()
    origin: str = ""
    quarantine: str | None = None
    streams_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """A pipeline's graph as an update resolved it.

    Attributes:
        pipeline: the pipeline's name.
        target: the target's name.
        update_id: the update.
        resolved_at: when, ISO 8601 in UTC.
        datasets: each after what it reads.
    """

    pipeline: str
    target: str
    update_id: str
    resolved_at: str
    datasets: tuple[ManifestDataset, ...]


def write_manifest(folder: RunFolder, manifest: Manifest) -> None:
    """Write a manifest into a run's folder, in place of the one that is there.

    Raises:
        StorageNotWritable: the disk refused it.
    """
    write_json(folder.manifest, asdict(manifest))


def read_manifest(path: Path) -> Manifest | None:
    """Return the manifest that a file holds, None where it is missing or torn.

    Raises:
        StateTooNew: a newer dlt_lite wrote it.
    """
    plain = read_json(path)
    try:
        return None if plain is None else _manifest(plain)
    except (KeyError, TypeError, ValueError):
        return None


def latest_manifest(state_root: Path, *, target: str, pipeline: str) -> Manifest | None:
    """Return the newest manifest of a pipeline and target, None where no run has left one.

    Raises:
        StateTooNew: a newer dlt_lite wrote one of the runs.
    """
    runs = matching_runs(state_root, target=target, pipeline=pipeline)
    found = (read_manifest(each.folder.manifest) for each in runs)
    return next((each for each in found if each is not None), None)


def with_versions(manifest: Manifest, versions: Mapping[str, int | None]) -> Manifest:
    """Return a manifest with the versions of the datasets that are named put in."""
    datasets = (
        replace(each, version=versions.get(each.name, each.version)) for each in manifest.datasets
    )
    return replace(manifest, datasets=tuple(datasets))


def _manifest(plain: Mapping[str, Any]) -> Manifest:
    return Manifest(
        plain["pipeline"],
        plain["target"],
        plain["update_id"],
        plain["resolved_at"],
        tuple(_dataset(each) for each in plain["datasets"]),
    )


def _dataset(plain: Mapping[str, Any]) -> ManifestDataset:
    expectations = (expectation_definition(each) for each in plain["expectations"])
    return ManifestDataset(
        name=plain["name"],
        full_name=plain["full_name"],
        kind=plain["kind"],
        path=plain["path"],
        version=plain["version"],
        inputs=tuple(plain["inputs"]),
        external_inputs=tuple(plain["external_inputs"]),
        flows=tuple(ManifestFlow(each["name"], tuple(each["inputs"])) for each in plain["flows"]),
        expectations=tuple(expectations),
        tags=tuple(plain["tags"]),
        comment=plain["comment"],
        columns=tuple(ManifestColumn(**each) for each in plain["columns"]),
        origin=plain["origin"],
        quarantine=plain.get("quarantine"),
        streams_from=tuple(plain.get("streams_from", ())),
    )
