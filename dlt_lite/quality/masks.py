"""Whether a value of the data may be told: what it is made of, asked against the masked names."""

from __future__ import annotations

from collections.abc import Iterable

from pyspark.sql.types import ArrayType, DataType, MapType, StructType, VariantType

from dlt_lite.model.samples import SampleSettings


def may_hide(kind: DataType, settings: SampleSettings) -> bool:
    """Return whether a value of a type may hold something under a masked name."""
    match kind:
        case StructType(fields=fields):
            return any(
                settings.hides(each.name) or may_hide(each.dataType, settings) for each in fields
            )
        case ArrayType(elementType=element):
            return may_hide(element, settings)
        case MapType() | VariantType():
            return bool(settings.mask)
        case _:
            return False


def hides_any(
    schema: StructType, values: Iterable[tuple[str, ...]], settings: SampleSettings
) -> bool:
    """Return whether one of the values that an expression reads is never shown.

    Args:
        schema: the columns that it is about.
        values: each value as the names that lead to it.
        settings: what is never shown.
    """
    return any(
        any(map(settings.hides, names)) or may_hide(_kind(schema, names), settings)
        for names in values
    )


def _kind(schema: StructType, names: Iterable[str]) -> DataType:
    """Return the type of the value that names lead to, as far as they do."""
    kind: DataType = schema
    for name in names:
        while isinstance(kind, ArrayType):
            kind = kind.elementType
        match kind:
            case StructType(fields=fields):
                found = [each.dataType for each in fields if each.name.lower() == name.lower()]
            case MapType(valueType=inner):
                found = [inner]
            case _:
                found = []
        if not found:
            break
        kind = found[0]
    return kind
