"""What a pipeline file may not say: the code, the line, the sentence; nothing is written."""

from dataclasses import dataclass

import pytest

from dlt_lite import errors
from tests.spark.projects import one_file, problems
from tests.spark.updates import Shop

pytestmark = pytest.mark.spark

HERE = "# <- here"
ORDERS = """
@dlt.table
def orders():
    ticks = spark.readStream.format("rate").load()
    return ticks.selectExpr("value AS id", "double(value) AS amount", "timestamp AS at")
"""


@dataclass(frozen=True, slots=True)
class Case:
    """A broken definition, and what a person reads of it."""

    name: str
    kind: type[errors.DltLiteError]
    text: str
    says: str
    fix: str = ""


BY_SPARK_CONF = "use spark_conf= of the decorator or configuration"

QUERIES = [
    Case(
        "returns_none",
        errors.NotADataFrame,
        """
        @dlt.table  # <- here
        def totals():
            spark.read.table("orders")
        """,
        "totals returned nothing",
        "is a `return` missing?",
    ),
    Case(
        "returns_pandas",
        errors.NotADataFrame,
        """
        @dlt.table  # <- here
        def totals():
            return spark.read.table("orders").toPandas()
        """,
        "totals returned a pandas.core.frame.DataFrame",
        "return a Spark DataFrame",
    ),
    Case(
        "returns_a_list",
        errors.NotADataFrame,
        """
        @dlt.table  # <- here
        def totals():
            return spark.read.table("orders").collect()
        """,
        "totals returned a list",
        "return a Spark DataFrame",
    ),
    Case(
        "raises",
        errors.QueryRaised,
        """
        def limit():
            return {}["limit"]  # <- here

        @dlt.table
        def totals():
            return spark.read.table("orders").limit(limit())
        """,
        "totals raised KeyError: 'limit'",
        "correct the function",
    ),
    Case(
        "raises_system_exit",
        errors.QueryRaised,
        """
        import sys

        @dlt.table
        def totals():
            sys.exit(3)  # <- here
        """,
        "totals raised SystemExit: 3",
    ),
    Case(
        "names_an_unknown_column",
        errors.QueryRaised,
        """
        @dlt.table
        def totals():
            return spark.read.table("orders").select("amuont")  # <- here
        """,
        "A column, variable, or function parameter with name `amuont` cannot be resolved. "
        "Did you mean one of the following? [`amount`",
    ),
    Case(
        "needs_spark_on_workers",
        errors.ForbiddenCall,
        """
        from functools import cache

        @cache
        def limit():
            return spark.range(3).count()

        @F.udf("bigint")
        def few(id):
            return min(id, limit())

        @dlt.table
        def totals():
            return spark.read.table("orders").select(few("id"))  # <- here
        """,
        "spark cannot be used inside a function that runs on workers",
        "use DataFrame operations outside of the UDF",
    ),
    Case(
        "writes_a_table",
        errors.ForbiddenCall,
        """
        @dlt.table
        def totals():
            orders = spark.read.table("orders")
            orders.write.format("delta").save("copy")  # <- here
            return orders
        """,
        "a query function writes a table itself",
        "return the frame; dlt_lite writes it",
    ),
    Case(
        "writes_a_table_by_the_newer_writer",
        errors.ForbiddenCall,
        """
        @dlt.table
        def totals():
            orders = spark.read.table("orders")
            orders.writeTo("copy").create()  # <- here
            return orders
        """,
        "a query function writes a table itself",
    ),
    Case(
        "starts_a_stream",
        errors.ForbiddenCall,
        """
        @dlt.table
        def totals():
            orders = spark.readStream.table("orders")
            orders.writeStream.format("console").start()  # <- here
            return orders
        """,
        "a query function starts a stream itself",
        "return the streaming frame; dlt_lite runs it",
    ),
    Case(
        "stops_spark",
        errors.ForbiddenCall,
        """
        @dlt.table
        def totals():
            spark.stop()  # <- here
            return spark.read.table("orders")
        """,
        "a query function stops Spark",
        "remove the call",
    ),
    Case(
        "stops_the_context",
        errors.ForbiddenCall,
        """
        @dlt.table
        def totals():
            SparkSession.builder.getOrCreate().sparkContext.stop()  # <- here
            return spark.read.table("orders")
        """,
        "a query function stops Spark",
    ),
    Case(
        "changes_settings",
        errors.ForbiddenCall,
        """
        @dlt.table
        def totals():
            spark.conf.set("spark.sql.shuffle.partitions", 3)  # <- here
            return spark.read.table("orders")
        """,
        "a query function changes Spark's settings",
        "use spark_conf= of the decorator or configuration",
    ),
    Case(
        "changes_settings_by_a_builder",
        errors.ForbiddenCall,
        """
        @dlt.table
        def totals():
            builder = SparkSession.builder.appName("x").config("spark.sql.ansi.enabled", "false")
            return builder.getOrCreate().read.table("orders")  # <- here
        """,
        "a query function changes Spark's settings",
        BY_SPARK_CONF,
    ),
    *(
        Case(
            f"writes_by_delta_itself_{number}",
            errors.ForbiddenCall,
            f"""
            from delta.tables import DeltaTable

            @dlt.table
            def totals():
                spark.table("orders")
                {call}  # <- here
                return spark.read.table("orders")
            """,
            "a query function writes a table itself",
            "return the frame; dlt_lite writes it",
        )
        for number, call in enumerate(
            [
                'DeltaTable.createIfNotExists(spark).location("x").addColumn("a", "int").execute()',
                'DeltaTable.createOrReplace(spark).location("x").addColumn("a", "int").execute()',
                'DeltaTable.convertToDelta(spark, "parquet.`x`")',
                *(
                    f"DeltaTable(spark, None).{method}"
                    for method in (
                        "delete()",
                        'update(set={"a": "1"})',
                        'merge(spark.range(1), "id = id").whenMatchedDelete().execute()',
                        "vacuum()",
                        "optimize().executeCompaction()",
                        "restoreToVersion(0)",
                        'clone("copy")',
                    )
                ),
            ]
        )
    ),
    Case(
        "makes_a_table_in_the_catalog",
        errors.ForbiddenCall,
        """
        @dlt.table
        def totals():
            spark.catalog.createTable("copy", path="copy", source="parquet")  # <- here
            return spark.read.table("orders")
        """,
        "a query function writes a table itself",
    ),
    *(
        Case(
            f"runs_{word}",
            errors.ForbiddenCall,
            f"""
            @dlt.table
            def totals():
                spark.sql({command!r})  # <- here
                return spark.read.table("orders")
            """,
            f"runs the SQL command {shown}",
            fix[0] if fix else "a dataset's function only reads; return the frame and dlt_lite",
        )
        for word, command, shown, *fix in [
            ("insert", "INSERT INTO orders VALUES (1, 2, NULL)", "InsertIntoStatement"),
            ("insert_below_with", "WITH c AS (SELECT 1) INSERT INTO t TABLE c", "InsertInto"),
            (
                "insert_of_many",
                "FROM orders INSERT INTO t SELECT id INSERT INTO u SELECT id",
                "Ins",
            ),
            ("insert_by_name", "EXECUTE IMMEDIATE 'INSERT INTO t VALUES (1)'", "UnresolvedExecute"),
            ("a_script", "BEGIN INSERT INTO t VALUES (1); END", "CompoundBody"),
            ("create", "CREATE TABLE copy USING delta AS SELECT 1 AS id", "CreateTableAsSelect"),
            ("create_view", "CREATE VIEW copy AS SELECT 1 AS id", "CreateView"),
            ("drop", "DROP TABLE orders", "DropTable"),
            ("delete", "DELETE FROM orders", "DeleteFromTable"),
            ("set", "SET spark.sql.shuffle.partitions = 3", "SetCommand", BY_SPARK_CONF),
            ("reset", "RESET", "ResetCommand", BY_SPARK_CONF),
            ("use", "USE other", "SetCatalogAndNamespace", "write the schema in the name, as in"),
            ("use_schema", "USE SCHEMA other", "SetNamespace", "write the schema in the name"),
            ("declare", "DECLARE rate INT DEFAULT 3", "CreateVariable", "give it by args="),
        ]
    ),
    Case(
        "sql_cannot_be_parsed",
        errors.BadSql,
        """
        @dlt.table
        def totals():
            return spark.sql("SELECT id FRM orders x y")  # <- here
        """,
        "SQL cannot be parsed: [PARSE_SYNTAX_ERROR] Syntax error at or near",
        "correct the SQL text",
    ),
    Case(
        "missing_input",
        errors.MissingInput,
        """
        @dlt.table
        def totals():
            return spark.read.table("ordres")  # <- here
        """,
        "'ordres' is read, but nobody declares it and no such table is there",
        "did you mean 'orders'?",
    ),
    Case(
        "missing_input_in_sql",
        errors.MissingInput,
        """
        @dlt.table
        def totals():
            return spark.sql("SELECT * FROM orders JOIN shop.customers USING (id)")  # <- here
        """,
        "'shop.customers' is read, but nobody declares it and no such table is there",
        "the pipeline has: orders, totals",
    ),
    Case(
        "missing_input_of_an_unknown_catalog",
        errors.MissingInput,
        """
        @dlt.table
        def totals():
            return spark.read.table("elsewhere.shop.orders")  # <- here
        """,
        "'elsewhere.shop.orders' is read, but nobody declares it and no such table is there",
        "did you mean 'orders'?",
    ),
    Case(
        "reads_what_is_no_name",
        errors.BadName,
        """
        @dlt.table
        def totals():
            return spark.read.table("my orders")  # <- here
        """,
        "'my orders' is not a name",
        "write a name of one to three parts; back-quote a part with odd characters",
    ),
    Case(
        "reads_a_path_that_is_not_there",
        errors.SourceMissing,
        """
        @dlt.table
        def totals():
            return spark.read.json("nowhere")  # <- here
        """,
        "totals reads a path that is not there or cannot be read",
        "check the path and its rights; relative paths start at the project's folder",
    ),
    Case(
        "spark_conf_that_no_flow_may_have",
        errors.BadOption,
        """
        @dlt.table(spark_conf={"spark.executor.memory": "1g"})  # <- here
        def totals():
            return spark.read.table("orders")
        """,
        "spark.executor.memory cannot be set to '1g' here: [CANNOT_MODIFY_CONFIG]",
        "settings of Spark's start belong under `spark` of the project",
    ),
    Case(
        "spark_conf_of_a_wrong_value",
        errors.BadOption,
        """
        @dlt.table(spark_conf={"spark.sql.shuffle.partitions": "many"})  # <- here
        def totals():
            return spark.read.table("orders")
        """,
        "spark.sql.shuffle.partitions cannot be set to 'many' here: [INVALID_CONF_VALUE",
    ),
]

COLUMNS = [
    *(
        Case(
            f"column_{word}",
            kind,
            f"""
            @dlt.table  # <- here
            def totals():
                return spark.read.table("orders").select({expression})
            """,
            says,
        )
        for word, kind, expression, says in [
            ("blank", errors.BadSchema, 'F.col("id").alias("my id")', "column 'my id' has a char"),
            ("comma", errors.BadSchema, 'F.col("id").alias("a,b")', "column 'a,b' has a char"),
            (
                "blank_inside",
                errors.BadSchema,
                'F.struct(F.col("id").alias("my id")).alias("s")',
                "column 's.my id' has a char",
            ),
            (
                "blank_in_array",
                errors.BadSchema,
                'F.array(F.struct(F.col("id").alias("my id"))).alias("s")',
                "column 's.element.my id' has a char",
            ),
            ("void", errors.BadSchema, 'F.lit(None).alias("n")', "column 'n' has type void"),
            (
                "void_inside",
                errors.BadSchema,
                'F.struct(F.lit(None).alias("n")).alias("s")',
                "column 's.n' has type void",
            ),
            (
                "interval",
                errors.BadSchema,
                'F.expr("INTERVAL 1 DAY").alias("n")',
                "column 'n' has type interval day",
            ),
            ("twice", errors.BadSchema, '"id", "id"', "column 'id' comes twice"),
            ("twice_by_case", errors.BadSchema, '"id", F.lit(1).alias("ID")', "'ID' comes twice"),
            (
                "twice_inside",
                errors.BadSchema,
                'F.struct("id", F.lit(1).alias("ID")).alias("s")',
                "column 's.ID' comes twice",
            ),
            (
                "reserved",
                errors.ReservedColumn,
                'F.lit("x").alias("_change_type")',
                "column '_change_type' has a name of Delta's own",
            ),
        ]
    ),
    Case(
        "column_that_rules_need",
        errors.ReservedColumn,
        """
        @dlt.temporary_view  # <- here
        @dlt.expect("known", "id IS NOT NULL")
        def totals():
            return spark.range(3).withColumn("_DLT_LITE_rules_0", F.lit(1))
        """,
        "totals: column '_DLT_LITE_rules_0' has a name that rules need",
    ),
    Case(
        "no_column_at_all",
        errors.BadSchema,
        """
        @dlt.table  # <- here
        def totals():
            return spark.read.table("orders").select()
        """,
        "totals: the query yields no column",
    ),
    Case(
        "schema_that_is_no_ddl",
        errors.BadSchema,
        """
        @dlt.table(schema="id BIGINTEGER")  # <- here
        def totals():
            return spark.read.table("orders")
        """,
        "schema= of totals cannot be parsed",
        "write DDL such as 'id BIGINT, name STRING', or give a StructType",
    ),
    Case(
        "schema_of_another_type",
        errors.BadSchema,
        """
        @dlt.table(schema="id STRING")  # <- here
        def totals():
            return spark.read.table("orders").select("id")
        """,
        "totals: column 'id' of the query (long) is string in its schema",
        "change schema= or the query so that names and types agree",
    ),
    Case(
        "schema_with_a_column_more",
        errors.BadSchema,
        """
        @dlt.table(schema="id BIGINT, who STRING")  # <- here
        def totals():
            return spark.read.table("orders").select("id")
        """,
        "totals: the query yields no column 'who'",
        "add it to the query, or take it out of schema=",
    ),
    Case(
        "schema_with_a_column_less",
        errors.BadSchema,
        """
        @dlt.table(schema="id BIGINT")  # <- here
        def totals():
            return spark.read.table("orders").select("id", "amount")
        """,
        "totals: column 'amount' of the query (double) is not in its schema",
    ),
    *(
        Case(
            f"{option}_of_an_unknown_column",
            errors.BadOption,
            f"""
            @dlt.table({option}=["amuont"])  # <- here
            def totals():
                return spark.read.table("orders")
            """,
            f"{option} of totals names 'amuont', which is no column of it",
            "did you mean 'amount'?",
        )
        for option in ("partition_cols", "cluster_by")
    ),
    Case(
        "partitioned_by_every_column",
        errors.BadOption,
        """
        @dlt.table(partition_cols=["id"])  # <- here
        def totals():
            return spark.read.table("orders").select("id")
        """,
        "partition_cols of totals are all of its columns",
    ),
    Case(
        "both_partitioned_and_clustered",
        errors.BadOption,
        """
        @dlt.table(partition_cols=["id"], cluster_by=["amount"])  # <- here
        def totals():
            return spark.read.table("orders")
        """,
        "totals has both partition_cols and cluster_by",
        "keep one of them",
    ),
    Case(
        "row_filter",
        errors.Unprotected,
        """
        @dlt.table(row_filter="ROW FILTER only_mine ON (id)")  # <- here
        def totals():
            return spark.read.table("orders")
        """,
        "totals asks for a row filter, which open-source Delta cannot honour",
        "remove it, and keep protected columns out of the table or in a private one",
    ),
    Case(
        "mask",
        errors.Unprotected,
        """
        @dlt.table(schema="id BIGINT MASK hidden, amount DOUBLE")  # <- here
        def totals():
            return spark.read.table("orders").select("id", "amount")
        """,
        "totals asks for a column mask, which open-source Delta cannot honour",
    ),
    Case(
        "refresh_policy",
        errors.BadOption,
        """
        @dlt.table(refresh_policy="sometimes")  # <- here
        def totals():
            return spark.read.table("orders")
        """,
        "totals has refresh_policy='sometimes'",
        "use 'auto' or 'full'",
    ),
    Case(
        "options_of_a_wrong_type",
        errors.BadOption,
        """
        @dlt.table(partition_cols=5)  # <- here
        def totals():
            return spark.read.table("orders")
        """,
        "totals: partition_cols is no list of strings",
    ),
]

RULES = [
    *(
        Case(
            f"rule_{word}",
            errors.BadExpectation,
            f"""
            @dlt.table
            @dlt.expect("fine", "id > 0")
            @dlt.expect_or_drop("good", {condition})  # <- here
            def totals():
                return spark.read.table("orders")
            """,
            f"expectation 'good' of totals {says}",
            fix,
        )
        for word, condition, says, fix in [
            (
                "of_an_unknown_column",
                '"amuont > 0"',
                "cannot be used: A column, variable, or function parameter with name `amuont`",
                "the columns are: id, amount, at",
            ),
            (
                "that_is_no_boolean",
                '"amount + 1"',
                "is of type double, not boolean",
                "compare with",
            ),
            (
                "with_an_aggregate",
                '"sum(amount) > 0"',
                "holds an aggregate: sum(amount) > 0",
                "row",
            ),
            ("with_a_column_aggregate", 'F.max("amount") > 0', "holds an aggregate", "one row"),
            (
                "with_a_window",
                '"row_number() OVER (ORDER BY id) = 1"',
                "holds a window function",
                "a rule judges one row by its own columns",
            ),
            ("with_a_subquery", '"id IN (SELECT 1)"', "holds a subquery", "by a foreign key"),
            (
                "with_a_subquery_of_a_dataset",
                '"id IN (SELECT id FROM orders)"',
                "holds a subquery",
                "by a foreign key",
            ),
            ("of_today", '"at < current_date()"', "asks the clock: at < ", "a column that holds"),
            ("of_now", '"at < now() - INTERVAL 1 HOUR"', "asks the clock", "a column that holds"),
            ("of_a_named_day", "\"at < TIMESTAMP 'now'\"", "asks the clock", "a column that"),
            ("of_a_cast_day", "\"at < CAST('today' AS DATE)\"", "asks the clock", "a column that"),
            ("of_a_parsed_day", "\"at < to_date('now')\"", "asks the clock", "a column that"),
            ("of_a_day_as_text", "\"at < 'yesterday'\"", "asks the clock", "a column that"),
            ("of_the_clock", 'F.col("at") < F.current_timestamp()', "asks the clock", "a column"),
            (
                "for_rows_of_the_clock",
                '"id > 0", where="at < now()"',
                "asks the clock: at < now()",
                "a column that holds",
            ),
            ("of_an_unknown_function", '"sqare(id) > 1"', "cannot be used", "Spark SQL has"),
            ("of_types_that_differ", '"id > array(1)"', "cannot be used", "make the types fit"),
            ("with_a_generator", '"explode(array(true))"', "makes rows out of one row", "one row"),
            ("of_chance", '"rand() < 0.5"', "is not deterministic", "one row"),
            (
                "of_two_statements",
                '"id > 0; DROP TABLE orders"',
                "cannot be used",
                "correct the SQL",
            ),
            ("that_ends_early", '"id > 0) OR (1 = 1"', "cannot be used", "correct the SQL"),
            ("that_opens_a_comment", '"id > 0 /* so"', "cannot be used", "correct the SQL"),
            ("that_is_a_number", "5", "is a int: 5", "give SQL text or a Spark Column"),
            ("that_is_empty", '""', "cannot be used", "correct the SQL"),
        ]
    ),
    Case(
        "rules_of_one_name",
        errors.DuplicateName,
        """
        @dlt.table
        @dlt.expect("good", "id > 0")
        @dlt.expect_or_drop("GOOD", "amount > 0")  # <- here
        def totals():
            return spark.read.table("orders")
        """,
        "totals has two expectations named 'GOOD'; the first is at pipelines/shop/tables.py:11",
        "names of expectations are unique in a dataset: rename one",
    ),
    Case(
        "rule_without_a_name",
        errors.BadName,
        """
        @dlt.table
        @dlt.expect(" ", "id > 0")  # <- here
        def totals():
            return spark.read.table("orders")
        """,
        "' ' is no name of an expectation",
    ),
    Case(
        "rules_that_are_no_dictionary",
        errors.BadOption,
        """
        @dlt.table
        @dlt.expect_all(["id > 0"])  # <- here
        def totals():
            return spark.read.table("orders")
        """,
        "expectations are ['id > 0'], not a dictionary",
        'give {"name": "condition"}',
    ),
    Case(
        "rule_on_no_dataset",
        errors.OrphanExpectation,
        """
        @dlt.expect("good", "id > 0")  # <- here
        def helper():
            return spark.read.table("orders")
        """,
        "expectation 'good' is on helper, which declares no dataset",
        "put it on a function with @table, @materialized_view or @view",
    ),
]

KINDS = [
    Case(
        "view_with_two_flows",
        errors.KindConflict,
        """
        @dlt.materialized_view
        def totals():
            return spark.read.table("orders")

        @dlt.append_flow(target="totals")  # <- here
        def more():
            return spark.readStream.table("orders")
        """,
        "flow more appends to totals, which is no streaming table",
        "declare totals by create_streaming_table",
    ),
    Case(
        "batch_table_with_two_flows",
        errors.KindConflict,
        """
        @dlt.table
        def totals():
            return spark.read.table("orders")

        @dlt.append_flow(target="totals")  # <- here
        def more():
            return spark.readStream.table("orders")
        """,
        "materialized view totals has 2 flows",
        "use one query with UNION, or a streaming table",
    ),
    Case(
        "stream_in_a_materialized_view",
        errors.KindConflict,
        """
        @dlt.materialized_view  # <- here
        def totals():
            return spark.readStream.table("orders")
        """,
        "materialized view totals has a streaming query",
        "read by spark.read, or declare it by @table",
    ),
    Case(
        "batch_in_a_streaming_table",
        errors.KindConflict,
        """
        dlt.create_streaming_table("totals")

        @dlt.append_flow(target="totals")  # <- here
        def more():
            return spark.read.table("orders")
        """,
        "flow more fills streaming table totals with a batch query",
        "read by spark.readStream, or give once=True to run it one time",
    ),
    Case(
        "stream_that_runs_once",
        errors.KindConflict,
        """
        dlt.create_streaming_table("totals")

        @dlt.append_flow(target="totals", once=True)  # <- here
        def more():
            return spark.readStream.table("orders")
        """,
        "flow more has once=True but its query is a stream",
        "read by spark.read, or take once=True away",
    ),
    Case(
        "stream_over_a_batch_view",
        errors.KindConflict,
        """
        @dlt.view
        def recent():
            return spark.read.table("orders")

        @dlt.table
        def totals():
            return spark.readStream.table("recent")  # <- here
        """,
        "totals reads recent as a stream, but that view is a batch",
        "read it by spark.read.table, or make recent streaming",
    ),
    Case(
        "stream_over_a_materialized_view",
        errors.StreamOverOverwritten,
        """
        @dlt.materialized_view
        def sums():
            return spark.read.table("orders")

        @dlt.table  # <- here
        def totals():
            return spark.readStream.table("sums")
        """,
        "flow totals reads sums as a stream, but every refresh overwrites that view",
        "read it by spark.read.table, or make it a streaming table",
    ),
    Case(
        "streaming_table_without_flow",
        errors.NoFlow,
        """
        dlt.create_streaming_table("totals")  # <- here
        """,
        "no flow fills totals",
        "declare one by @append_flow(target='totals')",
    ),
    Case(
        "flow_without_target",
        errors.NoFlow,
        """
        @dlt.append_flow(target="order")  # <- here
        def more():
            return spark.readStream.table("orders")
        """,
        "flow more fills order, which nobody declares",
        "did you mean 'orders'?",
    ),
    Case(
        "flows_that_do_not_fit",
        errors.BadSchema,
        """
        dlt.create_streaming_table("totals")  # <- here

        @dlt.append_flow(target="totals")
        def one():
            return spark.readStream.table("orders")

        @dlt.append_flow(target="totals")
        def two():
            return spark.readStream.table("orders").withColumn("id", F.col("id").cast("string"))
        """,
        "the flows of totals do not fit together: column 'id' is long in one and string in the",
        "cast the column to one type in every flow",
    ),
    Case(
        "one_broken_flow_of_two",
        errors.QueryRaised,
        """
        dlt.create_streaming_table("totals")

        @dlt.append_flow(target="totals")
        def one():
            return spark.readStream.table("orders")

        @dlt.append_flow(target="totals")
        def two():
            raise ValueError("no")  # <- here
        """,
        "two raised ValueError: no",
    ),
    Case(
        "cycle",
        errors.Cycle,
        """
        @dlt.table  # <- here
        def totals():
            return spark.read.table("means").join(spark.read.table("orders"), "id")

        @dlt.view
        def means():
            return spark.sql("SELECT * FROM shares")

        @dlt.table
        def shares():
            return spark.read.table("shop.totals")
        """,
        "datasets read each other in a circle: shares → means → totals → shares",
        "break the circle: one of them must not read the next",
    ),
    Case(
        "cycle_of_one",
        errors.Cycle,
        """
        @dlt.table  # <- here
        def totals():
            return spark.readStream.table("totals")
        """,
        "datasets read each other in a circle: totals → totals",
    ),
    Case(
        "cycle_by_a_rule",
        errors.Cycle,
        """
        @dlt.table
        def totals():
            return spark.read.table("means")

        @dlt.view
        def means():
            return spark.read.table("shares")

        @dlt.table
        @dlt.expect_foreign_key("id", to="totals.id", name="known")  # <- here
        def shares():
            return spark.read.table("orders")
        """,
        "shares → means → totals → shares; shares reads totals for its expectation 'known' at "
        "pipelines/shop/tables.py:",
        "look the key up in a dataset that does not read shares",
    ),
    Case(
        "cycle_behind_every_except",
        errors.Cycle,
        """
        @dlt.table  # <- here
        def totals():
            try:
                return spark.read.table("totals")
            except BaseException:
                raise RuntimeError("no table yet")
        """,
        "datasets read each other in a circle: totals → totals",
    ),
]

FILES = [
    Case(
        "missing_module",
        errors.MissingModule,
        "import no_such_module  # <- here",
        "module 'no_such_module' is not there",
        "install it, or put it beside the pipeline's files",
    ),
    Case(
        "syntax_error",
        errors.FileBroken,
        """
        @dlt.table
        def totals()  # <- here
            return spark.read.table("orders")
        """,
        "syntax error: expected ':'",
        "correct the line",
    ),
    Case(
        "raises_while_loaded",
        errors.FileBroken,
        'int("many")  # <- here',
        "loading the file raised ValueError: invalid literal for int() with base 10: 'many'",
        "correct it",
    ),
    Case(
        "exits_while_loaded",
        errors.FileBroken,
        "raise SystemExit(0)  # <- here",
        "loading the file raised SystemExit: 0",
    ),
    Case(
        "writes_while_loaded",
        errors.ForbiddenCall,
        'spark.sql("CREATE TABLE copy (id INT) USING parquet")  # <- here',
        "runs the SQL command CreateTable",
    ),
    Case(
        "alters_while_loaded",
        errors.ForbiddenCall,
        "spark.sql(\"ALTER TABLE orders SET TBLPROPERTIES ('a' = 'b')\")  # <- here",
        "runs the SQL command SetTableProperties",
    ),
    Case(
        "declares_a_variable_while_loaded",
        errors.ForbiddenCall,
        'spark.sql("DECLARE OR REPLACE VARIABLE rate INT DEFAULT 3")  # <- here',
        "an SQL variable that a file makes while it is loaded is not there in query functions",
        "keep the value in Python and give it by args=, as in `WHERE rate > :rate`",
    ),
    Case(
        "misspelt_argument",
        errors.BadOption,
        """
        @dlt.table(tabel_properties={})  # <- here
        def totals():
            return spark.read.table("orders")
        """,
        "table has no argument 'tabel_properties'",
        "did you mean 'table_properties'?",
    ),
    Case(
        "argument_of_another_decorator",
        errors.BadOption,
        """
        @dlt.append_flow(target="orders", schema="id INT")  # <- here
        def totals():
            return spark.readStream.table("orders")
        """,
        "append_flow has no argument 'schema'",
        "it has: comment, name, once, spark_conf, target",
    ),
    Case(
        "decorates_no_function",
        errors.BadOption,
        '@dlt.table("totals")  # <- here\ndef totals():\n    return spark.read.table("orders")\n',
        "@table was given 'totals' where a function is meant",
        "write @table(name=…)",
    ),
    Case(
        "declared_twice",
        errors.DuplicateName,
        """
        @dlt.table(name="orders")  # <- here
        def again():
            return spark.range(1)
        """,
        "dataset 'orders' is declared twice; the first is at pipelines/shop/tables.py:5",
        "give one of them another name=",
    ),
    Case(
        "declared_in_another_case",
        errors.DuplicateName,
        """
        @dlt.table(name="shop.Orders")  # <- here
        def again():
            return spark.range(1)
        """,
        "dataset 'Orders' is declared twice ('orders' differs in case only); "
        "the first is at pipelines/shop/tables.py:5",
        "give one of them another name=",
    ),
    Case(
        "flows_of_one_name",
        errors.DuplicateName,
        """
        dlt.create_streaming_table("totals")
        for _ in range(2):
            @dlt.append_flow(target="totals")  # <- here
            def more():
                return spark.readStream.table("orders")
        """,
        "two flows are named 'more'; the first is at pipelines/shop/tables.py:12",
        "give one of them another name=",
    ),
    *(
        Case(
            f"name_{word}",
            errors.BadName,
            f"""
            @dlt.table(name={name!r})  # <- here
            @dlt.expect("good", "id > 0")
            def totals():
                return spark.read.table("orders")
            """,
            says,
            "use letters, digits and underscores, with at most two dots between parts",
        )
        for word, name, says in [
            ("of_four_parts", "a.b.c.d", "'a.b.c.d': a name has at most three parts"),
            ("of_no_parts", "", "'' is not a name"),
            ("of_an_empty_part", "shop..totals", "'shop..totals' is not a name"),
            ("with_blanks", "my totals", "'my totals' is not a name"),
            ("with_blanks_around", " totals ", "' totals ': a name has letters, digits and"),
            ("with_quotes", "'totals'", "\"'totals'\": a name has letters, digits and"),
            ("with_double_quotes", '"totals"', "'\"totals\"': a name has letters, digits and"),
            ("with_back_quotes", "`totals`", "'`totals`': a name has letters, digits and"),
            ("with_a_back_quote", "tot`als", "a name"),
            ("with_an_emoji", "totals😀", "'totals😀': a name has letters, digits and"),
            ("with_an_umlaut", "größe", "'größe': a name has letters, digits and underscores"),
            ("that_climbs", "../x", "'../x'"),
            ("with_a_slash", "a/b", "'a/b': a name has letters, digits and underscores only"),
            ("with_a_line", "a\nb", "a name"),
            ("of_300_characters", "t" * 300, "tttttttttttttttttttt…: a name has at most 128"),
        ]
    ),
    *(
        Case(
            f"flow_name_{word}",
            errors.BadName,
            f"""
            dlt.create_streaming_table("totals")

            @dlt.append_flow(target="totals", name={name!r})  # <- here
            def more():
                return spark.readStream.table("orders")
            """,
            says,
        )
        for word, name, says in [
            ("that_climbs", "..", "'..'"),
            ("of_blanks", " ", "' '"),
            ("of_300_characters", "t" * 300, "tttttttttttttttttttt…: a name has at most 128"),
        ]
    ),
    Case(
        "lambda",
        errors.BadOption,
        'dlt.table(lambda: spark.read.table("orders"))  # <- here',
        "a lambda or a callable object has no name of its own",
        "give name=",
    ),
]

PATTERNS = [
    Case(
        f"pattern_{word}",
        errors.BadExpectation,
        f"""
        @dlt.table
        @{rule}  # <- here
        def totals():
            return spark.read.table("orders").withColumn("code", F.col("id").cast("string"))
        """,
        f"of totals has no valid regular expression, {says}",
        "write it as java.util.regex.Pattern reads it",
    )
    for word, rule, says in [
        ("of_rlike", """dlt.expect("a", "code RLIKE '('")""", "'(': Unclosed group near index 1"),
        ("of_regexp", """dlt.expect("a", "NOT code REGEXP '*a'")""", "'*a': Dangling meta"),
        ("of_regexp_like", """dlt.expect("a", "regexp_like(code, '[a-')")""", "'[a-': Illegal"),
        ("of_extract", """dlt.expect("a", "regexp_extract(code, '(') = 'x'")""", "'(': Unclosed"),
        ("of_replace", """dlt.expect("a", "regexp_replace(code, '(', '') = ''")""", "'(': Uncl"),
        ("of_count", """dlt.expect("a", "regexp_count(code, '(') > 1")""", "'(': Unclosed"),
        ("of_split", """dlt.expect("a", "size(split(code, '(')) > 1")""", "'(': Unclosed"),
        (
            "in_a_lambda",
            """dlt.expect("a", "exists(array(code), x -> x RLIKE '[')")""",
            "'[': Unclosed character class",
        ),
        ("of_a_column", """dlt.expect("a", F.col("code").rlike("("))""", "'(': Unclosed group"),
        (
            "in_its_rows",
            """dlt.expect("a", "id > 0", where="code RLIKE '('")""",
            "'(': Unclosed group",
        ),
        (
            "in_an_aggregate",
            """dlt.expect_aggregate("count_if(code RLIKE '(') = 0")""",
            "'(': Unclosed group",
        ),
    ]
]

CASES = [*QUERIES, *COLUMNS, *RULES, *KINDS, *FILES, *PATTERNS]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_person_reads_what_is_wrong_and_where(case, spark, tmp_path):
    root = one_file(tmp_path / "project", ORDERS, case.text)
    before = sorted(tmp_path.rglob("*"))

    found = problems(spark, root)

    assert [type(error) for error in found] == [case.kind], [str(error) for error in found]
    assert case.says in found[0].what
    assert case.fix in (found[0].fix or "")
    assert (found[0].origin.path, found[0].origin.line) == place(root)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_bad_pattern_in_a_file_of_rules_is_told_with_its_line_and_column(spark, tmp_path):
    root = one_file(tmp_path / "project", ORDERS, CODES)
    folder = root / "expectations" / "shop"
    folder.mkdir(parents=True)
    (folder / "rules.yml").write_text(RULES_FILE, encoding="utf-8")
    (folder / "suite.json").write_text(SUITE_FILE, encoding="utf-8")

    found = problems(spark, root)

    assert {type(error) for error in found} == {errors.BadExpectation}
    assert {
        (error.origin.path.rpartition("/")[2], error.origin.line, error.origin.column)
        for error in found
    } == {
        ("rules.yml", 3, 5),
        ("rules.yml", 4, 5),
        ("rules.yml", 8, 9),
        ("rules.yml", 9, 9),
        ("rules.yml", 10, 9),
        ("rules.yml", 15, 5),
        ("suite.json", 2, 2),
        ("suite.json", 4, 2),
    }
    assert all("has no valid regular expression, '[a-'" in error.what for error in found)


def test_a_good_pattern_and_one_that_no_text_tells_are_let_pass(spark, tmp_path):
    rules = r"""
@dlt.table
@dlt.expect("digits", r"code RLIKE '^\\d+(x|y)?$'")
@dlt.expect("raw", r"code RLIKE r'^\d{1,3}$'")
@dlt.expect("made", "code RLIKE concat('(', code, ')')")
@dlt.expect("parts", "split_part(code, '(', 1) IS NOT NULL")
@dlt.expect_aggregate("count_if(code RLIKE '[0-9]') >= 0")
def codes():
    return spark.read.table("orders").selectExpr("string(id) AS code")
"""

    assert problems(spark, one_file(tmp_path / "project", ORDERS, rules)) == ()


def test_an_entry_that_must_cast_text_is_told_with_its_line_and_what_cannot_fail_is_let_pass(
    spark, tmp_path
):
    root = one_file(tmp_path / "project", ORDERS, TYPED)
    folder = root / "expectations" / "shop"
    folder.mkdir(parents=True)
    (folder / "rules.yml").write_text(TYPED_FILE, encoding="utf-8")

    found = problems(spark, root)

    assert {type(error) for error in found} == {errors.BadExpectation}
    assert {error.origin.line for error in found} == {5, 6, 7, 8, 14, 19, 20}
    assert {error.origin.path.rpartition("/")[2] for error in found} == {"rules.yml"}
    assert any("casts code (string) to date" in error.what for error in found)
    assert any("casts 'many' (string) to bigint" in error.what for error in found)
    # Told together with what else is wrong, here a column that is not there.
    assert [e.origin.line for e in found if "try_cast" not in (e.fix or "")] == [20]


TYPED = """
@dlt.table
def codes():
    return spark.read.table("orders").selectExpr("string(id) AS code", "id", "at")

@dlt.table
def others():
    return spark.read.table("orders").selectExpr("string(id) AS code")
"""
TYPED_FILE = """\
codes:
  rules: {own sql: code > 0}
  columns:
    code:
      - expect_column_values_to_be_between: {min_value: 2024-01-01}
      - expect_column_values_to_be_in_set: {value_set: [1]}
      - expect_column_max_to_be_between: {max_value: 5}
      - expect_column_sum_to_be_between: {max_value: 5}
      - expect_column_values_to_be_in_set: {value_set: ["1", null]}
      - expect_column_values_to_match_strftime_format: {strftime_format: "%Y-%m-%d"}
      - expect_column_values_to_not_be_null: {row_condition: "int(code) > 1"}
    id:
      - expect_column_values_to_be_in_set: {value_set: ["1"]}
      - expect_column_values_to_be_in_set: {value_set: ["many"]}
      - expect_column_value_lengths_to_equal: {value: 1}
others:
  columns:
    code:
      - expect_column_values_to_be_between: {min_value: 1}
      - expect_column_values_to_not_be_null: {row_condition: "nowhere > 1"}
"""
CODES = """
@dlt.table
def codes():
    return spark.read.table("orders").selectExpr("string(id) AS code")

@dlt.table
def others():
    return spark.read.table("orders").selectExpr("string(id) AS code")
"""
RULES_FILE = """\
codes:
  rules:
    short: code RLIKE '[a-'
    some: {expect: code IS NOT NULL, where: "code RLIKE '[a-'"}
    good: code RLIKE '^[a-z]'
  columns:
    code:
      - expect_column_values_to_match_regex: {regex: "[a-"}
      - expect_column_values_to_not_match_regex: {regex: "[a-"}
      - expect_column_values_to_match_regex_list: {regex_list: ["x", "[a-"], match_on: all}
      - expect_column_values_to_match_regex: {regex: "^[a-z]"}

others:
  rules:
    counted: {aggregate: "count_if(code RLIKE '[a-') = 0"}
"""
SUITE_FILE = """\
{"name": "codes", "expectations": [
 {"type": "expect_column_values_to_match_regex",
  "kwargs": {"column": "code", "regex": "[a-", "mostly": 0.5}},
 {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "code",
  "row_condition": "code RLIKE '[a-'", "condition_parser": "spark"}}
]}
"""


def place(root):
    path = "pipelines/shop/tables.py"
    lines = (root / path).read_text(encoding="utf-8").splitlines()
    return path, 1 + next(number for number, line in enumerate(lines) if HERE in line)


ALLOWED = """
from delta.tables import DeltaTable

session = SparkSession.builder.config("my.word", "seen").config("spark.master", "x").getOrCreate()
spark.sql("SET my.other = 5")

@dlt.materialized_view
def totals():
    spark.sql("SET my.word").collect()
    same = SparkSession.builder.config("my.word", "seen").getOrCreate()
    past = DeltaTable.forPath(spark, "{path}")
    assert DeltaTable.isDeltaTable(spark, "{path}") and past.history(1).count() == 1
    assert past.detail().count() == 1
    word = same.conf.get("my.word") + spark.conf.get("my.other")
    return past.toDF().withColumn("word", F.lit(word))
"""


def test_what_only_reads_and_what_changes_nothing_is_let_pass(dlt, spark, tmp_path):
    spark.range(2).write.format("delta").save(str(tmp_path / "past"))
    shop = Shop(dlt, tmp_path, ALLOWED.format(path=tmp_path / "past"))

    result = shop.run()

    assert result.error is None
    assert shop.rows("totals") == [(0, "seen5"), (1, "seen5")]
