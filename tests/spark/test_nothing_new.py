"""Nothing new, nothing done; and whatever is new is noticed, since a stale table is the worst."""

import json
from pathlib import Path

import pytest
from delta.tables import DeltaTable

from dlt_lite.engine.files import Files
from dlt_lite.engine.plans import query_facts
from dlt_lite.sources.progress import checkpoint_facts
from tests.spark.updates import (
    FILE_STREAM,
    Shop,
    actions,
    add_empty_commit,
    parquet_moved_aside,
    result_of,
)

pytestmark = pytest.mark.spark

MEDALLION = (
    FILE_STREAM
    + """
@dlt.table
@dlt.expect_or_drop("positive", "v > 0")
def bronze():
    return arriving()

@dlt.table
def silver():
    return spark.readStream.table("bronze").select("id", (F.col("v") * 2).alias("double"))

@dlt.materialized_view
@dlt.expect("big", "total > 10")
def gold():
    return spark.read.table("silver").groupBy("id").agg(F.sum("double").alias("total"))
"""
)
TABLES = ("bronze", "silver", "gold")


@pytest.fixture
def shop(dlt, tmp_path):
    shop = Shop(dlt, tmp_path, MEDALLION)
    shop.land("1.json", {"id": 1, "v": 5}, {"id": 2, "v": 6})
    shop.run()
    return shop


def test_a_second_update_reads_no_data_and_writes_no_commit(shop):
    before = {name: shop.version(name) for name in TABLES}

    with parquet_moved_aside(shop, TABLES):
        second = shop.run()

    assert second.state == "COMPLETED"
    assert {each.name: each.reason for each in second.datasets} == {
        "bronze": "its sources show nothing new",
        "silver": "its sources show nothing new",
        "gold": "nothing that it reads has changed",
    }
    assert set(actions(second).values()) == {"skip"}
    assert {name: shop.version(name) for name in TABLES} == before


def test_only_a_new_file_is_read(shop):
    shop.land("2.json", {"id": 1, "v": 7})

    second = shop.run()

    written = {each.name: (each.action, each.rows_written) for each in second.datasets}
    assert written == {"bronze": ("append", 1), "silver": ("append", 1), "gold": ("replace", 2)}
    assert result_of(second, "bronze").reason == "1 new file in landing"
    assert shop.rows("gold") == [(1, 24), (2, 12)]


def test_what_was_planned_in_case_of_a_change_is_left_where_there_was_none(shop):
    shop.land("2.json", {"id": 3, "v": -1})
    planned = shop.reasons()

    second = shop.run()

    assert planned["silver"] == "if bronze changes"
    assert planned["gold"] == "if silver changes"
    assert actions(second) == {"bronze": "append", "silver": "skip", "gold": "skip"}
    assert result_of(second, "silver").reason == "bronze wrote no rows"
    assert result_of(second, "gold").reason == "silver wrote no rows"
    assert result_of(second, "bronze").rows_dropped == 1


def test_a_comment_is_set_also_where_only_the_runner_finds_nothing_to_do(shop):
    shop.changed(MEDALLION.replace("@dlt.materialized_view", '@dlt.materialized_view(comment="x")'))
    shop.land("2.json", {"id": 3, "v": -1})

    second = shop.run()

    assert actions(second) == {"bronze": "append", "silver": "skip", "gold": "skip"}
    assert shop.delta("gold").detail().first().description == "x"


def test_what_an_attempt_wrote_before_it_failed_is_news_to_those_below(shop):
    shop.land("2.json", {"id": 3, "v": 1})
    reached = []

    def once(point):
        reached.append(point)
        if reached.count("batch_reported 1") == 1 and point == "batch_reported 1":
            raise ConnectionError("java.net.SocketTimeoutException: Read timed out")

    second = shop.run(on_point=once)

    assert second.state == "COMPLETED"
    assert reached[3:5] == ["batch_reported 1", "batch_begun 1"]
    assert shop.rows("silver") == [(1, 10), (2, 12), (3, 2)]
    assert actions(second)["gold"] == "replace"


def test_a_rule_on_a_column_that_is_never_null_is_the_same_rule_once_there_is_a_table(shop):
    with_one = 'return arriving().select("*", F.lit(1).alias("one"))'
    ruled = MEDALLION.replace("return arriving()", with_one)
    shop.changed(ruled.replace("def bronze", '@dlt.expect("is_one", "one = 1")\ndef bronze'))
    shop.run(full_refresh_all=True)

    assert shop.plan() == {"bronze": "skip", "silver": "skip", "gold": "skip"}


def test_commits_that_change_no_row_are_nothing_new(shop, spark):
    shop.land("2.json", {"id": 1, "v": 7})
    shop.run()
    for name in ("bronze", "silver"):
        table = shop.delta(name)
        table.optimize().executeCompaction()
        table.vacuum()
        spark.sql(f"ALTER TABLE delta.`{shop.path(name)}` SET TBLPROPERTIES (kept_by = 'me')")
        add_empty_commit(table, shop.path(name))
    assert shop.operations("bronze")[-1] == "WRITE"
    assert "OPTIMIZE" in shop.operations("bronze")

    assert shop.plan() == {"bronze": "skip", "silver": "skip", "gold": "skip"}


OUTSIDE = """
spark = SparkSession.getActiveSession()

@dlt.materialized_view
def gold():
    return spark.read.format("delta").load(spark.conf.get("landing") + "/outside")
"""


def test_a_column_dropped_and_added_again_is_another_column(dlt, tmp_path, spark):
    shop = Shop(dlt, tmp_path, OUTSIDE)
    path = f"{shop.landing}/outside"
    frame = spark.sql("SELECT 1 AS a, 2 AS b")
    frame.write.format("delta").option("delta.columnMapping.mode", "name").save(path)
    shop.run()
    assert shop.rows("gold") == [(1, 2)]
    spark.sql(f"ALTER TABLE delta.`{path}` DROP COLUMN b")
    spark.sql(f"ALTER TABLE delta.`{path}` ADD COLUMN b INT")

    assert shop.plan() == {"gold": "replace"}
    shop.run()
    assert shop.rows("gold") == [(1, None)]


def test_rows_that_somebody_else_appends_are_noticed(shop, spark):
    more = spark.createDataFrame([(9, 1)], "id BIGINT, double BIGINT")
    more.write.format("delta").mode("append").save(shop.path("silver"))

    reasons = shop.reasons()
    second = shop.run()

    assert reasons["gold"] == "silver went from version 1 to 2"
    assert actions(second) == {"bronze": "skip", "silver": "skip", "gold": "replace"}
    assert (9, 1) in shop.rows("gold")


def test_another_definition_is_computed_anew_and_another_comment_is_not(shop):
    shop.changed(MEDALLION.replace("@dlt.materialized_view", '@dlt.materialized_view(comment="x")'))
    assert shop.plan()["gold"] == "skip"

    shop.changed(MEDALLION.replace("F.sum", "F.max"))

    assert shop.reasons()["gold"] == "its definition changed"


def test_another_rule_is_another_definition(shop):
    shop.changed(MEDALLION.replace("total > 10", "total > 11"))

    assert shop.reasons()["gold"] == "its definition changed"


def test_a_full_refresh_is_done_though_nothing_is_new(shop):
    planned = shop.plan(full_refresh=("gold",))
    everything = shop.plan(full_refresh_all=True)

    assert planned == {"bronze": "skip", "silver": "skip", "gold": "full_refresh"}
    assert set(everything.values()) == {"full_refresh"}


def test_a_refresh_whose_counts_are_lost_is_done_again(shop):
    counts = next(shop.checkpoint("gold").parent.parent.glob("counts/*.json"))
    counts.unlink()

    assert shop.reasons()["gold"] == "its last refresh ended before its counts were recorded"


VIEWS = (
    FILE_STREAM
    + """
@dlt.materialized_view
def plain():
    return spark.range(3)

@dlt.materialized_view(refresh_policy="full")
def always():
    return spark.range(3)

@dlt.materialized_view
def random():
    return spark.range(3).withColumn("x", F.rand())

@dlt.materialized_view
def dated():
    return spark.range(3).withColumn("now", F.current_timestamp())

@dlt.materialized_view
def files():
    return spark.read.schema("id BIGINT, v BIGINT").json(spark.conf.get("landing"))
"""
)


def test_a_view_is_left_alone_only_where_its_answer_provably_stays(dlt, tmp_path):
    shop = Shop(dlt, tmp_path, VIEWS)
    file = shop.land("1.json", {"id": 1})
    shop.run()

    reasons = shop.reasons()
    file.write_text(json.dumps({"id": 1, "v": 12}), encoding="utf-8")
    rewritten = shop.reasons()

    assert reasons == {
        "plain": "nothing that it reads has changed",
        "always": "its refresh_policy is full",
        "random": "it is not deterministic",
        "dated": "it uses CurrentTimestamp",
        "files": "nothing that it reads has changed",
    }
    assert rewritten["files"] == f"the files in file://{shop.landing} changed"
    shop.run()
    assert shop.rows("files") == [(1, 12)]
    shop.land("2.json", {"id": 2})
    assert shop.plan()["files"] == "replace"


ODD_FOLDERS = """
spark = SparkSession.getActiveSession()

def arriving(path):
    return spark.readStream.schema("id BIGINT").json(path)

@dlt.table
def hidden_above():
    return arriving(spark.conf.get("landing") + "/_in")

@dlt.table
def with_scheme():
    return arriving("file://" + spark.conf.get("landing") + "/_in")

@dlt.table
def by_glob():
    return arriving(spark.conf.get("landing") + "/*in*/day=*")

@dlt.table
def relative():
    return arriving("_relative/in")

@dlt.table
def one_kind():
    reader = spark.readStream.schema("id BIGINT").option("pathGlobFilter", "*.{json,jsonl}")
    return reader.json(spark.conf.get("landing") + "/_in")
"""


def test_files_are_noticed_wherever_they_lie_and_only_those_that_spark_reads(dlt, tmp_path):
    shop = Shop(dlt, tmp_path, ODD_FOLDERS)
    relative = tmp_path / "project" / "_relative" / "in"
    relative.mkdir(parents=True)
    Path(relative, "1.json").write_text('{"id": 1}\n', encoding="utf-8")
    shop.land("_in/day=1/1.json", {"id": 1})
    shop.run()
    shop.land("_in/day=1/_later.json", {"id": 2})
    shop.land("_in/.hidden/x.json", {"id": 2})
    shop.land("_in/day=1/x.json._COPYING_", {"id": 2})
    assert set(shop.plan().values()) == {"skip"}

    shop.land("_in/day=1/notes.txt", "{}")
    assert shop.plan()["one_kind"] == "skip"
    assert shop.plan()["with_scheme"] == "append"
    shop.land("_in/day=2/2.json", {"id": 2})
    Path(relative, "2.json").write_text('{"id": 2}\n', encoding="utf-8")
    second = shop.run()

    assert set(actions(second).values()) == {"append"}
    assert [row[0] for row in shop.rows("relative")] == [1, 2]
    assert [row[0] for row in shop.rows("one_kind")] == [1, 2]


UNION = (
    FILE_STREAM
    + """
def table():
    return spark.readStream.table("base").select("id", "v")

@dlt.table
def base():
    return arriving()

@dlt.table
def files_first():
    return arriving().select("id", "v").unionByName(table())

@dlt.table
def table_first():
    return table().unionByName(arriving().select("id", "v"))

@dlt.table
def feed():
    changes = spark.readStream.option("readChangeFeed", "true").option("startingVersion", 0)
    return changes.format("delta").load(spark.conf.get("landing") + "/../people").select("id")

@dlt.table
def timed():
    return (
        table().withColumn("t", F.timestamp_seconds("v")).withWatermark("t", "1 minute")
        .groupBy(F.window("t", "1 minute")).count()
    )
"""
)


def made_with_a_feed(spark, path):
    """Make a table whose last commit holds a file of changes."""
    table = DeltaTable.create(spark).location(path).addColumn("id", "BIGINT")
    table = table.property("delta.enableChangeDataFeed", "true").execute()
    spark.range(2).coalesce(1).write.format("delta").mode("append").save(path)
    table.delete("id = 1")


def test_each_source_of_a_stream_is_looked_at(dlt, tmp_path, spark):
    shop = Shop(dlt, tmp_path, UNION)
    shop.land("1.json", {"id": 1, "v": 600})
    made_with_a_feed(spark, people := str(tmp_path / "people"))
    shop.run()
    quiet = shop.reasons()

    spark.range(1).write.format("delta").mode("append").save(people)
    more = spark.createDataFrame([(9, 9)], "id BIGINT, v BIGINT")
    more.write.format("delta").mode("append").save(shop.path("base"))
    after_rows = shop.reasons()
    shop.land("2.json", {"id": 2, "v": 120})
    after_file = shop.reasons()

    nothing = "its sources show nothing new"
    moved = "base went from version 1 to 2"
    tables = ("base", "files_first", "table_first", "feed", "timed")
    assert quiet == dict.fromkeys(tables, nothing)
    assert after_rows["feed"] == "people went from version 2 to 3"
    assert after_rows["base"] == nothing
    assert after_rows["files_first"] == after_rows["table_first"] == moved
    assert after_file["files_first"] == f"1 new file in landing; {moved}"
    assert after_file["table_first"] == f"{moved}; 1 new file in landing"
    shop.run()
    assert len(shop.rows("files_first")) == len(shop.rows("table_first")) == 5
    assert shop.rows("feed") == [(0,), (0,), (1,), (1,)]


@pytest.mark.parametrize(
    ("offset", "commit", "due"),
    [
        ('{"batchWatermarkMs":5}', '{"nextBatchWatermarkMs":5}', False),
        ('{"batchWatermarkMs":5}', '{"nextBatchWatermarkMs":6}', True),
        ('{"batchWatermarkMs":5}', "{}", True),
        ("torn", '{"nextBatchWatermarkMs":5}', True),
    ],
)
def test_a_watermark_is_due_until_state_has_seen_it(spark, tmp_path, offset, commit, due):
    for folder, line in (("offsets", offset), ("commits", commit)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "3").write_text(f"v1\n{line}\n{{}}", encoding="utf-8")
    stateless = checkpoint_facts(Files(spark), str(tmp_path))
    (tmp_path / "state").mkdir()

    assert not stateless.watermark_due
    assert checkpoint_facts(Files(spark), str(tmp_path)).watermark_due is due


def test_a_stream_whose_function_keeps_state_may_be_due_at_any_time(spark):
    rates = spark.readStream.format("rate").load()

    def passed_on(_, frames, __):
        return frames

    kept = rates.groupBy("value").applyInPandasWithState(
        passed_on, "value BIGINT", "n BIGINT", "append", "NoTimeout"
    )

    assert query_facts(kept).timers
    assert not query_facts(rates.withWatermark("timestamp", "1 minute")).timers
