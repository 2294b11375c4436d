"""Ctrl-C and SIGTERM while an update runs: the first asks, the second ends.

Spark puts a handler of its own in place of ours when it starts, so ours can be put back.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Self

import psutil

STOPPING = "stopping after what is running"
CANCELING = "cancelling the run: processes are ended, updates stop after what they are writing"
CANCELING_RUNS = "nothing more begins, and the runs that are going on are cancelled"
WAITING_FOR_RUNS = "nothing more begins, and the runs that are going on are awaited"
_AGAIN = {
    signal.SIGINT: "press Ctrl-C again to stop at once",
    signal.SIGTERM: "a second signal stops everything at once",
}
_ASKED = (signal.SIGINT, signal.SIGTERM)
_FROM_SIGNAL = 128


class Signals:
    """Handlers of SIGINT and SIGTERM, in place between enter and exit.

    Attributes:
        stop: set once somebody has asked to stop.

    Args:
        announce: says that it is stopping; must be fit to be called from a handler.
        leave: tidies up the screen before this process ends at once; as fit.
        stopping: what becomes of what is going on, in words.
    """

    def __init__(
        self,
        announce: Callable[[str], None],
        leave: Callable[[], None],
        stopping: str = STOPPING,
    ) -> None:
        self.stop = threading.Event()
        self._announce = announce
        self._leave = leave
        self._stopping = stopping
        self._first: int | None = None
        self._asking = False
        self._before: dict[int, object] = {}

    @property
    def exit_code(self) -> int:
        """The exit code of an update that was stopped."""
        return _FROM_SIGNAL + (signal.SIGINT if self._first is None else self._first)

    def __enter__(self) -> Self:
        """Put the handlers in place."""
        self._before = {number: signal.getsignal(number) for number in _ASKED}
        self.reinstall()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Put back what was there before."""
        if not _is_main_thread():
            return
        for number, handler in self._before.items():
            # A handler that was not set from Python reads as None and cannot be put back.
            if callable(handler) or isinstance(handler, signal.Handlers):
                signal.signal(number, handler)

    def reinstall(self) -> None:
        """Put the handlers in place again, after somebody else took it.

        Outside the main thread nothing is done, since no handler can be set there.
        """
        if _is_main_thread():
            for number in _ASKED:
                signal.signal(number, self._handle)

    @contextlib.contextmanager
    def asking(self) -> Iterator[None]:
        """Let Ctrl-C break off a question that waits for an answer."""
        self._asking = True
        try:
            yield
        finally:
            self._asking = False

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - signal's own
        if self._asking:
            raise KeyboardInterrupt
        if self._first is not None:
            self._leave()
            end_at_once(_FROM_SIGNAL + number)
        self._first = number
        self.stop.set()
        self._announce(f"{self._stopping}; {_AGAIN[signal.Signals(number)]}")


def end_at_once(code: int) -> None:
    """End this process and all it started, without a word to anybody."""
    _kill_children(os.getpid())
    os._exit(code)


def kill_with_children(pid: int) -> None:
    """End another process of ours and all it started, without a word to anybody."""
    _kill_children(pid)
    with contextlib.suppress(psutil.Error):
        psutil.Process(pid).kill()


def _kill_children(pid: int) -> None:
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                child.kill()


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
