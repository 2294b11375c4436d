"""Schemas: what merging two of them promises, and all places inside one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlt_lite.model.schema import (
    Schema,
    SchemaClash,
    as_stored,
    comments,
    merged,
    places,
    required,
    schema_from_json,
    schema_of,
)

WORDS = st.sampled_from(["id", "Id", "who", "at", "amount", "a b", "größe"])
PLAIN = st.sampled_from(["long", "string", "double", "timestamp", "decimal(10,2)"])


def struct(fields):
    return {"type": "struct", "fields": fields}


def field(name, kind, *, nullable=True):
    return {"name": name, "type": kind, "nullable": nullable, "metadata": {}}


def a_schema(*fields):
    return schema_from_json(json.dumps(struct(list(fields))))


def fields_of(types):
    one = st.builds(field, WORDS, types, nullable=st.booleans())
    return st.lists(one, min_size=1, max_size=4, unique_by=lambda each: each["name"].lower())


TYPES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        fields_of(inner).map(struct),
        inner.map(lambda kind: {"type": "array", "elementType": kind, "containsNull": True}),
    ),
    max_leaves=6,
)
SCHEMAS = fields_of(TYPES).map(lambda fields: a_schema(*fields))
FITTING = fields_of(st.just("long")).map(lambda fields: a_schema(*fields))


def columns(schema: Schema) -> dict[str, str]:
    return {each.name.lower(): each.type for each in schema.columns}


def nullable(schema: Schema) -> dict[str, bool]:
    return {each.name.lower(): each.nullable for each in schema.columns}


@given(SCHEMAS)
def test_merging_with_itself_changes_nothing(schema):
    assert merged(schema, schema).columns == schema.columns


@given(SCHEMAS)
def test_a_table_takes_nulls_in_every_place_of_a_querys_result(schema):
    stored = as_stored(schema)

    assert [(each.name, each.type) for each in stored.columns] == [
        (each.name, each.type) for each in schema.columns
    ]
    assert '"nullable": false' not in stored.text
    assert merged(schema, stored).text == stored.text == as_stored(stored).text


@given(FITTING, FITTING)
def test_the_order_of_merging_decides_nothing_but_order_and_spelling(one, two):
    there, back = merged(one, two), merged(two, one)

    assert columns(there) == columns(back)
    assert nullable(there) == nullable(back)


@given(FITTING, FITTING, FITTING)
def test_how_merges_are_grouped_does_not_matter(one, two, three):
    assert merged(merged(one, two), three).columns == merged(one, merged(two, three)).columns


@given(FITTING, FITTING)
def test_a_merge_holds_every_row_of_both(one, two):
    both = merged(one, two)

    assert columns(both) == {**columns(one), **columns(two)}
    assert both.names[: len(one.names)] == one.names
    for each in both.columns:
        found = [schema.column(each.name) for schema in (one, two)]
        needs_null = any(column is None or column.nullable for column in found)
        assert each.nullable == needs_null


@given(SCHEMAS, SCHEMAS)
def test_a_merge_clashes_or_keeps_the_types_of_the_first(one, two):
    try:
        both = merged(one, two)
    except SchemaClash:
        return

    for column in one.columns:
        own = both.column(column.name)
        assert own is not None
        assert json.loads(own.type) == json.loads(column.type) or "struct" in column.type


def test_fields_of_structs_are_merged_too():
    inner = [struct([field(name, "long", nullable=False)]) for name in ("a", "b")]

    both = merged(*(a_schema(field("s", kind, nullable=False)) for kind in inner))

    (column,) = json.loads(both.text)["fields"]
    assert [(each["name"], each["nullable"]) for each in column["type"]["fields"]] == [
        ("a", True),
        ("b", True),
    ]
    assert not column["nullable"]


def test_fields_inside_arrays_and_maps_are_merged_too():
    def of(*names, has_null):
        inner = struct([field(name, "long") for name in names])
        array = {"type": "array", "elementType": inner, "containsNull": has_null}
        return field(
            "m",
            {
                "type": "map",
                "keyType": "string",
                "valueType": array,
                "valueContainsNull": has_null,
            },
        )

    both = merged(a_schema(of("a", has_null=False)), a_schema(of("a", "b", has_null=True)))

    assert [str(place) for place in places(both)][-2:] == ["m.value.element.a", "m.value.element.b"]
    assert both.text.count('ontainsNull": true') == 2


def test_a_clash_deep_inside_is_named_by_its_path():
    def of(kind):
        array = {"type": "array", "elementType": struct([field("x", kind)]), "containsNull": True}
        return a_schema(field("list", array))

    with pytest.raises(SchemaClash, match=r"column 'list\.element\.x' is long in one and string"):
        merged(of("long"), of("string"))


def test_a_clash_names_the_column_and_both_types():
    with pytest.raises(SchemaClash) as caught:
        merged(a_schema(field("id", "long")), a_schema(field("ID", "string")))

    assert str(caught.value) == "column 'id' is long in one and string in the other"


def test_a_comment_or_nullability_inside_makes_no_other_type():
    kinds = [
        {"type": "array", "elementType": "long", "containsNull": has_null}
        for has_null in (True, False)
    ]
    commented = {**field("id", kinds[1]), "metadata": {"comment": "words"}}

    assert merged(a_schema(field("id", kinds[0])), a_schema(commented)).names == ("id",)


def test_a_column_is_found_in_whatever_case():
    schema = a_schema(field("Id", "long"))

    assert schema.column("iD") == schema.columns[0]
    assert schema.column("ids") is None


def test_every_place_inside_a_schema_is_named():
    inner = struct([field("x", "long"), field("y z", "void")])
    schema = a_schema(
        field("list", {"type": "array", "elementType": inner, "containsNull": True}),
        field("map", {"type": "map", "keyType": "string", "valueType": "double"}),
    )

    found = [(str(place), place.is_field, place.shown_type) for place in places(schema)]

    assert found == [
        ("list", True, "array"),
        ("list.element", False, "struct"),
        ("list.element.x", True, "long"),
        ("list.element.y z", True, "void"),
        ("map", True, "map"),
        ("map.key", False, "string"),
        ("map.value", False, "double"),
    ]


def test_comments_and_what_may_not_be_null_are_found_by_their_path_whatever_its_case():
    inner = field("Deep", "long", nullable=False) | {"metadata": {"comment": "in"}}
    schema = a_schema(field("Id", "long", nullable=False), field("S", struct([inner])))

    assert required(schema) == {("id",): ("Id",), ("s", "deep"): ("S", "Deep")}
    assert comments(schema) == {
        ("id",): (("Id",), ""),
        ("s",): (("S",), ""),
        ("s", "deep"): (("S", "Deep"), "in"),
    }


def test_columns_are_spelled_as_spark_spells_them():
    spelled = schema_of({"id": "long", "who": {"names": ["string"]}})

    inside = {"type": "array", "elementType": "string", "containsNull": True}
    assert json.loads(spelled.text) == struct(
        [field("id", "long"), field("who", struct([field("names", inside)]))]
    )
