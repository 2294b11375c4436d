"""`--param key=value` → a mapping."""

from __future__ import annotations

from collections.abc import Iterable

from dlt_lite.errors import BadParameter
from dlt_lite.model.origin import Origin
from dlt_lite.project.suggestions import shown


def parse_parameters(texts: Iterable[str], *, flag: str = "--param") -> dict[str, str]:
    """Split parameters at their first `=`; the last of several with one key wins.

    Args:
        texts: what stood behind each flag.
        flag: the flag.

    Raises:
        BadParameter: no `=`, or nothing before it.
    """
    parameters: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            message = f"{shown(text)} is not key=value"
            fix = f"write {flag} key=value; the value may hold anything, also more `=`"
            raise BadParameter(message, origin=Origin(f"flag {flag}"), fix=fix)
        parameters[key.strip()] = value
    return parameters
