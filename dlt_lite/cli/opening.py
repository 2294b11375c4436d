"""The options of a call → the project they mean, as its files describe it. Starts no Spark."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dlt_lite.cli.invocation import Invocation
from dlt_lite.model.settings import ProjectSettings
from dlt_lite.project.discovery import find_project
from dlt_lite.project.loading import load_project
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
    return load_project(
        project_root(invocation),
        environ=invocation.environ,
        target=invocation.options.target,
        parameters=parameters(invocation),
        overrides=overrides(invocation),
    )


def opened(invocation: Invocation, *, parameters_are_a_jobs: bool = False) -> Project:
    """Return the project as the commands' Python form.

    Args:
        invocation: the call.
        parameters_are_a_jobs: whether `--param` gives a job's parameters, not the pipelines'.

    Raises:
        ConfigProblem: something in its settings is wrong.
        ErrorGroup: several things are.
    """
    from dlt_lite.workspace import Project  # noqa: PLC0415 - costs start time

    return Project.load(
        project_root(invocation),
        target=invocation.options.target,
        parameters={} if parameters_are_a_jobs else parameters(invocation),
        overrides=overrides(invocation),
        environ=invocation.environ,
    )
