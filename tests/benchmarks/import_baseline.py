"""Import a project's pipeline files with a `dlt_lite` that does nothing: what loading them costs.

`validate` imports the user's files, which import pyspark; that part is not ours. A stand-in whose
decorators hand the function back takes dlt_lite's place here, so that the difference is ours.
Frozen.

    python -m tests.benchmarks.import_baseline DIR
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any


class StandIn(ModuleType):
    """A module any name of which is a decorator that hands the function back."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)

        def decorator(*given: Any, **_options: Any) -> Any:
            if len(given) == 1 and callable(given[0]):
                return given[0]
            return lambda function: function

        return decorator


def main() -> None:
    """Import every Python file under the project's pipelines."""
    sys.modules["dlt_lite"] = StandIn("dlt_lite")
    for file in sorted(Path(sys.argv[1]).glob("pipelines/*/*.py")):
        runpy.run_path(str(file))


if __name__ == "__main__":
    main()
