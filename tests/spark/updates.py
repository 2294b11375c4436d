"""Lay files down, end an update where a test wants, and sum up what all updates have told."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from delta.tables import DeltaTable

from dlt_lite.errors import DltLiteError
from dlt_lite.events.records import Event, FlowProgress
from dlt_lite.events.sinks import read_ndjson
from dlt_lite.model.names import DatasetName
from dlt_lite.model.requests import UpdateRequest
from dlt_lite.report.summary import PlanResult, UpdateResult
from dlt_lite.runs.folder import runs_of
from dlt_lite.storage.layout import Layout
from dlt_lite.testing.harness import PipelineBench, PipelineUnderTest
from tests.spark.projects import one_file

_SHOP = DatasetName("shop", "")
COLUMNS = "id BIGINT, v BIGINT"
FILE_STREAM = f"""
spark = SparkSession.getActiveSession()

def arriving(schema="{COLUMNS}", **options):
    reader = spark.readStream.schema(schema).option("maxFilesPerTrigger", 1)
    return reader.options(**options).json(spark.conf.get("landing"))

"""


class Ended(BaseException):
    """The process ends here; nothing of ours may catch it and go on."""


class Ending:
    """Ends the work that reaches a named point, once, and remembers what was reached."""

    def __init__(self, point: str) -> None:
        self.point = point
        self.reached: list[str] = []

    def __call__(self, point: str) -> None:
        self.reached.append(point)
        if point == self.point:
            raise Ended(point)


class Shop:
    """A pipeline of one file whose text can be changed, its landing folder, and its tables."""

    def __init__(self, bench: PipelineBench, tmp_path: Path, text: str) -> None:
        self.landing = tmp_path / "landing"
        self.landing.mkdir(parents=True, exist_ok=True)
        self._bench = bench
        self._root = tmp_path / "project"
        self.under_test = self.changed(text)

    def changed(self, text: str) -> PipelineUnderTest:
        """Change the pipeline's text."""
        one_file(self._root, text)
        self.under_test = self._bench.pipeline(
            "shop", project=self._root, parameters={"landing": str(self.landing)}
        )
        return self.under_test

    def land(self, name: str, *rows: dict[str, object] | str) -> Path:
        """Lay a file of JSON lines down; text is a line as it stands."""
        path = self.landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path

    def run(self, **asked: object) -> UpdateResult:
        """Run an update with all that a request may say; `on_point` apart."""
        on_point = asked.pop("on_point", lambda _: None)
        confirm = asked.pop("confirm", None)
        request = UpdateRequest(**{"yes": True, **asked})
        return self.under_test.project.run(
            "shop", request=request, on_point=on_point, confirm=confirm
        )

    def plan(self, **asked: object) -> dict[str, str]:
        """Return the planned action of every dataset."""
        planned = self._planned(**asked)
        return {each.name: each.action for each in planned.datasets}

    def reasons(self, **asked: object) -> dict[str, str]:
        """Return why each dataset has its planned action."""
        return {each.name: each.reason for each in self._planned(**asked).datasets}

    def _planned(self, **asked: object) -> PlanResult:
        return self.under_test.project.plan("shop", request=UpdateRequest(**asked))

    def path(self, name: str) -> str:
        """Return where a table lies."""
        layout = Layout(self.under_test.settings.storage_root, "shop")
        return layout.table(replace(_SHOP, table=name))

    def checkpoint(self, name: str, generation: int = 0) -> Path:
        """Return where the checkpoint of a table's own flow lies."""
        layout = Layout(self.under_test.settings.storage_root, "shop")
        return Path(layout.checkpoint(replace(_SHOP, table=name), name, generation))

    def delta(self, name: str) -> DeltaTable:
        """Return a table as Delta's own API has it: what somebody else would use."""
        return DeltaTable.forPath(self._bench.spark, self.path(name))

    def rows(self, name: str) -> list[tuple[object, ...]]:
        """Return a table's rows, sorted."""
        frame = self._bench.spark.read.format("delta").load(self.path(name))
        return sorted((tuple(row) for row in frame.collect()), key=repr)

    def columns(self, name: str) -> list[str]:
        """Return the names of a table's columns."""
        return self._bench.spark.read.format("delta").load(self.path(name)).columns

    def version(self, name: str) -> int:
        """Return a table's version, from its log alone."""
        return max(int(each.stem) for each in self._log(name))

    def operations(self, name: str) -> list[str]:
        """Return what each commit of a table is, the first one first."""
        return [
            json.loads(line)["commitInfo"]["operation"]
            for each in sorted(self._log(name))
            for line in each.read_text().splitlines()
            if "commitInfo" in line
        ]

    def counts(self) -> dict[str, int]:
        """Return the figures of all updates together."""
        return figures(self.under_test.settings.state_root)

    def _log(self, name: str) -> list[Path]:
        return list(Path(self.path(name), "_delta_log").glob("*[0-9].json"))


def figures(state_root: Path) -> dict[str, int]:
    """Return the figures of all updates together, an event that comes twice taken once."""
    events = (event for run in sorted(runs_of(state_root).iterdir()) for event in told_in(run))
    total: dict[str, int] = {}
    for event in {event.envelope.id: event for event in events}.values():
        if not isinstance(event.record, FlowProgress) or event.record.counts is None:
            continue
        dataset, counts = event.record.dataset, event.record.counts
        found = {f"{dataset}: rows": counts.rows, f"{dataset}: dropped": counts.dropped}
        if counts.quarantined:
            found[f"{dataset}: quarantined"] = counts.quarantined
        for rule in counts.rules:
            name = f"{rule.dataset or dataset}.{rule.name} in {dataset}"
            found |= {f"{name}: passed": rule.passed, f"{name}: failed": rule.failed}
        total |= {key: total.get(key, 0) + value for key, value in found.items()}
    return total


def told_in(run: Path) -> list[Event]:
    """Return the events of a run's folder."""
    return read_ndjson(run / "events.ndjson")


def result_of(result: UpdateResult, name: str):
    """Return what an update did with a dataset."""
    return next(each for each in result.datasets if each.name == name)


def actions(result: UpdateResult) -> dict[str, str]:
    """Return what an update did with every dataset."""
    return {each.name: each.action for each in result.datasets}


def states(result: UpdateResult) -> dict[str, str]:
    """Return the state of every dataset of an update."""
    return {each.name: each.state for each in result.datasets}


def rules(result: UpdateResult, name: str) -> dict[str, tuple[int, int]]:
    """Return passed and failed rows of each expectation of a dataset."""
    return {e.name: (e.passed, e.failed) for e in result_of(result, name).expectations}


def refusal(shop: Shop, **asked: object) -> str:
    """Return the error that an update ends with before it writes, as a person reads it."""
    try:
        return str(shop.run(**asked).error)
    except DltLiteError as error:
        return str(error)


def add_empty_commit(table: DeltaTable, path: str, **options: str) -> None:
    """Append no rows to a table; Delta leaves a commit of it only for a transaction's sake."""
    writer = table.toDF().where("false").write.format("delta").mode("append")
    writer.options(txnAppId="somebody", txnVersion="1", **options).save(path)


@contextmanager
def parquet_moved_aside(shop: Shop, names: Sequence[str]) -> Iterator[None]:
    """Take the data files of tables away for a while; their logs stay."""
    files = [file for name in names for file in Path(shop.path(name)).glob("*.parquet")]
    assert files
    for file in files:
        file.rename(file.with_suffix(".aside"))
    yield
    for file in files:
        file.with_suffix(".aside").rename(file)
