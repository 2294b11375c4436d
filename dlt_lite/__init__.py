"""The front door: all that a pipeline file needs, by `import dlt_lite as dlt`.

A name's module is imported when the name is first asked for: importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from dlt_lite.version import VERSION as __version__  # noqa: N811 - the name that tools look for

if TYPE_CHECKING:
    from dlt_lite.api.datasets import (
        append_flow,
        create_streaming_table,
        materialized_view,
        table,
        temporary_view,
        view,
    )
    from dlt_lite.api.expectations import (
        expect,
        expect_all,
        expect_all_or_drop,
        expect_all_or_fail,
        expect_or_drop,
        expect_or_fail,
    )
    from dlt_lite.api.readers import read, read_stream
    from dlt_lite.workspace import Project

__all__ = [
    "Project",
    "__version__",
    "append_flow",
    "create_streaming_table",
    "expect",
    "expect_all",
    "expect_all_or_drop",
    "expect_all_or_fail",
    "expect_or_drop",
    "expect_or_fail",
    "materialized_view",
    "read",
    "read_stream",
    "table",
    "temporary_view",
    "view",
]

_HOMES = {
    "Project": "dlt_lite.workspace",
    "append_flow": "dlt_lite.api.datasets",
    "create_streaming_table": "dlt_lite.api.datasets",
    "expect": "dlt_lite.api.expectations",
    "expect_all": "dlt_lite.api.expectations",
    "expect_all_or_drop": "dlt_lite.api.expectations",
    "expect_all_or_fail": "dlt_lite.api.expectations",
    "expect_or_drop": "dlt_lite.api.expectations",
    "expect_or_fail": "dlt_lite.api.expectations",
    "materialized_view": "dlt_lite.api.datasets",
    "read": "dlt_lite.api.readers",
    "read_stream": "dlt_lite.api.readers",
    "table": "dlt_lite.api.datasets",
    "temporary_view": "dlt_lite.api.datasets",
    "view": "dlt_lite.api.datasets",
}

# Hidden from type checkers, which would take every misspelt name for one that this may answer.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import a public name's module on first use, and keep the name."""
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(home), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """Return the public names."""
    return list(__all__)
