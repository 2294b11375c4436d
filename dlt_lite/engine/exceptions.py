"""What py4j and Spark raise, as text; and whether the JVM is still there."""

from __future__ import annotations

from py4j.protocol import Py4JError, Py4JNetworkError

_GONE = ("Answer from Java side is empty", "Error while sending or receiving")


def text_of(error: BaseException) -> str:
    """Return what an exception says, also where the JVM that would say it is gone."""
    try:
        return str(error)
    except Py4JError as gone:
        return f"{_GONE[0]}: {gone}"


def is_dead(error: BaseException) -> bool:
    """Return whether an exception says that the JVM is gone."""
    if isinstance(error, Py4JNetworkError | ConnectionError):
        return True
    return any(each in text_of(error) for each in _GONE)
