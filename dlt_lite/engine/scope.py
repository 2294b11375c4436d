"""The scope of a query function: its session, and the frames that names mean.

Whoever calls the query hands in `lookup`: the resolver's gives empty frames, the runner's real
ones. Here names are found in Python reads and in SQL, and made resolvable for the flow's session.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import DataFrame, DataFrameReader, SparkSession
from pyspark.sql.streaming.readwriter import DataStreamReader

from dlt_lite.engine.sql import SqlReference, references, replaced
from dlt_lite.errors import BadName
from dlt_lite.model.names import NameProblem, split_identifier

Reader = DataFrameReader | DataStreamReader
PATH_FORMATS = frozenset({"delta", "parquet", "json", "csv", "orc", "text", "avro", "binaryfile"})


@dataclass(frozen=True, slots=True)
class Asked:
    """A read of user code.

    Attributes:
        parts: the identifier's parts.
        streaming: whether it is read as a stream.
        reader: the reader that carries the user's options, None in SQL and `spark.table`.
    """

    parts: tuple[str, ...]
    streaming: bool
    reader: Reader | None


Lookup = Callable[[Asked], DataFrame | None]


@dataclass(frozen=True, slots=True)
class QueryScope:
    """The scope in which one query function is called."""

    session: SparkSession
    lookup: Lookup
    defining: bool = True

    def table(self, text: str, *, streaming: bool, reader: object) -> object:
        """Return the frame that a name means, None where Spark itself shall look it up."""
        try:
            parts = split_identifier(text)
        except NameProblem as problem:
            fix = "write a name of one to three parts; back-quote a part with odd characters"
            raise BadName(str(problem), fix=fix) from problem
        return self._found(Asked(parts, streaming, reader))  # type: ignore[arg-type]

    def sql(self, text: str) -> str:
        """Return SQL text whose dataset names the flow's session can resolve, as temporary views.

        A one-part name keeps its text and becomes a view of that name, so that columns may be
        qualified by it; a longer name is replaced by its last part. Two references that would need
        different frames under one name get views of their own.
        """
        taken: dict[str, tuple[tuple[str, ...], bool]] = {}
        changes: dict[SqlReference, str] = {}
        for reference in references(self.session, text):
            frame = self._found(Asked(reference.parts, reference.streaming, None))
            if frame is None:
                continue
            meaning = (tuple(part.lower() for part in reference.parts), reference.streaming)
            view = reference.parts[-1]
            if taken.setdefault(view.lower(), meaning) != meaning:
                view = f"{'__'.join(reference.parts)}__{len(taken)}"
                changes[reference] = view
                taken[view.lower()] = meaning
            elif len(reference.parts) > 1:
                changes[reference] = view
            frame.createOrReplaceTempView(view)
        return replaced(text, changes)

    def _found(self, asked: Asked) -> DataFrame | None:
        if is_path(asked.parts):
            return None
        return self.lookup(asked)


@dataclass(frozen=True, slots=True)
class LoadingScope:
    """The scope in which files are loaded; its session is None where there is no Spark."""

    session: SparkSession | None
    defining: bool = False

    def table(self, text: str, *, streaming: bool, reader: object) -> object:
        """Leave reads while loading to Spark."""
        del text, streaming, reader
        return None

    def sql(self, text: str) -> str:
        """Leave SQL while loading as it is."""
        return text


def is_path(parts: tuple[str, ...]) -> bool:
    """Return whether an identifier names files, as in ``delta.`/a/b` ``."""
    return len(parts) == 2 and parts[0].lower() in PATH_FORMATS and "/" in parts[1]  # noqa: PLR2004
