"""Put rows that were set aside through today's rules again: what passes goes in exactly once.

A replay marks the rows that pass with its number, appends them to the table with that number in the
commit, and removes them from the quarantine. Wherever it ends, the next one finds marked rows and
sees by the table's own transaction whether they are in: those that are it removes, and the others
lose their mark, so that they are judged like any.
"""

from __future__ import annotations

from functools import partial, reduce

from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 - PySpark's own habit
from pyspark.sql.types import StructField

from dlt_lite.engine.deltalog import snapshot
from dlt_lite.errors import BadSelection, DltLiteError
from dlt_lite.events.records import FlowProgress, FlowState
from dlt_lite.execution.aside import quarantine_path
from dlt_lite.execution.context import Context, Outcome
from dlt_lite.execution.failures import failure
from dlt_lite.graph.graph import ResolvedDataset
from dlt_lite.model.rules import NO_COUNTS, REPLAY, Counts, RuleAction
from dlt_lite.plan.steps import Action, TreatQuarantine
from dlt_lite.project.suggestions import listed
from dlt_lite.quality.conditions import all_pass
from dlt_lite.quality.enforce import count_now, counts_of, enforce, reconciled
from dlt_lite.quality.samples import sampling_of
from dlt_lite.storage.quarantine import (
    aside_rows,
    mark_for_replay,
    refuse_stranger,
    remove_aside,
    unmark,
)
from dlt_lite.storage.tables import Transaction, add_columns, append_rows


def treat_quarantine(step: TreatQuarantine, context: Context) -> Outcome:
    """Replay or remove the rows that a dataset has set aside.

    Raises:
        DltLiteError: it has none, the condition makes no sense, or the job failed.
    """
    resolved = context.graph.datasets[step.dataset]
    work = _Treatment(step, resolved, context)
    try:
        return work.replay() if step.action is Action.REPLAY else work.clear()
    except DltLiteError:
        raise
    except Exception as error:
        raise failure(error, resolved, resolved.flows[0], context) from error


class _Treatment:
    """One quarantine of one update."""

    def __init__(self, step: TreatQuarantine, resolved: ResolvedDataset, context: Context) -> None:
        self._step = step
        self._resolved = resolved
        self._context = context
        self._session = context.session_for(resolved.flows[0])
        self._path = quarantine_path(context, resolved)
        found = snapshot(self._session, self._path)
        state = context.state_of(step.dataset)
        if found is None or state is None:
            raise BadSelection(
                f"{resolved.dataset.shown} has set no rows aside", fix="there is nothing to do"
            )
        refuse_stranger(found, self._path, resolved.dataset.shown)
        self._quarantine = found
        self._table = state

    def replay(self) -> Outcome:
        """Put what passes today's rules into the table."""
        where = self._where()
        self._make_columns_fit()
        self._finish_earlier()
        number = self._last() + 1
        tried = self._tried(where)
        rules = [r for r in self._resolved.dataset.row_rules if r.action is not RuleAction.WARN]
        passing = [all_pass(rules)] if rules else []
        condition = reduce(Column.__and__, passing, where)
        record = self._context.record("replay", self._resolved)
        mark_for_replay(self._session, self._path, condition, number, record)
        self._context.reached("replay_marked")
        written = self._append(number).written
        stay = max(tried.rows - written, 0)
        counts = Counts(written + stay, 0, tried.rules, stay)
        version = self._report(counts)
        return Outcome(changed=counts.written > 0, version=version)

    def _tried(self, where: Column) -> Counts:
        """Return what all rules decide over the rows that are tried; each that breaks one stays."""
        rules = self._resolved.dataset.row_rules
        rows = self._rows().where(F.col(REPLAY).isNull() & F.coalesce(where, F.lit(False)))
        sampling = sampling_of(rows, self._resolved.dataset, self._context.samples)
        return count_now(rows, rules, sampling)

    def clear(self) -> Outcome:
        """Remove the rows."""
        record = self._context.record("clear", self._resolved)
        remove_aside(self._session, self._path, self._where(), record)
        return Outcome(changed=False, version=self._report(None))

    def _finish_earlier(self) -> None:
        """Settle what an earlier replay has marked; one at most has, since each begins by this."""
        marked = self._rows().agg(F.max(REPLAY)).first()
        if marked is None or marked[0] is None:
            return
        if marked[0] <= self._last():
            self._remove(marked[0])
            return
        record = self._context.record("replay", self._resolved)
        unmark(self._session, self._path, marked[0], record)
        self._context.reached("replay_unmarked")

    def _append(self, number: int) -> Counts:
        """Append the rows that are marked with a number; remove them from the quarantine."""
        rows = self._rows().where(F.col(REPLAY) == number)
        counts = NO_COUNTS if rows.isEmpty() else self._appended(rows, number)
        self._context.reached("replay_committed")
        self._remove(number)
        return counts

    def _remove(self, number: int) -> None:
        record = self._context.record("replay", self._resolved)
        remove_aside(self._session, self._path, F.col(REPLAY) == number, record)
        self._context.reached("replay_removed")

    def _appended(self, rows: DataFrame, number: int) -> Counts:
        fitting = rows.select(*map(partial(_column, rows), self._columns()))
        warning = [r for r in self._resolved.dataset.row_rules if r.action is RuleAction.WARN]
        sampling = sampling_of(fitting, self._resolved.dataset, self._context.samples)
        enforced = enforce(fitting, warning, sampling)
        written = append_rows(
            enforced.kept,
            self._table.path,
            self._context.record("replay", self._resolved),
            Transaction(self._app_id(), number),
        )
        counts = counts_of(enforced, written.rows)
        return counts or reconciled(count_now(fitting, warning, sampling), written.rows)

    def _app_id(self) -> str:
        return self._context.ids.replay(self._step.dataset, self._quarantine.table_id)

    def _last(self) -> int:
        """Return the number of the last replay whose rows are in the table."""
        found = snapshot(self._session, self._table.path)
        return 0 if found is None else found.transactions.get(self._app_id(), 0)

    def _rows(self) -> DataFrame:
        return aside_rows(self._session, self._path)

    def _columns(self) -> list[StructField]:
        return self._session.read.format("delta").load(self._table.path).schema.fields

    def _make_columns_fit(self) -> None:
        """Give the quarantine the columns that the query has by now, so that every rule can be."""
        known = {name.lower() for name in self._rows().columns}
        if any(name.lower() not in known for name in self._resolved.schema.names):
            record = self._context.record("columns", self._resolved)
            add_columns(self._session, self._path, self._resolved.schema, record)

    def _where(self) -> Column:
        if self._step.where is None:
            return F.lit(True)
        condition = F.expr(self._step.where)
        try:
            self._rows().where(condition).schema  # noqa: B018 - analysed here, not in the job
        except PySparkException as error:
            raise BadSelection(
                f"--where {self._step.where!r} makes no sense: {str(error).splitlines()[0]}",
                fix=f"the columns are: {listed(self._rows().columns)}",
            ) from error
        return condition

    def _report(self, counts: Counts | None) -> int:
        reason = self._step.reason
        if counts is not None:
            rows = (counts.rows, counts.written, counts.quarantined)
            reason += ": {:,} rows tried, {:,} written, {:,} stay".format(*rows)
        state = self._context.state_of(self._step.dataset)
        version = self._table.version if state is None else state.version
        self._context.emit(
            FlowProgress(
                self._resolved.dataset.shown,
                self._resolved.flows[0].flow.name,
                FlowState.COMPLETED,
                self._step.action,
                reason,
                version=version,
                counts=counts,
            )
        )
        return version


def _column(rows: DataFrame, wanted: StructField) -> Column:
    """Return a column of the table, NULL where the quarantine has none."""
    name = wanted.name
    if name.lower() in {each.lower() for each in rows.columns}:
        return F.col(f"`{name.replace('`', '``')}`")
    return F.lit(None).cast(wanted.dataType).alias(name)
