"""A definition's hash: the same wherever nothing changed, another wherever the answer may be."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dlt_lite.engine.sessions import flow_session
from tests.spark.projects import analysed, flows_of, make_project, resolved

pytestmark = pytest.mark.spark

ROOT = Path(__file__).resolve().parents[2]
HELPERS = """
from pyspark.sql import functions as F

FACTOR = 2

@F.udf("bigint")
def scaled(number):
    return FACTOR * number
"""
TABLES = """
import dlt_lite as dlt
from pyspark.sql import Window, functions as F
from helpers import scaled

LEAST = int(spark.conf.get("least"))
SMALL = ["a", "b", "c", "d", "e"]

def named(name, size):
    @dlt.table(name=name)
    def empty():
        return spark.range(size).selectExpr("id", "string(id) AS who", "timestamp_millis(id) AS at")

named("orders", 2)
named("returns", 3)

@dlt.view
@dlt.expect_or_drop("known", "who is not null")
def recent():
    return spark.read.table("orders").where("id > 10")

@dlt.table
def plain():
    return spark.read.table("orders").where("id > 10 AND who IN ('x', 'y')")

@dlt.table(spark_conf={"spark.sql.shuffle.partitions": "7"})
def configured():
    return spark.read.table("orders").groupBy("who").count()

@dlt.table
@dlt.expect("big", "id > 5")
@dlt.expect_or_drop("small", F.col("id") < 100)
def ruled():
    return spark.read.table("orders")

@dlt.table
@dlt.expect("even", scaled(F.col("id")) % 2 == 0)
def ruled_by_python():
    return spark.read.table("orders")

@dlt.table
def by_sql():
    return spark.sql('''
        WITH c AS (SELECT *, row_number() OVER (PARTITION BY who ORDER BY at) AS n FROM orders)
        SELECT c.id, map('k', n) AS m FROM c JOIN shop.returns r ON c.id = r.id
        WHERE c.id IN (SELECT id FROM returns) AND c.at > TIMESTAMP'2024-01-01'
    ''')

@dlt.table
def joined():
    one, two = spark.read.table("orders"), spark.read.table("returns")
    best = Window.partitionBy("who").orderBy(F.desc("at"))
    return one.join(two, "id", "left").select("id", one.who, two.who.alias("w")).withColumn(
        "n", F.row_number().over(Window.partitionBy("id").orderBy("w"))
    ).where(F.col("who").isin(*SMALL)).withColumn("s", F.struct("id", F.array(F.lit(1.5))))

@dlt.table
def viewed():
    return spark.read.table("recent").select("id")

@dlt.table
def by_python():
    return spark.read.table("orders").select(scaled("id").alias("id"))

@dlt.table
def by_closure():
    found = F.udf(lambda number: number > LEAST, "boolean")
    return spark.read.table("orders").where(found("id"))

@dlt.table
def by_late_import():
    from late import halved
    return spark.read.table("orders").select(halved("id").alias("id"))

@dlt.table
def by_parameter():
    return spark.read.table("orders").where(f"id > {LEAST}")

@dlt.table
def from_files():
    return spark.read.schema("id BIGINT").json(spark.conf.get("landing"))
"""
FILES = {
    "shop/helpers.py": HELPERS,
    "shop/late.py": HELPERS.replace("scaled", "halved"),
    "shop/other.py": "FACTOR = 2\n",
    "shop/tables.py": TABLES,
    "shop/pipeline.yml": (
        "name: shop\nschema: shop\nconfiguration: {least: '3', landing: LANDING}\n"
        "libraries:\n  - file: {path: tables.py}\n"
    ),
}


@pytest.fixture
def project(tmp_path):
    """Write the project, and again with pieces of text replaced; return its definitions."""
    (tmp_path / "landing").mkdir()

    def write(*changes):
        files = {**FILES}
        for file, old, new in changes:
            assert old in files[f"shop/{file}"]
            files[f"shop/{file}"] = files[f"shop/{file}"].replace(old, new)
        settings = files["shop/pipeline.yml"].replace("LANDING", str(tmp_path / "landing"))
        return make_project(tmp_path / "project", {**files, "shop/pipeline.yml": settings})

    return write


def definitions(session, root, **parameters):
    flows = flows_of(analysed(session, root, parameters=parameters).graph)
    return {name: flow.definition for name, flow in flows.items()}


def changed(before, after):
    return {name for name in before if before[name] != after[name]}


CHILD = """
import json, os, sys
from pathlib import Path
from dlt_lite.engine.session import start_session
from dlt_lite.testing.harness import engine_settings
from tests.spark.test_fingerprints import definitions

root, log = map(Path, sys.argv[1:])
started = start_session(
    engine_settings(os.environ), environ=os.environ, log_file=log, emit_note=lambda _: None
)
print(json.dumps(definitions(started.spark, root)))
"""


def test_definitions_are_equal_in_two_processes(project, spark, tmp_path):
    root = project()
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}

    here = definitions(spark, root)
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(root), str(tmp_path / "spark.log")],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    there = json.loads(child.stdout.splitlines()[-1])
    assert changed(here, there) == set()
    assert len(set(here.values())) == len(here)


def test_definitions_are_equal_a_second_time(project, spark):
    root = project()

    assert definitions(spark, root) == definitions(spark, root)


# What a plan's JSON leaves out: the query before, the query after.
LEFT_OUT = {
    "from_csv": ("from_csv(who, 'x INT, y INT', map('sep', ','))", "','", "';'"),
    "from_json": ("from_json(who, 'x DATE', map('dateFormat', 'dd/MM'))", "dd/MM", "MM/dd"),
    "from_xml": ("from_xml(who, 'x DATE', map('dateFormat', 'dd/MM'))", "dd/MM", "MM/dd"),
    "to_json": ("to_json(struct(at), map('timestampFormat', 'dd/MM'))", "dd/MM", "MM/dd"),
    "schema_of_csv": ("schema_of_csv('1|a;b', map('sep', '|'))", "'sep', '|'", "'sep', ';'"),
    "try_cast": ("cast(id AS TINYINT)", "cast(", "try_cast("),
    "try_add": ("id + 1", "id + 1", "try_add(id, 1)"),
    "unpivot": ("* FROM orders UNPIVOT (v FOR n IN (id, id2))", "id2", "id3"),
    "pivot": ("* FROM orders PIVOT (sum(id) FOR who IN ('a' AS x, 'b' AS y))", "'b'", "'c'"),
    "many_pivoted": (
        f"* FROM orders PIVOT (sum(id) FOR who IN {tuple(map(str, range(60)))})",
        "'59'",
        "'60'",
    ),
}


def test_what_a_plans_json_leaves_out_is_part_of_the_definition(spark, tmp_path):
    def written(name, place):
        query, old, new = LEFT_OUT[name]
        query = query if "FROM" in query else f"{query} AS v FROM orders"
        return f"SELECT {query.replace(old, new) if place else query}"

    def made(place):
        bodies = "".join(
            f"@dlt.table\ndef {name}():\n    return spark.sql({written(name, place)!r})\n\n"
            for name in LEFT_OUT
        )
        text = f"""
import dlt_lite as dlt

@dlt.table
def orders():
    return spark.range(0).selectExpr(
        "id", "id AS id2", "id AS id3", "string(id) AS who", "timestamp_millis(id) AS at"
    )

{bodies}"""
        return definitions(spark, make_project(tmp_path / "project", {"shop/tables.py": text}))

    before, again, after = made(0), made(0), made(1)

    assert changed(before, again) == set()
    assert changed(before, after) == set(LEFT_OUT)


CLOSING_OVER = """
import json, os, random, time
import dlt_lite as dlt
import pandas as pd
from pathlib import Path
from pyspark.sql import functions as F
from helpers import by_view

FACTOR = json.loads(Path(__file__).with_name("factor.json").read_text())
spark.udf.register("registered", lambda n: n * FACTOR, "bigint")

@dlt.table
def orders():
    return spark.range(0).toDF("n")

@dlt.table
def by_global():
    return spark.read.table("orders").select(F.udf(lambda n: n * FACTOR, "bigint")("n").alias("n"))

@dlt.table
def by_default():
    def scaled(n, factor=FACTOR):
        return n * factor
    return spark.read.table("orders").select(F.udf(scaled, "bigint")("n").alias("n"))

@dlt.table
def by_registered():
    return spark.sql("SELECT registered(n) AS n FROM orders")

@dlt.table
def by_pandas():
    @F.pandas_udf("bigint")
    def scaled(n: pd.Series) -> pd.Series:
        return n * FACTOR
    return spark.read.table("orders").select(scaled("n").alias("n"))

@dlt.table
def by_frames():
    return spark.read.table("orders").mapInPandas(
        lambda frames: (frame * FACTOR for frame in frames), "n bigint"
    )

@dlt.view
def scaled_view():
    return spark.read.table("orders").select(by_view("n").alias("n"))

@dlt.table
def of_a_view():
    return spark.read.table("scaled_view")

@dlt.table
def of_none():
    return spark.read.table("orders").select(F.udf(lambda n: n + 1, "bigint")("n").alias("n"))

@dlt.table
def asking_the_environment():
    return spark.read.table("orders").select(
        F.udf(lambda n: n * int(os.environ["FACTOR"]), "bigint")("n").alias("n")
    )

@dlt.table
def asking_the_time():
    return spark.read.table("orders").select(
        F.udf(lambda n: n + int(time.time()), "bigint")("n").alias("n")
    )
"""


def test_what_a_python_function_closes_over_is_part_of_the_definition(spark, tmp_path):
    helpers = """
from pathlib import Path
from pyspark.sql import functions as F

TERMS = {"factor": Path(__file__).with_name("factor.json").read_text()}

@F.udf("bigint")
def by_view(n):
    return n * int(TERMS["factor"])
"""
    files = {"shop/tables.py": CLOSING_OVER, "shop/helpers.py": helpers}
    root = make_project(tmp_path / "project", {**files, "shop/factor.json": "2"})
    pipeline = "name: shop\nschema: shop\nlibraries:\n  - file: {path: tables.py}\n"
    (root / "pipelines" / "shop" / "pipeline.yml").write_text(pipeline)
    before, again = definitions(spark, root), definitions(spark, root)
    (root / "pipelines" / "shop" / "factor.json").write_text("3")

    after = definitions(spark, root)
    flows = flows_of(analysed(spark, root).graph)

    assert changed(before, again) == set()
    assert changed(before, after) == {
        "by_global",
        "by_default",
        "by_registered",
        "by_pandas",
        "by_frames",
        "scaled_view",
        "of_a_view",
    }
    told = {
        name: flow.changing[0].replace(".<locals>.<lambda>", "")
        for name, flow in flows.items()
        if flow.changing
    }
    assert told == {
        "asking_the_environment": "its Python function asking_the_environment asks os.environ",
        "asking_the_time": "its Python function asking_the_time asks time.time",
    }


PYTHON = {"ruled_by_python", "by_python", "by_closure", "by_late_import"}
SWAPPED = 'spark.read.table("returns"), spark.read.table("orders")'


@pytest.mark.parametrize(
    ("old", "new", "affected"),
    [
        ("IN ('x', 'y')", "IN ('x', 'z')", {"plain"}),
        ("id > 10 AND", "id > 10L AND", {"plain"}),
        ('partitions": "7"', 'partitions": "8"', {"configured"}),
        ('"id > 5"', '"id > 6"', {"ruled"}),
        ("< 100", '< "100"', {"ruled"}),
        ('expect("big"', 'expect_or_fail("big"', {"ruled"}),
        ('expect("big"', 'expect("large"', {"ruled"}),
        ("who is not null", "who is null", {"recent", "viewed"}),
        ("2024-01-01", "2024-01-02", {"by_sql"}),
        ("JOIN shop.returns r ON", "LEFT JOIN shop.returns r ON", {"by_sql"}),
        ("map('k', n)", "map('l', n)", {"by_sql"}),
        ("ORDER BY at)", "ORDER BY id)", {"by_sql"}),
        ("F.lit(1.5)", "F.lit(2.5)", {"joined"}),
        ('"a", "b", "c"', '"a", "c", "b"', {"joined"}),
        ('spark.read.table("orders"), spark.read.table("returns")', SWAPPED, {"joined"}),
        ("@dlt.table\ndef plain", '@dlt.table(partition_cols=["who"])\ndef plain', {"plain"}),
        ('F.desc("at")', 'F.asc("at")', set()),
        ("LEAST = int", "# a comment\nLEAST = int", set()),
    ],
)
def test_a_change_of_a_query_changes_its_definition_alone(old, new, affected, project, spark):
    before = definitions(spark, project())

    after = definitions(spark, project(("tables.py", old, new)))

    assert changed(before, after) == affected | PYTHON


@pytest.mark.parametrize(
    ("file", "affected"),
    [("helpers.py", PYTHON), ("late.py", PYTHON), ("other.py", set())],
)
def test_a_change_of_a_loaded_file_changes_what_holds_python(file, affected, project, spark):
    before = definitions(spark, project())

    after = definitions(spark, project((file, "FACTOR = 2", "FACTOR = 3")))

    assert changed(before, after) == affected


def test_a_parameter_changes_what_shows_it_and_what_may_hide_it(project, spark):
    root = project()

    before = definitions(spark, root, least="3")
    after = definitions(spark, root, least="4")

    assert changed(before, after) == {"by_parameter"} | PYTHON


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("spark.sql.ansi.enabled", "false"),
        ("spark.sql.session.timeZone", "Europe/Berlin"),
        ("spark.sql.caseSensitive", "true"),
        ("spark.sql.mapKeyDedupPolicy", "LAST_WIN"),
        ("spark.sql.legacy.sizeOfNull", "true"),
        ("spark.sql.decimalOperations.allowPrecisionLoss", "false"),
        ("spark.sql.some.setting.of.tomorrow", "true"),
    ],
)
def test_a_setting_that_changes_results_changes_every_definition(key, value, project, spark):
    root = project()
    before = definitions(spark, root)

    after = definitions(flow_session(spark, {key: value}), root)

    assert changed(before, after) == set(before)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("spark.sql.autoBroadcastJoinThreshold", "1"),
        ("spark.sql.shuffle.partitions", "3"),
        ("spark.sql.adaptive.coalescePartitions.enabled", "false"),
        ("spark.sql.execution.arrow.maxRecordsPerBatch", "10"),
        ("spark.databricks.delta.snapshotPartitions", "3"),
    ],
)
def test_a_setting_that_changes_no_result_changes_no_definition(key, value, project, spark):
    root = project()

    other = flow_session(spark, {key: value})

    assert definitions(spark, root) == definitions(other, root)


CHANGING = {
    "current_timestamp": 'orders().withColumn("n", F.current_timestamp())',
    "current_date_in_sql": 'spark.sql("SELECT * FROM orders WHERE at < current_date()")',
    "now_in_a_subquery": (
        'spark.sql("SELECT * FROM orders WHERE at < (SELECT max(now()) FROM orders)")'
    ),
    "current_user": 'orders().withColumn("n", F.current_user())',
    "now_as_text": 'orders().withColumn("n", F.lit(" NOW ").cast("timestamp"))',
    "today_as_text": "spark.sql(\"SELECT *, to_date('today') AS n FROM orders\")",
    "compared_with_now": "spark.sql(\"SELECT * FROM orders WHERE at < 'now'\")",
    "rand": "orders().where(F.rand() < 0.5)",
    "rand_with_a_seed": 'orders().withColumn("n", F.rand(5))',
    "uuid": 'orders().withColumn("n", F.expr("uuid()"))',
    "monotonic_id": 'orders().withColumn("n", F.monotonically_increasing_id())',
    "shuffle": 'orders().withColumn("n", F.shuffle(F.array("id", F.lit(1))))',
    "sample": "orders().sample(0.5)",
    "input_file_name": 'orders().withColumn("n", F.input_file_name())',
    "python_of_chance": (
        'orders().withColumn("n", F.udf(lambda n: n, "bigint").asNondeterministic()("id"))'
    ),
    "made_from_python": 'spark.createDataFrame([(1, "a")], "id int, who string")',
    "of_a_view": 'spark.read.table("current")',
    "rule": "RULE",
}
STEADY = {
    "filter": 'orders().where("id > 3")',
    "literal_time": 'orders().where(F.col("at") > F.lit("2024-01-01").cast("timestamp"))',
    "today_as_a_word": "orders().where(\"who = 'today' AND at > '2024-01-01'\")",
    "range": "spark.range(5)",
    "python": 'orders().withColumn("n", F.udf(lambda n: n, "bigint")("id"))',
    "window": (
        'spark.sql("SELECT *, row_number() OVER (PARTITION BY who ORDER BY id) AS n FROM orders")'
    ),
    "values": "spark.sql(\"SELECT * FROM VALUES (1, 'a') AS t(id, who)\")",
}


def test_what_may_answer_otherwise_tomorrow_is_known(spark, tmp_path):
    rule = '@dlt.expect_or_drop("past", "who <> current_user()")\n'
    bodies = "".join(
        f"@dlt.table\n{rule if code == 'RULE' else ''}def {name}():\n"
        f"    return {code if code != 'RULE' else 'orders()'}\n\n"
        for name, code in {**CHANGING, **STEADY}.items()
    )
    text = f"""
import dlt_lite as dlt
from pyspark.sql import functions as F

@dlt.table(name="orders")
def made():
    return spark.range(0).selectExpr("id", "string(id) AS who", "timestamp_millis(id) AS at")

@dlt.view
def current():
    return spark.read.table("orders").where("at < current_timestamp()")

def orders():
    return spark.read.table("orders")

{bodies}"""
    root = make_project(tmp_path / "project", {"shop/tables.py": text})

    flows = flows_of(resolved(spark, root))

    assert {name for name in CHANGING if not flows[name].changing} == set()
    assert {name: flows[name].changing for name in STEADY if flows[name].changing} == {}
    assert flows["current_timestamp"].changing == ("it uses CurrentTimestamp",)
    assert flows["rule"].changing == ("it uses CurrentUser",)
    assert flows["rand"].changing == ("it is not deterministic",)


def test_another_version_of_a_table_outside_is_another_definition(spark, tmp_path):
    path = tmp_path / "storage" / "tables" / "shop" / "outside"
    for size in (1, 2, 3):
        spark.range(size).write.format("delta").mode("append").save(str(path))

    def at(version):
        text = f"""
            import dlt_lite as dlt

            @dlt.materialized_view
            def by_name():
                return spark.read.option("versionAsOf", {version}).table("outside")

            @dlt.materialized_view
            def by_path():
                return spark.read.option("versionAsOf", {version}).load({str(path)!r})
            """.replace("spark.read", 'spark.read.format("delta")')
        return definitions(spark, make_project(tmp_path / "project", {"shop/tables.py": text}))

    assert changed(at(1), at(2)) == {"by_name", "by_path"}
    assert changed(at(2), at(2)) == set()
