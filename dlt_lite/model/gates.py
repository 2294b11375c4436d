"""What must hold of an update's quality for CI to let it pass; as the project's settings say it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gate:
    """A quality gate. A rule that could not run misses every gate.

    Attributes:
        no_critical: no rule of severity critical is violated, whatever its action.
        min_pass_ratio: the least share of rows that must pass each rule, from 0 to 1.
        max_regression_points: by how many percentage points the share of rows that pass a rule
            may fall below its last decided result.
        no_unexplained_drop: every row of a query's result was written, dropped by a rule or put
            aside.
        max_row_decrease: by which share the rows that a materialized view holds may fall below
            those of when it was last replaced, from 0 to 1.
        some_checked: at least one rule has looked at a row.
    """

    no_critical: bool = True
    min_pass_ratio: float | None = None
    max_regression_points: float | None = None
    no_unexplained_drop: bool = True
    max_row_decrease: float | None = None
    some_checked: bool = False


@dataclass(frozen=True, slots=True)
class GateResult:
    """Whether a gate was met.

    Attributes:
        met: whether it was.
        reasons: what it was missed by, each a sentence.
        notes: what could not be told, each a sentence.
    """

    met: bool
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
