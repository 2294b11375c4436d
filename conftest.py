"""What every test of this repository may use."""

import pytest

pytest_plugins = ["dlt_lite.testing.plugin"]


@pytest.fixture(scope="session")
def spark(dlt_spark):
    """The one Spark session that all tests share."""
    return dlt_spark


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Keep the tests of a file together, and those of Spark with their one session.

    The longest come first.
    """
    spark = config.rootpath / "tests" / "spark"
    e2e = config.rootpath / "tests" / "e2e"
    for item in items:
        group = "spark" if item.path.is_relative_to(spark) else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: (item.path.parent != spark, item.path.parent != e2e))
