"""Everything wrong is told at once, causes first; and whoever only asks writes nothing."""

import re
from pathlib import Path

import pytest
from pyspark import SparkContext

from dlt_lite import errors
from tests.e2e.shell import dlt_lite, dlt_lite_here
from tests.spark.projects import HEAD, edges, flows_of, make_project, one_file, problems, resolved

pytestmark = pytest.mark.spark

TICKS = """
@dlt.table
def orders():
    ticks = spark.readStream.format("rate").load()
    return ticks.selectExpr("value AS id", "double(value) AS amount")
"""
FILES = """
@dlt.table
def orders():
    path = spark.conf.get("landing")
    return spark.readStream.schema("id BIGINT, amount DOUBLE").json(path)
"""
READERS = """
@dlt.table(table_properties={"some.property": "1"})
@dlt.expect_or_drop("paid", "amount > 0")
def paid():
    return spark.readStream.table("orders")

@dlt.table
def totals():
    return spark.read.table("paid").groupBy("id").sum("amount").toDF("id", "amount")
"""
GOOD = TICKS + READERS


def test_causes_come_before_consequences_in_whatever_order_they_are_declared(spark, tmp_path):
    root = one_file(
        tmp_path / "project",
        """
        @dlt.view
        def last():
            return spark.sql("SELECT * FROM middle")

        @dlt.table
        def middle():
            return spark.read.table("first")

        @dlt.table
        def first():
            raise ValueError("no")

        @dlt.table
        def other():
            return spark.read.table("frist")

        @dlt.table
        def fine():
            return spark.range(1)
        """,
    )

    found = problems(spark, root)

    assert [(type(error), error.what) for error in found] == [
        (errors.QueryRaised, "first raised ValueError: no"),
        (
            errors.MissingInput,
            "'frist' is read, but nobody declares it and no such table is there",
        ),
        (errors.UpstreamFailed, "middle reads first, which has the problem above"),
        (errors.UpstreamFailed, "last reads middle, which has the problem above"),
    ]
    assert [error.origin.line for error in found] == [15, 19, 9, 5]


def test_every_broken_flow_of_one_table_is_told(spark, tmp_path):
    root = one_file(
        tmp_path / "project",
        GOOD,
        """
        dlt.create_streaming_table("both")

        @dlt.append_flow(target="both")
        def one():
            return spark.readStream.table("order")

        @dlt.append_flow(target="both")
        def two():
            return spark.readStream.table("paid")

        @dlt.append_flow(target="both")
        def three():
            return 3
        """,
    )

    found = problems(spark, root)

    assert [error.what.split(",")[0] for error in found] == [
        "'order' is read",
        "three returned a int",
    ]


def test_what_is_wrong_with_rules_is_told_in_one_round_with_all_else(spark, tmp_path):
    root = one_file(
        tmp_path / "project",
        """
        @dlt.table
        def gone():
            return spark.read.table("nowhere")

        @dlt.table
        @dlt.expect("typo", "amuont > 0")
        @dlt.expect_aggregate("sum(amuont) > 0")
        @dlt.expect_foreign_key("customer", to="customers.id")
        @dlt.expect_foreign_key("id", to="orders.ident")
        @dlt.expect_unique("order_id")
        def orders():
            return spark.sql("SELECT 1 AS id, 2 AS amount, 3 AS customer")

        @dlt.table
        def stamped():
            return spark.sql("SELECT 1 AS _change_type")
        """,
    )

    found = problems(spark, root)

    assert [(type(error), re.search("'[^']*'", error.what)[0]) for error in found] == [
        (errors.MissingInput, "'nowhere'"),
        (errors.MissingInput, "'customers'"),
        (errors.BadExpectation, "'(id) is in orders (ident)'"),
        (errors.BadExpectation, "'sum(amuont) > 0'"),
        (errors.BadExpectation, "'(order_id) is unique'"),
        (errors.BadExpectation, "'typo'"),
        (errors.ReservedColumn, "'_change_type'"),
    ]


def test_a_module_that_two_files_import_is_told_of_once(spark, tmp_path):
    reader = "import helpers\n"
    root = make_project(
        tmp_path / "project",
        {
            "shop/helpers.py": HEAD + "@dlt.table\ndef t():\n    return spark.range(1)\n\n1 / 0\n",
            "shop/one.py": reader,
            "shop/two.py": reader,
            "shop/three.py": "def broken(:\n",
            "shop/zebra.py": HEAD
            + '@dlt.table(name="a b")\ndef t2():\n    return spark.range(1)\n',
        },
    )

    found = problems(spark, root)

    assert [(type(error), str(error.origin)) for error in found] == [
        (errors.FileBroken, "pipelines/shop/helpers.py:8"),
        (errors.FileBroken, "pipelines/shop/three.py:1:12"),
        (errors.BadName, "pipelines/shop/zebra.py:4"),
    ]


def test_files_that_declare_nothing_are_told_of(spark, tmp_path):
    root = one_file(tmp_path / "project", "def orders():\n    return spark.range(1)\n")

    found = problems(spark, root)

    assert [(type(error), error.what) for error in found] == [
        (errors.NothingDeclared, "the pipeline's files declare no dataset")
    ]


def test_looking_at_the_empty_inputs_is_allowed(spark, tmp_path):
    root = one_file(
        tmp_path / "project",
        GOOD,
        """
        @dlt.table
        def looked():
            paid = spark.read.table("paid")
            assert paid.collect() == [] and paid.first() is None and paid.isEmpty()
            assert paid.count() == 0 and len(paid.toPandas()) == 0
            best = spark.sql("SELECT max(amount) AS best FROM paid").first()["best"]
            print("this is no harm", best)
            return paid.where(f"amount > {best or 0}")
        """,
    )

    flow = flows_of(resolved(spark, root))["looked"]

    assert edges(flow) == {"shop.paid"}


WRONG = GOOD + '@dlt.table(name="Totals")\ndef more():\n    return spark.range(1)\n'
BAD_PATTERN = GOOD.replace("amount > 0", "string(amount) RLIKE '('")
TOUCHING = "SIZE = spark.range(3).count()\n"


@pytest.mark.usefixtures("spark")
@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        (WRONG, (), "[DLT205] dataset 'Totals' is declared twice ('totals' differs in case only)"),
        (f"{GOOD}def broken(:\n", (), "[DLT201] syntax error"),
        (f"{GOOD}import no_such_module\n", ("--analyze",), "[DLT202] module 'no_such_module'"),
        (GOOD.replace('table("paid")', 'table("pad")'), ("--analyze",), "did you mean 'paid'?"),
        (GOOD.replace("amount > 0", "amont > 0"), ("--analyze",), "[DLT215] expectation 'paid' of"),
        (BAD_PATTERN, ("--analyze",), "has no valid regular expression, '(': Unclosed group"),
    ],
)
def test_validate_exits_2_with_cause_and_place(text, words, said, tmp_path):
    root = one_file(tmp_path / "project", text)
    before = listing(root)

    ended = dlt_lite_here(root, "validate", *words)

    assert ended.code == 2
    assert said in ended.err
    assert "pipelines/shop/tables.py:" in ended.err
    assert ended.out == ""
    assert listing(root) == before


def test_without_spark_validate_passes_what_only_resolving_can_judge(tmp_path):
    root = one_file(tmp_path / "project", GOOD.replace("amount > 0", "amont > 0"))

    ended = dlt_lite_here(root, "validate")

    assert (ended.code, ended.out) == (0, "shop: 3 datasets: orders, paid, totals\n")


@pytest.mark.usefixtures("spark")
def test_a_file_that_touches_spark_while_it_is_loaded_needs_analyze(tmp_path):
    root = one_file(tmp_path / "project", GOOD, TOUCHING)

    plain = dlt_lite_here(root, "validate")
    analyzed = dlt_lite_here(root, "validate", "--analyze")

    assert (plain.code, analyzed.code) == (0, 0)
    assert "pipelines/shop/tables.py:18 touches Spark while it is loaded" in plain.err
    assert "validate --analyze` can check it" in plain.err
    assert plain.out == "shop: datasets not known (needs --analyze)\n"
    assert analyzed.out == "shop: 3 datasets: orders, paid, totals\n"


def test_a_udf_that_says_what_it_returns_does_not_touch_spark(tmp_path, monkeypatch):
    # Other tests have a session in this process; who validates has none.
    monkeypatch.setattr(SparkContext, "_active_spark_context", None)
    udfs = """
from pyspark.sql.functions import pandas_udf

@F.udf("bigint")
def plus_one(n):
    return n + 1

@pandas_udf("a INT, b STRING", functionType=F.PandasUDFType.GROUPED_MAP)
def same(frame):
    return frame

loud = F.udf(lambda text: text.upper(), "string")
"""
    root = one_file(tmp_path / "project", GOOD, udfs)

    ended = dlt_lite_here(root, "validate")

    assert (ended.out, ended.err) == ("shop: 3 datasets: orders, paid, totals\n", "")


def test_a_table_of_two_pipelines_is_refused(tmp_path):
    root = make_project(
        tmp_path / "project",
        {f"{name}/tables.py": f"{HEAD}{GOOD}" for name in ("one", "two")},
    )

    ended = dlt_lite_here(root, "validate")

    assert ended.code == 2
    assert ended.err.count("[DLT214]") == 3


@pytest.mark.usefixtures("spark")
def test_who_only_asks_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    landing = tmp_path / "landing"
    landing.mkdir()
    (landing / "one.json").write_text('{"id": 1, "amount": 2.0}', encoding="utf-8")
    root = make_project(
        tmp_path / "project",
        {
            "shop/helpers.py": "LEAST = 0\n",
            "shop/tables.py": f"{HEAD}import helpers\n{FILES}{READERS}",
            "shop/pipeline.yml": f"name: shop\nconfiguration: {{landing: {landing}}}\n",
        },
    )
    untouched = listing(tmp_path)
    asked_before = [
        dlt_lite_here(root, *words).code
        for words in (("validate",), ("validate", "--analyze"), ("plan", "shop"))
    ]

    assert (asked_before, listing(tmp_path)) == ([0, 0, 0], untouched)

    ran = dlt_lite_here(root, "run", "shop")
    (landing / "two.json").write_text('{"id": 2, "amount": 2.0}', encoding="utf-8")
    full = listing(tmp_path)
    asked_after = [
        dlt_lite_here(root, *words).code
        for words in (
            ("validate", "--analyze"),
            ("plan", "shop"),
            ("plan", "shop", "--full-refresh", "orders"),
        )
    ]
    alone = dlt_lite(root, "plan", "shop", changes={"PYTHONDONTWRITEBYTECODE": None})

    assert (ran.code, asked_after, alone.code) == (0, [0, 0, 0], 0)
    assert listing(tmp_path) == full


def listing(root: Path) -> dict[str, tuple[int, int]]:
    """Return every file and folder below a folder, with its size and when it changed."""
    found = {}
    for path in sorted([root, *root.rglob("*")]):
        state = path.stat()
        found[str(path)] = (0 if path.is_dir() else state.st_size, state.st_mtime_ns)
    return found
