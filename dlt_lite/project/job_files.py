"""Where jobs are declared: folders with a job.yml or job.py, and `resources: {jobs: …}`.

A folder with a job.yml and no pipeline.yml is a job. In a job.yml, and in the project's file,
`resources` may stand as Databricks' bundles have it; its jobs are named by their keys.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dlt_lite.errors import BadValue, ConfigProblem, DuplicateJob, UnknownKey
from dlt_lite.model.jobs import IgnoredKey, Job
from dlt_lite.model.origin import Origin
from dlt_lite.project import nodes
from dlt_lite.project.bundle_files import is_bundle, not_used, resources_of
from dlt_lite.project.entries import Reading
from dlt_lite.project.fields import JOB_FILE, LABEL, PIPELINE_FILE, PYTHON_JOB_FILE
from dlt_lite.project.job_reader import read_job
from dlt_lite.project.job_targets import as_seen_by, targets_named
from dlt_lite.project.paths import project_path
from dlt_lite.project.stack import Stack
from dlt_lite.project.suggestions import shown
from dlt_lite.project.yaml_reader import read_yaml_mapping

_RESOURCES = "resources"
_NOT_READ = "only jobs and pipelines are read of resources"


@dataclass(frozen=True, slots=True)
class Jobs:
    """All jobs that configuration declares.

    Attributes:
        jobs: the jobs, in the order of their names.
        python_files: the files that declare jobs by decorators.
        ignored: the keys that do nothing here.
    """

    jobs: tuple[Job, ...]
    python_files: tuple[Path, ...]
    ignored: tuple[IgnoredKey, ...]


@dataclass(frozen=True, slots=True)
class _Source:
    """One job as it stands in a file."""

    name: str
    mapping: nodes.Mapping
    folder: Path


def read_jobs(
    stack: Stack, folder: Path, targets: Collection[str], found: list[ConfigProblem]
) -> Jobs:
    """Read every job of a project.

    Args:
        stack: the project's file, the environment and the target.
        folder: the project's folder of pipelines and jobs.
        targets: the names of the project's targets.
        found: where problems are added; a job that cannot be read is left out.
    """
    ignored: list[IgnoredKey] = []
    sources = list(_of_project_file(stack, found, ignored))
    places = list(_job_folders(folder))
    for place in places:
        try:
            sources.extend(_of_folder(place, stack, targets, found, ignored))
        except ConfigProblem as problem:
            found.append(problem)
    jobs = [read_job(source.mapping, _reading(source, stack, found, ignored)) for source in sources]
    found.extend(_duplicates(jobs))
    python = tuple(place / PYTHON_JOB_FILE for place in places if _is_python(place))
    return Jobs(tuple(sorted(jobs, key=lambda job: job.name)), python, tuple(ignored))


def _job_folders(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        places = (place for place in folder.iterdir() if not place.name.startswith((".", "_")))
        yield from sorted(place for place in places if place.is_dir() and _is_job(place))


def _is_job(place: Path) -> bool:
    return not (place / PIPELINE_FILE).exists() and (
        (place / JOB_FILE).exists() or _is_python(place)
    )


def _is_python(place: Path) -> bool:
    return (place / PYTHON_JOB_FILE).exists() and not (place / JOB_FILE).exists()


def _of_project_file(
    stack: Stack, found: list[ConfigProblem], ignored: list[IgnoredKey]
) -> Iterator[_Source]:
    node = stack.project.resources
    if node is not None:
        yield from _of_resources(node, stack.root, found, ignored)


def _of_folder(
    place: Path,
    stack: Stack,
    targets: Collection[str],
    found: list[ConfigProblem],
    ignored: list[IgnoredKey],
) -> Iterator[_Source]:
    """Yield the jobs of a folder as the chosen target sees them."""
    if _is_python(place):
        return
    root, target = stack.root, stack.target.text or ""
    path = f"{place.relative_to(root).as_posix()}/{JOB_FILE}"
    folder = project_path(".", folder=place, root=root, origin=Origin(path))
    project_path(JOB_FILE, folder=place, root=root, origin=Origin(path))
    written = read_yaml_mapping(place / JOB_FILE, root=root)
    for other in targets_named(written):
        if other != target and other in targets:
            found.extend(_misspelt(as_seen_by(written, other, targets, []), stack, folder))
    mapping = as_seen_by(written, target, targets, found)
    resources = resources_of(mapping, stack.environ)
    if resources is None and is_bundle(written):
        ignored.extend(not_used(written, targets, found))
        return
    if resources is None:
        # A target changes what people call a job, never what commands do.
        yield _Source(_name_of(written, place.name, path), mapping, folder)
        return
    ignored.extend(not_used(written, targets, found))
    yield from _of_resources(resources, folder, found, ignored)


def _misspelt(mapping: nodes.Mapping, stack: Stack, folder: Path) -> Iterator[UnknownKey]:
    """Yield the keys that nobody reads, of a job file as another target sees it."""
    found: list[ConfigProblem] = []
    resources = resources_of(mapping, stack.environ)
    if resources is None:
        sources = [_Source(folder.name, mapping, folder)]
    else:
        sources = list(_of_resources(resources, folder, [], []))
    for source in sources:
        read_job(source.mapping, _reading(source, stack, found, []))
    yield from (problem for problem in found if isinstance(problem, UnknownKey))


def _of_resources(
    node: nodes.Node, folder: Path, found: list[ConfigProblem], ignored: list[IgnoredKey]
) -> Iterator[_Source]:
    for entry in _entries(node, _RESOURCES, found):
        key = entry.key.text
        if key == "pipelines":
            continue
        if key != "jobs":
            ignored.append(IgnoredKey("", f"resources.{key}", _NOT_READ, entry.key.origin))
            continue
        for job in _entries(entry.value, "resources.jobs", found):
            yield from _of_resource(job, folder, found)


def _of_resource(entry: nodes.Entry, folder: Path, found: list[ConfigProblem]) -> Iterator[_Source]:
    name, value = entry.key.text, entry.value
    if not LABEL.pattern.fullmatch(name):
        what = f"the job {shown(name)} must be {LABEL.wants}"
        found.append(BadValue(what, origin=entry.key.origin, fix="rename it"))
    elif not isinstance(value, nodes.Mapping):
        what = f"the job {shown(name)} must be keys and values, not {nodes.kind_of(value)}"
        found.append(BadValue(what, origin=value.origin, fix=f"write `tasks:` below `{name}:`"))
    else:
        yield _Source(name, value, folder)


def _entries(node: nodes.Node, title: str, found: list[ConfigProblem]) -> tuple[nodes.Entry, ...]:
    if isinstance(node, nodes.Mapping):
        return node.entries
    if not nodes.is_nothing(node):
        what = f"{title} must be keys and values, not {nodes.kind_of(node)}"
        found.append(BadValue(what, origin=node.origin, fix="write `NAME:` below it, indented"))
    return ()


def _name_of(mapping: nodes.Mapping, folder: str, path: str) -> str:
    """Return what commands call a job: its name where that is plain, or its folder's."""
    given = _value(mapping, "name")
    if isinstance(given, nodes.Scalar) and LABEL.pattern.fullmatch(given.text):
        return given.text
    if not LABEL.pattern.fullmatch(folder):
        what = f"the folder's name {shown(folder)} cannot be the job's: it must be {LABEL.wants}"
        raise BadValue(what, origin=Origin(path), fix="give it a plain `name:`")
    return folder


def _value(mapping: nodes.Mapping, key: str) -> nodes.Node | None:
    values = (entry.value for entry in mapping.entries if entry.key.text == key)
    return next(values, None)


def _reading(
    source: _Source, stack: Stack, found: list[ConfigProblem], ignored: list[IgnoredKey]
) -> Reading:
    return Reading(
        job=source.name,
        folder=source.folder,
        root=stack.root,
        target=stack.target.text or "",
        environ=stack.environ,
        found=found,
        ignored=ignored,
    )


def _duplicates(jobs: Sequence[Job]) -> Iterator[DuplicateJob]:
    first: dict[str, Job] = {}
    for job in jobs:
        # Names become folders, and some disks do not tell case apart.
        other = first.setdefault(job.name.lower(), job)
        if other is not job:
            what = f"two jobs are called {shown(job.name)}, the first in {other.origin}"
            yield DuplicateJob(what, origin=job.origin, fix="rename one of them")
