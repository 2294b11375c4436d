"""Small appends to a Delta table through Delta Kernel, which needs no Spark job.

A Spark append to a table that a process has not touched yet takes 4 CPU-seconds and more; Kernel,
which is among Delta's own JARs, takes a third of it. For small tables of ours only: the event log.
"""

from __future__ import annotations

from typing import Any

from pyspark.sql import SparkSession

_WRITER = "dlt_lite"


def append_json_lines(  # noqa: PLR0913 - one keyword for each thing a commit needs
    session: SparkSession,
    path: str,
    columns: str,
    lines: str,
    *,
    app_id: str,
    number: int,
    exists: bool,
) -> bool:
    """Append JSON objects, one a line, as rows in one commit; make the table where there is none.

    Args:
        session: any session; its Hadoop settings are used.
        path: where the table lies.
        columns: its columns, in Spark's JSON form.
        lines: the objects.
        app_id: the application id under which such appends are counted.
        number: the append's number, greater than the last one.
        exists: whether the table is there.

    Returns:
        Whether they were appended; False where an append of that number or a later one is there.
    """
    jvm: Any = session._jvm
    java_session: Any = session._jsparkSession
    kernel = jvm.io.delta.kernel
    engine = kernel.defaults.engine.DefaultEngine.create(
        java_session.sessionState().newHadoopConf()
    )
    types = kernel.internal.types.DataTypeJsonSerDe.deserializeStructType(columns)
    table = kernel.Table.forPath(engine, path)
    if exists:
        last = table.getLatestSnapshot(engine).getLatestTransactionVersion(engine, app_id)
        if last.isPresent() and last.get() >= number:
            return False
    transaction = _begun(kernel, engine, table, types, exists=exists)
    transaction = transaction.withTransactionId(engine, app_id, number).build(engine)
    state = transaction.getTransactionState(engine)
    no_partitions = jvm.java.util.HashMap()
    rows = kernel.internal.util.Utils.singletonCloseableIterator(_rows(jvm, engine, types, lines))
    maker = kernel.Transaction
    stored = maker.transformLogicalData(engine, state, rows, no_partitions)
    context = maker.getWriteContext(engine, state, no_partitions)
    files = engine.getParquetHandler().writeParquetFiles(
        context.getTargetDirectory(), stored, context.getStatisticsColumns()
    )
    actions = maker.generateAppendActions(engine, state, files, context)
    iterable = kernel.utils.CloseableIterable.inMemoryIterable(actions)
    result = transaction.commit(engine, iterable)
    for hook in result.getPostCommitHooks():
        hook.threadSafeInvoke(engine)
    return True


def warm_up(session: SparkSession, path: str, columns: str, *, exists: bool) -> None:
    """Load what an append takes, up to the point where it would write."""
    jvm: Any = session._jvm
    java_session: Any = session._jsparkSession
    kernel = jvm.io.delta.kernel
    engine = kernel.defaults.engine.DefaultEngine.create(
        java_session.sessionState().newHadoopConf()
    )
    types = kernel.internal.types.DataTypeJsonSerDe.deserializeStructType(columns)
    table = kernel.Table.forPath(engine, path)
    if exists:
        table.getLatestSnapshot(engine).getLatestTransactionVersion(engine, "")
    transaction = _begun(kernel, engine, table, types, exists=exists).build(engine)
    state = transaction.getTransactionState(engine)
    rows = kernel.internal.util.Utils.singletonCloseableIterator(_rows(jvm, engine, types, "{}"))
    kernel.Transaction.transformLogicalData(engine, state, rows, jvm.java.util.HashMap())


def _begun(kernel: Any, engine: Any, table: Any, types: Any, *, exists: bool) -> Any:
    if exists:
        return table.createTransactionBuilder(engine, _WRITER, kernel.Operation.WRITE)
    builder = table.createTransactionBuilder(engine, _WRITER, kernel.Operation.CREATE_TABLE)
    return builder.withSchema(engine, types)


def _rows(jvm: Any, engine: Any, types: Any, lines: str) -> Any:
    kernel = jvm.io.delta.kernel
    nothing = jvm.java.util.Optional.empty()
    texts = jvm.java.util.regex.Pattern.compile("\n").splitAsStream(lines.strip()).toList()
    vector = kernel.internal.util.VectorUtils.buildColumnVector(
        texts, kernel.types.StringType.STRING
    )
    batch = engine.getJsonHandler().parseJson(vector, types, nothing)
    return kernel.data.FilteredColumnarBatch(batch, nothing)
