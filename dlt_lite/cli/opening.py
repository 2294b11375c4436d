"""The options of a call → the project they mean, as its files describe it. Starts no Spark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.invocation import Invocation
from dlt_lite.errors import DltLiteError, ErrorGroup, raise_together
from dlt_lite.jobs.catalogue import broken_job_files, stands_apart
from dlt_lite.model.settings import ProjectSettings
from dlt_lite.project.discovery import find_project
from dlt_lite.project.loading import load_what_can_be
from dlt_lite.project.parameters import parse_parameters
from dlt_lite.registry.origins import shown_path

if TYPE_CHECKING:
    from dlt_lite.workspace import Project


@dataclass(frozen=True, slots=True)
class _Found:
    """A project without what is broken.

    Attributes:
        settings: the project.
        problems: what is wrong with the rest, by its file, relative to the project.
    """

    settings: ProjectSettings
    problems: Mapping[Path, tuple[DltLiteError, ...]]

    def refuse(self) -> None:
        """Raise all problems, if there are some."""
        raise_together([each for problems in self.problems.values() for each in problems])


def project_root(invocation: Invocation) -> Path:
    """Return the project's folder.

    Raises:
        ConfigProblem: there is none, or it cannot be told which.
    """
    return find_project(
        invocation.here,
        environ=invocation.environ,
        project_dir=invocation.options.project_dir,
    )


def parameters(invocation: Invocation) -> Mapping[str, str]:
    """Return what `--param` gives.

    Raises:
        BadParameter: a text that is not `key=value`.
    """
    return parse_parameters(invocation.options.params)


def overrides(invocation: Invocation) -> Mapping[str, str]:
    """Return the settings that flags give."""
    root = invocation.options.storage_root
    return {} if root is None else {"storage_root": root}


def project_settings(invocation: Invocation) -> ProjectSettings:
    """Return the project's settings as the chosen target sees them.

    Raises:
        ConfigProblem: something in them is wrong.
        ErrorGroup: several things are.
    """
    found = _found(invocation, parameters(invocation))
    found.refuse()
    return found.settings


def settings_to_look_back(invocation: Invocation, *, with_jobs: bool = False) -> ProjectSettings:
    """Return the project's settings for a question about the past.

    Pipelines and jobs whose own files are broken are left out, which a note tells.

    Args:
        invocation: the call.
        with_jobs: whether the jobs of Python files are asked for, too.

    Raises:
        ConfigProblem: something is wrong that does not lie with one of them.
        ErrorGroup: several things are.
    """
    found = _found(invocation, parameters(invocation), with_jobs=with_jobs)
    _tell_of(found, invocation)
    return found.settings


def settings_about(name: str, invocation: Invocation) -> ProjectSettings:
    """Return the project's settings for work on one pipeline or job.

    Others whose own files are broken are left out, which a note tells, unless it may need them.

    Args:
        name: the pipeline or job; `pipeline:x` and `job:x` are understood.
        invocation: the call.

    Raises:
        ConfigProblem: something is wrong that may be its concern.
        ErrorGroup: several things are.
    """
    found = _found(invocation, parameters(invocation), with_jobs=True)
    _judge(name, found)
    _tell_of(found, invocation)
    return found.settings


def opened(invocation: Invocation) -> Project:
    """Return the project as the commands' Python form.

    Raises:
        ConfigProblem: something in its settings is wrong.
        ErrorGroup: several things are.
    """
    return _project(project_settings(invocation), invocation)


def opened_to_look_back(invocation: Invocation) -> Project:
    """Return the project as the commands' Python form; see `settings_to_look_back`."""
    return _project(settings_to_look_back(invocation), invocation)


def opened_about(
    name: str, invocation: Invocation, *, parameters_are_a_jobs: bool = False
) -> Project:
    """Return the project as the commands' Python form; see `settings_about`, which tells the note.

    Args:
        name: the pipeline or job.
        invocation: the call.
        parameters_are_a_jobs: whether `--param` gives a job's parameters, not the pipelines'.

    Raises:
        ConfigProblem: something is wrong that may be its concern.
        ErrorGroup: several things are.
    """
    given = {} if parameters_are_a_jobs else parameters(invocation)
    found = _found(invocation, given, with_jobs=True)
    _judge(name, found)
    return _project(found.settings, invocation)


def _found(invocation: Invocation, given: Mapping[str, str], *, with_jobs: bool = False) -> _Found:
    loaded = load_what_can_be(
        project_root(invocation),
        environ=invocation.environ,
        target=invocation.options.target,
        parameters=given,
        overrides=overrides(invocation),
    )
    settings, problems = loaded.settings, dict[Path, tuple[DltLiteError, ...]]()
    for problem in loaded.problems:
        file = Path("" if problem.origin is None else problem.origin.path)
        problems[file] = (*problems.get(file, ()), problem)
    if with_jobs and (broken := broken_job_files(settings)):
        left = tuple(file for file in settings.job_files if file not in broken)
        settings = replace(settings, job_files=left)
        for file, error in broken.items():
            several = error.errors if isinstance(error, ErrorGroup) else (error,)
            problems[Path(shown_path(str(file), settings.root))] = several
    return _Found(settings, problems)


def _judge(name: str, found: _Found) -> None:
    if found.problems and not stands_apart(found.settings, name, tuple(found.problems)):
        found.refuse()


def _tell_of(found: _Found, invocation: Invocation) -> None:
    if found.problems:
        files = ", ".join(path.as_posix() for path in found.problems if path.name)
        invocation.streams.say(
            one_line(f"left out, since it is broken: {files}; see `{invocation.program} validate`")
        )


def _project(settings: ProjectSettings, invocation: Invocation) -> Project:
    from dlt_lite.workspace import Project  # noqa: PLC0415 - costs start time

    return Project(settings, invocation.environ)
