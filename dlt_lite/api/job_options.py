"""Options of `@job` and `@task` that are written as in a job.yml: what starts a job, who is told.

Plain dictionaries and lists in, records out; they are read by the reader of job files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dlt_lite.errors import BadJob
from dlt_lite.model.jobs import Notifications
from dlt_lite.model.origin import Origin
from dlt_lite.model.triggers import Trigger
from dlt_lite.project import job_keys, nodes
from dlt_lite.project.entries import Entries, Keys, Reading
from dlt_lite.project.notification_reader import notifications
from dlt_lite.project.trigger_reader import triggers
from dlt_lite.registry.active import active_job_registry

TRIGGERS = ("trigger", "triggers", "continuous")
NOTIFICATIONS = ("webhook_notifications", "notification_settings", "health")


def triggers_of(options: Mapping[str, object], origin: Origin) -> tuple[Trigger, ...]:
    """Return what starts a job; what cannot be is refused.

    Args:
        options: those of the decorator.
        origin: where it stands.
    """
    reading = _reading()
    if reading is None:
        return ()
    found = triggers(_entries(options, TRIGGERS, job_keys.JOB, reading, origin))
    _refuse_all(reading)
    return found


def notifications_of(
    options: Mapping[str, object], origin: Origin, *, of_task: bool
) -> Notifications:
    """Return who is told of a job or a task; what cannot be is refused.

    Args:
        options: those of the decorator.
        origin: where it stands.
        of_task: whether it is a task's.
    """
    keys = job_keys.TASK if of_task else job_keys.JOB
    reading = _reading()
    if reading is None:
        return Notifications()
    found = notifications(_entries(options, NOTIFICATIONS, keys, reading, origin))
    _refuse_all(reading)
    return found


def _entries(
    options: Mapping[str, object],
    names: Sequence[str],
    keys: Keys,
    reading: Reading,
    origin: Origin,
) -> Entries:
    given = {name: options[name] for name in names if name in options}
    node = nodes.of_value(given, origin)
    mapping = node if isinstance(node, nodes.Mapping) else nodes.Mapping((), origin)
    return Entries(mapping, keys, reading)


def _reading() -> Reading | None:
    """Return where problems are gathered; None outside of a job file that is being loaded."""
    registry = active_job_registry()
    if registry is None:
        return None
    return Reading("", registry.folder, registry.root, "", {}, [], [])


def _refuse_all(reading: Reading) -> None:
    registry = active_job_registry()
    if registry is None:
        return
    for problem in reading.found:
        registry.refuse(problem)
    for key in reading.ignored:
        what = f"{key.key!r} does nothing here: {key.reason}"
        registry.refuse(BadJob(what, origin=key.origin, fix="remove it"))
