"""Rules about more than one row, thresholds, and what else is said of rules."""

import pytest

from dlt_lite.model.checks import RuleKind
from dlt_lite.model.results import Verdict
from dlt_lite.model.rules import Cost, NullPolicy, Severity
from tests.spark.updates import FILE_STREAM, Shop, refusal, result_of, rules

pytestmark = pytest.mark.spark

VIEW = """
spark = SparkSession.getActiveSession()

@dlt.materialized_view
def people():
    return spark.sql("SELECT * FROM VALUES (1), (2), (2), (NULL) t(id)")

@dlt.materialized_view
@dlt.expect_or_drop("small", "n < 90")
@dlt.expect_unique("id", name="key")
@dlt.expect_unique(["id", "n"], name="pair", where="n > 3")
@dlt.expect_foreign_key("who", to="people.id", name="known", mostly=0.5)
@dlt.expect_foreign_key("parent", to="gold.id", name="own parent")
@dlt.expect_aggregate("count(*) between 5 and 6 and max(n) < 5", name="size")
@dlt.expect_aggregate("count(DISTINCT who) = 3", name="distinct")
@dlt.expect_aggregate("avg(n) > 4", name="average", where="id > 2")
@dlt.expect_aggregate(
    "max(who) > 100 or max(missing) = 1", name="nothing", null="pass", where="at < now()"
)
@dlt.expect_fresh("at", within="1 hour", name="fresh")
@dlt.expect_schema("id INT, n BIGINT, lost STRING", others=False, name="columns")
@dlt.expect_max_drop_ratio(0.1, name="few dropped")
@dlt.expect_row_count_change(max_decrease=0.5, name="steady")
def gold():
    rows = spark.sql('''
        SELECT *, TIMESTAMP '2024-01-01 10:00:00' AS at, CAST(NULL AS INT) AS missing
        FROM VALUES (1, 1, 1, NULL), (1, 2, 2, 1), (2, 3, 7, 9), (3, 4, NULL, 1), (4, 5, 8, 1),
                    (4, 5, 9, 1), (9, 90, 1, NULL) t(id, n, who, parent)
    ''')
    return rows.where("id >= " + str(len(spark.table("people").columns)))
"""
ABSENT = "n is int; lost is missing"
TOO_MUCH = "who is there too; parent is there too; at is there too; missing is there too"
STREAM = (
    FILE_STREAM
    + """
@dlt.table
@dlt.expect_or_fail("mostly small", "v IS NULL OR v < 5", mostly=0.5)
@dlt.expect("known", "v > 0", null="pass", where="id > 1")
@dlt.expect_unique("id", on_violation="fail", name="key")
@dlt.expect_row_count_change(max_increase=1, name="steady")
def bronze():
    return arriving()

@dlt.materialized_view
def gold():
    return spark.table("bronze")
"""
)


@pytest.fixture
def view(dlt, tmp_path):
    return Shop(dlt, tmp_path, VIEW)


def judged(shop, dataset):
    """Return what the rules of a dataset decided in the newest update, by name."""
    quality = shop.under_test.project.quality("shop")
    return {rule.rule: rule for rule in quality.rules if rule.dataset == dataset}


def test_each_kind_of_rule_counts_what_the_written_rows_hold(view):
    planned = view.under_test.project.plan("shop").datasets

    result = view.run()

    gold = result_of(result, "gold")
    assert (gold.error, gold.rows_written, gold.rows_dropped) == (None, 6, 1)
    found = judged(view, "gold")
    # Nothing to compare with yet, so that one has no figures that could cost.
    told = {name: rule.cost for name, rule in found.items() if name != "steady"}
    assert next(each for each in planned if each.name == "gold").costs == told | {
        "steady": Cost.DERIVED
    }
    assert {
        name: (rule.evaluated, rule.violations)
        for name, rule in found.items()
        if rule.evaluated is not None
    } == {
        "small": (7, 1),
        "key": (6, 4),
        "pair": (3, 2),
        "known": (5, 3),
        "own parent": (5, 1),
    }
    assert {
        name: (rule.violations, rule.observed)
        for name, rule in found.items()
        if rule.observed is not None
    } == {
        "size": (1, "count(1) = 6, max(n) = 5"),
        "distinct": (1, "count(DISTINCT who) = 5"),
        "average": (0, "avg(n) = 4.666666666666667"),
        "nothing": (0, "max(who) = 9, max(missing) = NULL"),
        "columns": (1, f"{ABSENT}; {TOO_MUCH}"),
        "few dropped": (1, "1 of 7 rows"),
        "fresh": (1, "2024-01-01T10:00:00+00:00"),
    }
    assert (found["known"].verdict, found["steady"].verdict) == (Verdict.WARN, Verdict.SKIPPED)
    assert (found["key"].kind, found["key"].cost) == (RuleKind.UNIQUE, Cost.EXTRA_SCAN)
    costs = {name: found[name].cost for name in ("size", "fresh", "distinct", "columns")}
    assert list(costs.values()) == [Cost.IN_JOB, Cost.IN_JOB, Cost.EXTRA_SCAN, Cost.DERIVED]


def test_a_view_that_breaks_a_fail_rule_stays_at_its_version(dlt, tmp_path):
    text = """
spark = SparkSession.getActiveSession()

@dlt.materialized_view
@dlt.expect_aggregate("sum(id) < 10", on_violation="fail", name="total")
@dlt.expect_or_fail("mostly low", "id < 3", mostly=0.5)
@dlt.expect_row_count_change(max_decrease=0.5, on_violation="fail", name="steady")
def gold():
    return spark.range(N)

@dlt.materialized_view
def above():
    return spark.table("gold")
"""
    shop = Shop(dlt, tmp_path, text.replace("N)", "4)"))
    assert shop.run().state == "COMPLETED"
    version = shop.version("gold")

    for rows, broken in (
        ("30)", {"total", "mostly low"}),
        ("1)", {"steady"}),
    ):
        shop.changed(text.replace("N)", rows))
        result = shop.run()

        assert result.state == "FAILED"
        assert (shop.version("gold"), len(shop.rows("gold"))) == (version, 4)
        found = judged(shop, "gold")
        assert {name for name, rule in found.items() if rule.verdict is Verdict.FAIL} == broken
        assert "nothing was written" in result_of(result, "gold").error
        assert result_of(result, "above").state == "SKIPPED"

    shop.changed(text.replace("N)", "3)"))
    assert shop.run().state == "COMPLETED"
    assert judged(shop, "gold")["steady"].observed == "3 rows, 4 before"


def test_a_streaming_table_goes_on_to_say_that_it_breaks_a_rule_about_all_of_it(dlt, tmp_path):
    shop = Shop(dlt, tmp_path, STREAM)
    shop.land("1.json", {"id": 1, "v": None}, {"id": 2, "v": None}, {"id": 3, "v": 1})
    first = shop.run()
    assert first.state == "COMPLETED"
    known = judged(shop, "bronze")["known"]
    assert (known.evaluated, known.violations, known.null_results) == (2, 0, 1)
    assert known.null_policy is NullPolicy.PASS

    shop.land("2.json", {"id": 3, "v": 2})
    for _ in range(2):
        again = shop.run()
        assert again.state == "FAILED"
        assert result_of(again, "gold").state == "SKIPPED"
        key = judged(shop, "bronze")["key"]
        assert (key.verdict, key.evaluated, key.violations) == (Verdict.FAIL, 4, 2)
        assert "its rows" in result_of(again, "bronze").error
    assert len(shop.rows("bronze")) == 4

    shop.delta("bronze").delete("v = 2")
    mended = shop.run()
    assert mended.state == "COMPLETED"
    assert judged(shop, "bronze")["key"].verdict is Verdict.PASS


def test_more_bad_rows_than_a_threshold_allows_keep_a_batch_out(dlt, tmp_path):
    shop = Shop(dlt, tmp_path, STREAM)
    shop.land("1.json", {"id": 1, "v": 9}, {"id": 2, "v": 1})
    shop.land("2.json", {"id": 3, "v": 9}, {"id": 4, "v": 8}, {"id": 5, "v": 1})

    result = shop.run()

    assert result.state == "FAILED"
    assert shop.rows("bronze") == [(1, 9), (2, 1)]
    assert "2 of 3 rows break it" in result_of(result, "bronze").error
    found = judged(shop, "bronze")["mostly small"]
    assert (found.verdict, found.severity) == (Verdict.FAIL, Severity.CRITICAL)
    shop.land("2.json", {"id": 3, "v": 0}, {"id": 4, "v": None}, {"id": 5, "v": 1})
    assert shop.run().state == "COMPLETED"
    assert len(shop.rows("bronze")) == 5


def test_freshness_is_decided_also_where_nothing_is_new(dlt, tmp_path):
    text = """
spark = SparkSession.getActiveSession()

@dlt.materialized_view
@dlt.expect_fresh("at", within="WITHIN", on_violation="fail", name="fresh")
def gold():
    return spark.sql("SELECT TIMESTAMP '2024-01-01 10:00:00' AS at")
"""
    shop = Shop(dlt, tmp_path, text.replace("WITHIN", "99999 weeks"))
    first = shop.run()
    again = shop.run()

    assert (first.state, again.state) == ("COMPLETED", "COMPLETED")
    assert result_of(again, "gold").action == "skip"
    found = judged(shop, "gold")["fresh"]
    assert (found.verdict, found.observed) == (Verdict.PASS, "2024-01-01T10:00:00+00:00")
    assert found.cost is Cost.DERIVED


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ('expect_unique("idd")', "'idd', which is no column of gold"),
        ('expect_unique("id", mostly=2)', "mostly is 2"),
        ('expect_unique("id", on_violation="drop")', "cannot drop rows"),
        ('expect_aggregate("id > 1")', "outside of any aggregate"),
        ('expect_aggregate("1 > 0")', "a rule of rows is `expect`"),
        ('expect_aggregate("sum(id)")', "not boolean"),
        ('expect_aggregate("sum(id) > (SELECT 1)")', "subquery"),
        ('expect_foreign_key("id", to="nobody.id")', "nobody"),
        ('expect_foreign_key("id", to="gold.x")', "no column of gold"),
        (
            'expect_foreign_key("id", to="gold.name")',
            "compares id (bigint) with gold.name (string)",
        ),
        ('expect_foreign_key("id", to="id")', "dataset.column"),
        ('expect_fresh("id", within="1 day")', "a bigint"),
        ('expect_fresh("id", within="soon")', "within is 'soon'"),
        ('expect_schema("id NUMBR")', "no type"),
        ("expect_row_count_change()", "no bound"),
        ('expect("a", "id > 0", wher="id > 1")', "'wher'"),
        ('expect("a", "id > 0", where="idd > 1")', "idd"),
        ('expect("a", "id > 0", where="id + 1")', "not boolean"),
        ("""expect("a", "string(id) RLIKE '[a-'")""", "no valid regular expression, '[a-'"),
    ],
)
def test_a_rule_that_can_decide_nothing_is_refused_before_anything_is_written(
    dlt, tmp_path, rule, told
):
    text = f"""
spark = SparkSession.getActiveSession()

@dlt.materialized_view
@dlt.{rule}
def gold():
    return spark.range(3).selectExpr("id", "string(id) AS name")
"""
    shop = Shop(dlt, tmp_path, text)

    error = refusal(shop)

    assert told in error
    assert "pipelines/shop/tables.py:" in error


def test_a_view_that_is_not_written_has_no_rules_about_more_than_a_row(dlt, tmp_path):
    text = """
spark = SparkSession.getActiveSession()

@dlt.view
@dlt.expect_unique("id")
def fleeting():
    return spark.range(3)

@dlt.materialized_view
def gold():
    return spark.table("fleeting")
"""
    assert "a view is not written" in refusal(Shop(dlt, tmp_path, text))


def test_rules_that_a_target_switches_off_are_skipped_and_said(dlt, tmp_path):
    text = """
spark = SparkSession.getActiveSession()

@dlt.materialized_view
@dlt.expect_or_fail("never", "id < 0", enabled=["prod"])
@dlt.expect("now", "id >= 0", enabled=True)
def gold():
    return spark.range(3)
"""
    folder = tmp_path / "project/pipelines/shop"
    folder.mkdir(parents=True)
    settings = "name: shop\nschema: shop\ntargets: {prod: {schema: prod}}\n"
    (folder / "pipeline.yml").write_text(settings, "utf-8")
    shop = Shop(dlt, tmp_path, text)
    result = shop.run()

    assert (result.state, rules(result, "gold")["now"]) == ("COMPLETED", (3, 0))
    never = judged(shop, "gold")["never"]
    assert (never.verdict, never.reason) == (Verdict.SKIPPED, "switched off in this target")


def test_rules_from_files_are_decided_like_those_of_decorators_and_what_is_left_by_gx(
    dlt, tmp_path
):
    text = """
spark = SparkSession.getActiveSession()

@dlt.materialized_view
@dlt.expect("here", "id < 9")
def gold():
    return spark.range(4)
"""
    shop = Shop(dlt, tmp_path, text)
    folder = tmp_path / "project" / "expectations"
    folder.mkdir()
    (folder / "shop.yml").write_text(
        """
gold:
  rules:
    not zero: {expect: id > 0, on_violation: drop, severity: info}
    size: {aggregate: count(*) = 4}
  columns:
    id:
      - expect_column_most_common_value_to_be_in_set: {value_set: [1, 2, 3], ties_okay: true}
      - expect_column_values_to_be_of_type: {type_: LongType}
""",
        encoding="utf-8",
    )

    result = shop.run()

    gold = result_of(result, "gold")
    assert (gold.error, gold.rows_written, gold.rows_dropped) == (None, 3, 1)
    found = judged(shop, "gold")
    told = {name: (rule.verdict, rule.cost) for name, rule in found.items()}
    common, of_type = (next(n for n in found if word in n) for word in ("common", "of_type"))
    assert told == {
        "here": (Verdict.PASS, Cost.IN_JOB),
        "not zero": (Verdict.WARN, Cost.IN_JOB),
        "size": (Verdict.WARN, Cost.IN_JOB),
        common: (Verdict.PASS, Cost.EXTRA_SCAN),
        of_type: (Verdict.PASS, Cost.DERIVED),
    }
    assert (found["not zero"].origin.path, found["not zero"].origin.line) == (
        "expectations/shop.yml",
        4,
    )

    (folder / "shop.yml").write_text("gold:\n  rules: {size: {aggregate: count(*) = 4}}\n")
    again = shop.run()
    assert (result_of(again, "gold").action, len(shop.rows("gold"))) == ("replace", 4)


def test_a_key_is_looked_up_again_when_the_other_table_has_changed(dlt, tmp_path):
    text = """
@dlt.table
@dlt.expect_foreign_key("v", to="users.id", on_violation="fail", name="known")
def bronze():
    return arriving()

@dlt.materialized_view
def users():
    return spark.read.schema("id BIGINT").json(spark.conf.get("landing") + "/../users")
"""
    shop = Shop(dlt, tmp_path, FILE_STREAM + text)
    shop.land("1.json", {"id": 1, "v": 1})
    shop.land("../users/1.json", {"id": 0})
    assert shop.run().state == "FAILED"

    shop.land("../users/2.json", {"id": 1})
    shop.run(select=("users",))
    mended = shop.run()
    assert (mended.state, result_of(mended, "bronze").action) == ("COMPLETED", "skip")
    assert judged(shop, "bronze")["known"].verdict is Verdict.PASS
