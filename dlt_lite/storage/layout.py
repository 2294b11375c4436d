"""Where things lie below the storage root. Paths and URIs alike; nothing is touched here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from dlt_lite.model.names import DatasetName


@dataclass(frozen=True, slots=True)
class Layout:
    """The storage of one pipeline and target.

    Attributes:
        root: the storage root, a path or URI.
        pipeline: the pipeline, whose private tables are its own.
    """

    root: str
    pipeline: str

    def table(self, name: DatasetName, *, private: bool = False) -> str:
        """Return where a dataset's table lies."""
        above = f"private/{self.pipeline}" if private else "tables"
        return f"{self._base}/{above}/{_folders(name)}"

    def checkpoint(self, name: DatasetName, flow: str, generation: int) -> str:
        """Return where a flow's checkpoint lies.

        Two pipelines may each have a private table of one name, so the pipeline is part of it.
        """
        return f"{self.checkpoints(name, flow)}/{generation}"

    def checkpoints(self, name: DatasetName, flow: str) -> str:
        """Return where a flow's checkpoints lie, a folder for each generation."""
        return f"{self._beside(name)}/{_safe(flow)}"

    def counts(self, name: DatasetName, table_id: str, version: int) -> str:
        """Return where the counts of a view's commit lie."""
        return f"{self._beside(name)}/counts/{table_id}-{version}.json"

    def checks(self, name: DatasetName) -> str:
        """Return where the record lies of what a dataset's rules about many rows found."""
        return f"{self._beside(name)}/checks.json"

    def events(self) -> str:
        """Return where the pipeline's event table lies."""
        return f"{self._base}/events/{_safe(self.pipeline)}"

    def quality_results(self) -> str:
        """Return where the table lies of what the pipeline's rules decided."""
        return f"{self._base}/quality_results/{_safe(self.pipeline)}"

    def _beside(self, name: DatasetName) -> str:
        return f"{self._base}/checkpoints/{_safe(self.pipeline)}/{_folders(name)}"

    @property
    def _base(self) -> str:
        return self.root.rstrip("/")


def uri(path: str) -> str:
    """Return a path as the URI that other tools open; a URI stays as it is."""
    return path if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", path) else Path(path).as_uri()


def _folders(name: DatasetName) -> str:
    return "/".join(part for part in (name.catalog, name.schema, name.table) if part)


def _safe(text: str) -> str:
    return quote(text.lower(), safe="")
