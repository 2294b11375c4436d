"""What every test of this repository may use."""

import os

import pytest

pytest_plugins = ["dlt_lite.testing.plugin"]

os.environ.setdefault("DLT_LITE_CLASS_ARCHIVE", "true")


@pytest.fixture(scope="session")
def spark(dlt_spark):
    """The one Spark session that all tests share."""
    return dlt_spark
