"""Where declarations of jobs gather while a job file is loaded; then `freeze()`.

`@task` records a function's task under the function, `@job` a function that lists tasks. Only
`freeze` calls the listing functions, when all of the file is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

from dlt_lite.errors import BadJob, DltLiteError, FileBroken, raise_together
from dlt_lite.model.jobs import Job, Task
from dlt_lite.model.origin import Origin
from dlt_lite.registry.boundary import call_user_code
from dlt_lite.registry.origins import calling_origin

Lister = Callable[[], object]


class JobRegistry:
    """What one job file has declared so far."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder = folder
        self.root = root
        self._tasks: dict[int, tuple[object, Task]] = {}
        self._jobs: list[tuple[Job, Lister]] = []
        self._errors: list[DltLiteError] = []

    def here(self) -> Origin:
        """Return the user's line that is calling."""
        return calling_origin(self.root)

    def refuse(self, error: DltLiteError) -> None:
        """Keep an error, so that all of a file's are reported together."""
        self._errors.append(error)

    def add_task(self, function: object, task: Task) -> None:
        """Record the task that calls a function."""
        self._tasks[id(function)] = (function, task)

    def task_of(self, listed: object) -> Task | None:
        """Return the task that a function or a task stands for, None where it is neither."""
        if isinstance(listed, Task):
            return listed
        known = self._tasks.get(id(listed))
        return None if known is None else known[1]

    def add_job(self, job: Job, lister: Lister) -> None:
        """Record a job whose tasks a function lists."""
        self._jobs.append((job, lister))

    def freeze(self) -> tuple[Job, ...]:
        """Return the jobs with their tasks.

        Raises:
            DltLiteError: every refused declaration, together; or nothing was declared.
        """
        jobs = [replace(job, tasks=self._listed(job, lister)) for job, lister in self._jobs]
        if not jobs and not self._errors:
            self.refuse(
                BadJob(
                    "the file declares no job",
                    origin=Origin(_shown(self.folder, self.root)),
                    fix="decorate a function that returns the list of its tasks with @dlt_lite.job",
                )
            )
        raise_together(self._errors)
        return tuple(jobs)

    def _listed(self, job: Job, lister: Lister) -> tuple[Task, ...]:
        try:
            listed = call_user_code(lister, root=self.root, explain=partial(_explained, job=job))
        except DltLiteError as error:
            self.refuse(error)
            return ()
        if isinstance(listed, Iterable) and not isinstance(listed, str):
            found = [(each, self.task_of(each)) for each in listed]
            for each, task in found:
                if task is None:
                    self.refuse(_no_task(each, job))
            return tuple(task for _, task in found if task is not None)
        fix = "return [first, second]: functions with @task, or what pipeline_task(…) returns"
        what = f"job {job.name!r} lists no tasks: its function returned {type(listed).__name__}"
        self.refuse(BadJob(what, origin=job.origin, fix=fix))
        return ()


def _no_task(listed: object, job: Job) -> BadJob:
    name = getattr(listed, "__name__", None) or repr(listed)[:60]
    what = f"job {job.name!r} lists {name}, which is no task"
    return BadJob(what, origin=job.origin, fix="decorate the function with @task")


def _explained(error: BaseException, origin: Origin | None, *, job: Job) -> DltLiteError:
    what = f"listing the tasks of job {job.name!r} raised {type(error).__name__}: {error}"
    return FileBroken(what, origin=origin or job.origin, fix="correct it")


def _shown(folder: Path, root: Path) -> str:
    return folder.relative_to(root).as_posix() if folder.is_relative_to(root) else str(folder)
