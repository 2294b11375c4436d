"""Names: read from text, completed, compared without case, shortened, refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlt_lite.model.names import (
    DatasetName,
    NameProblem,
    Namespace,
    dataset_name,
    qualify,
    split_identifier,
)

SHOP = Namespace("shop")
MAIN = Namespace("Shop", "Main")
WORDS = st.from_regex(r"[A-Za-z0-9_]{1,20}", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("orders", ("orders",)),
        ("shop.orders", ("shop", "orders")),
        ("`my orders`", ("my orders",)),
        ("`a.b`.c", ("a.b", "c")),
        ("`a``b`", ("a`b",)),
        (" shop . orders ", ("shop", "orders")),
        ("größe", ("größe",)),
    ],
)
def test_an_identifier_is_split_as_spark_does(text, parts):
    assert split_identifier(text) == parts


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "a b", "`a", "`a`b", "a`b`"])
def test_what_is_no_identifier_is_refused(text):
    with pytest.raises(NameProblem, match="is not a name"):
        split_identifier(text)


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_quoted_parts_come_back_whatever_is_in_them(parts):
    text = ".".join("`" + part.replace("`", "``") + "`" for part in parts)

    assert split_identifier(text) == tuple(parts)


@pytest.mark.parametrize("text", ["orders", "Shop.ORDERS", "main.shop.orders", "LIVE.Orders"])
def test_every_form_means_the_same_dataset(text):
    name = dataset_name(text, MAIN)

    assert name == DatasetName("shop", "orders", "main")
    assert str(name) == "main.shop.orders"


def test_sparks_own_catalog_is_no_catalog_where_none_is_configured():
    own = ("spark_catalog", "shop", "orders")

    assert qualify(own, SHOP) == qualify(("orders",), SHOP)
    assert qualify(own, MAIN) == DatasetName("shop", "orders", "spark_catalog")
    assert qualify(("main", "shop", "orders"), SHOP) == DatasetName("shop", "orders", "main")


def test_four_parts_mean_no_dataset():
    assert qualify(("a", "b", "c", "d"), SHOP) is None


@pytest.mark.parametrize(
    "text",
    [
        "a.b.c.d",
        "my orders",
        " orders",
        "orders\n",
        "'orders'",
        '"orders"',
        "`orders`",
        "or`ders",
        "orders😀",
        "größe",
        "../x",
        "a/b",
        "a\\b",
        "a-b",
        "a:b",
        "x" * 300,
        f"shop.{'x' * 129}",
        "",
    ],
)
def test_a_dataset_is_declared_by_plain_words_only(text):
    with pytest.raises(NameProblem):
        dataset_name(text, SHOP)


@given(WORDS, WORDS, WORDS, WORDS, WORDS)
def test_the_short_name_means_the_same_dataset(catalog, schema, table, own_catalog, own_schema):
    name = DatasetName(schema.lower(), table.lower(), catalog.lower())
    namespace = Namespace(own_schema, own_catalog)

    short = name.short(namespace)

    is_legacy = short.startswith("live.") and short.count(".") == 1
    assert is_legacy or qualify(split_identifier(short), namespace) == name


def test_the_short_name_leaves_out_what_the_namespace_says():
    name = DatasetName("shop", "orders", "main")

    assert name.short(MAIN) == "orders"
    assert name.short(Namespace("other", "main")) == "shop.orders"
    assert name.short(Namespace("shop", "other")) == "main.shop.orders"
