"""The front door: all that a pipeline or job file needs, by `import dlt_lite as dlt`.

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
        expect_all_or_quarantine,
        expect_or_drop,
        expect_or_fail,
        expect_or_quarantine,
    )
    from dlt_lite.api.jobs import (
        condition_task,
        for_each_task,
        job,
        outcome,
        pipeline_task,
        python_file_task,
        run_job_task,
        shell_task,
        sql_task,
        task,
    )
    from dlt_lite.api.readers import read, read_stream
    from dlt_lite.api.task_values import task_values
    from dlt_lite.api.wide_expectations import (
        expect_aggregate,
        expect_foreign_key,
        expect_fresh,
        expect_max_drop_ratio,
        expect_row_count_change,
        expect_schema,
        expect_unique,
    )
    from dlt_lite.workspace import Project

__all__ = [
    "Project",
    "__version__",
    "append_flow",
    "condition_task",
    "create_streaming_table",
    "expect",
    "expect_aggregate",
    "expect_all",
    "expect_all_or_drop",
    "expect_all_or_fail",
    "expect_all_or_quarantine",
    "expect_foreign_key",
    "expect_fresh",
    "expect_max_drop_ratio",
    "expect_or_drop",
    "expect_or_fail",
    "expect_or_quarantine",
    "expect_row_count_change",
    "expect_schema",
    "expect_unique",
    "for_each_task",
    "job",
    "materialized_view",
    "outcome",
    "pipeline_task",
    "python_file_task",
    "read",
    "read_stream",
    "run_job_task",
    "shell_task",
    "sql_task",
    "table",
    "task",
    "task_values",
    "temporary_view",
    "view",
]

_HOMES = {
    "Project": "dlt_lite.workspace",
    "append_flow": "dlt_lite.api.datasets",
    "condition_task": "dlt_lite.api.jobs",
    "create_streaming_table": "dlt_lite.api.datasets",
    "expect": "dlt_lite.api.expectations",
    "expect_aggregate": "dlt_lite.api.wide_expectations",
    "expect_all": "dlt_lite.api.expectations",
    "expect_all_or_drop": "dlt_lite.api.expectations",
    "expect_all_or_fail": "dlt_lite.api.expectations",
    "expect_all_or_quarantine": "dlt_lite.api.expectations",
    "expect_foreign_key": "dlt_lite.api.wide_expectations",
    "expect_fresh": "dlt_lite.api.wide_expectations",
    "expect_max_drop_ratio": "dlt_lite.api.wide_expectations",
    "expect_or_drop": "dlt_lite.api.expectations",
    "expect_or_fail": "dlt_lite.api.expectations",
    "expect_or_quarantine": "dlt_lite.api.expectations",
    "expect_row_count_change": "dlt_lite.api.wide_expectations",
    "expect_schema": "dlt_lite.api.wide_expectations",
    "expect_unique": "dlt_lite.api.wide_expectations",
    "for_each_task": "dlt_lite.api.jobs",
    "job": "dlt_lite.api.jobs",
    "materialized_view": "dlt_lite.api.datasets",
    "outcome": "dlt_lite.api.jobs",
    "pipeline_task": "dlt_lite.api.jobs",
    "python_file_task": "dlt_lite.api.jobs",
    "read": "dlt_lite.api.readers",
    "read_stream": "dlt_lite.api.readers",
    "run_job_task": "dlt_lite.api.jobs",
    "shell_task": "dlt_lite.api.jobs",
    "sql_task": "dlt_lite.api.jobs",
    "table": "dlt_lite.api.datasets",
    "task": "dlt_lite.api.jobs",
    "task_values": "dlt_lite.api.task_values",
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
