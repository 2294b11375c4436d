"""Expectations: what a row must satisfy, and what happens to one that does not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dlt_lite.model.origin import Origin


class RuleAction(StrEnum):
    """What happens to a row that breaks a rule."""

    WARN = "warn"
    DROP = "drop"
    FAIL = "fail"
    QUARANTINE = "quarantine"


@dataclass(frozen=True, slots=True)
class Rule:
    """One expectation of one dataset.

    Attributes:
        name: unique in its dataset.
        action: what happens to a row that breaks it; NULL breaks it too.
        condition: SQL text, or a Spark Column; true for a row that passes.
        origin: where it was declared.
    """

    name: str
    action: RuleAction
    condition: object
    origin: Origin


BROKEN, ASIDE_SINCE, ASIDE_UPDATE, ASIDE_FLOW, ASIDE_BATCH, ASIDE_SOURCES, REPLAY = (
    "_rule_names",
    "_quarantined_at",
    "_update_id",
    "_flow",
    "_batch_id",
    "_sources",
    "_replay",
)
ASIDE_COLUMNS = (BROKEN, ASIDE_SINCE, ASIDE_UPDATE, ASIDE_FLOW, ASIDE_BATCH, ASIDE_SOURCES, REPLAY)


@dataclass(frozen=True, slots=True)
class RuleCount:
    """What a rule decided over the rows of one batch, one replacement or one update.

    Attributes:
        name: the rule's name.
        action: the rule's action.
        passed: rows for which the condition was true.
        failed: rows for which it was false or NULL.
        dataset: the view that declares the rule where that is not the written dataset, else None.
        exact: False where the figures may count a row twice or miss one.
    """

    name: str
    action: RuleAction
    passed: int
    failed: int
    dataset: str | None = None
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Counts:
    """What one commit did: rows of the query's result = written + dropped + quarantined.

    Attributes:
        rows: rows of the query's result.
        dropped: rows that a drop rule kept out, and no quarantine rule kept.
        rules: what each rule decided.
        quarantined: rows that a quarantine rule set aside.
    """

    rows: int
    dropped: int
    rules: tuple[RuleCount, ...] = ()
    quarantined: int = 0

    @property
    def written(self) -> int:
        """Rows that were written."""
        return self.rows - self.dropped - self.quarantined


def added(first: Counts, second: Counts) -> Counts:
    """Return the counts of two batches of one flow together."""
    later = {(each.dataset, each.name): each for each in second.rules}
    merged = [
        each
        if (other := later.pop((each.dataset, each.name), None)) is None
        else RuleCount(
            each.name,
            each.action,
            each.passed + other.passed,
            each.failed + other.failed,
            each.dataset,
            each.exact and other.exact,
        )
        for each in first.rules
    ]
    return Counts(
        first.rows + second.rows,
        first.dropped + second.dropped,
        (*merged, *later.values()),
        first.quarantined + second.quarantined,
    )


NO_COUNTS = Counts(0, 0)
