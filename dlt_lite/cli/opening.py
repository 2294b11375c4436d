"""The options of a call → the project they mean, as its files describe it. Starts no Spark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.invocation import Invocation
from dlt_lite.errors import ConfigProblem, raise_together
from dlt_lite.jobs.catalogue import stands_apart
from dlt_lite.model.settings import ProjectSettings
from dlt_lite.project.discovery import find_project
from dlt_lite.project.loading import Loaded, load_what_can_be
from dlt_lite.project.parameters import parse_parameters

if TYPE_CHECKING:
    from dlt_lite.workspace import Project


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
    loaded = _loaded(invocation, parameters(invocation))
    raise_together(loaded.problems)
    return loaded.settings


def settings_to_look_back(invocation: Invocation) -> ProjectSettings:
    """Return the project's settings for a question about the past.

    Pipelines and jobs whose own files are broken are left out, which a note tells.

    Raises:
        ConfigProblem: something is wrong that does not lie with one of them.
        ErrorGroup: several things are.
    """
    loaded = _loaded(invocation, parameters(invocation))
    _tell_of(loaded.problems, invocation)
    return loaded.settings


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
    loaded = _loaded(invocation, parameters(invocation))
    _judge(name, loaded)
    _tell_of(loaded.problems, invocation)
    return loaded.settings


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
    loaded = _loaded(invocation, {} if parameters_are_a_jobs else parameters(invocation))
    _judge(name, loaded)
    return _project(loaded.settings, invocation)


def _loaded(invocation: Invocation, given: Mapping[str, str]) -> Loaded:
    return load_what_can_be(
        project_root(invocation),
        environ=invocation.environ,
        target=invocation.options.target,
        parameters=given,
        overrides=overrides(invocation),
    )


def _judge(name: str, loaded: Loaded) -> None:
    if loaded.problems and not stands_apart(loaded.settings, name, _files_of(loaded.problems)):
        raise_together(loaded.problems)


def _tell_of(problems: Sequence[ConfigProblem], invocation: Invocation) -> None:
    if problems:
        files = ", ".join(path.as_posix() for path in _files_of(problems))
        invocation.streams.say(
            one_line(f"left out, since it is broken: {files}; see `{invocation.program} validate`")
        )


def _files_of(problems: Sequence[ConfigProblem]) -> tuple[Path, ...]:
    paths = (Path(problem.origin.path) for problem in problems if problem.origin is not None)
    return tuple(dict.fromkeys(paths))


def _project(settings: ProjectSettings, invocation: Invocation) -> Project:
    from dlt_lite.workspace import Project  # noqa: PLC0415 - costs start time

    return Project(settings, invocation.environ)
