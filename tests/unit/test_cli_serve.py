"""`serve` on the command line, without Spark: a file starts a run, SIGTERM ends the loop."""

from __future__ import annotations

import io
import json
import signal
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from dlt_lite.cli.app import main
from dlt_lite.cli.invocation import GlobalOptions, Invocation, OutputForm
from dlt_lite.cli.served import Teller, canceller
from dlt_lite.cli.streams import Color, Streams
from dlt_lite.jobs.serving import Deed, Notice
from dlt_lite.project.loading import load_project
from dlt_lite.runs.folder import RunFolder, runs_of
from tests.e2e.shell import begun, dlt_lite, ended, read_until

JOB = """
name: daily
trigger: {file_arrival: {url: landing}}
tasks:
  - task_key: look
    callable_task: {function: "work:look", parameters: {at: "{{job.trigger.type}}"}}
"""
FOR_EVER = """
name: daily
continuous: {pause_status: UNPAUSED}
tasks:
  - task_key: look
    callable_task: {function: "work:wait"}
"""
WORK = """
import time


def look(at):
    print("started by", at)


def wait():
    time.sleep(600)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch) -> Path:
    folder = tmp_path / "pipelines" / "daily"
    (folder / "landing").mkdir(parents=True)
    (tmp_path / "dlt_lite.yml").write_text("name: shop\n", encoding="utf-8")
    (folder / "job.yml").write_text(JOB, encoding="utf-8")
    (folder / "work.py").write_text(WORK, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def runs(project: Path) -> list[dict]:
    return dlt_lite(project, "runs", "-o", "json").json


def test_a_new_file_starts_one_run_and_the_loop_tells_of_it(project, capsys):
    assert main(["serve", "--once"]) == 0
    (project / "pipelines" / "daily" / "landing" / "a.json").touch()
    capsys.readouterr()

    codes = [main(["serve", "--once", "-o", "json"]) for _ in range(2)]

    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert codes == [0, 0]
    assert [(each["event"], each["job"], each["about"]) for each in told] == [
        ("due", "daily", "file_arrival"),
        ("begun", "daily", ""),
        ("ended", "daily", "SUCCESS"),
    ]
    assert [run["update_id"] for run in runs(project)] == [told[0]["run_id"]]
    [log] = (project / ".dlt_lite").rglob("attempt-1.log")
    assert "started by file_arrival" in log.read_text()


def test_a_run_that_fails_makes_one_look_end_with_1_and_says_what_to_do(project, capsys):
    main(["serve", "--once"])
    (project / "pipelines" / "daily" / "landing" / "a.json").touch()
    (project / "pipelines" / "daily" / "work.py").write_text("def look(at): raise ValueError(at)")
    capsys.readouterr()

    assert main(["serve", "--once"]) == 1

    [line] = [each for each in capsys.readouterr().err.splitlines() if "ended" in each]
    assert "FAILED; next: " in line
    assert " repair daily 2" in line


def test_sigterm_cancels_what_is_running_and_ends_the_loop_in_order(project):
    (project / "pipelines" / "daily" / "job.yml").write_text(FOR_EVER, encoding="utf-8")
    serving = begun(project, "serve")
    said = read_until(serving, "begun")
    wait_for_a_run(project)
    second = dlt_lite(project, "serve", "--once")
    serving.send_signal(signal.SIGTERM)

    done = ended(serving, said)

    assert done.code == 0, done.err
    assert "CANCELED" in done.err
    told = "the runs that are going on are cancelled; a second signal stops everything at once\n"
    assert told in done.err
    assert [run["state"] for run in runs(project)] == ["CANCELED"]
    assert second.code == 4
    assert "`serve` runs already on target dev" in second.err


def wait_for_a_run(project: Path) -> None:
    while not any((project / ".dlt_lite").glob("runs/*/tasks/look/attempt-1.log")):
        pass


def test_people_read_the_key_of_a_trigger_and_programs_its_type():
    at = datetime(2027, 1, 31, 2, tzinfo=UTC)
    notice = Notice(at, Deed.DUE, "daily", "r1", "periodic", "cron")

    def told(form: OutputForm) -> str:
        out, err = io.StringIO(), io.StringIO()
        options = GlobalOptions(None, None, (), form, False, 0, Color.NEVER, None)
        streams = Streams(out, err, environ={})
        Teller(Invocation("serve", options, {}, Path(), streams, "dlt_lite")).notice(notice)
        return out.getvalue() or err.getvalue()

    assert told(OutputForm.TEXT) == "2027-01-31T02:00:00Z daily r1 due: cron\n"
    assert json.loads(told(OutputForm.JSON))["about"] == "periodic"


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["serve", "--param", "a=1"], "takes no --param"),
        (["serve", "dayly"], "did you mean 'daily'"),
        (["serve", "--catch-up", "never"], "never"),
    ],
)
def test_what_cannot_be_served_is_refused(capsys, words, said):
    assert main(words) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("job", "said"),
    [
        (JOB.replace("url: landing", "url: s3a://lake/landing"), "cannot be watched"),
        (JOB.replace("trigger: {file_arrival: {url: landing}}", ""), "has a trigger"),
    ],
)
def test_a_trigger_that_cannot_be_watched_is_refused_before_anything_begins(
    project, capsys, job, said
):
    (project / "pipelines" / "daily" / "job.yml").write_text(job, encoding="utf-8")

    assert main(["serve"]) == 2
    assert said in capsys.readouterr().err
    assert not (project / ".dlt_lite" / "serve").exists()


def test_job_files_that_change_are_read_again_and_broken_ones_leave_all_as_it_was(project):
    folder = project / "pipelines" / "daily"
    with begun(project, "serve", "--every", "1") as loop:
        said = read_until(loop, "serving daily")
        (folder / "job.yml").write_text("name: daily\ntasks: 3\n", encoding="utf-8")
        said += read_until(loop, "goes on as before")
        other = project / "pipelines" / "other"
        other.mkdir()
        (other / "job.yml").write_text(JOB.replace("daily", "other"), encoding="utf-8")
        (other / "work.py").write_text(WORK, encoding="utf-8")
        (other / "landing").mkdir()
        (folder / "job.yml").write_text(JOB, encoding="utf-8")
        said += read_until(loop, "serving daily, other")
        loop.send_signal(signal.SIGTERM)
        last = ended(loop, said)

    assert last.code == 0
    assert "pipelines/daily/job.yml:2" in last.err


def test_a_run_that_was_asked_to_end_is_not_asked_again(project):
    settings = load_project(project, environ={"HOME": str(project)})
    for run_id in ("r1", "r2"):
        moment = datetime(2027, 1, 1, tzinfo=UTC)
        RunFolder.create(
            settings.state_root, run_id, pipeline="daily", target="dev", started=moment
        )
    RunFolder(runs_of(settings.state_root) / "r2", "r2", "daily", "dev").ask_to_end(moment)
    asked = []
    processes = SimpleNamespace(is_alive=lambda _: True, cancel=asked.append)

    cancel = canceller(settings, processes)
    for run_id in ("r1", "r1", "r2", "r3"):
        cancel(run_id)

    assert asked == ["r1", "r3"]
