"""Expectations that SQL cannot decide: the real Great Expectations looks at the written table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pyspark.sql import DataFrame

from dlt_lite.engine.hiding import without_values
from dlt_lite.model.checks import GreatExpectation
from dlt_lite.model.samples import MASKED, SampleSettings
from dlt_lite.suites.great_expectations import expectation, module, quietly

_LONGEST_OBSERVED = 200


class Undecided(RuntimeError):
    """Great Expectations could not decide; the text says why."""


def decided_by_great_expectations(
    frame: DataFrame, check: GreatExpectation, samples: SampleSettings
) -> tuple[int, int, str]:
    """Let Great Expectations decide an expectation; costs scans of the frame, caches nothing.

    Args:
        frame: the table's rows, at the version that was committed.
        check: the expectation.
        samples: which columns' values are never shown.

    Returns:
        How many rows it looked at, 1 where it does not say; 0 where the expectation holds, else 1,
        since `mostly` and the like are its own matter; and what it found, as a person reads it.

    Raises:
        Undecided: it could not decide.
    """
    kwargs = json.loads(check.kwargs)
    wanted = expectation(check.type, kwargs)
    with quietly(), _asked(frame) as batch:
        result = batch.validate(wanted, result_format="BASIC")
    if (problem := _problem(result.exception_info)) is not None:
        raise Undecided(without_values(problem) if samples.mask else problem)
    is_hidden = any(map(samples.hides, _names_in(kwargs)))
    found: Mapping[str, Any] = result.result
    rows = found.get("element_count")
    told = _observed(found, is_hidden=is_hidden)
    return (1 if rows is None else int(rows)), int(not bool(result.success)), told


@contextmanager
def _asked(frame: DataFrame) -> Iterator[Any]:
    """Yield a frame as a batch of a context that leaves nothing behind."""
    context = module().get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_spark("dlt_lite", persist=False)
    whole = source.add_dataframe_asset("table").add_batch_definition_whole_dataframe("all")
    yield whole.get_batch(batch_parameters={"dataframe": frame})


def _problem(info: Mapping[str, Any]) -> str | None:
    """Return the first line of what went wrong: it stands by itself, or below each metric."""
    told = [info, *(each for each in info.values() if isinstance(each, Mapping))]
    for each in told:
        if each.get("raised_exception"):
            lines = str(each.get("exception_message") or "it gave no reason").strip().splitlines()
            return lines[0] if lines else "it gave no reason"
    return None


def _names_in(kwargs: object) -> Iterator[str]:
    """Yield each text among arguments; a field of a struct as the names that lead to it, too."""
    match kwargs:
        case str():
            yield from (kwargs, *kwargs.split("."))
        case Mapping():
            for each in kwargs.values():
                yield from _names_in(each)
        case list():
            for each in kwargs:
                yield from _names_in(each)
        case _:
            pass


def _observed(found: Mapping[str, Any], *, is_hidden: bool) -> str:
    if "unexpected_count" in found and "element_count" in found:
        bad, rows = found["unexpected_count"] or 0, found["element_count"] or 0
        return f"{bad:,} of {rows:,} rows break it"
    if is_hidden and found.get("observed_value") is not None:
        return MASKED
    value = found.get("observed_value", "")
    return "NULL" if value is None else str(value)[:_LONGEST_OBSERVED]
