"""Run what is missing of a run of a job: the same run, a new attempt.

Only what failed, was skipped or never ended is run, with what waits for it. The job is run as its
file says now; `--param` gives new values to its parameters, the others stay.
"""

from __future__ import annotations

import argparse

from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.job_running import run_watched
from dlt_lite.cli.names import job_named
from dlt_lite.cli.opening import parameters, settings_about
from dlt_lite.errors import NothingRecorded
from dlt_lite.jobs.results import job_result_of
from dlt_lite.jobs.runs import runs_of_jobs
from dlt_lite.model.settings import ProjectSettings
from dlt_lite.runs.folder import RunState

_LATEST = "latest"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add("name", metavar="JOB", help="the job")
    add("id", metavar="RUN_ID", nargs="?", default=_LATEST, help="the run; its latest by default")


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Repair the run."""
    settings = settings_about(arguments.name, invocation)
    name = job_named(arguments.name, settings)
    run_id = _run_id(name, arguments.id, settings, invocation.program)
    given = parameters(invocation)
    return run_watched(
        name,
        invocation,
        lambda project, watchers: project.repair_job(
            name, run_id, parameters=given, watchers=watchers
        ),
    )


def _run_id(job: str, word: str, settings: ProjectSettings, program: str) -> str:
    if word != _LATEST:
        return job_result_of(settings.state_root, word).run.run_id
    every = runs_of_jobs(settings.state_root, target=settings.target, job=job)
    found = [each for each in every if each.state is not RunState.QUEUED]
    if not found:
        what = f"job {job} has had no run on target {settings.target}"
        raise NothingRecorded(what, fix=f"run it first: {program} run {job}")
    return found[0].folder.update_id
