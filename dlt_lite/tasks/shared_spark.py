"""The runner's one Spark, started when the first task wants it; a session of its own for each."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING

from dlt_lite.errors import DltLiteError, TaskFailed

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dlt_lite.engine.archive import Archive
    from dlt_lite.engine.session import EngineSession

# The JVM goes on with a call whose caller has died, and may begin a job after the first look.
_LOOKS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
_LOOK = 0.2
_LONGEST_WAIT = 20.0
# As on Databricks: a table that is made without a format is one of Delta.
TASK_SETTINGS = {"spark.sql.sources.default": "delta"}
OpenSession = Callable[[], AbstractContextManager["EngineSession"]]


class SharedSpark:
    """Spark for all tasks of a run, in one JVM.

    Args:
        open_session: opens the session, and closes it in the end.
        storage_root: where tables lie.
        schemas: the schemas that tasks may write to without making them.
    """

    def __init__(
        self, open_session: OpenSession, storage_root: str, schemas: tuple[str, ...]
    ) -> None:
        self._open = open_session
        self._storage_root = storage_root
        self._schemas = schemas
        self._turn = threading.Lock()
        self._catalog_turn = threading.Lock()
        self._stack = ExitStack()
        self._over = threading.Event()
        self._session: EngineSession | None = None
        self._refused: DltLiteError | None = None
        self._has_given = False

    def __enter__(self) -> SharedSpark:
        """Begin; nothing is started yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop Spark, where it was started."""
        self._over.set()
        self._stack.close()

    def engine(self) -> EngineSession:
        """Return the session, started by whoever asks first.

        Raises:
            DltLiteError: it does not start; the next one who asks is told the same.
        """
        with self._turn:
            if self._refused is not None:
                raise self._refused
            if self._session is None:
                try:
                    self._session = self._stack.enter_context(self._open())
                except DltLiteError as error:
                    self._refused = error
                    raise
            return self._session

    @property
    def archive(self) -> Archive | None:
        """The class-data archive that fits the session; None where none was started or wanted."""
        return None if self._session is None else self._session.archive

    def has_ended(self) -> bool:
        """Tell whether Spark was started, and its JVM has ended since."""
        if self._session is None:
            return False
        from dlt_lite.engine.exceptions import has_ended  # noqa: PLC0415 - imports Spark

        return has_ended(self._session.spark)

    @contextmanager
    def session(self) -> Iterator[SparkSession]:
        """Give a session of its own, with the project's tables known; end what runs in it after."""
        from dlt_lite.engine.exceptions import (  # noqa: PLC0415
            SPARK_ERRORS,
            has_ended,
            is_dead,
            jvm_gone,
        )
        from dlt_lite.engine.sessions import flow_session  # noqa: PLC0415 - imports Spark
        from dlt_lite.engine.sharing import leave  # noqa: PLC0415
        from dlt_lite.storage.catalog import know_tables  # noqa: PLC0415

        base = self.engine().spark
        try:
            own = flow_session(base, TASK_SETTINGS)
            with self._catalog_turn:
                know_tables(own, self._storage_root, self._schemas, self._patience())
        except SPARK_ERRORS as error:
            if is_dead(error) or has_ended(base):
                raise jvm_gone() from error
            what = f"no session could be made: {str(error).splitlines()[0]}"
            raise TaskFailed(what, fix="see spark.log in the folder of the run") from error
        try:
            yield own
        finally:
            leave(own)
            threading.Thread(target=self._look_again, args=(own,), daemon=True).start()

    def _patience(self) -> Callable[[], bool] | None:
        """Return what waits for another task that makes a table; the first one meets none."""
        if not self._has_given:
            self._has_given = True
            return None
        until = time.monotonic() + _LONGEST_WAIT
        return lambda: not self._over.wait(_LOOK) and time.monotonic() < until

    def _look_again(self, session: SparkSession) -> None:
        """End what begins in a session after its task has ended.

        Also once the run is over: a session that was handed in lives on, and between two jobs of a
        query there is nothing to interrupt.
        """
        from dlt_lite.engine.sharing import leave  # noqa: PLC0415 - imports Spark

        for pause in _LOOKS:
            time.sleep(pause)
            leave(session)
