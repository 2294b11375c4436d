"""A bit of everything that a pipeline does, so that its classes are in the class-data archive."""

from __future__ import annotations

import json
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - PySpark's own habit
from pyspark.sql.types import StructType

from dlt_lite.engine.deltalog import commit, snapshot
from dlt_lite.engine.empties import empty_frame, named
from dlt_lite.engine.expressions import judging
from dlt_lite.engine.files import Files
from dlt_lite.engine.kernel import append_json_lines
from dlt_lite.engine.observing import how_many, observe, observed
from dlt_lite.engine.plans import query_facts
from dlt_lite.engine.sessions import flow_session
from dlt_lite.engine.sql import parsed
from dlt_lite.model.names import DatasetName


def rehearse(spark: SparkSession, scratch: Path) -> None:
    """Load the classes that pipelines load: files in, tables written, streamed, merged, read."""
    landing = scratch / "landing"
    landing.mkdir()
    rows = "".join(json.dumps({"id": i, "at": f"2024-01-0{1 + i % 9}"}) + "\n" for i in range(50))
    (landing / "one.json").write_text(rows, encoding="utf-8")
    (scratch / "one.csv").write_text("id,name\n1,a\n2,b\n", encoding="utf-8")
    bronze, silver = str(scratch / "bronze"), str(scratch / "silver")
    schema = "id bigint, at timestamp"

    def append(batch: DataFrame, _number: int) -> None:
        batch.write.format("delta").mode("append").save(bronze)

    events = spark.readStream.schema(schema).json(str(landing))
    writer = events.writeStream.foreachBatch(append).trigger(availableNow=True)
    writer.option("checkpointLocation", str(scratch / "checkpoint")).start().awaitTermination()
    names = spark.read.option("header", "true").schema("id bigint, name string")
    joined = spark.read.format("delta").load(bronze).join(names.csv(str(scratch / "one.csv")), "id")
    counted = joined.selectExpr("*", "row_number() over (partition by name order by at) as n")
    summed = counted.groupBy("name").agg({"id": "sum", "at": "max", "n": "count"}).distinct()
    for mode in ("overwrite", "append"):
        summed.toDF("name", "total", "last", "n").write.format("delta").mode(mode).save(silver)
    stream = spark.readStream.format("delta").load(bronze).writeStream.format("delta")
    stream = stream.option("checkpointLocation", str(scratch / "checkpoint2"))
    stream.trigger(availableNow=True).start(str(scratch / "copy")).awaitTermination()
    spark.sql(
        f"merge into delta.`{bronze}` t using (select 1 as id, current_timestamp() as at) s "
        "on t.id = s.id when matched then update set * when not matched then insert *"
    )
    spark.sql(f"describe history delta.`{silver}`").collect()
    spark.read.format("delta").load(silver).orderBy("name").collect()
    _resolve_and_look(spark, silver, scratch)


def _resolve_and_look(spark: SparkSession, table: str, scratch: Path) -> None:
    """Load the classes that resolving, planning and recording take."""
    session = flow_session(spark, {"spark.sql.shuffle.partitions": "2"})
    found = snapshot(session, table)
    schema = spark.read.format("delta").load(table).schema.json() if found is None else found.schema
    for streaming in (True, False):
        frame = named(empty_frame(session, schema, streaming=streaming), DatasetName("s", "t"))
        frame.createOrReplaceTempView("t")
        parsed(session, "with c as (select * from t) select name, count(*) from c group by all")
        query_facts(frame.where(F.col("n") > 1).withColumn("d", F.to_date("last")))
        conditions = ["name is not null", "n between 1 and 5", "name in ('a', 'b')"]
        judging(frame, conditions, [True] * len(conditions))
    query_facts(session.sql("with c as (select * from t) select name, sum(n) from c group by name"))
    counted, observation = observe(session.range(9).toDF("n"), [how_many(F.col("n") > 1)])
    counted.where("n > 2").write.format("delta").save(str(scratch / "counted"))
    observed(observation, patience=1)
    files = Files(session)
    files.write(str(scratch / "small" / "text"), "text")
    files.below(table, at_most=100)
    commit(session, table, 0)
    for number in (1, 2):
        append_json_lines(
            session,
            str(scratch / "log"),
            StructType.fromDDL("id STRING, at TIMESTAMP, of STRUCT<a: STRING, b: BIGINT>").json(),
            '{"id": "a", "at": "2024-01-01T00:00:00.000Z", "of": {"a": "x", "b": 1}}',
            app_id="archive",
            number=number,
            exists=number > 1,
        )
