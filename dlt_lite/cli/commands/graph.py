"""Draw which dataset reads which, as the last run found it, or which task of a job waits for which.

Imports no code of the project, but files that declare jobs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from enum import StrEnum

from dlt_lite.cli.escaping import json_text, one_line
from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.job_graph import graph_of_job, job_json, what_it_does, why
from dlt_lite.cli.names import Meant, what_is_meant
from dlt_lite.cli.opening import settings_to_look_back
from dlt_lite.cli.past import manifest_of
from dlt_lite.cli.verdict import from_here
from dlt_lite.errors import NothingRecorded, UnknownJob
from dlt_lite.jobs.catalogue import jobs_of
from dlt_lite.jobs.run_if import disabled_tasks
from dlt_lite.jobs.spelling import meant
from dlt_lite.model.jobs import Job
from dlt_lite.model.results import UpdateQuality
from dlt_lite.model.settings import ProjectSettings
from dlt_lite.project.loading import pipeline_of
from dlt_lite.report.lineage import (
    LineageGraph,
    as_dot,
    as_json,
    as_mermaid,
    as_text,
    lineage_graph,
)
from dlt_lite.report.quality import past_quality
from dlt_lite.runs.manifest import Manifest


class GraphForm(StrEnum):
    """How a graph is written."""

    TEXT = "text"
    MERMAID = "mermaid"
    DOT = "dot"
    JSON = "json"
    HTML = "html"


_WRITERS: dict[GraphForm, Callable[[LineageGraph], str]] = {
    GraphForm.TEXT: as_text,
    GraphForm.MERMAID: as_mermaid,
    GraphForm.DOT: as_dot,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add(
        "name",
        metavar="NAME",
        nargs="?",
        help="a pipeline or a job; all pipelines where none is named",
    )
    add("--format", choices=[form.value for form in GraphForm], help="how it is written")
    add("--out", metavar="FILE", help="the file it is written to; stdout by default")


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Print the graph."""
    settings = settings_to_look_back(invocation, with_jobs=True)
    streams = invocation.streams
    form = GraphForm(arguments.format or invocation.options.output)
    chosen = tuple(settings.pipelines)
    if arguments.name is not None:
        kind, name = what_is_meant(arguments.name, settings)
        if kind is Meant.JOB:
            return _written(_drawn_job(_job(name, settings), form), arguments.out, invocation)
        chosen = (pipeline_of(settings, name).name,)
    found = {name: manifest_of(settings, name) for name in chosen}
    known = [manifest for manifest in found.values() if manifest is not None]
    unknown = [name for name, manifest in found.items() if manifest is None]
    if not known:
        what = (
            f"no graph is known on target {settings.target}: {', '.join(chosen) or 'no pipeline'}"
        )
        name = chosen[0] if chosen else "NAME"
        raise NothingRecorded(what, fix=f"run it first: {invocation.program} run {name}")
    if unknown:
        streams.say(f"not run yet, so left out: {one_line(', '.join(unknown))}")
    return _written(_drawn(known, form, settings), arguments.out, invocation)


def _written(text: str, out: str | None, invocation: Invocation) -> int:
    """Print a text, or write it to a file."""
    if out is None:
        invocation.streams.data(text)
        return 0
    from dlt_lite.report.files import write_report  # noqa: PLC0415 - jinja2 costs start time

    path = invocation.here / out
    write_report(path, text if text.endswith("\n") else f"{text}\n")
    invocation.streams.say(one_line(from_here(path, invocation.here)))
    return 0


def _drawn(manifests: Sequence[Manifest], form: GraphForm, settings: ProjectSettings) -> str:
    graph = _graph(manifests)
    match form:
        case GraphForm.JSON:
            return json_text(as_json(graph))
        case GraphForm.HTML:
            from dlt_lite.report.page import graph_html  # noqa: PLC0415 - jinja2

            return graph_html(graph, _coloured_by(manifests, settings))
        case _:
            return _WRITERS[form](graph)


def _coloured_by(manifests: Sequence[Manifest], settings: ProjectSettings) -> UpdateQuality | None:
    """Return the newest results of a pipeline; several pipelines have no update in common."""
    if len(manifests) > 1:
        return None
    own = settings.pipelines[manifests[0].pipeline]
    found = past_quality(own.state_root, target=settings.target, pipeline=own.name, most=1)
    return found[0] if found else None


def _job(name: str, settings: ProjectSettings) -> Job:
    jobs = jobs_of(settings)
    job = jobs.get(name)
    if job is None:
        raise UnknownJob(f"no job is called {name}", fix=meant(name, jobs))
    return job


def _drawn_job(job: Job, form: GraphForm) -> str:
    match form:
        case GraphForm.JSON:
            return json_text(job_json(job))
        case GraphForm.HTML:
            from dlt_lite.report.page import TaskTold, job_html  # noqa: PLC0415 - jinja2

            off = disabled_tasks(job)
            told = {
                task.key: TaskTold(what_it_does(task.work), why(task, off)) for task in job.tasks
            }
            return job_html(job.name, graph_of_job(job), told)
        case GraphForm.TEXT:
            return as_text(graph_of_job(job), "after")
        case _:
            return _WRITERS[form](graph_of_job(job))


def _graph(manifests: Sequence[Manifest]) -> LineageGraph:
    """Return the graph of one pipeline, or by full names of several that may read each other."""
    nodes: list[tuple[str, str, int]] = []
    edges: list[tuple[str, str]] = []
    for manifest in manifests:
        names = {
            each.name: each.name if len(manifests) == 1 else each.full_name
            for each in manifest.datasets
        }
        for each in manifest.datasets:
            nodes.append((names[each.name], each.kind, len(each.expectations)))
            read = (*each.inputs, *each.external_inputs)
            edges += [(names.get(name, name), names[each.name]) for name in read]
    return lineage_graph(nodes, edges)
