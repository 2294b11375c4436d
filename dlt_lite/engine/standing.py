"""Where relative paths begin, in a session that somebody else has started somewhere else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from dlt_lite.engine.exceptions import SPARK_ERRORS, is_dead


@contextmanager
def standing_in(session: SparkSession, folder: Path) -> Iterator[None]:
    """Let relative paths of the driver's disk begin in a folder, as they do in Python after chdir.

    A JVM cannot change its folder, so an adopted one would look for `landing/` where it was
    started. Where paths without a scheme mean another file system, nothing is changed, and nothing
    is put back in a JVM that has ended meanwhile.
    """
    jvm: Any = session._jvm
    state: Any = session._jsparkSession.sessionState()
    system = jvm.org.apache.hadoop.fs.FileSystem.get(state.newHadoopConf())
    if system.getUri().getScheme() != "file":
        yield
        return
    before = system.getWorkingDirectory()
    system.setWorkingDirectory(jvm.org.apache.hadoop.fs.Path(str(folder)))
    try:
        yield
    finally:
        try:
            system.setWorkingDirectory(before)
        except SPARK_ERRORS as error:
            if not is_dead(error):
                raise
