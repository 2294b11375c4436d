"""What a person should know before a plan is carried out, in words. Values in, sentences out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dlt_lite.graph.graph import ResolvedGraph
from dlt_lite.model.names import DatasetName
from dlt_lite.plan.steps import Action, AppendStreams, Plan
from dlt_lite.report.words import counted


def lost_rows(plan: Plan, graph: ResolvedGraph) -> str:
    """Return which rows a plan would lose, since files that were read are gone; empty for none."""
    if not plan.lost_files:
        return ""
    listed = ", ".join(
        f"{graph.shown(name)} ({counted(count, 'file')})" for name, count in plan.lost_files.items()
    )
    return f"files that were read are gone, their rows would be lost: {listed}"


def streams_left_behind(
    plan: Plan, graph: ResolvedGraph, streams: Iterable[tuple[DatasetName, str, str]]
) -> Iterator[str]:
    """Yield a sentence for each stream of another pipeline that a full refresh breaks.

    Args:
        plan: the plan.
        graph: the pipeline's graph.
        streams: datasets, with the pipeline and the table that streams from each.
    """
    emptied = {
        step.dataset
        for step in plan.steps
        if isinstance(step, AppendStreams) and step.action is Action.FULL_REFRESH
    }
    for dataset, pipeline, table in streams:
        if dataset in emptied:
            yield (
                f"{table} of pipeline {pipeline} streams from {graph.shown(dataset)}, which is "
                "emptied first: unless it reads with skipChangeCommits, it is refused (DLT406) "
                f"until it is refreshed too (run {pipeline} --full-refresh {table})"
            )
