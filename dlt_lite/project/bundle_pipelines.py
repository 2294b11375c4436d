"""Pipelines below `resources`, as Databricks' bundles have them → the same as a pipeline.yml gives.

A pipeline is called by its key, so that `${resources.pipelines.clicks.id}` means it. Its files are
found from the folder of the file that declares it, or from `root_path`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dlt_lite.errors import BadValue, ConfigProblem, UnknownKey
from dlt_lite.model.jobs import IgnoredKey
from dlt_lite.model.origin import Origin
from dlt_lite.project import nodes
from dlt_lite.project.bundle_files import resources_of
from dlt_lite.project.fields import JOB_FILE, LABEL, PIPELINE, PIPELINE_FILE
from dlt_lite.project.files import PipelineFile
from dlt_lite.project.job_targets import as_seen_by
from dlt_lite.project.layers import Given, read_layer
from dlt_lite.project.libraries import read_libraries
from dlt_lite.project.paths import project_path
from dlt_lite.project.stack import Stack
from dlt_lite.project.suggestions import did_you_mean, shown
from dlt_lite.project.yaml_reader import read_yaml_mapping

_COMPUTE = "there is no cluster to choose: Spark is that of the project's target"
_RIGHTS = "rights are those of the person or service that runs the command"
_WORKSPACE = "it names an object of a Databricks workspace"
_BILLING = "it is about Databricks' billing"
_MODE = "an update is one run, started by a command or a job"
_NOT_HONOURED: Mapping[str, str] = {
    "allow_duplicate_names": _WORKSPACE,
    "budget_policy_id": _BILLING,
    "channel": _COMPUTE,
    "clusters": _COMPUTE,
    "continuous": _MODE,
    "deployment": _WORKSPACE,
    "development": _MODE,
    "edition": _BILLING,
    "environment": "what files import is installed in the environment of dlt_lite",
    "event_log": "the event log lies below the storage root",
    "id": _WORKSPACE,
    "lifecycle": _WORKSPACE,
    "notifications": "who is told stands in the job: webhook_notifications",
    "permissions": _RIGHTS,
    "photon": _COMPUTE,
    "restart_window": _MODE,
    "run_as": _RIGHTS,
    "serverless": _COMPUTE,
    "storage": "tables lie below the target's storage_root",
    "tags": _WORKSPACE,
    "trigger": "a job starts it: schedule or trigger",
    "usage_policy_id": _BILLING,
}
_SETTINGS = frozenset({"catalog", "schema", "configuration"})
_OLD_SCHEMA = "target"
_READ = _SETTINGS | {"name", "libraries", "root_path", _OLD_SCHEMA}
_BELOW = "write `NAME:` below it, indented"
_TARGET_NAME = "${bundle.target}"


@dataclass(frozen=True, slots=True)
class Bundled:
    """All pipelines that stand below `resources`, and the keys that do nothing here."""

    files: tuple[PipelineFile, ...]
    ignored: tuple[IgnoredKey, ...]


def bundled_pipelines(
    stack: Stack, folder: Path, targets: Collection[str], found: list[ConfigProblem]
) -> Bundled:
    """Read the pipelines that the project's file and the job files declare.

    Args:
        stack: the project's file, the environment and the target.
        folder: the project's folder of pipelines and jobs.
        targets: the names of the project's targets.
        found: where problems are added; a pipeline that cannot be read is left out.
    """
    files: list[PipelineFile] = []
    ignored: list[IgnoredKey] = []
    for resources, place in _resources(stack, folder, targets):
        pipelines = _value(resources, "pipelines")
        if pipelines is None or nodes.is_nothing(pipelines):
            continue
        if not isinstance(pipelines, nodes.Mapping):
            what = f"resources.pipelines must be keys and values, not {nodes.kind_of(pipelines)}"
            found.append(BadValue(what, origin=pipelines.origin, fix=_BELOW))
            continue
        for entry in pipelines.entries:
            try:
                files.append(_pipeline(entry, place, stack, found, ignored))
            except ConfigProblem as problem:
                found.append(problem)
    return Bundled(tuple(files), tuple(ignored))


def _resources(
    stack: Stack, folder: Path, targets: Collection[str]
) -> Iterator[tuple[nodes.Mapping, Path]]:
    """Yield what stands below `resources`, with the folder that paths start from."""
    if isinstance(stack.project.resources, nodes.Mapping):
        yield stack.project.resources, stack.root
    places = sorted(folder.iterdir()) if folder.is_dir() else []
    for place in places:
        is_job = (place / JOB_FILE).is_file() and not (place / PIPELINE_FILE).exists()
        if place.name.startswith((".", "_")) or not is_job:
            continue
        try:
            written = read_yaml_mapping(place / JOB_FILE, root=stack.root)
        except ConfigProblem:
            # It is told of where jobs are read.
            continue
        seen = as_seen_by(written, stack.target.text or "", targets, [])
        found = resources_of(seen, stack.environ)
        if isinstance(found, nodes.Mapping):
            yield found, place


def _pipeline(
    entry: nodes.Entry,
    place: Path,
    stack: Stack,
    found: list[ConfigProblem],
    ignored: list[IgnoredKey],
) -> PipelineFile:
    name, value = entry.key.text, entry.value
    if not LABEL.pattern.fullmatch(name):
        what = f"the pipeline {shown(name)} must be {LABEL.wants}"
        raise BadValue(what, origin=entry.key.origin, fix="rename it")
    if not isinstance(value, nodes.Mapping):
        what = f"the pipeline {shown(name)} must be keys and values, not {nodes.kind_of(value)}"
        raise BadValue(what, origin=value.origin, fix=f"write `libraries:` below `{name}:`")
    known = _filled(value, stack.target.text or "")
    settings = tuple(_settings(name, known, found, ignored))
    layer = read_layer(nodes.Mapping(settings, value.origin), PIPELINE, found)
    libraries = _value(known, "libraries")
    if libraries is None or nodes.is_nothing(libraries):
        fix = "add `libraries: [{glob: {include: src/**}}]`"
        what = f"the pipeline {shown(name)} names no libraries"
        raise BadValue(what, origin=entry.key.origin, fix=fix)
    return PipelineFile(
        _folder(known, place, stack.root),
        {"name": Given(name, entry.key.origin), **layer},
        {},
        read_libraries(libraries, found),
        entry.key.origin,
    )


def _settings(
    name: str, mapping: nodes.Mapping, found: list[ConfigProblem], ignored: list[IgnoredKey]
) -> Iterator[nodes.Entry]:
    """Yield the entries that a pipeline.yml has, too; sort out the others."""
    keys = {entry.key.text for entry in mapping.entries}
    for entry in mapping.entries:
        key = entry.key.text
        if key in _SETTINGS:
            yield entry
        elif key == _OLD_SCHEMA and "schema" not in keys:
            yield nodes.Entry(nodes.Scalar("schema", entry.key.kind, entry.key.origin), entry.value)
        elif key in _NOT_HONOURED:
            path = f"resources.pipelines.{name}.{key}"
            ignored.append(IgnoredKey("", path, _NOT_HONOURED[key], entry.key.origin))
        elif key not in _READ and not key.startswith("x-"):
            what = f"{shown(key)} is no key of a pipeline"
            fix = did_you_mean(key, _READ | _NOT_HONOURED.keys())
            found.append(UnknownKey(what, origin=entry.key.origin, fix=fix))


def _folder(mapping: nodes.Mapping, place: Path, root: Path) -> Path:
    given = _value(mapping, "root_path")
    text, origin = ".", Origin(mapping.origin.path)
    if isinstance(given, nodes.Scalar) and not nodes.is_nothing(given):
        text, origin = given.text, given.origin
    return project_path(text, folder=place, root=root, origin=origin)


def _filled(mapping: nodes.Mapping, target: str) -> nodes.Mapping:
    """Return a mapping with the target's name where a bundle refers to it."""

    def filled(node: nodes.Node) -> nodes.Node:
        match node:
            case nodes.Mapping():
                entries = (nodes.Entry(each.key, filled(each.value)) for each in node.entries)
                return nodes.Mapping(tuple(entries), node.origin)
            case nodes.Sequence():
                return nodes.Sequence(tuple(map(filled, node.items)), node.origin)
            case nodes.Scalar():
                text = node.text.replace(_TARGET_NAME, target)
                return nodes.Scalar(text, node.kind, node.origin)

    entries = (nodes.Entry(each.key, filled(each.value)) for each in mapping.entries)
    return nodes.Mapping(tuple(entries), mapping.origin)


def _value(mapping: nodes.Mapping, key: str) -> nodes.Node | None:
    values = (entry.value for entry in mapping.entries if entry.key.text == key)
    return next(values, None)
