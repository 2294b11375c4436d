"""What py4j and Spark raise, as text; and whether the JVM is still there."""

from __future__ import annotations

from typing import Any

from py4j.protocol import Py4JError, Py4JNetworkError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from dlt_lite.errors import SessionFailed

# What working with a session may raise: Spark refuses, the JVM refuses, or it is gone.
SPARK_ERRORS = (PySparkException, Py4JError, OSError)
_GONE = ("Answer from Java side is empty", "Error while sending or receiving")


def text_of(error: BaseException) -> str:
    """Return what an exception and its Java causes say, also where the JVM is gone by now."""
    try:
        text = str(error)
        cause: object = getattr(error, "_cause", None)
        while cause is not None:
            text += f"\nCaused by: {cause}"
            cause = getattr(cause, "_cause", None)
    except (Py4JError, AssertionError) as gone:
        # PySpark asserts that its JVM is there.
        return f"{_GONE[0]}: {gone}"
    return text


def jvm_gone() -> SessionFailed:
    """Return the error that says that the JVM is gone."""
    fix = "look into the run's spark.log: memory may have run out; then run it again"
    return SessionFailed("Spark's JVM has ended", fix=fix)


def is_dead(error: BaseException) -> bool:
    """Return whether an exception says that the JVM is gone."""
    if isinstance(error, Py4JNetworkError | ConnectionError):
        return True
    return says_gone(text_of(error))


def says_gone(text: str) -> bool:
    """Return whether a text is what an exception says for which the JVM is gone."""
    return any(each in text for each in _GONE)


def has_ended(session: SparkSession) -> bool:
    """Return whether a session's JVM has ended, or is about to."""
    context: Any = session.sparkContext._jsc
    try:
        return bool(context.sc().isStopped())
    except SPARK_ERRORS as error:
        return is_dead(error)
