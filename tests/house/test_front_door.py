"""What `import dlt_lite` offers, and that its decorators and records agree."""

import ast
import dataclasses
import inspect
from collections.abc import Callable

import pytest

import dlt_lite
from dlt_lite.model.datasets import TableOptions
from tests.house.repository import PACKAGE


def test_the_public_names_are_sorted_and_all_that_is_offered():
    assert list(dlt_lite.__all__) == sorted(dlt_lite.__all__)
    assert dir(dlt_lite) == dlt_lite.__all__


@pytest.mark.parametrize("name", dlt_lite.__all__)
def test_a_public_name_can_be_had(name: str):
    assert getattr(dlt_lite, name) is getattr(dlt_lite, name)


def test_a_misspelt_name_is_refused_with_a_suggestion():
    with pytest.raises(AttributeError) as refused:
        dlt_lite.tabel  # noqa: B018

    assert "tabel" in str(refused.value)
    assert refused.value.obj is dlt_lite


def test_type_checkers_see_what_arrives_lazily():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    seen = {
        name.asname or name.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }

    assert {name: seen.get(name) for name in dlt_lite._HOMES} == dlt_lite._HOMES  # noqa: SLF001
    assert {*dlt_lite._HOMES, "__version__"} == set(dlt_lite.__all__)  # noqa: SLF001


@pytest.mark.parametrize(
    ("declare", "left_out"),
    [
        (dlt_lite.table, set()),
        (dlt_lite.materialized_view, set()),
        (dlt_lite.create_streaming_table, {"refresh_policy"}),
    ],
)
def test_a_decorator_takes_every_option_of_the_record(
    declare: Callable[..., object], left_out: set[str]
):
    options = {field.name for field in dataclasses.fields(TableOptions)}

    assert options - set(inspect.signature(declare).parameters) == left_out
