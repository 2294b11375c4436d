"""Values of rows → values that JSON has."""

from __future__ import annotations

import base64
import datetime as dt
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal

from dlt_lite.model.task_values import Json


def plain_value(value: object) -> Json:
    """Return a value of a row as JSON can say it: structs as objects, bytes as base64."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case Decimal() | dt.timedelta():
            return str(value)
        case dt.datetime() | dt.date():
            return value.isoformat()
        case bytes() | bytearray():
            return base64.b64encode(value).decode()
        case _:
            return _plain_whole(value)


def _plain_whole(value: object) -> Json:
    # A struct comes as PySpark's Row, a tuple that knows the names of its fields.
    as_dict = getattr(value, "asDict", None)
    if as_dict is not None:
        value = as_dict()
    if isinstance(value, Mapping):
        return {str(key): plain_value(each) for key, each in value.items()}
    if isinstance(value, Sequence):
        return [plain_value(each) for each in value]
    return str(value)
