"""Draw which dataset reads which, as the last run found it, or which task of a job waits for which.

Imports no code of the project, but files that declare jobs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from enum import StrEnum

from dlt_lite.cli.escaping import json_text, one_line
from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.job_graph import graph_of_job, job_json
from dlt_lite.cli.names import Meant, what_is_meant
from dlt_lite.cli.opening import project_settings
from dlt_lite.cli.past import manifest_of
from dlt_lite.cli.verdict import from_here
from dlt_lite.errors import NothingRecorded, UnknownJob
from dlt_lite.jobs.catalogue import jobs_of
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
    settings, streams = project_settings(invocation), invocation.streams
    chosen = tuple(settings.pipelines)
    if arguments.name is not None:
        kind, name = what_is_meant(arguments.name, settings)
        if kind is Meant.JOB:
            return _draw_job(name, settings, arguments.format, invocation)
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
    form = GraphForm(arguments.format or invocation.options.output)
    text = _drawn(known, form, settings)
    if arguments.out is None:
        streams.data(text)
        return 0
    from dlt_lite.report.files import write_report  # noqa: PLC0415 - jinja2 costs start time

    path = invocation.here / arguments.out
    write_report(path, text if text.endswith("\n") else f"{text}\n")
    streams.say(one_line(from_here(path, invocation.here)))
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


def _draw_job(
    name: str, settings: ProjectSettings, given: str | None, invocation: Invocation
) -> int:
    job = jobs_of(settings).get(name)
    if job is None:
        raise UnknownJob(f"no job is called {name}")
    form = GraphForm(given or invocation.options.output)
    if form is GraphForm.JSON:
        invocation.streams.json(job_json(job))
    elif form is GraphForm.TEXT:
        invocation.streams.data(as_text(graph_of_job(job), "after"))
    else:
        invocation.streams.data(_WRITERS[form](graph_of_job(job)))
    return 0


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
