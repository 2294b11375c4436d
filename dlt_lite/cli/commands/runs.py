"""List the runs of the chosen target, newest first; `runs show ID` tells more of one."""

from __future__ import annotations

import argparse
from dataclasses import replace

from dlt_lite.cli.arguments import whole_number
from dlt_lite.cli.board import seconds_of
from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.figures import duration
from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.opening import project_settings
from dlt_lite.cli.past import meant_run
from dlt_lite.cli.streams import aligned
from dlt_lite.cli.summary import summary
from dlt_lite.errors import BadCommandLine
from dlt_lite.events.sinks import read_ndjson
from dlt_lite.report.summary import update_result
from dlt_lite.report.updates import past_runs
from dlt_lite.runs.folder import RunFacts

_TO_THE_SECOND = 19


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("action", nargs="?", choices=("show",), help="tell more of one run")
    parser.add_argument("id", metavar="ID", nargs="?", help="its id or the beginning of it")
    parser.add_argument("--limit", type=whole_number, metavar="N", help="the newest N only")


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Print the runs, or one."""
    if arguments.action is None:
        return _list(arguments.limit, invocation)
    if arguments.id is None:
        fix = f"see `{invocation.program} runs` for the ids"
        raise BadCommandLine("the run's ID is missing", fix=fix)
    return _show(arguments.id, invocation)


def _list(limit: int | None, invocation: Invocation) -> int:
    settings = project_settings(invocation)
    found = past_runs(settings)[:limit]
    streams = invocation.streams
    if invocation.wants_json:
        streams.json([as_json(each) for each in found])
        return 0
    if not found:
        streams.say(f"no run yet on target {one_line(settings.target)}")
        return 0
    columns = ("run", "pipeline", "state", "started", ">time")
    streams.data(aligned(columns, [_row(each) for each in found], streams))
    return 0


def _show(word: str, invocation: Invocation) -> int:
    facts = meant_run(project_settings(invocation), word, invocation.program)
    result = update_result(read_ndjson(facts.folder.events))
    streams = invocation.streams
    if invocation.wants_json:
        streams.json({**result.as_json(), **as_json(facts)})
        return 0
    pipeline, update_id = facts.folder.pipeline, facts.folder.update_id
    result = replace(result, pipeline=pipeline, update_id=update_id, ended=facts.ended)
    streams.data(summary(result, streams, state=facts.state))
    streams.data(f"\nrun: {one_line(facts.folder.path)}")
    return 0


def as_json(facts: RunFacts) -> dict[str, object]:
    """Return what `-o json` prints of a run."""
    return {
        "update_id": facts.folder.update_id,
        "pipeline": facts.folder.pipeline,
        "target": facts.folder.target,
        "state": facts.state,
        "started": facts.started,
        "ended": facts.ended,
        "host": facts.host,
        "folder": str(facts.folder.path),
    }


def _row(facts: RunFacts) -> tuple[str, ...]:
    started = (facts.started or "")[:_TO_THE_SECOND].replace("T", " ")
    return (
        facts.folder.update_id,
        facts.folder.pipeline,
        facts.state,
        started,
        duration(_seconds(facts)),
    )


def _seconds(facts: RunFacts) -> float | None:
    if facts.started is None or facts.ended is None:
        return None
    return seconds_of(facts.ended) - seconds_of(facts.started)
