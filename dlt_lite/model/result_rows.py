"""Results → the rows of the table `quality_results`, which anybody may query; values only.

Without samples: what a table keeps it keeps for long, and rows of the data are not its business.
"""

from __future__ import annotations

from typing import Any

from dlt_lite.model.results import RuleResult, UpdateQuality
from dlt_lite.model.rules import Threshold
from dlt_lite.model.schema import schema_of

RESULT_COLUMNS = schema_of(
    {
        "update_id": "string",
        "pipeline": "string",
        "target": "string",
        "started": "timestamp",
        "dataset": "string",
        "rule": "string",
        "flow": "string",
        "kind": "string",
        "action": "string",
        "severity": "string",
        "owner": "string",
        "tags": ["string"],
        "description": "string",
        "condition": "string",
        "origin": "string",
        "null_policy": "string",
        "evaluated": "long",
        "null_results": "long",
        "violations": "long",
        "dropped": "long",
        "quarantined": "long",
        "ratio": "double",
        "observed": "string",
        "threshold": {"mostly": "double", "max_failures": "long"},
        "verdict": "string",
        "reason": "string",
        "exact": "boolean",
        "cost": "string",
        "version": "long",
    }
)
_AS_THEY_ARE = (
    "dataset",
    "rule",
    "flow",
    "owner",
    "description",
    "condition",
    "evaluated",
    "null_results",
    "violations",
    "dropped",
    "quarantined",
    "ratio",
    "observed",
    "reason",
    "exact",
    "version",
)
_WORDS = ("kind", "action", "severity", "null_policy", "verdict", "cost")


def result_rows(update: UpdateQuality) -> tuple[dict[str, Any], ...]:
    """Return a row for each rule of an update; none where no rule looked at anything.

    An update that found nothing new has decided nothing, and would only make the table longer.
    """
    if not any(rule.violations is not None for rule in update.rules):
        return ()
    about = {
        "update_id": update.update_id,
        "pipeline": update.pipeline,
        "target": update.target,
        "started": update.started,
    }
    return tuple({**about, **_row(rule)} for rule in update.rules)


def _row(rule: RuleResult) -> dict[str, Any]:
    return {
        **{name: getattr(rule, name) for name in _AS_THEY_ARE},
        **{name: str(getattr(rule, name)) for name in _WORDS},
        "tags": list(rule.tags),
        "origin": None if rule.origin is None else str(rule.origin),
        "threshold": _threshold(rule.threshold),
    }


def _threshold(threshold: Threshold | None) -> dict[str, Any] | None:
    if threshold is None:
        return None
    return {"mostly": threshold.mostly, "max_failures": threshold.max_failures}
