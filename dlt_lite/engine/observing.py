"""Read what an observation saw, without waiting for ever."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from py4j.protocol import Py4JError
from pyspark.sql import Column, DataFrame, Observation

_PAUSE = 0.01


def observe(frame: DataFrame, columns: Sequence[Column]) -> tuple[DataFrame, Observation]:
    """Return a frame whose next action also computes some aggregates, and who sees them."""
    observation = Observation()
    return frame.observe(observation, *columns), observation


def observed(observation: Observation, *, patience: float) -> dict[str, Any] | None:
    """Return what an observation saw, None where nothing came in so many seconds."""
    java: Any = observation._jo
    deadline = time.monotonic() + patience
    while not java.future().isCompleted():
        if time.monotonic() > deadline:
            return None
        time.sleep(_PAUSE)
    try:
        return dict(observation.get)
    except Py4JError:
        return None
