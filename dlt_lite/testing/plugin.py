"""The pytest plugin for people who test their own pipelines: one fixture, `dlt`.

    def test_a_session_ends_after_half_an_hour(dlt):
        clicks = dlt.pipeline("clickstream")
        clicks.given("silver_clicks", [{"user_id": 1, "event_time": "2024-05-01 10:00:00"}])

        result = clicks.run("sessions")

        assert len(result.rows("sessions")) == 1

Spark is imported when a fixture is used, not when the plugin is loaded; all tests share a session.
A project's own settings for that session stand in pytest's configuration:

    [tool.pytest]
    dlt_spark_conf = ["spark.sql.shuffle.partitions=4"]
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dlt_lite.testing.harness import PipelineBench


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a project say how its tests' session is started."""
    parser.addini(
        "dlt_spark_conf", "Spark settings of the session for tests, KEY=VALUE", type="linelist"
    )


@pytest.fixture(scope="session")
def dlt_spark(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[SparkSession]:
    """One Spark session with Delta for all tests, in memory and temporary folders only."""
    from dlt_lite.engine.session import start_session, stop_session  # noqa: PLC0415
    from dlt_lite.testing.harness import engine_settings  # noqa: PLC0415

    log = tmp_path_factory.mktemp("spark") / "spark.log"
    settings = engine_settings(os.environ, _spark_conf(pytestconfig))
    session = start_session(settings, environ=os.environ, log_file=log, emit_note=lambda _: None)
    yield session.spark
    stop_session(session)


@pytest.fixture
def dlt(
    dlt_spark: SparkSession, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[PipelineBench]:
    """Run pipelines of the project in storage that is thrown away after the test."""
    from dlt_lite.engine.deltalog import forget_tables  # noqa: PLC0415
    from dlt_lite.testing.harness import PipelineBench  # noqa: PLC0415

    yield PipelineBench(dlt_spark, request.path.parent, tmp_path / "dlt")
    forget_tables(dlt_spark)


def _spark_conf(config: pytest.Config) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for line in config.getini("dlt_spark_conf"):
        key, sign, value = line.partition("=")
        if not sign:
            raise pytest.UsageError(f"dlt_spark_conf: {line!r} is not KEY=VALUE")
        pairs[key.strip()] = value.strip()
    return pairs
