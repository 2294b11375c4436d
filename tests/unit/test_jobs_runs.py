"""Runs of jobs on the disk: whatever kills them, the next command knows, and a repair ends them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from socket import gethostname

import pytest

from dlt_lite.errors import BadJobParameter, Busy, Canceled, StorageNotWritable, UnknownRun
from dlt_lite.jobs.calls import Control, Succeeded, Timing
from dlt_lite.jobs.requests import RunRequest
from dlt_lite.jobs.runs import Place, find_run, repair_run, runs_of_jobs, start_run
from dlt_lite.model.outcomes import LifeCycle, ResultState
from dlt_lite.runs.folder import RunFolder, RunKind, RunState
from dlt_lite.runs.history import list_runs, unrecorded
from tests.unit.jobs_made import a_job, a_task, call
from tests.unit.jobs_run import fails, hangs, results, succeeds

TIMING = Timing(lambda: datetime.fromtimestamp(time.time(), UTC))
JOB = a_job(a_task("a"), a_task("b", "a"), a_task("c", "b"))

KILLED = """
import os, signal, sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from dlt_lite.jobs.calls import Control, Succeeded, Timing
from dlt_lite.jobs.requests import RunRequest
from dlt_lite.jobs.runs import Place, start_run
from tests.unit.test_jobs_runs import JOB, TIMING

def dies_in_b(call, stop):
    if call.task.key == "b":
        os.kill(os.getpid(), signal.SIGKILL)
    return Succeeded({"n": 1})

start_run(JOB, RunRequest("r1"), Place(Path(sys.argv[1]), "dev", dies_in_b, TIMING), Control())
"""


class Doing:
    """Tasks that do as they are told, and are counted."""

    def __init__(self, **deeds):
        self.deeds = deeds
        self.done = []

    def __call__(self, call, stop):
        self.done.append(call.task.key)
        return self.deeds.get(call.task.key, succeeds())(call, stop)


def at(root, run_task=None, **options):
    return Place(root, "dev", run_task or Doing(), TIMING, **options)


def start(root, run_id="r1", job=JOB, run_task=None, **request):
    return start_run(job, RunRequest(run_id, **request), at(root, run_task), Control())


def repair(root, run_id="r1", job=JOB, run_task=None, **given):
    return repair_run(job, run_id, given, at(root, run_task), Control())


@pytest.mark.parametrize(
    ("deeds", "state"),
    [
        ({}, RunState.COMPLETED),
        ({"c": fails()}, RunState.FAILED),
        ({"a": fails()}, RunState.FAILED),
    ],
)
def test_a_run_leaves_a_folder_that_says_how_it_ended(tmp_path, deeds, state):
    outcome = start(tmp_path, run_task=Doing(**deeds))

    facts, run = find_run(tmp_path, "r1")
    assert (facts.state, facts.folder.pipeline, facts.folder.target) == (state, "daily", "dev")
    assert {key: task.result for key, task in run.tasks.items()} == {
        key: end.result for key, end in outcome.tasks.items()
    }
    summary = json.loads(facts.folder.job_file.read_text())
    assert {key: task["result"] for key, task in summary["tasks"].items()} == results(outcome)


def test_a_run_with_inner_failures_and_good_leaves_is_complete(tmp_path):
    job = a_job(a_task("a"), a_task("b", "a", run_if="ALL_DONE"))

    outcome = start(tmp_path, job=job, run_task=Doing(a=fails()))

    assert outcome.result is ResultState.SUCCESS_WITH_FAILURES
    assert find_run(tmp_path, "r1")[0].state is RunState.COMPLETED


def test_runs_of_jobs_are_no_updates_of_a_pipeline_of_the_same_name(tmp_path):
    start(tmp_path)

    assert [each.folder.update_id for each in runs_of_jobs(tmp_path, job="daily")] == ["r1"]
    assert list_runs(tmp_path, pipeline="daily") == ()
    assert unrecorded(tmp_path, target="dev", pipeline="daily") == ()


def test_a_killed_run_is_abandoned_and_its_repair_doubles_nothing(tmp_path):
    killed(tmp_path)
    facts, run = find_run(tmp_path, "r1")
    assert (facts.state, run.state) == (RunState.ABANDONED, LifeCycle.RUNNING)
    assert {key: task.result for key, task in run.tasks.items()} == {
        "a": ResultState.SUCCESS,
        "b": None,
        "c": None,
    }

    doing = Doing()
    outcome = repair(tmp_path, run_task=doing)

    assert doing.done == ["b", "c"]
    assert outcome.result is ResultState.SUCCESS
    facts, run = find_run(tmp_path, "r1")
    assert (facts.state, run.repairs, run.tasks["a"].values) == (RunState.COMPLETED, 1, {"n": 1})
    assert run.tasks["b"].attempts == 2


def test_a_torn_last_event_is_passed_over(tmp_path):
    killed(tmp_path)
    events = find_run(tmp_path, "r1")[0].folder.events
    whole = events.read_bytes()
    events.write_bytes(whole[:-20])

    doing = Doing()
    repair(tmp_path, run_task=doing)

    assert doing.done == ["b", "c"]
    assert find_run(tmp_path, "r1")[1].result is ResultState.SUCCESS


def test_events_of_a_repair_are_numbered_on(tmp_path):
    start(tmp_path, run_task=Doing(b=fails()))
    repair(tmp_path)

    lines = find_run(tmp_path, "r1")[0].folder.events.read_text().splitlines()
    numbers = [json.loads(line)["sequence"]["data_plane_id"]["seq_no"] for line in lines]
    assert numbers == list(range(1, len(lines) + 1))


def test_a_repair_of_a_successful_run_does_nothing(tmp_path):
    start(tmp_path)
    before = find_run(tmp_path, "r1")

    assert repair(tmp_path) is None
    assert find_run(tmp_path, "r1") == before


def test_a_second_repair_does_nothing(tmp_path):
    start(tmp_path, run_task=Doing(b=fails()))

    assert repair(tmp_path) is not None
    assert repair(tmp_path) is None


@pytest.mark.parametrize("run_id", ["nothing", ""])
def test_a_repair_of_an_unknown_run_is_refused(tmp_path, run_id):
    start(tmp_path)

    with pytest.raises(UnknownRun):
        repair(tmp_path, run_id)


@pytest.mark.parametrize(
    "run_id", ["../r1", "/etc", ".", "..", "CON", "r1/..", "x" * 300, "\N{SNOWMAN}", "\0"]
)
def test_an_id_is_never_a_path(tmp_path, run_id):
    start(tmp_path)

    with pytest.raises(UnknownRun):
        find_run(tmp_path, run_id)


def test_a_repair_by_another_job_is_refused(tmp_path):
    start(tmp_path, run_task=Doing(b=fails()))

    with pytest.raises(UnknownRun, match="one of job 'daily'"):
        repair(tmp_path, job=a_job(a_task("a"), name="other"))


@pytest.mark.parametrize("again", [start, repair])
def test_a_run_that_is_going_on_lets_no_other_begin(tmp_path, again):
    with going_on(tmp_path), pytest.raises(Busy, match="'daily'") as caught:
        again(tmp_path, run_id="r1" if again is repair else "r2")

    assert "as it may (1): run r1 (host " in caught.value.what
    assert "pipeline" not in caught.value.what
    assert "cancel it: `runs cancel r1`" in caught.value.fix

    assert find_run(tmp_path, "r1")[0].state is RunState.CANCELED


def test_a_run_that_is_going_on_is_not_repaired_beside_itself(tmp_path):
    job = a_job(*JOB.tasks, max_concurrent_runs=2)

    with going_on(tmp_path, job), pytest.raises(Busy, match="still going on"):
        repair(tmp_path, job=job)


def test_as_many_runs_are_active_as_the_job_allows(tmp_path):
    job = a_job(*JOB.tasks, max_concurrent_runs=2)

    with going_on(tmp_path, job):
        assert start(tmp_path, "r2", job).result is ResultState.SUCCESS
        with going_on(tmp_path, job, "r3"), pytest.raises(Busy, match=r"it may \(2\)"):
            start(tmp_path, "r4", job)


class Patience:
    """Clocks for a run in the queue: instead of waiting, something happens."""

    def __init__(self, *happens):
        self.happens = list(happens)
        self.waits = 0
        self.timing = Timing(TIMING.now, TIMING.elapsed, self._wait)

    def _wait(self, _event, _seconds):
        self.waits += 1
        self.happens.pop(0)()


def queued(root, patience, control=None, notes=None, run_task=None):
    job = a_job(*JOB.tasks, queue=True)
    on_note = (notes if notes is not None else []).append
    place = Place(root, "dev", run_task or Doing(), patience.timing, on_note=on_note)
    return start_run(job, RunRequest("r2"), place, control or Control())


def test_a_run_of_a_job_with_a_queue_waits_until_another_has_ended(tmp_path):
    running, notes = going_on(tmp_path), []
    running.__enter__()
    patience = Patience(lambda: None, running.__exit__)

    outcome = queued(tmp_path, patience, notes=notes)

    assert (outcome.result, patience.waits) == (ResultState.SUCCESS, 2)
    assert [note.split(":")[0] for note in notes] == ["run r2 waits in the queue"]
    first, second = find_run(tmp_path, "r1")[0], find_run(tmp_path, "r2")[0]
    assert first.ended <= second.started


def test_a_run_that_waits_in_the_queue_is_seen_there(tmp_path):
    running, seen = going_on(tmp_path), []
    running.__enter__()

    def look():
        seen.extend((each.folder.update_id, each.state) for each in runs_of_jobs(tmp_path))
        with pytest.raises(UnknownRun, match="r2 waits in the queue of job"):
            find_run(tmp_path, "r2")
        running.__exit__()

    outcome = queued(tmp_path, Patience(look))

    assert seen == [("r2", RunState.QUEUED), ("r1", RunState.RUNNING)]
    assert outcome.result is ResultState.SUCCESS
    assert find_run(tmp_path, "r2")[0].state is RunState.COMPLETED


def test_a_run_that_is_cancelled_in_the_queue_has_ended_so_and_a_repair_runs_it(tmp_path):
    control, heard = Control(), []
    job = a_job(*JOB.tasks, queue=True)
    place = replace(at(tmp_path), timing=Patience(control.cancel).timing, sinks=[heard.append])

    with going_on(tmp_path), pytest.raises(Canceled, match="in the queue"):
        start_run(job, RunRequest("r2", only=("a", "b")), place, control)

    facts, run = find_run(tmp_path, "r2")
    assert (facts.state, facts.result) == (RunState.CANCELED, "CANCELED")
    assert (run.state, run.result, run.started) == (LifeCycle.TERMINATED, "CANCELED", None)
    assert {key: (task.result, task.attempts) for key, task in run.tasks.items()} == {
        "a": ("CANCELED", 0),
        "b": ("CANCELED", 0),
    }
    assert json.loads(facts.folder.job_file.read_text())["result"] == "CANCELED"
    assert heard == []

    doing = Doing()
    assert repair(tmp_path, "r2", run_task=doing).result is ResultState.SUCCESS
    assert doing.done == ["a", "b"]
    assert find_run(tmp_path, "r2")[1].started is not None


def waiter(root, run_id, seconds):
    """Make the folder of a run that waits since some seconds after (before) this moment."""
    return RunFolder.create(
        root,
        run_id,
        pipeline="daily",
        target="dev",
        started=TIMING.now() + timedelta(seconds=seconds),
        kind=RunKind.JOB,
        state=RunState.QUEUED,
    )


def test_who_came_first_to_the_queue_goes_first(tmp_path):
    running, notes = going_on(tmp_path), []
    running.__enter__()
    earlier = waiter(tmp_path, "r9", -5)
    waiter(tmp_path, "r0", +60)
    patience = Patience(running.__exit__, lambda: None, earlier.remove)

    outcome = queued(tmp_path, patience, notes=notes)

    assert (outcome.result, patience.waits) == (ResultState.SUCCESS, 3)


def test_who_comes_while_others_wait_does_not_go_before_them(tmp_path):
    first, second = waiter(tmp_path, "r0", -9), waiter(tmp_path, "r1", -5)
    notes = []
    patience = Patience(first.remove, lambda: second.begin(TIMING.now()))

    outcome = queued(tmp_path, patience, notes=notes)

    assert (outcome.result, patience.waits) == (ResultState.SUCCESS, 2)
    assert notes == ["run r2 waits in the queue: 2 runs, r0 first, wait before it for job 'daily'"]


def test_who_died_in_the_queue_or_gives_no_sign_lets_the_others_go(tmp_path):
    dead = subprocess.Popen(["true"])
    row = json.loads(waiter(tmp_path, "r0", -9).run_file.read_text())
    row["python"]["pid"] = dead.pid
    dead.wait()
    (tmp_path / "runs" / "r0" / "run.json").write_text(json.dumps(row))
    elsewhere = waiter(tmp_path, "r1", -5)
    elsewhere.run_file.write_text(elsewhere.run_file.read_text().replace(gethostname(), "other"))
    os.utime(elsewhere.run_file, (time.time() - 90, time.time() - 90))

    assert queued(tmp_path, Patience()).result is ResultState.SUCCESS


def test_who_waits_gives_signs(tmp_path):
    running, seen = going_on(tmp_path), []
    running.__enter__()
    file = tmp_path / "runs" / "r2" / "run.json"

    def look():
        seen.append(file.stat().st_mtime)
        os.utime(file, (1, 1))

    queued(tmp_path, Patience(look, look, running.__exit__))

    assert len(seen) == 2
    assert min(seen) > 1


def test_nobody_waits_in_the_queue_for_more_than_two_days(tmp_path):
    seconds = iter((0.0, 3600.0, 48 * 3600.0))
    patience = Patience(lambda: None, lambda: None)
    patience.timing = replace(patience.timing, elapsed=lambda: next(seconds))

    with going_on(tmp_path), pytest.raises(Busy, match="as it may"):
        queued(tmp_path, patience)


def test_a_repair_does_not_wait_in_the_queue_for_the_run_it_repairs(tmp_path):
    with going_on(tmp_path), pytest.raises(Busy):
        repair(tmp_path, job=a_job(*JOB.tasks, queue=True))


@pytest.mark.parametrize("queue", [False, True])
def test_a_run_that_is_asked_for_twice_by_its_id_is_run_once(tmp_path, queue):
    job = a_job(*JOB.tasks, queue=queue)
    start(tmp_path, job=job)
    doing = Doing()

    with pytest.raises(Busy, match="begun before"):
        start(tmp_path, job=job, run_task=doing)

    assert doing.done == []


def test_what_the_trigger_told_is_filled_in_also_in_a_repair(tmp_path):
    task = a_task("a", work=call(where="{{job.trigger.file_arrival.location}}"))
    shown = []

    def notes(made, _stop):
        shown.append(made.parameters["where"].shown)
        return fails()(made, _stop)

    facts = {"trigger.file_arrival.location": "landing/clean"}
    start(tmp_path, job=a_job(task), run_task=notes, facts=facts)
    repair(tmp_path, job=a_job(task), run_task=notes)

    assert shown == ["landing/clean", "landing/clean"]


def test_what_is_refused_leaves_no_lock_behind(tmp_path):
    with pytest.raises(BadJobParameter):
        start(tmp_path, parameters={"x": "1"})

    assert start(tmp_path, "r2").result is ResultState.SUCCESS
    assert [each.folder.update_id for each in runs_of_jobs(tmp_path)] == ["r2"]


def test_a_repair_that_is_refused_leaves_the_run_as_it_was(tmp_path):
    start(tmp_path, run_task=Doing(b=fails()))
    before = find_run(tmp_path, "r1")

    with pytest.raises(BadJobParameter):
        repair(tmp_path, x="1")

    assert find_run(tmp_path, "r1") == before


def test_a_disk_that_takes_no_more_stops_the_run_and_a_repair_ends_it(tmp_path):
    def fills_the_disk(call, _stop):
        if call.task.key == "b":
            events = tmp_path / "runs" / "r1" / "events.ndjson"
            events.rename(events.with_suffix(".aside"))
            events.mkdir()
        return Succeeded()

    with pytest.raises(StorageNotWritable):
        start(tmp_path, run_task=fills_the_disk)
    events = tmp_path / "runs" / "r1" / "events.ndjson"
    events.rmdir()
    events.with_suffix(".aside").rename(events)
    assert find_run(tmp_path, "r1")[0].state is RunState.ABANDONED

    doing = Doing()
    assert repair(tmp_path, run_task=doing).result is ResultState.SUCCESS
    assert doing.done == ["b", "c"]


def test_other_sinks_hear_the_same_events(tmp_path):
    heard = []
    start_run(JOB, RunRequest("r1"), at(tmp_path, sinks=[heard.append]), Control())

    events = find_run(tmp_path, "r1")[0].folder.events
    assert len(heard) == len(events.read_text().splitlines())


def killed(root):
    """Run the job in a process that is killed while task b runs."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(root)], check=False)
    assert done.returncode == -9


class going_on:  # noqa: N801 - reads as a state
    """A run that is going on in a thread of this process until the block is left."""

    def __init__(self, root, job=JOB, run_id="r1"):
        self.control = Control()
        self.begun = threading.Event()
        place = at(root, self._waits)
        arguments = (job, RunRequest(run_id), place, self.control)
        self.thread = threading.Thread(target=start_run, args=arguments)

    def _waits(self, call, stop):
        self.begun.set()
        return hangs(call, stop)

    def __enter__(self):
        self.thread.start()
        assert self.begun.wait(30)

    def __exit__(self, *_):
        self.control.cancel()
        self.thread.join(30)
        assert not self.thread.is_alive()
