"""The files in which a project's jobs are declared, watched for changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from dlt_lite.model.jobs import Job
from dlt_lite.model.settings import ProjectSettings

_OF_PROJECT = (".yml", ".yaml", ".toml")
_OF_FOLDERS = (".yml", ".yaml", ".py")

_State = tuple[int, int]


class JobSources:
    """What the files said the last time somebody asked; they are looked at, not read.

    Args:
        settings: the project.
        jobs: its jobs.
    """

    def __init__(self, settings: ProjectSettings, jobs: Mapping[str, Job]) -> None:
        self._root = settings.root
        folders = {job.folder.parent for job in jobs.values() if job.folder != settings.root}
        self._folders = frozenset({settings.pipelines_folder, *folders})
        self._seen = self._states()

    def have_changed(self) -> bool:
        """Return whether a file has come, gone or changed since the last time."""
        before, self._seen = self._seen, self._states()
        return before != self._seen

    def _states(self) -> dict[Path, _State]:
        return {path: state for path in self._paths() if (state := _state(path)) is not None}

    def _paths(self) -> Iterator[Path]:
        yield from (path for path in self._root.glob("*") if path.suffix in _OF_PROJECT)
        for folder in self._folders:
            yield from (path for path in folder.glob("*/*") if path.suffix in _OF_FOLDERS)


def _state(path: Path) -> _State | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
