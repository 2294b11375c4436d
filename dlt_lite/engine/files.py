"""Files below the storage root, through Hadoop's file systems: local, HDFS, object stores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession


@dataclass(frozen=True, slots=True)
class FileFact:
    """One file of a listing.

    Attributes:
        path: its URI, encoded as Spark's source logs write it.
        length: in bytes.
        modified: in milliseconds since 1970.
    """

    path: str
    length: int
    modified: int


class Files:
    """Read and write small files below one root."""

    def __init__(self, session: SparkSession) -> None:
        self._jvm: Any = session._jvm
        java_session: Any = session._jsparkSession
        self._conf = java_session.sessionState().newHadoopConf()

    def exists(self, path: str) -> bool:
        """Return whether a file or folder is there."""
        where, system = self._at(path)
        return bool(system.exists(where))

    def names(self, path: str) -> tuple[str, ...]:
        """Return the names in a folder, sorted; none where there is no such folder."""
        where, system = self._at(path)
        if not system.exists(where):
            return ()
        return tuple(sorted(each.getPath().getName() for each in system.listStatus(where)))

    def read(self, path: str) -> str | None:
        """Return a file's text, None where there is no such file."""
        where, system = self._at(path)
        if not system.exists(where):
            return None
        stream = system.open(where)
        try:
            return str(self._jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8"))
        finally:
            stream.close()

    def write(self, path: str, text: str) -> None:
        """Write a file whole or not at all: beside it first, then renamed."""
        where, system = self._at(path)
        beside, _ = self._at(f"{path}.tmp")
        stream = system.create(beside, True)
        try:
            stream.write(bytearray(text.encode()))
        finally:
            stream.close()
        if system.exists(where):
            system.delete(where, False)
        system.rename(beside, where)

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it."""
        where, system = self._at(path)
        system.mkdirs(where)

    def delete_folder(self, path: str) -> None:
        """Delete a folder and all below it; nothing happens where there is none."""
        where, system = self._at(path)
        system.delete(where, True)

    def below(self, path: str, *, at_most: int) -> tuple[FileFact, ...] | None:
        """Return every file below a path or glob, None where there are more than `at_most`."""
        where, system = self._at(path)
        matches = system.globStatus(where)
        found: list[FileFact] = []
        for match in matches or ():
            if not match.isDirectory():
                found.append(self._fact(match))
                continue
            files = system.listFiles(match.getPath(), True)
            while files.hasNext():
                found.append(self._fact(files.next()))
                if len(found) > at_most:
                    return None
        return tuple(sorted(found, key=lambda each: each.path))

    def _fact(self, status: Any) -> FileFact:
        uri = str(status.getPath().toUri())
        return FileFact(normal_uri(uri), int(status.getLen()), int(status.getModificationTime()))

    def _at(self, path: str) -> tuple[Any, Any]:
        where = self._jvm.org.apache.hadoop.fs.Path(path)
        return where, where.getFileSystem(self._conf)


def normal_uri(uri: str) -> str:
    """Return a URI with one way to write local files: `file:/a` and `file:///a` are the same."""
    return "file:" + uri[len("file://") :] if uri.startswith("file:///") else uri


def java_cause(error: Exception) -> str:
    """Return the innermost message of a Java exception that py4j raised."""
    cause: Any = getattr(error, "java_exception", None)
    if cause is None:
        return str(error)
    while cause.getCause() is not None:
        cause = cause.getCause()
    return f"{cause.getClass().getSimpleName()}: {cause.getMessage()}"
