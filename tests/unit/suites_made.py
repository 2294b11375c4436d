"""Pipelines with expectations beside them, declared without Spark."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import pytest

import dlt_lite as dlt
from dlt_lite.errors import DltLiteError, ErrorGroup
from dlt_lite.model.datasets import Definitions
from dlt_lite.model.names import Namespace
from dlt_lite.model.rules import Rule
from dlt_lite.registry.active import registering_into
from dlt_lite.registry.registry import Registry
from dlt_lite.suites.attaching import attach_files


def events():
    """Stand for a query."""


def declare_events() -> None:
    dlt.table(name="events")(events)


def declared(
    root: Path,
    files: Mapping[str, str],
    declare: Callable[[], None] = declare_events,
    parameters: Mapping[str, str] | None = None,
    siblings: Collection[str] = (),
) -> Definitions:
    """Return what a pipeline called `shop` declares beside files of expectations."""
    for name, text in files.items():
        path = root / "expectations" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    registry = Registry(Namespace("main"), root, parameters=parameters)
    with registering_into(registry):
        declare()
        attach_files(registry, "shop", siblings)
    return registry.freeze()


def rules(root: Path, text: str, file: str = "shop.yml", **parameters: str) -> tuple[Rule, ...]:
    """Return the rules of the only dataset."""
    (dataset,) = declared(root, {file: text}, parameters=parameters).datasets.values()
    return dataset.rules


def refused(
    root: Path, files: Mapping[str, str], declare=declare_events, siblings: Collection[str] = ()
) -> list[DltLiteError]:
    """Return the problems of a pipeline."""
    with pytest.raises(DltLiteError) as caught:
        declared(root, files, declare, siblings=siblings)
    error = caught.value
    return list(error.errors) if isinstance(error, ErrorGroup) else [error]


def refusal(root: Path, text: str, file: str = "shop.yml") -> DltLiteError:
    """Return the only problem of a file."""
    (error,) = refused(root, {file: text})
    return error
