"""Rules proposed from a table, and rules tried on it: one look, nothing written."""

import pytest

from dlt_lite.errors import DltLiteError
from dlt_lite.model.results import Verdict
from tests.spark.updates import Shop

pytestmark = pytest.mark.spark

TABLES = """
spark = SparkSession.getActiveSession()

@dlt.materialized_view
def people():
    return spark.range(1, 81)

@dlt.materialized_view
def clicks():
    return spark.sql('''
        SELECT id, CAST(id % 100 AS INT) AS n, IF(id % 3 = 0, 'web', 'app') AS kind,
               IF(id % 50 = 0, NULL, concat('user', id)) AS name, id % 40 AS pin,
               TIMESTAMP '2024-05-01 10:00:00' + make_dt_interval(0, id) AS at,
               array(id) AS parts, named_struct('a-b', 1) AS `in`
        FROM range(1, 201)
    ''')
"""
RULES = """
clicks:
  rules:
    positive: {expect: n > 0, on_violation: drop}
    small: {expect: n < 90, on_violation: quarantine}
    named: {expect: name IS NOT NULL, mostly: 0.9}
    low: {expect: n < 1000, on_violation: fail}
    one row per pin: {unique: pin}
    known: {foreign_key: {columns: id, to: people.id}}
    many: {aggregate: count(*) > 170}
    few dropped: {max_drop_ratio: 0.1}
    columns: {schema: "id BIGINT, n BIGINT"}
"""
NO_COLUMN = "clicks: {rules: {a: nope > 1, b: {unique: gone}}}\n"
OF_ZERO = """
clicks: {rules: {
  ok: n > 0,
    no zero: 1 / n > 0 }}
"""


@pytest.fixture
def shop(dlt, tmp_path):
    shop = Shop(dlt, tmp_path, TABLES)
    root = tmp_path / "project"
    (root / "dlt_lite.yml").write_text("name: x\nquality: {mask: [PIN]}\n", encoding="utf-8")
    shop.under_test = dlt.pipeline("shop", project=root)
    assert shop.run().state == "COMPLETED"
    return shop


def test_what_is_proposed_holds_and_what_is_tried_changes_nothing(shop, tmp_path):
    project, file = shop.under_test.project, tmp_path / "rules.yml"
    before = sorted(path for path in tmp_path.rglob("*") if path != file)

    text = project.suggest("clicks")
    file.write_text(text, encoding="utf-8")
    proposed = project.dry_run(file)
    file.write_text(RULES, encoding="utf-8")
    tried = project.dry_run(file)

    assert {rule.rule: rule.verdict for rule in proposed.rules} == dict.fromkeys(
        (
            *("columns", "enough rows", "id is there", "one row per id", "n is there"),
            *("n is in range", "kind is there", "kind is known", "name is there"),
            *("name has its length", "pin is there", "at is there", "at is not before"),
            *("parts is there", "in is there"),
        ),
        Verdict.PASS,
    )
    assert "kind IN ('app', 'web')" in text
    assert "n BETWEEN 0 AND 109" in text
    assert "pin BETWEEN" not in text, "masked values are not shown"
    found = {rule.rule: rule for rule in tried.rules}
    assert {
        name: (rule.evaluated, rule.violations, rule.dropped, rule.quarantined, str(rule.verdict))
        for name, rule in found.items()
        if rule.by_row
    } == {
        "positive": (200, 2, 2, 0, "warn"),
        "small": (200, 20, 0, 20, "warn"),
        "named": (200, 4, 0, 0, "pass"),
        "low": (200, 0, 0, 0, "pass"),
        "one row per pin": (178, 178, 0, 0, "warn"),
        "known": (178, 98, 0, 0, "warn"),
    }
    assert found["many"].observed == "count(1) = 178"
    assert found["few dropped"].observed == "22 of 200 rows"
    assert found["columns"].observed == "n is int"
    [clicks] = tried.datasets
    assert (clicks.rows_in, clicks.written, clicks.dropped, clicks.quarantined) == (200, 178, 2, 20)
    assert sorted(path for path in tmp_path.rglob("*") if path != file) == before

    assert "gone" in str(refused(project, file, NO_COLUMN))
    told = str(refused(project, file, OF_ZERO))
    assert "[DLT501] clicks: expectation no zero cannot be decided: [DIVIDE_BY_ZERO]" in told
    assert "rules.yml:4:5\n  fix: write it with try_divide in that rule" in told


def refused(project, file, rules):
    """Return the error by which a trial of rules is refused."""
    file.write_text(rules, encoding="utf-8")
    with pytest.raises(DltLiteError) as refusal:
        project.dry_run(file)
    return refusal.value
