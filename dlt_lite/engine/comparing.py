"""Whether Spark can compare values of two types without a cast that may fail on a value."""

from __future__ import annotations

from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    DataType,
    DateType,
    MapType,
    NullType,
    NumericType,
    StringType,
    StructType,
    TimestampNTZType,
    TimestampType,
    VariantType,
)

_ALIKE = (
    (NumericType,),
    (StringType, BinaryType),
    (DateType, TimestampType, TimestampNTZType),
)


def can_compare(one: DataType, other: DataType) -> bool:
    """Return whether any value of one type can be compared with any of the other.

    A text can be compared with a number or a moment only by a cast, which fails on other texts.
    """
    match one, other:
        case (MapType() | VariantType(), _) | (_, MapType() | VariantType()):
            return False
        case (NullType(), _) | (_, NullType()):
            return True
        case ArrayType(elementType=first), ArrayType(elementType=second):
            return can_compare(first, second)
        case StructType(fields=first), StructType(fields=second):
            return len(first) == len(second) and all(
                can_compare(a.dataType, b.dataType) for a, b in zip(first, second, strict=True)
            )
        case _:
            alike = any(isinstance(one, kind) and isinstance(other, kind) for kind in _ALIKE)
            return alike or type(one) is type(other)
