"""YAML bytes → nodes with positions, read safely. Knows files, encodings and YAML, no setting."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from dlt_lite.errors import BadYaml
from dlt_lite.model.origin import Origin
from dlt_lite.project.nodes import Mapping, Node, Scalar, ScalarKind, kind_of
from dlt_lite.project.suggestions import shown
from dlt_lite.project.yaml_composer import compose

LARGEST_FILE = 1_000_000

_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FIX = "correct the text, or write it anew"
_TAB_INDENT = re.compile(r" *\t")


def read_yaml(file: Path, *, root: Path) -> Node:
    """Read a YAML file of a project.

    Args:
        file: the file.
        root: the project's folder; errors name the file relative to it.

    Returns:
        The document's tree; an empty file is a scalar of kind `NOTHING`.

    Raises:
        BadYaml: the file cannot be read, or is no single, safe YAML document of bounded size.
    """
    path = file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)
    return parse_yaml(read_bounded(file, path), path=path)


def read_yaml_mapping(file: Path, *, root: Path) -> Mapping:
    """Read a YAML file that must hold keys and values; an empty file has none.

    Raises:
        BadYaml: as `read_yaml`, or the document is a list or a single value.
    """
    return as_mapping(read_yaml(file, root=root))


def parse_yaml(content: bytes, *, path: str) -> Node:
    """Parse the bytes of a YAML file.

    Args:
        content: UTF-8, with or without a byte order mark, with any line ends.
        path: what errors call the file.

    Raises:
        BadYaml: the bytes are no single, safe YAML document of bounded size.
    """
    text = _decoded(content, path)
    try:
        return compose(text, path)
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, text, path) from error
    except yaml.YAMLError as error:
        raise BadYaml(f"not YAML: {error}", origin=Origin(path), fix=_FIX) from error


def as_mapping(node: Node) -> Mapping:
    """Return a document that must be a mapping; nothing at all is an empty one.

    Raises:
        BadYaml: the document is a list or a single value.
    """
    if isinstance(node, Mapping):
        return node
    if isinstance(node, Scalar) and node.kind is ScalarKind.NOTHING:
        return Mapping((), node.origin)
    message = f"the file must hold keys and values, not {kind_of(node)}"
    raise BadYaml(message, origin=node.origin, fix="write `key: value` lines")


def read_bounded(file: Path, path: str) -> bytes:
    """Read a configuration file that may not be larger than `LARGEST_FILE`.

    Raises:
        BadYaml: the file is no file, cannot be read, or is too large.
    """
    try:
        # A named pipe would block for ever, a device might never end.
        if not file.is_file():
            raise BadYaml("not a regular file", origin=Origin(path), fix="name a file of text")
        with file.open("rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        fix = "give the process the right to read it"
        raise BadYaml(f"cannot be read: {error.strerror}", origin=Origin(path), fix=fix) from error
    if len(content) > LARGEST_FILE:
        fix = "keep rows and long lists in files of their own"
        raise BadYaml(f"larger than {LARGEST_FILE:,} bytes", origin=Origin(path), fix=fix)
    return content


def _decoded(content: bytes, path: str) -> str:
    if len(content) > LARGEST_FILE:
        fix = "keep rows and long lists in files of their own"
        raise BadYaml(f"larger than {LARGEST_FILE:,} bytes", origin=Origin(path), fix=fix)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8", "replace")
        origin = _origin_at(before, len(before), path)
        raise BadYaml("not UTF-8", origin=origin, fix="save the file as UTF-8") from error
    forbidden = _FORBIDDEN.search(text)
    if forbidden is not None:
        message = f"the character {shown(forbidden.group())} is not allowed in YAML"
        origin = _origin_at(text, forbidden.start(), path)
        raise BadYaml(message, origin=origin, fix='write it as an escape: "\\x07"')
    return text


def _origin_at(text: str, offset: int, path: str) -> Origin:
    before = text[:offset]
    return Origin(path, before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)


def _syntax_error(error: yaml.MarkedYAMLError, text: str, path: str) -> BadYaml:
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return BadYaml(f"not YAML: {error.problem}", origin=Origin(path), fix=_FIX)
    lines = text.split("\n")
    line = lines[mark.line] if mark.line < len(lines) else ""
    tab = _TAB_INDENT.match(line)
    if tab is not None or line[mark.column : mark.column + 1] == "\t":
        column = tab.end() if tab is not None else mark.column + 1
        message = "a tab is used where YAML takes blanks only"
        origin = Origin(path, mark.line + 1, column)
        return BadYaml(message, origin=origin, fix="indent with blanks")
    context = f", {error.context}" if error.context else ""
    return BadYaml(
        f"not YAML: {error.problem}{context}",
        origin=Origin(path, mark.line + 1, mark.column + 1),
        fix="look at the indentation, colons and quotes of this line and the one above",
    )
