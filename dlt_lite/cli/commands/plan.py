"""Say what a run of a pipeline or job would do, by dataset or task, and why. Reads only."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence

from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.job_graph import job_json, what_it_does, why
from dlt_lite.cli.names import Meant, what_is_meant
from dlt_lite.cli.opening import opened_about, settings_about
from dlt_lite.cli.streams import Streams, aligned
from dlt_lite.cli.update_arguments import add_update_arguments, pipeline_name, update_request
from dlt_lite.dag.order import in_order
from dlt_lite.jobs.catalogue import job_of
from dlt_lite.jobs.run_if import disabled_tasks
from dlt_lite.jobs.selection import selected_tasks, waits_of
from dlt_lite.model.jobs import Job
from dlt_lite.model.rules import Cost
from dlt_lite.report.summary import PlannedDataset

_CHANGES = 10
_UNCHANGING = frozenset({"skip", "none"})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_update_arguments(parser)
    parser.add_argument(
        "--only", metavar="TASKS", action="append", default=[], help="these tasks of a job only"
    )
    parser.add_argument(
        "--exit-code", action="store_true", help="exit with 10 where a run would change something"
    )


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Print the plan."""
    named = pipeline_name(arguments, invocation.program)
    settings = settings_about(named, invocation)
    kind, name = what_is_meant(named, settings)
    if kind is Meant.JOB:
        job = job_of(settings, name)
        asked = [key for each in arguments.only for key in each.split(",") if key]
        chosen = selected_tasks(job, asked)
        _tell_of_job(job, chosen, invocation)
        runs = frozenset(chosen) - disabled_tasks(job)
        return _CHANGES if runs and arguments.exit_code else 0
    streams = invocation.streams
    with streams.kept_for_data():
        request = update_request(arguments, yes=False)
        project = opened_about(f"{Meant.PIPELINE}:{name}", invocation)
        result = project.plan(name, request=request, on_note=_note_to(streams))
    if invocation.wants_json:
        streams.json(result.as_json())
    else:
        columns = ("dataset", "action", "reason")
        rows = [(each.name, _action(each), each.reason) for each in result.datasets]
        streams.data(aligned(columns, rows, streams))
        if extra := decided_apart(result.datasets):
            streams.data("\n".join(("\nrules that need a job of their own:", *extra)))
    changes = any(each.action not in _UNCHANGING for each in result.datasets)
    return _CHANGES if changes and arguments.exit_code else 0


def _tell_of_job(job: Job, chosen: Sequence[str], invocation: Invocation) -> None:
    streams = invocation.streams
    tasks = {task.key: task for task in job.tasks}
    order = [key for key in in_order(waits_of(job)) if key in chosen]
    if invocation.wants_json:
        streams.json({**job_json(job), "order": order})
        return
    off = disabled_tasks(job)
    rows = [(key, what_it_does(tasks[key].work), why(tasks[key], off)) for key in order]
    streams.data(aligned(("task", "what it does", "when"), rows, streams))


def _action(dataset: PlannedDataset) -> str:
    words = dataset.action.replace("_", " ")
    return f"{words} if {' or '.join(dataset.when)} changes" if dataset.when else words


def decided_apart(datasets: Iterable[PlannedDataset]) -> list[str]:
    """Return a line for each rule that the job which writes does not decide."""
    return [
        f"  {one_line(f'{each.name}.{rule}')}"
        for each in datasets
        for rule, cost in each.costs.items()
        if cost == Cost.EXTRA_SCAN
    ]


def _note_to(streams: Streams) -> Callable[[str], None]:
    return lambda text: streams.say(f"note: {one_line(text)}")
