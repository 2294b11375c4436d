"""Datasets and rules → their ids on a page, and the links that lead there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from dlt_lite.model.results import DatasetQuality, RuleResult
from dlt_lite.report.escaping import visible

Anchors = Mapping[tuple[str, ...], str]
"""Ids on the page: of a dataset by `(name,)`, of a rule by its key."""


def anchors_of(datasets: Sequence[DatasetQuality], rules: Sequence[RuleResult]) -> Anchors:
    """Return an id for each dataset and each rule; no two are the same, none holds a blank."""
    wished: dict[tuple[str, ...], str] = {(each.name,): each.name for each in datasets}
    for rule in rules:
        flow = "" if rule.flow is None else f"@{rule.flow}"
        wished[rule.key] = f"{rule.dataset}.{rule.rule}{flow}"
    taken: set[str] = set()
    anchors = {}
    for key, text in wished.items():
        anchor = base = "_".join(visible(text).split()) or "_"
        number = 1
        while anchor in taken:
            number += 1
            anchor = f"{base}~{number}"
        taken.add(anchor)
        anchors[key] = anchor
    return anchors


def href(anchor: str) -> str:
    """Return a link to an id of the same page, whatever it holds."""
    return f"#{quote(anchor, safe='')}"
