"""`task_values`: what a task of a job hands to the tasks after it."""

from __future__ import annotations

from dlt_lite.errors import ReferenceMissing
from dlt_lite.model.task_values import Json
from dlt_lite.registry.active import active_task


class TaskValues:
    """The values of the tasks of the run that is going on.

    Outside of a run `set` does nothing and `get` returns `debug_value`, so that a task's code can
    be tried by itself.
    """

    def set(self, key: str, value: object) -> None:
        """Keep a value for the tasks after this one.

        Args:
            key: its name.
            value: JSON of at most 48 KiB.

        Raises:
            BadTaskValue: it is no JSON, or too large.
        """
        scope = active_task()
        if scope is not None:
            scope.put(key, value)

    def get(self, task_key: str, key: str, default: Json = None, debug_value: Json = None) -> Json:
        """Return a value that a task before this one has kept.

        Args:
            task_key: the task that kept it.
            key: its name.
            default: what to return where the task has kept none.
            debug_value: what to return outside of a run.

        Raises:
            ReferenceMissing: there is none, and no default.
            BadTaskValue: it is what iterations of a loop have set, and too large in all.
        """
        scope = active_task()
        if scope is None:
            return debug_value
        try:
            return scope.look_up(task_key, key)
        except KeyError as error:
            if default is not None:
                return default
            what = f"task {task_key!r} has set no value {key!r} in this run"
            fix = "let it set one in every case, or give a default="
            raise ReferenceMissing(what, fix=fix) from error


task_values = TaskValues()
