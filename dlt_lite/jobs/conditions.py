"""What a condition task says: two filled texts and an operator in, true or false out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from operator import ge, gt, le, lt

from dlt_lite.errors import BadComparison
from dlt_lite.model.jobs import Comparison

_BY_SIZE: Mapping[Comparison, Callable[[Decimal, Decimal], bool]] = {
    Comparison.GREATER_THAN: gt,
    Comparison.GREATER_THAN_OR_EQUAL: ge,
    Comparison.LESS_THAN: lt,
    Comparison.LESS_THAN_OR_EQUAL: le,
}
_LONGEST_SHOWN = 60


def compare(op: Comparison, left: str, right: str) -> bool:
    """Return whether a comparison holds: equality of texts, or order of numbers.

    Raises:
        BadComparison: what is to be ordered is no number.
    """
    if op is Comparison.EQUAL_TO:
        return left == right
    if op is Comparison.NOT_EQUAL:
        return left != right
    return _BY_SIZE[op](_number(left, op), _number(right, op))


def _number(text: str, op: Comparison) -> Decimal:
    try:
        found = Decimal(text.strip())
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite():
        what = f"{op} compares numbers, and {text[:_LONGEST_SHOWN]!r} is none"
        raise BadComparison(what, fix="use EQUAL_TO or NOT_EQUAL for texts")
    return found
