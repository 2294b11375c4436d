"""The functions that tasks call: found, or surely not there. Files are read, never imported.

Only what must fail is refused: a module that neither the project nor Python has, a function that a
file which says all its names does not have, and a parameter that a plain function does not take, or
does not get.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from dlt_lite.errors import BadTask, DefinitionProblem, FileBroken
from dlt_lite.jobs.spelling import meant
from dlt_lite.jobs.subject import all_tasks
from dlt_lite.model.jobs import CallableTask, Job, Task
from dlt_lite.model.origin import Origin

_MAY_BIND = frozenset(
    {"__dict__", "eval", "exec", "globals", "locals", "modules", "setattr", "vars"}
)
_MAY_IMPORT = ("__path__", "sys.modules")
_HOOK = "__getattr__"


@dataclass(frozen=True, slots=True)
class _Signature:
    """What a function is called with: all its parameters, and those without a default."""

    takes: frozenset[str]
    needs: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Module:
    """The names that a module has once imported, and the functions that are surely as said."""

    names: frozenset[str]
    functions: Mapping[str, _Signature]


@dataclass(frozen=True, slots=True)
class _Source:
    """The project's folder, what reads a file, and the names of the job's parameters."""

    root: Path
    module_in: Callable[[Path], _Module | None]
    given: frozenset[str]


def problems_of_callables(job: Job, root: Path) -> Iterator[DefinitionProblem]:
    """Yield what is wrong with the functions that a job's tasks call.

    Args:
        job: the job.
        root: the project's folder.
    """
    importlib.invalidate_caches()
    given = frozenset(each.name for each in job.parameters)
    source = _Source(root, cache(_module_in), given)
    for task, _ in all_tasks(job):
        if isinstance(task.work, CallableTask):
            yield from _problems(task, task.work, [str(job.folder), str(root)], source)


def _problems(
    task: Task, work: CallableTask, places: list[str], source: _Source
) -> Iterator[DefinitionProblem]:
    if isinstance(work.place, Path):
        yield from _without_function(task, work, work.place, source)
        return
    module, missing = _found(work.place, places)
    if missing is not None:
        what = (
            f"task {task.key!r} calls {work.place}:{work.function}: no module is called {missing}"
        )
        fix = "put it beside the job's file or into the project's folder, or install it"
        yield BadTask(what, origin=task.origin, fix=fix)
    elif module is not None:
        yield from _without_function(task, work, module, source)


def _found(name: str, places: list[str]) -> tuple[Path | None, str | None]:
    """Return the project's file of a module, or what of its name is missing; neither if unknown."""
    top, *rest = name.split(".")
    is_ours = top not in sys.stdlib_module_names
    spec = PathFinder.find_spec(top, places) if is_ours else None
    if spec is None or spec.origin is None:
        # A folder without __init__.py comes after every installed package.
        if not is_ours or _is_installed(top):
            return None, None
        if spec is None:
            return None, top
    full = top
    for part in rest:
        package, full = spec, f"{full}.{part}"
        try:
            spec = PathFinder.find_spec(full, list(package.submodule_search_locations or ()))
        except KeyError:
            # A folder without __init__.py in another one is found only once that is imported.
            return None, None
        if spec is None:
            return None, None if _may_import_otherwise(package) else full
    return _source_of(spec), None


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return True


def _source_of(spec: ModuleSpec) -> Path | None:
    if spec.origin is None or not spec.origin.endswith(".py"):
        return None
    return Path(spec.origin)


def _may_import_otherwise(package: ModuleSpec) -> bool:
    """Tell whether a package may have modules that its folder does not show."""
    source = _source_of(package)
    if source is None:
        return package.origin is not None
    text = source.read_text(encoding="utf-8", errors="replace")
    return any(word in text for word in _MAY_IMPORT)


def _without_function(
    task: Task, work: CallableTask, file: Path, source: _Source
) -> Iterator[DefinitionProblem]:
    root = source.root
    shown = file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)
    try:
        module = source.module_in(file)
    except SyntaxError as error:
        place = Origin(shown, error.lineno or 0, error.offset or 0)
        yield FileBroken(f"syntax error: {error.msg}", origin=place, fix="correct the line")
        return
    except (OSError, ValueError, RecursionError):
        return
    if module is None:
        return
    if work.function not in module.names:
        what = f"task {task.key!r} calls {work.function}, which {shown} does not have"
        yield BadTask(what, origin=task.origin, fix=meant(work.function, module.names))
    elif work.function in module.functions:
        yield from _misfits(task, work, module.functions[work.function], source.given)


def _misfits(
    task: Task, work: CallableTask, signature: _Signature, given: frozenset[str]
) -> Iterator[BadTask]:
    """Yield the parameters that a function does not take, and those that nobody gives it."""
    for key, text in work.parameters.items():
        if key not in signature.takes:
            what = f"task {task.key!r} gives {work.function} a parameter {key!r}, which it has not"
            yield BadTask(what, origin=text.origin, fix=meant(key, signature.takes))
    for key in sorted(signature.needs - work.parameters.keys() - given):
        what = f"task {task.key!r} does not give {work.function} its parameter {key!r}"
        fix = f"write {key} into the task's parameters, or give it a default"
        yield BadTask(what, origin=task.origin, fix=fix)


def _module_in(file: Path) -> _Module | None:
    """Return what a module has once it is imported, None where its text cannot tell."""
    module = ast.parse(file.read_bytes())
    names: list[str] = []
    for node in ast.walk(module):
        word = _word(node)
        if word in _MAY_BIND or (isinstance(node, ast.alias) and node.name == "*"):
            return None
        if isinstance(node, ast.Global):
            names.extend(node.names)
    for node in _outside_of_functions(module):
        names.extend(_bound_by(node))
    if _HOOK in names:
        return None
    functions = {
        node.name: _signature(node.args)
        for node in module.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _is_plain(node, names)
    }
    return _Module(frozenset(names), functions)


def _is_plain(node: ast.FunctionDef | ast.AsyncFunctionDef, names: list[str]) -> bool:
    """Tell whether a function is called as its text says, with parameters by name alone."""
    is_open = node.args.kwarg is not None or node.args.posonlyargs
    return names.count(node.name) == 1 and not node.decorator_list and not is_open


def _signature(arguments: ast.arguments) -> _Signature:
    by_place = [each.arg for each in arguments.args]
    by_name = {
        each.arg: at for each, at in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    }
    needs = by_place[: len(by_place) - len(arguments.defaults)]
    needs += [name for name, default in by_name.items() if default is None]
    return _Signature(frozenset({*by_place, *by_name}), frozenset(needs))


def _word(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def _outside_of_functions(module: ast.Module) -> Iterator[ast.AST]:
    waiting: list[ast.AST] = list(module.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))


def _bound_by(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name
        case ast.alias():
            yield node.asname or node.name.partition(".")[0]
        case ast.Name(ctx=ast.Store()):
            yield node.id
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
            yield name
        case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            yield name
        case _:
            return
