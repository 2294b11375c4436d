from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import dlt_lite
from dlt_lite.cli.app import main
from dlt_lite.cli.crash import without_secrets
from dlt_lite.cli.menu import BY_NAME, COMMANDS, Command
from dlt_lite.errors import Busy, ErrorGroup, MissingInput, NoJava, QueryRaised
from dlt_lite.model.origin import Origin
from dlt_lite.version import VERSION

OURS = {**os.environ, "PYTHONPATH": str(Path(dlt_lite.__file__).parents[1])}
HEAVY = ("pyspark", "py4j", "delta", "pydantic", "pandas", "great_expectations", "pyarrow")


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    (tmp_path / "dlt_lite.yml").write_text("name: test\n")
    folder = tmp_path / "pipelines" / "shop"
    folder.mkdir(parents=True)
    (folder / "pipeline.yml").write_text("name: shop\n")
    (folder / "tables.py").touch()
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "DLT_LITE_OUTPUT"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def command(monkeypatch):
    """Make a command `test` that raises what it is given."""

    def made(raised: BaseException) -> None:
        def run(*_):
            raise raised

        module = SimpleNamespace(__doc__="A test.", add_arguments=lambda _: None, run=run)
        monkeypatch.setitem(sys.modules, "command_of_a_test", module)
        monkeypatch.setitem(BY_NAME, "test", Command("test", "command_of_a_test", "a test"))

    return made


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["-o", "json", "--help"]])
def test_help_lists_every_command(words, capsys):
    assert main(words) == 0

    out = capsys.readouterr().out
    assert all(f"  {each.name} " in out for each in COMMANDS)


@pytest.mark.parametrize("name", [each.name for each in COMMANDS])
def test_every_command_has_help_also_where_its_arguments_are_missing(name, capsys):
    assert main([name, "--help"]) == 0
    assert main(["--help", name]) == 0

    out = capsys.readouterr().out
    assert f" {name} [options]" in out
    assert "--param KEY=VALUE" in out


def test_the_version_is_that_of_the_package(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"dlt_lite {VERSION}\n"


@pytest.mark.parametrize(
    "words",
    [[], ["nope"], ["ls", "--nope"], ["run"], ["run", "nope"], ["ls", "--project-dir", "nowhere"]],
)
def test_a_wrong_command_line_exits_2_and_writes_no_data(words, capsys):
    assert main(words) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("[DLT1")
    assert "\n  fix: " in err


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (MissingInput("x"), 2),
        (Busy("x"), 4),
        (NoJava("x"), 5),
        (ErrorGroup([Busy("x"), MissingInput("x")]), 2),
        (KeyboardInterrupt(), 130),
        (RuntimeError("x"), 70),
    ],
)
def test_each_kind_of_failure_has_its_exit_code(command, raised, code):
    command(raised)

    assert main(["test"]) == code


def test_an_error_says_what_where_and_how_to_mend_it_without_being_obeyed(command, capsys):
    command(MissingInput("a\x1b[2J reads b", origin=Origin("x\ry.py", 3), fix="mend\nit"))

    main(["test"])

    assert capsys.readouterr().err == (
        "[DLT211] a\\x1b[2J reads b\n  at:  x\\ry.py:3\n  fix: mend\nit\n"
    )


def test_colors_tell_the_parts_of_an_error_apart_where_they_are_wanted(command, capsys):
    command(MissingInput("a", fix="b"))

    main(["test", "--color", "always"])

    assert "\x1b[1;31m[DLT211]\x1b[0m a" in capsys.readouterr().err


def test_json_wanted_means_that_errors_come_as_json_too(command, capsys):
    command(ErrorGroup([MissingInput("a", origin=Origin("x.py", 3)), Busy("b", fix="wait")]))

    main(["test", "-o", "json"])

    first = {"code": "DLT211", "message": "a", "origin": "x.py:3", "fix": None}
    second = {"code": "DLT601", "message": "b", "origin": None, "fix": "wait"}
    assert json.loads(capsys.readouterr().out) == {"error": first, "errors": [first, second]}


def test_an_update_that_could_not_begin_has_the_keys_of_one_that_ended(capsys):
    assert main(["run", "nope", "-o", "json"]) == 2

    told = json.loads(capsys.readouterr().out)
    assert (told["update_id"], told["state"], told["datasets"]) == (None, "FAILED", [])
    assert told["error"]["code"] == "DLT106"


def test_verbose_shows_the_code_that_raised(command, capsys):
    error = QueryRaised("a raised")
    error.__cause__ = ZeroDivisionError("division by zero")
    command(error)

    main(["test"])
    assert "ZeroDivisionError" not in capsys.readouterr().err
    main(["test", "-v"])
    assert "ZeroDivisionError: division by zero" in capsys.readouterr().err


def test_a_fault_of_ours_leaves_a_report_and_nothing_in_the_project(
    command, project, monkeypatch, capsys
):
    monkeypatch.setattr("tempfile.tempdir", str(project.parent))
    command(RuntimeError("oh\x1b[2J"))

    assert main(["test", "--param", "password=hunter2"]) == 70

    err = capsys.readouterr().err
    (report,) = project.parent.glob("dlt_lite-fault-*.txt")
    assert err.startswith("[DLT901] dlt_lite itself went wrong: RuntimeError: oh\\x1b[2J")
    assert str(report) in err
    assert "RuntimeError: oh" in report.read_text()
    assert "hunter2" not in report.read_text()
    assert not (project / ".dlt_lite").exists()


class Mute(Exception):
    """As PySpark's own, which ask the JVM for their text, and assert that there is one."""

    def __str__(self):
        raise AssertionError


def test_a_fault_that_cannot_say_what_it_is_leaves_a_report_like_any(command, capsys):
    command(Mute())

    assert main(["test"]) == 70

    told = capsys.readouterr().err
    assert "[DLT901] dlt_lite itself went wrong: Mute: what it says cannot be read any more" in told
    assert "the report is" in told


def test_parameters_lose_their_values_before_they_are_written_down():
    words = ["run", "--param", "a=1", "--param=b=2", "--param", "c"]

    assert without_secrets(words) == ["run", "--param", "a=…", "--param=…", "--param", "…"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--help"], 0),
        (["ls"], 0),
        (["runs"], 0),
        (["config"], 0),
        (["events"], 2),
        (["graph"], 2),
        (["nope"], 2),
    ],
)
def test_what_needs_no_spark_imports_nothing_heavy(words, code):
    script = (
        "import sys\n"
        "from dlt_lite.cli.app import main\n"
        f"code = main({words!r})\n"
        f"heavy = sorted(set({HEAVY!r}) & set(sys.modules))\n"
        "sys.exit(f'imported: {heavy}' if heavy else code)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], env=OURS, capture_output=True, text=True, check=False
    )

    assert done.returncode == code, done.stderr
    assert "imported" not in done.stderr


def test_help_imports_neither_rich_nor_yaml():
    script = (
        "import sys\n"
        "from dlt_lite.cli.app import main\n"
        "main(['--help'])\n"
        "sys.exit(str(sorted({'rich', 'yaml', 'psutil'} & set(sys.modules))))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], env=OURS, capture_output=True, text=True, check=False
    )

    assert done.stderr == "[]\n"


def test_the_module_is_called_by_its_name():
    done = subprocess.run(
        [sys.executable, "-m", "dlt_lite", "nope"],
        env=OURS,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "did you mean" not in done.stdout
    assert done.stderr.startswith("[DLT115] 'nope' is no command")


def test_no_ansi_goes_into_a_pipe():
    for words in (["--help"], ["config"], ["ls"], ["nope"]):
        done = subprocess.run(
            [sys.executable, "-m", "dlt_lite", *words], env=OURS, capture_output=True, check=False
        )
        assert b"\x1b" not in done.stdout + done.stderr


def test_every_command_is_carried_out_by_a_module_of_its_name():
    assert {Path(each.module.replace(".", "/")).name for each in COMMANDS} == set(BY_NAME)
