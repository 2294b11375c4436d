"""The private modules of a pipeline: two pipelines may both have a `helpers.py`.

While a space is entered, the pipeline's folder and the project's root are importable; what was
imported from the project is taken out of `sys.modules` on leaving and put back on entering. Such
modules travel to workers by value, since no worker could import them. No bytecode is written.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from pyspark import cloudpickle

from dlt_lite.engine.on_workers import let_functions_travel
from dlt_lite.engine.plans import digest
from dlt_lite.registry.origins import inside


@dataclass(frozen=True, slots=True)
class _Before:
    """What imports found before a space was entered."""

    outside: Mapping[str, ModuleType]
    modules: frozenset[str]
    path: list[str]
    finders: list[Any]
    no_bytecode: bool


class _Turn:
    """Whose modules imports find: one space's at a time, in as many threads as it has."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._holder: object = None
        self._entered = 0

    def take(self, space: object) -> None:
        """Wait until no other space is entered, and enter."""
        with self._changed:
            self._changed.wait_for(lambda: self._holder in {None, space})
            self._holder = space
            self._entered += 1

    def give(self) -> None:
        """Leave."""
        with self._changed:
            self._entered -= 1
            if not self._entered:
                self._holder = None
                self._changed.notify_all()


_TURN = _Turn()


class ModuleSpace:
    """The modules that one pipeline has imported from its project."""

    def __init__(self, folder: Path, root: Path) -> None:
        self._roots = [str(folder), str(root)]
        self._folder = folder
        self._root = root
        self._own: dict[str, ModuleType] = {}
        self._code: tuple[int, str] = (0, "")
        self._lock = threading.Lock()
        self._inside = 0
        self._before: _Before | None = None

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Make the pipeline's modules the ones that imports find.

        Two pipelines may run at once in one process: while one of them is entered, the other waits.
        """
        _TURN.take(self)
        try:
            self._come_in()
            yield
        finally:
            self._go_out()
            _TURN.give()

    def _come_in(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._before = self._put_in()

    def _go_out(self) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside and self._before is not None:
                self._put_back(self._before)

    def _put_in(self) -> _Before:
        outside = self._put_aside()
        before = _Before(
            outside,
            frozenset(sys.modules),
            list(sys.path),
            list(sys.meta_path),
            sys.dont_write_bytecode,
        )
        sys.modules.update(self._own)
        sys.path[:0] = self._roots
        sys.meta_path.insert(0, _Shipping(self._roots, self._root))
        sys.dont_write_bytecode = True
        return before

    def _put_back(self, before: _Before) -> None:
        sys.path[:] = before.path
        sys.meta_path[:] = before.finders
        sys.dont_write_bytecode = before.no_bytecode
        self._take_out(before.modules)
        sys.modules.update(before.outside)

    def code(self) -> str:
        """Return a hash of the project's files that are loaded by now; while entered."""
        loaded = len(sys.modules)
        if self._code[0] != loaded:
            paths = {str(sys.modules[name].__file__) for name in self._names(set())}
            texts = (Path(path).read_bytes().hex() for path in sorted(paths - {"None"}))
            self._code = (loaded, digest(*texts))
        return self._code[1]

    def _put_aside(self) -> dict[str, ModuleType]:
        """Take out what others have imported under names that are this pipeline's."""
        names = {entry.stem for entry in self._folder.iterdir()} if self._folder.is_dir() else set()
        clashing = [name for name in sys.modules if name.partition(".")[0] in names]
        taken = [name for name in clashing if self._is_own(sys.modules[name])]
        return {name: sys.modules.pop(name) for name in taken}

    def _take_out(self, before: AbstractSet[str]) -> None:
        for name in self._names(before):
            self._own[name] = sys.modules.pop(name)

    def _names(self, before: AbstractSet[str]) -> list[str]:
        return [
            name
            for name, module in list(sys.modules.items())
            if name not in before and name != "__main__" and self._is_own(module)
        ]

    def _is_own(self, module: ModuleType) -> bool:
        path = getattr(module, "__file__", None)
        if isinstance(path, str):
            return inside(path, self._root)
        # A folder without an __init__.py; its attributes hold the modules inside.
        folders = list(getattr(module, "__path__", ()))
        return bool(folders) and all(inside(folder, self._root) for folder in folders)


class _Shipping:
    """Finds the project's modules as Python does, and lets them travel to workers by value."""

    def __init__(self, roots: Sequence[str], root: Path) -> None:
        self._roots = roots
        self._root = root

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how a module of the project is loaded, None for any other."""
        spec = PathFinder.find_spec(name, path or self._roots, target)
        if spec is not None and spec.origin is not None and inside(spec.origin, self._root):
            ship_by_value(spec)
            return spec
        return None


def ship_project(folders: Sequence[str], root: Path) -> None:
    """Let all of a project's modules travel to workers by value: those loaded, those to come."""
    let_functions_travel()
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if name != "__main__" and isinstance(path, str) and inside(path, root):
            cloudpickle.register_pickle_by_value(module)  # type: ignore[no-untyped-call]
    sys.meta_path.insert(0, _Shipping(folders, root))


def ship_by_value(spec: ModuleSpec) -> None:
    """Let functions of a module travel to workers by value, from before its code runs."""
    loader = spec.loader
    if isinstance(loader, SourceFileLoader):
        loader.exec_module = partial(_executed, loader)  # type: ignore[method-assign]


def _executed(loader: SourceFileLoader, module: ModuleType) -> None:
    cloudpickle.register_pickle_by_value(module)  # type: ignore[no-untyped-call]
    type(loader).exec_module(loader, module)
