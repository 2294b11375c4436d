"""The packages whose entry points tasks call: installed, or surely not. None is imported.

As on Databricks, a name that is no entry point of the package means a function of its module.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions

from dlt_lite.errors import BadTask
from dlt_lite.jobs.spelling import meant
from dlt_lite.jobs.subject import all_tasks
from dlt_lite.model.jobs import Job, Task, WheelTask


def problems_of_wheels(job: Job) -> Iterator[BadTask]:
    """Yield what is wrong with the packages that a job's tasks call."""
    for task, _ in all_tasks(job):
        # One that holds a reference is refused for that.
        if isinstance(task.work, WheelTask) and "{{" not in task.work.package:
            yield from _problems(task, task.work)


def _problems(task: Task, work: WheelTask) -> Iterator[BadTask]:
    found = _installed(work.package)
    if found is None:
        what = f"task {task.key!r} calls {work.entry_point} of package {work.package!r}, which is"
        install = f"install it where dlt_lite is: python -m pip install {work.package}"
        names = {each.name for each in distributions() if each.name}
        fix = meant(work.package, names, otherwise=install)
        yield BadTask(f"{what} not installed", origin=task.origin, fix=fix)
        return
    points = {point.name for point in found.entry_points}
    if work.entry_point not in points and not _is_module(work.package):
        what = f"package {work.package!r} has no entry point {work.entry_point!r}"
        fix = meant(work.entry_point, points)
        yield BadTask(f"task {task.key!r}: {what}", origin=task.origin, fix=fix)


def _installed(package: str) -> Distribution | None:
    try:
        return distribution(package)
    except (PackageNotFoundError, ValueError):
        return None


def _is_module(name: str) -> bool:
    """Tell whether the package's name is that of a module, whose function may be meant."""
    try:
        return name.isidentifier() and importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False
