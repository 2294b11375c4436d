"""A bundle's file as a job.yml: its variables are filled in, the rest beside `resources` is noted.

A file with `bundle:` is taken as it is: targets that the project does not have say nothing here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from dlt_lite.errors import BadValue, ConfigProblem, UnknownKey
from dlt_lite.model.jobs import IgnoredKey
from dlt_lite.project import job_keys, nodes
from dlt_lite.project.suggestions import did_you_mean, shown

_RESOURCES, _TARGETS, _VARIABLES, _BUNDLE = "resources", "targets", "variables", "bundle"
_DEPLOYED = "nothing is deployed: files are read and run where they lie"
_RIGHTS = "rights are those of the person or service that runs the command"
_COMPUTE = "there is no cluster to choose: Spark is that of the project's target"
_NOT_USED: Mapping[str, str] = {
    _BUNDLE: "only its name is used, as ${bundle.name}",
    "artifacts": _DEPLOYED,
    "environments": "what tasks import is installed in the environment of dlt_lite",
    "experimental": _DEPLOYED,
    "include": "every job.yml of the project is read, and no other file",
    "permissions": _RIGHTS,
    "presets": _DEPLOYED,
    "python": "jobs in Python stand in a job.py",
    "run_as": _RIGHTS,
    "scripts": "commands of the machine are shell tasks",
    "sync": _DEPLOYED,
    "workspace": "there is no workspace: files are read from the project's folder",
}
_NOT_USED_OF_TARGET: Mapping[str, str] = {
    **_NOT_USED,
    "cluster_id": _COMPUTE,
    "compute_id": _COMPUTE,
    "default": "the default target is `target` of the project's file",
    "git": _DEPLOYED,
    "mode": "jobs run under their own names; pause a schedule by `pause_status`",
}
_READ = frozenset({_RESOURCES, _TARGETS, _VARIABLES})
_READ_OF_TARGET = frozenset({_RESOURCES, _VARIABLES})
_SPECIFICATION = frozenset({"default", "description", "lookup", "type"})
_REFERENCE = re.compile(r"(?<!\$)\$\{(?P<name>bundle\.name|var\.[A-Za-z_][A-Za-z0-9_-]*)\}")
_FROM_ENVIRONMENT = "BUNDLE_VAR_"

Values = Mapping[str, nodes.Node]


def is_bundle(mapping: nodes.Mapping) -> bool:
    """Tell whether a file is a bundle's own."""
    return _value(mapping, _BUNDLE) is not None


def resources_of(mapping: nodes.Mapping, environ: Mapping[str, str]) -> nodes.Node | None:
    """Return what stands below `resources`, `${var.X}` and `${bundle.name}` filled in.

    What has no value stays as it is, so that only those who read it complain.

    Args:
        mapping: the file, as the target sees it.
        environ: the environment; `BUNDLE_VAR_X` gives a variable another value.
    """
    found = _value(mapping, _RESOURCES)
    return None if found is None else _filled(found, _values(mapping, environ))


def not_used(
    mapping: nodes.Mapping, known: Collection[str], found: list[ConfigProblem]
) -> Iterator[IgnoredKey]:
    """Yield what a file says beside `resources` that does nothing here.

    Args:
        mapping: the file as it is written.
        known: the targets of the project.
        found: where problems are added.
    """
    yield from _sorted_out(mapping.entries, "", _READ, found)
    targets = _value(mapping, _TARGETS)
    for entry in targets.entries if isinstance(targets, nodes.Mapping) else ():
        path = f"{_TARGETS}.{entry.key.text}"
        if entry.key.text not in known and is_bundle(mapping):
            reason = "the project has no such target: `targets` of its file names those it has"
            yield IgnoredKey("", path, reason, entry.key.origin)
        elif isinstance(entry.value, nodes.Mapping):
            yield from _sorted_out(entry.value.entries, f"{path}.", _READ_OF_TARGET, found)


def _sorted_out(
    entries: Collection[nodes.Entry], path: str, read: frozenset[str], found: list[ConfigProblem]
) -> Iterator[IgnoredKey]:
    reasons = _NOT_USED_OF_TARGET if path else _NOT_USED
    for entry in entries:
        key, origin = entry.key.text, entry.key.origin
        if key in reasons:
            yield IgnoredKey("", f"{path}{key}", reasons[key], origin)
        elif key in job_keys.JOB.read | job_keys.JOB.cloud.keys():
            what = f"{shown(key)} stands beside `resources`"
            fix = "write it into the job, below `resources: {jobs: …}`"
            found.append(BadValue(what, origin=origin, fix=fix))
        elif key not in read and not key.startswith("x-"):
            what = f"{shown(key)} is no key that stands beside `resources`"
            fix = did_you_mean(key, read | reasons.keys())
            found.append(UnknownKey(what, origin=origin, fix=fix))


def _values(mapping: nodes.Mapping, environ: Mapping[str, str]) -> Values:
    """Return what each reference means, as far as that is known."""
    values: dict[str, nodes.Node] = {}
    bundle = _value(mapping, _BUNDLE)
    name = _value(bundle, "name") if isinstance(bundle, nodes.Mapping) else None
    if name is not None:
        values["bundle.name"] = name
    variables = _value(mapping, _VARIABLES)
    for entry in variables.entries if isinstance(variables, nodes.Mapping) else ():
        value = _value_of_variable(entry, environ)
        if value is not None:
            values[f"var.{entry.key.text}"] = value
    return values


def _value_of_variable(entry: nodes.Entry, environ: Mapping[str, str]) -> nodes.Node | None:
    given = environ.get(f"{_FROM_ENVIRONMENT}{entry.key.text}")
    if given is not None:
        # What a variable of the environment holds is not looked at again.
        return nodes.Scalar(given.replace("${", "$${"), _kind_of(given), entry.key.origin)
    value = entry.value
    if isinstance(value, nodes.Mapping) and _is_specification(value):
        found = _value(value, "default")
        return None if found is None or nodes.is_nothing(found) else found
    return None if nodes.is_nothing(value) else value


def _kind_of(text: str) -> nodes.ScalarKind:
    if text.lower() in {"true", "false"}:
        return nodes.ScalarKind.BOOLEAN
    return nodes.ScalarKind.WHOLE if text.isdigit() else nodes.ScalarKind.TEXT


def _is_specification(value: nodes.Mapping) -> bool:
    return {entry.key.text for entry in value.entries} <= _SPECIFICATION


def _filled(node: nodes.Node, values: Values) -> nodes.Node:
    match node:
        case nodes.Mapping():
            entries = (nodes.Entry(each.key, _filled(each.value, values)) for each in node.entries)
            return nodes.Mapping(tuple(entries), node.origin)
        case nodes.Sequence():
            return nodes.Sequence(tuple(_filled(each, values) for each in node.items), node.origin)
        case nodes.Scalar(kind=nodes.ScalarKind.TEXT):
            return _filled_scalar(node, values)
        case nodes.Scalar():
            return node


def _filled_scalar(node: nodes.Scalar, values: Values) -> nodes.Node:
    """Return a value with its references filled in; one that is a whole reference may be a list."""
    whole = _REFERENCE.fullmatch(node.text)
    if whole is not None and whole["name"] in values:
        return values[whole["name"]]

    def meaning(match: re.Match[str]) -> str:
        found = values.get(match["name"])
        return found.text if isinstance(found, nodes.Scalar) else match[0]

    return nodes.Scalar(_REFERENCE.sub(meaning, node.text), node.kind, node.origin)


def _value(mapping: nodes.Mapping, key: str) -> nodes.Node | None:
    values = (entry.value for entry in mapping.entries if entry.key.text == key)
    return next(values, None)
