"""Print the settings that hold in the end; `--origin` says where each value comes from."""

from __future__ import annotations

import argparse

from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.opening import settings_to_look_back
from dlt_lite.cli.streams import aligned
from dlt_lite.model.settings import ProjectSettings, SettingSource


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("action", nargs="?", choices=("show",), default="show", help="print them")
    parser.add_argument("--origin", action="store_true", help="say where each value comes from")


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Print the settings."""
    settings = settings_to_look_back(invocation)
    streams = invocation.streams
    if invocation.wants_json:
        streams.json([_as_json(pipeline, each) for pipeline, each in _all(settings)])
        return 0
    columns = ["pipeline", "setting", "value", *(["origin"] if arguments.origin else [])]
    rows = [
        [pipeline or "", each.key, each.value, each.source][: len(columns)]
        for pipeline, each in _telling(settings)
    ]
    streams.data(aligned(columns, rows, streams))
    return 0


def _all(settings: ProjectSettings) -> list[tuple[str | None, SettingSource]]:
    own = [(name, each) for name, sources in settings.pipeline_sources.items() for each in sources]
    return [*((None, each) for each in settings.sources), *own]


def _telling(settings: ProjectSettings) -> list[tuple[str | None, SettingSource]]:
    """Return the project's settings, and of each pipeline those that differ from them."""
    inherited = set(settings.sources)
    return [(name, each) for name, each in _all(settings) if name is None or each not in inherited]


def _as_json(pipeline: str | None, source: SettingSource) -> dict[str, object]:
    return {
        "pipeline": pipeline,
        "key": source.key,
        "value": source.value,
        "source": source.source,
    }
