"""What every test of this repository may use."""

import pytest
from hypothesis import settings

# A busy machine is slow, and no fault.
settings.register_profile("house", deadline=None)
settings.load_profile("house")

pytest_plugins = ["dlt_lite.testing.plugin"]


@pytest.fixture(scope="session")
def spark(dlt_spark):
    """The one Spark session that all tests share."""
    return dlt_spark


def pytest_collection_modifyitems(config, items):
    """Begin with what takes longest, so that both workers end at about the same time."""
    order = [config.rootpath / "tests" / folder for folder in ("e2e", "spark")]
    items.sort(key=lambda item: item.path.parent not in order)
