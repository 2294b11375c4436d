"""The private modules of a pipeline: two pipelines may both have a `helpers.py`.

While a space is entered, the pipeline's folder and the project's root are importable; what was
imported from the project is taken out of `sys.modules` on leaving and put back on entering. Such
modules travel to workers by value, since no worker could import them. No bytecode is written.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType

from pyspark import cloudpickle

from dlt_lite.engine.plans import digest
from dlt_lite.registry.origins import inside


class ModuleSpace:
    """The modules that one pipeline has imported from its project."""

    def __init__(self, folder: Path, root: Path) -> None:
        self._roots = [str(folder), str(root)]
        self._folder = folder
        self._root = root
        self._own: dict[str, ModuleType] = {}
        self._code: tuple[int, str] = (0, "")

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Make the pipeline's modules the ones that imports find."""
        outside = self._put_aside()
        before = set(sys.modules)
        sys.modules.update(self._own)
        path, finders, bytecode = list(sys.path), list(sys.meta_path), sys.dont_write_bytecode
        sys.path[:0] = self._roots
        sys.meta_path.insert(0, _Shipping(self._roots, self._root))
        sys.dont_write_bytecode = True
        try:
            yield
        finally:
            sys.path[:] = path
            sys.meta_path[:] = finders
            sys.dont_write_bytecode = bytecode
            self._take_out(before)
            sys.modules.update(outside)

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

    def _take_out(self, before: set[str]) -> None:
        for name in self._names(before):
            self._own[name] = sys.modules.pop(name)

    def _names(self, before: set[str]) -> list[str]:
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


def ship_by_value(spec: ModuleSpec) -> None:
    """Let functions of a module travel to workers by value, from before its code runs."""
    loader = spec.loader
    if isinstance(loader, SourceFileLoader):
        loader.exec_module = partial(_executed, loader)  # type: ignore[method-assign]


def _executed(loader: SourceFileLoader, module: ModuleType) -> None:
    cloudpickle.register_pickle_by_value(module)  # type: ignore[no-untyped-call]
    type(loader).exec_module(loader, module)
