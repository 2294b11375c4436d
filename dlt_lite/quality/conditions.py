"""Rules as Spark's columns: whether a row passes one, and what all say of it in a few numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import and_, or_

from pyspark.sql import Column
from pyspark.sql import functions as F  # noqa: N812 - PySpark's own habit

from dlt_lite.engine.expressions import condition_column
from dlt_lite.model.rules import NullPolicy, Rule

# Of the 64 bits of a number: none is negative.
_BITS = 62


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What rules say of a row.

    Attributes:
        columns: by name, columns that a frame needs for the rest: numbers with a bit for each rule
            that the row breaks.
        broken: by rule, whether a row breaks it; never NULL.
    """

    columns: Mapping[str, Column]
    broken: Mapping[str, Column]

    def breaks_any(self) -> Column:
        """Return whether a row breaks a rule at all; never NULL."""
        return joined([F.col(name) != 0 for name in self.columns], or_)

    def breaks_one_of(self, rules: Iterable[Rule]) -> Column:
        """Return whether a row breaks one of some rules; never NULL."""
        return joined([self.broken[rule.name] for rule in rules], or_)


def verdicts(rules: Sequence[Rule]) -> Verdicts:
    """Return what rules say of each row, for who asks of it once: it needs no column."""
    return Verdicts({}, {rule.name: ~passes(rule) for rule in rules})


def kept_verdicts(rules: Sequence[Rule], prefix: str) -> Verdicts:
    """Return what rules say of each row, for who asks of it often.

    Args:
        rules: the rules.
        prefix: what the names of the numbers begin with.
    """
    columns: dict[str, Column] = {}
    broken: dict[str, Column] = {}
    none = F.lit(0).cast("long")
    for start in range(0, len(rules), _BITS):
        name = f"{prefix}{start}"
        bits = [
            (rule, F.lit(1 << place).cast("long"))
            for place, rule in enumerate(rules[start : start + _BITS])
        ]
        set_bits = [F.when(passes(rule), none).otherwise(bit) for rule, bit in bits]
        columns[name] = joined(set_bits, Column.bitwiseOR)
        broken |= {rule.name: F.col(name).bitwiseAND(bit) != 0 for rule, bit in bits}
    return Verdicts(columns, broken)


def all_pass(rules: Sequence[Rule]) -> Column:
    """Return the condition that every rule passes; never NULL."""
    return joined([passes(rule) for rule in rules], and_)


def joined(columns: Sequence[Column], by: Callable[[Column, Column], Column]) -> Column:
    """Return columns joined by an operator, as a tree that is no deeper than it must be.

    Spark walks it by recursion, and a chain of 300 conditions takes all of its stack.
    """
    if len(columns) == 1:
        return columns[0]
    middle = len(columns) // 2
    return by(joined(columns[:middle], by), joined(columns[middle:], by))


def names_of_broken(broken: Mapping[str, Column]) -> Column:
    """Return the names of the rules that a row breaks.

    Args:
        broken: by rule, whether a row breaks it; never NULL.
    """
    return F.array_compact(F.array(*[F.when(bad, F.lit(name)) for name, bad in broken.items()]))


def passes(rule: Rule) -> Column:
    """Return whether a row passes; never NULL."""
    null_passes = F.lit(rule.terms.null is NullPolicy.PASS)
    held = F.coalesce(condition_column(rule.condition), null_passes)
    return held if rule.terms.where is None else ~is_about(rule) | held


def is_about(rule: Rule) -> Column:
    """Return whether a rule is about a row; never NULL."""
    where = rule.terms.where
    return F.lit(True) if where is None else F.coalesce(condition_column(where), F.lit(False))
