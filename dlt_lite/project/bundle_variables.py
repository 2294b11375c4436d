"""`${…}` in a job's values: what bundles write there, beside the environment's variables.

`${resources.pipelines.clicks.id}` means the pipeline `clicks`, since here a name is the id;
`${secrets.scope.key}` becomes the reference `{{secrets/scope/key}}`, which is filled in late.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from dlt_lite.project.nodes import Scalar
from dlt_lite.project.variables import substitute

_OURS = re.compile(
    r"(?<!\$)\$\{(?:"
    r"resources\.(?:pipelines|jobs)\.(?P<resource>[A-Za-z0-9_-]+)\.(?:id|name)"
    r"|secrets\.(?P<scope>[A-Za-z0-9_-]+)\.(?P<key>[A-Za-z0-9_.-]+)"
    r"|(?P<target>bundle\.target)"
    r")\}"
)


def filled_in(node: Scalar, *, environ: Mapping[str, str], target: str) -> str:
    """Return a value's text with its variables filled in; what they hold is not looked at again.

    Args:
        node: the value.
        environ: the environment, for `${env.X}`.
        target: the target's name, for `${bundle.target}`.

    Raises:
        MissingVariable: a variable of the environment is not set.
        BadValue: another kind of reference, or one that does not end.
    """
    parts: list[str] = []
    position = 0
    for match in _OURS.finditer(node.text):
        before = node.text[position : match.start()]
        parts += [substitute(before, environ=environ, origin=node.origin), _meaning(match, target)]
        position = match.end()
    parts.append(substitute(node.text[position:], environ=environ, origin=node.origin))
    return "".join(parts)


def _meaning(match: re.Match[str], target: str) -> str:
    if match["resource"] is not None:
        return match["resource"]
    if match["scope"] is not None:
        return f"{{{{secrets/{match['scope']}/{match['key']}}}}}"
    return target
