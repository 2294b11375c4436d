"""Print the events of a run: the newest one, the newest of a pipeline or job, or that of an id."""

from __future__ import annotations

import argparse
from textwrap import indent
from typing import Any

from dlt_lite.cli.arguments import whole_number
from dlt_lite.cli.complaints import painted
from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.figures import amount
from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.opening import settings_to_look_back
from dlt_lite.cli.past import meant_run
from dlt_lite.cli.streams import Streams, styled
from dlt_lite.events.codec import encode
from dlt_lite.events.job_records import JobRunProgress, TaskProgress, TaskValueSet
from dlt_lite.events.records import Event, FlowProgress
from dlt_lite.events.sinks import read_ndjson

_TYPES = (
    "create_update",
    "runtime_details",
    "update_progress",
    "dataset_definition",
    "flow_definition",
    "planning_information",
    "flow_progress",
    JobRunProgress.event_type,
    TaskProgress.event_type,
    TaskValueSet.event_type,
)
_WHICH = "a pipeline or a job, a run's id or its beginning, or latest"
_LEVELS = ("INFO", "METRICS", "WARN", "ERROR")
_STYLES = {"ERROR": "1;31", "WARN": "33", "METRICS": "36"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add("which", metavar="NAME|RUN", nargs="?", help=_WHICH)
    add("--type", choices=_TYPES, action="append", help="events of this type; may be repeated")
    add("--level", choices=_LEVELS, action="append", help="of this level; may be repeated")
    add("--limit", type=whole_number, metavar="N", help="the last N only")


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Print events, oldest first."""
    facts = meant_run(settings_to_look_back(invocation), arguments.which, invocation.program)
    pairs = [(event, encode(event)) for event in read_ndjson(facts.folder.events)]
    kept = [
        (event, row)
        for event, row in pairs
        if (arguments.type is None or row["event_type"] in arguments.type)
        and (arguments.level is None or row["level"] in arguments.level)
    ]
    if arguments.limit is not None:
        kept = kept[max(len(kept) - arguments.limit, 0) :]
    streams = invocation.streams
    if invocation.wants_json:
        streams.json([row for _, row in kept])
        return 0
    streams.say(f"run {facts.folder.update_id} of {facts.folder.pipeline}: {facts.state}")
    for event, row in kept:
        streams.data(_told(event, row, streams))
    return 0


def _told(event: Event, row: dict[str, Any], streams: Streams) -> str:
    level = styled(f"{row['level']:<7}", _STYLES.get(row["level"], ""), color=streams.out_color)
    told = f"{one_line(row['timestamp'])}  {level}  {one_line(row['message'])}{_figures(event)}"
    if row["error"] is None:
        return told
    text = painted(row["error"]["exceptions"][0]["message"], color=streams.out_color)
    return f"{told}\n{indent(text, '    ')}"


def _figures(event: Event) -> str:
    record = event.record
    if not isinstance(record, FlowProgress) or record.counts is None:
        return ""
    counts = record.counts
    failed = [f"{each.name} {amount(each.failed)}" for each in counts.rules if each.failed]
    aside = f", {amount(counts.quarantined)} quarantined" if counts.quarantined else ""
    violated = f"; violated: {', '.join(failed)}" if failed else ""
    return one_line(
        f" {amount(counts.written)} written, {amount(counts.dropped)} dropped{aside}{violated}"
    )
