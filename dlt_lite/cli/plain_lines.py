"""Telling in plain lines: one when something changes, and one now and then while nothing does."""

from __future__ import annotations

import contextlib
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.streams import Streams
from dlt_lite.events.records import Event

HEARTBEAT_SECONDS = 30.0


class PlainLines(ABC):
    """A sink that writes lines.

    Args:
        streams: where they go.
        clock: seconds of the epoch.
        heartbeat: after how many seconds without a line one is written all the same.
    """

    def __init__(
        self,
        streams: Streams,
        *,
        clock: Callable[[], float] = time.time,
        heartbeat: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._streams = streams
        self._clock = clock
        self._heartbeat = heartbeat
        self._turn = threading.Lock()
        self._news = threading.Event()
        self._over = False

    @abstractmethod
    def still_running(self) -> str:
        """Return what is said when nothing has happened for a while."""

    @abstractmethod
    def _taken(self, event: Event) -> str | None:
        """Take an event in, one at a time; return the line that it is worth, if any."""

    def __call__(self, event: Event) -> None:
        """Tell of an event, if it is worth a line."""
        with self._turn:
            text = self._taken(event)
        if text:
            self._streams.say(text)
            self._news.set()

    def __enter__(self) -> Self:
        """Begin to watch for silence."""
        threading.Thread(target=self._watch, name="dlt_lite-heartbeat", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop watching."""
        self._over = True
        self._news.set()

    def notice(self, text: str) -> None:
        """Say something between the events; fit to be called from a signal handler."""
        if not self._streams.quiet:
            self._streams.say_at_once(text + "\n")

    def note(self, text: str) -> None:
        """Tell what a person should know besides the events."""
        self._streams.say(f"note: {one_line(text)}")

    def leave(self) -> None:  # noqa: B027 - there is nothing to do
        """Do nothing: a line that is written stays."""

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Do nothing: lines are in nobody's way."""
        yield

    def _watch(self) -> None:
        while not self._over:
            if not self._news.wait(self._heartbeat) and not self._over:
                self._streams.say(self.still_running())
            self._news.clear()
