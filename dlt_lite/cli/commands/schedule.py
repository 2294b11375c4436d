"""Print when a job is due next, by each of its schedules; `schedule next JOB -n 5`."""

from __future__ import annotations

import argparse
from datetime import UTC
from zoneinfo import ZoneInfo

from dlt_lite.cli.arguments import whole_number
from dlt_lite.cli.clock import now
from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.names import job_named
from dlt_lite.cli.opening import settings_about
from dlt_lite.cli.streams import aligned
from dlt_lite.errors import NoTrigger
from dlt_lite.jobs.catalogue import job_of
from dlt_lite.jobs.schedules import is_over, next_times
from dlt_lite.model.triggers import CronTrigger, PeriodicTrigger, Trigger

_FEW = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add("action", choices=("next",), help="print the coming times")
    add("name", metavar="JOB", help="the job")
    add("-n", type=whole_number, default=_FEW, metavar="N", help=f"how many of each ({_FEW})")


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Print the coming times."""
    settings = settings_about(arguments.name, invocation)
    job = job_of(settings, job_named(arguments.name, settings))
    timed = [each for each in job.triggers if isinstance(each, CronTrigger | PeriodicTrigger)]
    if not timed:
        what = f"job {job.name} has no schedule"
        raise NoTrigger(what, fix="give it `schedule:`, or run it by hand")
    found = [
        {
            "trigger": _told(trigger),
            "paused": trigger.paused,
            "utc": time.astimezone(UTC).isoformat(timespec="seconds"),
            "local": time.astimezone(_zone(trigger)).isoformat(timespec="seconds"),
        }
        for trigger in timed
        for time in next_times(trigger, now(), arguments.n)
    ]
    streams = invocation.streams
    for trigger in timed:
        if is_over(trigger, now()):
            streams.say(f"note: {one_line(_told(trigger))} never comes again: its years are over")
    if invocation.wants_json:
        streams.json(found)
        return 0
    rows = [
        (
            str(each["local"]),
            str(each["utc"]),
            str(each["trigger"]),
            "paused" * bool(each["paused"]),
        )
        for each in found
    ]
    if rows:
        streams.data(aligned(("local time", "UTC", "by", ""), rows, streams))
    return 0


def _told(trigger: Trigger) -> str:
    if isinstance(trigger, CronTrigger):
        return f"{trigger.expression} {trigger.timezone}"
    if isinstance(trigger, PeriodicTrigger):
        return f"every {trigger.interval} {trigger.unit}"
    return type(trigger).__name__


def _zone(trigger: Trigger) -> ZoneInfo:
    return ZoneInfo(trigger.timezone if isinstance(trigger, CronTrigger) else "UTC")
