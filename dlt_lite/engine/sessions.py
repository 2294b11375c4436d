"""Sessions of flows: clones of the pipeline's, each with the flow's own settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pyspark.sql import SparkSession


def pipeline_session(base: SparkSession, configuration: Mapping[str, str]) -> SparkSession:
    """Return a session of a pipeline's own, in which its configuration can be read."""
    return flow_session(base, configuration)


def flow_session(pipeline: SparkSession, conf: Mapping[str, str]) -> SparkSession:
    """Return a clone of a session: its settings, functions and views, and settings of its own."""
    java_session: Any = pipeline._jsparkSession
    session = SparkSession(pipeline.sparkContext, java_session.cloneSession())
    for key, value in conf.items():
        session.conf.set(key, value)
    return session


class TemporaryViews:
    """Sessions for resolving, shared by flows of equal settings.

    A session in which user code left temporary views of its own is not used again, so that no flow
    finds another's.
    """

    def __init__(self, pipeline: SparkSession) -> None:
        self._pipeline = pipeline
        self._sessions: dict[str, SparkSession] = {}

    @contextmanager
    def session_for(self, conf: Mapping[str, str]) -> Iterator[SparkSession]:
        """Give a session with a flow's settings."""
        key = str(sorted(conf.items()))
        if key not in self._sessions:
            self._sessions[key] = flow_session(self._pipeline, conf)
        session = self._sessions.pop(key)
        yield session
        if not _has_views(session):
            self._sessions[key] = session


def _has_views(session: SparkSession) -> bool:
    java_session: Any = session._jsparkSession
    catalog = java_session.sessionState().catalog()
    return bool(catalog.listLocalTempViews("*").nonEmpty())
