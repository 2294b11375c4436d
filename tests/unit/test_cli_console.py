from __future__ import annotations

import io
import threading
from datetime import UTC, datetime

from rich.console import Console

from dlt_lite.cli.board import Board, after
from dlt_lite.cli.job_console import PlainJobConsole
from dlt_lite.cli.live_console import most_interesting, picture
from dlt_lite.cli.plain_console import PlainConsole
from dlt_lite.cli.streams import Streams
from dlt_lite.events.job_records import JobRunProgress, TaskProgress
from dlt_lite.events.records import (
    CreateUpdate,
    DatasetDefinition,
    Envelope,
    Event,
    FlowProgress,
    FlowState,
    PlanningInformation,
    Record,
    RuntimeDetails,
    UpdateProgress,
    UpdateState,
)
from dlt_lite.model.outcomes import LifeCycle
from dlt_lite.model.rules import Counts

START = datetime(2026, 1, 2, 3, 0, tzinfo=UTC).timestamp()
RUNNING, DONE, FAILED = FlowState.RUNNING, FlowState.COMPLETED, FlowState.FAILED


def events_of(*records: Record) -> list[Event]:
    """One event a second."""
    stamps = [datetime.fromtimestamp(START + n, UTC).isoformat() for n in range(len(records))]
    return [
        Event(Envelope(str(n), n, "u-1", "shop", stamp), record)
        for n, (stamp, record) in enumerate(zip(stamps, records, strict=True))
    ]


def board_of(*records: Record) -> Board:
    board = Board()
    for event in events_of(*records):
        board = after(board, event)
    return board


def told(*records: Record, verbose: int = 0) -> list[str]:
    err = io.StringIO()
    streams = Streams(io.StringIO(), err, environ={}, verbose=verbose)
    console = PlainConsole(streams, clock=lambda: START + 100)
    for event in events_of(*records):
        console(event)
    return err.getvalue().splitlines()


def drawn(board: Board, *, room: int = 20, notice: str = "") -> list[str]:
    file = io.StringIO()
    group = picture(board, now=START + 100, room=room, notice=notice)
    Console(file=file, width=90, color_system=None).print(group)
    return [line.rstrip() for line in file.getvalue().splitlines()]


def progress(dataset: str, status: FlowState, **more: object) -> FlowProgress:
    return FlowProgress(dataset, more.pop("flow", dataset), status, **more)


AN_UPDATE = (
    CreateUpdate("USER_ACTION", "dev"),
    UpdateProgress(UpdateState.INITIALIZING),
    RuntimeDetails({"spark": "4.2.0", "delta": "4.4.0"}),
    DatasetDefinition("clicks", "s.clicks", "streaming_table", "/t/clicks", 1),
    PlanningInformation("clicks", "streaming_table", "append", "3 new files"),
    PlanningInformation("daily", "materialized_view", "replace", "clicks changes", ("clicks",)),
    PlanningInformation("users", "materialized_view", "skip", "nothing has changed"),
    PlanningInformation("recent", "temporary_view", "none", "a view"),
    UpdateProgress(UpdateState.RUNNING),
    progress("users", DONE, action="skip", reason="nothing has changed"),
    progress("clicks", FlowState.QUEUED),
    progress("clicks", FlowState.STARTING, action="append", reason="3 new files"),
    progress("clicks", RUNNING, action="append", reason="3 new files"),
    progress("clicks", RUNNING, flow_id="f", batch_id=0, version=1, counts=Counts(1000, 0)),
    progress("clicks", RUNNING, flow_id="f", batch_id=1, version=2, counts=Counts(501, 7)),
    progress("clicks", DONE, version=2),
    progress("daily", RUNNING, action="replace", reason="clicks changed"),
    progress("daily", FAILED, error="[DLT501] daily: no\n  at:  x.py:3\n  fix: mend it"),
    UpdateProgress(UpdateState.FAILED),
)


def test_plain_lines_tell_each_change_once():
    assert told(*AN_UPDATE) == [
        "update u-1 of shop, target dev",
        "session ready (spark 4.2.0, delta 4.4.0)",
        "update RUNNING",
        "clicks: append, 3 new files",
        "clicks: batch 0: 1,000 rows written",
        "clicks: batch 1: 494 rows written, 7 dropped",
        "clicks: COMPLETED, 1,494 rows written, 7 dropped, 4.0 s",
        "daily: replace, clicks changed",
        "daily: FAILED, 1.0 s",
        "    [DLT501] daily: no",
        "      at:  x.py:3",
        "      fix: mend it",
        "update FAILED",
    ]


def test_more_talk_tells_of_the_plan_and_of_what_is_skipped():
    lines = told(*AN_UPDATE, verbose=1)

    assert "users: skip, nothing has changed." in lines
    assert "users: skip, nothing has changed" in lines
    assert "clicks: append, 3 new files." in lines


def test_what_data_and_code_say_cannot_forge_lines_or_colors():
    lines = told(
        progress("a\nupdate COMPLETED\x1b[2J", RUNNING, reason="[red]\u202e"),
        progress("b", FAILED, error="row \x1b]0;x\x07\rfaked"),
    )

    assert lines == [
        "a\\nupdate COMPLETED\\x1b[2J: running, [red]\\u202e",
        "b: FAILED",
        "    row \\x1b]0;x\\x07\\rfaked",
    ]


def test_a_dataset_of_several_flows_is_done_once_all_are():
    lines = told(
        progress("t", RUNNING, flow="one", action="append"),
        progress("t", RUNNING, flow="two", action="append"),
        progress("t", DONE, flow="one"),
        progress("t", FAILED, flow="two", error="broken"),
    )

    assert lines == ["t: append", "t: FAILED, 3.0 s", "    broken"]


def test_the_heartbeat_names_what_is_at_work():
    console = PlainConsole(
        Streams(io.StringIO(), io.StringIO(), environ={}), clock=lambda: START + 100
    )
    assert console.still_running() == "still at it"

    batch = progress("b", RUNNING, flow_id="f", batch_id=0)
    for event in events_of(progress("a", RUNNING), batch, progress("c", DONE)):
        console(event)

    assert console.still_running() == "still running: a (1 m 40 s), b (1 m 39 s, 1 batch)"


def test_the_live_table_has_a_line_for_each_table_and_none_for_views():
    assert drawn(board_of(*AN_UPDATE[:-2]), notice="stopping [soon]\x1b[0m") == [
        "shop  RUNNING  1 m 40 s  update u-1",
        "dataset  action   state      written  dropped  batches      time",
        "clicks   append   COMPLETED    1,494        7        2     4.0 s",
        "daily    replace  RUNNING                               1 m 24 s",
        "users    skip     COMPLETED",
        "stopping [soon]\\x1b[0m",
    ]


def test_before_the_first_event_the_live_table_says_what_is_awaited():
    assert drawn(Board()) == ["starting Spark …"]


def test_a_low_terminal_keeps_what_failed_and_what_runs_and_counts_the_rest():
    records = [progress(f"t{n}", FlowState.QUEUED, action="replace") for n in range(8)]
    board = board_of(*records, progress("t6", FAILED, error="x"), progress("t3", RUNNING))

    kept = most_interesting(board.shown(), 3)

    assert [line.dataset for line in kept] == ["t0", "t3", "t6"]
    assert drawn(board, room=3)[-1] == "and 5 datasets more: 5 waiting"


def loop_events(done):
    """A loop of 8,000 iterations of which some have ended."""
    began = TaskProgress("l", LifeCycle.RUNNING, attempt=1, iterations=8_000)
    ended = [TaskProgress("l", LifeCycle.TERMINATED, iteration=n) for n in range(done)]
    return events_of(JobRunProgress("daily", LifeCycle.PENDING, tasks=("l",)), began, *ended)


class Heard(threading.Event):
    """Counts how often there were news."""

    times = 0

    def set(self):
        self.times += 1
        super().set()


def a_job_console(monkeypatch):
    monkeypatch.setattr("dlt_lite.cli.plain_lines.threading.Event", Heard)
    return PlainJobConsole(
        Streams(io.StringIO(), io.StringIO(), environ={}), clock=lambda: START + 1_000
    )


def test_iterations_without_a_line_do_not_put_off_the_word_that_it_is_still_running(monkeypatch):
    console = a_job_console(monkeypatch)

    for event in loop_events(3):
        console(event)

    assert console._news.times == 2  # noqa: SLF001 - what the watch waits for


def test_a_loop_that_is_still_running_says_how_far_it_has_come(monkeypatch):
    console = a_job_console(monkeypatch)

    for event in loop_events(1_200):
        console(event)

    told = "still running: l (16 m 39 s, 1,200 of 8,000 iterations done)"
    assert console.still_running() == told
