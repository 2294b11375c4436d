"""Which versions a view's refresh reads, and what has changed in them since the last one."""

from __future__ import annotations

from collections.abc import Iterator

from dlt_lite.engine.deltalog import latest_version
from dlt_lite.engine.files import Files
from dlt_lite.engine.plans import LeafKind, digest
from dlt_lite.execution.context import Context
from dlt_lite.graph.graph import Read
from dlt_lite.model.names import DatasetName
from dlt_lite.model.state import InputVersion
from dlt_lite.storage.state import input_change

_MOST_FILES = 100_000


def input_versions(context: Context, name: DatasetName) -> tuple[InputVersion, ...]:
    """Return what a refresh that begins now will read; look before its frame is made."""
    return tuple(_now(context, each, path) for each, path in _inputs(context, name))


def input_changes(
    context: Context, name: DatasetName, recorded: tuple[InputVersion, ...]
) -> tuple[str, ...]:
    """Return what has changed since a refresh, in words; when in doubt something has."""
    before = {each.name: each for each in recorded}
    changes = []
    for each, path in _inputs(context, name):
        old = before.get(each)
        if old is None:
            changes.append(f"it reads {each}, which it did not before")
        elif change := _change(context, old, path):
            changes.append(change)
    return tuple(changes)


def pins(context: Context, inputs: tuple[InputVersion, ...]) -> dict[str, int]:
    """Return the version of each table of the pipeline, by path, to read it again as it was."""
    known = {str(name): name for name in context.graph.datasets}
    return {
        context.path_of(known[each.name]): each.version
        for each in inputs
        if each.name in known and each.version is not None
    }


def _inputs(context: Context, name: DatasetName) -> Iterator[tuple[str, str | None]]:
    """Yield each input's name and its table's path; None where it is a folder of files."""
    for each in context.graph.materialized_inputs(name):
        yield str(each), context.path_of(each)
    for read in context.graph.external_reads(name):
        own = str(read.name) if read.name is not None else str(read.path)
        yield own, read.path if _is_table(read) else None


def _is_table(read: Read) -> bool:
    return read.name is not None or read.options in {LeafKind.DELTA, LeafKind.DELTA_STREAM}


def _now(context: Context, name: str, path: str | None) -> InputVersion:
    if path is None:
        return InputVersion(name, digest=_listing(context, name))
    found = latest_version(context.session, path)
    return InputVersion(name) if found is None else InputVersion(name, found[0], found[1])


def _change(context: Context, old: InputVersion, path: str | None) -> str | None:
    if path is not None:
        shown = old.name.rsplit(".", 1)[-1]
        return input_change(
            context.session, path, name=shown, table_id=old.table_id, version=old.version
        )
    listing = _listing(context, old.name)
    same = listing is not None and listing == old.digest
    return None if same else f"the files in {old.name} changed"


def _listing(context: Context, path: str) -> str | None:
    files = Files(context.session).below(path, at_most=_MOST_FILES)
    if files is None:
        return None
    return digest(*(f"{each.path} {each.length} {each.modified}" for each in files))
