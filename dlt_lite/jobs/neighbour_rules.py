"""What a job may ask of its project, its machine and its clock: one function a rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from dlt_lite.dag.order import circle
from dlt_lite.errors import (
    BadJobParameter,
    BadReference,
    DefinitionProblem,
    DltLiteError,
    ShellNotAllowed,
    TaskCycle,
    UnknownJob,
    UnknownPipeline,
)
from dlt_lite.jobs.reference_rules import bad_in_parameter
from dlt_lite.jobs.references import Secret, references_in
from dlt_lite.jobs.schedules import problems_of_trigger
from dlt_lite.jobs.sensors import problems_of_tables
from dlt_lite.jobs.spelling import meant
from dlt_lite.jobs.subject import Subject, all_tasks
from dlt_lite.model.jobs import Hook, PipelineTask, RunJobTask, ShellTask, Text
from dlt_lite.model.triggers import JobCompletionTrigger, TableUpdateTrigger

_ADDRESS = re.compile(r"https?://|\{\{")
_ARROW = " → "
_SCRIPT = re.compile(r"-[a-z]*c[a-z]*")
_SCRIPT_AT = 2
_SHELLS = frozenset({"sh", "bash", "dash", "ksh", "zsh"})


def _pipelines(subject: Subject) -> Iterator[DltLiteError]:
    known = subject.around.pipelines
    for task, _ in all_tasks(subject.job):
        if isinstance(task.work, PipelineTask) and task.work.pipeline not in known:
            name = task.work.pipeline
            if "{{" not in name:
                what = f"no pipeline is called {name[:80]!r}"
                yield UnknownPipeline(what, origin=task.origin, fix=meant(name, known))


def _other_jobs(subject: Subject) -> Iterator[DltLiteError]:
    jobs = subject.around.jobs
    for task, _ in all_tasks(subject.job):
        if not isinstance(task.work, RunJobTask) or "{{" in task.work.job:
            continue
        name = task.work.job
        other = jobs.get(name)
        if other is None:
            what = f"no job is called {name[:80]!r}"
            yield UnknownJob(what, origin=task.origin, fix=meant(name, jobs))
            continue
        names = [each.name for each in other.parameters]
        for key, text in task.work.parameters.items():
            if key not in names:
                what = f"job {name!r} has no parameter {key!r}"
                yield BadJobParameter(what, origin=text.origin, fix=meant(key, names))
    yield from _circle_of_jobs(subject)


def _circle_of_jobs(subject: Subject) -> Iterator[DefinitionProblem]:
    """Refuse a job that runs itself, directly or through others."""
    jobs = {**subject.around.jobs, subject.job.name: subject.job}
    runs: dict[str, tuple[str, ...]] = {}
    waiting = [subject.job.name]
    while waiting:
        name = waiting.pop()
        if name in runs:
            continue
        tasks = (task.work for task, _ in all_tasks(jobs[name]))
        runs[name] = tuple(w.job for w in tasks if isinstance(w, RunJobTask) and w.job in jobs)
        waiting.extend(runs[name])
    found = circle(runs)
    if subject.job.name in found:
        what = f"jobs run each other in a circle: {_ARROW.join(found)}"
        yield TaskCycle(what, origin=subject.job.origin, fix="one of them must not run the next")


def _shells(subject: Subject) -> Iterator[DefinitionProblem]:
    for task, _ in all_tasks(subject.job):
        if not isinstance(task.work, ShellTask):
            continue
        if not subject.around.shell_tasks:
            what = f"task {task.key!r} runs a command, which this project does not allow"
            fix = "set `shell_tasks: true` in the project file"
            yield ShellNotAllowed(what, origin=task.origin, fix=fix)
        yield from _open_to_injection(task.work.arguments, f"task {task.key!r}")


def _notifications(subject: Subject) -> Iterator[DefinitionProblem]:
    tasks = (task.notifications for task, _ in all_tasks(subject.job))
    hooks = [hook for each in (subject.job.notifications, *tasks) for hook in each.hooks]
    for hook in hooks:
        yield from _bad_hook(hook, subject)


def _bad_hook(hook: Hook, subject: Subject) -> Iterator[DefinitionProblem]:
    texts = hook.command if hook.url is None else (hook.url,)
    origin = texts[0].origin
    if hook.command and not subject.around.shell_tasks:
        what = f"the command of {hook.event} is not allowed in this project"
        fix = "set `shell_tasks: true` in the project file, or write a `url`"
        yield ShellNotAllowed(what, origin=origin, fix=fix)
    yield from _open_to_injection(hook.command, f"the command of {hook.event}")
    for text in texts:
        try:
            found = tuple(references_in(text))
        except BadReference as problem:
            yield problem
            continue
        for reference in found:
            yield from bad_in_parameter(reference, text, subject)
            if hook.command and isinstance(reference, Secret):
                what = f"the command of {hook.event} puts a secret where others can read it"
                fix = "let the command fetch it, or write a `url` with the secret"
                yield BadReference(what, origin=text.origin, fix=fix)
    if hook.url is not None and not _ADDRESS.match(hook.url.raw):
        what = f"{hook.url.raw[:80]!r} is no web address"
        yield BadReference(what, origin=origin, fix="write https://…, or a secret that says so")


def _open_to_injection(command: tuple[Text, ...], subject: str) -> Iterator[ShellNotAllowed]:
    """Refuse references within a shell's script: what they hold would be run."""
    words = [text.raw for text in command]
    if len(words) <= _SCRIPT_AT or words[0].rpartition("/")[2] not in _SHELLS:
        return
    if _SCRIPT.fullmatch(words[1]) and "{{" in words[_SCRIPT_AT]:
        what = f"{subject} puts a reference into a shell script, which would run what it holds"
        fix = 'hand it over by `environment`, and write "$NAME" in the script'
        yield ShellNotAllowed(what, origin=command[_SCRIPT_AT].origin, fix=fix)


def _triggers(subject: Subject) -> Iterator[DltLiteError]:
    known = subject.around.jobs
    for trigger in subject.job.triggers:
        yield from problems_of_trigger(trigger)
        if isinstance(trigger, TableUpdateTrigger):
            yield from problems_of_tables(trigger)
        others = trigger.jobs if isinstance(trigger, JobCompletionTrigger) else ()
        for name in others:
            if name not in known:
                what = f"no job is called {name[:80]!r}"
                yield UnknownJob(what, origin=trigger.origin, fix=meant(name, known))


RULES: tuple[Callable[[Subject], Iterator[DltLiteError]], ...] = (
    _pipelines,
    _other_jobs,
    _shells,
    _notifications,
    _triggers,
)
