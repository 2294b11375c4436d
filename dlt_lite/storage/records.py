"""Small records beside the tables: the counts of a commit, what a checkpoint was made for.

They lie under the flow's checkpoint folder, written through Spark's file system, each whole or not
at all. Counts are written after the table's commit and before the batch is acknowledged.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from dlt_lite.engine.file_systems import damaged
from dlt_lite.engine.files import Files
from dlt_lite.errors import StateTooNew
from dlt_lite.model.rules import Cost, Counts, RuleAction, RuleCount
from dlt_lite.model.state import FORMAT

_FIRST_FIGURES = ("name", "action", "passed", "failed", "dataset", "exact")


@dataclass(frozen=True, slots=True)
class CheckpointOwner:
    """What a flow's checkpoint was made for.

    Attributes:
        table_id: the id of the table that it fills.
        definition: the hash of the flow's definition when it last ran.
        sources: the flow's sources in the order of its offsets, as `kind path`.
    """

    table_id: str
    definition: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RecordedCounts:
    """The counts of a commit, and the update that reported them."""

    counts: Counts
    update_id: str


@dataclass(frozen=True, slots=True)
class RecordedChecks:
    """What the rules about more than one row found when they were last decided.

    Attributes:
        table_id: the table's id.
        version: the version that they were decided about.
        definition: the rules, as text.
        rows: the rows that the update wrote.
        found: what they found.
    """

    table_id: str
    version: int
    definition: str
    rows: int
    found: tuple[RuleCount, ...]


def write_checks(files: Files, path: str, checks: RecordedChecks) -> None:
    """Record what rules about more than one row found."""
    plain = asdict(checks) | {"found": [_figures(each) for each in checks.found]}
    files.write(path, json.dumps({"format": FORMAT, **plain}))


def read_checks(files: Files, path: str) -> RecordedChecks | None:
    """Return what rules about more than one row found last, None where nothing says so."""
    text = files.read(path)
    if text is None:
        return None
    with _in_shape(path):
        plain = _checked(text, path)
        del plain["format"]
        found = tuple(_rule_count(each) for each in plain["found"])
        return RecordedChecks(**plain | {"found": found})


def write_owner(files: Files, checkpoint: str, owner: CheckpointOwner) -> None:
    """Record what a checkpoint is made for."""
    plain = {
        "format": FORMAT,
        "table_id": owner.table_id,
        "definition": owner.definition,
        "sources": list(owner.sources),
    }
    files.write(f"{checkpoint}/dlt_lite/owner.json", json.dumps(plain))


def read_owner(files: Files, checkpoint: str) -> CheckpointOwner | None:
    """Return what a checkpoint was made for, None where nothing says so."""
    path = f"{checkpoint}/dlt_lite/owner.json"
    text = files.read(path)
    if text is None:
        return None
    with _in_shape(path):
        plain = _checked(text, path)
        return CheckpointOwner(plain["table_id"], plain["definition"], tuple(plain["sources"]))


def batch_counts_path(checkpoint: str, batch: int) -> str:
    """Return where the counts of a batch lie."""
    return f"{checkpoint}/dlt_lite/counts/{batch}.json"


def write_counts(files: Files, path: str, recorded: RecordedCounts) -> None:
    """Record the counts of a commit."""
    counts = recorded.counts
    plain = {
        "format": FORMAT,
        "update_id": recorded.update_id,
        "rows": counts.rows,
        "dropped": counts.dropped,
        "quarantined": counts.quarantined,
        "rules": [_figures(each) for each in counts.rules],
    }
    files.write(path, json.dumps(plain))


def read_counts(files: Files, path: str) -> RecordedCounts | None:
    """Return the recorded counts of a commit, None where there are none."""
    text = files.read(path)
    if text is None:
        return None
    with _in_shape(path):
        plain = _checked(text, path)
        rules = tuple(_rule_count(each) for each in plain["rules"])
        counts = Counts(plain["rows"], plain["dropped"], rules, plain.get("quarantined", 0))
        return RecordedCounts(counts, plain["update_id"])


def _figures(count: RuleCount) -> dict[str, Any]:
    """Return what a rule decided, without rows of the data, which no record keeps."""
    plain = asdict(count)
    del plain["samples"]
    return plain


def _rule_count(plain: dict[str, Any] | list[Any]) -> RuleCount:
    """Return what a rule decided; an older version wrote a list of fewer figures."""
    told = plain if isinstance(plain, dict) else dict(zip(_FIRST_FIGURES, plain, strict=True))
    cost = Cost(told.get("cost", Cost.IN_JOB))
    return RuleCount(**told | {"action": RuleAction(told["action"]), "cost": cost})


@contextmanager
def _in_shape(path: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(path, "it is not the record that it was written as") from error


def _checked(text: str, path: str) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(text)
    if plain["format"] > FORMAT:
        raise StateTooNew(
            f"the record at {path} is of format {plain['format']}; this version knows {FORMAT}",
            fix="use the newer dlt_lite that wrote it",
        )
    return plain
