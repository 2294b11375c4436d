"""Which types Spark compares without a cast that may fail on a value."""

import pytest
from pyspark.sql.types import (
    ArrayType,
    BooleanType,
    DataType,
    DateType,
    DecimalType,
    DoubleType,
    IntegerType,
    LongType,
    MapType,
    NullType,
    StringType,
    StructField,
    StructType,
    TimestampNTZType,
    TimestampType,
    VariantType,
)

from dlt_lite.engine.comparing import can_compare

INT, LONG, TEXT, TIME = IntegerType(), LongType(), StringType(), TimestampType()


def struct(*kinds: DataType) -> StructType:
    return StructType([StructField(f"c{place}", kind) for place, kind in enumerate(kinds)])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (INT, LONG),
        (LONG, DecimalType(10, 2)),
        (LONG, DoubleType()),
        (TEXT, TEXT),
        (DateType(), TIME),
        (TIME, TimestampNTZType()),
        (NullType(), LONG),
        (ArrayType(INT), ArrayType(LONG)),
        (struct(INT, TEXT), struct(LONG, TEXT)),
    ],
)
def test_types_of_one_family_are_compared(one, other):
    assert can_compare(one, other)
    assert can_compare(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LONG, TEXT),
        (DoubleType(), TEXT),
        (TIME, TEXT),
        (DateType(), TEXT),
        (BooleanType(), TEXT),
        (BooleanType(), INT),
        (LONG, TIME),
        (ArrayType(INT), ArrayType(TEXT)),
        (struct(INT), struct(TEXT)),
        (struct(INT), struct(INT, INT)),
        (MapType(TEXT, INT), MapType(TEXT, INT)),
        (VariantType(), VariantType()),
    ],
)
def test_what_needs_a_cast_that_may_fail_is_not_compared(one, other):
    assert not can_compare(one, other)
    assert not can_compare(other, one)
