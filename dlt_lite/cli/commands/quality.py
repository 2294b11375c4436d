"""Tell how rules fared over the newest updates, what changed, and what new rules would do.

`dry-run` tries the rules of a file on the tables as they are, and writes nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from math import sqrt

from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.figures import amount
from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.opening import opened, opened_to_look_back
from dlt_lite.cli.report_arguments import add_history_argument, history_of
from dlt_lite.cli.streams import aligned
from dlt_lite.errors import BadCommandLine
from dlt_lite.model.result_codec import encoded
from dlt_lite.model.results import DatasetQuality, RuleResult, Verdict
from dlt_lite.model.rules import RuleAction
from dlt_lite.project.suggestions import shown
from dlt_lite.report.comparison import Comparison, Point, RowChange, RuleChange, RuleHistory
from dlt_lite.report.escaping import shortened
from dlt_lite.report.updates import LATEST
from dlt_lite.report.words import (
    broken,
    figures,
    moment,
    moved,
    passed,
    rule_name,
    verdict_word,
)

_LEVELS = "▁▂▃▄▅▆▇█"
_NOTHING = "·"
_LONGEST_NAME, _LONGEST_FOUND = 80, 120
_WRITTEN = "rows written by each (a table that appends writes only what is new):"
_MISSING = {
    "history": ("DATASET", "ls"),
    "compare": ("UPDATE", "runs"),
    "dry-run": ("FILE", "quality --help"),
}
_KEEPS_OUT = frozenset({RuleAction.DROP, RuleAction.QUARANTINE})
_WOULD = {
    RuleAction.WARN: "warn",
    RuleAction.DROP: "drop {rows}",
    RuleAction.QUARANTINE: "set {rows} aside",
    RuleAction.FAIL: "fail",
}
_GROUPS = (
    ("newly violated", "new_failures"),
    ("worse", "regressed"),
    ("fixed", "fixed"),
    ("better", "improved"),
    ("added", "added"),
    ("gone", "removed"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add("action", choices=tuple(_MISSING), help="what to tell")
    add("first", metavar="DATASET|UPDATE|FILE", nargs="?", help="a dataset; an update; rules")
    add("second", metavar="RULE|UPDATE", nargs="?", help="a rule of it; a later update's id")
    add_history_argument(parser)


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Print a history, a comparison or what rules would do."""
    if arguments.first is None:
        missing, command = _MISSING[arguments.action]
        fix = f"see `{invocation.program} {command}`"
        raise BadCommandLine(f"the {missing} is missing", fix=fix)
    match arguments.action:
        case "history":
            return _history(arguments, invocation)
        case "compare":
            return _compare(arguments, invocation)
        case _:
            return _dry_run(arguments, invocation)


def _history(arguments: argparse.Namespace, invocation: Invocation) -> int:
    folder = history_of(arguments, invocation)
    found = opened_to_look_back(invocation).quality_history(
        arguments.first, arguments.second, history=folder
    )
    streams = invocation.streams
    if invocation.wants_json:
        streams.json([_history_json(each) for each in found])
    elif not found:
        streams.say("it has no rules")
    elif arguments.second is None:
        columns = ("rule", "action", "now", ">passed", "violated by", "updates", "at")
        streams.data(aligned(columns, [_rule_row(each) for each in found], streams))
    else:
        columns = ("update", "started", "verdict", ">checked", ">violated", ">passed", "flow")
        rows = [_point_row(each, point) for each in found for point in each.points]
        streams.data(aligned(columns, rows, streams))
    return 0


def _rule_row(history: RuleHistory) -> tuple[str, ...]:
    newest = _newest(history.points)
    name = history.rule if history.flow is None else f"{history.rule} (read by {history.flow})"
    return (
        shortened(name, _LONGEST_NAME),
        str(newest.action),
        verdict_word(newest.verdict),
        passed(newest),
        trend(history.points),
        amount(len(history.points)),
        str(newest.origin or ""),
    )


def trend(found: Iterable[Point]) -> str:
    """Return a bar for each update, taller where a greater share of rows broke the rule."""
    return "".join(_bar(point.violated) for point in found)


def _bar(violated: float | None) -> str:
    if violated is None:
        return _NOTHING
    if not violated:
        return _LEVELS[0]
    # Most shares are small, and by their roots the small ones can be told apart.
    return _LEVELS[min(1 + int(sqrt(violated) * (len(_LEVELS) - 1)), len(_LEVELS) - 1)]


def _newest(found: Sequence[Point]) -> RuleResult:
    return next(point.result for point in reversed(found) if point.result is not None)


def _point_row(history: RuleHistory, point: Point) -> tuple[str, ...]:
    result = _newest((point,))
    return (
        point.update_id,
        moment(point.started),
        verdict_word(result.verdict),
        amount(result.evaluated),
        broken(result),
        passed(result),
        history.flow or "",
    )


def _history_json(history: RuleHistory) -> dict[str, object]:
    newest = _newest(history.points)
    return {
        "dataset": history.dataset,
        "rule": history.rule,
        "flow": history.flow,
        "action": newest.action,
        "origin": None if newest.origin is None else str(newest.origin),
        "updates": [
            {"update_id": point.update_id, "started": point.started, **_figures(_newest((point,)))}
            for point in history.points
        ],
    }


def _figures(result: RuleResult) -> dict[str, object]:
    return {
        "verdict": result.verdict,
        "evaluated": result.evaluated,
        "violations": result.violations,
        "dropped": result.dropped,
        "quarantined": result.quarantined,
        "ratio": result.ratio,
        "exact": result.exact,
        "reason": result.reason,
    }


def _dry_run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    if arguments.second is not None:
        fix = f"see `{invocation.program} quality --help`"
        raise BadCommandLine(f"{shown(arguments.second)} is one word too many", fix=fix)
    with invocation.streams.kept_for_data():
        found = opened(invocation).dry_run(invocation.here / arguments.first)
    streams = invocation.streams
    if invocation.wants_json:
        streams.json(encoded(found))
        return 0
    columns = ("rule", "action", ">checked", ">violated", ">passed", "would", "found", "at")
    streams.data(aligned(columns, [would_row(each) for each in found.rules], streams))
    for each in found.datasets:
        streams.data(one_line(_would_all(each)))
    return 0


def would_row(rule: RuleResult) -> tuple[str, ...]:
    """Return what a rule would have done, as a row of a table."""
    return (
        shortened(rule_name(rule), _LONGEST_NAME),
        str(rule.action),
        amount(rule.evaluated),
        broken(rule),
        passed(rule),
        _would(rule),
        shortened(rule.observed or rule.reason, _LONGEST_FOUND),
        str(rule.origin or ""),
    )


def _would(rule: RuleResult) -> str:
    if rule.verdict in {Verdict.PASS, Verdict.SKIPPED, Verdict.ERROR}:
        # Within its threshold a rule still keeps rows out.
        rows = rule.violations if rule.action in _KEEPS_OUT else None
        told = _WOULD[rule.action] if rows else verdict_word(rule.verdict)
        return told.format(rows=amount(rows))
    return _WOULD[rule.action].format(rows=amount(rule.violations))


def _would_all(dataset: DatasetQuality) -> str:
    return (
        f"{dataset.name}, version {dataset.version}: of {amount(dataset.rows_in)} rows "
        f"{amount(dataset.written)} would stay, {amount(dataset.dropped)} be dropped, "
        f"{amount(dataset.quarantined)} set aside"
    )


def _compare(arguments: argparse.Namespace, invocation: Invocation) -> int:
    folder = history_of(arguments, invocation)
    later = LATEST if arguments.second is None else arguments.second
    found = opened_to_look_back(invocation).compare(arguments.first, later, history=folder)
    streams = invocation.streams
    if invocation.wants_json:
        streams.json(_comparison_json(found))
        return 0
    streams.data("\n".join(one_line(line) for line in _comparison_lines(found)))
    return 0


def _comparison_lines(found: Comparison) -> list[str]:
    told = [
        line
        for title, group in _groups(found)
        if group
        for line in (f"{title}:", *(f"  {_change(each)}" for each in group))
    ]
    if found.rows:
        told += [_WRITTEN, *(f"  {_rows(each)}" for each in found.rows)]
    title = f"from {found.before} to {found.after}"
    if found.note is not None:
        return [title, found.note]
    return [title, *told] if told else [f"{title}: nothing changed"]


def _groups(found: Comparison) -> list[tuple[str, tuple[RuleChange, ...]]]:
    return [(title, getattr(found, name)) for title, name in _GROUPS]


def _change(change: RuleChange) -> str:
    points = moved(change.rule, change.points)
    told = f"{rule_name(change.rule)}: {figures(change.rule)}"
    return f"{told}, {points} points" if points else told


def _rows(change: RowChange) -> str:
    before, after = (amount(each) or "none" for each in (change.before, change.after))
    return f"{change.dataset}: {before}, then {after}"


def _comparison_json(found: Comparison) -> dict[str, object]:
    groups = {name: [_change_json(each) for each in getattr(found, name)] for _, name in _GROUPS}
    rows = [
        {"dataset": each.dataset, "before": each.before, "after": each.after} for each in found.rows
    ]
    for each in groups["removed"]:
        each["after"] = None
    ends = {"before": found.before, "after": found.after}
    return {**ends, **groups, "rows": rows, "note": found.note}


def _change_json(change: RuleChange) -> dict[str, object]:
    rule, before = change.rule, change.before
    return {
        "dataset": rule.dataset,
        "rule": rule.rule,
        "flow": rule.flow,
        "points": change.points,
        "before": None if before is None else _figures(before),
        "after": _figures(rule),
    }
