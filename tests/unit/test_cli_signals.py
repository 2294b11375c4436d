"""Each test plays a person in front of a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

import dlt_lite

OURS = {**os.environ, "PYTHONPATH": str(Path(dlt_lite.__file__).parents[1])}

SCRIPT = """
import signal, subprocess, sys, time
from dlt_lite.cli.signals import Signals

# A shell lets what it starts in the background ignore SIGINT.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A signal that comes just before a wait without an end begins does not end it.
TURN = 0.05

def wait_for_ever():
    while True:
        time.sleep(TURN)

def say(text):
    print(text, flush=True)

with Signals(say, lambda: say("leaving")) as signals:
    {before}
    say("ready")
    while not signals.stop.wait(TURN):
        pass
    {after}
say(str(signals.exit_code))
say(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
"""


def started(*, before: str = "pass", after: str = "pass") -> subprocess.Popen[str]:
    code = SCRIPT.format(before=before, after=after)
    return subprocess.Popen(
        [sys.executable, "-c", code], env=OURS, stdout=subprocess.PIPE, text=True
    )


def until(process: subprocess.Popen[str], wanted: str) -> str:
    for line in process.stdout:
        if line.startswith(wanted):
            return line.strip()
    message = f"{wanted!r} was never said"
    raise AssertionError(message)


@pytest.mark.parametrize(
    ("number", "code", "again"),
    [
        (signal.SIGINT, "130", "press Ctrl-C again to stop at once"),
        (signal.SIGTERM, "143", "a second signal stops everything at once"),
    ],
)
def test_the_first_signal_asks_to_stop_and_decides_the_exit_code(number, code, again):
    process = started()
    until(process, "ready")

    process.send_signal(number)

    lines = process.communicate()[0].splitlines()
    assert lines == [
        f"stopping after what is running; {again}",
        code,
        "True",
    ]


def test_the_second_signal_ends_the_process_and_its_children_at_once():
    sleeper = "[sys.executable, '-c', 'import time; time.sleep(600)']"
    process = started(
        before=f"child = subprocess.Popen({sleeper}); say(f'child {{child.pid}}')",
        after="say('stopped'); wait_for_ever()",
    )
    child = psutil.Process(int(until(process, "child").split()[1]))
    until(process, "ready")

    process.send_signal(signal.SIGINT)
    until(process, "stopped")
    process.send_signal(signal.SIGINT)

    assert process.communicate()[0].splitlines() == ["leaving"]
    assert process.returncode == 130
    psutil.wait_procs([child])
    assert not child.is_running()


def test_handlers_are_put_back_after_somebody_took_them():
    process = started(before="signal.signal(signal.SIGINT, signal.SIG_IGN); signals.reinstall()")
    until(process, "ready")

    process.send_signal(signal.SIGINT)

    assert process.communicate()[0].splitlines()[1:] == ["130", "True"]


def test_a_question_is_broken_off_by_the_first_signal():
    process = started(
        before="""
    try:
        with signals.asking():
            say("asking")
            wait_for_ever()
    except KeyboardInterrupt:
        say("broken off")
        signals.stop.set()
"""
    )
    until(process, "asking")

    process.send_signal(signal.SIGINT)

    assert process.communicate()[0].splitlines() == ["broken off", "ready", "130", "True"]
