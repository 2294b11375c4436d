"""Settings from one place → a layer; layers → what holds in the end, and where it came from.

A layer maps dotted keys (`schema`, `configuration.landing`) to what somebody gave, so that laying
one over another is a plain merge. Values stay text with their origin until `settled`, because
`${env.X}` is resolved in values that hold in the end only: a target that is not chosen may refer
to variables that are not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from dlt_lite.errors import BadValue, ConfigProblem, UnknownKey
from dlt_lite.model.origin import Origin
from dlt_lite.model.settings import SettingSource
from dlt_lite.project import nodes
from dlt_lite.project.fields import INHERITED, SAID_TWICE, SUBMITTED, Field, Form, Level, field_of
from dlt_lite.project.suggestions import did_you_mean, shown
from dlt_lite.project.variables import has_variables, substitute

_SECRET = re.compile(r"(?i)secret|passw|pwd|token|credential|key(\.|$)")
_FREE_SPACE = "x-"
_AS_MAPPING = "write `key: value` below it, indented, one a line"


@dataclass(frozen=True, slots=True)
class Given:
    """What somebody gave for one key.

    Attributes:
        text: the value, None for nothing.
        origin: the file and line, or `default`, `flag …`, `env …` as its path.
        literal: whether `${` means itself.
    """

    text: str | None
    origin: Origin
    literal: bool = True

    @property
    def source(self) -> str:
        """Return where it came from, the line without its column."""
        return str(replace(self.origin, column=0))


Layer: TypeAlias = Mapping[str, Given]


def read_layer(mapping: nodes.Mapping, level: Level, found: list[ConfigProblem]) -> Layer:
    """Read the settings of one place, leaving its structure keys and free space alone.

    Args:
        mapping: what the place says.
        level: which keys it may say, and how.
        found: where problems are added; what has one is left out of the layer.
    """
    layer = _as_written(mapping, level, found)
    for key, spark_key in SAID_TWICE.items():
        if _contradict(layer.get(key), layer.get(spark_key)):
            found.append(_said_twice(key, spark_key, layer))
    return layer


def _as_written(
    mapping: nodes.Mapping, level: Level, found: list[ConfigProblem]
) -> dict[str, Given]:
    layer: dict[str, Given] = {}
    for entry in mapping.entries:
        key = entry.key.text
        field = level.fields.get(key)
        if field is not None and field.form.is_map:
            layer.update(_read_map(field, entry, found))
        elif field is not None:
            layer.update(_read_value(field.form, key, entry, found))
        elif (section := level.section(key)) is not None:
            layer.update(_read_section(key, section, entry, found))
        elif key not in level.structure and not _is_free_space(key, level):
            found.append(_unknown_key(entry.key, level))
    return layer


def flag_layer(flags: Mapping[str, str], found: list[ConfigProblem]) -> Layer:
    """Return what the command line gives.

    Args:
        flags: values by dotted key.
        found: where problems are added.
    """
    layer: dict[str, Given] = {}
    for key, text in flags.items():
        origin = Origin(f"flag --{key.replace('_', '-')}")
        if field_of(key, INHERITED) is None:
            fix = did_you_mean(key, INHERITED)
            found.append(UnknownKey(f"{shown(key)} is no setting", origin=origin, fix=fix))
        else:
            layer[key] = Given(text, origin)
    return layer


def environment_layer(fields: Iterable[Field], environ: Mapping[str, str]) -> Layer:
    """Return what the environment gives; an empty variable gives nothing."""
    return {
        field.key: Given(environ[field.variable], Origin(f"env {field.variable}"))
        for field in fields
        if field.variable is not None and environ.get(field.variable)
    }


def default_layer(values: Mapping[str, str | None]) -> Layer:
    """Return what holds where nobody says anything."""
    return {key: Given(text, Origin("default")) for key, text in values.items()}


def laid_over(layers: Iterable[Layer]) -> Layer:
    """Merge layers, each over those before it; a setting of two names is one setting."""
    merged: dict[str, Given] = {}
    for layer in layers:
        merged.update(layer)
        for key, spark_key in SAID_TWICE.items():
            if spark_key in layer:
                merged[key] = layer[spark_key]
            elif key in layer:
                merged.pop(spark_key, None)
    return merged


def settled(
    layer: Layer,
    fields: Mapping[str, Field],
    *,
    environ: Mapping[str, str],
    found: list[ConfigProblem],
) -> Layer:
    """Resolve variables and check the form of values that hold in the end.

    Args:
        layer: all layers, merged.
        fields: the settings it may hold; other keys are dropped.
        environ: the environment.
        found: where problems are added; what has one is left out.
    """
    done: dict[str, Given] = {}
    for key, given in layer.items():
        field = field_of(key, fields)
        if field is None:
            continue
        try:
            done[key] = _settled_value(key, given, field.form, environ)
        except ConfigProblem as problem:
            found.append(problem)
    return done


def sources_of(layer: Layer, fields: Iterable[str]) -> tuple[SettingSource, ...]:
    """Return every setting with its source, in the fields' order, secrets hidden."""
    order = {key: position for position, key in enumerate(fields)}
    keys = sorted(layer, key=lambda key: (order[key if key in order else _head(key)], key))
    return tuple(
        SettingSource(key, _displayed(key, layer[key].text), layer[key].source) for key in keys
    )


def _contradict(ours: Given | None, sparks: Given | None) -> bool:
    if ours is None or sparks is None or not (ours.literal and sparks.literal):
        return False
    return (ours.text or "").lower() != (sparks.text or "").lower()


def _said_twice(key: str, spark_key: str, layer: Layer) -> BadValue:
    own, name = layer[spark_key], spark_key.removeprefix("spark.")
    what = f"{shown(name)} is {shown(own.text or '')}, but {shown(key)} is another"
    other = layer[key].origin
    fix = f"they are one setting: leave one of them out ({shown(key)} stands in line {other.line})"
    return BadValue(what, origin=own.origin, fix=fix)


def _head(key: str) -> str:
    return key.partition(".")[0]


def _read_map(field: Field, entry: nodes.Entry, found: list[ConfigProblem]) -> Layer:
    if nodes.is_nothing(entry.value):
        return {}
    if not isinstance(entry.value, nodes.Mapping):
        what = f"{shown(field.key)} must be keys and values, not {nodes.kind_of(entry.value)}"
        found.append(BadValue(what, origin=entry.value.origin, fix=_AS_MAPPING))
        return {}
    layer: dict[str, Given] = {}
    for inner in entry.value.entries:
        layer.update(_read_value(field.form, f"{field.key}.{inner.key.text}", inner, found))
    return layer


def _read_section(
    key: str, section: Level, entry: nodes.Entry, found: list[ConfigProblem]
) -> Layer:
    if nodes.is_nothing(entry.value):
        return {}
    if not isinstance(entry.value, nodes.Mapping):
        what = f"{shown(key)} must be keys and values, not {nodes.kind_of(entry.value)}"
        found.append(BadValue(what, origin=entry.value.origin, fix=_AS_MAPPING))
        return {}
    inner = read_layer(entry.value, section, found)
    return {f"{key}.{name}": given for name, given in inner.items()}


def _read_value(form: Form, key: str, entry: nodes.Entry, found: list[ConfigProblem]) -> Layer:
    node, place = _as_one(form, entry.value), entry.key.origin
    if not isinstance(node, nodes.Scalar):
        found.append(_wrong_kind(key, form, node))
        return {}
    if node.kind is nodes.ScalarKind.NOTHING and form.may_be_nothing:
        return {key: Given(None, place)}
    if node.kind is nodes.ScalarKind.TEXT and has_variables(node.text):
        return {key: Given(node.text, place, literal=False)}
    if node.kind not in form.kinds:
        found.append(_wrong_kind(key, form, node))
        return {}
    if not form.pattern.fullmatch(node.text):
        found.append(_wrong_form(key, node.text, form, node.origin))
        return {}
    is_switch = node.kind is nodes.ScalarKind.BOOLEAN
    return {key: Given(node.text.lower() if is_switch else node.text, place)}


def _as_one(form: Form, node: nodes.Node) -> nodes.Node:
    """Return a list of texts as one text, where a list may stand; all else as it is."""
    if not form.is_list or not isinstance(node, nodes.Sequence):
        return node
    texts = [each for each in node.items if isinstance(each, nodes.Scalar)]
    if len(texts) < len(node.items) or any("," in each.text for each in texts):
        return node
    if other := next((each for each in texts if each.kind is not nodes.ScalarKind.TEXT), None):
        return other
    text = ", ".join(each.text for each in texts)
    return nodes.Scalar(text, nodes.ScalarKind.TEXT, node.origin)


def _settled_value(key: str, given: Given, form: Form, environ: Mapping[str, str]) -> Given:
    if given.text is None:
        return given
    text = given.text
    if not given.literal:
        text = substitute(text, environ=environ, origin=given.origin)
    if not form.pattern.fullmatch(text):
        raise _wrong_form(key, text, form, given.origin)
    return Given(text, given.origin)


def _wrong_kind(key: str, form: Form, node: nodes.Node) -> BadValue:
    what = f"{shown(key)} must be {form.wants}, not {nodes.kind_of(node)}"
    fix = _fix_of_scalar(form, node) if isinstance(node, nodes.Scalar) else f"write {form.wants}"
    return BadValue(what, origin=node.origin, fix=fix)


def _fix_of_scalar(form: Form, node: nodes.Scalar) -> str:
    if node.kind is nodes.ScalarKind.NOTHING:
        return "give it a value, or leave the key out"
    if nodes.ScalarKind.TEXT in form.kinds:
        return f'if it is meant as text, put it in quotes: "{node.text[:40]}"'
    if form.pattern.fullmatch(node.text):
        return f"write it without quotes: {node.text}"
    return f"write {form.wants}"


def _wrong_form(key: str, text: str, form: Form, origin: Origin) -> BadValue:
    value = "what it is" if _SECRET.search(key) else shown(text)
    what = f"{shown(key)} must be {form.wants}, not {value}"
    return BadValue(what, origin=origin, fix=f"write {form.wants}")


def _is_free_space(key: str, level: Level) -> bool:
    return bool(level.structure) and key.startswith(_FREE_SPACE)


def _unknown_key(key: nodes.Scalar, level: Level) -> UnknownKey:
    what = f"{shown(key.text)} is no key of {level.title}"
    if key.text in INHERITED:
        fix = "set it in the project file, or below a target's name in `targets`"
    else:
        fix = did_you_mean(key.text, level.keys())
    return UnknownKey(what, origin=key.origin, fix=fix)


def _displayed(key: str, text: str | None) -> str:
    if text is None:
        return SUBMITTED if key == "master" else ""
    return "***" if _SECRET.search(key) else text
