"""A job's tasks → a drawing: what each does, and what it waits for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import assert_never

from dlt_lite.jobs.run_if import disabled_tasks
from dlt_lite.jobs.selection import waits_of
from dlt_lite.model.jobs import (
    CallableTask,
    ConditionTask,
    ForEachTask,
    Job,
    PipelineTask,
    PythonFileTask,
    RunIf,
    RunJobTask,
    ShellTask,
    SqlFileTask,
    SqlQueryTask,
    Task,
    WheelTask,
    Work,
)
from dlt_lite.report.lineage import LineageGraph, lineage_graph

_LONGEST = 60


def graph_of_job(job: Job) -> LineageGraph:
    """Return the graph of a job's tasks; the kind of a node is what its task does."""
    nodes = [(task.key, kind_of(task.work), 0) for task in job.tasks]
    edges = [(before, key) for key, waits in waits_of(job).items() for before in waits]
    return lineage_graph(nodes, edges)


def job_json(job: Job) -> dict[str, object]:
    """Return a job as plain values."""
    left_out = disabled_tasks(job)
    return {
        "job": job.name,
        "description": job.description,
        "parameters": {each.name: each.default.raw for each in job.parameters},
        "tasks": [
            {
                "task": task.key,
                "kind": kind_of(task.work),
                "does": what_it_does(task.work),
                "depends_on": [
                    {"task": each.task_key, "outcome": each.outcome} for each in task.depends_on
                ],
                "run_if": task.run_if,
                "disabled": task.disabled,
                "left_out": task.key in left_out,
            }
            for task in job.tasks
        ],
    }


def kind_of(work: Work) -> str:
    """Return the name of a kind of task."""
    names: Mapping[type, str] = {
        PipelineTask: "pipeline",
        PythonFileTask: "python_file",
        CallableTask: "callable",
        WheelTask: "wheel",
        SqlFileTask: "sql",
        SqlQueryTask: "sql",
        ConditionTask: "condition",
        ForEachTask: "for_each",
        RunJobTask: "run_job",
        ShellTask: "shell",
    }
    return names[type(work)]


def what_it_does(work: Work) -> str:  # noqa: C901, PLR0912 - one case a kind
    """Return what a task would do, in one line."""
    match work:
        case PipelineTask():
            return _pipeline(work)
        case PythonFileTask():
            return f"runs {work.file.name}"
        case CallableTask():
            place = work.place if isinstance(work.place, str) else work.place.name
            return f"calls {place}:{work.function}"
        case WheelTask():
            return f"calls {work.entry_point} of package {work.package}"
        case SqlFileTask():
            return f"runs the SQL of {work.file.name}"
        case SqlQueryTask():
            return f"runs the SQL {_short(work.query)}"
        case ConditionTask():
            return f"compares {_short(work.left.raw)} {work.op} {_short(work.right.raw)}"
        case ForEachTask():
            inner = what_it_does(work.task.work)
            return f"for each of {_short(work.inputs.raw)}, {work.concurrency} at once: {inner}"
        case RunJobTask():
            return f"runs job {work.job}"
        case ShellTask():
            return f"runs the command {_short(' '.join(each.raw for each in work.arguments))}"
        case _:
            assert_never(work)


def why(task: Task, disabled: Collection[str]) -> str:
    """Return when a task is run.

    Args:
        task: the task.
        disabled: the tasks that are disabled, or can never run because others are.
    """
    if task.disabled:
        return "disabled: it is left out"
    if task.key in disabled:
        off = dict.fromkeys(each.task_key for each in task.depends_on if each.task_key in disabled)
        return f"never, since it is disabled with {', '.join(off)}: it is left out"
    if not task.depends_on:
        return "waits for nothing"
    named = [
        each.task_key if each.outcome is None else f"{each.task_key} is {each.outcome}"
        for each in task.depends_on
    ]
    when = "" if task.run_if is RunIf.ALL_SUCCESS else f" ({task.run_if})"
    return f"after {', '.join(named)}{when}"


def _pipeline(work: PipelineTask) -> str:
    parts = [f"updates pipeline {work.pipeline}"]
    if work.full_refresh:
        parts.append("all of it anew")
    if work.refresh_selection:
        parts.append(f"only {', '.join(work.refresh_selection)}")
    if work.full_refresh_selection:
        parts.append(f"anew {', '.join(work.full_refresh_selection)}")
    return ", ".join(parts)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
