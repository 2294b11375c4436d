"""The private modules of a pipeline: two pipelines may both have a `helpers.py`.

While a space is entered, the pipeline's folder and the project's root are importable; what was
imported from the project is taken out of `sys.modules` on leaving and put back on entering. Such
modules travel to workers by value, since no worker could import them. No bytecode is written.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from pyspark import cloudpickle

from dlt_lite.registry.origins import inside


class ModuleSpace:
    """The modules that one pipeline has imported from its project."""

    def __init__(self, folder: Path, root: Path) -> None:
        self._roots = [str(folder), str(root)]
        self._root = root
        self._own: dict[str, ModuleType] = {}

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Make the pipeline's modules the ones that imports find."""
        outside = {name: sys.modules.pop(name) for name in self._own if name in sys.modules}
        before = set(sys.modules)
        sys.modules.update(self._own)
        path, bytecode = list(sys.path), sys.dont_write_bytecode
        sys.path[:0] = self._roots
        sys.dont_write_bytecode = True
        try:
            yield
        finally:
            sys.path[:] = path
            sys.dont_write_bytecode = bytecode
            self._take_out(before)
            sys.modules.update(outside)

    def ship_by_value(self) -> None:
        """Let functions of the project's modules travel to workers by value."""
        for name in self._names(set()):
            module = sys.modules.get(name)
            if module is not None:
                cloudpickle.register_pickle_by_value(module)  # type: ignore[no-untyped-call]

    def files(self) -> tuple[Path, ...]:
        """Return the project's files that were loaded, sorted."""
        found = {Path(str(module.__file__)) for module in self._own.values()}
        return tuple(sorted(found))

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
        return isinstance(path, str) and inside(path, self._root)
