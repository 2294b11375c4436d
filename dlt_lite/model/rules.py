"""Expectations: what rows and tables must satisfy, and what happens where they do not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from dlt_lite.model.checks import Check, RuleKind
from dlt_lite.model.origin import Origin
from dlt_lite.model.samples import Sample


class RuleAction(StrEnum):
    """What happens to a row that breaks a rule."""

    WARN = "warn"
    DROP = "drop"
    FAIL = "fail"
    QUARANTINE = "quarantine"


class Severity(StrEnum):
    """How much a broken rule matters to people."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class NullPolicy(StrEnum):
    """What a condition that is NULL means."""

    FAIL = "fail"
    PASS = "pass"  # noqa: S105 - a policy, no password


class Cost(StrEnum):
    """How a rule's figures were come by."""

    IN_JOB = "in_job"
    STATISTICS = "statistics"
    DERIVED = "derived"
    EXTRA_SCAN = "extra_scan"


@dataclass(frozen=True, slots=True)
class Threshold:
    """How many rows may break a rule before it counts as violated; either bound suffices.

    Attributes:
        mostly: the share of rows that must pass, from 0 to 1.
        max_failures: the number of rows that may break it.
    """

    mostly: float | None = None
    max_failures: int | None = None

    def allows(self, evaluated: int, violations: int, undecided: int = 0) -> bool:
        """Tell whether so many violations are within the threshold.

        Args:
            evaluated: rows that were looked at.
            violations: of these, rows that break the rule.
            undecided: of these, rows for which the condition was NULL where NULL passes: they say
                nothing for or against a share.
        """
        if self.max_failures is not None and violations <= self.max_failures:
            return True
        decided = evaluated - undecided
        # The share itself is compared: 0.07 * 100 is more than 7.
        return self.mostly is not None and (
            decided <= 0 or (decided - violations) / decided >= self.mostly
        )

    def __str__(self) -> str:
        """Return it as a person reads it."""
        told = []
        if self.mostly is not None:
            told.append(f"at least {self.mostly:.10g} of the rows pass")
        if self.max_failures is not None:
            told.append(f"at most {self.max_failures:,} rows break it")
        return " or ".join(told)


@dataclass(frozen=True, slots=True)
class Terms:
    """What may be said of a rule of any kind.

    Attributes:
        null: what it means where the condition is NULL; None as the dataset or project says.
        where: SQL text, or a Spark Column: the rule is about rows for which it is true; None for
            all.
        threshold: how many rows may break it; None for none.
        severity: how much it matters; None as its action has it.
        owner: who looks after it.
        tags: words to find it by.
        description: why there is such a rule.
        targets: the targets in which it is switched on; None for all.
    """

    null: NullPolicy | None = None
    where: object = None
    threshold: Threshold | None = None
    severity: Severity | None = None
    owner: str | None = None
    tags: tuple[str, ...] = ()
    description: str | None = None
    targets: tuple[str, ...] | None = None

    def is_on(self, target: str) -> bool:
        """Return whether the rule is switched on in a target."""
        return self.targets is None or target in self.targets


NO_TERMS = Terms()


@dataclass(frozen=True, slots=True)
class Rule:
    """One expectation of one dataset.

    Attributes:
        name: unique in its dataset.
        action: what happens to a row that breaks it; NULL breaks it too, unless its terms differ.
        condition: SQL text, or a Spark Column; true for a row that passes. Of a rule beyond rows
            its check as text.
        origin: where it was declared.
        terms: what else was said of it.
        check: what is asked of more than one row; None for a rule that decides row by row.
        expectation: the entry of a Great Expectations suite that it was, its type and kwargs, as
            JSON text; None where it was none.
    """

    name: str
    action: RuleAction
    condition: object
    origin: Origin
    terms: Terms = NO_TERMS
    check: Check | None = None
    expectation: str | None = None

    @property
    def kind(self) -> RuleKind:
        """What the rule looks at."""
        return RuleKind.ROW if self.check is None else self.check.kind

    @property
    def has_condition(self) -> bool:
        """Whether it is decided by a condition, which may be NULL."""
        return self.check is None or self.kind is RuleKind.AGGREGATE

    def settled(self, null: NullPolicy) -> Rule:
        """Return it with what NULL means; `null` is what it means where the rule does not say."""
        own = self.terms.null or (null if self.has_condition else NullPolicy.FAIL)
        return replace(self, terms=replace(self.terms, null=own))

    @property
    def fails_at_once(self) -> bool:
        """Whether the first row that breaks it ends the job."""
        return self.action is RuleAction.FAIL and self.check is None and not self.terms.threshold


# With it begin the columns that a frame has while its rows are judged.
JUDGING = "_dlt_lite_rules_"
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
        nulls: rows for which the condition was NULL; None where they were not counted.
        observed: for a rule beyond rows: what was found, as a person reads it.
        cost: how the figures were come by.
        samples: some of the rows that broke it, as far as they may be shown.
        hidden: what was found, where it may not be shown: the next update decides by it.

    A rule that is about no rows, such as one of an aggregate, has one thing that passed or failed.
    """

    name: str
    action: RuleAction
    passed: int
    failed: int
    dataset: str | None = None
    exact: bool = True
    nulls: int | None = None
    observed: str | None = None
    cost: Cost = Cost.IN_JOB
    samples: tuple[Sample, ...] = ()
    hidden: str | None = None


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
        else replace(
            other,
            passed=each.passed + other.passed,
            failed=each.failed + other.failed,
            exact=each.exact and other.exact,
            nulls=_both(each.nulls, other.nulls),
            cost=each.cost if each.cost is Cost.EXTRA_SCAN else other.cost,
            samples=(*each.samples, *other.samples),
        )
        for each in first.rules
    ]
    return Counts(
        first.rows + second.rows,
        first.dropped + second.dropped,
        (*merged, *later.values()),
        first.quarantined + second.quarantined,
    )


def _both(first: int | None, second: int | None) -> int | None:
    return None if first is None or second is None else first + second


NO_COUNTS = Counts(0, 0)
