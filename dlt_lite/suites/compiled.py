"""What an expectation becomes: SQL text over one row, or a check of more than one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dlt_lite.model.checks import Aggregate, Check
from dlt_lite.model.rules import NullPolicy

Given = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Compiled:
    """An expectation as ours.

    Attributes:
        condition: SQL text over a row; NULL for a row that the expectation is not about. Of a
            check its text.
        check: what is asked of more than one row; None for a rule that decides row by row.
        null: what it means where the condition is NULL; None where there is no condition.
    """

    condition: str
    check: Check | None = None
    null: NullPolicy | None = None


def by_row(condition: str) -> Compiled:
    """Return an expectation of each row: as in Great Expectations, NULL breaks nothing."""
    return Compiled(condition, None, NullPolicy.PASS)


def by_check(check: Check) -> Compiled:
    """Return an expectation of more than one row; an aggregate that is NULL breaks it."""
    return Compiled(str(check), check, NullPolicy.FAIL if isinstance(check, Aggregate) else None)
