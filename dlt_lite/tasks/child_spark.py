"""The session of a task's own process: the runner's, attached to, or one with a JVM of its own.

Imports little: every process of a task that wants Spark pays for it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from dlt_lite.engine.sharing import Invitation, answer_with, attach
from dlt_lite.frontends.modules import ship_project
from dlt_lite.tasks.orders import Order


def offer_session(order: Order, invited: Callable[[], Mapping[str, Any]]) -> None:
    """Let this process have a session once its code asks PySpark for one.

    Args:
        order: what the process is to do.
        invited: asks the runner for an invitation to its JVM.
    """

    def session() -> SparkSession:
        ship_project((order.folder, order.root), Path(order.root))
        if order.engine is not None:
            from dlt_lite.tasks.own_spark import own_session  # noqa: PLC0415 - few tasks want it

            return own_session(order, order.engine)
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
        from dlt_lite.storage.catalog import schemas_kept  # noqa: PLC0415 - not all tasks ask SQL

        with schemas_kept(self, storage_root, sqlQuery):
            return plain(self, sqlQuery, args, **kwargs)

    SparkSession.sql = sql  # type: ignore[method-assign, assignment]
