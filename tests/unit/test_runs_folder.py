from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dlt_lite.errors import StateTooNew, StorageNotWritable, UnknownRun
from dlt_lite.runs.disk import file_name
from dlt_lite.runs.folder import RunFolder, RunState, mark_abandoned, new_update_id
from dlt_lite.runs.history import list_runs, run_facts, unrecorded
from dlt_lite.runs.processes import Process, is_alive, process_of, this_process

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def a_run(root, name="u1", *, pipeline="shop", target="dev"):
    return RunFolder.create(
        root, name, pipeline=pipeline, target=target, started=NOON, storage_root="s3a://lake"
    )


def rewritten(folder, **changes):
    """Change what a run says of itself."""
    plain = json.loads(folder.run_file.read_text())
    folder.run_file.write_text(json.dumps(plain | changes))
    return folder


def a_killed_run(root, name="u1", **named):
    """Return a run whose Python process was ended the hard way, while it ran."""
    script = (
        "import sys, time, pathlib, datetime\n"
        "from dlt_lite.runs.folder import RunFolder\n"
        "root, name, pipeline, target = sys.argv[1:]\n"
        "moment = datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.UTC)\n"
        "RunFolder.create(pathlib.Path(root), name, pipeline=pipeline, target=target,"
        " started=moment)\n"
        "print('ready', flush=True)\n"
        "time.sleep(600)\n"
    )
    named = {"pipeline": "shop", "target": "dev"} | named
    command = [sys.executable, "-c", script, str(root), name, named["pipeline"], named["target"]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "ready\n"
        child.send_signal(signal.SIGKILL)
    return RunFolder(root / "runs" / name, name, named["pipeline"], named["target"])


def states(root):
    return {facts.folder.update_id: facts.state for facts in list_runs(root)}


def test_update_ids_are_readable_and_unique_and_sort_by_time():
    moments = [NOON + timedelta(milliseconds=step) for step in range(0, 3000, 7)]

    ids = [new_update_id(moment) for moment in moments]

    assert ids[0].startswith("20261124T120000Z-000")
    assert ids == sorted(set(ids))


def test_a_new_run_says_who_runs_it_and_that_it_runs(tmp_path):
    folder = a_run(tmp_path)

    facts = run_facts(tmp_path, "u1")

    assert folder.path == tmp_path / "runs" / "u1"
    assert facts.folder == folder
    assert (facts.state, facts.ended, facts.jvm) == (RunState.RUNNING, None, None)
    assert facts.started == "2026-11-24T12:00:00.000Z"
    assert facts.python == this_process()
    assert facts.storage_root == "s3a://lake"


def test_a_run_keeps_its_jvm_and_its_end(tmp_path):
    folder = a_run(tmp_path)

    folder.jvm_started(os.getppid())
    folder.finish(RunState.FAILED, NOON + timedelta(minutes=1))

    facts = run_facts(tmp_path, "u1")
    assert facts.jvm == process_of(os.getppid())
    assert (facts.state, facts.ended) == (RunState.FAILED, "2026-11-24T12:01:00.000Z")


def test_an_id_is_used_once(tmp_path):
    a_run(tmp_path)

    with pytest.raises(StorageNotWritable, match="u1 cannot be written"):
        a_run(tmp_path)
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["u1"]


def test_a_state_root_that_is_a_file_is_refused(tmp_path):
    root = tmp_path / "state"
    root.write_text("")

    with pytest.raises(StorageNotWritable, match="driver's disk"):
        a_run(root)


def test_runs_are_listed_newest_first_and_by_target_and_pipeline(tmp_path):
    a_run(tmp_path, "u1")
    a_run(tmp_path, "u2", target="prod")
    a_run(tmp_path, "u3", pipeline="clicks")

    def names(**which):
        return [facts.folder.update_id for facts in list_runs(tmp_path, **which)]

    assert names() == ["u3", "u2", "u1"]
    assert names(pipeline="shop") == ["u2", "u1"]
    assert names(pipeline="shop", target="dev") == ["u1"]


def test_where_nothing_ran_there_are_no_runs(tmp_path):
    assert list_runs(tmp_path / "nowhere") == ()


def test_a_killed_run_is_abandoned_and_looking_at_it_writes_nothing(tmp_path):
    folder = a_killed_run(tmp_path)
    before = folder.run_file.read_bytes()

    assert states(tmp_path) == {"u1": RunState.ABANDONED}
    assert folder.run_file.read_bytes() == before


def test_a_run_whose_pid_another_process_has_now_is_abandoned(tmp_path):
    me = this_process()
    long_ago = {"pid": me.pid, "started": me.started - 9e6, "since_boot": me.since_boot + 9e6}

    rewritten(a_run(tmp_path), python=long_ago)

    assert states(tmp_path) == {"u1": RunState.ABANDONED}


def test_a_run_outlives_a_clock_that_is_set():
    me = this_process()

    assert is_alive(replace(me, started=me.started + 3600))


def test_a_process_that_waits_to_be_reaped_is_gone():
    with subprocess.Popen(["true"]) as child:
        seen = process_of(child.pid) or Process(child.pid, 0.0, 0.0)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

        assert not is_alive(seen)
        assert process_of(child.pid) is None


def test_a_run_on_another_host_cannot_be_judged_from_here(tmp_path):
    rewritten(a_killed_run(tmp_path), host="elsewhere")

    assert states(tmp_path) == {"u1": RunState.RUNNING}


def test_an_abandoned_run_that_was_marked_says_when_it_last_lived(tmp_path):
    folder = a_killed_run(tmp_path)
    folder.events.write_text("")
    os.utime(folder.run_file, (NOON.timestamp(), NOON.timestamp()))
    os.utime(folder.events, (NOON.timestamp() + 60, NOON.timestamp() + 60))

    mark_abandoned(run_facts(tmp_path, "u1"))

    assert json.loads(folder.run_file.read_text())["state"] == "ABANDONED"
    assert run_facts(tmp_path, "u1").ended == "2026-11-24T12:01:00.000Z"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"format": 1}',
        "[]",
        "null",
        '{"format": 1, "pipeline": 3, "target": []}',
        "\0" * 9,
    ],
)
def test_a_damaged_run_file_makes_the_run_unknown_and_spoils_no_list(tmp_path, text):
    a_run(tmp_path, "u1").finish(RunState.COMPLETED, NOON)
    a_run(tmp_path, "u2").run_file.write_text(text)

    assert states(tmp_path) == {"u2": RunState.UNKNOWN, "u1": RunState.COMPLETED}


def test_a_folder_without_a_run_file_is_unknown_and_a_stray_file_is_no_run(tmp_path):
    (tmp_path / "runs" / "u1").mkdir(parents=True)
    (tmp_path / "runs" / "README").write_text("")

    assert states(tmp_path) == {"u1": RunState.UNKNOWN}


def test_a_run_ends_well_although_its_file_was_damaged_meanwhile(tmp_path):
    folder = a_run(tmp_path)
    folder.run_file.write_text("{")

    folder.finish(RunState.COMPLETED, NOON)

    facts = run_facts(tmp_path, "u1")
    assert (facts.folder.pipeline, facts.state) == ("shop", RunState.COMPLETED)


@pytest.mark.parametrize("lines", [1, 40, 150])
def test_a_process_killed_while_it_rewrites_the_run_file_leaves_a_whole_one(tmp_path, lines):
    folder = a_run(tmp_path)
    script = (
        "import os, sys, pathlib\n"
        "from dlt_lite.runs.folder import RunFolder\n"
        "folder = RunFolder(pathlib.Path(sys.argv[1]), 'u1', 'shop', 'dev')\n"
        "while True:\n"
        "    folder.jvm_started(os.getpid())\n"
        "    print('again', flush=True)\n"
    )
    command = [sys.executable, "-c", script, str(folder.path)]

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        for _ in range(lines):
            assert child.stdout.readline() == "again\n"
        child.send_signal(signal.SIGKILL)
        child.wait()

    facts = run_facts(tmp_path, "u1")
    assert facts.state is RunState.RUNNING
    assert facts.jvm is not None


def test_a_run_of_a_newer_version_is_refused(tmp_path):
    rewritten(a_run(tmp_path), format=99)

    with pytest.raises(StateTooNew, match="has format 99; this version knows 1"):
        list_runs(tmp_path)


def test_a_run_is_found_by_the_beginning_of_its_id(tmp_path):
    a_run(tmp_path, "20261124T120000Z-aaaa")
    a_run(tmp_path, "20261125T120000Z-bbbb")

    facts = run_facts(tmp_path, "20261125")

    assert facts.folder.update_id == "20261125T120000Z-bbbb"


def test_an_id_that_begins_another_is_itself(tmp_path):
    a_run(tmp_path, "u1")
    a_run(tmp_path, "u11")

    assert run_facts(tmp_path, "u1").folder.update_id == "u1"


@pytest.mark.parametrize(
    ("asked", "fix"),
    [
        ("u", "write more of it: u3, u2, u1"),
        ("u1x", "did you mean u1"),
        ("something else", "the newest are u3, u2, u1"),
        ("../runs/u1", "the newest are u3, u2, u1"),
        ("", "the newest are u3, u2, u1"),
    ],
)
def test_an_unknown_run_is_an_error_that_helps(tmp_path, asked, fix):
    for name in ("u1", "u2", "u3"):
        a_run(tmp_path, name)

    with pytest.raises(UnknownRun) as caught:
        run_facts(tmp_path, asked)
    assert fix in caught.value.fix


def test_unrecorded_are_the_ended_runs_of_a_pipeline_oldest_first(tmp_path):
    a_run(tmp_path, "u1").finish(RunState.COMPLETED, NOON)
    a_killed_run(tmp_path, "u2")
    a_run(tmp_path, "u3").finish(RunState.CANCELED, NOON)
    a_run(tmp_path, "u4")
    a_run(tmp_path, "u5", pipeline="clicks").finish(RunState.FAILED, NOON)
    a_run(tmp_path, "u6", target="prod").finish(RunState.FAILED, NOON)
    recorded = a_run(tmp_path, "u7")
    recorded.finish(RunState.COMPLETED, NOON)
    recorded.events_recorded()

    found = unrecorded(tmp_path, target="dev", pipeline="shop")

    assert [facts.folder.update_id for facts in found] == ["u1", "u2", "u3"]
    assert run_facts(tmp_path, "u7").events_recorded


def test_plain_names_stay_and_all_others_become_safe_and_stay_different():
    names = [
        "orders", "Orders", "ORDERS", "../x", "..", ".", "", "con", "com1", "a/b", "a_b", "ä", "🌷",
        "x" * 300, "x" * 301, "a b", "trailing.", "orders~", "nul\0", "\udcff",
    ]  # fmt: skip

    files = [file_name(name) for name in names]

    assert files[0] == "orders"
    assert len({file.lower() for file in files}) == len(names)
    assert all(set(file) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-~") for file in files)
    assert max(map(len, files)) <= 64
