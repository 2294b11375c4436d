"""Spark for one task alone, in the task's own process: `isolated: true`."""

from __future__ import annotations

import atexit
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from dlt_lite.engine.session import start_session, stop_session
from dlt_lite.engine.sessions import flow_session
from dlt_lite.model.settings import EngineSettings
from dlt_lite.storage.catalog import know_tables
from dlt_lite.tasks.orders import Order
from dlt_lite.tasks.shared_spark import TASK_SETTINGS


def own_session(order: Order, engine: Mapping[str, Any]) -> SparkSession:
    """Start Spark for a task alone; it ends with the process.

    Args:
        order: what the process is to do.
        engine: the fields of `EngineSettings`, paths as text.
    """
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
