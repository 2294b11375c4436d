"""What every test of this repository may use."""

import pytest

pytest_plugins = ["dlt_lite.testing.plugin"]


@pytest.fixture(scope="session")
def spark(dlt_spark):
    """The one Spark session that all tests share."""
    return dlt_spark
