"""A project's folder, the environment and the command line → `ProjectSettings`.

The entry to this room: it reads the files, settles what holds for the target that is meant, and
raises together whatever it finds wrong on the way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from dlt_lite.errors import (
    BadValue,
    ConfigProblem,
    DuplicatePipeline,
    UnknownPipeline,
    raise_together,
)
from dlt_lite.model.jobs import IgnoredKey, Job
from dlt_lite.model.origin import Origin
from dlt_lite.model.settings import PipelineSettings, ProjectSettings, SettingSource
from dlt_lite.project.bundle_pipelines import Bundled, bundled_pipelines
from dlt_lite.project.fields import EFFECTIVE_PIPELINE, PROJECT
from dlt_lite.project.files import (
    PipelineFile,
    is_of_one_file,
    pipeline_files,
    project_file,
)
from dlt_lite.project.job_files import Jobs, read_jobs
from dlt_lite.project.layers import Given, Layer, flag_layer, laid_over, settled, sources_of
from dlt_lite.project.libraries import default_files, source_files
from dlt_lite.project.paths import project_path, real
from dlt_lite.project.records import Surroundings, folder_of, is_on, pipeline_settings, text_of
from dlt_lite.project.stack import Stack, chosen_target, default_target, effective, written
from dlt_lite.project.suggestions import closest, shown
from dlt_lite.project.targets import check_apart, check_known, unknown_in

_TASKS = "tasks"
D = TypeVar("D", "_Ready", Job)
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Loaded:
    """A project, and what is wrong with single pipelines and jobs of it.

    Attributes:
        settings: the project without the pipelines and jobs that have a problem.
        problems: what is wrong with these, in their own files.
    """

    settings: ProjectSettings
    problems: tuple[ConfigProblem, ...]


def load_project(
    root: Path,
    *,
    environ: Mapping[str, str],
    target: str | None = None,
    parameters: Mapping[str, str] = _NOTHING,
    overrides: Mapping[str, str] = _NOTHING,
) -> ProjectSettings:
    """Read a project as one target sees it.

    Args:
        root: the project's folder, as `find_project` gives it.
        environ: the environment.
        target: the target that `-t` names, None for the environment's or the project's.
        parameters: what `--param` gives; it is merged over each pipeline's configuration.
        overrides: settings that flags give, by key, such as `storage_root`.

    Raises:
        ConfigProblem: one thing is wrong.
        ErrorGroup: several things are wrong.
    """
    loaded = load_what_can_be(
        root, environ=environ, target=target, parameters=parameters, overrides=overrides
    )
    raise_together(loaded.problems)
    return loaded.settings


def load_what_can_be(
    root: Path,
    *,
    environ: Mapping[str, str],
    target: str | None = None,
    parameters: Mapping[str, str] = _NOTHING,
    overrides: Mapping[str, str] = _NOTHING,
) -> Loaded:
    """Read a project, and leave out the pipelines and jobs whose own files have problems.

    Args:
        root: as for `load_project`, and so are the others.
        environ: the environment.
        target: the target.
        parameters: what `--param` gives.
        overrides: settings that flags give.

    Raises:
        ConfigProblem: one thing is wrong with the project itself, a flag or the environment.
        ErrorGroup: several things are wrong, and not with single pipelines or jobs only.
    """
    found: list[ConfigProblem] = []
    stack = _stack(real(root), _Request(environ, target, parameters, overrides), found)
    own = settled(effective(stack), PROJECT.fields, environ=environ, found=found)
    files, ignored = _files(stack, own, found)
    jobs = _jobs(stack, own, _known_targets(stack, files), found)
    state_root = _state_root(own, stack.root, found)
    ready = _ready(stack, own, files, found)
    common = _common(stack, found)
    found = _once(found)
    if not all(is_of_one_file(problem, stack.root) for problem in found):
        raise_together(found)
    whole = _whole(ready, lambda each: each.settings.name, found)
    ordered = sorted(whole, key=lambda each: each.settings.name)
    names, targets = frozenset(each.settings.name for each in ready), _known_targets(stack, files)
    settings = ProjectSettings(
        name=text_of(own, "name"),
        root=stack.root,
        target=text_of(own, "target"),
        state_root=state_root,
        pipelines_folder=_said_folder(stack, own),
        pipelines={
            each.settings.name: replace(
                each.settings, siblings=names - {each.settings.name}, targets=targets
            )
            for each in ordered
        },
        sources=sources_of(own, PROJECT.fields),
        pipeline_sources={each.settings.name: each.sources for each in ordered},
        jobs={job.name: job for job in _whole(jobs.jobs, lambda job: job.name, found)},
        job_files=jobs.python_files,
        shell_tasks=is_on(own, "shell_tasks"),
        ignored_keys=(*ignored, *jobs.ignored),
        common=common,
    )
    return Loaded(settings, tuple(found))


def pipeline_of(project: ProjectSettings, name: str) -> PipelineSettings:
    """Return the pipeline of a name.

    Raises:
        UnknownPipeline: the project has none of that name.
    """
    pipeline = project.pipelines.get(name)
    if pipeline is None:
        similar = closest(name, project.pipelines)
        hint = f"did you mean {shown(similar)}? " if similar is not None else ""
        there = ", ".join(project.pipelines) or "none"
        what = f"no pipeline is called {shown(name)}"
        raise UnknownPipeline(what, fix=f"{hint}pipelines of this project: {there}")
    return pipeline


@dataclass(frozen=True, slots=True)
class _Request:
    """What one command asks for, apart from files."""

    environ: Mapping[str, str]
    target: str | None
    parameters: Mapping[str, str]
    overrides: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Ready:
    """A pipeline that was read without a problem."""

    settings: PipelineSettings
    sources: tuple[SettingSource, ...]
    origin: Origin


def _stack(root: Path, request: _Request, found: list[ConfigProblem]) -> Stack:
    """Read the project's file and settle the target: without both, nothing else makes sense."""
    project = project_file(root, found)
    parameters = {
        f"configuration.{key}": Given(text, Origin("flag --param"))
        for key, text in request.parameters.items()
    }
    flags = laid_over((flag_layer(request.overrides, found), parameters))
    meant = {"target": chosen_target(project, request.environ, request.target)}
    target = settled(meant, PROJECT.fields, environ=request.environ, found=found)
    if not target:
        raise_together(_once(found))
    return Stack(root, project, request.environ, flags, target["target"])


def _files(
    stack: Stack, own: Layer, found: list[ConfigProblem]
) -> tuple[tuple[PipelineFile, ...], tuple[IgnoredKey, ...]]:
    """Read the pipelines' files; the target may be one that only they name."""
    files: tuple[PipelineFile, ...] = ()
    bundled = Bundled((), ())
    try:
        if "pipelines" in own:
            folder = _pipelines_folder(stack, own)
            files = pipeline_files(folder, root=stack.root, found=found)
            bundled = bundled_pipelines(stack, folder, _known_targets(stack, files), found)
        known = _known_targets(stack, files)
        found += (each for file in files for each in unknown_in(file.named_at, known))
        check_known(stack.target, known)
    except ConfigProblem as problem:
        found.append(problem)
    return (*files, *bundled.files), bundled.ignored


def _jobs(stack: Stack, own: Layer, targets: Collection[str], found: list[ConfigProblem]) -> Jobs:
    """Read the jobs; a folder that is wrong was already told of with the pipelines."""
    if "pipelines" not in own:
        return Jobs((), (), ())
    try:
        return read_jobs(stack, _pipelines_folder(stack, own), targets, found)
    except ConfigProblem as problem:
        found.append(problem)
        return Jobs((), (), ())


def _pipelines_folder(stack: Stack, own: Layer) -> Path:
    given, folder = own["pipelines"], _said_folder(stack, own)
    if "pipelines" in stack.project.layer and not folder.is_dir():
        what = f"there is no folder {shown(given.text or '')}"
        raise BadValue(what, origin=given.origin, fix="make it, or leave `pipelines` out")
    return folder


def _said_folder(stack: Stack, own: Layer) -> Path:
    given, root = own["pipelines"], stack.root
    return project_path(given.text or "", folder=root, root=root, origin=given.origin)


def _known_targets(stack: Stack, files: Sequence[PipelineFile]) -> frozenset[str]:
    """Return the targets that there are: where the project's file names none, the pipelines' do."""
    # The default may refer to a variable that is not there, where a flag names the target.
    default = settled(
        default_target(stack.project), PROJECT.fields, environ=stack.environ, found=[]
    )
    declared = set(stack.project.targets or chain(*(file.targets for file in files)))
    meant = {given.text for given in default.values()}
    builtin = PROJECT.fields["target"].default or ""
    return frozenset(declared if meant <= declared else {*declared, builtin})


def _state_root(own: Layer, root: Path, found: list[ConfigProblem]) -> Path:
    try:
        return folder_of(own, "state_root", root) if "state_root" in own else root
    except ConfigProblem as problem:
        found.append(problem)
        return root


def _ready(
    stack: Stack, own: Layer, files: Sequence[PipelineFile], found: list[ConfigProblem]
) -> tuple[_Ready, ...]:
    name = own["name"].text if "name" in own else None
    surroundings = Surroundings(name or "", stack.root, stack.target.text or "")
    each = (_pipeline(stack, file, surroundings, found=found) for file in files)
    ready = tuple(pipeline for pipeline in each if pipeline is not None)
    found.extend(_duplicates(ready))
    targets = sorted(_known_targets(stack, files))
    try:
        for file in files:
            layers = {target: _as_seen_now(stack, target, file) for target in targets}
            check_apart(layers, root=stack.root, environ=stack.environ)
    except ConfigProblem as problem:
        found.append(problem)
    return ready


def _common(stack: Stack, found: list[ConfigProblem]) -> PipelineSettings | None:
    """Return what holds for work that belongs to no pipeline, such as the tasks of jobs."""
    before = len(found)
    layer = {**effective(stack), "name": Given(_TASKS, Origin("default"))}
    values = settled(layer, EFFECTIVE_PIPELINE, environ=stack.environ, found=found)
    if len(found) > before:
        return None
    name = stack.project.layer.get("name")
    project = (name.text if name is not None else None) or stack.root.name
    surroundings = Surroundings(project, stack.root, stack.target.text or "")
    try:
        return pipeline_settings(values, surroundings, folder=stack.root, files=())
    except ConfigProblem as problem:
        found.append(problem)
        return None


def _as_seen_now(stack: Stack, target: str, file: PipelineFile) -> Layer:
    """Return what holds for a target: the environment and flags are meant for the chosen one."""
    if target == stack.target.text:
        return effective(stack, file)
    return written(stack, target, file)


def _pipeline(
    stack: Stack,
    file: PipelineFile,
    surroundings: Surroundings,
    *,
    found: list[ConfigProblem],
) -> _Ready | None:
    before = len(found)
    environ = stack.environ
    values = settled(effective(stack, file), EFFECTIVE_PIPELINE, environ=environ, found=found)
    sources = _source_files(stack, file, found)
    if len(found) > before:
        return None
    try:
        settings = pipeline_settings(values, surroundings, folder=file.folder, files=sources)
    except ConfigProblem as problem:
        found.append(problem)
        return None
    name = values["name"].origin
    origin = name if name.line else file.origin
    return _Ready(settings, sources_of(values, EFFECTIVE_PIPELINE), origin)


def _source_files(stack: Stack, file: PipelineFile, found: list[ConfigProblem]) -> tuple[Path, ...]:
    root, files = stack.root, dict[Path, None]()
    if file.libraries is None:
        return default_files(file.folder, root=root, origin=file.origin)
    for library in file.libraries:
        try:
            paths = source_files(library, folder=file.folder, root=root, environ=stack.environ)
            files.update(dict.fromkeys(paths))
        except ConfigProblem as problem:
            found.append(problem)
    return tuple(files)


def _duplicates(ready: Sequence[_Ready]) -> Iterator[DuplicatePipeline]:
    first: dict[str, _Ready] = {}
    for each in ready:
        # Names become folders, and some disks do not tell case apart.
        other = first.setdefault(each.settings.name.lower(), each)
        if other is not each:
            what = (
                f"two pipelines are called {shown(each.settings.name)}, the first in {other.origin}"
            )
            yield DuplicatePipeline(what, origin=each.origin, fix="rename one of them (`name:`)")


def _whole(
    declared: Sequence[D], name_of: Callable[[D], str], found: Sequence[ConfigProblem]
) -> tuple[D, ...]:
    """Return the pipelines or jobs whose files have no problem, and whose names mean them alone."""
    broken = {problem.origin.path for problem in found if problem.origin is not None}
    names = Counter(name_of(each).lower() for each in declared)
    return tuple(
        each
        for each in declared
        if each.origin.path not in broken and names[name_of(each).lower()] == 1
    )


def _once(found: Sequence[ConfigProblem]) -> list[ConfigProblem]:
    """Return all problems; a value that several pipelines inherit is wrong once."""
    return list({str(problem): problem for problem in found}.values())
