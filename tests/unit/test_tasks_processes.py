"""Tasks in processes of their own: what comes back, what is kept of their words, how they end."""

import base64
import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest

from dlt_lite.jobs.calls import (
    Answer,
    Deadline,
    Failed,
    Stop,
    Stopped,
    StopReason,
    Succeeded,
    Timing,
)
from dlt_lite.tasks.logs import LogFile
from dlt_lite.tasks.orders import Kind, Order
from dlt_lite.tasks.processes import Around, placed, run_process
from dlt_lite.tasks.redaction import Redactor

ROOT = Path(__file__).resolve().parents[2]
TIMING = Timing(lambda: datetime(2027, 1, 1, tzinfo=UTC))


class Bench:
    """A folder in which orders are carried out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log" / "attempt-1.log"
        self.event = threading.Event()

    def file(self, code: str, *arguments: str, secrets: tuple[str, ...] = ()) -> Answer:
        """Run a Python file."""
        path = self.folder / "job" / "work.py"
        return self.order(Kind.FILE, str(self.written(path, code)), "", arguments, secrets=secrets)

    def call(self, code: str, optional: tuple[str, ...] = (), **parameters: str) -> Answer:
        """Call `work:f`."""
        self.written(self.folder / "job" / "work.py", code)
        return self.order(Kind.CALLABLE, "work", "f", parameters=parameters, optional=optional)

    def shell(self, *words: str, **environment: str) -> Answer:
        """Run a command."""
        return self.order(Kind.SHELL, words[0], "", words, parameters=environment)

    def order(
        self,
        kind: Kind,
        subject: str,
        name: str,
        arguments: tuple[str, ...] = (),
        *,
        parameters: Mapping[str, str] | None = None,
        optional: tuple[str, ...] = (),
        secrets: tuple[str, ...] = (),
        seconds: float | None = None,
    ) -> Answer:
        """Carry out an order."""
        order = Order(
            kind=kind,
            subject=subject,
            name=name,
            arguments=arguments,
            parameters=parameters or {},
            optional=optional,
            folder=str(self.folder / "job"),
            root=str(self.folder),
            values={"before": {"rows": [1, {"a": None}]}},
            empty_loops=("loop",),
            too_long={"each": {"big": "the list is too long"}},
        )
        redactor = Redactor(secrets)
        around = Around(dict(os.environ), self.folder, redactor, dict, patience=1.0)
        until = None
        if seconds is not None:
            until = Deadline(time.monotonic() + seconds, round(seconds), "task 'a'")
        with LogFile(self.log, redactor) as log:
            return run_process(order, around, Stop(self.event, TIMING, until=until), log)

    def written(self, path: Path, code: str) -> Path:
        """Write a file of code."""
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(code), encoding="utf-8")
        return path

    @property
    def said(self) -> str:
        """What stands in the log."""
        return self.log.read_text(encoding="utf-8")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_function_is_called_with_its_parameters_and_hands_on_values(bench: Bench):
    answer = bench.call(
        """
        from dlt_lite import task_values

        def f(day):
            task_values.set("day", day)
            task_values.set("rows", task_values.get("before", "rows"))
            task_values.set("none", task_values.get("loop", "n"))
            print("said", day)
        """,
        day="2027-01-01",
    )

    assert answer == Succeeded({"day": "2027-01-01", "rows": [1, {"a": None}], "none": []})
    assert bench.said == "said 2027-01-01\n"


def test_who_asks_for_values_that_are_too_long_in_all_is_told_so_also_with_a_default(bench: Bench):
    answer = bench.call(
        """
        from dlt_lite import task_values

        def f():
            task_values.get("each", "small", default=1)
            task_values.get("each", "big", default=1)
        """
    )

    assert isinstance(answer, Failed)
    assert "[DLT554] the list is too long" in answer.message


def test_values_of_threads_are_kept_too(bench: Bench):
    answer = bench.call(
        """
        import threading
        from dlt_lite import task_values

        def f():
            thread = threading.Thread(target=lambda: task_values.set("n", 1))
            thread.start()
            thread.join()
        """
    )

    assert answer == Succeeded({"n": 1})


@pytest.mark.parametrize(
    "nasty", ['it\'s "so"', "two\nlines", "$(touch here)", "{{job.run_id}}", "`x`; rm -rf /", "é☃"]
)
def test_what_is_given_stays_literal(bench: Bench, nasty: str):
    code = """
    from dlt_lite import task_values

    def f(x):
        task_values.set("x", x)
    """

    assert bench.call(code, x=nasty) == Succeeded({"x": nasty})


def test_a_parameter_of_the_job_reaches_only_functions_that_ask_for_it(bench: Bench):
    asking = "def f(day): assert day == '1'"
    silent = "def f(): pass"
    taking_all = "def f(**given): assert given == {'day': '1'}"

    answers = [bench.call(code, ("day",), day="1") for code in (asking, silent, taking_all)]

    assert answers == [Succeeded()] * 3


def test_a_parameter_of_the_task_that_a_function_does_not_take_is_an_error(bench: Bench):
    answer = bench.call("def f(): pass", dya="1")

    assert isinstance(answer, Failed)
    assert "dya" in answer.message


def test_a_file_runs_as_if_python_had_been_called_with_it(bench: Bench):
    bench.written(bench.folder / "job" / "beside.py", "x = 1")

    answer = bench.file(
        """
        import os, sys
        import beside
        assert __name__ == "__main__"
        print(sys.argv[1:], os.getcwd())
        """,
        "a b",
        "c",
    )

    assert answer == Succeeded()
    assert bench.said == f"['a b', 'c'] {bench.folder}\n"


def test_the_entry_point_of_a_package_is_called_with_arguments(bench: Bench):
    answer = bench.order(Kind.WHEEL, "pytest", "py.test", ("--version",))

    assert answer == Succeeded()
    assert bench.said.startswith("pytest ")


def test_an_error_is_told_with_the_users_line_and_its_trace_has_no_frames_of_ours(bench: Bench):
    answer = bench.call("def f():\n    raise ValueError('no rows')\n")

    assert isinstance(answer, Failed)
    assert answer.message == "ValueError: no rows (job/work.py:2)"
    assert "job/work.py" in bench.said
    assert "dlt_lite" not in bench.said


def test_values_that_were_set_before_a_failure_are_kept(bench: Bench):
    answer = bench.call(
        """
        import os
        from dlt_lite import task_values

        def f():
            task_values.set("n", 1)
            os._exit(3)
        """
    )

    assert answer == Failed("its process ended with exit code 3", values={"n": 1})


@pytest.mark.parametrize(
    ("code", "result"),
    [
        ("raise SystemExit(0)", Succeeded),
        ("raise SystemExit", Succeeded),
        ("raise SystemExit(4)", Failed),
        ("raise SystemExit('why')", Failed),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", Failed),
    ],
)
def test_the_exit_code_decides(bench: Bench, code: str, result: type[Answer]):
    assert isinstance(bench.file(code), result)


def test_a_command_gets_its_environment_and_fails_by_its_exit_code(bench: Bench):
    fine = bench.shell("sh", "-c", 'test "$DAY" = "a b"', DAY="a b")
    wrong = bench.shell("sh", "-c", "exit 7")
    missing = bench.shell("no-such-command-here")

    assert fine == Succeeded()
    assert wrong == Failed("its process ended with exit code 7")
    assert isinstance(missing, Failed)
    assert "no-such-command-here" in bench.said


def test_a_task_past_its_time_is_stopped(bench: Bench):
    path = bench.written(bench.folder / "job" / "work.py", "import time; time.sleep(600)")

    answer = bench.order(Kind.FILE, str(path), "", seconds=1.0)

    assert answer == Stopped()


def test_a_task_that_ignores_sigterm_and_forks_is_gone_after_it_was_cancelled(bench: Bench):
    pids = bench.folder / "pids"

    def cancel() -> None:
        while not (pids.exists() and len(pids.read_text().split()) == 3):
            time.sleep(0.05)
        bench.event.set()

    threading.Thread(target=cancel).start()
    answer = bench.file(
        f"""
        import os, signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        def note():
            with open({str(pids)!r}, "a") as file:
                file.write(f"{{os.getpid()}} ")
        note()
        if os.fork() == 0:
            note()
            time.sleep(600)
        if os.fork() == 0:
            os.setsid()
            note()
            time.sleep(600)
        time.sleep(600)
        """
    )

    assert answer == Stopped()
    assert eventually_gone([int(pid) for pid in pids.read_text().split()]) == []


def test_a_task_that_closes_its_output_is_waited_for(bench: Bench):
    answer = bench.file(
        """
        import os, time
        from dlt_lite import task_values
        os.close(1)
        os.close(2)
        time.sleep(0.5)
        task_values.set("late", True)
        """
    )

    assert answer == Succeeded({"late": True})


def test_what_a_task_leaves_behind_in_its_group_holds_nothing_up(bench: Bench):
    pids = bench.folder / "pids"

    answer = bench.file(
        f"""
        import os, time
        if os.fork() == 0:
            open({str(pids)!r}, "w").write(str(os.getpid()))
            time.sleep(600)
        while not os.path.exists({str(pids)!r}) or not open({str(pids)!r}).read():
            time.sleep(0.05)
        """
    )

    assert answer == Succeeded()
    assert eventually_gone([int(pids.read_text())]) == []


def test_a_task_that_prints_without_end_fills_neither_disk_nor_memory(bench: Bench):
    answer = bench.file(
        """
        import os
        for _ in range(1000):
            os.write(1, b"x" * 99_999 + b"\\n")
        print("the end")
        """
    )

    assert answer == Succeeded()
    assert bench.log.stat().st_size < 12 * 1024 * 1024
    assert "bytes are left out here" in bench.said
    assert bench.said.endswith("the end\n")


def test_a_full_disk_does_not_hold_up_a_task_that_prints(bench: Bench, monkeypatch):
    open_file = Path.open

    class Full:
        def write(self, _):
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self):
            raise OSError(errno.ENOSPC, "No space left on device")

        def seek(self, *_):
            return 0

        truncate = seek

    monkeypatch.setattr(
        Path, "open", lambda path, *how, **o: Full() if "wb" in how else open_file(path, *how, **o)
    )

    answer = bench.shell("sh", "-c", "head -c 2000000 /dev/zero")

    assert answer == Succeeded()


def test_secrets_are_taken_out_of_what_a_task_says(bench: Bench):
    secret = 'p"ß /+9-tok'  # noqa: S105 - one for the test
    answer = bench.file(
        """
        import base64, json, sys, urllib.parse
        from dlt_lite import task_values
        secret = sys.argv[1]
        print(secret, json.dumps({"a": secret}), urllib.parse.quote(secret, safe=""))
        print(base64.b64encode(("user:" + secret).encode()).decode())
        for letter in secret:
            print(letter, end="", flush=True)
        task_values.set("told", "it is " + secret)
        raise ValueError(secret)
        """,
        secret,
        secrets=(secret,),
    )

    encoded = base64.b64encode(f"user:{secret}".encode()).decode()
    assert isinstance(answer, Failed)
    assert answer.message.startswith("ValueError: [REDACTED]")
    assert answer.values == {"told": "it is [REDACTED]"}
    for form in (secret, json.dumps(secret)[1:-1], quote(secret, safe=""), encoded):
        assert form not in bench.said


def test_a_secret_stands_in_no_list_of_processes(bench: Bench):
    seen = bench.file(
        """
        import sys
        from pathlib import Path
        own = Path("/proc/self")
        if own.exists():
            for name in ("cmdline", "environ"):
                assert sys.argv[1].encode() not in (own / name).read_bytes()
        """,
        "hunter2hunter2",
    )

    assert seen == Succeeded()


def test_a_task_ends_with_its_runner(tmp_path: Path):
    pids = tmp_path / "pids"
    (tmp_path / "work.py").write_text(
        f"import os, time; open({str(pids)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    )
    runner = f"""
import os, sys, threading, time
from datetime import UTC, datetime
from pathlib import Path
from dlt_lite.jobs.calls import Stop, Timing
from dlt_lite.tasks.logs import LogFile
from dlt_lite.tasks.orders import Kind, Order
from dlt_lite.tasks.processes import Around, run_process
from dlt_lite.tasks.redaction import Redactor
here = Path({str(tmp_path)!r})
order = Order(Kind.FILE, str(here / "work.py"), "", (), {{}}, (), str(here), str(here))
stop = Stop(threading.Event(), Timing(lambda: datetime(2027, 1, 1, tzinfo=UTC)), until=None)
with LogFile(here / "log", Redactor(())) as log:
    run_process(order, Around(dict(os.environ), here, Redactor(()), dict), stop, log)
"""
    process = subprocess.Popen([sys.executable, "-c", runner], cwd=ROOT)
    for _ in range(600):
        if pids.exists() and pids.read_text():
            break
        time.sleep(0.05)

    process.send_signal(signal.SIGKILL)
    process.wait()

    assert eventually_gone([int(pids.read_text())]) == []


def test_cancelling_is_told_from_running_out_of_time():
    event = threading.Event()
    stop = Stop(event, TIMING, until=None)

    before, _ = stop.reason, event.set()

    assert (before, stop.reason) == (None, StopReason.CANCELED)


def eventually_gone(pids: list[int]) -> list[int]:
    """Return which of some processes are still there after a while."""
    for _ in range(100):
        if not list(alive(pids)):
            return []
        time.sleep(0.05)
    return list(alive(pids))


def alive(pids: list[int]) -> Iterator[int]:
    for pid in pids:
        try:
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                yield pid
        except psutil.NoSuchProcess:
            continue


def test_an_error_of_ours_has_its_line_before_its_fix_and_keeps_its_code(bench: Bench):
    answer = bench.call(
        """
        from dlt_lite import task_values

        def f():
            task_values.set("n", object())
        """
    )

    assert isinstance(answer, Failed)
    assert answer.code == "DLT554"
    lines = answer.message.splitlines()
    assert lines[0].startswith("[DLT554] task value 'n' is no JSON: ")
    assert lines[1].startswith("  at:  job/")
    assert lines[2].startswith("  fix: give text, numbers,")
    assert not lines[2].endswith(")")


def test_a_line_that_an_error_names_already_stays():
    told = "[DLT553] no value\n  at:  job.yml:3\n  fix: set one"

    assert placed(told, "m.py:2") == told
    assert placed("ValueError: no", "m.py:2") == "ValueError: no (m.py:2)"
