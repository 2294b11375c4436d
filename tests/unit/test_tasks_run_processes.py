"""Runs as processes of their own: what they say last, how they end, what is kept of them."""

from __future__ import annotations

import sys
import threading

from dlt_lite.tasks.run_processes import RunProcesses

PYTHON = (sys.executable, "-c")


class Ends:
    """Counts what has ended, and waits for it."""

    def __init__(self):
        self.event = threading.Event()

    def __call__(self):
        self.event.set()

    def wait(self):
        assert self.event.wait(30)
        self.event.clear()


def begun(tmp_path, code):
    ends = Ends()
    processes = RunProcesses(tmp_path, {"GIVEN": "1"}, ends, PYTHON)
    processes.begin("r1", [code])
    return processes, ends


def test_the_end_of_what_a_process_said_is_kept_with_its_exit_code(tmp_path):
    code = "import os, sys; sys.stderr.write('x' * 99999 + os.environ['GIVEN']); sys.exit(3)"
    processes, ends = begun(tmp_path, code)
    ends.wait()

    found = processes.exit_of("r1")

    assert found.code == 3
    assert found.said == "x" * 1999 + "1"
    assert processes.alive == ()


def test_a_process_that_is_cancelled_is_asked_to_end(tmp_path):
    code = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(5));"
        "open('ready', 'w').close(); time.sleep(600)"
    )
    processes, ends = begun(tmp_path, code)
    while not (tmp_path / "ready").exists():
        pass
    alive = processes.alive
    processes.cancel("r1")
    ends.wait()

    assert alive == ("r1",)
    assert processes.exit_of("r1").code == 5


def test_a_process_that_ended_is_forgotten_and_one_that_runs_is_not(tmp_path):
    processes, ends = begun(tmp_path, "pass")
    ends.wait()
    processes.begin("r2", ["import time; time.sleep(600)"])
    for run_id in ("r1", "r2"):
        processes.forget(run_id)

    assert processes.exit_of("r1") is None
    assert processes.is_alive("r2")
    processes.cancel("r2")
    ends.wait()


def test_a_run_that_nobody_began_here_is_not_known(tmp_path):
    processes = RunProcesses(tmp_path, {}, Ends(), PYTHON)

    assert (processes.is_alive("r9"), processes.exit_of("r9")) == (False, None)
    processes.cancel("r9")
