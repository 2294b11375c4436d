"""What of the data is never told, however a rule reads it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pyspark.sql.types import StructType

from dlt_lite.engine.hiding import without_values
from dlt_lite.engine.reading import values_read
from dlt_lite.model.checks import Fresh
from dlt_lite.model.origin import Origin
from dlt_lite.model.rules import Rule, RuleAction, RuleCount
from dlt_lite.model.samples import SampleSettings
from dlt_lite.quality.great_expectations import _names_in, _observed
from dlt_lite.quality.masks import hides_any
from dlt_lite.quality.wide import Known, fresh_still

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
MASKED = SampleSettings(mask=frozenset({"id", "email"}))
SCHEMA = StructType.fromJson(
    {
        "type": "struct",
        "fields": [
            {"name": name, "type": kind, "nullable": True, "metadata": {}}
            for name, kind in (
                ("width", "integer"),
                ("Id", "long"),
                (
                    "user",
                    {
                        "type": "struct",
                        "fields": [
                            {"name": "email", "type": "string", "nullable": True, "metadata": {}},
                            {"name": "name", "type": "string", "nullable": True, "metadata": {}},
                        ],
                    },
                ),
                (
                    "headers",
                    {
                        "type": "map",
                        "keyType": "string",
                        "valueType": "string",
                        "valueContainsNull": True,
                    },
                ),
            )
        ],
    }
)


def node(kind, children, **more):
    return {"class": f"org.apache.spark.{kind}", "num-children": children, **more}


def column(name):
    return node("AttributeReference", 0, name=name)


def key(text, kind="string"):
    return node("Literal", 0, value=text, dataType=kind)


def test_values_are_told_by_the_fields_and_keys_that_lead_to_them():
    field = node("GetStructField", 1, name="email", ordinal=0)
    each = node("GetArrayStructFields", 1, field={"name": "email"})
    by_key, item = node("GetMapValue", 2), node("GetArrayItem", 2)
    nodes = [
        node("Max", 1),
        node("Add", 5),
        *(field, column("user")),
        *(each, column("items")),
        *(by_key, column("headers"), key("kind")),
        *(field, item, column("items"), key("0", "integer")),
        *(field, node("JsonToStructs", 1), column("raw")),
    ]

    assert list(values_read(nodes)) == [
        ("user", "email"),
        ("items", "email"),
        ("headers", "kind"),
        ("items", "email"),
        ("email",),
        ("raw",),
    ]


def test_a_mask_hides_whole_names_and_what_holds_them():
    hidden = [("Id",), ("user", "EMAIL"), ("user",), ("headers",), ("headers", "email"), ("email",)]
    open_ = [("width",), ("user", "name"), ("headers", "kind")]

    assert [names for names in (*hidden, *open_) if hides_any(SCHEMA, [names], MASKED)] == hidden
    assert not hides_any(SCHEMA, (*hidden, *open_), SampleSettings())


def test_freshness_of_a_masked_column_is_decided_again_and_told_to_nobody():
    rule = Rule(
        "fresh", RuleAction.WARN, "", Origin("a.py", 1), check=Fresh("ID", timedelta(hours=2))
    )
    newest = (NOON - timedelta(hours=1)).isoformat()
    found = RuleCount("fresh", RuleAction.WARN, 1, 0, observed=newest)
    known = Known(NOON, lambda _: None, samples=MASKED)

    (now,) = fresh_still([rule], [found], known)
    (later,) = fresh_still([rule], [now], replace(known, now=NOON + timedelta(hours=2)))
    (shown,) = fresh_still([rule], [now], replace(known, samples=SampleSettings()))

    assert [(each.passed, each.failed, each.observed) for each in (now, later, shown)] == [
        (1, 0, "***"),
        (0, 1, "***"),
        (1, 0, newest),
    ]


def test_what_great_expectations_finds_in_a_masked_column_is_not_told():
    assert set(_names_in({"column": "user.email", "column_set": ["a"], "n": 1})) == {
        *("user.email", "user", "email", "a")
    }
    assert _observed({"observed_value": ["ada"]}, is_hidden=True) == "***"
    assert _observed({"observed_value": ["ada"]}, is_hidden=False) == "['ada']"
    counts = {"observed_value": 1, "unexpected_count": 1, "element_count": 2}
    assert _observed(counts, is_hidden=True) == "1 of 2 rows break it"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            """[CAST] The value 'p@x' of the type "STRING" cannot be cast to "INT".""",
            """[CAST] The value '***' of the type "STRING" cannot be cast to "INT".""",
        ),
        (
            """The value 'it's 'p' x' of the type "DECIMAL(4, 2)" couldn't be read""",
            """The value '***' of the type "DECIMAL(4, 2)" couldn't be read""",
        ),
        ("""The value 'p@x""", """The value '***'"""),
        (
            """The value 300L of the type "BIGINT" cannot be cast""",
            """The value *** of the type "BIGINT" cannot be cast""",
        ),
        (
            "[X.Y]  300 cannot be represented as Decimal",
            "[X.Y] *** cannot be represented as Decimal",
        ),
        ("are detected in record parsing: [p, 1].", "are detected in record parsing: ***"),
        ('For input string: "p" x" of "INT"', 'For input string: "***"'),
        ('For input string: "p@x', 'For input string: "***"'),
        ("ValueError: invalid literal: 'p@x'", "ValueError: invalid literal: '***'"),
        ("'X' object has no attribute 'y'", "'X' object has no attribute 'y'"),
        ("[DIVIDE_BY_ZERO] Use `try_divide`", "[DIVIDE_BY_ZERO] Use `try_divide`"),
    ],
)
def test_of_what_spark_says_no_value_is_left(line, told):
    assert without_values(line) == told
