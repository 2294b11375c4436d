"""Telling by a picture that changes in place, for a terminal."""

from __future__ import annotations

import contextlib
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from textwrap import indent
from types import TracebackType
from typing import Self

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.text import Text

from dlt_lite.cli.escaping import lines as safe_lines
from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.streams import Streams
from dlt_lite.events.records import Event

_REFRESHES_A_SECOND = 4
# The title, the heads, the line that counts what is left out, a notice, and the cursor's own line.
_OTHER_LINES = 5
_FEWEST_LINES = 3
_CURSOR_BACK = "\x1b[?25h\n"


class LiveScreen(ABC):
    """A sink that keeps a picture on the screen, and takes it away at the end.

    Args:
        streams: where it is shown: on stderr.
        environ: the environment; rich asks it for the terminal's size and abilities.
        clock: seconds of the epoch.
    """

    def __init__(
        self,
        streams: Streams,
        *,
        environ: Mapping[str, str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._streams = streams
        self._clock = clock
        self._notice = ""
        self._turn = threading.Lock()
        self._live = Live(
            self,
            console=Console(
                file=streams.err,
                force_terminal=True,
                no_color=not streams.err_color,
                highlight=False,
                _environ=environ,
            ),
            transient=True,
            refresh_per_second=_REFRESHES_A_SECOND,
            vertical_overflow="crop",
        )

    @abstractmethod
    def _taken(self, event: Event) -> tuple[str, str] | None:
        """Take an event in, one at a time; return what has failed, and why, if anything."""

    @abstractmethod
    def _drawn(self, room: int) -> RenderableType:
        """Return the picture of what is known now.

        Args:
            room: how many lines fit, beside those around them.
        """

    def __call__(self, event: Event) -> None:
        """Take an event in; the next refresh shows it, and a failure is told above the picture."""
        with self._turn:
            failed = self._taken(event)
        if failed is not None:
            told = Text.assemble((f"{one_line(failed[0])} failed", "bold red"))
            told.append("\n" + indent(safe_lines(failed[1]), "    "))
            self._live.console.print(told)

    def __enter__(self) -> Self:
        """Begin to show the picture."""
        self._live.start(refresh=False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the picture away."""
        self._live.stop()

    def notice(self, text: str) -> None:
        """Show a sentence below from now on; fit to be called from a signal handler."""
        self._notice = text

    def note(self, text: str) -> None:
        """Tell, above the picture, what a person should know besides the events."""
        self._live.console.print(Text(f"note: {one_line(text)}", style="dim"))

    def leave(self) -> None:
        """Give the terminal its cursor back, past every buffer."""
        self._streams.say_at_once(_CURSOR_BACK)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Take the picture away for a while, such as for a question."""
        self._live.stop()
        try:
            yield
        finally:
            self._live.start(refresh=False)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw what is known now."""
        yield self._drawn(max(options.size.height - _OTHER_LINES, _FEWEST_LINES))
