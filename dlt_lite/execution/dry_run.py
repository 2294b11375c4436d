"""What rules would have done to a table as it is, told as an update would tell it; writes nothing.

Rules of rows are counted by one pass over the table, rules of aggregates by another, and each key
by its own.
"""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession

from dlt_lite.engine.exceptions import SPARK_ERRORS
from dlt_lite.events.definitions import expectation_record
from dlt_lite.events.records import (
    DatasetDefinition,
    FlowProgress,
    FlowState,
    PlanningInformation,
    Record,
)
from dlt_lite.execution.failures import trial_failure
from dlt_lite.graph.rules import check_key, rule_facts
from dlt_lite.model.checks import ForeignKey
from dlt_lite.model.datasets import Dataset, DatasetKind
from dlt_lite.model.rules import Counts
from dlt_lite.model.schema import schema_from_json
from dlt_lite.plan.steps import Action
from dlt_lite.quality.enforce import count_now, passing
from dlt_lite.quality.samples import sampling_of
from dlt_lite.quality.wide import Known, decided_now, derived


def dry_run(
    session: SparkSession, dataset: Dataset, path: str, version: int, *, known: Known
) -> list[Record]:
    """Return the events by which an update would tell of a table's rules.

    Args:
        session: the session.
        dataset: the dataset, with the rules that are tried.
        path: where its table lies.
        version: the table's version.
        known: what else decides.

    Raises:
        DltLiteError: a rule cannot decide anything about such a table, or about one of its rows.
    """
    frame = session.read.format("delta").option("versionAsOf", version).load(path)
    rule_facts(session, dataset, schema_from_json(frame.schema.json()))
    for rule in dataset.wide_rules:
        if isinstance(rule.check, ForeignKey):
            other = known.other(rule.check.dataset)
            check_key(rule, dataset, frame.schema, frame if other is None else other)
    try:
        counts = _counted(frame, dataset, known)
    except SPARK_ERRORS as error:
        raise trial_failure(error, dataset, known.samples) from error
    name, kind = dataset.shown, DatasetKind.MATERIALIZED_VIEW
    told = tuple(expectation_record(rule) for rule in dataset.rules)
    return [
        DatasetDefinition(name, str(dataset.name), kind, path, 1, told, origin=str(dataset.origin)),
        PlanningInformation(name, kind, Action.NONE, "a dry run"),
        FlowProgress(name, name, FlowState.COMPLETED, Action.NONE, version=version, counts=counts),
    ]


def _counted(frame: DataFrame, dataset: Dataset, known: Known) -> Counts:
    rules = dataset.row_rules
    counts = count_now(frame, rules, sampling_of(frame, dataset, known.samples))
    rows = passing(frame, rules)
    wide = (
        *decided_now(rows, dataset.wide_rules, known),
        *derived(dataset.wide_rules, frame.schema, counts, known),
    )
    return Counts(counts.rows, counts.dropped, (*counts.rules, *wide), counts.quarantined)
