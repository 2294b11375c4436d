"""The process of one task: an order in, the user's code run, values and how it ended out.

Runs in a process group of its own, which it takes along when the runner is gone. Imports little:
each task pays for it once more. PySpark is imported by user code that wants it; only then a finder
sees to it that asking PySpark for a session attaches this process to the runner's.
"""

from __future__ import annotations

import importlib
import inspect
import os
import queue
import runpy
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from dlt_lite.model.task_values import Json, checked_value, too_long_to_read
from dlt_lite.registry.active import this_process_is_task
from dlt_lite.tasks.orders import Kind, Order, order_of, send

_SPARK = "pyspark"
_LONGEST_MESSAGE = 4000
_OWN = str(Path(__file__).resolve().parents[1])


class Refused(Exception):
    """The runner could not give what was asked for; its message is for a person."""


class Line:
    """The line to the runner."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._turn = threading.Lock()
        self._answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def listen(self) -> None:
        """Take what the runner says, in a thread; when it is gone, so is this group."""
        threading.Thread(target=self._listen, name="dlt_lite-runner", daemon=True).start()

    def order(self) -> Order:
        """Wait for the order."""
        return order_of(self._answers.get())

    def tell(self, **message: object) -> None:
        """Tell the runner something."""
        with self._turn, suppress(OSError):
            send(self._channel, message)

    def ask(self, **message: object) -> dict[str, Any]:
        """Ask the runner for something.

        Raises:
            Refused: it cannot be had.
        """
        import json  # noqa: PLC0415 - loaded by then; keeps the import above short

        self.tell(**message)
        answer: dict[str, Any] = json.loads(self._answers.get())
        if "error" in answer:
            raise Refused(answer["error"])
        return answer

    def _listen(self) -> None:
        with suppress(OSError), self._channel.makefile("rb") as file:
            for line in file:
                self._answers.put(line)
        # Nobody is left who would wait for this task, stop it or count what it did.
        os.killpg(0, signal.SIGKILL)


class Values:
    """The task values, as the code of a task sees them."""

    def __init__(self, line: Line, order: Order) -> None:
        self._line = line
        self._values = order.values
        self._empty_loops = order.empty_loops
        self._too_long = order.too_long

    def put(self, key: str, value: object) -> None:
        """Keep a value for the tasks that come after."""
        self._line.tell(key=key, value=checked_value(key, value))

    def look_up(self, task_key: str, key: str) -> Json:
        """Return a value that a task before has kept."""
        if task_key in self._empty_loops:
            return []
        why = self._too_long.get(task_key, {}).get(key)
        if why is not None:
            raise too_long_to_read(why)
        return self._values[task_key][key]


class SparkFinder:
    """Finds PySpark as Python does, and lets it answer with the task's session."""

    def __init__(self, loaded: Callable[[], None]) -> None:
        self._loaded = loaded

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return how the one module is loaded, None for any other."""
        if fullname != _SPARK:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def executed(module: ModuleType) -> None:
            sys.meta_path.remove(self)
            execute(module)
            self._loaded()

        spec.loader.exec_module = executed  # type: ignore[method-assign]
        return spec


def main(descriptor: int) -> int:
    """Carry out the order that comes through a socket; return the exit code."""
    channel = socket.socket(fileno=descriptor)
    os.set_inheritable(descriptor, False)
    line = Line(channel)
    line.listen()
    order = line.order()
    this_process_is_task(Values(line, order))
    if order.kind is Kind.SHELL:
        return _shell(order)
    _prepare(order, line)
    try:
        _work(order)
    except SystemExit as end:
        return _left(end, line)
    except BaseException as error:  # noqa: BLE001 - the code is the user's: whatever it raises is told
        _tell(error, line)
        return 1
    return 0


def _shell(order: Order) -> int:
    variables = {**os.environ, **order.parameters}
    try:
        code = subprocess.call(order.arguments, env=variables, cwd=order.root)  # noqa: S603 - opted in
    except OSError as error:
        sys.stderr.write(f"{order.arguments[0]} cannot be run: {error}\n")
        return 127
    return code if code >= 0 else 128 - code


def _prepare(order: Order, line: Line) -> None:
    """Let the job's modules be found, and PySpark answer with the task's session."""
    places = [order.folder, order.root]
    if order.kind is Kind.FILE:
        places.insert(0, str(Path(order.subject).parent))
    sys.path[:0] = list(dict.fromkeys(places))
    sys.dont_write_bytecode = True
    sys.argv = [order.subject, *order.arguments]

    def loaded() -> None:
        from dlt_lite.tasks.child_spark import offer_session  # noqa: PLC0415 - imports Spark

        offer_session(order, lambda: line.ask(wants="spark"))

    sys.meta_path.insert(0, SparkFinder(loaded))


def _work(order: Order) -> None:
    match order.kind:
        case Kind.FILE:
            runpy.run_path(order.subject, run_name="__main__")
        case Kind.CALLABLE:
            _call(getattr(_module(order.subject), order.name), order)
        case Kind.WHEEL:
            _call(_entry_point(order.subject, order.name), order)
        case Kind.SHELL:
            raise AssertionError(order.kind)


def _module(place: str) -> ModuleType:
    if not place.endswith(".py"):
        return importlib.import_module(place)
    path = Path(place)
    sys.path.insert(0, str(path.parent))
    return importlib.import_module(path.stem)


def _entry_point(package: str, name: str) -> Callable[..., object]:
    from importlib.metadata import distribution  # noqa: PLC0415 - costs start time

    points = distribution(package).entry_points
    found = next((point for point in points if point.name == name), None)
    if found is not None:
        loaded: Callable[..., object] = found.load()
        return loaded
    # As on Databricks: without such an entry point, a function of the package.
    function: Callable[..., object] = getattr(importlib.import_module(package), name)
    return function


def _call(function: Callable[..., object], order: Order) -> None:
    if order.kind is Kind.WHEEL:
        # What an entry point is given it finds in sys.argv.
        named = [f"--{key}={value}" for key, value in order.parameters.items()]
        sys.argv = [order.name, *order.arguments, *named]
        function()
        return
    function(**_taken(function, order))


def _taken(function: Callable[..., object], order: Order) -> dict[str, str]:
    """Return the parameters without those of the job that a function does not ask for."""
    try:
        asked = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return dict(order.parameters)
    if any(each.kind is inspect.Parameter.VAR_KEYWORD for each in asked.values()):
        return dict(order.parameters)
    dropped = {name for name in order.optional if name not in asked}
    return {key: value for key, value in order.parameters.items() if key not in dropped}


def _left(end: SystemExit, line: Line) -> int:
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code
    sys.stderr.write(f"{end.code}\n")
    line.tell(failed=str(end.code)[:_LONGEST_MESSAGE])
    return 1


def _tell(error: BaseException, line: Line) -> None:
    """Print what was raised without our own frames, and tell the runner in one line."""
    trace = _users(error.__traceback__)
    traceback.print_exception(type(error), error, trace)
    said = str(error).strip() or type(error).__name__
    kind = "" if type(error).__module__.startswith("dlt_lite.") else f"{type(error).__name__}: "
    line.tell(failed=f"{kind}{said}"[:_LONGEST_MESSAGE], at=_place(trace))


def _users(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback from the first frame that is not ours, nor of what loads modules."""
    found = trace
    while found is not None:
        file = found.tb_frame.f_code.co_filename
        ours = file.startswith((_OWN, "<frozen")) or "importlib" in file or file == "<string>"
        if not ours:
            return found
        found = found.tb_next
    return trace


def _place(trace: TracebackType | None) -> str:
    """Return the innermost line of the project, as `file:line`."""
    here = str(Path.cwd())
    frames = traceback.extract_tb(trace)
    own = [f for f in frames if f.filename.startswith(here + os.sep) and "/." not in f.filename]
    return f"{os.path.relpath(own[-1].filename, here)}:{own[-1].lineno}" if own else ""
