"""Check what decorators are given, and turn it into records. `None` means absent."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

from dlt_lite.errors import BadOption, Unprotected
from dlt_lite.model.datasets import TableOptions
from dlt_lite.registry.registry import Registry

_MASK = re.compile(r"\bMASK\s+[\w`.]+", re.IGNORECASE)
_POLICIES = ("auto", "full")


class GivenOptions(NamedTuple):
    """The arguments of a dataset's decorator, as given."""

    comment: str | None = None
    schema: object = None
    partition_cols: Sequence[str] | None = None
    cluster_by: Sequence[str] | None = None
    cluster_by_auto: bool | None = None
    table_properties: Mapping[str, str] | None = None
    path: str | None = None
    row_filter: str | None = None
    private: bool | None = None
    tags: Sequence[str] | None = None
    refresh_policy: str | None = None
    quarantine_table: str | None = None
    expectations: str | Mapping[str, object] | None = None


def checked_options(given: GivenOptions, registry: Registry, *, name: str) -> TableOptions:
    """Return a dataset's options; what cannot be is refused, what only tunes is noted."""
    _refuse_protection(given, registry, name=name)
    if given.partition_cols and given.cluster_by:
        _refuse(registry, name, "has both partition_cols and cluster_by", "keep one of them")
    if given.cluster_by_auto:
        registry.note(f"{name}: cluster_by_auto tunes Databricks only; it does nothing here")
    if given.path is not None:
        registry.note(f"{name}: path= is not followed; tables lie under the storage root")
    policy = given.refresh_policy or "auto"
    if policy not in _POLICIES:
        _refuse(registry, name, f"has refresh_policy={policy!r}", "use 'auto' or 'full'")
    return TableOptions(
        comment=given.comment,
        schema=given.schema,
        partition_cols=words(given.partition_cols, registry, what=f"{name}: partition_cols"),
        cluster_by=words(given.cluster_by, registry, what=f"{name}: cluster_by"),
        table_properties=texts(given.table_properties, registry, what=f"{name}: table_properties"),
        private=bool(given.private),
        tags=words(given.tags, registry, what=f"{name}: tags"),
        refresh_policy=policy,
        quarantine_table=_plain_name(given.quarantine_table, registry, name=name),
    )


def _plain_name(given: str | None, registry: Registry, *, name: str) -> str | None:
    if given is not None and not re.fullmatch(r"\w+", str(given)):
        fix = "give a name of letters, digits and _; it lies in the schema of its dataset"
        _refuse(registry, name, f"has quarantine_table={given!r}", fix)
        return None
    return given


def words(given: Sequence[str] | None, registry: Registry, *, what: str) -> tuple[str, ...]:
    """Return a list of strings as a tuple; a lone string is a list of one."""
    if given is None:
        return ()
    listed = (given,) if isinstance(given, str) else given
    if not isinstance(listed, list | tuple) or not all(isinstance(each, str) for each in listed):
        _refuse(registry, what, "is no list of strings", 'give a list such as ["day"]')
        return ()
    return tuple(listed)


def texts(given: Mapping[str, str] | None, registry: Registry, *, what: str) -> dict[str, str]:
    """Return a dictionary of strings; booleans and numbers become text as Spark writes them."""
    if given is None:
        return {}
    if not isinstance(cast("object", given), Mapping):
        _refuse(registry, what, "is no dictionary", "give a dictionary of strings")
        return {}
    return {str(key): as_text(value) for key, value in given.items()}


def as_text(value: object) -> str:
    """Return a setting's value as Spark writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _refuse_protection(given: GivenOptions, registry: Registry, *, name: str) -> None:
    masked = isinstance(given.schema, str) and _MASK.search(given.schema)
    if given.row_filter is None and not masked:
        return
    what = "a row filter" if given.row_filter is not None else "a column mask"
    registry.refuse(
        Unprotected(
            f"{name} asks for {what}, which open-source Delta cannot honour",
            origin=registry.here(),
            fix="remove it, and keep protected columns out of the table or in a private one",
        )
    )


def _refuse(registry: Registry, subject: str, what: str, fix: str) -> None:
    registry.refuse(BadOption(f"{subject} {what}", origin=registry.here(), fix=fix))
