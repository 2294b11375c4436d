"""What SQL of a task may do without `unsafe_sql: true`: kinds of statements, and places.

What a statement does comes in as values; no Spark is needed.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from dlt_lite.model.sql_deeds import Deed, Deeds, Name

# A session is the task's own: what these change ends with it.
_OF_THE_SESSION = frozenset(
    {
        "CreateSQLFunctionCommand",
        "CreateTempViewUsing",
        "CreateVariable",
        "CreateViewCommand",
        "DropFunctionCommand",
        "DropVariable",
        "ResetCommand",
        "SetCatalogAndNamespace",
        "SetCommand",
        "SetVariable",
    }
)
_OF_ROWS = frozenset(
    {
        "AppendData",
        "DeleteFromTable",
        "InsertIntoStatement",
        "MergeIntoTable",
        "OverwriteByExpression",
        "OverwritePartitionsDynamic",
        "UpdateTable",
    }
)
_OF_TABLES = frozenset(
    {
        "AddColumns",
        "AlterColumns",
        "AlterTableAddConstraint",
        "AlterTableClusterBy",
        "AlterTableDropConstraint",
        "AlterViewAs",
        "AnalyzeColumn",
        "AnalyzeTable",
        "CacheTable",
        "CacheTableAsSelect",
        "CommentOnColumn",
        "CommentOnNamespace",
        "CommentOnTable",
        "CreateNamespace",
        "CreateTable",
        "CreateTableAsSelect",
        "CreateTableLike",
        "CreateView",
        "DeltaReorgTable",
        "DropColumns",
        "DropNamespace",
        "DropTable",
        "DropView",
        "OptimizeTableCommand",
        "RefreshTable",
        "RenameColumn",
        "RenameTable",
        "ReplaceColumns",
        "ReplaceTable",
        "ReplaceTableAsSelect",
        "RestoreTableStatement",
        "SetTableProperties",
        "TruncateTable",
        "UncacheTable",
        "UnsetTableProperties",
        "VacuumTableCommand",
    }
)
_ALLOWED = _OF_THE_SESSION | _OF_ROWS | _OF_TABLES | {"CompoundBody"}
_ALLOWED_BEGINNINGS = ("Describe", "Explain", "List", "Show")
# After these a table is no longer what its pipeline has made.
_ENDING = frozenset(
    {
        "DropTable",
        "RenameTable",
        "ReplaceTable",
        "ReplaceTableAsSelect",
        "RestoreTableStatement",
        "TruncateTable",
    }
)
_LOOKS_ONLY = "CreateTempViewUsing"
_PARTS_OF_A_PATH = 2
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


@dataclass(frozen=True, slots=True)
class Places:
    """Where SQL of a task may read and write.

    Attributes:
        root: the project's folder: its files may be read.
        storage_root: where tables lie, a path or URI.
    """

    root: Path
    storage_root: str

    def may_read(self, place: str) -> bool:
        """Tell whether data at a place may be read."""
        return self.may_write(place) or self._is_below(place, str(self.root))

    def may_write(self, place: str) -> bool:
        """Tell whether data may be written to a place."""
        return self._is_below(place, self.storage_root)

    def _is_below(self, place: str, top: str) -> bool:
        inner, outer = self._settled(place), self._settled(top)
        return inner == outer or inner.startswith(f"{outer.rstrip('/')}/")

    def _settled(self, place: str) -> str:
        """Return a place without `..` and links, so that two can be compared."""
        scheme = _SCHEME.match(place)
        if scheme is None or scheme[0].lower() == "file:":
            path = unquote(place[5:]) if scheme else place
            return os.path.realpath(self.root / re.sub(r"^/+", "/", path))
        head, _, tail = place.partition("://")
        return f"{head.lower()}://{posixpath.normpath(tail)}"


def objections(deeds: Deeds, places: Places) -> Iterator[str]:
    """Yield what a statement does that it may not, in words that go on after `the statement`.

    Args:
        deeds: what it does.
        places: where it may read and write.
    """
    for deed in deeds.deeds:
        yield from _to_deed(deed, places)
    if deeds.is_open:
        yield "names a table that is known only once it runs"
    for name in deeds.reads:
        path = path_in(name)
        if path is not None and not places.may_read(path):
            yield f"reads {path!r}, outside of the project and of the storage root"


def ended_tables(deeds: Deeds) -> tuple[Name, ...]:
    """Return the tables that a statement drops, replaces, renames or empties."""
    return tuple(each.target for each in deeds.deeds if each.kind in _ENDING and each.target)


def path_in(name: Name) -> str | None:
    """Return the path in a name such as delta.`/tables/a`, None where it is a table's name."""
    is_path = len(name) == _PARTS_OF_A_PATH and re.search(r"[/:]", name[1])
    return name[1] if is_path else None


def _to_deed(deed: Deed, places: Places) -> Iterator[str]:
    if deed.kind not in _ALLOWED and not deed.kind.startswith(_ALLOWED_BEGINNINGS):
        yield f"is of a kind that is not allowed ({deed.kind.removesuffix('$')})"
        return
    if deed.cascades:
        yield "drops a schema with all its tables"
    path = None if deed.target is None else path_in(deed.target)
    for place in (path, deed.place):
        if place is None:
            continue
        if deed.kind == _LOOKS_ONLY and not places.may_read(place):
            yield f"reads {place!r}, outside of the project and of the storage root"
        elif deed.kind != _LOOKS_ONLY and not _only_looks(deed) and not places.may_write(place):
            yield f"writes to {place!r}, outside of the storage root"


def _only_looks(deed: Deed) -> bool:
    return deed.kind.startswith(_ALLOWED_BEGINNINGS)
