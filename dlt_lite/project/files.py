"""The project's file and its pipelines' files → layers of settings, nothing merged yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from dlt_lite.errors import BadValue, ConfigProblem, NoProject, SharedTarget
from dlt_lite.model.origin import Origin
from dlt_lite.project import nodes
from dlt_lite.project.discovery import read_project_file
from dlt_lite.project.fields import (
    JOB_FILE,
    LABEL,
    PIPELINE,
    PIPELINE_FILE,
    PROJECT,
    PROJECT_FILE,
    PYTHON_JOB_FILE,
    TARGET,
)
from dlt_lite.project.layers import Given, Layer, read_layer
from dlt_lite.project.libraries import Library, is_source, read_libraries
from dlt_lite.project.paths import project_path
from dlt_lite.project.suggestions import shown
from dlt_lite.project.yaml_reader import read_yaml_mapping


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """What the project's file says.

    Attributes:
        layer: its settings.
        targets: its targets' overrides, by name.
        resources: its `resources`, as a bundle has them; None where there are none.
        origin: the file.
    """

    layer: Layer
    targets: Mapping[str, Layer]
    resources: nodes.Node | None
    origin: Origin


@dataclass(frozen=True, slots=True)
class PipelineFile:
    """What a pipeline's file says.

    Attributes:
        folder: the pipeline's folder.
        layer: its settings.
        targets: its targets' overrides, by name.
        libraries: its source files, None for the default.
        origin: the file.
        named_at: where its own file names each target; empty where another one does.
    """

    folder: Path
    layer: Layer
    targets: Mapping[str, Layer]
    libraries: tuple[Library, ...] | None
    origin: Origin
    named_at: Mapping[str, Origin] = field(default_factory=dict)


def project_file(root: Path, found: list[ConfigProblem]) -> ProjectFile:
    """Read the file that makes `root` a project.

    Args:
        root: the project's folder.
        found: where problems are added that leave the rest readable.

    Raises:
        NoProject: the folder is no project.
        BadValue: two files describe it.
        BadYaml: its file cannot be read at all.
    """
    mapping = read_project_file(root)
    if mapping is None:
        fix = "make one with `python -m dlt_lite init`"
        raise NoProject(f"{root} has no {PROJECT_FILE}", fix=fix)
    origin = Origin(mapping.origin.path)
    return ProjectFile(
        read_layer(mapping, PROJECT, found),
        _targets(mapping, found),
        _structure(mapping, "resources"),
        origin,
    )


def pipeline_files(
    folder: Path, *, root: Path, found: list[ConfigProblem]
) -> tuple[PipelineFile, ...]:
    """Read the file of every pipeline below a folder, in the order of the folders' names.

    Args:
        folder: the project's folder of pipelines.
        root: the project's folder.
        found: where problems are added; a file that cannot be read is left out.
    """
    files: list[PipelineFile] = []
    for place in _pipeline_folders(folder):
        try:
            file = _pipeline_file(place, root=root, found=found)
        except ConfigProblem as problem:
            found.append(problem)
            continue
        if file is not None:
            files.append(file)
    return tuple(files)


def is_of_one_file(problem: ConfigProblem, root: Path) -> bool:
    """Tell whether a problem lies with one pipeline or job alone: in its file, or its folder.

    Args:
        problem: the problem.
        root: the project's folder.
    """
    if problem.origin is None or isinstance(problem, SharedTarget):
        return False
    path = PurePosixPath(problem.origin.path)
    if path.parent == PurePosixPath():
        return False
    return path.name in {JOB_FILE, PIPELINE_FILE} or (root / path).is_dir()


def _pipeline_folders(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        places = (place for place in folder.iterdir() if not place.name.startswith((".", "_")))
        yield from sorted(place for place in places if place.is_dir())


def _pipeline_file(place: Path, *, root: Path, found: list[ConfigProblem]) -> PipelineFile | None:
    relative = place.relative_to(root).as_posix()
    path = f"{relative}/{PIPELINE_FILE}"
    if not (place / PIPELINE_FILE).exists():
        if not (place / JOB_FILE).exists() and not (place / PYTHON_JOB_FILE).exists():
            _refuse_orphans(place, relative)
        return None
    if (place / JOB_FILE).exists():
        fix = f"move {JOB_FILE} into a folder of its own"
        what = f"{relative} has a {PIPELINE_FILE} and a {JOB_FILE}: it can be one of the two only"
        raise BadValue(what, origin=Origin(path), fix=fix)
    folder = project_path(".", folder=place, root=root, origin=Origin(relative))
    project_path(PIPELINE_FILE, folder=place, root=root, origin=Origin(path))
    mapping = read_yaml_mapping(place / PIPELINE_FILE, root=root)
    libraries = _structure(mapping, "libraries")
    return PipelineFile(
        folder,
        _named(read_layer(mapping, PIPELINE, found), place.name, path),
        _targets(mapping, found),
        read_libraries(libraries, found) if libraries is not None else None,
        Origin(path),
        _named_at(mapping),
    )


def _named(layer: Layer, folder: str, path: str) -> Layer:
    if "name" not in layer and not LABEL.pattern.fullmatch(folder):
        what = (
            f"the folder's name {shown(folder)} cannot be the pipeline's: it must be {LABEL.wants}"
        )
        raise BadValue(what, origin=Origin(path), fix="give it a `name:`")
    return {"name": Given(folder, Origin("default")), **layer}


def _refuse_orphans(place: Path, relative: str) -> None:
    sources = sorted(file.name for file in place.glob("*.py") if is_source(Path(file.name)))
    known = (PIPELINE_FILE, JOB_FILE)
    misspelt = [name for name in known if (place / name).with_suffix(".yaml").exists()]
    if misspelt:
        fix = f"rename {Path(misspelt[0]).stem}.yaml to {misspelt[0]}"
    elif sources:
        fix = "an empty one will do; a folder of helpers is called `_…` or lies elsewhere"
    else:
        return
    raise BadValue(f"no {PIPELINE_FILE} in {relative}", origin=Origin(relative), fix=fix)


def _targets(mapping: nodes.Mapping, found: list[ConfigProblem]) -> Mapping[str, Layer]:
    node = _structure(mapping, "targets")
    if node is None or nodes.is_nothing(node):
        return {}
    if not isinstance(node, nodes.Mapping):
        what = f"targets must be names with settings below, not {nodes.kind_of(node)}"
        fix = "write `NAME:` below it, indented, and settings below that"
        found.append(BadValue(what, origin=node.origin, fix=fix))
        return {}
    targets: dict[str, Layer] = {}
    for entry in node.entries:
        name, value = entry.key.text, entry.value
        if not LABEL.pattern.fullmatch(name):
            what = f"the target {shown(name)} must be {LABEL.wants}"
            found.append(BadValue(what, origin=entry.key.origin, fix="rename it"))
        elif isinstance(value, nodes.Mapping):
            targets[name] = read_layer(value, TARGET, found)
        elif nodes.is_nothing(value):
            targets[name] = {}
        else:
            what = f"the target {shown(name)} must be settings, not {nodes.kind_of(value)}"
            fix = f"write `key: value` below `{name}:`, indented"
            found.append(BadValue(what, origin=value.origin, fix=fix))
    return targets


def _named_at(mapping: nodes.Mapping) -> Mapping[str, Origin]:
    node = _structure(mapping, "targets")
    entries = node.entries if isinstance(node, nodes.Mapping) else ()
    return {entry.key.text: entry.key.origin for entry in entries}


def _structure(mapping: nodes.Mapping, key: str) -> nodes.Node | None:
    values = (entry.value for entry in mapping.entries if entry.key.text == key)
    return next(values, None)
