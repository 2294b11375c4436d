"""What lies on disk does not fit what is asked, or somebody else was there: said, never overrun."""

import contextlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from dlt_lite.engine.deltalog import change_files, commit
from dlt_lite.engine.files import Files
from dlt_lite.errors import StateDamaged, StorageNotReached, TableReplaced
from dlt_lite.model.requests import UpdateRequest
from dlt_lite.workspace import Project
from tests.spark.projects import HEAD, make_project
from tests.spark.updates import (
    FILE_STREAM,
    Ending,
    Shop,
    actions,
    add_empty_commit,
    refusal,
    result_of,
    states,
)

pytestmark = pytest.mark.spark

STREAMS = (
    FILE_STREAM
    + """
@dlt.table
def bronze():
    return arriving()

@dlt.table
def silver():
    return spark.readStream.table("bronze")

@dlt.materialized_view
def gold():
    return spark.read.table("silver")
"""
)
BRONZE = STREAMS[: STREAMS.index("@dlt.table", STREAMS.index("def bronze"))]
VIEW = """
spark = SparkSession.getActiveSession()

@dlt.materialized_view
def gold():
    return spark.range(3)
"""


@pytest.fixture
def shop(dlt, tmp_path):
    return filled(Shop(dlt, tmp_path, STREAMS))


@pytest.fixture
def bronze(dlt, tmp_path):
    return filled(Shop(dlt, tmp_path, BRONZE))


def filled(shop):
    """Land two files and run."""
    shop.land("1.json", {"id": 1, "v": 10})
    shop.land("2.json", {"id": 2, "v": 20})
    assert shop.run().state == "COMPLETED"
    return shop


ROWS = [(1, 10), (2, 20)]


def test_a_full_refresh_takes_the_streams_below_with_it(shop):
    alone = refusal(shop, select=("bronze",), full_refresh=("bronze",))
    assert "[DLT411] silver streams from bronze" in alone
    both = shop.run(select=("gold",), full_refresh=("bronze",))
    assert (both.state, str(both.error).count("[DLT411]")) == ("FAILED", 2)
    shop.landing.joinpath("1.json").write_text('{"id": 1, "v": 11}\n', encoding="utf-8")

    result = shop.run(full_refresh=("bronze",))

    assert actions(result) == {
        "bronze": "full_refresh",
        "silver": "full_refresh",
        "gold": "replace",
    }
    assert "it streams from bronze" in result_of(result, "silver").reason
    assert shop.rows("bronze") == shop.rows("silver") == shop.rows("gold") == [(1, 11), (2, 20)]
    assert set(shop.plan().values()) == {"skip"}


CRM = """
@dlt.table
def people():
    return spark.readStream.table("shop.bronze")
"""


def test_a_full_refresh_tells_of_another_pipelines_stream_which_is_refused(tmp_path, bronze):
    folder = tmp_path / "project" / "pipelines" / "crm"
    folder.mkdir()
    folder.joinpath("pipeline.yml").write_text("name: crm\nschema: crm\n", encoding="utf-8")
    folder.joinpath("tables.py").write_text(HEAD + CRM, encoding="utf-8")
    project, notes = bronze.changed(BRONZE).project, []
    asked = UpdateRequest(full_refresh=("bronze",))
    assert project.run("crm").state == "COMPLETED"

    (planned,) = project.plan("shop", request=asked).notes
    project.run("shop", request=asked, on_note=notes.append)

    assert planned.startswith("people of pipeline crm streams from bronze, which is emptied first")
    assert planned in notes
    with pytest.raises(TableReplaced, match=r"bronze has a .* in version 3"):
        project.plan("crm")
    assert project.plan("crm", request=UpdateRequest(full_refresh=("people",)))


def test_a_full_refresh_that_ended_half_way_is_explained_to_the_stream_below(shop):
    shop.run(full_refresh=("bronze",), on_point=Ending("batch_reported 0"))

    said = refusal(shop)

    assert "[DLT406] silver streams from a table whose rows were changed or removed" in said
    assert "bronze has a " in said
    assert "--full-refresh silver" in said
    assert shop.run(full_refresh=("silver",)).state == "COMPLETED"
    assert shop.rows("silver") == ROWS


def test_a_checkpoint_reset_keeps_the_rows_and_reads_the_sources_again(bronze):
    result = bronze.run(reset_checkpoint=("bronze",))

    assert actions(result) == {"bronze": "reset_checkpoint"}
    assert bronze.rows("bronze") == sorted(ROWS * 2)
    assert bronze.plan() == {"bronze": "skip"}


def test_a_table_that_must_not_be_reset_is_not(dlt, tmp_path):
    shop = filled(
        Shop(
            dlt,
            tmp_path,
            BRONZE.replace(
                "@dlt.table", '@dlt.table(table_properties={"pipelines.reset.allowed": "false"})'
            ),
        )
    )
    version = shop.version("bronze")

    said = refusal(shop, full_refresh=("bronze",))

    assert "[DLT409] bronze must not be fully refreshed" in said
    assert shop.plan(full_refresh_all=True) == {"bronze": "skip"}
    assert shop.version("bronze") == version


def test_rows_that_no_source_has_any_more_are_given_up_only_with_consent(bronze):
    bronze.landing.joinpath("1.json").unlink()
    asked = []
    planned = bronze.under_test.project.plan(
        "shop", request=UpdateRequest(full_refresh=("bronze",))
    )

    unasked = refusal(bronze, full_refresh=("bronze",), yes=False)
    refused = refusal(
        bronze, full_refresh=("bronze",), yes=False, confirm=lambda text: bool(asked.append(text))
    )

    assert "[DLT410] files that were read are gone" in unasked
    assert "[DLT410]" in refused
    lost = "files that were read are gone, their rows would be lost: bronze (1 file)"
    assert planned.notes == (f"run will ask, or want --yes: {lost}",)
    assert "bronze (1 file)" in asked[0]
    assert bronze.rows("bronze") == ROWS
    assert bronze.run(full_refresh=("bronze",), yes=False, confirm=lambda _: True)
    assert bronze.rows("bronze") == [(2, 20)]


def test_lost_files_are_noticed_also_after_a_crash(bronze):
    bronze.land("3.json", {"id": 3, "v": 30})
    bronze.run(on_point=Ending("table_committed 2"))
    bronze.landing.joinpath("1.json").unlink()

    assert "[DLT410]" in refusal(bronze, full_refresh=("bronze",), yes=False)


def test_new_columns_are_one_metadata_commit_before_the_first_row(shop):
    before = len(shop.operations("silver"))
    shop.changed(
        STREAMS.replace(
            "return arriving()",
            'return arriving().select("*", F.col("v").alias("w"), F.struct("id").alias("s"))',
        )
    )
    shop.land("3.json", {"id": 3, "v": 30})

    result = shop.run()

    assert result.state == "COMPLETED"
    assert shop.columns("silver") == ["id", "v", "w", "s"]
    assert len(shop.operations("silver")) == before + 2
    assert [row[:3] for row in shop.rows("silver")] == [(1, 10, None), (2, 20, None), (3, 30, 30)]
    shop.changed(
        STREAMS.replace(
            "return arriving()",
            'return arriving().select("*", F.col("v").alias("w"), F.struct("id", "v").alias("s"))',
        )
    )
    shop.land("4.json", {"id": 4, "v": 40})
    assert shop.run().state == "COMPLETED"
    assert (4, 40, 40, (4, 40)) in shop.rows("gold")
    assert set(shop.plan().values()) == {"skip"}


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ('"id"', "the query no longer yields column 'v'"),
        ('"id", F.col("v").alias("value")', "the query no longer yields column 'v'"),
        (
            '"id", F.col("v").cast("int")',
            "column 'v' is long in the table and integer in the query",
        ),
        ('"id", F.struct("v").alias("v")', "column 'v' is long in the table and struct in the"),
    ],
)
def test_a_column_that_is_lost_or_of_another_type_is_explained(bronze, columns, said):
    bronze.changed(BRONZE.replace("return arriving()", f"return arriving().select({columns})"))

    error = refusal(bronze)

    assert "[DLT404]" in error
    assert said in error
    assert "--full-refresh bronze" in error
    assert bronze.rows("bronze") == ROWS


def test_a_column_that_a_full_refresh_took_away_stays_away(shop):
    shop.changed(STREAMS.replace("return arriving()", 'return arriving().select("id")'))
    shop.run(full_refresh=("bronze",))

    again = shop.run()

    assert again.state == "COMPLETED"
    assert shop.columns("bronze") == shop.columns("silver") == shop.columns("gold") == ["id"]
    assert set(shop.plan().values()) == {"skip"}


def test_a_constant_column_may_hold_null_later(dlt, tmp_path):
    text = BRONZE.replace("arriving()\n", 'arriving().select("id", F.lit(1).alias("v"))\n')
    shop = filled(Shop(dlt, tmp_path, text))
    shop.changed(text.replace("F.lit(1)", "F.when(F.col('id') < 3, 1)"))
    shop.land("3.json", {"id": 3})

    assert shop.run().state == "COMPLETED"
    assert (3, None) in shop.rows("bronze")


def test_other_partition_columns_need_a_full_refresh(bronze):
    bronze.changed(BRONZE.replace("@dlt.table", '@dlt.table(partition_cols=["v"])'))

    said = refusal(bronze)
    result = bronze.run(full_refresh=("bronze",))

    assert "[DLT403] bronze is partitioned by () on disk and by (v) in code" in said
    assert result.state == "COMPLETED"
    assert bronze.rows("bronze") == ROWS
    assert Path(bronze.path("bronze"), "v=10").is_dir()


def test_a_table_of_another_kind_is_left_as_it_is(bronze):
    bronze.changed(VIEW.replace("gold", "bronze"))

    said = refusal(bronze, full_refresh_all=True)

    assert "[DLT402] bronze is a materialized view now" in said
    assert bronze.rows("bronze") == ROWS


def test_a_table_that_is_not_ours_is_never_replaced(dlt, tmp_path, spark):
    shop = Shop(dlt, tmp_path, VIEW)
    spark.range(7).write.format("delta").save(shop.path("gold"))

    said = refusal(shop, full_refresh_all=True)

    assert "[DLT401] a table that dlt_lite did not make is where gold would go" in said
    assert len(shop.rows("gold")) == 7


def test_a_table_of_another_pipeline_is_left_to_it(dlt, tmp_path):
    root = make_project(tmp_path / "two", {"one/a.py": HEAD + VIEW, "two/b.py": HEAD + VIEW})
    dlt.pipeline("one", project=root).run()

    second = dlt.pipeline("two", project=root).project.run

    with pytest.raises(Exception, match=r"\[DLT214\] gold is already a table of pipeline 'one'"):
        second("two")


def test_private_tables_of_one_name_share_nothing(dlt, tmp_path):
    text = HEAD + BRONZE.replace("@dlt.table", "@dlt.table(private=True)")
    root = make_project(tmp_path / "two", {"one/a.py": text, "two/b.py": text})
    landing = tmp_path / "in"
    landing.mkdir()
    landing.joinpath("1.json").write_text('{"id": 1, "v": 1}\n', encoding="utf-8")

    for name in ("one", "two"):
        pipeline = dlt.pipeline(name, project=root, parameters={"landing": str(landing)})
        assert pipeline.run().rows("bronze") == [{"id": 1, "v": 1}]


def test_an_overwrite_by_somebody_else_stops_the_stream(bronze, spark):
    ours = bronze.version("bronze")
    other = spark.createDataFrame([(9, 9)], "id BIGINT, v BIGINT")
    other.write.format("delta").mode("overwrite").save(bronze.path("bronze"))

    said = refusal(bronze)
    assert "[DLT406] somebody else changed bronze" in said
    assert "RESTORE" in said
    bronze.delta("bronze").restoreToVersion(ours)
    bronze.land("3.json", {"id": 3, "v": 30})

    result = bronze.run()

    assert result.state == "COMPLETED"
    assert bronze.rows("bronze") == [*ROWS, (3, 30)]


def test_a_restore_that_takes_our_rows_away_stops_the_stream(bronze):
    bronze.delta("bronze").restoreToVersion(bronze.version("bronze") - 1)

    assert "[DLT406] somebody else changed bronze" in refusal(bronze)


def test_rows_that_somebody_else_appends_or_deletes_stay_so(bronze, spark):
    other = spark.createDataFrame([(9, 9)], "id BIGINT, v BIGINT")
    other.write.format("delta").mode("append").save(bronze.path("bronze"))
    bronze.delta("bronze").delete("id = 1")
    bronze.land("3.json", {"id": 3, "v": 30})

    assert bronze.run().state == "COMPLETED"
    assert bronze.rows("bronze") == [(2, 20), (3, 30), (9, 9)]


def test_a_table_that_is_gone_is_explained_and_a_full_refresh_reads_everything_again(bronze):
    shutil.rmtree(bronze.path("bronze"))

    said = refusal(bronze)
    result = bronze.run(full_refresh=("bronze",))

    assert "[DLT406] the table of bronze is gone, but flow bronze has a checkpoint" in said
    assert result.state == "COMPLETED"
    assert bronze.rows("bronze") == ROWS


def test_a_table_that_was_made_anew_is_explained(bronze, spark):
    path = bronze.path("bronze")
    frame = spark.createDataFrame([(9, 9)], "id BIGINT, v BIGINT")
    shutil.rmtree(path)
    frame.write.format("delta").save(path)

    assert "[DLT401] a table that dlt_lite did not make" in refusal(bronze)

    spark.sql(
        f"ALTER TABLE delta.`{path}` SET TBLPROPERTIES ("
        "'dlt_lite.pipeline' = 'shop', 'dlt_lite.kind' = 'streaming_table')"
    )
    assert "[DLT406] bronze was dropped and made anew by somebody else" in refusal(bronze)
    assert bronze.run(full_refresh=("bronze",)).state == "COMPLETED"
    assert bronze.rows("bronze") == ROWS


def test_a_checkpoint_that_is_gone_beside_its_rows_is_explained(bronze):
    shutil.rmtree(bronze.checkpoint("bronze"))

    said = refusal(bronze)

    assert "[DLT405] bronze holds rows of flow bronze, but the flow's checkpoint is gone" in said
    assert "--reset-checkpoint bronze" in said
    assert bronze.rows("bronze") == ROWS


@pytest.mark.parametrize(
    ("features", "shown"),
    [
        ({"readerFeatures": [], "writerFeatures": ["fromTheFuture"]}, "FOR_WRITE"),
        ({"readerFeatures": ["fromTheFuture"], "writerFeatures": ["fromTheFuture"]}, "FOR_READ"),
    ],
)
def test_a_table_that_needs_newer_delta_is_explained(bronze, features, shown):
    commit = {"minReaderVersion": 3, "minWriterVersion": 7, **features}
    number = bronze.version("bronze") + 1
    Path(bronze.path("bronze"), "_delta_log", f"{number:020d}.json").write_text(
        "".join(
            json.dumps(line) + "\n"
            for line in (
                {"commitInfo": {"timestamp": 1, "operation": "UPGRADE PROTOCOL"}},
                {"protocol": commit},
            )
        ),
        encoding="utf-8",
    )
    bronze.land("3.json", {"id": 3, "v": 30})

    result = bronze.run()

    error = result.error or result_of(result, "bronze").error
    assert "[DLT407]" in error
    assert f"DELTA_UNSUPPORTED_FEATURES_{shown}" in error


def test_state_of_a_newer_version_is_refused(bronze):
    path, record = bronze.path("bronze"), json.dumps({"dlt_lite": {"format": 99}})
    add_empty_commit(bronze.delta("bronze"), path, userMetadata=record)

    assert "[DLT408]" in refusal(bronze)


def test_a_damaged_file_is_named_with_the_way_out_and_stops_only_what_needs_it(shop, spark):
    checkpoint, version = shop.checkpoint("bronze"), shop.version("bronze")
    log = Path(shop.path("bronze"), "_delta_log", f"{version:020d}.json")
    acknowledged = checkpoint / "commits" / "1"
    files = (checkpoint / "offsets" / "1", checkpoint / "dlt_lite" / "owner.json", log)
    said = {}
    for file in (*files, acknowledged):
        before = file.read_bytes()
        file.write_text("garbage", encoding="utf-8")
        if file == acknowledged:
            file.unlink()
        said[file] = refusal(shop, select=("bronze",))
        file.write_bytes(before)
    (checkpoint / "offsets" / ".1.crc").unlink()
    (checkpoint / "offsets" / "1").write_text("", encoding="utf-8")
    empty = refusal(shop)
    assert shop.plan(select=("gold",))["gold"] == "skip"

    assert all("[DLT412] bronze: " in each for each in [*said.values(), empty])
    assert all(f"{file} is damaged: it does not have the checksum" in said[file] for file in files)
    assert f"{acknowledged} is gone, but its checksum" in said[acknowledged]
    assert f"{checkpoint}/offsets/1 is damaged: it is empty" in empty
    for each in (said[files[0]], said[files[1]], said[acknowledged], empty):
        assert "--full-refresh bronze to begin anew, or with --reset-checkpoint bronze" in each
    assert f"move the table away ({shop.path('bronze')})" in said[log]
    assert shop.run(full_refresh=("bronze",)).state == "COMPLETED"
    assert shop.rows("bronze") == ROWS
    with pytest.raises(StorageNotReached, match="no file system for s3a:"):
        Files(spark).names("s3a://bucket/tables")


def test_a_stream_that_lost_its_state_is_explained(dlt, tmp_path):
    text = BRONZE.replace("arriving()\n", 'arriving().dropDuplicates(["v"])\n')
    bronze = filled(Shop(dlt, tmp_path, text))
    shutil.rmtree(bronze.checkpoint("bronze") / "state")
    bronze.land("3.json", {"id": 3, "v": 30})

    error = result_of(bronze.run(), "bronze").error

    assert "[DLT412] bronze: the checkpoint of flow bronze lacks files" in error
    assert str(bronze.checkpoint("bronze").parent) in error
    assert "--full-refresh bronze to begin anew, or with --reset-checkpoint bronze" in error
    assert bronze.rows("bronze") == ROWS


def test_a_checkpoint_of_a_newer_version_is_refused(bronze):
    owner = bronze.checkpoint("bronze") / "dlt_lite" / "owner.json"
    plain = json.loads(owner.read_text())
    (owner.parent / ".owner.json.crc").unlink()
    owner.write_text(json.dumps({**plain, "format": 99}), encoding="utf-8")

    assert "[DLT408]" in refusal(bronze)


def test_a_log_that_was_cleaned_up_does_not_double_a_views_rows(dlt, tmp_path, spark):
    shop = Shop(dlt, tmp_path, VIEW)
    shop.run()
    path = shop.path("gold")
    spark.sql(f"ALTER TABLE delta.`{path}` SET TBLPROPERTIES ('a' = 'b')")
    logs = spark._jvm.org.apache.spark.sql.delta.DeltaLog  # noqa: SLF001 - as a clean-up does it
    logs.forTable(spark._jsparkSession, path).checkpoint()  # noqa: SLF001
    for file in Path(path, "_delta_log").glob("00000000000000000000.*"):
        file.unlink()

    result = shop.run()

    assert actions(result) == {"gold": "replace"}
    assert shop.rows("gold") == [(0,), (1,), (2,)]


OPTIONS = """
spark = SparkSession.getActiveSession()

@dlt.materialized_view(OPTIONS)
def gold():
    return spark.range(3).select("id", (F.col("id") % 2).alias("odd"))
"""


def with_options(text):
    return OPTIONS.replace("OPTIONS", text)


def test_comment_properties_and_clustering_are_those_of_the_code(dlt, tmp_path):
    shop = Shop(
        dlt,
        tmp_path,
        with_options(
            'comment="It\'s `mine`", table_properties={"team": "a\'b"}, cluster_by=["id"]'
        ),
    )
    shop.run()
    made = shop.delta("gold").detail().first()
    shop.changed(with_options('table_properties={"other": "c"}, cluster_by=["odd"]'))

    second = shop.run()
    changed = shop.delta("gold").detail().first()
    shop.changed(with_options('partition_cols=["odd"]'))
    shop.run()
    plain = shop.delta("gold").detail().first()

    assert (made.description, made.properties["team"]) == ("It's `mine`", "a'b")
    assert list(made.clusteringColumns) == ["id"]
    assert actions(second) == {"gold": "skip"}
    assert changed.description is None
    assert "team" not in changed.properties
    assert changed.properties["other"] == "c"
    assert list(changed.clusteringColumns) == ["odd"]
    assert (list(plain.clusteringColumns), list(plain.partitionColumns)) == ([], ["odd"])
    assert "other" not in plain.properties
    assert set(shop.plan().values()) == {"skip"}


DECLARED = """
@dlt.materialized_view(schema="SCHEMA")
def totals():
    return spark.sql("QUERY")
"""
NAMED = "SELECT id, named_struct('a', id) AS s FROM range(2)"


def declared(schema, query=NAMED):
    return DECLARED.replace("SCHEMA", schema).replace("QUERY", query)


def fields(shop, name="totals"):
    """Return what a table's log says of each column: its comment, and whether it may be NULL."""
    return {
        each.name: (each.metadata.get("comment", ""), each.nullable)
        for each in shop.delta(name).toDF().schema
        for each in [each, *getattr(each.dataType, "fields", ())]
    }


def test_a_new_table_has_the_comments_and_not_null_of_its_declared_schema(dlt, tmp_path):
    text = declared("id BIGINT NOT NULL COMMENT 'two', s STRUCT<a: BIGINT COMMENT 'in'>")
    shop = Shop(dlt, tmp_path, text)

    shop.run()

    assert fields(shop) == {"id": ("two", False), "s": ("", True), "a": ("in", True)}
    assert set(shop.plan().values()) == {"skip"}


def test_another_comment_is_a_change_of_metadata_alone(dlt, tmp_path):
    shop = Shop(dlt, tmp_path, declared("id BIGINT NOT NULL COMMENT 'one', s STRUCT<a: BIGINT>"))
    shop.run()
    version = shop.version("totals")
    shop.changed(declared("id BIGINT NOT NULL COMMENT 'two', s STRUCT<a: BIGINT COMMENT 'in'>"))

    reason = shop.reasons()["totals"]
    second = shop.run()

    assert "comments or properties are made as the code says" in reason
    assert actions(second) == {"totals": "skip"}
    assert fields(shop) == {"id": ("two", False), "s": ("", True), "a": ("in", True)}
    assert shop.operations("totals")[version + 1 :] == ["CHANGE COLUMNS"]
    assert "comments" not in shop.reasons()["totals"]


def test_more_or_less_strictness_is_another_definition(dlt, tmp_path):
    strict = "id BIGINT NOT NULL COMMENT 'one', s STRUCT<a: BIGINT>"
    shop = Shop(dlt, tmp_path, declared(strict))
    shop.run()
    loose = strict.replace(" NOT NULL", "")

    shop.changed(declared(loose))
    first = shop.run()
    made = fields(shop)
    shop.changed(declared(strict))
    second = shop.run()

    assert actions(first) == actions(second) == {"totals": "replace"}
    assert made["id"] == ("one", True)


def test_no_null_gets_past_a_declared_schema_whatever_the_tables_log_says(dlt, tmp_path):
    strict = "id BIGINT NOT NULL COMMENT 'one', s STRUCT<a: BIGINT NOT NULL>"
    shop = Shop(dlt, tmp_path, declared(strict))
    shop.run()
    more = NAMED.replace("id,", "id, 1 AS n,")
    shop.changed(declared(strict.replace(", s", ", n INT COMMENT 'more', s"), more))
    replaced = shop.run()
    rows = shop.rows("totals")

    errors = []
    for old, null in (
        ("SELECT id", "SELECT nullif(id, 1) AS id"),
        ("'a', id", "'a', nullif(id, 1)"),
    ):
        query = more.replace(old, null)
        shop.changed(declared(strict.replace(", s", ", n INT COMMENT 'more', s"), query))
        errors.append(result_of(shop.run(), "totals").error)

    assert replaced.error is None
    assert fields(shop)["id"][0] == "one"
    assert fields(shop)["n"][0] == "more"
    assert "[DLT501] totals has a NULL where none may be" in errors[0]
    assert "id is NULL, and schema= says NOT NULL" in errors[0]
    assert "s.a is NULL, and schema= says NOT NULL" in errors[1]
    assert shop.rows("totals") == rows


def test_a_stream_keeps_comments_and_lets_no_null_in_after_a_full_refresh_too(dlt, tmp_path):
    text = (
        FILE_STREAM
        + """
@dlt.table(schema="id BIGINT NOT NULL COMMENT 'one', v BIGINT")
def bronze():
    return arriving()
"""
    )
    shop = Shop(dlt, tmp_path, text)
    shop.land("1.json", {"id": 1, "v": 1})
    shop.run()
    made = fields(shop, "bronze")
    shop.run(full_refresh_all=True)
    emptied = fields(shop, "bronze")
    shop.land("2.json", {"v": 2})

    result = shop.run()

    assert made["id"] == ("one", False)
    assert emptied["id"][0] == "one"
    assert "id is NULL, and schema= says NOT NULL" in result_of(result, "bronze").error
    assert shop.rows("bronze") == [(1, 1)]


def test_what_no_code_declares_any_more_is_left_where_it_is(shop):
    shop.changed(BRONZE)

    result = shop.run(full_refresh_all=True)

    assert states(result) == {"bronze": "COMPLETED"}
    assert shop.rows("silver") == shop.rows("gold") == ROWS


STRICT = (
    FILE_STREAM
    + """
@dlt.table
def bronze():
    return arriving(mode="FAILFAST")

@dlt.materialized_view
def gold():
    reader = spark.read.schema("id BIGINT, v BIGINT").option("mode", "FAILFAST")
    return reader.json(spark.conf.get("landing"))

@dlt.materialized_view
def below():
    return spark.read.table("gold")

@dlt.materialized_view
def apart():
    return spark.range(1)
"""
)


def test_a_rerun_does_only_what_failed_and_what_follows_it(dlt, tmp_path):
    shop = filled(Shop(dlt, tmp_path, STRICT))
    shop.land("3.json", '{"id": 3, "v":')

    failed = shop.run()
    yesterday = (shop.rows("bronze"), shop.rows("gold"))
    shop.land("3.json", {"id": 3, "v": 30})
    again = shop.run()

    assert states(failed) == {
        "bronze": "FAILED",
        "gold": "FAILED",
        "below": "SKIPPED",
        "apart": "COMPLETED",
    }
    assert "[DLT302] bronze reads a malformed record" in result_of(failed, "bronze").error
    assert "[DLT302] gold reads a malformed record" in result_of(failed, "gold").error
    assert yesterday == (ROWS, ROWS)
    assert actions(again) == {
        "bronze": "append",
        "gold": "replace",
        "below": "replace",
        "apart": "skip",
    }
    assert shop.rows("bronze") == shop.rows("below") == [*ROWS, (3, 30)]


def test_a_missing_folder_leaves_yesterdays_rows(bronze):
    bronze.landing.rename(bronze.landing.with_name("elsewhere"))

    said = refusal(bronze)

    assert "[DLT301] bronze reads a path that is not there" in said
    assert bronze.rows("bronze") == ROWS


def test_a_storage_root_may_have_blanks_and_umlauts(dlt, tmp_path):
    shop = Shop(dlt, tmp_path, STREAMS)
    moved_to(shop, tmp_path / "Müllers Läden" / "süß & 100% gut")
    filled(shop)
    shop.land("3 ä.json", {"id": 3, "v": 30})

    result = shop.run()

    assert actions(result) == {"bronze": "append", "silver": "append", "gold": "replace"}
    assert shop.rows("gold") == [*ROWS, (3, 30)]
    assert set(shop.plan().values()) == {"skip"}


def moved_to(shop, storage):
    """Let a pipeline's tables lie elsewhere."""
    loaded = Project.load(
        shop.under_test.settings.project_root,
        parameters={"landing": str(shop.landing)},
        overrides={
            "storage_root": str(storage),
            "state_root": str(shop.under_test.settings.state_root),
        },
    )
    shop.under_test.project = loaded
    shop.under_test.settings = loaded.settings.pipelines["shop"]


@contextlib.contextmanager
def small_disk(folder, *, options):
    """Mount a small disk of memory; skip the test where that is not allowed."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    can_mount = shutil.which("mount") is not None
    if not can_mount or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no right to mount a disk here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_leaves_yesterdays_rows(dlt, tmp_path):
    shop = Shop(dlt, tmp_path, STREAMS)
    with small_disk(tmp_path / "small", options="size=1m"):
        moved_to(shop, tmp_path / "small")
        filled(shop)
        fill(tmp_path / "small")
        shop.land("3.json", {"id": 3, "v": 30})

        failed = shop.run()

        assert failed.state == "FAILED"
        error = failed.error or result_of(failed, "bronze").error
        assert "[DLT504]" in error
        assert "No space left on device" in error
        assert shop.rows("gold") == ROWS
        (tmp_path / "small" / "ballast").unlink()
        assert shop.run().state == "COMPLETED"
        assert shop.rows("gold") == [*ROWS, (3, 30)]


def fill(folder):
    """Fill a disk to the last byte."""
    (folder / "ballast").write_bytes(b"x" * shutil.disk_usage(folder).free)


def test_a_storage_that_cannot_be_written_is_told_by_name(dlt, tmp_path):
    shop = Shop(dlt, tmp_path, VIEW)
    with small_disk(tmp_path / "fixed", options="size=1m,ro"):
        moved_to(shop, tmp_path / "fixed")

        result = shop.run()

        error = result.error or result_of(result, "gold").error
        assert result.state == "FAILED"
        assert "[DLT504]" in error or "[DLT007]" in error
        assert str(tmp_path / "fixed") in error


@pytest.mark.parametrize("look", [commit, change_files])
@pytest.mark.parametrize("text", ['{"add":', "7"])
def test_a_commit_that_is_not_what_was_written_is_named_whatever_is_asked_of_it(
    spark, tmp_path, look, text
):
    log = tmp_path / "_delta_log"
    log.mkdir()
    (log / f"{1:020d}.json").write_text(text, encoding="utf-8")

    with pytest.raises(StateDamaged, match=f"{1:020d}.json is damaged"):
        look(spark, tmp_path.as_uri(), 1)
