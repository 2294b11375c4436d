"""Check files, names, settings and jobs; with --analyze the queries, too. Writes nothing."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dlt_lite.cli.clock import now
from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.figures import counted
from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.names import Meant, what_is_meant
from dlt_lite.cli.opening import opened
from dlt_lite.errors import DltLiteError, raise_together
from dlt_lite.jobs.catalogue import problems_of_jobs
from dlt_lite.jobs.schedules import is_over
from dlt_lite.model.jobs import IgnoredKey, Job

if TYPE_CHECKING:
    from dlt_lite.workspace import Validated


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "pipelines", metavar="NAME", nargs="*", help="pipelines and jobs; all where none is named"
    )
    parser.add_argument(
        "--analyze", action="store_true", help="start Spark and resolve every query over no rows"
    )


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Check the pipelines."""
    streams = invocation.streams
    with streams.kept_for_data():
        found, jobs, ignored = _validated(arguments, invocation)
    if invocation.wants_json:
        streams.json([*(_as_json(each) for each in found), *(_job_json(j, ignored) for j in jobs)])
        return 0
    told = [*(_told(each) for each in found), *(_job_told(job) for job in jobs)]
    streams.data("\n".join(told))
    for key in ignored:
        streams.say(f"note: {key.origin}: {one_line(key.key)} does nothing here: {key.reason}")
    for note in (note for job in jobs for note in _job_notes(job)):
        streams.say(f"note: {note}")
    for each in found:
        for note in each.notes:
            streams.say(f"note: {one_line(each.pipeline)}: {one_line(note)}")
        for file in each.needs_analyze:
            streams.say(
                f"note: {one_line(file)} touches Spark while it is loaded: only"
                f" `{invocation.program} validate --analyze` can check it"
            )
    return 0


def _validated(
    arguments: argparse.Namespace, invocation: Invocation
) -> tuple[tuple[Validated, ...], tuple[Job, ...], tuple[IgnoredKey, ...]]:
    """Check what is named, or all; what is wrong with pipelines and jobs is told together."""
    project = opened(invocation)
    settings = project.settings
    meant = [what_is_meant(name, settings) for name in arguments.pipelines]
    pipelines = tuple(name for kind, name in meant if kind is Meant.PIPELINE)
    names = {name for kind, name in meant if kind is Meant.JOB}
    errors: list[DltLiteError] = []
    found: tuple[Validated, ...] = ()
    if pipelines or (not meant and settings.pipelines) or not (names or settings.jobs):
        try:
            found = project.validate(pipelines, analyze=arguments.analyze)
        except DltLiteError as error:
            errors.append(error)
    every = project.jobs()
    errors += problems_of_jobs(settings, every, names if meant else None)
    errors += project.problems_of_selections(
        job for name, job in every.items() if name in names or not meant
    )
    raise_together(errors)
    ignored = tuple(key for key in settings.ignored_keys if not meant or key.job in names)
    return found, tuple(job for k, job in every.items() if k in names or not meant), ignored


def _job_told(job: Job) -> str:
    number = counted(len(job.tasks), "task")
    return one_line(f"job {job.name}: {number}: {', '.join(task.key for task in job.tasks)}")


def _job_notes(job: Job) -> Iterator[str]:
    for trigger in job.triggers:
        if is_over(trigger, now()):
            yield f"{trigger.origin}: this never comes again: its years are over"
    if job.title != job.name:
        title = one_line(repr(job.title))
        yield f"job {job.name}: its `name:`, {title}, is only a title for people"


def _job_json(job: Job, ignored: tuple[IgnoredKey, ...]) -> dict[str, object]:
    return {
        "job": job.name,
        "title": job.title,
        "tasks": [task.key for task in job.tasks],
        "ignored_keys": [
            {"key": each.key, "reason": each.reason, "origin": str(each.origin)}
            for each in ignored
            if each.job in {job.name, ""}
        ],
    }


def _told(found: Validated) -> str:
    if found.needs_analyze:
        return one_line(f"{found.pipeline}: datasets not known (needs --analyze)")
    names = ", ".join(found.datasets)
    number = counted(len(found.datasets), "dataset")
    return one_line(
        f"{found.pipeline}: {number}: {names}" if names else f"{found.pipeline}: {number}"
    )


def _as_json(found: Validated) -> dict[str, object]:
    return {
        "pipeline": found.pipeline,
        "datasets": list(found.datasets),
        "notes": list(found.notes),
        "needs_analyze": list(found.needs_analyze),
    }
