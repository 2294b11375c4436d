"""List pipelines and datasets as the last run left them, and jobs; `--jobs` lists jobs alone.

Imports no code of the project, but files that declare jobs.
"""

from __future__ import annotations

import argparse

from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.opening import settings_to_look_back
from dlt_lite.cli.past import manifest_of
from dlt_lite.cli.streams import aligned
from dlt_lite.jobs.catalogue import jobs_of
from dlt_lite.model.settings import ProjectSettings
from dlt_lite.project.loading import pipeline_of
from dlt_lite.report.updates import past_runs
from dlt_lite.runs.folder import RunKind
from dlt_lite.runs.manifest import Manifest, ManifestDataset


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("-p", "--pipeline", metavar="NAME", help="of this pipeline only")
    parser.add_argument("--jobs", action="store_true", help="the jobs, not the datasets")


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Print the datasets."""
    settings = settings_to_look_back(invocation, with_jobs=True)
    streams = invocation.streams
    if arguments.jobs:
        return _list_jobs(settings, invocation)
    chosen = tuple(settings.pipelines)
    if arguments.pipeline is not None:
        chosen = (pipeline_of(settings, arguments.pipeline).name,)
    manifests = {name: manifest_of(settings, name) for name in chosen}
    if invocation.wants_json:
        known = [manifest for manifest in manifests.values() if manifest is not None]
        streams.json([_as_json(manifest, each) for manifest in known for each in manifest.datasets])
    else:
        columns = ("pipeline", "dataset", "kind", ">version", "path")
        rows = [row for name in chosen for row in _rows(name, manifests[name])]
        streams.data(aligned(columns, rows, streams))
        if arguments.pipeline is None and (settings.jobs or settings.job_files):
            streams.data("")
            _list_jobs(settings, invocation)
    unknown = [name for name in chosen if manifests[name] is None]
    if unknown:
        listed = ", ".join(one_line(name) for name in unknown)
        streams.say(
            f"not run yet on target {one_line(settings.target)}: {listed}; what they hold is known"
            f" after `{invocation.program} run {unknown[0]}`"
        )
    return 0


def _list_jobs(settings: ProjectSettings, invocation: Invocation) -> int:
    streams, jobs = invocation.streams, jobs_of(settings)
    lasts = {name: _last_run(settings, name) for name in jobs}
    if invocation.wants_json:
        streams.json(
            [
                {
                    "name": job.name,
                    "description": job.description,
                    "tasks": [task.key for task in job.tasks],
                    "parameters": [each.name for each in job.parameters],
                    "triggers": len(job.triggers),
                    "last_run": lasts[job.name][0],
                    "last_state": lasts[job.name][1],
                    "origin": str(job.origin),
                }
                for job in jobs.values()
            ]
        )
        return 0
    rows = [
        (job.name, str(len(job.tasks)), lasts[job.name][1] or "", lasts[job.name][0] or "")
        for job in jobs.values()
    ]
    streams.data(aligned(("job", ">tasks", "last run", ""), rows, streams))
    return 0


def _last_run(settings: ProjectSettings, job: str) -> tuple[str | None, str | None]:
    found = next(iter(past_runs(settings, job, RunKind.JOB)), None)
    return (None, None) if found is None else (found.folder.update_id, found.state)


def _rows(pipeline: str, manifest: Manifest | None) -> list[tuple[str, ...]]:
    if manifest is None:
        return [(pipeline, "", "", "", "")]
    return [
        (
            pipeline,
            each.name,
            each.kind.replace("_", " "),
            "" if each.version is None else str(each.version),
            each.path or "",
        )
        for each in manifest.datasets
    ]


def _as_json(manifest: Manifest, dataset: ManifestDataset) -> dict[str, object]:
    return {
        "name": dataset.name,
        "pipeline": manifest.pipeline,
        "kind": dataset.kind,
        "path": dataset.path,
        "version": dataset.version,
        "full_name": dataset.full_name,
        "target": manifest.target,
        "comment": dataset.comment,
        "tags": list(dataset.tags),
        "inputs": list(dataset.inputs),
        "external_inputs": list(dataset.external_inputs),
        "expectations": [each.name for each in dataset.expectations],
        "origin": dataset.origin,
        "update_id": manifest.update_id,
    }
