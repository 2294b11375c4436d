"""Jobs on the command line, without Spark: run, repair, show, logs, plan, graph, schema."""

import json
import textwrap
import time
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from dlt_lite.cli.app import main
from dlt_lite.jobs.catalogue import stands_apart
from dlt_lite.project.job_schema import job_schema
from dlt_lite.project.loading import load_project
from tests.e2e.shell import begun, ended, read_until

JOB = """
name: daily
parameters: [{name: day, default: "2027-01-01"}]
schedule: {quartz_cron_expression: "0 0 2 * * ?", timezone_id: Europe/Berlin}
permissions: [{level: CAN_VIEW}]
tasks:
  - task_key: first
    callable_task: {function: "work:first"}
  - task_key: check
    depends_on: [{task_key: first}]
    condition_task: {op: EQUAL_TO, left: "{{tasks.first.values.day}}", right: "2027-01-01"}
  - task_key: second
    depends_on: [{task_key: check, outcome: "true"}]
    callable_task: {function: "work:second", parameters: {token: "{{secrets/mail/token}}"}}
  - task_key: third
    depends_on: [{task_key: second}]
    callable_task: {function: "work:third"}
  - task_key: beside
    depends_on: [{task_key: first}]
    shell_task: {command: [sh, -c, "echo beside"]}
"""
WORK = """
from pathlib import Path

from dlt_lite import task_values


def first(day):
    task_values.set("day", day)
    print("day", day)


def second(token):
    print("token", token)
    if not Path("mended").exists():
        raise ValueError("not mended, " + token)


def third():
    print("third")
"""
DISABLED = """
tasks:
  - {task_key: off, disabled: true, shell_task: {command: ['true']}}
  - {task_key: below, depends_on: [{task_key: off}], shell_task: {command: ['true']}}
  - task_key: last
    depends_on: [{task_key: below}]
    run_if: ALL_DONE
    shell_task: {command: ['true']}
"""
STUBBORN = """
import signal, sys, time

def slow():
    signal.signal(signal.SIGTERM, lambda *_: (time.sleep(5), sys.exit(1)))
    print("ready")
    time.sleep(600)
"""


@pytest.fixture
def call(tmp_path: Path, capsys, monkeypatch):
    """Carry out a command in a project with a job."""
    folder = tmp_path / "pipelines" / "daily"
    folder.mkdir(parents=True)
    (tmp_path / "dlt_lite.yml").write_text("name: shop\nshell_tasks: true\n", encoding="utf-8")
    (folder / "job.yml").write_text(textwrap.dedent(JOB), encoding="utf-8")
    (folder / "work.py").write_text(WORK, encoding="utf-8")
    monkeypatch.setenv("DLT_LITE_SECRET_MAIL_TOKEN", "hunter2hunter2")
    monkeypatch.chdir(tmp_path)

    def called(*words: str) -> tuple[int, str, str]:
        code = main([*words])
        told = capsys.readouterr()
        return code, told.out, told.err

    return called


def test_a_run_fails_is_repaired_and_runs_only_what_is_missing(call, tmp_path: Path):
    code, out, err = call("run", "daily")
    failed = json.loads(call("runs", "show", "latest", "-o", "json")[1])
    (tmp_path / "mended").touch()
    repaired_code, repaired, _ = call("repair", "daily", "-o", "json")
    again = call("repair", "daily")

    assert code == 1
    assert results(failed) == {
        "first": "SUCCESS",
        "check": "SUCCESS",
        "second": "FAILED",
        "third": "UPSTREAM_FAILED",
        "beside": "SUCCESS",
    }
    assert f"repair daily {failed['run_id']}" in out
    assert "not mended, [REDACTED] (pipelines/daily/work.py:15)" in out
    assert "critical path: first" in out
    assert "second: FAILED" in err
    assert repaired_code == 0
    assert set(results(json.loads(repaired)).values()) == {"SUCCESS"}
    assert attempts(json.loads(repaired)) == {
        "first": 1,
        "check": 1,
        "second": 2,
        "third": 1,
        "beside": 1,
    }
    assert again[0] == 0
    assert "nothing to repair" in again[2]


def test_a_task_that_the_job_no_longer_has_is_shown_as_such_and_fails_nothing(call, tmp_path: Path):
    job = tmp_path / "pipelines" / "daily" / "job.yml"
    tasks = "tasks:\n  - {task_key: stays, shell_task: {command: ['true']}}\n"
    gone = "  - {task_key: gone, shell_task: {command: ['false']}}\n"
    job.write_text(tasks + gone, encoding="utf-8")
    assert call("run", "daily")[0] == 1
    job.write_text(tasks, encoding="utf-8")

    code, out, _ = call("repair", "daily")
    shown = call("runs", "show", "latest")[1]

    assert code == 0
    assert "SUCCESS in " in out.splitlines()[0]
    assert out.splitlines()[0].split(": ")[2].startswith("1 SUCCESS (run")
    for page in (out, shown):
        assert "FAILED, no longer in the job" in page
        assert "what failed" not in page
        assert "repair it by" not in page
    again = call("repair", "daily")
    assert again[:2] == (0, "")
    assert "nothing to repair: no task of the run has failed or is left undone" in again[2]


def test_who_asked_for_it_is_told_of_a_run(call, tmp_path: Path):
    job = tmp_path / "pipelines" / "daily" / "job.yml"
    hooks = "webhook_notifications: {on_failure: [{command: 'cat > told'}]}\n"
    job.write_text(job.read_text(encoding="utf-8") + hooks, encoding="utf-8")

    assert call("run", "daily")[0] == 1

    told = json.loads((tmp_path / "told").read_text())
    assert (told["event"], told["state"]) == ("on_failure", "FAILED")
    assert [each["task"] for each in told["failed"]] == ["second"]
    assert "hunter2" not in json.dumps(told)


def test_a_secret_that_nobody_has_is_told_before_anything_is_done(call, monkeypatch):
    monkeypatch.delenv("DLT_LITE_SECRET_MAIL_TOKEN")

    code, _, err = call("run", "daily")
    left_out = call("run", "daily", "--only", "first")

    assert code == 2
    assert err.startswith("[DLT557] no secret 'token' of scope 'mail' is known\n")
    assert "at:  pipelines/daily/job.yml:14:" in err
    assert "fix: set DLT_LITE_SECRET_MAIL_TOKEN" in err
    assert left_out[0] == 0
    assert [each["state"] for each in json.loads(call("runs", "-o", "json")[1])] == ["COMPLETED"]


def test_a_run_that_is_refused_prints_the_shape_of_a_jobs_run(call, monkeypatch):
    ran = json.loads(call("run", "daily", "--only", "first", "-o", "json")[1])
    failed = json.loads(call("run", "daily", "-o", "json")[1])
    monkeypatch.delenv("DLT_LITE_SECRET_MAIL_TOKEN")

    refused = [
        call("run", "daily", "-o", "json"),
        call("run", "daily", "-o", "json", "--only", "nobody"),
        call("repair", "daily", failed["run_id"], "-o", "json"),
    ]

    for code, out, err in refused:
        found = json.loads(out)
        assert code == 2
        assert err.startswith(f"[{found['error']['code']}] ")
        assert found.keys() == {*ran, "errors"}
        assert (found["job"], found["state"], found["run_id"]) == ("daily", "FAILED", None)
        assert (found["tasks"], found["result"], found["seconds"]) == ([], None, None)


@pytest.mark.parametrize("whose", ["job", "task"])
def test_so_is_one_of_a_webhook_that_would_be_told(call, tmp_path: Path, whose):
    job = tmp_path / "pipelines" / "daily" / "job.yml"
    hooks = 'webhook_notifications: {on_failure: [{url: "{{secrets/chat/url}}"}]}'
    raw = job.read_text(encoding="utf-8")
    if whose == "job":
        raw += f"{hooks}\n"
    else:
        raw = raw.replace("  - task_key: first\n", f"  - task_key: first\n    {hooks}\n", 1)
    job.write_text(raw, encoding="utf-8")

    code, _, err = call("run", "daily")

    assert code == 2
    assert err.startswith("[DLT557] no secret 'url' of scope 'chat' is known\n")
    assert f"at:  pipelines/daily/job.yml:{raw[: raw.index(hooks)].count(chr(10)) + 1}:" in err
    assert json.loads(call("runs", "-o", "json")[1]) == []


def test_a_failed_run_of_another_job_leads_to_that_run(call, tmp_path: Path):
    job = "tasks: [{task_key: kid, run_job_task: {job_id: other}}]"
    (tmp_path / "pipelines" / "daily" / "job.yml").write_text(job, encoding="utf-8")
    other = tmp_path / "pipelines" / "other"
    other.mkdir()
    tasks = "tasks: [{task_key: a, shell_task: {command: ['false']}}]"
    (other / "job.yml").write_text(tasks, encoding="utf-8")

    code, _, err = call("run", "daily")

    [run_id] = [
        each["update_id"]
        for each in json.loads(call("runs", "-o", "json")[1])
        if each["pipeline"] == "other"
    ]
    assert code == 1
    assert f"fix: see what has failed there: python -m dlt_lite runs show {run_id}\n" in err
    assert call("runs", "show", run_id)[1].startswith("job other: FAILED")
    assert call("runs", "show", "latest")[1].startswith("job daily: FAILED")
    [parent] = [
        each["update_id"]
        for each in json.loads(call("runs", "-o", "json")[1])
        if each["pipeline"] == "daily"
    ]
    assert json.loads(call("runs", "show", run_id, "-o", "json")[1])["run_id"] == run_id
    assert call("runs", "logs", "latest", "--task", "nowhere")[2].startswith(
        f"[DLT254] run {parent} has no task 'nowhere'"
    )


def test_so_is_one_of_a_job_that_a_task_runs(call, tmp_path: Path, monkeypatch):
    monkeypatch.delenv("DLT_LITE_SECRET_MAIL_TOKEN")
    folder = tmp_path / "pipelines" / "above"
    folder.mkdir()
    (folder / "job.yml").write_text(
        "name: above\ntasks: [{task_key: below, run_job_task: {job_id: daily}}]", encoding="utf-8"
    )

    code, _, err = call("run", "above")

    assert code == 2
    assert "at:  pipelines/daily/job.yml:14:" in err
    assert json.loads(call("runs", "-o", "json")[1]) == []


def test_no_file_of_a_run_holds_a_secret(call, tmp_path: Path):
    call("run", "daily")

    files = [path for path in (tmp_path / ".dlt_lite").rglob("*") if path.is_file()]
    assert [path for path in files if b"hunter2" in path.read_bytes()] == []
    assert any(b"token [REDACTED]" in path.read_bytes() for path in files)


def test_a_parameter_decides_a_condition_and_what_hangs_on_it(call):
    code, out, _ = call("run", "daily", "--param", "day=2027-02-02", "-o", "json")

    found = json.loads(out)
    assert code == 0
    assert found["parameters"] == {"day": "2027-02-02"}
    assert results(found)["second"] == "EXCLUDED"


def test_some_tasks_only_are_run(call):
    code, out, _ = call("run", "daily", "--only", "first,beside", "-o", "json")

    assert code == 0
    assert results(json.loads(out)) == {"first": "SUCCESS", "beside": "SUCCESS"}


def test_events_of_a_job_are_chosen_by_their_type(call):
    call("run", "daily", "--only", "first")

    rows = json.loads(call("events", "latest", "--type", "task_value_set", "-o", "json")[1])
    other = call("events", "daily", "--type", "task_progress", "--type", "job_run_progress")[1]

    assert [row["event_type"] for row in rows] == ["task_value_set"]
    assert "Run of job daily is SUCCESS." in other
    assert "Task first is RUNNING." in other
    assert "has set" not in other


def test_one_task_is_told_as_one(call):
    assert "of job daily: 1 task\n" in call("run", "daily", "--only", "first")[2]


def test_the_log_of_a_task_is_printed(call):
    call("run", "daily", "--only", "first+")

    assert call("runs", "logs", "latest", "--task", "beside")[:2] == (0, "beside\n")
    assert call("runs", "logs", "latest", "--task", "first", "-f")[:2] == (0, "day 2027-01-01\n")
    code, _, err = call("runs", "logs", "latest", "--task", "besides")
    assert code == 2
    assert "did you mean 'beside'?" in err


def test_the_plan_says_what_when_and_writes_nothing(call, tmp_path: Path):
    before = sorted(tmp_path.rglob("*"))

    code, out, _ = call("plan", "daily")

    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[1:]] == [
        "first",
        "check",
        "beside",
        "second",
        "third",
    ]
    assert "after check is true" in out
    assert sorted(tmp_path.rglob("*")) == before


def test_the_plan_of_a_job_ends_with_ten_where_a_run_would_do_something(call, tmp_path: Path):
    job = tmp_path / "pipelines" / "daily" / "job.yml"
    job.write_text(DISABLED, encoding="utf-8")

    assert call("plan", "daily", "--exit-code")[0] == 10
    assert call("plan", "daily", "--exit-code", "-o", "json")[0] == 10
    assert call("plan", "daily")[0] == 0
    assert call("plan", "daily", "--exit-code", "--only", "off+")[0] == 10
    assert call("plan", "daily", "--exit-code", "--only", "off,below")[0] == 0


def test_the_plan_says_what_is_left_out_with_what_it_waits_for(call, tmp_path: Path):
    job = tmp_path / "pipelines" / "daily" / "job.yml"
    job.write_text(DISABLED, encoding="utf-8")

    when = {line.split()[0]: line.split("  ")[-1] for line in call("plan", "daily")[1].splitlines()}
    tasks = json.loads(call("plan", "daily", "-o", "json")[1])["tasks"]
    ran = results(json.loads(call("run", "daily", "-o", "json")[1]))

    assert when["off"] == "disabled: it is left out"
    assert when["below"] == "never, since it is disabled with off: it is left out"
    assert when["last"] == "after below (ALL_DONE)"
    assert {each["task"] for each in tasks if each["left_out"]} == {
        key for key, result in ran.items() if result == "DISABLED"
    }


def test_a_job_is_drawn_and_listed(call):
    mermaid = call("graph", "daily", "--format", "mermaid")[1]
    listed = json.loads(call("ls", "--jobs", "-o", "json")[1])

    assert mermaid.startswith("flowchart LR")
    assert mermaid.count("-->") == 4
    assert [(each["name"], each["last_state"]) for each in listed] == [("daily", None)]


def test_a_job_is_drawn_as_a_page_with_its_tasks(call, tmp_path: Path):
    code, page, err = call("graph", "daily", "--format", "html")
    written = call("graph", "daily", "--format", "html", "--out", "x/job.html")

    assert (code, err) == (0, "")
    assert page.startswith("<!doctype html>")
    assert page.count('<th scope="row"') == 5
    assert 'aria-label="5 tasks, each to the right of what it waits for"' in page
    assert "calls work:first" in page
    assert "after check is true" in page
    assert "dataset" not in page.split("<body>")[1].split("<script>")[0]
    assert written == (0, "", "x/job.html\n")
    assert (tmp_path / "x" / "job.html").read_text() == page


def test_a_job_as_text_says_after_what_each_task_runs(call):
    assert call("graph", "daily", "--format", "text")[1].splitlines()[:2] == [
        "first   callable",
        "check   condition  after first",
    ]


@pytest.mark.parametrize("command", ["run", "plan"])
def test_the_help_says_what_stands_for_jobs_too(call, command):
    text = " ".join(call(command, "--help")[1].split())

    assert "NAME the pipeline or the job" in text
    assert "of a job one of its parameters" in text


def test_validate_names_the_keys_that_do_nothing_here(call):
    code, out, err = call("validate")

    assert code == 0
    assert "job daily: 5 tasks" in out
    assert "permissions does nothing here" in err


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("nomod:f", "no module is called nomod"),
        (
            "work:fisrt",
            "work.py does not have\n  at:  pipelines/daily/job.yml:7:5\n  fix: did you mean",
        ),
    ],
)
@pytest.mark.parametrize("words", [["validate"], ["plan", "daily"], ["run", "daily"]], ids=" ".join)
def test_a_function_that_is_not_there_is_told_before_anything_is_done(
    call, tmp_path: Path, words, function, said
):
    job = tmp_path / "pipelines" / "daily" / "job.yml"
    job.write_text(job.read_text().replace("work:first", function))

    code, _, err = call(*words)

    assert code == 2
    assert err.startswith("[DLT252] task 'first' calls ")
    assert said in err
    assert not (tmp_path / ".dlt_lite").exists()


def test_validate_says_that_a_name_with_blanks_is_only_a_title(call, tmp_path: Path):
    job = tmp_path / "pipelines" / "daily" / "job.yml"
    job.write_text(JOB.replace("name: daily", "name: Nightly load"), encoding="utf-8")

    code, out, err = call("validate")

    assert code == 0
    assert "job daily: 5 tasks" in out
    assert "note: job daily: its `name:`, 'Nightly load', is only a title for people\n" in err
    job.write_text(JOB, encoding="utf-8")
    assert "title" not in call("validate")[2]


def test_the_coming_times_are_printed_in_both_zones(call):
    code, out, _ = call("schedule", "next", "daily", "-n", "3", "-o", "json")

    found = json.loads(out)
    assert code == 0
    assert [each["local"][11:19] for each in found] == ["02:00:00"] * 3


def test_a_schedule_whose_years_are_over_says_that_it_never_comes_again(call, tmp_path: Path):
    job = tmp_path / "pipelines" / "daily" / "job.yml"
    text = job.read_text(encoding="utf-8").replace("0 0 2 * * ?", "0 0 2 * * ? 2020-2021")
    job.write_text(text, encoding="utf-8")

    code, out, err = call("schedule", "next", "daily")
    valid = call("validate", "daily")

    assert (code, out) == (0, "")
    assert "0 0 2 * * ? 2020-2021 Europe/Berlin never comes again: its years are over" in err
    assert valid[0] == 0
    assert "note: pipelines/daily/job.yml:4:" in valid[2]
    assert "this never comes again: its years are over" in valid[2]
    assert json.loads(call("schedule", "next", "daily", "-o", "json")[1]) == []


def test_the_schema_takes_the_job(call, tmp_path: Path):
    schema = json.loads(call("schema", "job")[1])
    job = yaml.safe_load((tmp_path / "pipelines/daily/job.yml").read_text(encoding="utf-8"))
    wrong = {**job, "tasks": [{"task_key": "a", "depend_on": []}]}

    Draft202012Validator.check_schema(schema)
    assert Draft202012Validator(schema).is_valid(job)
    assert not Draft202012Validator(schema).is_valid(wrong)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ({"queue": {"enabled": True}}, {"queue": {"enable": True}}),
        ({"continuous": {"pause_status": "PAUSED"}}, {"continuous": {"paused": True}}),
        (
            {"trigger": {"periodic": {"interval": 2, "unit": "HOURS"}}},
            {"trigger": {"periodic": {"interval": 2, "unit": "HOUR"}}},
        ),
        (
            {"trigger": {"file_arrival": {"url": "landing"}, "pause_status": "PAUSED"}},
            {"trigger": {"file_arrival": {"path": "landing"}}},
        ),
        (
            {"triggers": [{"table_update": {"table_names": ["a"], "condition": "ALL_UPDATED"}}]},
            {"triggers": [{"table_updates": {"table_names": ["a"]}}]},
        ),
        (
            {"triggers": [{"job_completion": {"jobs": ["a"], "if_status": "DONE"}}]},
            {"triggers": [{"job_completion": {"job": "a"}}]},
        ),
    ],
)
def test_the_schema_finds_misspelt_triggers(right, wrong):
    schema = Draft202012Validator(job_schema())

    assert schema.is_valid({"tasks": [], **right})
    assert not schema.is_valid({"tasks": [], **wrong})


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("run", "dayly"), "did you mean 'daily'?"),
        (("repair", "dayly"), "did you mean 'daily'?"),
        (("run", "daily", "--select", "x"), "takes no datasets"),
        (("repair", "daily"), "has had no run"),
        (("schedule", "next", "zzz"), "fix: jobs of this project: daily"),
        (("runs", "show", "latest"), "has had no run on target dev"),
        (("run", "daily", "--param", "dai=1"), "dai"),
        (("run", "daily", "--only", "frist"), "did you mean"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_written(call, tmp_path, words, hint):
    code, out, err = call(*words)

    assert code == 2
    assert hint in out + err
    assert list(tmp_path.glob(".dlt_lite/runs/*")) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--run-id", "../../x"], "20270131T020000Z-1f49c1ab"),
        (["--cause", "by me; rm"], "small letters"),
        (["--scheduled", "soon"], "a time such as"),
        (["--told", "location"], "is not key=value"),
    ],
)
def test_what_a_scheduler_may_not_say_is_refused(call, tmp_path: Path, words, said):
    code, _, err = call("run", "daily", *words)

    assert code == 2
    assert said in err
    assert not (tmp_path / ".dlt_lite").exists()


def test_what_a_scheduler_says_reaches_the_run_and_one_id_is_run_once(call, tmp_path: Path):
    words = ["--run-id", "20270131T020000Z-1f49c1ab", "--scheduled", "2027-01-31T02:00:00+01:00"]

    first = call("run", "daily", "--only", "first", "--cause", "periodic", *words)
    second = call("run", "daily", "--only", "first", *words)
    run = json.loads((tmp_path / ".dlt_lite" / "runs" / words[1] / "job.json").read_text())

    assert (first[0], second[0]) == (0, 4)
    assert "begun before" in second[2]
    assert (run["cause"], run["scheduled"]) == ("periodic", "2027-01-31T01:00:00+00:00")


def test_a_run_that_is_over_cannot_be_cancelled(call):
    call("run", "daily", "--only", "first")

    code, _, err = call("runs", "cancel", "latest")

    assert code == 2
    assert "is over: COMPLETED" in err
    assert err.startswith("[DLT118]")


def test_a_run_that_is_cancelled_says_what_becomes_of_its_tasks(call, tmp_path: Path):
    job = "tasks: [{task_key: sleeps, shell_task: {command: [sleep, '600']}}]"
    (tmp_path / "pipelines" / "daily" / "job.yml").write_text(job, encoding="utf-8")
    process = begun(tmp_path, "run", "daily")
    said = read_until(process, "sleeps: running")

    assert call("runs", "cancel", "latest")[0] == 0

    done = ended(process, said)
    told = "processes are ended, updates stop after what they are writing; a second signal"
    assert done.code == 143
    assert told in done.err
    assert "Ctrl-C" not in done.err


@pytest.mark.parametrize(
    ("command", "state", "result"),
    [("'true'", "COMPLETED", "SUCCESS"), ("sleep, '60'", "FAILED", "TIMEDOUT")],
)
def test_runs_of_jobs_are_listed_with_the_results_that_databricks_has(
    call, tmp_path: Path, command, state, result
):
    job = tmp_path / "pipelines" / "daily" / "job.yml"
    tasks = f"tasks: [{{task_key: a, shell_task: {{command: [{command}]}}}}]"
    job.write_text(f"timeout_seconds: 2\n{tasks}\n", encoding="utf-8")

    call("run", "daily")

    [run] = json.loads(call("runs", "-o", "json")[1])
    assert (run["state"], run["result_state"]) == (state, result)
    assert run["life_cycle_state"] == "TERMINATED"
    assert f" {result} " in call("runs")[1]


def test_a_condition_has_no_log_and_says_so(call):
    call("run", "daily", "--only", "first,check")

    code, _, err = call("runs", "logs", "latest", "--task", "check")

    assert code == 2
    assert "is a condition, which prints nothing\n  fix: it has come out true" in err


def test_a_run_that_was_killed_was_last_seen_when_it_gave_its_last_sign(call, tmp_path: Path):
    job = "tasks: [{task_key: sleeps, shell_task: {command: [sleep, '600']}}]"
    (tmp_path / "pipelines" / "daily" / "job.yml").write_text(job, encoding="utf-8")
    process = begun(tmp_path, "run", "daily")
    read_until(process, "sleeps: running")
    time.sleep(5)
    call("runs", "cancel", "latest", "--now")
    process.communicate()
    time.sleep(3)

    run = json.loads(call("runs", "show", "latest", "-o", "json")[1])

    assert run["state"] == "ABANDONED"
    assert 2 < run["seconds"] < 8


@pytest.fixture
def stubborn(tmp_path: Path):
    """Begin a run whose task takes five seconds to end."""
    task = {"task_key": "slow", "callable_task": {"function": "stubborn:slow"}}
    job = tmp_path / "pipelines" / "daily" / "job.yml"
    (job.parent / "stubborn.py").write_text(STUBBORN, encoding="utf-8")
    job.write_text(yaml.safe_dump({"tasks": [task]}), encoding="utf-8")
    process = begun(tmp_path, "run", "daily")
    said = read_until(process, "slow: running")
    logs = tmp_path / ".dlt_lite" / "runs"
    until = time.monotonic() + 60
    while not any("ready" in each.read_text() for each in logs.glob("*/tasks/slow/*.log")):
        assert time.monotonic() < until
        time.sleep(0.05)
    return process, said


def test_a_run_that_is_asked_to_end_twice_says_so_and_ends_cancelled(call, stubborn):
    first = call("runs", "cancel", "latest")
    second = call("runs", "cancel", "latest")
    asked = json.loads(call("runs", "-o", "json")[1])

    done = ended(*stubborn)
    shown = call("runs", "show", "latest")[1]
    assert (first[0], second[0], done.code) == (0, 0, 143)
    assert "was asked to end\n" in first[2]
    assert "ago, and its tasks have 10 s to end; --now ends it at once" in second[2]
    assert "job daily: CANCELED" in shown
    assert [each["life_cycle_state"] for each in asked] == ["TERMINATING"]


def test_a_run_is_ended_at_once_where_that_is_asked(call, stubborn):
    call("runs", "cancel", "latest")
    code, _, err = call("runs", "cancel", "latest", "--now")

    ended(*stubborn)
    assert code == 0
    assert "was ended at once; go on by: python -m dlt_lite repair daily 2" in err
    assert "ABANDONED" in call("runs")[1]


def results(run: dict) -> dict[str, str]:
    return {each["task"]: each["result"] for each in run["tasks"]}


def attempts(run: dict) -> dict[str, int]:
    return {each["task"]: each["attempts"] for each in run["tasks"]}


@pytest.fixture
def broken_beside(call, tmp_path: Path):
    """Break the file of a job that nothing uses."""
    call("run", "daily", "--only", "first,beside")
    folder = tmp_path / "pipelines" / "zzbroken"
    folder.mkdir()
    (folder / "job.yml").write_text("tasks: [\n")
    return folder / "job.yml"


LEFT_OUT = "left out, since it is broken: pipelines/zzbroken/job.yml; see `"


@pytest.mark.usefixtures("broken_beside")
@pytest.mark.parametrize(
    "words",
    [
        ["runs"],
        ["runs", "show", "latest"],
        ["runs", "logs", "latest", "--task", "first"],
        ["events"],
        ["ls"],
        ["config"],
        ["graph", "daily"],
        ["plan", "daily"],
        ["schedule", "next", "daily"],
        ["repair", "daily"],
    ],
    ids=" ".join,
)
def test_a_broken_file_of_another_job_is_noted_once_and_stops_nothing(call, words):
    code, _, err = call(*words)

    assert code == 0
    assert err.count(LEFT_OUT) == 1


@pytest.mark.parametrize(
    "words",
    [
        ["ls"],
        ["ls", "--jobs"],
        ["graph", "daily"],
        ["plan", "daily"],
        ["schedule", "next", "daily"],
        ["repair", "daily"],
        ["run", "daily", "--only", "first"],
    ],
    ids=" ".join,
)
def test_so_is_a_broken_python_file_of_another_job(call, tmp_path, words):
    call("run", "daily", "--only", "first,beside")
    folder = tmp_path / "pipelines" / "zzpython"
    folder.mkdir()
    (folder / "job.py").write_text("import nowhere_to_be_found\n")

    code, _, err = call(*words)

    assert code == 0
    assert err.count("left out, since it is broken: pipelines/zzpython/job.py; see `") == 1


@pytest.mark.parametrize("words", [["validate"], ["run", "zzjob"], ["run", "zzpython"]])
def test_a_broken_python_file_stops_what_may_need_it(call, tmp_path, words):
    folder = tmp_path / "pipelines" / "zzpython"
    folder.mkdir()
    (folder / "job.py").write_text("import nowhere_to_be_found\n")

    code, _, err = call(*words)

    assert code == 2
    assert "at:  pipelines/zzpython/job.py:1" in err


@pytest.mark.usefixtures("broken_beside")
def test_the_machine_is_checked_although_a_job_is_broken(call):
    _, out, err = call("doctor")

    assert "Python" in out
    assert LEFT_OUT in err


@pytest.mark.usefixtures("broken_beside")
def test_a_job_runs_although_the_file_of_another_is_broken(call):
    code, out, err = call("run", "daily", "--only", "first", "-o", "json")

    assert (code, results(json.loads(out))) == (0, {"first": "SUCCESS"})
    assert err.count(LEFT_OUT) == 1


@pytest.mark.usefixtures("broken_beside")
@pytest.mark.parametrize(
    "words",
    [["validate"], ["validate", "daily"], ["run", "zzbroken"], ["plan", "zz"], ["serve", "--once"]],
    ids=" ".join,
)
def test_what_may_need_the_broken_file_is_refused(call, words):
    code, _, err = call(*words)

    assert code == 2
    assert err.startswith("[DLT102]")
    assert "at:  pipelines/zzbroken/job.yml:2:1" in err


@pytest.mark.parametrize(
    ("file", "task"),
    [
        ("job.yml", "run_job_task: {job_id: zzbroken}"),
        ("job.yml", "run_job_task: {job_id: between}"),
        (
            "job.yml",
            "for_each_task: {inputs: [1], task: {task_key: b, run_job_task: {job_id: between}}}",
        ),
        ("job.yml", 'run_job_task: {job_id: "{{job.parameters.which}}"}'),
        ("pipeline.yml", "pipeline_task: {pipeline_id: zzbroken}"),
        ("pipeline.yml", "sql_task: {query: SELECT 1}"),
    ],
)
def test_a_job_that_may_use_what_is_broken_is_not_run(call, broken_beside, file, task):
    folder = broken_beside.parent
    broken_beside.rename(folder / file)
    for name, does in (("user", task), ("between", "run_job_task: {job_id: zzbroken}")):
        (folder.parent / name).mkdir()
        text = f"tasks: [{{task_key: a, {does}}}]"
        (folder.parent / name / "job.yml").write_text(text)

    code, _, err = call("run", "user")

    assert code == 2
    assert "[DLT102]" in err


@pytest.mark.parametrize(
    ("name", "broken", "apart"),
    [
        ("shop", "pipelines/other/pipeline.yml", True),
        ("pipeline:shop", "pipelines/other/pipeline.yml", True),
        ("shop", "pipelines/orphans", True),
        ("shop", "pipelines/shop/job.yml", False),
        ("job:shop", "pipelines/other/job.yml", False),
        ("daily", "pipelines/other/job.yml", True),
        ("job:daily", "pipelines/other/job.yml", True),
        ("daily", "pipelines/other/pipeline.yml", False),
        ("nobody", "pipelines/other/job.yml", False),
    ],
)
@pytest.mark.usefixtures("call")
def test_what_stands_apart_from_a_broken_file(tmp_path: Path, name, broken, apart):
    (tmp_path / "pipelines" / "shop").mkdir()
    (tmp_path / "pipelines" / "shop" / "pipeline.yml").write_text("")
    settings = load_project(tmp_path, environ={"HOME": str(tmp_path)})

    assert stands_apart(settings, name, [Path(broken)]) is apart


LOOP = """
tasks:
  - task_key: loop
    for_each_task:
      inputs: [good, bad, worse]
      task:
        task_key: one
        shell_task:
          command: [sh, -c, 'echo "$WORD"; [ "$WORD" = good ]']
          environment: {WORD: "{{input}}"}
  - {task_key: quiet, depends_on: [{task_key: loop}], shell_task: {command: ["true"]}}
  - {task_key: again, max_retries: 2, shell_task: {command: ["false"]}}
  - task_key: none
    for_each_task: {inputs: "[]", task: {task_key: some, shell_task: {command: ["true"]}}}
"""


@pytest.fixture
def looped(call, tmp_path: Path):
    """Run a job whose loop fails in its second and third iteration."""
    (tmp_path / "pipelines" / "daily" / "job.yml").write_text(LOOP)
    return call("run", "daily")


def test_a_failed_loop_shows_the_log_of_its_first_failed_iteration(call, looped):
    code, out, _ = looped

    assert code == 1
    assert "the last lines of the log of iteration 1," in out
    run_id = json.loads(call("runs", "-o", "json")[1])[0]["update_id"]
    assert f"fix: read its log: python -m dlt_lite runs logs {run_id} --task loop --iter" in out
    assert "iteration-1/attempt-1.log:\n      bad\n" in out
    assert "worse" not in out


@pytest.mark.usefixtures("looped")
def test_who_asks_for_the_log_of_a_loop_is_told_which_iteration_has_one(call):
    code, _, err = call("runs", "logs", "latest", "--task", "loop")

    assert code == 2
    assert err.startswith("[DLT119] task loop of run ")
    assert "fix: name one: --iteration 1, the first that failed" in err
    assert call("runs", "logs", "latest", "--task", "loop", "--iteration", "1")[1] == "bad\n"


@pytest.mark.usefixtures("looped")
@pytest.mark.parametrize("follow", [(), ("-f",)])
@pytest.mark.parametrize(
    ("words", "what", "fix"),
    [
        ("loop --iteration 3", "has no iteration 3", "there are iterations 0 to 2"),
        ("loop --iteration 1 --attempt 2", "has no attempt 2", "there is attempt 1 only"),
        ("again --attempt 4", "has no attempt 4", "there are attempts 1 to 3"),
        ("again --iteration 0", "is no loop, so it has no iteration 0", "leave --iteration out"),
        ("quiet --attempt 2", "has printed nothing", "it has not begun: UPSTREAM_FAILED"),
        ("none --iteration 0", "has no iteration 0", "there are no iterations"),
    ],
)
def test_a_log_that_is_not_there_says_which_ones_are(call, words, what, fix, follow):
    code, out, err = call("runs", "logs", "latest", "--task", *words.split(), *follow)

    assert (code, out) == (2, "")
    assert err.startswith("[DLT119] ")
    assert what in err.splitlines()[0]
    assert err.splitlines()[1] == f"  fix: {fix}"


@pytest.mark.usefixtures("looped")
def test_a_task_that_has_printed_nothing_is_said_to(call):
    code, out, err = call("runs", "logs", "latest", "--task", "again")

    assert (code, out) == (0, "")
    assert "task again of run " in err
    assert " has printed nothing" in err
    assert call("runs", "logs", "latest", "--task", "again", "--attempt", "0")[0] == 2


@pytest.mark.usefixtures("looped")
def test_a_task_that_was_not_begun_has_no_log_and_says_why(call):
    code, _, err = call("runs", "logs", "latest", "--task", "quiet")

    assert code == 2
    assert err.startswith("[DLT119] task quiet of run ")
    assert "has printed nothing\n  fix: it has not begun: UPSTREAM_FAILED" in err


@pytest.mark.usefixtures("looped")
@pytest.mark.parametrize(
    "words", [["schedule", "next", "daily"], ["serve", "--once"], ["serve", "daily"]], ids=" ".join
)
def test_a_job_without_a_trigger_is_due_never(call, words):
    code, _, err = call(*words)

    assert code == 2
    assert err.startswith("[DLT120]")


@pytest.mark.usefixtures("broken_beside")
def test_what_is_wrong_with_a_job_itself_is_told_although_another_is_broken(call, tmp_path: Path):
    job = tmp_path / "pipelines" / "daily" / "job.yml"
    job.write_text(job.read_text().replace("work:first", "nomod:first"))

    code, _, err = call("run", "daily")

    assert code == 2
    assert LEFT_OUT in err
    assert "[DLT252]" in err
    assert "[DLT102]" not in err
