"""Two updates → by how many rows tables differ, where that says something.

A table that appends writes what is new: fewer new rows than yesterday are no loss. So only views
that were made anew in both updates are compared.
"""

from __future__ import annotations

from collections.abc import Mapping

from dlt_lite.model.results import UpdateQuality
from dlt_lite.report.comparison import Comparison

_VIEW = "materialized_view"
_MADE_ANEW = frozenset(("COMPLETED", action) for action in ("create", "replace", "full_refresh"))


def row_moves(update: UpdateQuality, comparison: Comparison | None) -> Mapping[str, int]:
    """Return by how many rows each view that was made anew differs from the update before.

    Args:
        update: the later update.
        comparison: what changed since the earlier one.
    """
    if comparison is None:
        return {}
    views = (each for each in update.datasets if each.kind == _VIEW)
    made = {each.name for each in views if (each.state, each.action) in _MADE_ANEW}
    return {
        each.dataset: (each.after or 0) - each.before
        for each in comparison.rows
        if each.dataset in made and each.before
    }
