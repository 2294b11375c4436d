"""Runs of jobs as processes of their own: what `run JOB` does, begun and watched.

A run in the loop's own process would share its working folder, its Spark and its memory with every
other run, and end the loop with its JVM; a process ends with what it has used, takes the files as
they are now, and goes on where the loop is killed. It costs a start of Python and of Spark.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dlt_lite.jobs.serving import Exit

_LONGEST_SAID = 2000
_PACKAGE = str(Path(__file__).resolve().parents[2])
# As `-m dlt_lite`, also where the package is found from the folder that we were started in only.
_START = (
    f"import sys; sys.path.append({_PACKAGE!r}); from dlt_lite.cli.app import main; "
    "sys.exit(main())"
)
_PROGRAM = (sys.executable, "-c", _START)


@dataclass(frozen=True, slots=True)
class _Begun:
    """A process, and what gathers the end of what it says."""

    process: subprocess.Popen[bytes]
    said: bytearray
    reader: threading.Thread


class RunProcesses:
    """Processes of runs, each with a session of its own, so that Ctrl-C reaches only this one.

    Args:
        root: the folder they are started in.
        environ: their environment.
        on_end: called, in some thread, when one has ended.
        program: what is started.
    """

    def __init__(
        self,
        root: Path,
        environ: Mapping[str, str],
        on_end: Callable[[], None],
        program: Sequence[str] = _PROGRAM,
    ) -> None:
        self._root = root
        self._environ = dict(environ)
        self._on_end = on_end
        self._program = tuple(program)
        self._begun: dict[str, _Begun] = {}

    def begin(self, run_id: str, words: Sequence[str]) -> None:
        """Start the process of a run.

        Args:
            run_id: the run.
            words: the words behind the program's name.

        Raises:
            OSError: the machine does not start it.
        """
        process = subprocess.Popen(  # noqa: S603 - our own program, no shell
            [*self._program, *words],
            cwd=self._root,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        said = bytearray()
        reader = threading.Thread(target=self._watch, args=(process, said), daemon=True)
        self._begun[run_id] = _Begun(process, said, reader)
        reader.start()

    def is_alive(self, run_id: str) -> bool:
        """Tell whether the process that was started here for a run still runs."""
        begun = self._begun.get(run_id)
        return begun is not None and begun.process.poll() is None

    def exit_of(self, run_id: str) -> Exit | None:
        """Return how the process of a run ended; None where none was started here, or it runs."""
        begun = self._begun.get(run_id)
        code = None if begun is None else begun.process.poll()
        if begun is None or code is None:
            return None
        begun.reader.join(1.0)
        return Exit(code, bytes(begun.said).decode("utf-8", "replace").strip())

    def forget(self, run_id: str) -> None:
        """Keep nothing of a process that has ended."""
        if not self.is_alive(run_id):
            self._begun.pop(run_id, None)

    def cancel(self, run_id: str) -> None:
        """Ask the process of a run to end, as `runs cancel` does."""
        begun = self._begun.get(run_id)
        if begun is not None and begun.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(begun.process.pid, signal.SIGTERM)

    @property
    def alive(self) -> tuple[str, ...]:
        """The runs whose processes run."""
        return tuple(run_id for run_id in list(self._begun) if self.is_alive(run_id))

    def _watch(self, process: subprocess.Popen[bytes], said: bytearray) -> None:
        """Keep the end of what a process says; tell when it has ended."""
        stream = process.stderr
        if stream is not None:
            with stream:
                while block := stream.read1(1 << 16):  # type: ignore[attr-defined]
                    said += block
                    del said[:-_LONGEST_SAID]
        process.wait()
        self._on_end()
