"""`targets` of a job file: what a target changes in it, merged as Databricks' bundles do.

Mappings are merged key by key, tasks by their `task_key`, a job's parameters by their names; any
other list, and any value, is replaced; `null` takes a key away.
"""

from __future__ import annotations

from collections.abc import Collection

from dlt_lite.errors import BadValue, ConfigProblem, UnknownTarget
from dlt_lite.project import nodes
from dlt_lite.project.bundle_files import is_bundle
from dlt_lite.project.suggestions import did_you_mean, shown

_TARGETS = "targets"
_NAMED_BY = {"tasks": "task_key", "parameters": "name"}


def as_seen_by(
    mapping: nodes.Mapping, target: str, known: Collection[str], found: list[ConfigProblem]
) -> nodes.Mapping:
    """Return a job file as a target sees it, without its `targets`.

    Args:
        mapping: the file.
        target: the target.
        known: the targets of the project.
        found: where problems are added.
    """
    others = tuple(entry for entry in mapping.entries if entry.key.text != _TARGETS)
    seen = nodes.Mapping(others, mapping.origin)
    for name, changes in _targets(mapping, found):
        if name.text not in known:
            if is_bundle(mapping):
                continue
            what = f"no target is called {shown(name.text)}"
            fix = did_you_mean(name.text, sorted(known))
            found.append(UnknownTarget(what, origin=name.origin, fix=fix))
        elif name.text == target:
            return _merged(seen, changes)
    return seen


def targets_named(mapping: nodes.Mapping) -> tuple[str, ...]:
    """Return the targets for which a job file says something of its own."""
    return tuple(name.text for name, _ in _targets(mapping, []))


def _targets(
    mapping: nodes.Mapping, found: list[ConfigProblem]
) -> list[tuple[nodes.Scalar, nodes.Mapping]]:
    node = _value(mapping, _TARGETS)
    if node is None or nodes.is_nothing(node):
        return []
    if not isinstance(node, nodes.Mapping):
        what = f"targets must be names with keys of the job below, not {nodes.kind_of(node)}"
        found.append(BadValue(what, origin=node.origin, fix="write `NAME:` below it, indented"))
        return []
    targets: list[tuple[nodes.Scalar, nodes.Mapping]] = []
    for entry in node.entries:
        if isinstance(entry.value, nodes.Mapping):
            targets.append((entry.key, entry.value))
        elif not nodes.is_nothing(entry.value):
            kind = nodes.kind_of(entry.value)
            what = f"the target {shown(entry.key.text)} must be keys of the job, not {kind}"
            fix = "write what differs there below it, indented"
            found.append(BadValue(what, origin=entry.value.origin, fix=fix))
    return targets


def _merged(base: nodes.Mapping, over: nodes.Mapping) -> nodes.Mapping:
    left = {entry.key.text: entry for entry in over.entries}
    entries: list[nodes.Entry] = []
    for entry in base.entries:
        other = left.pop(entry.key.text, None)
        if other is None:
            entries.append(entry)
        else:
            value = _merged_value(entry.key.text, entry.value, other.value)
            entries.append(nodes.Entry(other.key, value))
    return nodes.Mapping((*entries, *left.values()), base.origin)


def _merged_value(key: str, base: nodes.Node, over: nodes.Node) -> nodes.Node:
    if isinstance(base, nodes.Mapping) and isinstance(over, nodes.Mapping):
        return _merged(base, over)
    named_by = _NAMED_BY.get(key)
    if isinstance(base, nodes.Sequence) and isinstance(over, nodes.Sequence) and named_by:
        return _merged_list(base, over, named_by)
    return over


def _merged_list(base: nodes.Sequence, over: nodes.Sequence, named_by: str) -> nodes.Sequence:
    """Merge lists of mappings by one of their values; lists of anything else are replaced."""
    pairs = [(_name(item, named_by), item) for item in (*base.items, *over.items)]
    if any(name is None for name, _ in pairs):
        return over
    changes = {_name(item, named_by): item for item in over.items}
    items: list[nodes.Node] = []
    for item in base.items:
        change = changes.pop(_name(item, named_by), None)
        items.append(item if change is None else _merged_value("", item, change))
    return nodes.Sequence((*items, *changes.values()), over.origin)


def _name(item: nodes.Node, named_by: str) -> str | None:
    found = _value(item, named_by) if isinstance(item, nodes.Mapping) else None
    return found.text if isinstance(found, nodes.Scalar) else None


def _value(mapping: nodes.Mapping, key: str) -> nodes.Node | None:
    values = (entry.value for entry in mapping.entries if entry.key.text == key)
    return next(values, None)
