"""Whatever way a query names a dataset, it reads that dataset, by the flow's own settings."""

import threading
from dataclasses import dataclass

import pytest
from pyspark.sql import SparkSession

from dlt_lite.engine.interception import FLOW_SPARK, install
from dlt_lite.engine.scope import QueryScope
from dlt_lite.engine.sessions import flow_session
from dlt_lite.model.names import DatasetName
from dlt_lite.pipeline import analyse
from dlt_lite.registry.active import reading_through
from dlt_lite.storage.layout import Layout
from tests.spark.projects import (
    HEAD,
    edges,
    flows_of,
    make_project,
    one_file,
    problems,
    resolved,
)
from tests.spark.updates import Shop, rules

pytestmark = pytest.mark.spark

ORDERS = """
@dlt.table
def orders():
    ticks = spark.readStream.format("rate").load()
    return ticks.selectExpr("value AS id", "double(value) AS amount", "timestamp AS at")
"""
FORMS = {
    "one_part": "orders",
    "two_parts": "shop.orders",
    "three_parts": "main.shop.orders",
    "quoted": "`orders`",
    "quoted_parts": "`main`.`shop`.`orders`",
    "other_case": "ORDERS",
    "other_case_parts": "Shop.Orders",
    "live": "LIVE.orders",
}
BATCH = frozenset({"main.shop.orders"})
STREAM = frozenset({"main.shop.orders*"})


@dataclass(frozen=True, slots=True)
class Way:
    """A way to read, `{n}` standing for the name, and the edges that it makes."""

    code: str
    edges: frozenset[str] = BATCH


def sql(text, edges=BATCH):
    return Way(f"spark.sql({text!r})", edges)


WAYS = {
    "reader": Way('spark.read.table("{n}").select("amount")'),
    "reader_with_options": Way('spark.read.format("delta").option("x", "y").table("{n}")'),
    "session": Way('spark.table("{n}").where("orders.amount > 0").select("orders.amount")'),
    "session_long_column": Way('spark.table("{n}").select("shop.orders.amount")'),
    "active_session": Way('SparkSession.getActiveSession().table("{n}")'),
    "builder": Way('SparkSession.builder.appName("x").getOrCreate().read.table("{n}")'),
    "frame_session": Way('spark.range(1).sparkSession.sql("SELECT amount FROM {n}")'),
    "dlt_read": Way('dlt.read("{n}")'),
    "stream_reader": Way('spark.readStream.table("{n}").select("amount")', STREAM),
    "dlt_read_stream": Way('dlt.read_stream("{n}")', STREAM),
    "plain": sql("SELECT orders.amount FROM {n}"),
    "long_column": sql("SELECT shop.orders.amount, shop.orders.* EXCEPT (amount) FROM {n}"),
    "longest_column": sql(
        "SELECT max(main.shop.orders.amount) AS m FROM {n} GROUP BY shop.orders.id"
    ),
    "alias": sql("SELECT o.amount FROM {n} o"),
    "alias_with_columns": sql("SELECT o.b FROM {n} AS o (a, b, c)"),
    "cte": sql("WITH c AS (SELECT * FROM {n}) SELECT c.amount FROM c"),
    "cte_of_its_name": sql("WITH orders AS (SELECT * FROM {n}) SELECT orders.amount FROM orders"),
    "subquery": sql("SELECT * FROM (SELECT id FROM {n}) WHERE id IN (SELECT id FROM {n})"),
    "scalar": sql("SELECT (SELECT max(amount) FROM {n}) AS amount"),
    "sample": sql("SELECT orders.amount FROM {n} TABLESAMPLE (10 PERCENT)"),
    "pipe": sql("FROM {n} |> WHERE orders.amount > 1 |> SELECT amount"),
    "table": sql("TABLE {n}"),
    "identifier": Way("spark.sql(\"SELECT amount FROM IDENTIFIER('{n}')\")"),
    "identifier_of_arguments": Way(
        'spark.sql("SELECT id FROM IDENTIFIER(:t) WHERE id > :n", {{"t": "{n}", "n": 1}})'
    ),
    "identifier_by_position": Way(
        'spark.sql("SELECT ? AS n, o.* FROM IDENTIFIER(? || ?) o", args=[1, "{n}"[:2], "{n}"[2:]])'
    ),
    "arguments": Way('spark.sql("SELECT :one AS one, orders.id FROM {n}", args={{"one": "{{}}"}})'),
    "version": sql("SELECT orders.amount FROM {n} VERSION AS OF 0"),
    "version_alias": sql("SELECT o.b FROM {n} FOR SYSTEM_VERSION AS OF 1 AS o (a, b, c)"),
    "version_options": sql("SELECT orders.id FROM {n} VERSION AS OF 0 WITH ('a' = 'b')"),
    "moment": sql("SELECT orders.id FROM {n} TIMESTAMP AS OF now() - INTERVAL 1 DAY WHERE id > 1"),
    "version_of_an_identifier": Way(
        'spark.sql("SELECT orders.id FROM IDENTIFIER(:t) VERSION AS OF 0", args={{"t": "{n}"}})'
    ),
    "stream": sql("SELECT orders.amount FROM STREAM {n}", STREAM),
    "stream_in_parentheses": sql("SELECT orders.amount FROM STREAM({n})", STREAM),
    "stream_alias": sql("SELECT o.b FROM STREAM({n}) AS o (a, b, c)", STREAM),
    "stream_watermark": sql(
        "SELECT orders.at FROM STREAM {n} WATERMARK at DELAY OF INTERVAL 1 MINUTE", STREAM
    ),
    "both": sql("SELECT s.amount FROM STREAM({n}) s JOIN {n} b ON s.id = b.id", STREAM | BATCH),
    "both_bare": sql(
        "SELECT s.amount FROM STREAM {n} s JOIN {n} ON s.id = orders.id", STREAM | BATCH
    ),
}


def readers(forms):
    return "".join(
        f"@dlt.table\ndef {form}_{way}():\n    return {each.code.format(n=name)}\n\n"
        for form, name in forms.items()
        for way, each in WAYS.items()
    )


@pytest.mark.parametrize("upstream", ["earlier", "later"])
def test_every_way_to_name_a_dataset_makes_the_right_edges(upstream, spark, tmp_path):
    forms = FORMS if upstream == "earlier" else {form: FORMS[form] for form in ("live", "one_part")}
    parts = (ORDERS, readers(forms)) if upstream == "earlier" else (readers(forms), ORDERS)
    root = make_project(
        tmp_path / "project",
        {
            "shop/tables.py": HEAD + "\n".join(parts),
            "shop/pipeline.yml": "name: shop\nschema: shop\ncatalog: main\n",
        },
    )

    flows = flows_of(resolved(spark, root))

    expected = {f"{form}_{way}": each.edges for form in forms for way, each in WAYS.items()}
    found = {name: edges(flow) for name, flow in flows.items() if name != "orders"}
    assert {name: found[name] for name in found if found[name] != expected[name]} == {}
    assert len(found) == len(expected)


def test_a_cte_hides_a_dataset_only_where_it_can_be_seen(spark, tmp_path):
    root = one_file(
        tmp_path / "project",
        ORDERS,
        """
def query(name, text):
    @dlt.table(name=name)
    def read():
        return spark.sql(text)

query("hidden", "WITH orders AS (SELECT 1 AS id) SELECT * FROM orders")
query("not_by_two_parts", "WITH orders AS (SELECT 1 AS x) SELECT shop.orders.id FROM shop.orders")
query("not_outside", "SELECT * FROM (WITH orders AS (SELECT 1 AS id) TABLE orders) "
      "JOIN orders USING (id)")
query("not_before", "WITH c AS (SELECT id FROM orders), orders AS (SELECT 1 AS id) SELECT * FROM c")
query("not_in_its_own_body", "WITH orders AS (SELECT id FROM orders) SELECT * FROM orders")
query("in_recursion", "WITH RECURSIVE orders AS (SELECT 1 AS n UNION ALL "
      "SELECT n + 1 FROM orders WHERE n < 3) SELECT * FROM orders")
""",
    )

    flows = flows_of(resolved(spark, root))

    none, orders = set(), {"shop.orders"}
    assert {name: edges(flow) for name, flow in flows.items() if name != "orders"} == {
        "hidden": none,
        "not_by_two_parts": orders,
        "not_outside": orders,
        "not_before": orders,
        "not_in_its_own_body": orders,
        "in_recursion": none,
    }


MODULES = {
    "shop/helpers.py": """
        from pyspark.sql import SparkSession, functions as F

        spark = SparkSession.builder.getOrCreate()

        @F.udf("double")
        def doubled(amount):
            return FACTOR * amount

        FACTOR = 2.0

        def big_orders():
            return spark.read.table("orders").where("amount > 1")
        """,
    "shop/late.py": """
        from pyspark.sql import functions as F

        @F.udf("string")
        def shouted(text):
            return loud(text)

        def loud(text):
            return text.upper() + "!"
        """,
    "shop/inside/rules.py": "LEAST = 3\n",
    "shop/tables.py": """
        import dlt_lite as dlt
        from pyspark.sql import SparkSession

        spark = SparkSession.getActiveSession()

        @dlt.table
        def orders():
            path = spark.conf.get("landing")
            return spark.readStream.schema("id BIGINT, amount DOUBLE, who STRING").json(path)

        @dlt.view
        def recent():
            spark.read.table("orders").where("id > 1").createOrReplaceTempView("newest")
            return spark.sql("SELECT newest.* FROM newest")

        from helpers import big_orders, doubled

        @dlt.table
        def doubles():
            return big_orders().select("id", doubled("amount").alias("amount"))

        @dlt.table
        def shouts():
            from late import shouted
            from inside import rules
            found = spark.read.table("recent").where(f"amount < {rules.LEAST}")
            return found.select(shouted("who").alias("who"))

        @dlt.table
        def filtered():
            spark.read.table("orders").where("id = 1").createOrReplaceTempView("orders")
            return spark.sql("SELECT amount FROM orders UNION ALL SELECT amount FROM shop.orders")

        @dlt.table
        def unfiltered():
            return spark.sql("SELECT orders.amount, shop.orders.id FROM orders")

        @dlt.table(private=True)
        def mixed():
            return spark.sql(
                "SELECT s.id, orders.amount "
                "FROM STREAM main.shop.orders s JOIN orders ON s.id = orders.id"
            )
        """,
    "shop/pipeline.yml": (
        "name: shop\nschema: shop\ncatalog: main\n"
        "libraries:\n  - file: {path: tables.py}\nconfiguration: {landing: nowhere}\n"
    ),
    "report/helpers.py": "WHAT = 'another module of the same name'\n",
    "report/inside/rules.py": "LEAST = 4\n",
    "report/tables.py": """
        import dlt_lite as dlt
        import helpers
        from inside import rules

        @dlt.materialized_view
        def summary():
            assert helpers.WHAT
            found = spark.sql(
                "SELECT orders.amount FROM shop.orders JOIN main.shop.doubles USING (id)"
            )
            return found.where(f"orders.amount < {rules.LEAST}")
        """,
    "report/pipeline.yml": (
        "name: report\nschema: shop\ncatalog: main\nlibraries:\n  - file: {path: tables.py}\n"
    ),
}


def test_real_runs_read_the_same_rows_first_and_again(dlt, tmp_path):
    landing = tmp_path / "landing"
    landing.mkdir()
    rows = '{"id":1,"amount":1.5,"who":"ann"}\n{"id":2,"amount":2.5,"who":"bob"}\n'
    (landing / "one.json").write_text(rows, encoding="utf-8")
    root = make_project(tmp_path / "project", MODULES)
    parameters = {"landing": str(landing)}
    shop = dlt.pipeline("shop", project=root, parameters=parameters)

    first = shop.run()
    more = '{"id":3,"amount":4.0,"who":"cid"}\n'
    (landing / "two.json").write_text(more, encoding="utf-8")
    second = shop.run("doubles", "mixed")
    report = dlt.pipeline("report", project=root).run()

    assert [each.state for each in (first, second, report)] == ["COMPLETED"] * 3
    assert values(first, "shouts") == [("BOB!",)]
    assert values(first, "filtered") == [(1.5,), (1.5,), (2.5,)]
    assert values(first, "unfiltered") == [(1.5, 1), (2.5, 2)]
    assert values(second, "doubles") == [(1, 3.0), (2, 5.0), (3, 8.0)]
    assert values(second, "mixed") == [(1, 1.5), (2, 2.5), (3, 4.0)]
    assert values(report, "summary") == [(1.5,), (2.5,)]


def values(run, name):
    return sorted(tuple(row) for row in run.table(name).collect())


def test_functions_take_to_workers_what_modules_of_the_project_hold(dlt, tmp_path):
    helpers = """
from functools import lru_cache
from pyspark.sql import SparkSession

spark = SparkSession.getActiveSession()

RATE = 3

@lru_cache(maxsize=8)
def next_to(x):
    return x + 1

@lru_cache
def sum_to(x):
    return x + sum_to(x - 1) if x else 0

def rows():
    return spark.range(RATE).count()
"""
    files = {
        "shop/helpers.py": helpers,
        "shop/others.py": "def lazy(x):\n    return x + 1\n",
        "shop/tables.py": f"""{HEAD}
import helpers
from helpers import next_to

@F.udf("bigint")
def lazy_udf(x):
    import others
    return others.lazy(x)

@dlt.table
def lazily():
    return spark.range(3).select(lazy_udf("id").alias("id"))

@F.udf("bigint")
def by_attribute(x):
    return next_to(x) * helpers.RATE + helpers.sum_to(x)

@dlt.table
def rated():
    return spark.range(3).select(by_attribute("id").alias("id"))

@F.udf("bigint")
def with_spark(x):
    return x + helpers.rows()

@dlt.table
def counted():
    return spark.range(3).select(with_spark("id").alias("id"))
""",
        "shop/pipeline.yml": "name: shop\nlibraries:\n  - file: {path: tables.py}\n",
    }

    result = dlt.pipeline("shop", project=make_project(tmp_path / "project", files)).run()

    assert values(result, "rated") == [(3,), (7,), (12,)]
    lazily = result.dataset("lazily")
    assert "[DLT501] lazily uses a module that the workers do not have" in lazily.error
    assert "No module named 'others'" in lazily.error
    assert "import one of the project at the top of the file" in lazily.error
    counted = result.dataset("counted")
    assert "spark cannot be used inside a function that runs on workers" in counted.error


def test_a_table_of_another_pipeline_is_an_external_input(dlt, spark, tmp_path):
    root = make_project(tmp_path / "project", MODULES)
    shop = dlt.pipeline("shop", project=root, parameters={"landing": str(tmp_path)})
    shop.given("orders", [{"id": 1, "amount": 1.0}])
    shop.given("doubles", [{"id": 1, "amount": 1.0}])
    report = dlt.pipeline("report", project=root)

    (flow,) = flows_of(analyse(report.settings, spark).graph).values()
    result = report.run()

    external = {str(read.name) for read in flow.reads if read.external}
    assert external == {"main.shop.orders", "main.shop.doubles"}
    assert result.rows("summary") == [{"amount": 1.0}]


WORDS = ("one", "two", "three", "four")


def test_every_flow_sees_its_own_settings_while_others_run(dlt, tmp_path):
    root = make_project(
        tmp_path / "project",
        {
            "shop/helpers.py": """
                import time
                from pyspark.sql import SparkSession, functions as F

                spark = SparkSession.builder.getOrCreate()

                def seen():
                    before = spark.conf.get("my.word")
                    time.sleep(0.2)
                    active = SparkSession.getActiveSession().conf.get("my.word")
                    return [F.lit(each) for each in (before, active, spark.conf.get("all.word"))]
                """,
            "shop/tables.py": f"""
                import dlt_lite as dlt
                from helpers import seen

                def declare(word):
                    @dlt.table(name=word, spark_conf={{"my.word": word}})
                    def read():
                        said = spark.sql("SELECT '${{my.word}}' AS a")
                        return said.select("a", *seen()).toDF("a", "b", "c", "d")

                for each in {WORDS!r}:
                    declare(each)
                """,
            "shop/pipeline.yml": "name: shop\nschema: shop\nlibraries:\n"
            "  - file: {path: tables.py}\nconfiguration: {my.word: none, all.word: every}\n",
        },
    )

    run = dlt.pipeline("shop", project=root).run()

    assert {word: values(run, word) for word in WORDS} == {
        word: [(word, word, word, "every")] for word in WORDS
    }


def test_four_threads_at_once_never_see_each_others_session(spark):
    install()
    sessions = {word: flow_session(spark, {"my.word": word}) for word in WORDS}
    together = threading.Barrier(len(WORDS))
    seen = {}

    def look(word):
        found = set()
        with reading_through(QueryScope(sessions[word], lambda _: None)):
            for _ in range(5):
                together.wait()
                found.add(SparkSession.getActiveSession().conf.get("my.word"))
                found.add(SparkSession.builder.getOrCreate().conf.get("my.word"))
                found.add(SparkSession.active().sql("SELECT '${my.word}'").first()[0])
        seen[word] = found

    threads = [threading.Thread(target=look, args=(word,)) for word in WORDS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen == {word: {word} for word in WORDS}
    assert SparkSession.getActiveSession() is not FLOW_SPARK


def test_what_a_function_leaves_behind_no_other_finds(spark, tmp_path):
    root = one_file(
        tmp_path / "project",
        ORDERS,
        """
@dlt.table
def first():
    spark.read.table("orders").createOrReplaceTempView("mine")
    spark.udf.register("plus_one", lambda n: n + 1, "bigint")
    return spark.sql("SELECT plus_one(id) AS id FROM mine")

@dlt.table
def second():
    return spark.sql("SELECT plus_one(id) AS id FROM orders")

@dlt.table
def third():
    return spark.sql("SELECT * FROM mine")
""",
    )

    found = problems(spark, root)

    assert [error.what.split("`")[0] for error in found] == [
        "second raised AnalysisException: [UNRESOLVED_ROUTINE] Cannot resolve routine ",
        "'mine' is read, but nobody declares it and no such table is there",
    ]


def test_a_temporary_view_of_a_views_function_is_not_its_readers(dlt, tmp_path):
    text = """
spark = SparkSession.getActiveSession()

@dlt.view
def evens():
    spark.range(10).where("id % 2 = 0").createOrReplaceTempView("chosen")
    return spark.sql("SELECT id FROM chosen")

@dlt.table
def both():
    spark.range(3).createOrReplaceTempView("chosen")
    evens = spark.read.table("evens")
    return spark.sql("SELECT id FROM chosen").union(evens)
"""
    shop = Shop(dlt, tmp_path, text)

    shop.run()

    assert shop.rows("both") == [(n,) for n in (0, 0, 1, 2, 2, 4, 6, 8)]


def test_options_in_sql_reach_the_reader(spark, tmp_path):
    root = one_file(
        tmp_path / "project",
        """
@dlt.materialized_view
def sums():
    return spark.range(3)

@dlt.table
def changes():
    return spark.sql("SELECT id FROM STREAM shop.sums WITH ('skipChangeCommits' = 'true')")
""",
    )

    flow = flows_of(resolved(spark, root))["changes"]

    assert edges(flow) == {"shop.sums*"}
    assert "skipchangecommits=true" in flow.reads[0].options.lower()


CHAIN = """
spark = SparkSession.getActiveSession()

@dlt.table
def orders():
    return spark.readStream.schema("id BIGINT, v BIGINT").json(spark.conf.get("landing"))

@dlt.view
@dlt.expect_or_drop("known", "v IS NOT NULL")
def known():
    return spark.sql("SELECT * FROM orders")

@dlt.view
@dlt.expect("even", "v % 2 = 0")
def by_sql():
    return spark.sql("SELECT known.id, v FROM known")

@dlt.view
def by_own_view():
    spark.read.table("by_sql").createOrReplaceTempView("mine")
    every = spark.read.table("by_sql")
    return spark.sql("SELECT mine.* FROM mine JOIN {every} USING (id)", every=every)

@dlt.materialized_view
def last():
    return spark.table("by_own_view")

@dlt.materialized_view
def first():
    return spark.table("by_sql")

@dlt.view
@dlt.expect("even", "v % 2 = 0")
def arrived():
    return spark.sql("SELECT * FROM STREAM orders")

@dlt.view
def arrived_again():
    return spark.sql("SELECT id, v FROM STREAM arrived")

@dlt.table
def kept():
    return spark.sql("SELECT arrived_again.id FROM STREAM(arrived_again)")
"""


def test_a_view_may_read_a_view_by_sql_and_both_rules_are_counted(dlt, tmp_path):
    shop = Shop(dlt, tmp_path, CHAIN)
    shop.land("one.json", {"id": 1, "v": 2}, {"id": 2, "v": 3}, {"id": 3})

    result = shop.run()

    assert result.error is None
    assert shop.rows("first") == shop.rows("last") == [(1, 2), (2, 3)]
    assert shop.rows("kept") == [(1,), (2,), (3,)]
    assert rules(result, "first") == {"known": (2, 1), "even": (1, 1)}
    assert rules(result, "kept") == {"even": (1, 2)}


CONDITIONAL = """
spark = SparkSession.getActiveSession()

@dlt.materialized_view
def flag():
    return spark.range(1)

@dlt.materialized_view
def other():
    return spark.range(5)

def declare(name, read, kind=dlt.materialized_view, first=lambda: None):
    @kind(name=name)
    def chosen():
        first()
        if spark.read.table("flag").count() > 0:
            return read()  # <- here
        return spark.range(1)

def or_nothing(name):
    try:
        return spark.read.table(name)
    except Exception:
        return spark.range(2)

def reading(name, view):
    @dlt.materialized_view(name=name)
    def read():
        return spark.table(view)

"""


UNSEEN = """
declare("by_reader", lambda: spark.read.table("other"))
declare("by_sql", lambda: spark.sql("SELECT * FROM shop.other"))
declare("of_another_pipeline", lambda: spark.table("far.away"))
declare("of_the_catalog", lambda: spark.table("default.outside"))
declare("quietly", lambda: or_nothing("other"))
declare("inlined", lambda: spark.table("other"), dlt.view)
reading("in_a_view", "inlined")
"""


def test_a_read_that_only_rows_bring_about_is_refused_with_its_line(dlt, spark, tmp_path):
    text = CONDITIONAL + UNSEEN
    shop = Shop(dlt, tmp_path, text)
    spark.sql("CREATE TABLE IF NOT EXISTS default.outside USING delta AS SELECT 1 AS id")
    away = Layout(shop.under_test.settings.storage_root, "far").table(DatasetName("far", "away"))
    spark.range(1).write.format("delta").save(away)

    result = shop.run()

    told = {each.name: each.error for each in result.datasets if each.error}
    assert set(told) == {
        *("by_reader", "by_sql", "of_another_pipeline", "of_the_catalog", "quietly", "in_a_view"),
    }
    assert all(" reads '" in error and "[DLT225]" in error for error in told.values())
    assert all("fix: read it at the top of the function" in error for error in told.values())
    line = (HEAD + text).split('spark.table("far.away")')[0].count("\n") + 1
    assert f"at:  pipelines/shop/tables.py:{line}\n" in told["of_another_pipeline"]
    assert "[DLT225] inlined reads 'other'" in told["in_a_view"]


def test_a_read_at_the_top_is_followed_and_one_of_nothing_left_to_an_except(dlt, tmp_path):
    text = (
        CONDITIONAL
        + """
other_first = lambda: spark.read.table("other")
declare("known", other_first, dlt.view, first=other_first)
reading("reader", "known")
declare("alone", lambda: or_nothing("nowhere"))
"""
    )
    shop = Shop(dlt, tmp_path, text)
    shop.run()

    shop.changed(text.replace("range(5)", "range(7)"))
    result = shop.run()

    assert result.error is None
    assert shop.rows("reader") == [(n,) for n in range(7)]
    assert shop.rows("alone") == [(0,), (1,)]


PAST = """
spark = SparkSession.getActiveSession()

@dlt.table
def orders():
    return spark.readStream.schema("id BIGINT").json(spark.conf.get("landing"))

def declare(name, text, **more):
    @dlt.materialized_view(name=name)
    def read():
        return spark.sql(text, **more)

declare("by_version", "SELECT orders.id FROM orders VERSION AS OF 1")
declare("by_option", "SELECT id FROM orders WITH ('versionAsOf' = '1')")
declare("by_argument", "SELECT :n AS n, id FROM IDENTIFIER(:t) o", args={"n": 7, "t": "orders"})
"""


def test_a_table_is_read_as_it_was_and_by_a_name_that_is_an_argument(dlt, tmp_path):
    shop = Shop(dlt, tmp_path, PAST)
    shop.land("one.json", {"id": 1})
    shop.run()
    shop.land("two.json", {"id": 2})

    result = shop.run()

    assert result.error is None
    assert shop.rows("orders") == [(1,), (2,)]
    assert shop.rows("by_version") == [(1,)]
    assert shop.rows("by_argument") == [(7, 1), (7, 2)]


NO_PAST = """
declare("too_late", "SELECT * FROM orders VERSION AS OF 99")
declare("too_early", "SELECT * FROM orders TIMESTAMP AS OF '2001-01-01'")
"""
BROKEN_PAST = """
declare("no_moment", "SELECT * FROM orders TIMESTAMP AS OF try_cast('x' AS TIMESTAMP)")

@dlt.view
def seen():
    return spark.table("orders")

declare("of_a_view", "SELECT * FROM seen VERSION AS OF 0")
"""


def test_a_past_that_a_table_or_view_has_not_is_told_with_a_remedy(dlt, tmp_path, spark):
    shop = Shop(dlt, tmp_path, PAST + NO_PAST)
    shop.land("one.json", {"id": 1})

    result = shop.run()
    broken = PAST[PAST.index("def declare") :] + BROKEN_PAST
    null, of_a_view = problems(spark, one_file(tmp_path / "broken", ORDERS, broken))

    told = {each.name: each.error for each in result.datasets if each.error}
    assert set(told) == {"too_late", "too_early"}
    assert all("[DLT301]" in error and "`DESCRIBE HISTORY`" in error for error in told.values())
    assert "is NULL, which is no moment" in str(null)
    assert "of_a_view reads seen as it was, but a temporary view has no past" in str(of_a_view)
