"""A pipeline's `libraries` → the source files to load, in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from dlt_lite.errors import BadValue, ConfigProblem, UnknownKey
from dlt_lite.model.origin import Origin
from dlt_lite.project import nodes
from dlt_lite.project.paths import project_path, real
from dlt_lite.project.suggestions import did_you_mean, shown
from dlt_lite.project.variables import substitute

_WILDCARDS = frozenset("*?[")
_NOT_YET = frozenset({".sql", ".ipynb"})


@dataclass(frozen=True, slots=True)
class FileLibrary:
    """One source file, named by its path."""

    text: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class GlobLibrary:
    """All source files that a pattern matches."""

    text: str
    origin: Origin


Library: TypeAlias = FileLibrary | GlobLibrary

_KINDS: Mapping[str, tuple[str, type[FileLibrary] | type[GlobLibrary]]] = {
    "file": ("path", FileLibrary),
    "notebook": ("path", FileLibrary),
    "glob": ("include", GlobLibrary),
}


def read_libraries(node: nodes.Node, found: list[ConfigProblem]) -> tuple[Library, ...] | None:
    """Read what stands below `libraries`; nothing there means the default.

    Args:
        node: what stands below the key.
        found: where problems are added; entries that have one are left out.
    """
    if nodes.is_nothing(node):
        return None
    if not isinstance(node, nodes.Sequence):
        found.append(_wrong("libraries", "a list", node))
        return None
    libraries: list[Library] = []
    for item in node.items:
        try:
            libraries.append(_library(item))
        except ConfigProblem as problem:
            found.append(problem)
    return tuple(libraries)


def source_files(
    library: Library, *, folder: Path, root: Path, environ: Mapping[str, str]
) -> tuple[Path, ...]:
    """Return the files that one library means, sorted.

    Args:
        library: the library.
        folder: the pipeline's folder.
        root: the project's folder, symlinks followed.
        environ: the environment, for `${env.X}` in the path.

    Raises:
        BadValue: no such file, a file of another kind, or one outside the project.
        MissingVariable: the path refers to a variable that is not set.
    """
    text = substitute(library.text, environ=environ, origin=library.origin)
    if isinstance(library, FileLibrary):
        return (_one_file(text, folder=folder, root=root, origin=library.origin),)
    return _matching_files(text, folder=folder, root=root, origin=library.origin)


def default_files(folder: Path, *, root: Path, origin: Origin) -> tuple[Path, ...]:
    """Return the files of a pipeline that names no libraries.

    Args:
        folder: the pipeline's folder.
        root: the project's folder, symlinks followed.
        origin: the pipeline's file.

    Raises:
        BadValue: a file is a link that leaves the project.
    """
    candidates = (*folder.glob("*.py"), *folder.glob("transformations/**/*.py"))
    files = sorted(path for path in candidates if path.is_file())
    return tuple(_kept(files, folder=folder, root=root, origin=origin))


def is_source(relative: Path) -> bool:
    """Return whether a file that nobody named is taken: no helper, no test, nothing hidden."""
    name = relative.name
    if name.startswith("test_") or name == "conftest.py":
        return False
    return not any(part.startswith(("_", ".")) for part in relative.parts)


def _library(item: nodes.Node) -> Library:
    kind, inner = _only_entry(item, known=tuple(_KINDS))
    key, make = _KINDS[kind]
    _, value = _only_entry(inner, known=(key,))
    if not isinstance(value, nodes.Scalar) or nodes.is_nothing(value) or not value.text:
        raise _wrong(f"{kind}.{key}", "a path", value)
    return make(value.text, value.origin)


def _only_entry(node: nodes.Node, known: tuple[str, ...]) -> tuple[str, nodes.Node]:
    choices = " or ".join(f"`{key}:`" for key in known)
    if not isinstance(node, nodes.Mapping) or not node.entries:
        raise _wrong("an entry of libraries", f"one of {choices}", node)
    for entry in node.entries:
        if entry.key.text not in known:
            what = f"{shown(entry.key.text)} is no key of a library"
            fix = did_you_mean(entry.key.text, known)
            raise UnknownKey(what, origin=entry.key.origin, fix=fix)
    if len(node.entries) > 1:
        raise BadValue(
            "an entry of libraries names two things",
            origin=node.entries[1].key.origin,
            fix="write `- ` before each of them",
        )
    return node.entries[0].key.text, node.entries[0].value


def _one_file(text: str, *, folder: Path, root: Path, origin: Origin) -> Path:
    path = project_path(text, folder=folder, root=root, origin=origin)
    if path.suffix != ".py":
        fix = "only Python files (.py) are read in this version"
        raise BadValue(f"{shown(text)} is no Python file", origin=origin, fix=fix)
    if not path.is_file():
        near = [each.name for each in path.parent.glob("*.py")] if path.parent.is_dir() else []
        fix = did_you_mean(path.name, near, otherwise="files there")
        raise BadValue(f"there is no file {shown(text)}", origin=origin, fix=fix)
    return path


def _matching_files(text: str, *, folder: Path, root: Path, origin: Origin) -> tuple[Path, ...]:
    base, pattern = _split_pattern(text)
    if ".." in Path(pattern).parts:
        fix = "write `..` before the first wildcard only"
        raise BadValue(f"{shown(text)} climbs behind a wildcard", origin=origin, fix=fix)
    start = project_path(base, folder=folder, root=root, origin=origin)
    try:
        matches = sorted(path for path in start.glob(pattern) if path.is_file())
    except (ValueError, NotImplementedError) as error:
        fix = "write a path with wildcards, such as transformations/**/*.py"
        raise BadValue(f"{shown(text)} is no pattern: {error}", origin=origin, fix=fix) from error
    files = tuple(_kept(matches, folder=start, root=root, origin=origin))
    if not files:
        fix = "`folder/**` means all files of a folder, but for `_…`, `test_…` and hidden ones"
        raise BadValue(f"{shown(text)} matches no Python file", origin=origin, fix=fix)
    return files


def _split_pattern(text: str) -> tuple[str, str]:
    """Split a pattern at its first wildcard, so that a walk starts where it may."""
    parts = text.split("/")
    wild = [index for index, part in enumerate(parts) if _WILDCARDS & set(part)]
    first = wild[0] if wild else len(parts) - 1
    pattern = "/".join(parts[first:])
    # pathlib's trailing `**` means folders only; people mean the files below.
    pattern = f"{pattern}/*" if pattern.endswith("**") else pattern
    if text.startswith("/") and first == 1:
        return "/", pattern
    return "/".join(parts[:first]) or ".", pattern


def _kept(matches: list[Path], *, folder: Path, root: Path, origin: Origin) -> Iterator[Path]:
    for path in matches:
        relative = path.relative_to(folder)
        if not is_source(relative):
            continue
        if path.suffix in _NOT_YET:
            fix = "only Python files (.py) are read in this version; narrow the pattern"
            raise BadValue(f"{shown(str(relative))} is no Python file", origin=origin, fix=fix)
        if path.suffix != ".py":
            continue
        inside = real(path)
        if not inside.is_relative_to(root):
            what = f"{shown(str(relative))} is a link that leaves the project"
            raise BadValue(what, origin=origin, fix="copy the file into the project")
        yield inside


def _wrong(what: str, wants: str, node: nodes.Node) -> BadValue:
    what = f"{what} must be {wants}, not {nodes.kind_of(node)}"
    return BadValue(what, origin=node.origin, fix=f"write {wants}")
