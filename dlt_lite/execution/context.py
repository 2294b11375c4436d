"""What carrying out a plan needs, handed from hand to hand; nothing of it is global."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pyspark.sql import SparkSession

from dlt_lite.engine.sessions import flow_session
from dlt_lite.events.sinks import Emit
from dlt_lite.graph.graph import ResolvedDataset, ResolvedFlow, ResolvedGraph
from dlt_lite.model.datasets import DatasetKind
from dlt_lite.model.names import DatasetName
from dlt_lite.model.rules import Rule
from dlt_lite.model.samples import SampleSettings
from dlt_lite.model.settings import RunSettings
from dlt_lite.model.state import CommitRecord, InputVersion, TableState
from dlt_lite.storage.layout import Layout
from dlt_lite.storage.state import AppIds, table_state


@dataclass(frozen=True, slots=True)
class Context:
    """One update under way.

    Attributes:
        session: the pipeline's session; flows' sessions are made from it.
        graph: the resolved graph.
        layout: where things lie.
        pipeline: the pipeline's name.
        update_id: the update.
        root: the project's folder.
        settings: how many flows at once, and the like.
        published: gives the path of another pipeline's table.
        emit: takes what happened.
        stop: set once nothing more shall be begun.
        was_reported: tells whether an update has reported a batch of a flow.
        reached: told of each named point between reading and acknowledging; tests stop there.
        entered: lets the pipeline's modules be found while its functions are called.
        now: when the update began.
        samples: what of the data may be shown.
    """

    session: SparkSession
    graph: ResolvedGraph
    layout: Layout
    pipeline: str
    update_id: str
    root: Path
    settings: RunSettings
    published: Callable[[DatasetName], str | None]
    emit: Emit
    stop: threading.Event
    was_reported: Callable[[str, str, int], bool]
    reached: Callable[[str], None]
    entered: Callable[[], AbstractContextManager[None]]
    now: datetime
    samples: SampleSettings

    @property
    def ids(self) -> AppIds:
        """The application ids of the pipeline's transactions."""
        return AppIds(self.pipeline)

    def path_of(self, name: DatasetName) -> str:
        """Return where a dataset's table lies."""
        options = self.graph.datasets[name].dataset.options
        return self.layout.table(name, private=options.private)

    def state_of(self, name: DatasetName) -> TableState | None:
        """Return the state of a dataset's table as it is now."""
        return table_state(self.session, self.layout, name, self.path_of(name))

    def flow_id(self, flow: str, table_id: str, generation: int) -> str:
        """Return the id under which a flow's batches are reported."""
        return f"{self.pipeline}/{flow}/{table_id}/{generation}"

    def session_for(self, flow: ResolvedFlow) -> SparkSession:
        """Return a session of a flow's own."""
        return flow_session(self.session, flow.flow.spark_conf)

    def record(
        self,
        purpose: str,
        resolved: ResolvedDataset,
        *,
        flow: ResolvedFlow | None = None,
        inputs: tuple[InputVersion, ...] = (),
        generation: int | None = None,
        batch: int | None = None,
    ) -> CommitRecord:
        """Return what a commit of this update says of itself."""
        return CommitRecord(
            purpose,
            self.pipeline,
            str(resolved.dataset.name),
            self.update_id,
            None if flow is None else flow.flow.name,
            None if flow is None else flow.definition,
            inputs,
            generation,
            batch,
        )

    def is_view(self, name: DatasetName) -> bool:
        """Return whether a dataset is a temporary view."""
        return self.graph.datasets[name].kind is DatasetKind.TEMPORARY_VIEW

    def rules_in_the_job(self, resolved: ResolvedDataset) -> tuple[Rule, ...]:
        """Return the rules of rows that the job of a dataset decides: its own, and of views."""
        found, waiting = list(resolved.dataset.row_rules), list(resolved.inputs)
        while waiting:
            name = waiting.pop(0)
            if self.is_view(name):
                found += self.graph.datasets[name].dataset.row_rules
                waiting += self.graph.datasets[name].inputs
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step did.

    Attributes:
        changed: whether rows were added or removed.
        version: the table's version afterwards, None where there is no table.
    """

    changed: bool
    version: int | None
