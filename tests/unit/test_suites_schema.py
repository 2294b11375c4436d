"""The JSON Schema of files of expectations, and the example that people read first."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

import dlt_lite as dlt
from dlt_lite.suites.file_schema import expectations_schema
from tests.unit.suites_made import declared, events

ROOT = Path(__file__).parent.parent.parent
DOCUMENT = ROOT / "docs" / "quality.md"
SHIPPED = ROOT / "expectations" / "orders.yml"


def example():
    text = DOCUMENT.read_text(encoding="utf-8")
    (found,) = re.findall(r"```yaml\n(silver_clicks:.*?)```", text, re.DOTALL)
    return found


def test_the_documents_example_is_a_file_of_rules_and_fits_the_schema(tmp_path):
    def declare():
        dlt.table(name="silver_clicks")(events)

    (dataset,) = declared(tmp_path, {"shop.yml": example()}, declare).datasets.values()

    assert len(dataset.rules) == 10
    jsonschema.validate(yaml.safe_load(example()), expectations_schema())


def test_the_file_that_is_shipped_fits_the_schema_and_is_the_one_that_people_read():
    shipped = SHIPPED.read_text(encoding="utf-8")

    jsonschema.validate(yaml.safe_load(shipped), expectations_schema())
    assert f"```yaml\n# {SHIPPED.relative_to(ROOT)}\n{shipped}```" in (
        ROOT / "README.md"
    ).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "told",
    [
        {"a": {"ruls": {}}},
        {"a": {"rules": {"b": {"expect": "x", "mostly": 2}}}},
        {"a": {"rules": {"b": {"expct": "x"}}}},
        {"a": {"columns": {"b": [{"expect_column_values_to_be_null": {"colum": "x"}}]}}},
        {"a": {"defaults": {"on_violation": "dorp"}}},
    ],
)
def test_what_a_file_cannot_say_does_not_fit_the_schema(told):
    schema = expectations_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert not jsonschema.Draft202012Validator(schema).is_valid(json.loads(json.dumps(told)))
