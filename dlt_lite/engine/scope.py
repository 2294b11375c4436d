"""The scope of a query function: its session, and the frames that names mean.

Whoever calls the query hands in `lookup`: the resolver's gives empty frames, the runner's real
ones. Here names are found in Python reads and in SQL, and made resolvable for the flow's session.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pyspark.sql import DataFrame, DataFrameReader, SparkSession
from pyspark.sql.streaming.readwriter import DataStreamReader

from dlt_lite.engine.plans import qualified_name, reader_options
from dlt_lite.engine.sessions import has_view
from dlt_lite.engine.sql import (
    SqlReference,
    has_long_columns,
    parsed,
    qualifier_edits,
    reader_options_of,
    reference_edits,
)
from dlt_lite.engine.sql_parsing import Arguments, Edit, edited
from dlt_lite.errors import BadName
from dlt_lite.model.names import LEGACY_SCHEMA, NameProblem, split_identifier

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
    """The scope in which one query function is called.

    Attributes:
        session: the flow's session.
        lookup: gives the frame of a dataset or of another pipeline's table, None for other names.
        own_views: names of the temporary views that the function has made.
    """

    session: SparkSession
    lookup: Lookup
    own_views: set[str] = field(default_factory=set)
    defining: bool = True

    def table(self, text: str, *, streaming: bool, reader: object) -> object:
        """Return the frame that a name means, None where Spark itself shall look it up."""
        try:
            parts = split_identifier(text)
        except NameProblem as problem:
            fix = "write a name of one to three parts; back-quote a part with odd characters"
            raise BadName(str(problem), fix=fix) from problem
        return self._found(Asked(parts, streaming, reader))  # type: ignore[arg-type]

    def sql(self, text: str, args: Arguments) -> tuple[str, Arguments]:
        """Return SQL text whose dataset names the flow's session can resolve, and its arguments.

        Each becomes a temporary view under a name that nobody else can have, so that it collides
        with no CTE and no view of the user's.
        """
        statement = parsed(self.session, text, args)
        edits: list[Edit] = []
        bare: list[tuple[str, DataFrame]] = []
        for reference in statement.references:
            reader = self._reader(reference)
            frame = self._found(Asked(reference.parts, reference.streaming, reader))
            if frame is None:
                continue
            frame.createOrReplaceTempView(reference.view)
            edits += reference_edits(reference)
            if reference.alias_at is not None:
                bare.append((reference.parts[-1].lower(), frame))
        if bare and has_long_columns(statement.text, {table for table, _ in bare}):
            names = {qualified_name(frame) for _, frame in bare}
            names |= {(LEGACY_SCHEMA, table) for table, _ in bare}
            edits += qualifier_edits(self.session, statement.text, names)
        if statement.made_view is not None:
            self.makes_view(statement.made_view)
        return edited(statement.text, edits), statement.args

    def makes_view(self, name: str) -> None:
        """Take note of a temporary view of the function's own, which hides a dataset so named."""
        self.own_views.add(name.lower())

    def _found(self, asked: Asked) -> DataFrame | None:
        if is_path(asked.parts) or self._is_own_view(asked.parts):
            return None
        return self.lookup(asked)

    def _is_own_view(self, parts: tuple[str, ...]) -> bool:
        name = parts[0].lower()
        return len(parts) == 1 and name in self.own_views and has_view(self.session, name)

    def _reader(self, reference: SqlReference) -> Reader | None:
        options = reader_options_of(self.session, reference)
        if not options:
            return None
        reader = self.session.readStream if reference.streaming else self.session.read
        return reader.options(**options)


@dataclass(frozen=True, slots=True)
class LoadingScope:
    """The scope in which files are loaded; its session is None where there is no Spark."""

    session: SparkSession | None
    defining: bool = False

    def table(self, text: str, *, streaming: bool, reader: object) -> object:
        """Leave reads while loading to Spark."""
        del text, streaming, reader
        return None

    def sql(self, text: str, args: Arguments) -> tuple[str, Arguments]:
        """Leave SQL while loading as it is; what writes is refused."""
        if self.session is not None:
            parsed(self.session, text, args, loading=True)
        return text, args

    def makes_view(self, name: str) -> None:
        """Leave views made while loading to Spark."""
        del name


def is_as_of(reader: Reader | None) -> bool:
    """Return whether user code asked a reader for a table as it was."""
    options = reader_options(reader).lower()
    return any(f"'{each}=" in options for each in ("versionasof", "timestampasof"))


def is_path(parts: tuple[str, ...]) -> bool:
    """Return whether an identifier names files, as in ``delta.`/a/b` ``."""
    return len(parts) == 2 and parts[0].lower() in PATH_FORMATS and "/" in parts[1]  # noqa: PLR2004
