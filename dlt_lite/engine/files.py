"""Files below the storage root, through Hadoop's file systems: local, HDFS, object stores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from py4j.protocol import Py4JError
from pyspark.sql import SparkSession

from dlt_lite.engine.classes import java_class, java_static
from dlt_lite.engine.exceptions import SPARK_ERRORS, is_dead, jvm_gone, text_of
from dlt_lite.engine.file_systems import refusal
from dlt_lite.errors import StorageFailed


@dataclass(frozen=True, slots=True)
class FileFact:
    """One file of a listing.

    Attributes:
        path: its URI, encoded as Spark's source logs write it.
        length: in bytes.
        modified: in milliseconds since 1970.
        inner: the folders below the one that was listed, and the file's own name.
    """

    path: str
    length: int
    modified: int
    inner: tuple[str, ...]


class Files:
    """Read and write small files below one root.

    What a file system refuses comes out as an error of ours, as `file_systems.refusal` has it.

    Raises:
        SessionFailed: the JVM is gone. Whoever looks at what lies on disk begins here.
    """

    def __init__(self, session: SparkSession) -> None:
        self._session = session
        java_session: Any = session._jsparkSession
        try:
            self._path = java_class(session, "org.apache.hadoop.fs.Path")
            self._to_string = java_static(session, "org.apache.commons.io.IOUtils", "toString")
            self._conf = java_session.sessionState().newHadoopConf()
        except (Py4JError, OSError) as error:
            raise (jvm_gone() if is_dead(error) else error) from error

    def exists(self, path: str) -> bool:
        """Return whether a file or folder is there."""
        with _explained(path):
            where, system = self._at(path)
            return bool(system.exists(where))

    def names(self, path: str) -> tuple[str, ...]:
        """Return the names in a folder, sorted; none where there is no such folder."""
        with _explained(path):
            where, system = self._at(path)
            if not system.exists(where):
                return ()
            return tuple(sorted(each.getPath().getName() for each in system.listStatus(where)))

    def read(self, path: str) -> str | None:
        """Return a file's text, None where there is no such file.

        Raises:
            StateDamaged: it does not have the checksum that lies beside it.
        """
        with _explained(path):
            where, system = self._at(path)
            if not system.exists(where):
                return None
            stream = system.open(where)
            try:
                return str(self._to_string(stream, "UTF-8"))
            finally:
                stream.close()

    def write(self, path: str, text: str) -> None:
        """Write a file whole or not at all: beside it first, then renamed."""
        with _explained(path):
            where, system = self._at(path)
            beside, _ = self._at(f"{path}.tmp")
            stream = system.create(beside, True)
            try:
                stream.write(bytearray(text.encode()))
            finally:
                stream.close()
            if system.exists(where):
                system.delete(where, False)
            if system.rename(beside, where):
                return
        raise StorageFailed(
            f"{path} could not be written: its text lies in {path}.tmp",
            fix="give the process the right to write and rename there, then run again",
        )

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it."""
        with _explained(path):
            where, system = self._at(path)
            system.mkdirs(where)

    def delete_folder(self, path: str) -> None:
        """Delete a folder and all below it; nothing happens where there is none."""
        with _explained(path):
            where, system = self._at(path)
            system.delete(where, True)

    def below(
        self, path: str, *, at_most: int, only: str | None = None
    ) -> tuple[FileFact, ...] | None:
        """Return every file below a path or glob, None where there are more than `at_most`.

        Args:
            path: a file, a folder, or a glob of them.
            at_most: how many files to look at.
            only: a glob that a file's name must match, as Spark's `pathGlobFilter` says it.
        """
        found: list[FileFact] = []
        with _explained(path):
            where, system = self._at(path)
            accepts = (
                None
                if only is None
                else java_class(self._session, "org.apache.hadoop.fs.GlobFilter")(only).accept
            )
            for number, (status, root) in enumerate(self._listed(system, where), start=1):
                if number > at_most:
                    return None
                if accepts is None or accepts(status.getPath()):
                    found.append(self._fact(status, root))
        return tuple(sorted(found, key=lambda each: each.path))

    def _listed(self, system: Any, where: Any) -> Iterator[tuple[Any, Any]]:
        for match in system.globStatus(where) or ():
            if not match.isDirectory():
                yield match, match.getPath().getParent()
                continue
            files = system.listFiles(match.getPath(), True)
            while files.hasNext():
                yield files.next(), match.getPath()

    def _fact(self, status: Any, root: Any) -> FileFact:
        uri = normal_uri(str(status.getPath().toUri()))
        above = normal_uri(str(root.toUri())).rstrip("/")
        inner = tuple(uri.removeprefix(above).strip("/").split("/"))
        return FileFact(uri, int(status.getLen()), int(status.getModificationTime()), inner)

    def _at(self, path: str) -> tuple[Any, Any]:
        where = self._path(path)
        return where, where.getFileSystem(self._conf)


def normal_uri(uri: str) -> str:
    """Return a URI with one way to write local files: `file:/a` and `file:///a` are the same."""
    return "file:" + uri[len("file://") :] if uri.startswith("file:///") else uri


def java_cause(error: Exception) -> str:
    """Return the innermost message of a Java exception that py4j raised."""
    causes = list(_causes(error))
    return causes[-1] if causes else str(error)


@contextmanager
def _explained(path: str) -> Iterator[None]:
    try:
        yield
    except SPARK_ERRORS as error:
        if is_dead(error):
            raise jvm_gone() from error
        raise refusal(tuple(_causes(error)) or (text_of(error),), path) from error


def _causes(error: Exception) -> Iterator[str]:
    """Yield a Java exception that py4j raised and its causes, each as `Class: message`."""
    each: Any = getattr(error, "java_exception", None)
    while each is not None:
        yield f"{each.getClass().getSimpleName()}: {each.getMessage()}"
        each = each.getCause()
