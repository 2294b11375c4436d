"""Spark's text of a failed job → the rules whose condition could not be computed.

Spark says where in which SQL text the expression stands, and shows the text around it. The text has
no name, so it is looked for in the rules' own: the same characters at the same line and position.
Of a Column it says which line has made it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dlt_lite.model.rules import Rule

_PLACE = re.compile(r"^== SQL \(line (\d+), position (\d+)\) ==$")
_CALL = re.compile(r"^== DataFrame ==\n.* was called from\n(.+):(\d+)$", re.MULTILINE)
_UNDERLINED = re.compile(r"^ *(\^+)$")
# What Spark puts for text that it leaves out, at either end of a line.
_CUT = "..."
_WAY_OUT = re.compile(r"Use `(try_\w+)`")
_CLASS = re.compile(r"^[\w.$]+: (?=\[)")
_ADVICE = re.compile(r" (?:Use `try_|If necessary,? set |Correct the value as per ).*$")


@dataclass(frozen=True, slots=True)
class _Fragment:
    """An expression of which Spark says where it stands: its first line, and what is around it."""

    line: int
    position: int
    text: str
    around: str


def blamed(text: str, rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """Return the rules of rows whose condition, or `where`, a job has failed in; none if unknown.

    Args:
        text: all that the job's exception says.
        rules: the dataset's rules of rows.
    """
    fragments = tuple(_fragments(text.splitlines()))
    calls = tuple((found[1], int(found[2])) for found in _CALL.finditer(text))
    return tuple(
        rule
        for rule in rules
        if any(
            any(_stands_in(fragment, condition) for fragment in fragments)
            if isinstance(condition, str)
            else any(_is_made_by(call, rule) for call in calls)
            for condition in (rule.condition, rule.terms.where)
            if condition is not None
        )
    )


def remedy(text: str) -> str:
    """Return how to put right a rule that cannot be computed for some row."""
    asked = _WAY_OUT.search(text)
    how = f"write it with {asked[1]}" if asked else "write it so that it can be computed"
    return f"{how} in that rule, or leave such rows out by where="


def without_advice(line: str) -> str:
    """Return what Spark says of an error without its own advice and the exception's class."""
    return _ADVICE.sub("", _CLASS.sub("", line))


def _fragments(lines: Sequence[str]) -> Iterator[_Fragment]:
    for number, line in enumerate(lines[:-2]):
        place, carets = _PLACE.match(line), _UNDERLINED.match(lines[number + 2])
        if place and carets:
            shown = lines[number + 1]
            around = shown.removeprefix(_CUT).removesuffix(_CUT)
            yield _Fragment(int(place[1]), int(place[2]), shown[slice(*carets.span(1))], around)


def _is_made_by(call: tuple[str, int], rule: Rule) -> bool:
    """Return whether a Column was made in the very line that declares the rule."""
    path, line = call
    return line == rule.origin.line and f"/{path}".endswith(f"/{rule.origin.path}")


def _stands_in(fragment: _Fragment, sql: str) -> bool:
    lines = sql.split("\n")
    if fragment.line > len(lines):
        return False
    line = lines[fragment.line - 1]
    return line.startswith(fragment.text, fragment.position - 1) and fragment.around in line
