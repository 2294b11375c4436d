"""Figures and results → the words in which every report says them."""

from __future__ import annotations

from datetime import UTC, datetime

from dlt_lite.model.checks import RuleKind
from dlt_lite.model.results import RuleResult, Verdict
from dlt_lite.report.escaping import shortened

_WORDS = {
    Verdict.PASS: "passed",
    Verdict.WARN: "violated",
    Verdict.FAIL: "failed",
    Verdict.ERROR: "could not run",
    Verdict.SKIPPED: "not checked",
}
_MINUTE, _HOUR, _TEN = 60, 3600, 10
_MOST_PLACES = 4
_LONGEST_FOUND = 200
_MINUS, UNKNOWN = "\u2212", "\u2013"


def verdict_word(verdict: Verdict) -> str:
    """Return a verdict as a person says it."""
    return _WORDS[verdict]


def amount(number: int | None) -> str:
    """Return a number with its thousands apart; a dash for None."""
    return UNKNOWN if number is None else f"{number:,}"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return `1 row`, `2 rows`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def percent(share: float | None) -> str:
    """Return a share as a percentage, never rounded to all or to nothing where it is neither."""
    if share is None:
        return UNKNOWN
    if share in {0.0, 1.0}:
        return f"{share:.0%}"
    for places in range(1, _MOST_PLACES + 1):
        text = f"{share * 100:.{places}f}"
        if float(text) not in {0.0, 100.0}:
            return f"{text}%"
    return "<0.0001%" if abs(share) < 0.5 else ">99.9999%"  # noqa: PLR2004 - a half


def points(change: float | None) -> str:
    """Return a change in percentage points with its sign; nothing for none that can be seen."""
    if change is None or not round(abs(change), 2):
        return ""
    return f"{'+' if change > 0 else _MINUS}{abs(change):.2f}"


def signed(number: int) -> str:
    """Return a number with its sign, its thousands apart."""
    return f"{'+' if number > 0 else _MINUS if number < 0 else '±'}{abs(number):,}"


def duration(seconds: float | None) -> str:
    """Return a length of time: `0.4 s`, `12 s`, `3 m 05 s`, `2 h 10 m`; a dash for None."""
    if seconds is None:
        return UNKNOWN
    if round(seconds, 1) < _TEN:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} m {whole % _MINUTE:02d} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} m"


def length(started: str | None, ended: str | None) -> float | None:
    """Return the seconds between two moments of ISO 8601, None where one is unknown."""
    if started is None or ended is None:
        return None
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(started)).total_seconds()


def moment(text: str | None) -> str:
    """Return a moment of ISO 8601 as `24 Nov 2026, 12:00 UTC`; nothing for None."""
    if text is None:
        return ""
    try:
        when = datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return text
    return f"{when.day} {when:%b %Y, %H:%M} UTC"


def rule_name(rule: RuleResult) -> str:
    """Return `dataset.rule`, and the flow of a view's rule."""
    name = f"{rule.dataset}.{rule.rule}"
    return name if rule.flow is None else f"{name} (read by {rule.flow})"


def passed(rule: RuleResult) -> str:
    """Return the share of rows that passed a rule; a dash for a rule that is no rule of rows."""
    return percent(rule.ratio if rule.by_row else None)


def broken(rule: RuleResult) -> str:
    """Return how many rows broke a rule; a dash for a rule that is no rule of rows."""
    return amount(rule.violations if rule.by_row else None)


def moved(rule: RuleResult, change: float | None) -> str:
    """Return by how many points a rule's share changed; nothing for one that is no rule of rows."""
    return points(change) if rule.by_row else ""


def figures(rule: RuleResult) -> str:
    """Return what a rule found, as a sentence."""
    about = "" if rule.exact else "about "
    if rule.violations is None:
        return rule.reason or verdict_word(rule.verdict)
    if not rule.by_row:
        return _found(rule)
    if rule.evaluated is None:
        return f"at least {counted(rule.violations, 'row')} broke it; {rule.reason}"
    if not rule.decided:
        return rule.reason or "no rows were checked"
    share = percent(rule.violations / rule.decided)
    rows = counted(rule.decided, "row")
    nulls = f"; {rule.undecided:,} more are NULL" if rule.undecided else ""
    return f"{about}{rule.violations:,} of {rows} broke it ({share}){nulls}"


def _found(rule: RuleResult) -> str:
    """Return what a rule that is no rule of rows found, and what it wanted where that differs."""
    found = shortened(rule.observed or "", _LONGEST_FOUND)
    if found and rule.kind is not RuleKind.SCHEMA:
        found = f"found {found}"
    wanted = shortened(rule.condition or "", _LONGEST_FOUND)
    if rule.violations and wanted:
        return f"{found or 'does not hold'}, expected {wanted}"
    told = ("does not hold" if rule.violations else "holds", found)
    return ", ".join(each for each in told if each)
