"""What happened, as typed records. Names and fields are those of Databricks' event log.

`FlowProgress` is emitted for every state of a flow. The figures of a streaming batch come with the
event of that batch (status RUNNING, `batch_id` set) and never again; those of a view's refresh come
with its COMPLETED event. So the figures of an update are the sum over its events.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from dlt_lite.events.job_records import JobRunProgress, TaskProgress, TaskValueSet
from dlt_lite.model.rules import Counts


class UpdateState(StrEnum):
    """The state of an update."""

    INITIALIZING = "INITIALIZING"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


class FlowState(StrEnum):
    """The state of a flow, or of a dataset that was not run."""

    QUEUED = "QUEUED"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    STOPPED = "STOPPED"
    EXCLUDED = "EXCLUDED"


@dataclass(frozen=True, slots=True)
class CreateUpdate:
    """An update begins."""

    event_type = "create_update"
    cause: str
    target: str
    config: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RuntimeDetails:
    """The session is ready."""

    event_type = "runtime_details"
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class UpdateProgress:
    """An update is in another state."""

    event_type = "update_progress"
    state: UpdateState
    cause: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ExpectationDefinition:
    """One expectation of a dataset. What has a default, an older version did not tell.

    Attributes:
        name: unique in its dataset.
        action: warn, drop, fail or quarantine.
        condition: the rule as text.
        origin: where it was declared.
        kind: what it looks at, such as `row` or `unique`.
        severity: how much it matters; None as its action has it.
        owner: who looks after it.
        tags: words to find it by.
        description: why there is such a rule.
        where: about which rows it is; None for all.
        null_policy: what a condition that is NULL means.
        mostly: the share of rows that must pass, from 0 to 1.
        max_failures: the number of rows that may break it.
        enabled: whether it is switched on in the update's target.
        expectation: the entry of a Great Expectations suite that it was, as JSON text.
    """

    name: str
    action: str
    condition: str
    origin: str = ""
    kind: str = "row"
    severity: str | None = None
    owner: str | None = None
    tags: tuple[str, ...] = ()
    description: str | None = None
    where: str | None = None
    null_policy: str = "fail"
    mostly: float | None = None
    max_failures: int | None = None
    enabled: bool = True
    expectation: str | None = None


@dataclass(frozen=True, slots=True)
class DatasetDefinition:
    """A dataset of the resolved graph."""

    event_type = "dataset_definition"
    dataset: str
    full_name: str
    dataset_type: str
    path: str | None
    num_flows: int
    expectations: tuple[ExpectationDefinition, ...] = ()
    comment: str | None = None
    tags: tuple[str, ...] = ()
    origin: str = ""


@dataclass(frozen=True, slots=True)
class FlowDefinition:
    """A flow of the resolved graph."""

    event_type = "flow_definition"
    flow: str
    dataset: str
    flow_type: str
    input_datasets: tuple[str, ...]
    schema_json: str
    once: bool = False
    spark_conf: Mapping[str, str] = field(default_factory=dict)
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class PlanningInformation:
    """What will be done with a dataset, and why; `costs` tells how each rule will be decided."""

    event_type = "planning_information"
    dataset: str
    kind: str
    action: str
    reason: str
    when: tuple[str, ...] = ()
    inputs: Mapping[str, int | None] = field(default_factory=dict)
    costs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FlowProgress:
    """A flow is in another state, or finished a batch."""

    event_type = "flow_progress"
    dataset: str
    flow: str
    status: FlowState
    action: str = ""
    reason: str = ""
    flow_id: str | None = None
    batch_id: int | None = None
    version: int | None = None
    counts: Counts | None = None
    error: str | None = None


Record = (
    CreateUpdate
    | RuntimeDetails
    | UpdateProgress
    | DatasetDefinition
    | FlowDefinition
    | PlanningInformation
    | FlowProgress
    | JobRunProgress
    | TaskProgress
    | TaskValueSet
)


@dataclass(frozen=True, slots=True)
class Envelope:
    """Whence and when an event comes.

    Attributes:
        id: unique; the same batch of the same flow always has the same.
        sequence: the place in its update, counted from 1.
        update_id: the update, or the run of a job.
        pipeline: the pipeline's name, or the job's.
        timestamp: UTC, ISO 8601 with milliseconds.
    """

    id: str
    sequence: int
    update_id: str
    pipeline: str
    timestamp: str


@dataclass(frozen=True, slots=True)
class Event:
    """A record in its envelope."""

    envelope: Envelope
    record: Record
