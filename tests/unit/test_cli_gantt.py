from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dlt_lite.cli.commands import runs
from dlt_lite.cli.gantt import chart
from dlt_lite.cli.job_summary import job_summary
from dlt_lite.cli.streams import Streams
from dlt_lite.events.job_records import JobRunProgress, TaskProgress
from dlt_lite.events.records import Envelope, Event, Record
from dlt_lite.jobs.history import job_run_of
from dlt_lite.jobs.results import JobResult
from dlt_lite.model.outcomes import LifeCycle, ResultState
from dlt_lite.runs.folder import RunFacts, RunFolder, RunKind, RunState
from dlt_lite.runs.history import run_facts

BEGAN = datetime(2027, 1, 1, 2, 0, tzinfo=UTC)
DONE, BAD = ResultState.SUCCESS, ResultState.FAILED


def run(state: LifeCycle, *tasks: str, result: ResultState | None = None, repair: int = 0):
    return JobRunProgress("daily", state, result, repair, tasks=tasks)


def begins(task: str, attempt: int = 1) -> TaskProgress:
    return TaskProgress(task, LifeCycle.RUNNING, attempt=attempt)


def ends(task: str, result: ResultState, attempt: int = 1) -> TaskProgress:
    return TaskProgress(task, LifeCycle.TERMINATED, result, attempt=attempt)


def a_run(*told: tuple[float, Record], state: RunState) -> JobResult:
    """Make a run of what happened, each with the second in which it did."""
    events = [
        Event(Envelope(str(n), n, "r1", "daily", (BEGAN + timedelta(seconds=at)).isoformat()), each)
        for n, (at, each) in enumerate(told)
    ]
    found = job_run_of(events)
    assert found is not None
    folder = RunFolder(Path("runs/r1"), "r1", "daily", "dev", RunKind.JOB)
    return JobResult(RunFacts(folder, state), found)


REPAIRED = a_run(
    (0, run(LifeCycle.PENDING, "first", "second")),
    (0, begins("first")),
    (4, ends("first", DONE)),
    (4, begins("second")),
    (8, ends("second", BAD)),
    (8, run(LifeCycle.TERMINATED, result=BAD)),
    (86408, run(LifeCycle.PENDING, "second", repair=1)),
    (86408, begins("second", 2)),
    (86412, ends("second", DONE, 2)),
    (86412, run(LifeCycle.TERMINATED, result=DONE, repair=1)),
    state=RunState.COMPLETED,
)
ABANDONED = a_run(
    (0, run(LifeCycle.PENDING, "first", "second", "third")),
    (0.001, begins("first")),
    (0.005, begins("second")),
    state=RunState.ABANDONED,
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def page(result: JobResult, out: io.StringIO | None = None, after: float = 0.0) -> list[str]:
    streams = Streams(out or io.StringIO(), io.StringIO(), environ={"NO_COLOR": "1"})
    now = BEGAN + timedelta(seconds=after)
    return job_summary(result, {}, streams, "dlt_lite", now).splitlines()


def bars(lines: list[str]) -> dict[str, str]:
    """Return what stands behind the heads `task … time`, by task."""
    place = next(line for line in lines if line.startswith("task")).index("time") + 6
    rows = [line for line in lines if line.split(" ")[0] in {"first", "second", "third"}]
    return {line.split(" ")[0]: line[place:] for line in rows}


def test_a_run_took_as_long_as_it_and_its_repairs_were_at_work():
    lines = page(REPAIRED)

    assert REPAIRED.as_json()["seconds"] == 12
    assert lines[0].startswith("job daily: SUCCESS in 12 s: 2 SUCCESS")


def test_the_time_before_a_repair_is_left_out_and_said():
    lines = page(REPAIRED)

    assert bars(lines) == {
        "first": "█" * 13 + " " * 13 + "┆",
        "second": "·" * 26 + "┆" + "█" * 13,
    }
    assert "┆ left out: 24 h 00 m before repair 1" in lines


def test_what_a_killed_run_was_doing_begins_where_it_began():
    lines = page(ABANDONED)

    assert bars(lines) == {"first": "█", "second": "█", "third": ""}


def test_a_killed_run_and_its_tasks_are_told_as_abandoned():
    lines = page(ABANDONED)
    states = {each["task"]: each["state"] for each in ABANDONED.as_json()["tasks"]}

    assert lines[0].startswith(
        "job daily: ABANDONED, last seen after 0.0 s: 2 ABANDONED, 1 BLOCKED"
    )
    assert states == {"first": "ABANDONED", "second": "ABANDONED", "third": "BLOCKED"}


def test_the_bars_of_a_run_that_goes_on_reach_up_to_now():
    going_on = a_run(
        (0, run(LifeCycle.PENDING, "first")),
        (0, run(LifeCycle.RUNNING, "first")),
        (1, begins("first")),
        state=RunState.RUNNING,
    )

    assert bars(page(going_on, after=10)) == {"first": "····" + "█" * 36}
    assert going_on.seconds is None


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_no_line_of_the_picture_is_longer_than_the_terminal(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))

    lines = page(REPAIRED, Terminal())

    rows = [line for line in lines if line.startswith(("first", "second"))]
    assert max(map(len, rows)) <= columns
    assert any("█" in line for line in rows) == (columns >= 60)


def test_of_very_many_repairs_the_last_ones_are_drawn():
    spans = [(100.0 * n, 100.0 * n + 1) for n in range(50)]

    line = chart(spans, 40)

    assert line.bar(0.0, 1.0) == ""
    assert len(line.bar(4900.0, 4901.0)) == 40
    assert line.bar(4900.0, 4901.0).count("┆") == 9


def test_the_list_of_runs_counts_no_time_before_a_repair(tmp_path):
    def later(seconds: int) -> datetime:
        return BEGAN + timedelta(seconds=seconds)

    folder = RunFolder.create(
        tmp_path, "r1", pipeline="daily", target="dev", started=BEGAN, kind=RunKind.JOB
    )
    folder.finish(RunState.FAILED, later(8))
    folder.reopen(later(86408))
    folder.finish(RunState.FAILED, later(86410))
    folder.reopen(later(86500))
    folder.finish(RunState.COMPLETED, later(86501))

    assert runs.seconds_at_work(run_facts(tmp_path, "r1")) == 11
