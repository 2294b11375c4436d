"""Values of rows as JSON can say them."""

import datetime as dt
from decimal import Decimal

import pytest
from pyspark.sql import Row

from dlt_lite.model.plain_values import plain_value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, None),
        (True, True),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (1.5, 1.5),
        (Decimal("1.20"), "1.20"),
        (dt.date(2026, 3, 1), "2026-03-01"),
        (dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC), "2026-03-01T12:00:00+00:00"),
        (dt.timedelta(days=1), "1 day, 0:00:00"),
        (bytearray(b"\x00\xff"), "AP8="),
        ([Decimal(1), None], ["1", None]),
        ({1: dt.date(2026, 3, 1)}, {"1": "2026-03-01"}),
    ],
)
def test_a_value_becomes_what_json_can_say(value, said):
    assert plain_value(value) == said


def test_a_struct_is_an_object_also_within_others():
    nested = Row(item=Row(sku="a", price=Decimal("2.50")), tags=["x"])

    assert plain_value([nested]) == [{"item": {"sku": "a", "price": "2.50"}, "tags": ["x"]}]
