"""What the rules of an update decided: the one model that every report, gate and history reads.

Values in, values out; knows neither Spark nor the disk. `result_codec` has its JSON form.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from dlt_lite.model.checks import BY_ROW, RuleKind
from dlt_lite.model.origin import Origin
from dlt_lite.model.rules import Cost, NullPolicy, RuleAction, Severity, Threshold
from dlt_lite.model.samples import Sample


class Verdict(StrEnum):
    """What became of a rule, a dataset's rules or an update's."""

    PASS = "pass"  # noqa: S105 - a verdict, no password
    WARN = "warn"
    FAIL = "fail"
    ERROR = "error"
    SKIPPED = "skipped"


WORST_FIRST = (Verdict.FAIL, Verdict.ERROR, Verdict.WARN, Verdict.PASS, Verdict.SKIPPED)
_REPLAY = "replay"
_DID_NOT_END_WELL = frozenset({"FAILED", "CANCELED", "ABANDONED"})


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What one rule decided in one update.

    Attributes:
        dataset: the dataset, or view, that declares the rule.
        rule: the rule's name, unique in its dataset.
        update_id: the update.
        flow: for a view's rule: the flow that read the view. None for a table's own rule.
        origin: where the rule was declared.
        kind: what the rule looks at.
        action: what happens to a row that breaks it.
        severity: how much it matters.
        owner: who looks after it.
        tags: words to find it by.
        description: why there is such a rule.
        condition: the rule as text.
        null_policy: what a condition that is NULL means.
        evaluated: rows that were looked at; None where nobody knows.
        null_results: of these, rows for which the condition was NULL; None where they were not
            counted. Where NULL passes they say nothing for or against the ratio.
        violations: rows that broke it; for a rule that is no rule of rows 0 or 1; None where
            nobody knows.
        dropped: of these, rows that were dropped. A row that breaks two rules counts for both; one
            that a quarantine rule puts aside is not dropped. None where nobody knows.
        quarantined: of these, rows that were put into quarantine.
        observed: for a rule that is no rule of rows: the value that was found.
        threshold: how many rows may break it.
        verdict: what became of it.
        reason: why the verdict is what it is, as a sentence; empty where there is no more to say.
        exact: False where the figures may count a row twice or miss one.
        cost: how the figures were come by.
        version: the version of the Delta table that the figures belong to.
        samples: some of the rows that broke it.
        where: about which rows it is; None for all.
        expectation: the entry of a Great Expectations suite that it was, its type and kwargs, as
            JSON text; None where it was none.
    """

    dataset: str
    rule: str
    update_id: str = ""
    flow: str | None = None
    origin: Origin | None = None
    kind: RuleKind = RuleKind.ROW
    action: RuleAction = RuleAction.WARN
    severity: Severity = Severity.WARNING
    owner: str | None = None
    tags: tuple[str, ...] = ()
    description: str | None = None
    condition: str | None = None
    null_policy: NullPolicy = NullPolicy.FAIL
    evaluated: int | None = None
    null_results: int | None = None
    violations: int | None = None
    dropped: int | None = 0
    quarantined: int = 0
    observed: str | None = None
    threshold: Threshold | None = None
    verdict: Verdict = Verdict.SKIPPED
    reason: str = ""
    exact: bool = True
    cost: Cost = Cost.IN_JOB
    version: int | None = None
    samples: tuple[Sample, ...] = ()
    where: str | None = None
    expectation: str | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What stays the same from update to update: dataset, rule and flow, without case."""
        return (self.dataset.lower(), self.rule, self.flow or "")

    @property
    def by_row(self) -> bool:
        """Whether the rule decides row by row."""
        return self.kind in BY_ROW

    @property
    def undecided(self) -> int:
        """Rows for which the condition was NULL and which pass for it."""
        passes = self.kind is RuleKind.ROW and self.null_policy is NullPolicy.PASS
        return (self.null_results or 0) if passes else 0

    @property
    def decided(self) -> int | None:
        """Rows that the rule says yes or no to: without those that pass for being NULL."""
        return None if self.evaluated is None else max(self.evaluated - self.undecided, 0)

    @property
    def ratio(self) -> float | None:
        """The share of the decided rows that passed, from 0 to 1; None where there were none.

        A row whose condition is NULL is not decided where NULL passes. A rule that is no rule of
        rows has 1 where it holds, else 0.
        """
        if self.violations is None:
            return None
        if not self.by_row:
            return 0.0 if self.violations else 1.0
        if not self.decided:
            return None
        return (self.decided - self.violations) / self.decided


@dataclass(frozen=True, slots=True)
class DatasetQuality:
    """What one update did with one dataset's rows.

    Attributes:
        name: its name as the user wrote it.
        kind: streaming_table, materialized_view or temporary_view.
        state: COMPLETED, FAILED, SKIPPED or EXCLUDED; QUEUED or RUNNING in an update that is not
            over.
        action: what was done, such as `append`, `replace` or `skip`.
        reason: why.
        rows_in: rows of its queries' results; of a replay the rows that it tried. None for a view,
            whose rows nobody counts.
        written: rows that were written.
        dropped: rows that a rule kept out.
        quarantined: rows that a rule put aside; of a replay those that stay there.
        version: the table's version afterwards; None where there is none.
        inputs: what it reads; a name that no dataset has lies outside the pipeline.
        origin: where it was declared.
        error: why it failed.
        seconds: how long it ran; None where it did not.
    """

    name: str
    kind: str = ""
    state: str = ""
    action: str = ""
    reason: str = ""
    rows_in: int | None = None
    written: int = 0
    dropped: int = 0
    quarantined: int = 0
    version: int | None = None
    inputs: tuple[str, ...] = ()
    origin: Origin | None = None
    error: str | None = None
    seconds: float | None = None

    @property
    def unexplained(self) -> int:
        """Rows of the result that were neither written nor dropped nor put aside."""
        if self.rows_in is None:
            return 0
        return self.rows_in - self.written - self.dropped - self.quarantined


@dataclass(frozen=True, slots=True)
class UpdateQuality:
    """What the rules of one update decided.

    Attributes:
        update_id: the update.
        pipeline: the pipeline's name.
        target: the target's name.
        state: COMPLETED, FAILED or CANCELED; RUNNING where nothing says that it is over.
        verdict: the worst of its rules; `error` where it did not end well and no rule says why.
        started: when it began, ISO 8601 in UTC.
        ended: when it was over.
        error: why it failed as a whole.
        datasets: in the order of the plan.
        rules: by dataset, in the order of the plan.
    """

    update_id: str
    pipeline: str = ""
    target: str = ""
    state: str = ""
    verdict: Verdict = Verdict.SKIPPED
    started: str | None = None
    ended: str | None = None
    error: str | None = None
    datasets: tuple[DatasetQuality, ...] = ()
    rules: tuple[RuleResult, ...] = ()

    @property
    def is_replay(self) -> bool:
        """Whether it put rows back that had been set aside: its rules saw no others."""
        return any(each.action == _REPLAY for each in self.datasets)


def judged(result: RuleResult) -> RuleResult:
    """Return a rule that has run with the verdict that its figures give.

    Rows that nobody counted are an error, and never a pass. Where no rows were looked at there is
    nothing that passed: the verdict is `skipped`, and says so.
    """
    verdict, reason = _judgement(result)
    return replace(result, verdict=verdict, reason=reason)


def undecided(result: RuleResult, verdict: Verdict, reason: str) -> RuleResult:
    """Return a rule that did not run, with the verdict and the reason, and without figures."""
    return replace(result, evaluated=None, violations=None, verdict=verdict, reason=reason)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst of verdicts; `skipped` of none."""
    found = set(verdicts)
    return next((each for each in WORST_FIRST if each in found), Verdict.SKIPPED)


def overall(state: str, rules: Iterable[RuleResult]) -> Verdict:
    """Return the verdict of an update.

    Args:
        state: the update's state.
        rules: what its rules decided.

    Returns:
        The worst verdict; one that did not end well is at best an error.
    """
    found = worst(each.verdict for each in rules)
    if state in _DID_NOT_END_WELL and found not in {Verdict.FAIL, Verdict.ERROR}:
        return Verdict.ERROR
    return found


def badness(result: RuleResult) -> tuple[int, int, float, int]:
    """Return a key that sorts the worst rule first: by verdict, severity, ratio and rows."""
    ratio = 1.0 if result.ratio is None else result.ratio
    return (
        WORST_FIRST.index(result.verdict),
        tuple(Severity).index(result.severity),
        ratio,
        -(result.violations or 0),
    )


def _judgement(result: RuleResult) -> tuple[Verdict, str]:
    evaluated, violations = result.evaluated, result.violations
    if violations is None or (result.by_row and evaluated is None):
        return Verdict.ERROR, "it ran, but nobody counted what it decided"
    if not result.exact and not evaluated and not violations:
        return Verdict.ERROR, "its rows could not be counted"
    if result.by_row and not evaluated and not violations:
        return Verdict.SKIPPED, "no rows were checked"
    if result.decided == 0 and not violations:
        return Verdict.PASS, "no value was there to check: the condition is NULL for every row"
    if not violations:
        return Verdict.PASS, ""
    if result.threshold is not None and result.threshold.allows(
        evaluated or 0, violations, result.undecided
    ):
        return Verdict.PASS, f"within its threshold: {result.threshold}"
    return (Verdict.FAIL if result.action is RuleAction.FAIL else Verdict.WARN), ""
