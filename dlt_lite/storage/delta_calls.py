"""Delta's own API inside user code: reading is free, whatever else it can do is refused there."""

from __future__ import annotations

import functools
from collections.abc import Callable

from delta.tables import DeltaTable

from dlt_lite.engine.interception import refuse_write

_READS = frozenset({"toDF", "alias", "history", "detail", "forPath", "forName", "isDeltaTable"})
_MARK = "_dlt_lite_refuses"


def refuse_delta_writes() -> None:
    """Patch `DeltaTable`, once in a process: a method that is not known to read is refused."""
    if hasattr(DeltaTable, _MARK):
        return
    setattr(DeltaTable, _MARK, True)
    for name, own in list(vars(DeltaTable).items()):
        if not name.startswith("_") and name not in _READS:
            setattr(DeltaTable, name, _refusing(own))


def _refusing(own: object) -> object:
    if isinstance(own, classmethod):
        return classmethod(_refusing_call(own.__func__))
    return _refusing_call(own) if callable(own) else own


def _refusing_call(original: Callable[..., object]) -> Callable[..., object]:
    @functools.wraps(original)
    def call(*args: object, **kwargs: object) -> object:
        refuse_write()
        return original(*args, **kwargs)

    return call
