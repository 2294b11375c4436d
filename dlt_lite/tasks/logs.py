"""What a task prints → a log file of bounded length, without secrets.

The beginning is written as it comes; beyond the bound only the end is kept, and written when the
task is over, so that neither a disk nor memory is filled by a task that prints for ever. Where the
disk takes nothing more the log ends there: a task is no worse for what is not kept of its words.
"""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from dlt_lite.runs.disk import not_writable
from dlt_lite.tasks.redaction import Redactor

MOST_AT_THE_BEGINNING = 8 * 1024 * 1024
MOST_AT_THE_END = 1024 * 1024
_READ_AT_ONCE = 256 * 1024
# Given back where the disk is full, so that the run can still record how it went.
_GIVEN_BACK = 64 * 1024


class LogFile:
    """The log of one attempt of one task.

    Args:
        path: the file; its folder is made.
        redactor: takes secrets out.
        head: how many bytes of the beginning are kept.
        tail: how many bytes of the end are kept.

    Raises:
        StorageNotWritable: the disk does not take the file.
    """

    def __init__(
        self,
        path: Path,
        redactor: Redactor,
        *,
        head: int = MOST_AT_THE_BEGINNING,
        tail: int = MOST_AT_THE_END,
    ) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("wb", buffering=0)
        except OSError as error:
            raise not_writable(path, error) from error
        self._redactor = redactor
        self._left = head
        self._tail = tail
        self._end = bytearray()
        self._left_out = 0
        self._held = b""
        self._refused: OSError | None = None
        self._turn = threading.Lock()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write what was kept of the end."""
        with self._turn:
            self._keep(self._redactor.of_bytes(self._held))
            if self._left_out:
                note = f"\n[... {self._left_out:,} bytes are left out here ...]\n"
                self._put(note.encode())
            self._put(bytes(self._end))
            with contextlib.suppress(OSError):
                self._file.close()

    def write(self, text: bytes) -> None:
        """Take what was printed."""
        with self._turn:
            if not self._redactor.longest:
                self._keep(text)
                return
            # The beginning of a secret may stand at the end of what has come so far.
            known = self._redactor.of_bytes(self._held + text)
            ready = max(len(known) - self._redactor.longest + 1, 0)
            self._held = known[ready:]
            self._keep(known[:ready])

    def say(self, text: str) -> None:
        """Write a line of ours."""
        self.write(self._redactor.of_text(text).encode("utf-8", "replace") + b"\n")

    def _keep(self, text: bytes) -> None:
        if self._left:
            now, text = text[: self._left], text[self._left :]
            self._put(now)
            self._left -= len(now)
        if text and self._refused is None:
            self._end += text
            over = len(self._end) - self._tail
            # Not at every write: moving the end costs as much as it is long.
            if over > self._tail:
                del self._end[:over]
                self._left_out += over

    def _put(self, text: bytes) -> None:
        """Write to the file, as far as the disk takes it."""
        left = memoryview(text)
        while left and self._refused is None:
            try:
                left = left[self._file.write(left) :]
            except OSError as error:
                self._refused = error
                self._cut(error.strerror or type(error).__name__)

    def _cut(self, why: str) -> None:
        """End the log here: give some of the disk back, and say so."""
        with contextlib.suppress(OSError):
            end = self._file.seek(0, 2)
            self._file.truncate(self._file.seek(max(end - _GIVEN_BACK, end // 2)))
            self._file.write(f"\n[... the log ends here: {why} ...]\n".encode())


def last_lines(path: Path, number: int) -> tuple[str, ...]:
    """Return the last lines of a log, none where there is no log."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(size - _READ_AT_ONCE, 0))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ()
    return tuple(text.splitlines()[-number:])
