"""Job files in Python → jobs. A file is executed once; its functions are recorded, not called."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from dlt_lite.errors import (
    DltLiteError,
    DuplicateJob,
    FileBroken,
    MissingModule,
    raise_together,
)
from dlt_lite.model.jobs import Job
from dlt_lite.model.origin import Origin
from dlt_lite.registry.active import registering_jobs_into
from dlt_lite.registry.boundary import call_user_code
from dlt_lite.registry.jobs import JobRegistry
from dlt_lite.registry.origins import shown_path


def load_job_files(files: Sequence[Path], *, root: Path, known: Sequence[Job]) -> tuple[Job, ...]:
    """Load the Python files that declare jobs.

    Args:
        files: the files.
        root: the project's folder.
        known: the jobs that are declared elsewhere; no two may have one name.

    Returns:
        All jobs, those that were known first.

    Raises:
        DltLiteError: what every broken file and refused declaration says, together.
    """
    problems: list[DltLiteError] = []
    jobs = {job.name.lower(): job for job in known}
    for file in files:
        try:
            loaded = load_job_file(file, root=root)
        except DltLiteError as error:
            problems.append(error)
            continue
        for job in loaded:
            other = jobs.setdefault(job.name.lower(), job)
            if other is not job:
                what = f"two jobs are called {job.name!r}, the first in {other.origin}"
                problems.append(DuplicateJob(what, origin=job.origin, fix="rename one of them"))
    raise_together(problems)
    return tuple(jobs.values())


def load_job_file(file: Path, *, root: Path) -> tuple[Job, ...]:
    """Load one Python file that declares jobs.

    Args:
        file: the file.
        root: the project's folder.

    Raises:
        DltLiteError: the file is broken, or declares what cannot be.
    """
    registry = JobRegistry(file.parent, root)
    with registering_jobs_into(registry), _importable(file.parent, root):
        call_user_code(_executing(file), root=root, explain=partial(_explain, file=file, root=root))
        return registry.freeze()


@contextmanager
def _importable(folder: Path, root: Path) -> Iterator[None]:
    """Let a job's own modules be imported, and forget them afterwards: another job has its own."""
    path, before, bytecode = list(sys.path), set(sys.modules), sys.dont_write_bytecode
    sys.path[:0] = [str(folder), str(root)]
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.path[:] = path
        sys.dont_write_bytecode = bytecode
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None)
            if file is not None and Path(file).is_relative_to(root):
                del sys.modules[name]


def _executing(file: Path) -> Callable[[], None]:
    def execute() -> None:
        name = f"_dlt_lite_job_{file.parent.name}"
        spec = importlib.util.spec_from_file_location(name, file)
        if spec is None or spec.loader is None:
            raise FileBroken(f"{file} cannot be loaded", fix="name it with the ending .py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)

    return execute


def _explain(
    error: BaseException, origin: Origin | None, *, file: Path, root: Path
) -> DltLiteError:
    where = origin or Origin(shown_path(str(file), root))
    if isinstance(error, SyntaxError):
        shown = shown_path(str(error.filename or file), root)
        place = Origin(shown, error.lineno or 0, error.offset or 0)
        return FileBroken(f"syntax error: {error.msg}", origin=place, fix="correct the line")
    if isinstance(error, ModuleNotFoundError):
        fix = "install it, or put it beside the job's file"
        return MissingModule(f"module {error.name!r} is not there", origin=where, fix=fix)
    kind = type(error).__name__
    return FileBroken(f"loading the file raised {kind}: {error}", origin=where, fix="correct it")
