"""`${env.X}` in a value → the environment's text. Knows no setting and no file format."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dlt_lite.errors import BadValue, MissingVariable
from dlt_lite.model.origin import Origin
from dlt_lite.project.suggestions import closest, shown

_REFERENCE = re.compile(
    r"\$\$\{"
    r"|\$\{env\.(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<fallback>[^}]*))?\}"
    r"|(?P<other>\$\{[^}]*\}?)"
)
_ENVIRONMENT = "${env.NAME} or ${env.NAME:-default}"
_REMEDIES = {
    "bundle": "there are ${bundle.target} and, in a file with `bundle: {name: …}`, ${bundle.name}",
    "resources": "write ${resources.pipelines.NAME.id} or ${resources.jobs.NAME.id}, in a job",
    "secrets": "write ${secrets.SCOPE.KEY}, in a value of a job's task",
    "var": "give it a `default` below `variables`, beside `resources`, or set BUNDLE_VAR_NAME",
    "workspace": f"there is no workspace here: write the value itself, or {_ENVIRONMENT}",
}


def has_variables(text: str) -> bool:
    """Return whether a value is known only once the environment is."""
    return "${" in text


def substitute(text: str, *, environ: Mapping[str, str], origin: Origin) -> str:
    """Resolve `${env.X}`, `${env.X:-default}` and the literal `$${`.

    As in a shell, the default also stands in for an empty variable. What a variable holds is not
    looked at again, so that no value can grow or reach another.

    Args:
        text: the value as it was written.
        environ: the environment.
        origin: where the value stands.

    Raises:
        MissingVariable: a variable without default is not set.
        BadValue: another kind of reference, or one that does not end.
    """

    def resolved(match: re.Match[str]) -> str:
        if match["other"] is not None:
            message = f"{shown(match['other'])} is no reference"
            raise BadValue(message, origin=origin, fix=_remedy(match["other"]))
        if match["name"] is None:
            return "${"
        return _variable(match, environ, origin)

    return _REFERENCE.sub(resolved, text)


def _remedy(reference: str) -> str:
    space = reference.removeprefix("${").partition(".")[0].rstrip("}")
    return _REMEDIES.get(space, f"write {_ENVIRONMENT}; a literal ${{ is written $${{")


def _variable(match: re.Match[str], environ: Mapping[str, str], origin: Origin) -> str:
    name, fallback = match["name"], match["fallback"]
    value = environ.get(name)
    if fallback is not None:
        return value or fallback
    if value is None:
        similar = closest(name, environ)
        hint = f"; did you mean {similar}?" if similar is not None else ""
        raise MissingVariable(
            f"the environment variable {name} is not set",
            origin=origin,
            fix=f"set it, or give a default: ${{env.{name}:-default}}{hint}",
        )
    return value
