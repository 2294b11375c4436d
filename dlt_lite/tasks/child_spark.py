"""The session of a task's own process: the runner's, attached to, or one with a JVM of its own."""

from __future__ import annotations

import atexit
import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from dlt_lite.engine.session import start_session, stop_session
from dlt_lite.engine.sessions import flow_session
from dlt_lite.engine.sharing import Invitation, answer_with, attach
from dlt_lite.frontends.modules import ship_project
from dlt_lite.model.settings import EngineSettings
from dlt_lite.storage.catalog import know_tables, schemas_kept
from dlt_lite.tasks.orders import Order
from dlt_lite.tasks.shared_spark import TASK_SETTINGS


def offer_session(order: Order, invited: Callable[[], Mapping[str, Any]]) -> None:
    """Let this process have a session once its code asks PySpark for one.

    Args:
        order: what the process is to do.
        invited: asks the runner for an invitation to its JVM.
    """

    def session() -> SparkSession:
        ship_project((order.folder, order.root), Path(order.root))
        if order.engine is not None:
            return _own(order, order.engine)
        answer = invited()
        return attach(
            Invitation(answer["port"], answer["secret"], answer["context"], answer["session"])
        )

    answer_with(session)
    _keep_schemas(order.storage_root)


def _keep_schemas(storage_root: str) -> None:
    """Let schemas that the task's code makes lie where the next run finds them."""
    plain: Any = SparkSession.sql

    @functools.wraps(plain)
    def sql(self: SparkSession, sqlQuery: str, args: object = None, **kwargs: object) -> object:  # noqa: N803
        with schemas_kept(self, storage_root, sqlQuery):
            return plain(self, sqlQuery, args, **kwargs)

    SparkSession.sql = sql  # type: ignore[method-assign, assignment]


def _own(order: Order, engine: Mapping[str, Any]) -> SparkSession:
    settings = EngineSettings(
        **{
            **engine,
            "jars_dir": None if engine["jars_dir"] is None else Path(engine["jars_dir"]),
            "cache_dir": Path(engine["cache_dir"]),
        }
    )
    # In the task's process group, with which the runner ends whatever the task has left.
    session = start_session(
        settings, environ=os.environ, log_file=None, emit_note=print, apart=False
    )
    atexit.register(stop_session, session)
    know_tables(session.spark, order.storage_root)
    return flow_session(session.spark, TASK_SETTINGS)
