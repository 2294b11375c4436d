"""What a Python function is made of, as text: the same in two processes if it does the same.

A function that a plan holds travels to the workers by value, with its defaults, what it closes over
and the globals that it names. Each of them decides what it returns, and no plan shows them. What is
installed is told by its name, since an environment is told by its versions; all else by its code.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import decimal
import dis
import functools
import hashlib
import importlib
import os
import re
import sys
import sysconfig
import types
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PLAIN = (
    type(None),
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    bytearray,
    type(Ellipsis),
    type(NotImplemented),
    dt.date,
    dt.time,
    dt.timedelta,
    dt.timezone,
    decimal.Decimal,
    uuid.UUID,
    re.Pattern,
    Path,
)
# What of a module may answer otherwise tomorrow: all of it but this,
_CHANGING_BUT: Mapping[str, frozenset[str]] = {
    "random": frozenset({"Random"}),
    "secrets": frozenset(),
    "time": frozenset({"sleep", "strptime", "strftime", "mktime", "struct_time"}),
    "uuid": frozenset({"UUID", "uuid3", "uuid5", "NAMESPACE_DNS", "NAMESPACE_URL"}),
    "socket": frozenset(),
    "subprocess": frozenset(),
    "requests": frozenset(),
    "urllib.request": frozenset(),
    "http.client": frozenset(),
}
# or this alone.
_CHANGING: Mapping[str, frozenset[str]] = {
    "os": frozenset(
        {"environ", "environb", "getenv", "urandom", "listdir", "scandir", "walk", "stat", "popen"}
    ),
    "posix": frozenset({"urandom", "listdir", "scandir", "stat"}),
    "datetime": frozenset({"now", "today", "utcnow"}),
    "pathlib": frozenset({"read_text", "read_bytes", "open", "glob", "rglob", "iterdir", "stat"}),
    "numpy": frozenset({"random"}),
    "io": frozenset({"open"}),
    "builtins": frozenset({"open", "input"}),
}
_GLOBALS = frozenset({"LOAD_GLOBAL", "LOAD_NAME"})
_ATTRIBUTES = frozenset({"LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM"})
_IMPORTS = frozenset({"IMPORT_NAME"})
_OF_A_MODULE = frozenset({"__builtins__", "__cached__", "__file__", "__loader__", "__spec__"})
_CACHED = functools._lru_cache_wrapper
_OF_A_CLASS = frozenset({"__dict__", "__weakref__", "__doc__", "__module__", "_abc_impl"})


@dataclass(frozen=True, slots=True)
class FunctionFacts:
    """What is known of a Python function.

    Attributes:
        text: what it is made of.
        changing: why it may return something else tomorrow; empty where nothing says so.
    """

    text: str
    changing: tuple[str, ...]


def function_facts(function: object) -> FunctionFacts:
    """Return the facts of a function, or of any value that travels with one.

    Raises:
        Exception: whatever the classes of what travels with it do when they are taken apart.
    """
    telling = _Telling(set())
    parts = list(telling.told(function))
    whole = hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass"))
    version = "{}.{}".format(*sys.version_info)
    return FunctionFacts(f"{version} {whole.hexdigest()}", tuple(sorted(telling.changing)))


def names_in_code(function: object, value: object) -> bool:
    """Return whether a function, or one that it calls by name, holds a value; none installed."""
    asked, seen = [function], set[int]()
    while asked:
        each = _unwrapped(asked.pop())
        if each is value:
            return True
        if not isinstance(each, types.FunctionType) or id(each) in seen:
            continue
        seen.add(id(each))
        if not _is_installed(each.__module__):
            asked += [_contents(cell) for cell in each.__closure__ or ()]
            names = _used(each.__code__, _GLOBALS)
            asked += [each.__globals__[name] for name in names if name in each.__globals__]
    return False


def _unwrapped(value: object) -> object:
    if isinstance(value, functools.partial):
        return _unwrapped(value.func)
    if isinstance(value, types.MethodType):
        return value.__func__
    return value.__wrapped__ if isinstance(value, _CACHED) else value


class _Telling:
    """One function that is told: each thing once."""

    def __init__(self, changing: set[str]) -> None:
        self.changing = changing
        self._seen: dict[int, int] = {}
        # Two things made for the telling could else have one id.
        self._kept: list[object] = []

    def told(self, value: Any) -> Iterator[str]:
        """Yield what a value is made of."""
        if isinstance(value, _PLAIN):
            yield f"{type(value).__name__} {value!r}"
            return
        if id(value) in self._seen:
            yield f"again {self._seen[id(value)]}"
            return
        self._seen[id(value)] = len(self._seen)
        self._kept.append(value)
        way = next((way for kinds, way in _WAYS if isinstance(value, kinds)), _Telling._object)
        yield from way(self, value)

    def _sequence(self, values: list[Any] | tuple[Any, ...]) -> Iterator[str]:
        yield f"{type(values).__name__} {len(values)}"
        yield from self._all(values)

    def _set(self, values: AbstractSet[Any]) -> Iterator[str]:
        yield f"{type(values).__name__} {len(values)}"
        yield from sorted("\n".join(_Telling(self.changing).told(each)) for each in values)

    def _mapping(self, values: Mapping[Any, Any]) -> Iterator[str]:
        yield f"dict {len(values)}"
        for pair in values.items():
            yield from self._all(pair)

    def _all(self, values: Iterable[Any]) -> Iterator[str]:
        for each in values:
            yield from self.told(each)

    def _module(self, module: types.ModuleType) -> Iterator[str]:
        yield f"module {module.__name__}"
        if not _is_installed(module.__name__):
            for name, value in sorted(vars(module).items()):
                if name not in _OF_A_MODULE:
                    yield name
                    yield from self.told(value)

    def _code(self, code: types.CodeType) -> Iterator[str]:
        yield f"code {code.co_name} {code.co_flags} {code.co_argcount} {code.co_kwonlyargcount}"
        yield from (code.co_code.hex(), str(code.co_names), str(code.co_varnames))
        yield from (str(code.co_freevars), str(code.co_cellvars))
        yield from self._all(code.co_consts)

    def _function(self, function: types.FunctionType) -> Iterator[str]:
        name = f"{function.__module__}.{function.__qualname__}"
        if _is_by_name(function) and _is_installed(function.__module__):
            yield f"function {name}"
            return
        yield f"function {function.__qualname__}"
        asked = (
            f"its Python function {function.__qualname__} asks {each}" for each in _asks(function)
        )
        self.changing.update(asked)
        yield from self.told(function.__code__)
        yield from self._all((function.__defaults__, function.__kwdefaults__))
        for cell in function.__closure__ or ():
            yield from self._cell(cell)
        for named in sorted(_used(function.__code__, _GLOBALS)):
            if named in function.__globals__:
                yield named
                yield from self.told(function.__globals__[named])
        yield from self.told(vars(function))

    def _method(self, method: types.MethodType) -> Iterator[str]:
        yield "method"
        yield from self._all((method.__func__, method.__self__))

    def _partial(self, partial: functools.partial[Any]) -> Iterator[str]:
        yield "partial"
        yield from self._all((partial.func, partial.args, partial.keywords))

    def _cell(self, cell: types.CellType) -> Iterator[str]:
        try:
            value = cell.cell_contents
        except ValueError:
            yield "empty cell"
            return
        yield from self.told(value)

    def _cached(self, cached: Any) -> Iterator[str]:
        yield "cached"
        yield from self.told(cached.__wrapped__)

    def _class(self, own: type) -> Iterator[str]:
        name = f"{own.__module__}.{own.__qualname__}"
        by_name = getattr(sys.modules.get(own.__module__), own.__qualname__, None) is own
        if by_name and _is_installed(own.__module__):
            yield f"class {name}"
            return
        yield f"class {own.__qualname__}"
        yield from self._all(own.__bases__)
        for key, value in sorted(vars(own).items()):
            if key not in _OF_A_CLASS and not isinstance(
                value, types.GetSetDescriptorType | types.MemberDescriptorType
            ):
                yield key
                yield from self.told(value)

    def _property(self, own: property) -> Iterator[str]:
        yield "property"
        yield from self._all((own.fget, own.fset, own.fdel))

    def _wrapped(self, own: Any) -> Iterator[str]:
        yield type(own).__name__
        yield from self.told(own.__func__)

    def _object(self, value: Any) -> Iterator[str]:
        reduced = value.__reduce_ex__(4)
        if isinstance(reduced, str):
            yield f"object {type(value).__module__} {reduced}"
            return
        yield f"object {type(value).__module__}.{type(value).__qualname__}"
        call, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
        yield from self._all((call, arguments, state))
        yield from self._all(items or ())
        for key, each in pairs or ():
            yield from self._all((key, each))


_WAYS: tuple[tuple[Any, Callable[[_Telling, Any], Iterator[str]]], ...] = (
    ((list, tuple), _Telling._sequence),
    ((set, frozenset), _Telling._set),
    (dict, _Telling._mapping),
    (types.ModuleType, _Telling._module),
    (types.CodeType, _Telling._code),
    (types.FunctionType, _Telling._function),
    (types.MethodType, _Telling._method),
    (functools.partial, _Telling._partial),
    (_CACHED, _Telling._cached),
    (property, _Telling._property),
    ((staticmethod, classmethod), _Telling._wrapped),
    (type, _Telling._class),
)


def _asks(function: types.FunctionType) -> Iterator[str]:
    """Yield what a function asks that may answer otherwise tomorrow."""
    code = function.__code__
    attributes = _used(code, _ATTRIBUTES)
    for name in _used(code, _GLOBALS):
        if name in function.__globals__:
            yield from _asked_of(function.__globals__[name], attributes)
        elif _may_change("builtins", name):
            yield name
    for cell in function.__closure__ or ():
        yield from _asked_of(_contents(cell), attributes)
    for name in _used(code, _IMPORTS) & {*_CHANGING, *_CHANGING_BUT}:
        with contextlib.suppress(ImportError):
            yield from _asked_of(importlib.import_module(name), attributes)


def _asked_of(value: Any, attributes: frozenset[str]) -> Iterator[str]:
    if isinstance(value, types.ModuleType):
        for name in attributes & frozenset(dir(value)):
            if _may_change(value.__name__, name):
                yield f"{value.__name__}.{name}"
            elif isinstance(member := getattr(value, name), type):
                yield from _asked_of(member, attributes)
        return
    module, name = _home(value)
    if _may_change(module, name):
        yield f"{module}.{name}"
    elif isinstance(value, type):
        for each in attributes & _CHANGING.get(module, frozenset()):
            yield f"{module}.{name}.{each}"


def _may_change(module: str, name: str) -> bool:
    if module in _CHANGING_BUT:
        return not name.startswith("_") and name not in _CHANGING_BUT[module]
    return name in _CHANGING.get(module, frozenset())


def _home(value: Any) -> tuple[str, str]:
    """Return the module of a function or class, and its name there; empty for anything else."""
    if isinstance(value, type(os.environ)):
        return "os", "environ"
    name = str(getattr(value, "__name__", ""))
    owner = getattr(value, "__self__", None)
    if owner is None or isinstance(owner, types.ModuleType | type):
        return str(getattr(value, "__module__", "")), name
    return type(owner).__module__, name


def _used(code: types.CodeType, operations: frozenset[str]) -> frozenset[str]:
    """Return the names that code and the functions inside it use so."""
    own = {str(each.argval) for each in dis.get_instructions(code) if each.opname in operations}
    inner = [_used(each, operations) for each in code.co_consts if isinstance(each, types.CodeType)]
    return frozenset(own).union(*inner)


def _contents(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _is_by_name(function: types.FunctionType) -> bool:
    module = sys.modules.get(function.__module__ or "")
    return module is not None and function.__globals__ is vars(module)


@functools.cache
def _installed_in() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    return tuple(
        {str(Path(paths[name])) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    )


def _is_installed(name: str | None) -> bool:
    """Return whether a module came with Python or was installed: an environment is as it is."""
    module = sys.modules.get(name or "")
    if module is None:
        return False
    file = getattr(module, "__file__", None)
    if file is None or (name or "").partition(".")[0] == "dlt_lite":
        return name != "__main__"
    return file.startswith(_installed_in()) or "site-packages" in file or "dist-packages" in file
