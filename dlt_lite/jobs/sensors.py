"""What triggers look at, on a disk of this machine and without Spark: files, versions, other runs.

A folder or a storage root elsewhere (`s3a://…`) is refused before anything is served: listing it
takes Hadoop's file systems, and those a JVM that would live as long as the loop.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from dlt_lite.errors import BadSchedule
from dlt_lite.jobs.triggering import Sight
from dlt_lite.model.jobs import Job
from dlt_lite.model.names import DatasetName, NameProblem, Namespace, lowered, split_identifier
from dlt_lite.model.outcomes import ResultState
from dlt_lite.model.triggers import FileArrivalTrigger, JobCompletionTrigger, TableUpdateTrigger
from dlt_lite.runs.folder import RunFacts, RunKind, RunState, judged_facts, runs_of
from dlt_lite.storage.layout import Layout

MOST_FILES = 100_000
_HIDDEN = (".", "_")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_COMMIT = re.compile(r"([0-9]{20})\.json")
_AS_NAME = "write table, schema.table or catalog.schema.table"
_MOST_PARTS = 3
_RESULTS = {
    RunState.COMPLETED: ResultState.SUCCESS,
    RunState.FAILED: ResultState.FAILED,
    RunState.CANCELED: ResultState.CANCELED,
}


def watched_folder(trigger: FileArrivalTrigger, job: Job) -> Path:
    """Return the folder that a trigger watches; a relative path starts at the job's folder.

    Raises:
        BadSchedule: it is not on a disk of this machine.
    """
    return job.folder / _local(trigger.url, trigger, "the folder")


def files_below(folder: Path) -> Sight | None:
    """Return the files below a folder, at any depth, None where it is not there.

    Names that begin with a dot or an underscore are passed over, as Spark passes over them; links
    to folders are not followed.

    Raises:
        OSError: something in it cannot be listed.
        BadSchedule: there are too many.
    """
    if not folder.is_dir():
        return None
    found: dict[str, str] = {}
    for place, folders, files in os.walk(folder, onerror=_raised):
        folders[:] = [name for name in folders if not name.startswith(_HIDDEN)]
        inside = os.path.relpath(place, folder)
        for name in files:
            if not name.startswith(_HIDDEN):
                found[name if inside == os.curdir else f"{inside}/{name}"] = ""
        if len(found) > MOST_FILES:
            what = f"more than {MOST_FILES:,} files lie below {folder}"
            raise BadSchedule(what, fix="watch a smaller folder, or move away what has been read")
    return found


def watched_tables(
    trigger: TableUpdateTrigger, storage_root: str, namespace: Namespace
) -> Mapping[str, Path]:
    """Return the folders of the tables that a trigger watches, by the names it gives them.

    Raises:
        BadSchedule: a name is none, or the storage root is not on a disk of this machine.
    """
    root = _local(storage_root, trigger, "the storage root")
    layout = Layout(str(root), "")
    return {name: Path(layout.table(_dataset(name, trigger, namespace))) for name in trigger.tables}


def problems_of_tables(trigger: TableUpdateTrigger) -> Iterator[BadSchedule]:
    """Yield what is wrong with the names of the tables that a trigger watches."""
    for name in trigger.tables:
        try:
            _parts(name, trigger)
        except BadSchedule as problem:
            yield problem


def newest_versions(tables: Mapping[str, Path]) -> Sight:
    """Return the newest version of each Delta table that is there, by its name.

    Raises:
        OSError: a table's log cannot be listed.
    """
    found = {name: _newest_version(path / "_delta_log") for name, path in tables.items()}
    return {name: str(version) for name, version in found.items() if version is not None}


class EndsOfRuns:
    """How the runs of jobs have ended, on one target; what has not changed is not read again."""

    def __init__(self, state_root: Path, target: str) -> None:
        self._runs = runs_of(state_root)
        self._target = target
        self._known: dict[str, tuple[int, RunFacts]] = {}

    def of(self, trigger: JobCompletionTrigger) -> Sight:
        """Return the ends of runs of a trigger's jobs: run and moment, with the result."""
        found: dict[str, str] = {}
        for facts in self._facts():
            result = _RESULTS.get(facts.state)
            if facts.folder.pipeline in trigger.jobs and result is not None:
                found[f"{facts.folder.update_id} {facts.ended}"] = result
        return found

    def _facts(self) -> list[RunFacts]:
        known: dict[str, tuple[int, RunFacts]] = {}
        for path in sorted(self._runs.iterdir()) if self._runs.is_dir() else ():
            if path.name.startswith("."):
                continue
            try:
                changed = (path / "run.json").stat().st_mtime_ns
            except OSError:
                continue
            before = self._known.get(path.name)
            is_same = before is not None and before[0] == changed
            known[path.name] = (
                before if is_same and before is not None else (changed, judged_facts(path))
            )
        self._known = known
        facts = [each for _, each in known.values()]
        return [
            each
            for each in facts
            if each.folder.kind is RunKind.JOB and each.folder.target == self._target
        ]


def _local(text: str, trigger: FileArrivalTrigger | TableUpdateTrigger, subject: str) -> Path:
    scheme = _SCHEME.match(text)
    if scheme is None:
        return Path(text)
    parts = urlsplit(text)
    if scheme[1].lower() != "file" or parts.netloc not in {"", "localhost"}:
        what = f"{subject} {text[:80]!r} is not on a disk of this machine, so it cannot be watched"
        fix = "use a schedule, or job_completion, or a folder that is mounted here"
        raise BadSchedule(what, origin=trigger.origin, fix=fix)
    return Path(unquote(parts.path))


def _dataset(name: str, trigger: TableUpdateTrigger, namespace: Namespace) -> DatasetName:
    table, schema, catalog = _parts(name, trigger)
    return DatasetName(
        schema or namespace.schema.lower(), table, catalog or lowered(namespace.catalog)
    )


def _parts(name: str, trigger: TableUpdateTrigger) -> tuple[str, str | None, str | None]:
    """Return what a name says of table, schema and catalog.

    Raises:
        BadSchedule: it is no name of a table.
    """
    try:
        parts = [part.lower() for part in split_identifier(name)]
    except NameProblem as problem:
        raise BadSchedule(str(problem), origin=trigger.origin, fix=_AS_NAME) from problem
    if len(parts) > _MOST_PARTS:
        raise BadSchedule(f"{name[:80]!r} is no table", origin=trigger.origin, fix=_AS_NAME)
    table, schema, catalog = [*reversed(parts), None, None][:_MOST_PARTS]
    if table is None:
        raise BadSchedule("a table without a name", origin=trigger.origin, fix=_AS_NAME)
    return table, schema, catalog


def _newest_version(log: Path) -> int | None:
    try:
        names = [each.name for each in log.iterdir()]
    except FileNotFoundError:
        return None
    versions = (int(match[1]) for name in names if (match := _COMMIT.fullmatch(name)))
    return max(versions, default=None)


def _raised(error: OSError) -> None:
    raise error
