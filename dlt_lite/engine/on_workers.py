"""What goes to workers with a Python function. No worker needs this package for it."""

from __future__ import annotations

import copyreg
import functools
import sys
from typing import Any, NoReturn

from pyspark import cloudpickle


class NoSpark:
    """Stands where a module that travels to a worker holds `spark`."""

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse any use.

        Raises:
            AttributeError: Python itself asks, as pickle does.
            RuntimeError: a function that runs on workers uses `spark`.
        """
        if name.startswith("__"):
            raise AttributeError(name)
        message = "spark cannot be used inside a function that runs on workers"
        raise RuntimeError(message)


def let_functions_travel() -> None:
    """Let a function take along what stands for `spark`, and functions with a cache."""
    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # type: ignore[no-untyped-call]
    copyreg.pickle(functools._lru_cache_wrapper, _cache_reduced)


def _cache_reduced(cached: Any) -> Any:
    """Return how a function with a cache travels: by its name, or with its code and no entries."""
    name: str = cached.__reduce__()
    if cached.__module__ not in cloudpickle.list_registry_pickle_by_value():  # type: ignore[no-untyped-call]
        return name
    made_from = (cached.__wrapped__, *cached.cache_parameters().values(), functools._CacheInfo)
    return type(cached), made_from, vars(cached)
