"""`backfill` on the command line, without Spark: a run a day, its summary, its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dlt_lite.cli.app import main

JOB = """
name: daily
max_concurrent_runs: 2
parameters: [{name: run_date, default: none}, {name: bad, default: none}]
tasks:
  - task_key: look
    callable_task:
      function: "work:look"
      parameters: {day: "{{backfill.iso_date}}"}
"""
WORK = """
from pathlib import Path


def look(day, run_date, bad):
    assert day == run_date != bad, day
    with Path("days").open("a") as file:
        file.write(day + "\\n")
"""
RANGE = ("--from", "2024-02-28", "--to", "2024-03-01")


@pytest.fixture
def project(tmp_path: Path, monkeypatch) -> Path:
    folder = tmp_path / "pipelines" / "daily"
    folder.mkdir(parents=True)
    (tmp_path / "dlt_lite.yml").write_text("name: shop\n", encoding="utf-8")
    (folder / "job.yml").write_text(JOB, encoding="utf-8")
    (folder / "work.py").write_text(WORK, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_each_day_is_run_once_and_only_what_is_missing_again(project, capsys):
    failed = main(["backfill", "daily", "--param", "run_date", *RANGE, "--param=bad=2024-02-29"])
    told = capsys.readouterr()
    (project / "days").unlink()
    # Other parameters are another backfill; the same ones know what is done.
    ends = []
    for _ in range(2):
        words = ["--param=run_date", *RANGE, "--parallel=9", "--only-missing", "-o", "json"]
        assert main(["backfill", "daily", *words]) == 0
        ends.append([day["state"] for day in json.loads(capsys.readouterr().out)["days"]])

    assert failed == 1
    assert "2024-02-29  FAILED" in told.out
    assert "2 SUCCESS, 1 FAILED" in told.err
    assert "task 'look' failed: AssertionError: 2024-02-29" in told.out
    assert "repair it by: python -m dlt_lite repair daily 2" in told.err
    assert ends == [["SUCCESS"] * 3, ["DONE_BEFORE"] * 3]
    days = (project / "days").read_text().split()
    assert sorted(days) == ["2024-02-28", "2024-02-29", "2024-03-01"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (RANGE, "which parameter"),
        (("--param=a", "--param=b", *RANGE), "two parameters"),
        (("--param=a", "--param=a=1", *RANGE), "gets the day, and a value of its own"),
        (("--param=day", *RANGE), "no parameter 'day'"),
        (("--param=run_date", "--from=2024-02-30", "--to=2024-03-01"), "a day such as"),
        (("--param=run_date", "--from=2024-03-02", "--to=2024-03-01"), "is before"),
        (("--param=run_date", "--from=2024-03-02"), "--to"),
        (("--param=run_date", *RANGE, "--parallel=0"), "a whole number from 1, not '0'"),
    ],
)
def test_a_backfill_that_makes_no_sense_is_refused_before_any_run(project, capsys, words, said):
    assert main(["backfill", "daily", *words]) == 2
    assert said in capsys.readouterr().err
    assert not (project / ".dlt_lite").exists()
