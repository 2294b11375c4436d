"""The resolved graph: what every query reads, yields and is made of. Values only, no frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dlt_lite.model.datasets import Dataset, DatasetKind, Flow
from dlt_lite.model.names import DatasetName, Namespace
from dlt_lite.model.schema import Schema


@dataclass(frozen=True, slots=True)
class Read:
    """One input of a flow.

    Attributes:
        name: the dataset or table, as a full name; None for files and tables read by path.
        path: where an external Delta table or folder lies; None for the pipeline's own datasets.
        streaming: whether it is read as a stream.
        external: whether it lies outside the pipeline.
        options: the reader's options, as canonical text.
    """

    name: DatasetName | None
    path: str | None
    streaming: bool
    external: bool
    options: str = ""


@dataclass(frozen=True, slots=True)
class ResolvedFlow:
    """A flow whose query was resolved over empty inputs.

    Attributes:
        flow: the declaration.
        streaming: whether its result is a streaming frame.
        schema: the schema of its result.
        reads: what it reads, in the order met, each once.
        definition: a hash of its plan and of the settings that change results.
        changing: why its answer may change although its inputs do not.
        watermark: whether a stream of it has work without new data once its watermark has moved.
        timers: whether it keeps state with a function, whose timers may be due at any time.
        elsewhere: the names, in lower case, that it left to Spark to look up.
    """

    flow: Flow
    streaming: bool
    schema: Schema
    reads: tuple[Read, ...]
    definition: str = ""
    changing: tuple[str, ...] = ()
    watermark: bool = False
    timers: bool = False
    elsewhere: frozenset[tuple[str, ...]] = frozenset()


@dataclass(frozen=True, slots=True)
class ResolvedDataset:
    """A dataset whose flows are resolved.

    Attributes:
        dataset: the declaration.
        kind: what it is.
        schema: the schema of its table or result.
        flows: its flows.
    """

    dataset: Dataset
    kind: DatasetKind
    schema: Schema
    flows: tuple[ResolvedFlow, ...]

    @property
    def inputs(self) -> tuple[DatasetName, ...]:
        """The pipeline's own datasets that its flows read, each once."""
        named = (read.name for flow in self.flows for read in flow.reads if not read.external)
        return tuple(dict.fromkeys(name for name in named if name is not None))

    @property
    def streamed(self) -> tuple[DatasetName, ...]:
        """The pipeline's own datasets that its flows read as a stream."""
        reads = (read for flow in self.flows for read in flow.reads)
        own = (read.name for read in reads if read.streaming and not read.external)
        return tuple(dict.fromkeys(name for name in own if name is not None))


@dataclass(frozen=True, slots=True)
class ResolvedGraph:
    """All datasets of a pipeline, each after what it reads."""

    namespace: Namespace
    datasets: Mapping[DatasetName, ResolvedDataset]

    def shown(self, name: DatasetName) -> str:
        """Return a dataset's name as the user wrote it, or the shortest name of another table."""
        own = self.datasets.get(name)
        return name.short(self.namespace) if own is None else own.dataset.shown

    def materialized_inputs(self, name: DatasetName) -> tuple[DatasetName, ...]:
        """Return the tables of the pipeline that a dataset reads, looking through views."""
        found: dict[DatasetName, None] = {}
        waiting = list(self.datasets[name].inputs)
        while waiting:
            each = waiting.pop(0)
            if self.datasets[each].kind is DatasetKind.TEMPORARY_VIEW:
                waiting.extend(self.datasets[each].inputs)
            else:
                found[each] = None
        return tuple(found)

    def external_reads(self, name: DatasetName) -> tuple[Read, ...]:
        """Return what a dataset reads outside the pipeline, looking through views."""
        found: dict[Read, None] = {}
        waiting = [name]
        while waiting:
            each = self.datasets[waiting.pop(0)]
            for read in (read for flow in each.flows for read in flow.reads):
                if read.external:
                    found[read] = None
                elif read.name and self.datasets[read.name].kind is DatasetKind.TEMPORARY_VIEW:
                    waiting.append(read.name)
        return tuple(found)
