"""A question on the terminal, and its answer."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from dlt_lite.cli.escaping import lines
from dlt_lite.cli.streams import Streams

_YES = frozenset({"y", "yes"})


def can_ask(streams: Streams) -> bool:
    """Return whether somebody is there to answer."""
    return sys.stdin is not None and sys.stdin.isatty() and streams.err_is_terminal


def asker(
    streams: Streams, *during: Callable[[], AbstractContextManager[object]]
) -> Callable[[str], bool]:
    """Return a function that asks a question and returns whether the answer is yes.

    Args:
        streams: where it is asked: on stderr.
        during: what has to hold while it waits, such as a live table that makes room.
    """

    def ask(question: str) -> bool:
        with _all(during):
            streams.say_at_once(f"{lines(question)} [y/N] ")
            return sys.stdin.readline().strip().lower() in _YES

    return ask


@contextmanager
def _all(managers: tuple[Callable[[], AbstractContextManager[object]], ...]) -> Iterator[None]:
    with ExitStack() as stack:
        for manager in managers:
            stack.enter_context(manager())
        yield
