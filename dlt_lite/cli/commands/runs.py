"""List the runs of the chosen target, newest first, of pipelines and jobs.

`show ID` tells more of one, `logs ID --task T` prints what a task of a job has printed, `cancel ID`
asks a run that is going on to end. An ID is a run's id, the beginning of one, or `latest`.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

from dlt_lite.cli.arguments import number_from_one, whole_number
from dlt_lite.cli.board import seconds_of
from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.figures import duration
from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.job_runs_shown import cancel, print_log, show_job_run
from dlt_lite.cli.opening import settings_to_look_back
from dlt_lite.cli.past import meant_run
from dlt_lite.cli.streams import aligned
from dlt_lite.cli.summary import summary
from dlt_lite.errors import BadCommandLine
from dlt_lite.events.sinks import read_ndjson
from dlt_lite.jobs.results import life_cycle_state, result_state
from dlt_lite.model.settings import ProjectSettings
from dlt_lite.report.summary import update_result
from dlt_lite.report.updates import past_runs
from dlt_lite.runs.folder import RunFacts, RunKind, RunState

_TO_THE_SECOND = 19


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add("action", nargs="?", choices=("show", "logs", "cancel"), help="what to do with one run")
    add("id", metavar="ID", nargs="?", help="its id, the beginning of it, or latest")
    add("--limit", type=whole_number, metavar="N", help="the newest N only")
    add("--task", metavar="TASK", help="the task of a job whose log is printed")
    add("--iteration", type=whole_number, metavar="N", help="of a for_each task")
    add("--attempt", type=number_from_one, metavar="N", help="its last one by default")
    add("--now", action="store_true", help="with cancel: end it at once, whatever it is doing")
    add("-f", "--follow", action="store_true", help="go on printing until the run is over")


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Print the runs, or one."""
    if arguments.action is None:
        return _list(arguments.limit, invocation)
    if arguments.id is None:
        fix = f"see `{invocation.program} runs` for the ids"
        raise BadCommandLine("the run's ID is missing", fix=fix)
    settings = settings_to_look_back(invocation)
    facts = meant_run(settings, arguments.id, invocation.program)
    if arguments.action == "cancel":
        return cancel(facts, invocation, at_once=arguments.now)
    if arguments.action == "logs":
        return print_log(settings, facts, arguments, invocation)
    return _show(settings, facts, invocation)


def _list(limit: int | None, invocation: Invocation) -> int:
    settings = settings_to_look_back(invocation)
    every = past_runs(settings, kind=None)
    found = every[:limit]
    streams = invocation.streams
    if invocation.wants_json:
        streams.json([as_json(each) for each in found])
        return 0
    if not every:
        streams.say(f"no run yet on target {one_line(settings.target)}")
        return 0
    columns = ("run", "kind", "name", "state", "started", ">time")
    streams.data(aligned(columns, [_row(each) for each in found], streams))
    return 0


def _show(settings: ProjectSettings, facts: RunFacts, invocation: Invocation) -> int:
    if facts.folder.kind is RunKind.JOB:
        return show_job_run(settings, facts, invocation)
    broke_off = facts.state is RunState.ABANDONED
    result = update_result(read_ndjson(facts.folder.events), broke_off=broke_off)
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
    """Return what `-o json` prints of a run; of one of a job also in Databricks' words."""
    of_job = {"life_cycle_state": life_cycle_state(facts), "result_state": result_state(facts)}
    return {
        "update_id": facts.folder.update_id,
        "kind": facts.folder.kind,
        "pipeline": facts.folder.pipeline,
        "target": facts.folder.target,
        "state": facts.state,
        **(of_job if facts.folder.kind is RunKind.JOB else {}),
        "started": facts.started,
        "ended": facts.ended,
        "host": facts.host,
        "folder": str(facts.folder.path),
        "part_of": facts.part_of,
    }


def _row(facts: RunFacts) -> tuple[str, ...]:
    started = (facts.started or "")[:_TO_THE_SECOND].replace("T", " ")
    return (
        facts.folder.update_id,
        facts.folder.kind,
        facts.folder.pipeline,
        (result_state(facts) if facts.folder.kind is RunKind.JOB else None) or facts.state,
        started,
        duration(seconds_at_work(facts)),
    )


def seconds_at_work(facts: RunFacts) -> float | None:
    """Return how long a run took, without the time before its repairs; None where unknown."""
    if facts.started is None or facts.ended is None:
        return None
    return max(seconds_of(facts.ended) - seconds_of(facts.started) - facts.idle, 0.0)
