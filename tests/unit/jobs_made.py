"""Jobs for tests, made of a few words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dlt_lite.jobs.subject import Around
from dlt_lite.model.jobs import (
    CallableTask,
    Dependency,
    Job,
    JobParameter,
    Retries,
    RunIf,
    Task,
    Text,
    Work,
)
from dlt_lite.model.origin import Origin

HERE = Origin("pipelines/daily/job.yml", 7, 3)
NOTHING_AROUND = Around(frozenset(), {})


def text(raw: object) -> Text:
    return Text(str(raw), HERE)


def call(**parameters: object) -> CallableTask:
    """Return the work of a task that calls a function."""
    return CallableTask("m", "f", {key: text(value) for key, value in parameters.items()})


def a_task(key: str, *waits: str | Dependency, work: Work | None = None, **options) -> Task:
    """Make a task; `check:true` waits for an outcome; `most=` and the like are its retries."""
    waited = (each if isinstance(each, Dependency) else _dependency(each) for each in waits)
    retries = {name: options.pop(name) for name in list(options) if name in Retries.__slots__}
    if isinstance(options.get("run_if"), str):
        options["run_if"] = RunIf(options["run_if"])
    made = Task(key, work or call(), HERE, depends_on=tuple(waited), **options)
    return replace(made, retries=replace(made.retries, **retries))


def a_job(*tasks: Task, parameters: dict[str, str] | None = None, name="daily", **options) -> Job:
    given = tuple(JobParameter(key, text(value)) for key, value in (parameters or {}).items())
    return Job(name, name, Path(), tasks, HERE, parameters=given, **options)


def _dependency(word: str) -> Dependency:
    key, _, outcome = word.partition(":")
    return Dependency(key, outcome or None, HERE)
