"""Results → GitHub's annotations: commands that mark the line of a violated rule, worst first.

What failed for another reason than a rule is marked, too, before the rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from dlt_lite.model.origin import Origin
from dlt_lite.model.results import RuleResult, UpdateQuality, Verdict
from dlt_lite.model.rules import Severity
from dlt_lite.report.escaping import annotation_property, annotation_text, shortened
from dlt_lite.report.quality import origin_of
from dlt_lite.report.summary import error_json
from dlt_lite.report.verdicts import bad
from dlt_lite.report.words import figures, rule_name, verdict_word

# GitHub shows ten of a kind for a step and drops the others without a word.
MOST_OF_A_KIND = 10
_KINDS = ("error", "warning", "notice")
_LONGEST_TITLE, _LONGEST_MESSAGE = 200, 2000


@dataclass(frozen=True, slots=True)
class _Mark:
    """One annotation."""

    kind: str
    origin: Origin | None
    title: str
    message: str


def github_annotations(
    update: UpdateQuality, most: int = MOST_OF_A_KIND, *, folder: str = ""
) -> tuple[str, ...]:
    """Return the commands, each a line to print.

    Args:
        update: what the rules decided.
        most: how many of a kind; where there are more the last one says how many more.
        folder: the project's folder within the repository; empty where it is the repository.
    """
    marks = [*_failures(update), *map(_mark, bad(update.rules))]
    by_kind = {kind: [mark for mark in marks if mark.kind == kind] for kind in _KINDS}
    return tuple(
        line for kind, found in by_kind.items() for line in _lines(kind, found, most, folder)
    )


def _failures(update: UpdateQuality) -> Iterator[_Mark]:
    """Yield what failed without a rule that tells of it."""
    told = {rule.dataset for rule in update.rules if rule.verdict is Verdict.FAIL}
    failed = [each for each in update.datasets if each.state == "FAILED" and each.error]
    for each in failed:
        if each.name not in told:
            yield _of_error(f"{each.name} failed", each.error or "", each.origin)
    if update.error is not None and update.error not in {each.error for each in failed}:
        yield _of_error("the update failed", update.error, None)


def _of_error(title: str, text: str, origin: Origin | None) -> _Mark:
    error = error_json(text)
    place = None if error is None else error["origin"]
    return _Mark("error", origin_of(place or "") or origin, title, text)


def _mark(rule: RuleResult) -> _Mark:
    about = f"{rule.action} rule of severity {rule.severity}"
    lines = [f"{figures(rule)}: {about}", rule.condition or "", rule.description or ""]
    title = f"{rule_name(rule)} {verdict_word(rule.verdict)}"
    return _Mark(_kind(rule), rule.origin, title, "\n".join(line for line in lines if line))


def _kind(rule: RuleResult) -> str:
    if rule.verdict in {Verdict.FAIL, Verdict.ERROR} or rule.severity is Severity.CRITICAL:
        return "error"
    return "notice" if rule.severity is Severity.INFO else "warning"


def _lines(kind: str, marks: Sequence[_Mark], most: int, folder: str) -> list[str]:
    if len(marks) <= most:
        return [_line(mark, folder) for mark in marks]
    more = f"::{kind} title=dlt_lite::{len(marks) - most + 1:,} more; the report has all"
    return [*(_line(mark, folder) for mark in marks[: most - 1]), more]


def _line(mark: _Mark, folder: str) -> str:
    place = mark.origin
    properties = {}
    if place is not None:
        properties["file"] = str(PurePosixPath(folder) / place.path) if folder else place.path
        properties |= {"line": str(place.line)} if place.line else {}
        properties |= {"col": str(place.column)} if place.column else {}
    properties["title"] = shortened(mark.title, _LONGEST_TITLE)
    told = ",".join(f"{name}={annotation_property(value)}" for name, value in properties.items())
    return f"::{mark.kind} {told}::{annotation_text(shortened(mark.message, _LONGEST_MESSAGE))}"
