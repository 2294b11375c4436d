"""The loop that starts jobs: nothing forgotten, nothing doubled, whatever stops it in between."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from dlt_lite.errors import StorageNotWritable
from dlt_lite.jobs.ledger import Ledger, ledger_path, read_ledger, write_ledger
from dlt_lite.jobs.serving import Deed, Exit, Fate, Found, Server, World
from dlt_lite.jobs.triggering import CatchUp
from dlt_lite.model.outcomes import ResultState
from dlt_lite.model.triggers import (
    ContinuousTrigger,
    CronTrigger,
    FileArrivalTrigger,
    PeriodicTrigger,
    PeriodUnit,
    TableCondition,
    TableUpdateTrigger,
)
from tests.unit.jobs_made import HERE, a_job, a_task

NOON = datetime(2027, 1, 10, 12, 0, tzinfo=UTC)
MINUTELY = CronTrigger("0 * * * * ?", "UTC", paused=False, origin=HERE)
FILES = FileArrivalTrigger("landing", 0, 0, paused=False, origin=HERE)
TABLES = TableUpdateTrigger(("lake.a",), TableCondition.ANY_UPDATED, 0, 0, False, HERE)
CONTINUOUS = ContinuousTrigger(retries_tasks=False, paused=False, origin=HERE)


class PowerCut(Exception):
    """The loop ends here, as if it were killed."""


class Stage:
    """A machine: runs that go on until they are told how to end, and a disk with one ledger."""

    def __init__(self, root):
        self.path = ledger_path(root, "dev")
        self.now = NOON
        self.numbers = count(1)
        self.runs = {}
        self.began = []
        self.alive = set()
        self.exits = {}
        self.forgotten = []
        self.sight = {}
        self.told = []
        self.notices = []
        self.cut = None
        self.server = None

    def boot(self, *jobs, catch_up=CatchUp.ONCE):
        """Start the loop; whatever it had begun is none of its processes."""
        self.alive, self.exits = set(), {}
        ledger = read_ledger(self.path) or Ledger()
        world = World(
            lambda: self.now,
            lambda _: f"r{next(self.numbers)}",
            self._sees,
            self._begin,
            lambda run_id: run_id in self.alive,
            self.exits.get,
            self.forgotten.append,
            lambda run_id: self.runs.get(run_id, Found(Fate.NONE)),
            self._save,
            self._told,
        )
        self.server = Server(jobs, ledger, catch_up, world)
        self.server.look()
        return self

    def after(self, **length):
        self.now += timedelta(**length)
        self.server.look()

    def ends(self, run_id, result=ResultState.SUCCESS):
        self.alive.discard(run_id)
        self.exits[run_id] = Exit(0)
        self.runs[run_id] = Found(Fate.ENDED, result)

    def deeds(self, run_id):
        return [deed for deed, about in self.told if about == run_id]

    def _told(self, notice):
        self.told.append((notice.deed.value, notice.run_id))
        self.notices.append(notice)

    def _sees(self, _trigger, _job):
        if isinstance(self.sight, OSError):
            raise self.sight
        return self.sight

    def _save(self, ledger):
        if self.cut == "before the disk":
            raise PowerCut
        write_ledger(self.path, ledger)
        if self.cut == "after the disk" and any(order.is_begun for order in ledger.orders):
            raise PowerCut

    def _begin(self, order):
        # The second process of one run ends at once: its id says that there has been one.
        if order.run_id not in self.runs:
            self.runs[order.run_id] = Found(Fate.RUNNING)
            self.began.append(order)
            self.alive.add(order.run_id)
        if self.cut == "after beginning":
            raise PowerCut


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path)


def scheduled(name="daily", **options):
    return a_job(a_task("a"), name=name, triggers=(MINUTELY,), **options)


def minutes(stage):
    return [order.scheduled.minute for order in stage.began]


def test_a_job_runs_at_its_times_with_the_time_it_is_meant_for(stage):
    stage.boot(scheduled(max_concurrent_runs=9))
    for _ in range(9):
        stage.after(seconds=20)

    assert minutes(stage) == [1, 2, 3]
    assert {order.cause for order in stage.began} == {"periodic"}


def test_people_are_told_the_key_of_a_trigger_where_its_type_stands_for_several(stage):
    stage.boot(scheduled())
    stage.after(minutes=1)
    stage.sight = {"lake.a": "1"}
    stage.boot(a_job(a_task("a"), name="other", triggers=(TABLES,)))
    stage.sight = {"lake.a": "2"}
    stage.after(minutes=1)

    due = [notice for notice in stage.notices if notice.deed is Deed.DUE]
    assert [(each.about, each.told) for each in due] == [
        ("periodic", "cron"),
        ("table", "table_update"),
    ]


def test_the_loop_says_when_it_wants_to_look_again(stage):
    stage.boot(scheduled())
    stage.now += timedelta(seconds=15)

    assert stage.server.look() == 45
    assert stage.boot(a_job(a_task("a"), triggers=(FILES,))).server.look() == float("inf")


def test_nothing_is_kept_of_a_run_that_has_ended(stage):
    stage.boot(scheduled(max_concurrent_runs=2))
    stage.after(minutes=1)
    stage.after(minutes=1)
    stage.ends("r1")
    stage.after(seconds=1)

    assert stage.forgotten == ["r1"]
    assert stage.server.active == ("r2",)
    assert [order.run_id for order in read_ledger(stage.path).orders] == ["r2"]


def test_a_run_that_overlaps_is_skipped_and_told(stage):
    stage.boot(scheduled())
    stage.after(minutes=1)
    stage.after(minutes=1)
    stage.ends("r1")
    stage.after(minutes=1)

    assert minutes(stage) == [1, 3]
    assert stage.deeds("r1") == ["due", "begun", "ended"]
    assert stage.deeds("r2") == ["due", "skipped"]


def test_with_a_queue_a_run_waits_for_the_one_before_it(stage):
    stage.boot(scheduled(queue=True))
    stage.after(minutes=1)
    stage.after(minutes=1)
    waited = minutes(stage)
    stage.ends("r1")
    stage.after(seconds=1)

    assert waited == [1]
    assert minutes(stage) == [1, 2]


def test_as_many_runs_as_the_job_allows_go_on_at_once(stage):
    stage.boot(scheduled(max_concurrent_runs=2, queue=True))
    for _ in range(4):
        stage.after(minutes=1)

    assert minutes(stage) == [1, 2]
    assert (stage.server.active, stage.server.waiting) == (("r1", "r2"), ("r3", "r4"))


def test_nobody_waits_in_the_queue_for_more_than_two_days(stage):
    stage.boot(scheduled(queue=True))
    stage.after(minutes=1)
    stage.after(minutes=1)
    stage.after(hours=48)

    assert stage.deeds("r2") == ["due", "skipped"]


@pytest.mark.parametrize("cut", ["before the disk", "after the disk", "after beginning"])
def test_a_power_cut_at_any_point_neither_forgets_nor_doubles_a_run(stage, cut):
    stage.boot(scheduled())
    stage.cut = cut
    with pytest.raises(PowerCut):
        stage.after(minutes=1)
    stage.cut = None

    stage.boot(scheduled())
    stage.after(seconds=5)
    stage.after(seconds=5)

    assert minutes(stage) == [1]


def test_a_run_that_outlives_the_loop_is_waited_for_by_the_next_one(stage):
    stage.boot(scheduled(queue=True))
    stage.after(minutes=1)
    stage.boot(scheduled(queue=True))
    stage.after(minutes=1)
    while_it_runs = minutes(stage)
    stage.ends("r1")
    stage.after(seconds=1)

    assert while_it_runs == [1]
    assert minutes(stage) == [1, 2]


def test_a_run_that_was_killed_with_the_machine_is_told_and_not_run_again(stage):
    stage.boot(scheduled())
    stage.after(minutes=1)
    stage.runs["r1"] = Found(Fate.ABANDONED)
    stage.boot(scheduled())
    stage.after(seconds=1)

    assert minutes(stage) == [1]
    assert stage.deeds("r1")[-1] == "abandoned"


@pytest.mark.parametrize(
    ("catch_up", "expected"),
    [(CatchUp.ONCE, [4]), (CatchUp.ALL, [1, 2, 3, 4]), (CatchUp.SKIP, [4])],
)
def test_after_downtime_the_catch_up_policy_holds(stage, catch_up, expected):
    # The last time came less than a minute ago: it is not missed.
    stage.boot(scheduled(), catch_up=catch_up)
    stage.now += timedelta(minutes=4, seconds=59)
    stage.boot(scheduled(), catch_up=catch_up)
    for number in range(1, 5):
        stage.ends(f"r{number}")
        stage.server.go_on()

    assert minutes(stage) == expected


@pytest.mark.parametrize(
    ("passed", "told"),
    [
        (2, "an earlier time passed unseen, and is left out"),
        (5, "4 earlier times passed unseen, and are left out"),
        (1002, "1,001 earlier times passed unseen, and are left out"),
        (20_000, "more than 1,000 earlier times passed unseen, and are left out"),
    ],
)
def test_missed_times_are_told(stage, passed, told):
    hourly = PeriodicTrigger(1, PeriodUnit.HOURS, paused=False, origin=HERE)
    stage.boot(a_job(a_task("a"), triggers=(hourly,)))
    stage.after(hours=passed)

    assert stage.deeds("r1") == ["missed", "due", "begun"]
    assert [each.about for each in stage.notices if each.deed == "missed"] == [told]


def test_a_file_starts_a_run_once_also_over_a_restart(stage):
    job = a_job(a_task("a"), triggers=(FILES,))
    stage.boot(job).after(seconds=1)
    stage.sight = {"a.json": ""}
    stage.after(seconds=1)
    stage.ends("r1")
    stage.boot(job).after(seconds=1)

    assert [order.facts for order in stage.began] == [{"trigger.file_arrival.location": "landing"}]


def test_a_folder_that_is_gone_for_a_while_starts_nothing_when_it_is_back(stage):
    stage.sight = {"a.json": ""}
    stage.boot(a_job(a_task("a"), triggers=(FILES,))).after(seconds=1)
    stage.sight = None
    stage.after(seconds=1)
    stage.sight = {"a.json": ""}
    stage.after(seconds=1)

    assert stage.began == []


def test_a_folder_that_comes_later_starts_a_run_by_its_first_file(stage):
    stage.sight = None
    stage.boot(a_job(a_task("a"), triggers=(FILES,))).after(seconds=1)
    stage.sight = {"a.json": ""}
    stage.after(seconds=1)

    assert len(stage.began) == 1


def test_a_continuous_job_runs_again_and_rests_after_a_failure(stage):
    stage.boot(a_job(a_task("a"), triggers=(CONTINUOUS,)))
    stage.after(seconds=1)
    stage.ends("r1")
    stage.after(seconds=1)
    stage.ends("r2", ResultState.FAILED)
    stage.after(seconds=1)
    resting = len(stage.began)
    stage.after(seconds=10)

    assert resting == 2
    assert len(stage.began) == 3


def test_a_process_that_ends_without_a_run_is_told_with_what_it_said(stage):
    stage.boot(scheduled())
    stage.after(minutes=1)
    stage.alive.clear()
    del stage.runs["r1"]
    stage.exits["r1"] = Exit(2, "[DLT104] wrong")
    stage.after(seconds=1)

    assert stage.deeds("r1") == ["due", "begun", "refused"]
    assert stage.server.active == ()


def test_a_run_by_hand_in_the_way_is_an_overlap(stage):
    stage.boot(scheduled())
    stage.after(minutes=1)
    stage.alive.clear()
    del stage.runs["r1"]
    stage.exits["r1"] = Exit(4, "busy")
    stage.after(seconds=1)

    assert stage.deeds("r1")[-1] == "skipped"


def test_a_trigger_that_cannot_be_looked_at_stops_no_other_and_is_told_once(stage):
    stage.boot(a_job(a_task("a"), triggers=(FILES, MINUTELY)))
    stage.sight = PermissionError(13, "Permission denied")
    stage.after(seconds=30)
    stage.after(seconds=30)

    assert minutes(stage) == [1]
    assert [deed for deed, _ in stage.told].count("problem") == 1


def test_a_paused_job_does_not_run(stage):
    stage.boot(a_job(a_task("a"), triggers=(replace(MINUTELY, paused=True),)))
    stage.after(minutes=5)

    assert stage.began == []


def test_what_jobs_that_are_not_served_wait_for_is_kept(stage):
    stage.boot(scheduled("one", queue=True), scheduled("two", queue=True))
    stage.after(minutes=1)
    stage.boot(scheduled("one", queue=True))

    kept = read_ledger(stage.path)
    assert {key.partition(":")[0] for key in kept.marks} == {"one", "two"}
    assert {order.job for order in kept.orders} == {"one", "two"}


def test_a_disk_that_takes_nothing_lets_nothing_begin(stage):
    stage.boot(scheduled())
    stage.path.parent.rename(stage.path.parent.with_name("aside"))
    stage.path.parent.touch()

    with pytest.raises(StorageNotWritable):
        stage.after(minutes=1)

    assert stage.began == []


def test_a_ledger_comes_back_as_it_was_written(stage):
    job = a_job(a_task("a"), triggers=(MINUTELY, FILES, CONTINUOUS), queue=True)
    stage.sight = {"a.json": ""}
    stage.boot(job).after(minutes=3)

    first = read_ledger(stage.path)
    write_ledger(stage.path, first)
    assert read_ledger(stage.path) == first
    assert len(first.marks) == 3
    assert first.orders


@pytest.mark.parametrize(
    "text", ["", "{", '{"format": 1}', '{"format": 1, "marks": [], "orders": 3}']
)
def test_a_ledger_that_is_none_is_none(tmp_path, text):
    path = tmp_path / "ledger.json"
    path.write_text(text)

    assert read_ledger(path) is None
