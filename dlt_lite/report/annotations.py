"""Results → GitHub's annotations: commands that mark the line of a violated rule, worst first."""

from __future__ import annotations

from collections.abc import Sequence

from dlt_lite.model.results import RuleResult, Severity, UpdateQuality, Verdict
from dlt_lite.report.escaping import annotation_property, annotation_text, shortened
from dlt_lite.report.verdicts import bad
from dlt_lite.report.words import counted, figures, rule_name, verdict_word

# GitHub shows ten of a kind for a step and drops the others without a word.
MOST_OF_A_KIND = 10
_KINDS = ("error", "warning", "notice")
_LONGEST_TITLE, _LONGEST_MESSAGE = 200, 2000


def github_annotations(update: UpdateQuality, most: int = MOST_OF_A_KIND) -> tuple[str, ...]:
    """Return the commands, each a line to print.

    Args:
        update: what the rules decided.
        most: how many of a kind; where there are more the last one says how many more.
    """
    rules = bad(update.rules)
    by_kind = {kind: [rule for rule in rules if _kind(rule) == kind] for kind in _KINDS}
    return tuple(line for kind, found in by_kind.items() for line in _lines(kind, found, most))


def _kind(rule: RuleResult) -> str:
    if rule.verdict in {Verdict.FAIL, Verdict.ERROR} or rule.severity is Severity.CRITICAL:
        return "error"
    return "notice" if rule.severity is Severity.INFO else "warning"


def _lines(kind: str, rules: Sequence[RuleResult], most: int) -> list[str]:
    if len(rules) <= most:
        return [_line(kind, rule) for rule in rules]
    left_out = len(rules) - most + 1
    more = f"::{kind} title=dlt_lite::{counted(left_out, 'rule')} more; the report has all"
    return [*(_line(kind, rule) for rule in rules[: most - 1]), more]


def _line(kind: str, rule: RuleResult) -> str:
    place = rule.origin
    properties = {}
    if place is not None:
        properties["file"] = place.path
        properties |= {"line": str(place.line)} if place.line else {}
        properties |= {"col": str(place.column)} if place.column else {}
    title = f"{rule_name(rule)} {verdict_word(rule.verdict)}"
    properties["title"] = shortened(title, _LONGEST_TITLE)
    told = ",".join(f"{name}={annotation_property(value)}" for name, value in properties.items())
    return f"::{kind} {told}::{annotation_text(shortened(_message(rule), _LONGEST_MESSAGE))}"


def _message(rule: RuleResult) -> str:
    about = f"{rule.action} rule of severity {rule.severity}"
    lines = [f"{figures(rule)}: {about}", rule.condition or "", rule.description or ""]
    return "\n".join(line for line in lines if line)
