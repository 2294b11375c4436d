"""What an update did → lines for a task's log, and how the task ended."""

from __future__ import annotations

from collections.abc import Iterator

from dlt_lite.jobs.calls import Failed
from dlt_lite.report.summary import UpdateResult
from dlt_lite.report.words import counted

_IDLE = frozenset({"skip", "none"})


def told_update(result: UpdateResult) -> Iterator[str]:
    """Yield what an update did, a line a dataset."""
    yield f"update {result.update_id} of {result.pipeline}: {result.state}"
    for each in result.datasets:
        if each.action in _IDLE and each.state == "COMPLETED":
            yield f"{each.name}: up to date"
            continue
        rows = f"{counted(each.rows_written, 'row')} written, {each.rows_dropped:,} dropped"
        version = "" if each.version is None else f", version {each.version}"
        yield f"{each.name}: {each.action} {each.state}, {rows}{version}"
        for rule in each.expectations:
            if rule.failed:
                yield f"  {rule.name} ({rule.action}): {counted(rule.failed, 'row')} failed"
        if each.error is not None:
            yield each.error
    if result.error is not None:
        yield result.error


def failed_answer(result: UpdateResult) -> Failed:
    """Return how a task ends whose update did not come to its end."""
    failed = [each for each in result.datasets if each.error is not None]
    first = failed[0].error if failed else result.error
    told = (first or f"the update ended {result.state}").splitlines()[0]
    names = ", ".join(each.name for each in failed)
    where = f"update {result.update_id} of pipeline {result.pipeline}"
    return Failed(f"{where}: {names}: {told}" if names else f"{where}: {told}")
