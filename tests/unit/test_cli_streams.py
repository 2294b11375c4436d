from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

import dlt_lite
from dlt_lite.cli.streams import Color, Streams, styled

OURS = {**os.environ, "PYTHONPATH": str(Path(dlt_lite.__file__).parents[1])}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def colored(environ: dict[str, str], color: Color, *, terminal: bool) -> bool:
    out = Terminal() if terminal else io.StringIO()
    return Streams(out, out, environ=environ, color=color).out_color


@pytest.mark.parametrize(
    ("environ", "color", "terminal", "expected"),
    [
        ({}, Color.AUTO, True, True),
        ({}, Color.AUTO, False, False),
        ({"NO_COLOR": "1"}, Color.AUTO, True, False),
        ({"NO_COLOR": ""}, Color.AUTO, True, True),
        ({"TERM": "dumb"}, Color.AUTO, True, False),
        ({"FORCE_COLOR": "1"}, Color.AUTO, False, True),
        ({"FORCE_COLOR": "0"}, Color.AUTO, False, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, Color.AUTO, True, False),
        ({"NO_COLOR": "1"}, Color.ALWAYS, False, True),
        ({"FORCE_COLOR": "1"}, Color.NEVER, True, False),
    ],
)
def test_colors_go_to_who_can_see_and_wants_them(environ, color, terminal, expected):
    assert colored(environ, color, terminal=terminal) is expected


def test_data_goes_to_stdout_and_talk_to_stderr():
    out, err = io.StringIO(), io.StringIO()
    streams = Streams(out, err, environ={}, verbose=1)

    streams.data("rows")
    streams.json({"a": 1})
    streams.say("talk")
    streams.say("detail", verbosity=2)

    assert out.getvalue() == 'rows\n{\n  "a": 1\n}\n'
    assert err.getvalue() == "talk\n"


def test_quiet_leaves_data_and_errors():
    out, err = io.StringIO(), io.StringIO()
    streams = Streams(out, err, environ={}, quiet=True)

    streams.data("rows")
    streams.say("talk")
    streams.complain("error")

    assert (out.getvalue(), err.getvalue()) == ("rows\n", "error\n")


def test_no_style_means_no_escape_sequence():
    assert styled("x", "", color=True) == "x"
    assert styled("x", "1", color=False) == "x"


def test_what_user_code_and_its_children_print_never_reaches_stdout():
    code = (
        "import os, subprocess, sys\n"
        "from dlt_lite.cli.streams import Color, open_streams\n"
        "streams = open_streams(os.environ, color=Color.AUTO, quiet=False, verbose=0)\n"
        "with streams.kept_for_data():\n"
        "    print('printed')\n"
        "    subprocess.run([sys.executable, '-c', 'print(\"by a child\")'], check=True)\n"
        "streams.data('data')\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], env=OURS, capture_output=True, text=True, check=True
    )

    assert done.stdout == "data\n"
    assert {"printed", "by a child"} <= set(done.stderr.splitlines())


def test_a_reader_who_has_gone_away_is_met_with_silence():
    read, write = os.pipe()
    os.close(read)

    done = subprocess.run(
        [sys.executable, "-m", "dlt_lite", "--help"],
        env=OURS,
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write)

    assert (done.returncode, done.stderr) == (0, b"")


def test_a_stream_of_another_encoding_takes_any_text():
    environ = {**OURS, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    code = (
        "import os\n"
        "from dlt_lite.cli.streams import Color, open_streams\n"
        "open_streams(os.environ, color=Color.AUTO, quiet=False, verbose=0).data('Füße …')\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )

    assert done.stdout == "F\\xfc\\xdfe \\u2026\n"
