"""A plan is data: a record for each kind of step, each with its reason. `run` executes these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from dlt_lite.model.datasets import DatasetKind
from dlt_lite.model.names import DatasetName
from dlt_lite.model.state import MetadataChange


class Action(StrEnum):
    """What is done with a dataset, in the words of `-o json`."""

    CREATE = "create"
    APPEND = "append"
    REPLACE = "replace"
    SKIP = "skip"
    FULL_REFRESH = "full_refresh"
    RESET_CHECKPOINT = "reset_checkpoint"
    REPLAY = "replay"
    CLEAR = "clear"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class ReplaceTable:
    """Compute a materialized view and put the result in place of its rows, in one commit.

    Attributes:
        dataset: the view.
        action: create, replace or full_refresh.
        reason: why, in words.
        when: tables whose change decides; empty where nothing is left to decide.
        inputs: versions of what it reads at planning time.
        metadata: what of the table's metadata is made as the code says.
    """

    dataset: DatasetName
    action: Action
    reason: str
    when: tuple[DatasetName, ...] = ()
    inputs: Mapping[str, int | None] = field(default_factory=dict)
    metadata: MetadataChange = field(default_factory=MetadataChange)


@dataclass(frozen=True, slots=True)
class AppendStreams:
    """Run the flows of a streaming table until their sources are empty.

    Attributes:
        dataset: the table.
        action: create, append, full_refresh or reset_checkpoint.
        reason: why, in words.
        when: tables whose change decides; empty where nothing is left to decide.
        inputs: versions of what it reads at planning time.
        reset: the flows whose checkpoint begins anew.
        new_columns: columns that its queries have and the table lacks.
        metadata: what of the table's metadata is made as the code says.
    """

    dataset: DatasetName
    action: Action
    reason: str
    when: tuple[DatasetName, ...] = ()
    inputs: Mapping[str, int | None] = field(default_factory=dict)
    reset: tuple[str, ...] = ()
    new_columns: tuple[str, ...] = ()
    metadata: MetadataChange = field(default_factory=MetadataChange)


@dataclass(frozen=True, slots=True)
class SkipDataset:
    """Leave a table's rows as they are, since nothing they depend on has changed.

    Attributes:
        dataset: the table.
        reason: why, in words.
        inputs: versions of what it reads at planning time.
        metadata: what of the table's metadata is made as the code says.
    """

    dataset: DatasetName
    reason: str
    inputs: Mapping[str, int | None] = field(default_factory=dict)
    metadata: MetadataChange = field(default_factory=MetadataChange)


@dataclass(frozen=True, slots=True)
class TreatQuarantine:
    """Put rows that were set aside through today's rules again, or remove them.

    Attributes:
        dataset: the table whose rules set them aside.
        action: replay or clear.
        reason: why, in words.
        where: a condition on them, in SQL; None for all.
    """

    dataset: DatasetName
    action: Action
    reason: str
    where: str | None = None


@dataclass(frozen=True, slots=True)
class InlineView:
    """A temporary view: computed where it is read."""

    dataset: DatasetName
    reason: str


@dataclass(frozen=True, slots=True)
class ExcludeDataset:
    """Leave a dataset out, since it was not selected."""

    dataset: DatasetName
    reason: str


Step = ReplaceTable | AppendStreams | SkipDataset | TreatQuarantine | InlineView | ExcludeDataset


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done with every dataset of a pipeline, each after what it reads.

    Attributes:
        pipeline: the pipeline's name.
        steps: one a dataset.
        kinds: what each dataset is.
        lost_files: how many files that were read are gone, by fully refreshed table; asks consent.
        versions: the version of each table that is there at planning time.
    """

    pipeline: str
    steps: tuple[Step, ...]
    kinds: Mapping[DatasetName, DatasetKind]
    lost_files: Mapping[DatasetName, int] = field(default_factory=dict)
    versions: Mapping[DatasetName, int] = field(default_factory=dict)


def action_of(step: Step) -> Action:
    """Return a step's action."""
    match step:
        case ReplaceTable() | AppendStreams() | TreatQuarantine():
            return step.action
        case SkipDataset() | ExcludeDataset():
            return Action.SKIP
        case InlineView():
            return Action.NONE
