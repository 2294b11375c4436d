"""A whole file of expectations → the rules of each dataset that it is about.

Ours say `dataset: {rules: …}`; a suite of Great Expectations has one list `expectations` and is
about one dataset. Either may be YAML or JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from dlt_lite.errors import ConfigProblem, DefinitionProblem, DltLiteError
from dlt_lite.model.origin import Origin
from dlt_lite.model.rule_terms import TERMS, TermProblem, action_of, terms_of
from dlt_lite.model.rules import Rule, Severity
from dlt_lite.project.yaml_reader import parse_yaml, read_bounded
from dlt_lite.suites.arguments import parameter_value
from dlt_lite.suites.entries import ACTION, Drafted, Surroundings, drafted
from dlt_lite.suites.json_reader import parse_json
from dlt_lite.suites.said import (
    Said,
    SaidEntry,
    SaidList,
    SaidMap,
    SaidValue,
    as_list,
    as_map,
    as_text,
    is_nothing,
    plain,
    refuse,
    refuse_unknown,
    said_by,
)

Refuse = Callable[[DltLiteError], None]
_OF_DATASET = ("defaults", "rules", "columns")
_SUITE = (
    "name",
    "suite",
    "expectation_suite_name",
    "table",
    "id",
    "ge_cloud_id",
    "notes",
    "meta",
    "data_asset_type",
    "suite_parameters",
    "evaluation_parameters",
    "expectations",
    *_OF_DATASET,
)
_SHAPE = "give `rules:`, each by its name; and `columns:` and `defaults:` if you like"


@dataclass(frozen=True, slots=True)
class Suite:
    """The expectations of one dataset.

    Attributes:
        dataset: the dataset, as the file calls it.
        rules: its rules.
        origin: where the file says so.
    """

    dataset: str
    rules: tuple[Rule, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class Document:
    """What one file says.

    Attributes:
        name: the file's name without its ending.
        suites: a suite for each dataset.
        is_great: whether it is a suite of Great Expectations, which is about one dataset.
        note: what is worth saying of it, None where nothing is.
    """

    name: str
    suites: tuple[Suite, ...]
    is_great: bool = False
    note: str | None = None


def read_document(
    file: Path, root: Path, parameters: Mapping[str, str], refuse_it: Refuse
) -> Document | None:
    """Read a file of expectations.

    Args:
        file: the file.
        root: the project's folder; errors name the file relative to it.
        parameters: the pipeline's parameters, which suites may refer to.
        refuse_it: takes every problem; a rule that has one is left out.

    Returns:
        What it says, None where it cannot be read at all.
    """
    path = file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)
    try:
        content = read_bounded(file, path)
        parse = parse_json if file.suffix == ".json" else parse_yaml
        said = as_map(said_by(parse(content, path=path)), "the file", _SHAPE)
        if not said.entries:
            refuse(said.origin, "the file says nothing", "name datasets, each with its rules")
        reader = _Reader({k: parameter_value(v) for k, v in parameters.items()}, refuse_it)
        if isinstance(said.get("expectations"), SaidList):
            return reader.suite(said, file.stem)
        suites = (reader.dataset(each) for each in said.entries)
        return Document(file.stem, tuple(each for each in suites if each is not None))
    except (ConfigProblem, DefinitionProblem) as problem:
        refuse_it(problem)
        return None


def read_given(
    said: Said, dataset: str, parameters: Mapping[str, str], refuse_it: Refuse
) -> tuple[Rule, ...]:
    """Return the rules that a dictionary says of one dataset, shaped as in a file.

    Args:
        said: the dictionary.
        dataset: the dataset's name.
        parameters: the pipeline's parameters.
        refuse_it: takes every problem.
    """
    reader = _Reader({k: parameter_value(v) for k, v in parameters.items()}, refuse_it)
    suite = reader.dataset(SaidEntry(dataset, said, said.origin))
    return () if suite is None else suite.rules


class _Reader:
    """Reads suites; a problem is kept, and the rest read on."""

    __slots__ = ("_parameters", "_refuse")

    def __init__(self, parameters: Mapping[str, object], refuse_it: Refuse) -> None:
        self._parameters = parameters
        self._refuse = refuse_it

    def dataset(self, entry: SaidEntry) -> Suite | None:
        """Return the expectations of one dataset."""
        try:
            rules = self._rules_of(entry.value, f"dataset {entry.key}")
        except DefinitionProblem as problem:
            self._refuse(problem)
            return None
        return Suite(entry.key, _named(rules), entry.origin)

    def suite(self, said: SaidMap, stem: str) -> Document:
        """Return a suite of Great Expectations."""
        refuse_unknown(said, _SUITE, "a suite")
        old = said.get("expectation_suite_name") is not None
        around = Surroundings(
            _defaults(said), {**_parameters(said), **self._parameters}, Severity.CRITICAL, old
        )
        entries = as_list(said.get("expectations") or _nothing(said), "expectations", "list them")
        rules = [rule for each in entries if (rule := self._one(each, around)) is not None]
        rules += self._rest(said, replace(around, usual=None))
        dataset, origin = _about(said, stem)
        is_old = old or any(isinstance(e, SaidMap) and e.get("expectation_type") for e in entries)
        note = (
            f"{said.origin.path}: a suite of Great Expectations before 1.0 was read as one of 1.x; "
            "save it with 1.x when you can"
            if is_old
            else None
        )
        return Document(stem, (Suite(dataset, _named(rules), origin),), is_great=True, note=note)

    def _rules_of(self, said: Said, what: str) -> list[Drafted]:
        if isinstance(said, SaidList):
            return self._listed(said.items, Surroundings(_empty(said), self._parameters))
        told = as_map(said, what, _SHAPE)
        if is_nothing(said):
            refuse(said.origin, f"{what} says nothing", _SHAPE)
        refuse_unknown(told, _OF_DATASET, what)
        for each in told.entries:
            if is_nothing(each.value):
                fix = f"say what stands below `{each.key}:`, or take it out"
                refuse(each.origin, f"{what}: {each.key} says nothing", fix)
        return self._rest(told, Surroundings(_defaults(told), self._parameters))

    def _rest(self, said: SaidMap, around: Surroundings) -> list[Drafted]:
        return [
            *self._below_rules(said.get("rules") or _nothing(said), around),
            *self._below_columns(said.get("columns") or _nothing(said), around),
        ]

    def _below_rules(self, said: Said, around: Surroundings) -> list[Drafted]:
        if isinstance(said, SaidList):
            return self._listed(said.items, around)
        rules = as_map(said, "rules", "give rules by their names, or a list of them")
        return [
            rule
            for each in rules.entries
            if (rule := self._one(each.value, around, each)) is not None
        ]

    def _below_columns(self, said: Said, around: Surroundings) -> list[Drafted]:
        columns = as_map(said, "columns", "give lists of expectations by column")
        for each in columns.entries:
            if is_nothing(each.value):
                refuse(each.origin, f"column {each.key} says nothing", "list its expectations")
        return [
            rule
            for each in columns.entries
            for item in as_list(each.value, f"column {each.key}", "list its expectations")
            if (rule := self._of_column(item, each, around)) is not None
        ]

    def _of_column(self, said: Said, column: SaidEntry, around: Surroundings) -> Drafted | None:
        try:
            return drafted(_about_column(said, column), around)
        except DefinitionProblem as problem:
            self._refuse(problem)
            return None

    def _listed(self, items: tuple[Said, ...], around: Surroundings) -> list[Drafted]:
        return [rule for each in items if (rule := self._one(each, around)) is not None]

    def _one(
        self, said: Said, around: Surroundings, name: SaidEntry | None = None
    ) -> Drafted | None:
        try:
            return drafted(said, around, name)
        except DefinitionProblem as problem:
            self._refuse(problem)
            return None


def _about_column(said: Said, column: SaidEntry) -> Said:
    """Return an expectation that stands under a column with the column among its arguments."""
    if isinstance(said, SaidValue) and isinstance(said.value, str):
        said = SaidMap((SaidEntry(said.value, _empty(said), said.origin),), said.origin)
    told = as_map(said, f"an expectation of column {column.key}", "name an expectation")
    own = SaidEntry("column", SaidValue(column.key, column.origin), column.origin)
    entries = []
    for each in told.entries:
        if each.key == "kwargs" or (each.key.startswith("expect_") and each.key != "expect"):
            arguments = as_map(each.value, each.key, "give its arguments by name")
            if "column" in arguments.keys:
                refuse(each.origin, f"{each.key} names its column twice", "take out `column`")
            filled = SaidMap((own, *arguments.entries), arguments.origin)
            entries.append(SaidEntry(each.key, filled, each.origin))
        else:
            entries.append(each)
    if "type" in told.keys and "kwargs" not in told.keys:
        entries.append(SaidEntry("kwargs", SaidMap((own,), told.origin), told.origin))
    return SaidMap(tuple(entries), told.origin)


def _named(rules: list[Drafted]) -> tuple[Rule, ...]:
    """Return rules by their names; where two would be named alike, all that they say tells them."""
    taken = [each.rule.name for each in rules]
    return tuple(
        each.rule
        if each.long_name is None or taken.count(each.rule.name) == 1
        else replace(each.rule, name=each.long_name)
        for each in rules
    )


def _defaults(said: SaidMap) -> SaidMap:
    defaults = as_map(said.get("defaults") or _nothing(said), "defaults", "give terms by name")
    refuse_unknown(defaults, (ACTION, *TERMS), "defaults")
    for each in defaults.entries:
        try:
            value = plain(each.value)
            action_of(value, None) if each.key == ACTION else terms_of({each.key: value})
        except TermProblem as problem:
            refuse(each.value.origin, f"defaults: {problem.what}", problem.fix)
    return defaults


def _parameters(said: SaidMap) -> dict[str, object]:
    given = said.get("suite_parameters") or said.get("evaluation_parameters") or _nothing(said)
    return dict(plain(as_map(given, "suite_parameters", "give values by name")))


def _about(said: SaidMap, stem: str) -> tuple[str, Origin]:
    """Return which dataset a suite of Great Expectations is about."""
    meta = said.get("meta")
    ours = meta.get("dlt_lite") if isinstance(meta, SaidMap) else None
    if ours is not None:
        told = as_map(ours, "meta.dlt_lite", "give the dataset")
        refuse_unknown(told, ("dataset",), "a suite's meta.dlt_lite")
        if (dataset := told.get("dataset")) is not None:
            return as_text(dataset, "dataset"), dataset.origin
    for key in ("table", "suite", "name", "expectation_suite_name"):
        if (named := said.get(key)) is not None:
            return as_text(named, key), named.origin
    return stem, said.origin


def _nothing(said: Said) -> SaidValue:
    return SaidValue(None, said.origin)


def _empty(said: Said) -> SaidMap:
    return SaidMap((), said.origin)
