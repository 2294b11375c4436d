"""List the runs of the chosen target, newest first, of pipelines and jobs.

`show ID` tells more of one, `logs ID --task T` prints what a task of a job has printed, `cancel ID`
asks a run that is going on to end. An ID is a run's id, the beginning of one, or `latest`.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

from dlt_lite.cli.arguments import whole_number
from dlt_lite.cli.board import seconds_of
from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.figures import duration
from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.job_runs_shown import cancel, print_log, show_job_run
from dlt_lite.cli.opening import settings_to_look_back
from dlt_lite.cli.past import meant_run
from dlt_lite.cli.streams import aligned
from dlt_lite.cli.summary import summary
from dlt_lite.errors import BadCommandLine, NothingRecorded
from dlt_lite.events.sinks import read_ndjson
from dlt_lite.model.settings import ProjectSettings
from dlt_lite.report.summary import update_result
from dlt_lite.report.updates import past_runs
from dlt_lite.runs.folder import RunFacts, RunKind

_TO_THE_SECOND = 19
_LATEST = "latest"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add("action", nargs="?", choices=("show", "logs", "cancel"), help="what to do with one run")
    add("id", metavar="ID", nargs="?", help="its id, the beginning of it, or latest")
    add("--limit", type=whole_number, metavar="N", help="the newest N only")
    add("--task", metavar="TASK", help="the task of a job whose log is printed")
    add("--iteration", type=whole_number, metavar="N", help="of a for_each task")
    add("--attempt", type=whole_number, metavar="N", help="its last one by default")
    add("-f", "--follow", action="store_true", help="go on printing until the run is over")


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Print the runs, or one."""
    if arguments.action is None:
        return _list(arguments.limit, invocation)
    if arguments.id is None:
        fix = f"see `{invocation.program} runs` for the ids"
        raise BadCommandLine("the run's ID is missing", fix=fix)
    settings = settings_to_look_back(invocation)
    facts = _meant(arguments.id, settings, invocation.program)
    if arguments.action == "cancel":
        return cancel(facts, invocation)
    if arguments.action == "logs":
        return print_log(settings, facts, arguments, invocation)
    return _show(settings, facts, invocation)


def _meant(word: str, settings: ProjectSettings, program: str) -> RunFacts:
    if word != _LATEST:
        return meant_run(settings, word, program)
    found = past_runs(settings, kind=None)
    if not found:
        raise NothingRecorded("there has been no run", fix=f"see `{program} run --help`")
    return found[0]


def _list(limit: int | None, invocation: Invocation) -> int:
    settings = settings_to_look_back(invocation)
    found = past_runs(settings, kind=None)[:limit]
    streams = invocation.streams
    if invocation.wants_json:
        streams.json([as_json(each) for each in found])
        return 0
    if not found:
        streams.say(f"no run yet on target {one_line(settings.target)}")
        return 0
    columns = ("run", "kind", "name", "state", "started", ">time")
    streams.data(aligned(columns, [_row(each) for each in found], streams))
    return 0


def _show(settings: ProjectSettings, facts: RunFacts, invocation: Invocation) -> int:
    if facts.folder.kind is RunKind.JOB:
        return show_job_run(settings, facts, invocation)
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
        "kind": facts.folder.kind,
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
        facts.folder.kind,
        facts.folder.pipeline,
        facts.state,
        started,
        duration(seconds_at_work(facts)),
    )


def seconds_at_work(facts: RunFacts) -> float | None:
    """Return how long a run took, without the time before its repairs; None where unknown."""
    if facts.started is None or facts.ended is None:
        return None
    return max(seconds_of(facts.ended) - seconds_of(facts.started) - facts.idle, 0.0)
