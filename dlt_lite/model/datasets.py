"""What pipeline files declare: datasets, the flows that fill them, and all of a pipeline's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from dlt_lite.model.names import DatasetName, Namespace
from dlt_lite.model.origin import Origin
from dlt_lite.model.rules import Rule, RuleAction

Query = Callable[[], object]


class DeclaredAs(StrEnum):
    """Which decorator or function declared a dataset."""

    TABLE = "table"
    MATERIALIZED_VIEW = "materialized_view"
    STREAMING_TABLE = "streaming_table"
    TEMPORARY_VIEW = "temporary_view"


class DatasetKind(StrEnum):
    """What a dataset is, once its query is known."""

    STREAMING_TABLE = "streaming_table"
    MATERIALIZED_VIEW = "materialized_view"
    TEMPORARY_VIEW = "temporary_view"


@dataclass(frozen=True, slots=True)
class TableOptions:
    """How a dataset's table is made.

    Attributes:
        comment: text that stands beside the table.
        schema: DDL text or a StructType, None where the query decides.
        partition_cols: partition columns.
        cluster_by: clustering columns.
        table_properties: Delta's and the user's table properties.
        private: not published: only its own pipeline sees it.
        tags: words to select by.
        refresh_policy: `auto`, or `full` for a view that is replaced at every update.
        quarantine_table: the name of the table for rows that are set aside; None for
            `<dataset>__quarantine`.
    """

    comment: str | None = None
    schema: object = None
    partition_cols: tuple[str, ...] = ()
    cluster_by: tuple[str, ...] = ()
    table_properties: Mapping[str, str] = field(default_factory=dict)
    private: bool = False
    tags: tuple[str, ...] = ()
    refresh_policy: str = "auto"
    quarantine_table: str | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """A declared dataset.

    Attributes:
        name: its full name.
        shown: its short name as the user wrote it.
        declared_as: what declared it.
        options: how its table is made.
        rules: its expectations, in the order a reader meets them.
        origin: where it was declared.
        switched_off: its expectations that are not for this target.
    """

    name: DatasetName
    shown: str
    declared_as: DeclaredAs
    options: TableOptions
    rules: tuple[Rule, ...]
    origin: Origin
    switched_off: tuple[Rule, ...] = ()

    @property
    def row_rules(self) -> tuple[Rule, ...]:
        """Its rules that decide row by row."""
        return tuple(rule for rule in self.rules if rule.check is None)

    @property
    def wide_rules(self) -> tuple[Rule, ...]:
        """Its rules about more than one row."""
        return tuple(rule for rule in self.rules if rule.check is not None)

    @property
    def sets_aside(self) -> bool:
        """Whether a rule may set rows aside."""
        return any(rule.action is RuleAction.QUARANTINE for rule in self.rules)


def quarantine_of(dataset: Dataset) -> DatasetName:
    """Return the name of the table beside a dataset's that takes the rows that are set aside."""
    own = dataset.options.quarantine_table or f"{dataset.name.table}__quarantine"
    return replace(dataset.name, table=own.lower())


@dataclass(frozen=True, slots=True)
class Flow:
    """A query that fills a dataset.

    Attributes:
        name: unique in the pipeline; the dataset's short name where nothing else was said.
        target: the dataset that it fills.
        query: the user's function; takes nothing, returns a DataFrame.
        once: run one time, and again after a full refresh.
        explicit: declared by `append_flow`.
        spark_conf: Spark settings of this flow alone.
        comment: text for readers.
        origin: where it was declared.
    """

    name: str
    target: DatasetName
    query: Query
    once: bool
    explicit: bool
    spark_conf: Mapping[str, str]
    comment: str | None
    origin: Origin


@dataclass(frozen=True, slots=True)
class Definitions:
    """All that a pipeline's files declare.

    Attributes:
        namespace: where the pipeline publishes.
        datasets: by name, in the order of declaration.
        flows: in the order of declaration.
        notes: what is worth saying once, such as an option that only tunes Databricks.
    """

    namespace: Namespace
    datasets: Mapping[DatasetName, Dataset]
    flows: tuple[Flow, ...]
    notes: tuple[str, ...] = ()

    def flows_by_target(self) -> dict[DatasetName, list[Flow]]:
        """Return the flows by the dataset that they fill, in the order of declaration."""
        found: dict[DatasetName, list[Flow]] = {}
        for flow in self.flows:
            found.setdefault(flow.target, []).append(flow)
        return found
