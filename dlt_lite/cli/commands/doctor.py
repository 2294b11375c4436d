"""Check what this machine needs for a run, and say the remedy for each thing that it lacks."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from dlt_lite.cli.escaping import lines, one_line
from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.opening import opened_to_look_back
from dlt_lite.cli.streams import styled
from dlt_lite.engine.doctor import Check, check
from dlt_lite.errors import NoProject
from dlt_lite.model.origin import Origin
from dlt_lite.model.settings import EngineSettings
from dlt_lite.project.discovery import default_cache
from dlt_lite.project.paths import storage_location

_FAULT = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments: there are none."""
    del parser


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Print the checks."""
    del arguments
    checks = _checks(invocation)
    streams = invocation.streams
    if invocation.wants_json:
        streams.json([asdict(each) for each in checks])
    else:
        told = [_told(each, color=streams.out_color) for each in checks]
        streams.data("\n".join(told))
    return 0 if all(each.ok for each in checks) else _FAULT


def _checks(invocation: Invocation) -> tuple[Check, ...]:
    try:
        return opened_to_look_back(invocation).doctor()
    except NoProject:
        if invocation.options.project_dir is not None:
            raise
        invocation.streams.say("no project here: checking for one with the default settings")
        return _without_project(invocation)


def _without_project(invocation: Invocation) -> tuple[Check, ...]:
    environ, here = invocation.environ, invocation.here
    jars = environ.get("DLT_LITE_JARS_DIR")
    cache = environ.get("DLT_LITE_CACHE_DIR") or default_cache(environ)
    settings = EngineSettings(
        app_name="dlt_lite",
        master=environ.get("DLT_LITE_MASTER") or "local[*]",
        spark={},
        ansi=True,
        jars_dir=Path(jars) if jars else None,
        cache_dir=here / cache,
        class_archive=True,
    )
    root = storage_location(
        invocation.options.storage_root or "storage",
        root=here,
        origin=Origin("flag --storage-root"),
    )
    return check(settings, environ, storage_root=root, state_root=here / ".dlt_lite")


def _told(check: Check, *, color: bool) -> str:
    word = styled("ok   ", "32", color=color) if check.ok else styled("fault", "1;31", color=color)
    told = f"{word}  {one_line(check.name)}: {one_line(check.detail)}"
    if check.remedy is None:
        return told
    label = "hint" if check.ok else "fix"
    return f"{told}\n       {label}: {lines(check.remedy)}"
