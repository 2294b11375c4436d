"""Events to rows and back: one codec for the NDJSON file and the Delta table.

A row has the columns of Databricks' event log; `details` is JSON text under the event type's name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, assert_never

from dlt_lite.events.job_records import JobRunProgress, TaskProgress, TaskValueSet
from dlt_lite.events.records import (
    CreateUpdate,
    DatasetDefinition,
    Envelope,
    Event,
    ExpectationDefinition,
    FlowDefinition,
    FlowProgress,
    FlowState,
    PlanningInformation,
    Record,
    RuntimeDetails,
    UpdateProgress,
    UpdateState,
)
from dlt_lite.model.outcomes import LifeCycle, ResultState
from dlt_lite.model.rules import Cost, Counts, RuleAction, RuleCount
from dlt_lite.model.samples import Cell, Sample
from dlt_lite.model.schema import schema_of

# As values, not as DDL: Spark's parser takes half a second in a new JVM.
COLUMNS = schema_of(
    {
        "id": "string",
        "sequence": {"data_plane_id": {"instance": "string", "seq_no": "long"}},
        "origin": {
            "pipeline_name": "string",
            "update_id": "string",
            "dataset_name": "string",
            "flow_name": "string",
            "flow_id": "string",
            "batch_id": "long",
        },
        "timestamp": "timestamp",
        "message": "string",
        "level": "string",
        "maturity_level": "string",
        "error": {
            "fatal": "boolean",
            "exceptions": [{"class_name": "string", "message": "string"}],
        },
        "details": "string",
        "event_type": "string",
    }
)


def encode(event: Event) -> dict[str, Any]:
    """Return an event as a row."""
    record, envelope = event.record, event.envelope
    error = getattr(record, "error", None)
    return {
        "id": envelope.id,
        "sequence": {
            "data_plane_id": {"instance": envelope.update_id, "seq_no": envelope.sequence}
        },
        "origin": _origin(record, envelope),
        "timestamp": envelope.timestamp,
        "message": _unicode(message_of(record)),
        "level": "ERROR" if error else _level(record),
        "maturity_level": "STABLE",
        "error": _error(error),
        "details": json.dumps({record.event_type: _details(record)}, sort_keys=True),
        "event_type": record.event_type,
    }


def decode(row: Mapping[str, Any]) -> Event:
    """Return the event of a row."""
    kind = row["event_type"]
    plane = row["sequence"]["data_plane_id"]
    origin = row["origin"]
    envelope = Envelope(
        row["id"], plane["seq_no"], plane["instance"], origin["pipeline_name"], row["timestamp"]
    )
    record = _record(kind, json.loads(row["details"])[kind], origin)
    error = row.get("error")
    if error and isinstance(record, UpdateProgress | FlowProgress | JobRunProgress | TaskProgress):
        record = replace(record, error=error["exceptions"][0]["message"])
    return Event(envelope, record)


def expectation_definition(plain: Mapping[str, Any]) -> ExpectationDefinition:
    """Return what is told of an expectation, from plain values."""
    return ExpectationDefinition(**{**plain, "tags": tuple(plain.get("tags", ()))})


def message_of(record: Record) -> str:
    """Return an event's sentence."""
    match record:
        case CreateUpdate():
            return f"Update created by {record.cause}."
        case RuntimeDetails():
            return "Spark session is ready."
        case UpdateProgress():
            return f"Update is {record.state}."
        case DatasetDefinition():
            return f"Dataset {record.dataset} defined as {record.dataset_type}."
        case FlowDefinition():
            return f"Flow {record.flow} defined as {record.flow_type}."
        case PlanningInformation():
            return f"{record.dataset}: {record.action}, {record.reason}."
        case FlowProgress():
            batch = "" if record.batch_id is None else f" Batch {record.batch_id} is done."
            return f"Flow {record.flow} is {record.status}.{batch}"
        case _:
            return _message_of_job(record)


def _message_of_job(record: JobRunProgress | TaskProgress | TaskValueSet) -> str:
    match record:
        case JobRunProgress():
            return f"Run of job {record.job} is {record.result or record.state}."
        case TaskProgress():
            one = "" if record.iteration is None else f", iteration {record.iteration},"
            return f"Task {record.task}{one} is {record.result or record.state}."
        case TaskValueSet():
            one = "" if record.iteration is None else f", iteration {record.iteration},"
            return f"Task {record.task}{one} has set {record.key}."
        case _:
            assert_never(record)


def _level(record: Record) -> str:
    if isinstance(record, FlowProgress) and record.batch_id is not None:
        return "METRICS"
    return "INFO"


def _error(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    exception = {"class_name": _unicode(text[1:7]), "message": _unicode(text)}
    return {"fatal": True, "exceptions": [exception]}


def _unicode(text: str) -> str:
    """Return text that every file and table takes: a file name's stray bytes are spelled out."""
    return text.encode("utf-8", "backslashreplace").decode()


def _origin(record: Record, envelope: Envelope) -> dict[str, Any]:
    return {
        "pipeline_name": envelope.pipeline,
        "update_id": envelope.update_id,
        "dataset_name": getattr(record, "dataset", None),
        "flow_name": getattr(record, "flow", None),
        "flow_id": getattr(record, "flow_id", None),
        "batch_id": getattr(record, "batch_id", None),
    }


def _details(record: Record) -> dict[str, Any]:
    if not isinstance(record, FlowProgress):
        return {key: value for key, value in asdict(record).items() if key != "error"}
    details: dict[str, Any] = {
        "status": record.status,
        "action": record.action,
        "reason": record.reason,
        "version": record.version,
    }
    if record.counts is not None:
        details["metrics"] = {"num_output_rows": record.counts.written}
        details["data_quality"] = {
            "dropped_records": record.counts.dropped,
            "quarantined_records": record.counts.quarantined,
            "expectations": [_rule_row(each, record.dataset) for each in record.counts.rules],
        }
    return details


def _rule_row(count: RuleCount, dataset: str) -> dict[str, Any]:
    later = {
        "null_records": count.nulls,
        "observed": count.observed,
        "cost": count.cost,
        "samples": [asdict(each) for each in count.samples] or None,
    }
    return {
        "name": count.name,
        "dataset": count.dataset or dataset,
        "action": count.action,
        "passed_records": count.passed,
        "failed_records": count.failed,
        "exact": count.exact,
        **{key: value for key, value in later.items() if value is not None},
    }


def _record(kind: str, details: dict[str, Any], origin: Mapping[str, Any]) -> Record:
    match kind:
        case CreateUpdate.event_type:
            return CreateUpdate(**details)
        case RuntimeDetails.event_type:
            return RuntimeDetails(**details)
        case UpdateProgress.event_type:
            return UpdateProgress(UpdateState(details["state"]), details["cause"])
        case DatasetDefinition.event_type:
            rules = tuple(expectation_definition(each) for each in details.pop("expectations"))
            tags = tuple(details.pop("tags"))
            return DatasetDefinition(**details, expectations=rules, tags=tags)
        case FlowDefinition.event_type:
            return FlowDefinition(**details | {"input_datasets": tuple(details["input_datasets"])})
        case PlanningInformation.event_type:
            return PlanningInformation(**details | {"when": tuple(details["when"])})
        case FlowProgress.event_type:
            return _flow_progress(details, origin)
        case _:
            return _job_record(kind, details)


def _job_record(kind: str, details: dict[str, Any]) -> Record:
    if kind == TaskValueSet.event_type:
        return TaskValueSet(**details)
    result = details["result"]
    states = {
        "state": LifeCycle(details["state"]),
        "result": None if result is None else ResultState(result),
    }
    if kind == TaskProgress.event_type:
        return TaskProgress(**details | states)
    lists = {key: tuple(details.get(key, ())) for key in ("only", "tasks", "gone")}
    return JobRunProgress(**details | states | lists)


def _flow_progress(details: Mapping[str, Any], origin: Mapping[str, Any]) -> FlowProgress:
    return FlowProgress(
        dataset=origin["dataset_name"],
        flow=origin["flow_name"],
        status=FlowState(details["status"]),
        action=details["action"],
        reason=details["reason"],
        flow_id=origin["flow_id"],
        batch_id=origin["batch_id"],
        version=details["version"],
        counts=_counts(details, origin["dataset_name"]),
    )


def _counts(details: Mapping[str, Any], dataset: str) -> Counts | None:
    if "metrics" not in details:
        return None
    quality = details["data_quality"]
    rules = tuple(
        RuleCount(
            each["name"],
            RuleAction(each["action"]),
            each["passed_records"],
            each["failed_records"],
            None if each["dataset"] == dataset else each["dataset"],
            each["exact"],
            each.get("null_records"),
            each.get("observed"),
            Cost(each.get("cost", Cost.IN_JOB)),
            tuple(_sample(sample) for sample in each.get("samples", ())),
        )
        for each in quality["expectations"]
    )
    dropped, aside = quality["dropped_records"], quality.get("quarantined_records", 0)
    rows = details["metrics"]["num_output_rows"] + dropped + aside
    return Counts(rows, dropped, rules, aside)


def _sample(plain: Mapping[str, Any]) -> Sample:
    return Sample(tuple(Cell(**cell) for cell in plain["cells"]))
