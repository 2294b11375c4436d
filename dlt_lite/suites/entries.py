"""One rule as a file or a dictionary says it → a rule of the model; every problem at its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from dlt_lite.model.checks import Check
from dlt_lite.model.origin import Origin
from dlt_lite.model.rule_terms import (
    TERMS,
    TermProblem,
    action_of,
    aggregate_of,
    check_terms,
    drop_ratio_of,
    foreign_key_of,
    fresh_of,
    row_count_change_of,
    schema_of,
    terms_of,
    unique_of,
)
from dlt_lite.model.rules import Rule, RuleAction, Severity, Terms, Threshold
from dlt_lite.project.suggestions import shown
from dlt_lite.suites.expectations import Asked, asked_by
from dlt_lite.suites.said import (
    Said,
    SaidEntry,
    SaidList,
    SaidMap,
    SaidValue,
    as_map,
    as_text,
    kind_of,
    plain,
    refuse,
    refuse_unknown,
)

ACTION = "on_violation"
CHECKS = (
    "unique",
    "foreign_key",
    "aggregate",
    "row_count_change",
    "fresh",
    "schema",
    "max_drop_ratio",
)
_TYPES = ("type", "expectation_type")
_SAID_OF_EACH = ("name", ACTION, *TERMS)
_OF_GREAT_EXPECTATIONS = (
    "kwargs",
    "meta",
    "notes",
    "id",
    "ge_cloud_id",
    "rendered_content",
    "expectation_context",
    "windows",
)
_HOW = f'say expect: "a condition", one of {", ".join(CHECKS)}, or an expectation of GX'


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What holds for every rule of a suite.

    Attributes:
        defaults: what is said of each that does not say it.
        parameters: the values of suite parameters.
        usual: the severity of one that says none; None as its action has it.
        old: whether the suite is of a version of Great Expectations before 1.0.
    """

    defaults: SaidMap
    parameters: Mapping[str, object] = field(default_factory=dict)
    usual: Severity | None = None
    old: bool = False


@dataclass(frozen=True, slots=True)
class Drafted:
    """A rule whose name may still change: one that nobody named is named by what it says.

    Attributes:
        rule: the rule.
        long_name: its name where another has its short one; None where a person named it.
    """

    rule: Rule
    long_name: str | None = None


def drafted(said: Said, around: Surroundings, name: SaidEntry | None = None) -> Drafted:
    """Return a rule.

    Args:
        said: a condition, or a mapping that says what is asked and what else holds.
        around: what holds for every rule of the suite.
        name: the key that it stands under; None in a list.

    Raises:
        BadSuite: it says what cannot be.
    """
    if not isinstance(said, SaidMap):
        said = _as_condition(said, name)
    what = _what_of(said)
    if what.key in _TYPES or what.key not in {"expect", *CHECKS}:
        return _of_great_expectations(said, what, around, name)
    refuse_unknown(said, (*_SAID_OF_EACH, what.key), "a rule")
    given = {each.key: each for each in said.entries if each.key in _SAID_OF_EACH}
    check = None if what.key == "expect" else _check(what)
    own = _name(given.get("name"), name)
    if own is None and check is None:
        refuse(
            said.origin, "a rule has no name", "name it by what a good row has: `name: valid id`"
        )
    condition = str(check) if own is None or check is not None else _condition(what.value, own)
    origin = said.origin if name is None else name.origin
    rule = _rule(own or str(check), condition, check, origin, _Said(given, around))
    return Drafted(rule)


@dataclass(frozen=True, slots=True)
class _Said:
    """What is said of one rule: by itself, and by its suite for all."""

    own: Mapping[str, SaidEntry]
    around: Surroundings

    def applying(self, check: Check | None) -> dict[str, SaidEntry]:
        """Return what holds: of the suite's defaults those that a rule of its kind can have."""
        defaults = {each.key: each for each in self.around.defaults.entries if _fits(each, check)}
        return {**defaults, **self.own}


def _fits(entry: SaidEntry, check: Check | None) -> bool:
    try:
        if entry.key == ACTION:
            action_of(plain(entry.value), check)
        else:
            check_terms(terms_of({entry.key: plain(entry.value)}), check)
    except TermProblem:
        return False
    return True


def _rule(name: str, condition: object, check: Check | None, origin: Origin, said: _Said) -> Rule:
    given = said.applying(check)
    action = RuleAction.WARN
    words = {key: plain(each.value) for key, each in given.items() if key in TERMS}
    try:
        if ACTION in given:
            action = action_of(plain(given[ACTION].value), check)
        terms = terms_of(words)
        check_terms(terms, check)
    except TermProblem as problem:
        blamed = given.get(problem.what.split(" ", 1)[0])
        place = origin if blamed is None else blamed.value.origin
        refuse(place, f"expectation {shown(name)}: {problem.what}", problem.fix)
    return Rule(name, action, condition, origin, terms, check)


def _of_great_expectations(
    said: SaidMap, what: SaidEntry, around: Surroundings, name: SaidEntry | None
) -> Drafted:
    refuse_unknown(said, (*_SAID_OF_EACH, what.key, *_OF_GREAT_EXPECTATIONS), "an expectation")
    long_form = what.key in _TYPES
    type_ = as_text(what.value, "type") if long_form else what.key
    kwargs = (said.get("kwargs") if long_form else what.value) or SaidMap((), said.origin)
    arguments = as_map(kwargs, f"{type_}: kwargs", "give its arguments by name")
    if not arguments.entries:
        arguments = SaidMap((), said.origin)
    old = around.old or what.key == "expectation_type"
    asked = asked_by(type_, arguments, around.parameters, old=old)
    given = {**_meta(said), **{e.key: e for e in said.entries if e.key in _SAID_OF_EACH}}
    _refuse_twice(given, asked)
    origin = said.origin if name is None else name.origin
    own = _name(given.pop("name", None), name)
    rule = _rule(own or asked.name, asked.condition, asked.check, origin, _Said(given, around))
    terms = _with_theirs(rule.terms, asked, around, _notes(said))
    rule = replace(rule, terms=terms, expectation=asked.entry)
    return Drafted(rule, asked.long_name if own is None else None)


def _with_theirs(terms: Terms, asked: Asked, around: Surroundings, notes: str | None) -> Terms:
    threshold = terms.threshold
    if asked.mostly is not None:
        most = None if threshold is None else threshold.max_failures
        threshold = Threshold(asked.mostly, most)
    return replace(
        terms,
        null=asked.null,
        where=terms.where if asked.where is None else asked.where,
        threshold=threshold,
        severity=terms.severity or around.usual,
        description=terms.description or notes,
    )


def _refuse_twice(given: Mapping[str, SaidEntry], asked: Asked) -> None:
    """Refuse what is said of an expectation that says it itself."""
    for word, own in (("where", asked.where), ("mostly", asked.mostly), ("null", asked.null)):
        if word in given and own is not None:
            what = f"{word} is said twice of {asked.name}"
            fix = "Great Expectations has its own meaning of it: take yours out"
            refuse(given[word].origin, what, fix)


def _meta(said: SaidMap) -> dict[str, SaidEntry]:
    """Return what an entry's `meta` says for us: in `dlt_lite`, or `on_violation` by itself."""
    meta = said.get("meta")
    if not isinstance(meta, SaidMap):
        return {}
    found = {each.key: each for each in meta.entries if each.key == ACTION}
    ours = meta.get("dlt_lite")
    if ours is not None:
        told = as_map(ours, "meta.dlt_lite", f"give {ACTION}, owner and the like")
        refuse_unknown(told, _SAID_OF_EACH, "meta.dlt_lite")
        found |= {each.key: each for each in told.entries}
    return found


def _notes(said: SaidMap) -> str | None:
    notes = said.get("notes")
    told = None if notes is None else plain(notes)
    lines = told if isinstance(told, list) else [told]
    return "\n".join(each for each in lines if isinstance(each, str) and each.strip()) or None


def _as_condition(said: Said, name: SaidEntry | None) -> SaidMap:
    """Return a rule of which the condition alone is said."""
    if name is None or isinstance(said, SaidList):
        refuse(said.origin, f"a rule is {kind_of(said)}", _HOW)
    return SaidMap((SaidEntry("expect", said, said.origin),), said.origin)


def _what_of(said: SaidMap) -> SaidEntry:
    """Return the one key of a rule that says what is asked."""
    known = {"expect", *CHECKS, *_TYPES, "unexpected_rows_expectation"}
    found = [each for each in said.entries if each.key in known or each.key.startswith("expect_")]
    if not found:
        if "kwargs" in said.keys:
            refuse_unknown(said, (*_SAID_OF_EACH, *_OF_GREAT_EXPECTATIONS, "type"), "a rule")
            refuse(said.origin, "an expectation has no type", "name it: `type: expect_…`")
        refuse_unknown(said, (*_SAID_OF_EACH, *sorted(known)), "a rule")
        refuse(said.origin, "a rule asks nothing", _HOW)
    if len(found) > 1:
        both = " and ".join(each.key for each in found[:2])
        refuse(found[1].origin, f"a rule asks two things: {both}", "make two rules of it")
    return found[0]


def _condition(said: Said, name: str) -> object:
    """Return a condition: SQL text, or in Python a Spark Column, which is judged later."""
    value = said.value if isinstance(said, SaidValue) else None
    is_empty = isinstance(value, str) and not value.strip()
    if is_empty or value is None or isinstance(value, bool | int | float):
        what = "empty" if is_empty else kind_of(said)
        fix = 'give SQL text, such as "id > 0"'
        refuse(said.origin, f"expectation {shown(name)}: a condition is {what}", fix)
    return value


def _name(given: SaidEntry | None, key: SaidEntry | None) -> str | None:
    if key is not None:
        if given is not None:
            refuse(given.origin, "a rule has two names", "take out `name`")
        if not key.key.strip():
            refuse(key.origin, "a rule's name is empty", "name it by what a good row has")
        return key.key
    return None if given is None else as_text(given.value, "name")


def _check(what: SaidEntry) -> Check:
    said = what.value
    try:
        match what.key:
            case "unique":
                return unique_of(plain(said))
            case "aggregate":
                return aggregate_of(plain(said))
            case "max_drop_ratio":
                return drop_ratio_of(plain(said))
            case "foreign_key":
                columns, to = _parts(what, "columns", "to")
                return foreign_key_of(columns, to)
            case "row_count_change":
                return row_count_change_of(*_parts(what, "max_decrease", "max_increase"))
            case "fresh":
                return fresh_of(*_parts(what, "column", "within"))
            case _:
                return _schema(what)
    except TermProblem as problem:
        refuse(said.origin, f"{what.key}: {problem.what}", problem.fix)


def _schema(what: SaidEntry) -> Check:
    said = what.value
    if not isinstance(said, SaidMap):
        return schema_of(plain(said))
    columns, others, ordered = _parts(what, "columns", "others", "ordered")
    return schema_of(
        columns,
        others=True if others is None else others,
        ordered=False if ordered is None else ordered,
    )


def _parts(what: SaidEntry, *keys: str) -> tuple[object, ...]:
    told = as_map(what.value, what.key, f"give {' and '.join(keys)}")
    refuse_unknown(told, keys, what.key)
    return tuple(None if (part := told.get(key)) is None else plain(part) for key in keys)
