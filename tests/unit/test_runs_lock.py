from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from dlt_lite.errors import Busy, StateTooNew, StorageNotWritable
from dlt_lite.runs.lock import acquire, lock_path

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOLDER = """
import datetime, pathlib, sys, time
from dlt_lite.errors import Busy
from dlt_lite.runs.lock import acquire
root, update, jvm, start = sys.argv[1:]
print("ready", flush=True)
while start and not pathlib.Path(start).exists():
    time.sleep(0.001)
moment = datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.UTC)
try:
    lock = acquire(
        pathlib.Path(root), target="dev", pipeline="shop", update_id=update, since=moment,
        patience=0,
    )
except Busy as error:
    print("busy", flush=True)
else:
    if jvm:
        lock.jvm_started(int(jvm))
    print("won", flush=True)
time.sleep(600)
"""


def take(root, update="u1", *, pipeline="shop", target="dev", patience=0.0):
    return acquire(
        root, target=target, pipeline=pipeline, update_id=update, since=NOON, patience=patience
    )


def path_of(root):
    return lock_path(root, target="dev", pipeline="shop")


def rewritten(root, **changes):
    """Change what a lock file says."""
    path = path_of(root)
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.fixture
def started():
    """Start processes that are gone when the test is."""
    children = []

    def start(*command):
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        children.append(child)
        return child

    yield start
    for child in children:
        child.kill()
        child.wait()
        child.stdout.close()


@pytest.fixture
def holder(started):
    """Start a process that takes the lock; it keeps it until it is killed."""

    def start(root, update="u0", *, jvm="", gate=""):
        child = started(sys.executable, "-c", HOLDER, str(root), update, str(jvm), str(gate))
        assert child.stdout.readline() == "ready\n"
        return child

    return start


def killed(child):
    child.send_signal(signal.SIGKILL)
    child.wait()


def test_a_lock_is_held_inside_the_block_and_free_after_it(tmp_path):
    with take(tmp_path):
        assert path_of(tmp_path).exists()

    assert not path_of(tmp_path).exists()


def test_a_lock_is_given_back_when_the_block_raises(tmp_path):
    with pytest.raises(KeyboardInterrupt), take(tmp_path):
        raise KeyboardInterrupt

    take(tmp_path, "u2").release()


def test_a_second_update_is_told_who_holds_the_lock(tmp_path):
    with take(tmp_path), pytest.raises(Busy) as caught:
        take(tmp_path, "u2")

    text = str(caught.value)
    for fact in ("u1", str(os.getpid()), os.uname().nodename, "2026-11-24T12:00:00.000Z"):
        assert fact in text
    assert caught.value.exit_code == 4


def test_pipelines_and_targets_do_not_wait_for_each_other(tmp_path):
    with take(tmp_path), take(tmp_path, target="prod"), take(tmp_path, pipeline="clicks"):
        locks = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.lock"))

    assert locks == [
        "locks/dev/clicks.lock",
        "locks/dev/shop.lock",
        "locks/prod/shop.lock",
    ]


def test_a_pipeline_of_any_name_can_be_locked(tmp_path):
    with take(tmp_path, pipeline="../../Böse 'x'\0", target="..") as lock:
        assert lock.path.is_relative_to(tmp_path / "locks")
        assert ".." not in lock.path.parts


def test_the_lock_of_a_living_process_is_respected(tmp_path, holder):
    child = holder(tmp_path)
    assert child.stdout.readline() == "won\n"

    with pytest.raises(Busy, match=f"update u0 .*pid {child.pid}, since .* is running"):
        take(tmp_path)


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path, holder):
    child = holder(tmp_path)
    assert child.stdout.readline() == "won\n"
    killed(child)

    with take(tmp_path):
        assert json.loads(path_of(tmp_path).read_text())["update_id"] == "u1"


def test_a_lock_whose_pid_another_process_has_now_is_taken_over(tmp_path):
    take(tmp_path)
    plain = json.loads(path_of(tmp_path).read_text())["python"]
    rewritten(
        tmp_path,
        python={"pid": plain["pid"], "started": 1.0, "since_boot": plain["since_boot"] + 9e6},
    )

    take(tmp_path, "u2").release()


def test_a_dead_python_whose_jvm_lives_still_holds_the_lock(tmp_path, holder, started):
    jvm = started("sleep", "600")
    child = holder(tmp_path, jvm=jvm.pid)
    assert child.stdout.readline() == "won\n"
    killed(child)

    with pytest.raises(Busy) as caught:
        take(tmp_path, patience=0.3)

    assert f"JVM (pid {jvm.pid}) still runs and may commit" in str(caught.value)
    assert f"kill {jvm.pid}" in caught.value.fix


def test_the_jvm_of_a_dead_python_is_waited_for(tmp_path, holder, started):
    jvm = started("sleep", "600")
    child = holder(tmp_path, jvm=jvm.pid)
    assert child.stdout.readline() == "won\n"
    killed(child)
    end = started(sys.executable, "-c", f"import os, time; time.sleep(0.5); os.kill({jvm.pid}, 9)")

    with take(tmp_path, patience=60.0):
        end.wait()

        assert json.loads(path_of(tmp_path).read_text())["update_id"] == "u1"


def test_a_holder_on_another_host_is_believed_and_the_fix_names_the_file(tmp_path):
    take(tmp_path)
    rewritten(tmp_path, host="elsewhere")

    with pytest.raises(Busy, match="elsewhere") as caught:
        take(tmp_path, "u2", patience=60.0)
    assert f"remove {path_of(tmp_path)}" in caught.value.fix


def test_of_several_processes_that_find_a_dead_holder_exactly_one_takes_over(tmp_path, holder):
    dead = holder(tmp_path)
    assert dead.stdout.readline() == "won\n"
    killed(dead)
    gate = tmp_path / "go"
    racers = [holder(tmp_path, f"racer {place}", gate=gate) for place in range(6)]

    gate.touch()

    outcomes = [racer.stdout.readline() for racer in racers]
    winner = json.loads(path_of(tmp_path).read_text())["update_id"]
    assert sorted(outcomes) == ["busy\n"] * 5 + ["won\n"]
    assert outcomes[int(winner.removeprefix("racer "))] == "won\n"


def test_a_torn_lock_file_holds_for_a_minute_and_no_longer(tmp_path):
    path = path_of(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_text('{"format": 1, "upd')

    os.utime(path, (NOON.timestamp() - 30, NOON.timestamp() - 30))
    with pytest.raises(Busy, match="young and cannot be read"):
        take(tmp_path)

    os.utime(path, (NOON.timestamp() - 90, NOON.timestamp() - 90))
    take(tmp_path).release()


def test_a_lock_of_a_newer_version_is_refused(tmp_path):
    take(tmp_path)
    rewritten(tmp_path, format=99)

    with pytest.raises(StateTooNew):
        take(tmp_path, "u2")


def test_only_the_owner_gives_a_lock_back(tmp_path):
    removed = take(tmp_path)
    path_of(tmp_path).unlink()

    with take(tmp_path, "u2"):
        removed.release()

        assert json.loads(path_of(tmp_path).read_text())["update_id"] == "u2"


def test_a_lock_that_somebody_else_has_by_now_refuses_the_jvm(tmp_path):
    removed = take(tmp_path)
    path_of(tmp_path).unlink()

    with take(tmp_path, "u2"), pytest.raises(Busy, match="u2"):
        removed.jvm_started(os.getppid())


def test_a_lock_whose_folder_was_removed_is_given_back_without_a_word(tmp_path):
    lock = take(tmp_path / "state")
    for path in (lock.path, lock.path.with_suffix(".guard")):
        path.unlink()

    lock.release()


def test_a_process_that_died_while_it_judged_the_lock_keeps_nobody_out(tmp_path, started):
    guard = path_of(tmp_path).with_suffix(".guard")
    guard.parent.mkdir(parents=True)
    script = (
        "import fcntl, sys, time\n"
        "file = open(sys.argv[1], 'w')\n"
        "fcntl.flock(file, fcntl.LOCK_EX)\n"
        "print('ready', flush=True)\n"
        "time.sleep(600)\n"
    )
    child = started(sys.executable, "-c", script, str(guard))
    assert child.stdout.readline() == "ready\n"
    killed(child)

    take(tmp_path).release()


def test_a_state_root_that_cannot_be_written_is_refused(tmp_path):
    root = tmp_path / "state"
    root.write_text("")

    with pytest.raises(StorageNotWritable):
        take(root)


def test_a_living_holder_is_not_waited_for(tmp_path):
    with take(tmp_path), pytest.raises(Busy):
        take(tmp_path, "u2", patience=600.0)
