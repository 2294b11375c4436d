"""Expectations are decided in the job that writes, and their figures are exact."""

import random

import pytest

from dlt_lite.model.results import Verdict
from tests.spark.updates import (
    COLUMNS,
    FILE_STREAM,
    Ending,
    Shop,
    result_of,
    rules,
    states,
)

pytestmark = pytest.mark.spark

SHAPES = (
    FILE_STREAM
    + f"""
RULES = {{"small": "v < 5"}}

def numbers():
    return spark.range(100).select("id", (F.col("id") % 10).alias("v"))

def shape(function):
    ruled = dlt.expect_all(RULES)(dlt.expect_or_drop("odd", "v % 2 = 1")(function))
    return dlt.materialized_view(spark_conf={{"spark.sql.adaptive.enabled": "true"}})(ruled)

@shape
def sorted_rows():
    return numbers().orderBy(F.desc("v"))

@shape
def limited():
    return numbers().orderBy("id").limit(30)

@shape
def limited_without_order():
    return numbers().limit(25)

@shape
def joined():
    return numbers().join(spark.range(50).repartition(7), "id")

@shape
def joined_with_nothing():
    return numbers().join(spark.range(50).where("id > 1000"), "id")

@shape
def united():
    return numbers().union(numbers()).unionByName(numbers())

@shape
def aggregated():
    return numbers().groupBy("v").agg(F.sum("id").alias("id"))

@shape
def distinct():
    return numbers().select("v").distinct().repartitionByRange(3, "v")

@shape
def no_rows():
    return numbers().where("id < 0")

@shape
def no_rows_at_all():
    return spark.createDataFrame([], "{COLUMNS}")
"""
)
NUMBERS = [n % 10 for n in range(100)]


def test_figures_are_exact_whatever_the_query_does_above_the_rules(dlt, tmp_path):
    shop = Shop(dlt, tmp_path, SHAPES)
    values = {
        "sorted_rows": NUMBERS,
        "limited": NUMBERS[:30],
        "joined": NUMBERS[:50],
        "joined_with_nothing": [],
        "united": NUMBERS * 3,
        "aggregated": list(range(10)),
        "distinct": list(range(10)),
        "no_rows": [],
        "no_rows_at_all": [],
    }

    result = shop.run()

    assert result.state == "COMPLETED"
    for name, expected in values.items():
        found = result_of(result, name)
        odd = [v for v in expected if v % 2 == 1]
        assert rules(result, name) == {
            "small": (sum(v < 5 for v in expected), sum(v >= 5 for v in expected)),
            "odd": (len(odd), len(expected) - len(odd)),
        }, name
        assert (found.rows_written, found.rows_dropped) == (len(odd), len(expected) - len(odd))
        assert len(shop.rows(name)) == len(odd)
        assert all(each.exact for each in found.expectations)
    limited = result_of(result, "limited_without_order")
    assert limited.rows_written + limited.rows_dropped == 25
    assert len(shop.rows("limited_without_order")) == limited.rows_written


MIXTURES = (
    FILE_STREAM
    + """
import json

def declare(name, mixture):
    def query():
        return spark.read.schema("a INT, b INT, c STRING").json(spark.conf.get("landing"))
    for kind, rules in mixture.items():
        query = getattr(dlt, kind)(rules)(query)
    dlt.materialized_view(name=name)(query)

for number, mixture in enumerate(json.loads('''{mixtures}''')):
    declare(f"mixture_{{number}}", mixture)
"""
)
# SQL text, and what it is in Python; None is NULL, which breaks a rule.
CONDITIONS = {
    "a > 3": lambda row: row["a"] is not None and row["a"] > 3,
    "a IS NOT NULL": lambda row: row["a"] is not None,
    "a + b < 12": lambda row: None not in (row["a"], row["b"]) and row["a"] + row["b"] < 12,
    "NOT (b = 2)": lambda row: row["b"] is not None and row["b"] != 2,
    "c IN ('x', 'y')": lambda row: row["c"] in ("x", "y"),
    "c = 'x' OR b > 5": lambda row: row["c"] == "x" or (row["b"] or 0) > 5,
    "length(c) = 1": lambda row: row["c"] is not None and len(row["c"]) == 1,
    "b BETWEEN 1 AND 8": lambda row: row["b"] is not None and 1 <= row["b"] <= 8,
}


@pytest.mark.parametrize("seed", [1, 2])
def test_rows_of_a_result_are_those_written_and_those_dropped(dlt, tmp_path, seed):
    chance = random.Random(seed)  # noqa: S311 - the same mixtures every time
    rows = [
        {
            "a": chance.choice([None, *range(8)]),
            "b": chance.choice([None, *range(9)]),
            "c": chance.choice([None, "x", "y", "zz"]),
        }
        for _ in range(150)
    ]
    mixtures = [a_mixture(chance) for _ in range(8)]
    text = str(mixtures).replace("'", '"').replace("§", "''").replace("''", "\\'")
    shop = Shop(dlt, tmp_path, MIXTURES.format(mixtures=text))
    shop.land("rows.json", *rows)

    result = shop.run()

    for number, mixture in enumerate(mixtures):
        name = f"mixture_{number}"
        found = result_of(result, name)
        all_rules = {rule: sql for kind in mixture.values() for rule, sql in kind.items()}
        broken = {
            rule: [not CONDITIONS[plain(sql)](row) for row in rows]
            for rule, sql in all_rules.items()
        }
        drops = mixture["expect_all_or_drop"]
        dropped = sum(any(broken[rule][n] for rule in drops) for n in range(len(rows)))
        assert rules(result, name) == {
            rule: (len(rows) - sum(wrong), sum(wrong)) for rule, wrong in broken.items()
        }
        assert found.rows_dropped == dropped
        assert found.rows_written + found.rows_dropped == len(rows)
        assert len(shop.rows(name)) == found.rows_written


def a_mixture(chance):
    """Return which rules warn and which drop."""
    chosen = chance.sample(sorted(CONDITIONS), chance.randint(1, len(CONDITIONS)))
    cut = chance.randint(0, len(chosen))
    named = {sql: f"rule_{n}" for n, sql in enumerate(chosen)}
    return {
        "expect_all": {named[sql]: quoted(sql) for sql in chosen[:cut]},
        "expect_all_or_drop": {named[sql]: quoted(sql) for sql in chosen[cut:]},
    }


def quoted(sql):
    """Return SQL text in a form that survives being JSON inside Python's text."""
    return sql.replace("'", "§")


def plain(sql):
    """Return SQL text as it was."""
    return sql.replace("§", "'")


FAILING = (
    FILE_STREAM
    + """
@dlt.table
@dlt.expect("small", "v < 100")
@dlt.expect_or_drop("not_three", "v <> 3")
@dlt.expect_or_fail("known", "v IS NOT NULL")
@dlt.expect_or_fail("sane", "v < 1000")
def bronze():
    return arriving()

@dlt.materialized_view
@dlt.expect_or_fail("few", "id < 4")
def gold():
    return spark.read.table("bronze")

@dlt.materialized_view
def below():
    return spark.read.table("gold")

@dlt.materialized_view
def apart():
    return spark.range(2)
"""
)


def test_a_stream_keeps_the_batches_before_the_one_that_breaks_a_fail_rule(dlt, tmp_path):
    shop = Shop(dlt, tmp_path, FAILING)
    shop.land("1.json", {"id": 1, "v": 1}, {"id": 2, "v": 3})
    bad = shop.land("2.json", {"id": 3, "v": 5}, {"id": 4, "v": 5000})

    first = shop.run()

    assert states(first) == {
        "bronze": "FAILED",
        "gold": "SKIPPED",
        "below": "SKIPPED",
        "apart": "COMPLETED",
    }
    error = result_of(first, "bronze").error
    assert "[DLT502] bronze: expectation sane failed for 1 or more rows" in error
    assert "partial count" in error
    assert '{"id":4,"v":5000}' in error
    assert "at:  pipelines/shop/tables.py:" in error
    assert shop.rows("bronze") == [(1, 1)]
    assert rules(first, "bronze") == {
        "small": (2, 0),
        "not_three": (1, 1),
        "known": (2, 0),
        "sane": (2, 0),
    }

    shop.land(bad.name, {"id": 3, "v": 5})
    second = shop.run()

    assert second.state == "COMPLETED"
    assert shop.rows("bronze") == [(1, 1), (3, 5)]
    assert result_of(second, "apart").action == "skip"
    assert result_of(second, "gold").action == "create"


def test_a_view_keeps_yesterdays_rows_when_a_row_breaks_a_fail_rule(dlt, tmp_path):
    shop = Shop(dlt, tmp_path, FAILING)
    shop.land("1.json", {"id": 1, "v": 1})
    shop.run()
    shop.land("2.json", {"id": 9, "v": 2}, {"id": 8, "v": 2})
    version = shop.version("gold")

    second = shop.run()

    assert states(second)["gold"] == "FAILED"
    assert states(second)["below"] == "SKIPPED"
    assert "expectation few failed" in result_of(second, "gold").error
    assert shop.rows("gold") == [(1, 1)]
    assert shop.version("gold") == version
    assert shop.plan()["gold"] == "replace"


NO_ROW_OF_THE_RESULT = (
    FILE_STREAM
    + """
def numbers():
    return spark.range(100).select("id", (F.col("id") % 10).alias("v"))

even = dlt.expect_all_or_fail({"even": "v % 2 = 0", "small": "id < 100"})

@dlt.materialized_view
@even
def joined():
    return numbers().join(spark.range(0, 100, 2).repartition(7), "id")

@dlt.materialized_view
@even
def filtered():
    return numbers().where(F.pmod(F.hash("id"), F.lit(3)) < 2).where("v % 2 = 0")

@dlt.materialized_view
@even
def limited():
    return numbers().orderBy("v", "id").limit(10)

@dlt.materialized_view
@even
def joined_outside():
    return spark.range(0, 100, 2).join(numbers(), "id", "left")

@dlt.materialized_view
@even
def nothing():
    return numbers().where("id > 1000")

@dlt.materialized_view
@dlt.expect_or_fail("even", "v % 2 = 0")
@dlt.expect("small", "id < 40")
def beside_others():
    return numbers().join(spark.range(0, 100, 2).repartition(7), "id")
"""
)


def test_a_fail_rule_judges_no_row_that_the_query_leaves_out(dlt, tmp_path):
    shop = Shop(dlt, tmp_path, NO_ROW_OF_THE_RESULT)

    result = shop.run()

    assert result.state == "COMPLETED"
    written = {each.name: each.rows_written for each in result.datasets}
    assert written == {
        "joined": 50,
        "filtered": len(shop.rows("filtered")),
        "limited": 10,
        "joined_outside": 50,
        "nothing": 0,
        "beside_others": 50,
    }
    for name in written.keys() - {"beside_others"}:
        passed = {"even": (written[name], 0), "small": (written[name], 0)}
        assert rules(result, name) == passed, name
    assert rules(result, "beside_others") == {"even": (50, 0), "small": (20, 30)}


UNTOLD = (
    FILE_STREAM
    + """
quiet = {"spark.databricks.delta.history.metricsEnabled": "false"}

@dlt.table(spark_conf=quiet)
def stream():
    return arriving()

@dlt.materialized_view(spark_conf=quiet)
@dlt.expect_or_fail("known", "v IS NOT NULL")
def view():
    return spark.read.table("stream")
"""
)


def test_rows_are_counted_where_delta_was_told_to_keep_no_figures(dlt, tmp_path):
    shop = Shop(dlt, tmp_path, UNTOLD)
    shop.land("1.json", {"id": 1, "v": 1}, {"id": 2, "v": 3})

    result = shop.run()

    assert {each.name: each.rows_written for each in result.datasets} == {"stream": 2, "view": 2}
    assert rules(result, "view") == {"known": (2, 0)}


NULLS = (
    FILE_STREAM
    + """
@dlt.table
@dlt.expect("positive", F.col("v") > 0)
@dlt.expect_or_drop("even", F.col("id") % 2 == 0)
@dlt.expect_all({"either": (F.col("v") > 0) | F.col("v").isNull()})
def bronze():
    return arriving()
"""
)


def test_null_breaks_a_rule_and_a_column_judges_as_text_does(dlt, tmp_path):
    shop = Shop(dlt, tmp_path, NULLS)
    shop.land("1.json", {"id": 2, "v": None}, {"id": 4, "v": 1})
    shop.land("2.json", {"id": None, "v": 1}, {"id": 5, "v": -1})
    shop.land("3.json")

    result = shop.run()

    assert rules(result, "bronze") == {"positive": (2, 2), "even": (2, 2), "either": (3, 1)}
    assert shop.rows("bronze") == [(2, None), (4, 1)]


ON_VIEWS = (
    FILE_STREAM
    + """
@dlt.temporary_view
@dlt.expect("small", "v < 3")
@dlt.expect_or_drop("not_two", "v <> 2")
def arrived():
    return arriving()

@dlt.table
@dlt.expect("tiny", "v < 1")
def bronze():
    return spark.readStream.table("arrived")

@dlt.temporary_view
@dlt.expect("positive", "v > 0")
def cleaned():
    return spark.read.table("bronze")

@dlt.materialized_view
def copied():
    return spark.read.table("cleaned").where("id < 100")

@dlt.materialized_view
def counted():
    return spark.read.table("cleaned").groupBy("v").count()

@dlt.materialized_view
def twice():
    one = spark.read.table("cleaned")
    return one.union(one)
"""
)


def test_rules_of_a_view_are_told_by_each_flow_that_reads_it(dlt, tmp_path):
    shop = Shop(dlt, tmp_path, ON_VIEWS)
    shop.land("1.json", *({"id": n, "v": n} for n in range(4)))
    shop.land("2.json", {"id": 9, "v": 9})

    result = shop.run()

    assert rules(result, "bronze") == {"tiny": (1, 3), "small": (3, 2), "not_two": (4, 1)}
    assert result_of(result, "bronze").rows_written == 4
    told = {
        name: {e.name: (e.dataset, e.passed, e.failed, e.exact) for e in each.expectations}
        for name in ("copied", "counted")
        for each in [result_of(result, name)]
    }
    assert told["copied"] == {"positive": ("cleaned", 3, 1, True)}
    assert told["counted"] == {"positive": ("cleaned", 3, 1, False)}
    assert not result_of(result, "twice").expectations[0].exact


@pytest.mark.parametrize("point", ["table_committed 1", "counts_recorded 1"])
def test_rules_of_a_view_are_counted_once_wherever_its_stream_ended(dlt, tmp_path, point):
    shop = Shop(dlt, tmp_path, ON_VIEWS[: ON_VIEWS.index("@dlt.temporary_view", 300)])
    shop.land("1.json", *({"id": n, "v": n} for n in range(4)))
    shop.land("2.json", {"id": 9, "v": 9})
    shop.run(on_point=Ending(point))

    shop.run()

    assert shop.counts() == {
        "bronze: rows": 4,
        "bronze: dropped": 0,
        "bronze.tiny in bronze: passed": 1,
        "bronze.tiny in bronze: failed": 3,
        "arrived.small in bronze: passed": 3,
        "arrived.small in bronze: failed": 2,
        "arrived.not_two in bronze: passed": 4,
        "arrived.not_two in bronze: failed": 1,
    }


MANY_FLOWS = (
    FILE_STREAM
    + """
dlt.create_streaming_table(
    "bronze", expect_all={"small": "v < 3"}, expect_all_or_drop={"not_two": "v <> 2"}
)

@dlt.append_flow(target="bronze")
def first():
    return arriving()

@dlt.append_flow(target="bronze")
def second():
    return arriving().where("id > 0").select("v")

@dlt.append_flow(target="bronze", once=True)
def before():
    return spark.range(4).select(F.col("id").alias("v"))
"""
)


def test_rules_of_a_table_judge_the_rows_of_each_of_its_flows(dlt, tmp_path):
    shop = Shop(dlt, tmp_path, MANY_FLOWS)
    shop.land("1.json", {"id": 0, "v": 2}, {"id": 1, "v": 3})
    shop.land("2.json", {"id": 2, "v": 1})

    result = shop.run()

    assert result.state == "COMPLETED"
    assert rules(result, "bronze") == {"small": (3 + 2 - 1 + 2, 3), "not_two": (7, 2)}
    assert result_of(result, "bronze").rows_dropped == 2
    assert sorted(row[1] for row in shop.rows("bronze")) == [0, 1, 1, 1, 3, 3, 3]


EXTREMES = (
    FILE_STREAM
    + f"""
def landed():
    return spark.read.schema("{COLUMNS}").json(spark.conf.get("landing"))

@dlt.materialized_view
@dlt.expect("tenth", "10 / v >= 1")
def gold():
    return landed()

@dlt.materialized_view
@dlt.expect_or_drop("never", "id < 0")
def bare():
    return landed()
"""
)


def test_all_rows_bad_no_rows_and_a_rule_that_divides_by_zero_have_an_outcome(dlt, tmp_path):
    shop = Shop(dlt, tmp_path, EXTREMES)
    file = shop.land("1.json", {"id": 1, "v": 1}, {"id": 2, "v": 20})
    bad = shop.run()
    assert (result_of(bad, "bare").rows_written, result_of(bad, "bare").rows_dropped) == (0, 2)
    assert rules(bad, "bare") == {"never": (0, 2)}

    shop.land("2.json", {"id": 3, "v": 0})
    divided = shop.run()
    assert states(divided) == {"gold": "FAILED", "bare": "COMPLETED"}
    error = result_of(divided, "gold").error.splitlines()
    line = line_of(shop, '"tenth"')
    assert error == [
        "[DLT501] gold: expectation tenth cannot be decided: [DIVIDE_BY_ZERO] Division by zero.",
        f"  at:  pipelines/shop/tables.py:{line}",
        "  fix: write it with try_divide in that rule, or leave such rows out by where=",
    ]
    assert shop.rows("gold") == [(1, 1), (2, 20)]

    file.write_text("")
    shop.land("2.json")
    empty = shop.run()
    assert (states(empty)["gold"], shop.rows("gold")) == ("COMPLETED", [])
    verdicts = {rule.rule: rule for rule in shop.under_test.project.quality("shop").rules}
    assert {rule.verdict for rule in verdicts.values()} == {Verdict.SKIPPED}
    assert verdicts["tenth"].reason == "no rows were checked"


UNCOMPUTABLE = (
    FILE_STREAM
    + """
spark.conf.set("spark.sql.ansi.enabled", "true")

@dlt.table
@dlt.expect("fine", "v > 0")
@dlt.expect_or_drop("chosen", "v > 0", where="cast(word as date) > DATE '2020-01-01'")
def chosen():
    return arriving("v BIGINT, word STRING")

@dlt.table
@dlt.expect_or_quarantine("parts", '''v > 0 AND length(word) + length(word) + length(word) > 0
    AND length(word) > 0 AND cast(word as int) > 1 -- a number''')
def parts():
    return arriving("v BIGINT, word STRING")

@dlt.view
@dlt.expect("viewed", "cast(word as float) > 1")
def looked_at():
    return arriving("v BIGINT, word STRING")

@dlt.table
@dlt.expect("sound", "v > 0")
def viewed():
    return spark.readStream.table("looked_at")

@dlt.materialized_view
@dlt.expect("sound", F.col("v") > 0)
@dlt.expect("column", F.col("word").cast("double") > 0)
def column():
    return spark.read.schema("v BIGINT, word STRING").json(spark.conf.get("landing"))

@dlt.materialized_view
@dlt.expect("by the query", "v / 1 > 0")
def by_the_query():
    rows = spark.read.schema("v BIGINT, word STRING").json(spark.conf.get("landing"))
    return rows.select("v", F.expr("10 / (v - v)").alias("all"))
"""
)


def test_a_rule_that_cannot_be_computed_is_named_and_a_query_that_cannot_is_not(dlt, tmp_path):
    shop = Shop(dlt, tmp_path, UNCOMPUTABLE)
    shop.land("1.json", {"v": 1, "word": "abc"})

    result = shop.run()

    for name in ("chosen", "parts", "viewed", "column"):
        error = result_of(result, name).error
        assert f"[DLT501] {name}: expectation {name} cannot be decided: [CAST_INVALID" in error
        assert f"tables.py:{line_of(shop, repr(name).replace(chr(39), chr(34)))}\n" in error
        assert "fix: write it with try_cast in that rule, or leave such rows" in error
    error = result_of(result, "by_the_query").error
    assert "by_the_query failed: " in error
    assert "[DIVIDE_BY_ZERO]" in error


def line_of(shop, text):
    """Return the first line of the pipeline's file that holds a text."""
    file = shop.under_test.settings.folder / "tables.py"
    lines = file.read_text("utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)
