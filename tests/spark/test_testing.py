"""The `dlt` fixture: what people test their own pipelines with."""

from datetime import datetime
from decimal import Decimal

import pytest

from dlt_lite.errors import BadSelection, MissingInput
from tests.spark.projects import one_file

pytestmark = pytest.mark.spark

SHOP = """
    spark = SparkSession.getActiveSession()

    @dlt.table
    @dlt.expect("has_note", "note IS NOT NULL")
    def orders():
        lines = spark.readStream.schema(
            "id INT, amount DECIMAL(10, 2), at TIMESTAMP, note STRING, tags ARRAY<STRING>"
        )
        return lines.json("landing")

    @dlt.table
    @dlt.expect_or_drop("positive", "amount > 0")
    def paid():
        return spark.readStream.table("orders")

    @dlt.view
    def large():
        return spark.read.table("paid").where("amount >= 10")

    @dlt.materialized_view
    def totals():
        return spark.read.table("large").groupBy().agg(F.sum("amount").alias("total"))
"""
RATES = """
    spark = SparkSession.getActiveSession()

    @dlt.materialized_view
    def doubled():
        return spark.read.table("bank.rates").selectExpr("rate * 2 AS rate")
"""


@pytest.fixture
def shop(dlt, tmp_path):
    root = one_file(tmp_path / "project", SHOP)
    (root / "landing").mkdir()
    return dlt.pipeline("shop", project=root)


@pytest.fixture
def rates(dlt, tmp_path):
    return dlt.pipeline("shop", project=one_file(tmp_path / "project", RATES))


def test_a_stream_reads_what_is_given_later_as_another_batch(shop):
    shop.given("orders", [{"id": 1, "amount": 5}, {"id": 2, "amount": -5}])
    first = shop.run("paid")
    shop.given("orders", [{"id": 3, "amount": 7}])

    second = shop.run("paid")

    assert (first.dataset("paid").rows_written, first.dataset("paid").rows_dropped) == (1, 1)
    assert (second.dataset("paid").action, second.dataset("paid").rows_written) == ("append", 1)
    assert second.expectation("positive").failed == 0
    assert sorted(row["id"] for row in second.rows("paid")) == [1, 3]


def test_a_view_is_computed_anew_from_all_that_was_given(shop):
    shop.given("paid", [{"id": 1, "amount": 10}])
    first = shop.run("totals")
    shop.given("paid", [{"id": 2, "amount": "20.50"}, {"id": 3, "amount": 1}])

    second = shop.run("totals")

    assert first.rows("totals") == [{"total": Decimal("10.00")}]
    assert second.rows("totals") == [{"total": Decimal("30.50")}]


def test_running_again_without_anything_new_does_nothing(shop):
    shop.given("orders", [{"id": 1, "amount": 10}])
    first = shop.run()

    second = shop.run()

    assert first.state == second.state == "COMPLETED"
    assert [second.dataset(name).action for name in ("paid", "totals")] == ["skip", "skip"]
    assert second.dataset("orders").state == "EXCLUDED"


def test_relative_paths_begin_in_the_projects_folder(shop):
    landing = shop.settings.project_root / "landing"
    landing.joinpath("a.json").write_text('{"id": 1, "amount": 12.5}\n', encoding="utf-8")

    result = shop.run()

    assert result.dataset("orders").rows_written == 1
    assert result.rows("totals") == [{"total": Decimal("12.50")}]


def test_values_are_given_as_people_write_them(shop):
    shop.given("orders", [{"id": 1, "amount": 1.5, "at": "2024-05-01", "tags": ["a", "b"]}])

    [row] = shop.run("paid").rows("paid")

    assert row["amount"] == Decimal("1.50")
    assert row["at"] == datetime(2024, 5, 1)  # noqa: DTZ001 - PySpark gives naive times
    assert (row["note"], row["tags"]) == (None, ["a", "b"])


def test_a_full_refresh_begins_anew(shop):
    shop.given("orders", [{"id": 1, "amount": 5}])
    shop.run("paid")

    result = shop.run("paid", full_refresh=["paid"])

    assert result.dataset("paid").action == "full_refresh"
    assert [row["id"] for row in result.rows("paid")] == [1]


def test_a_table_outside_the_pipeline_is_given_with_its_schema(rates):
    rates.given("bank.rates", [{"rate": 2}], schema="rate INT")

    result = rates.run()

    assert result.rows("doubled") == [{"rate": 4}]


def test_a_table_outside_the_pipeline_that_is_not_given_is_missing(rates):
    with pytest.raises(MissingInput, match=r"bank\.rates"):
        rates.run()


def test_a_view_cannot_be_given_since_it_is_computed_where_it_is_read(shop):
    with pytest.raises(BadSelection, match="large is a view"):
        shop.given("large", [{"amount": 1}])


def test_what_does_not_exist_is_named_together_with_what_does(shop):
    with pytest.raises(BadSelection, match=r"(?s)no column amout.*id, amount, at"):
        shop.given("orders", [{"amout": 1}])
    with pytest.raises(BadSelection, match="declares no order"):
        shop.given("order", [])

    shop.given("orders", [{"id": 1, "amount": 1}])
    result = shop.run("paid")

    with pytest.raises(BadSelection, match=r"(?s)'payed'.*paid"):
        result.rows("payed")
    with pytest.raises(BadSelection, match=r"(?s)'payed'.*paid"):
        result.dataset("payed")
    with pytest.raises(BadSelection, match=r"(?s)'negative'.*paid\.positive"):
        result.expectation("negative")


def test_each_test_has_storage_of_its_own(shop, tmp_path):
    shop.given("orders", [{"id": 1, "amount": 1}])

    shop.run("paid")

    assert {path.name for path in (tmp_path / "project").iterdir()} == {
        "dlt_lite.yml",
        "landing",
        "pipelines",
    }


def test_the_sessions_settings_come_from_pytests_configuration(spark, pytestconfig):
    given = dict(line.split("=", 1) for line in pytestconfig.getini("dlt_spark_conf"))

    assert given
    assert {key: spark.conf.get(key) for key in given} == given
