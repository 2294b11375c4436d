"""Great Expectations itself, imported when it is first needed: that takes seconds and much memory.

Needed by two alone: what decides the expectations that SQL cannot, and what writes its own results.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

_PACKAGE = "great_expectations"


@contextmanager
def quietly() -> Iterator[None]:
    """Keep its warnings and its log to itself: both speak of its own ways."""
    log = logging.getLogger(_PACKAGE)
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def module(name: str = "") -> Any:  # noqa: ANN401 - its types are its own
    """Return a module of it.

    Args:
        name: the module below the package, with dots; the package itself by default.
    """
    # Older and later versions may want to tell of their use.
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "False")
    with quietly(), _as_a_program():
        return import_module(f"{_PACKAGE}.{name}" if name else _PACKAGE)


@contextmanager
def _as_a_program() -> Iterator[None]:
    """Let the main module have a file, as a program's has.

    PySpark takes a process whose main module has none, such as a worker of pytest, for one that
    runs its doctests, and ends it where Spark Connect's packages are missing.
    """
    main = sys.modules["__main__"]
    if hasattr(main, "__file__"):
        yield
        return
    main.__file__ = ""
    try:
        yield
    finally:
        del main.__file__


def expectation(type_: str, kwargs: Mapping[str, Any], **about: Any) -> Any:  # noqa: ANN401
    """Return an expectation as one of its own objects.

    Args:
        type_: the expectation's type.
        kwargs: its arguments.
        about: `meta`, `severity` and the like.
    """
    registry = module("expectations.registry")
    with quietly():
        return registry.get_expectation_impl(type_)(**kwargs, **about)
