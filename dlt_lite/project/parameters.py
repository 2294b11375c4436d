"""`--param key=value` → a mapping."""

from __future__ import annotations

from collections.abc import Iterable

from dlt_lite.errors import BadParameter
from dlt_lite.model.origin import Origin
from dlt_lite.project.suggestions import shown


def parse_parameters(texts: Iterable[str], *, flag: str = "--param") -> dict[str, str]:
    """Split parameters at their first `=`.

    Args:
        texts: what stood behind each flag.
        flag: the flag.

    Raises:
        BadParameter: no `=`, nothing before it, or a key that comes twice.
    """
    parameters: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            message = f"{shown(text)} is not key=value"
            fix = f"write {flag} key=value; the value may hold anything, also more `=`"
            raise BadParameter(message, origin=Origin(f"flag {flag}"), fix=fix)
        name = key.strip()
        if name in parameters:
            message = f"{shown(name)} is given twice"
            raise BadParameter(message, origin=Origin(f"flag {flag}"), fix="keep one of the two")
        parameters[name] = value
    return parameters
