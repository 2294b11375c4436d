"""Jobs declared by decorators are the same records as those of a job.yml."""

from __future__ import annotations

from dataclasses import replace
from textwrap import dedent

import pytest

import dlt_lite as dlt
from dlt_lite.errors import (
    BadJob,
    BadTask,
    BadTaskValue,
    DltLiteError,
    DuplicateJob,
    ErrorGroup,
    FileBroken,
    MissingModule,
    ReferenceMissing,
    UnknownJob,
    UnknownPipeline,
)
from dlt_lite.jobs.catalogue import job_of, jobs_of, problems_of_jobs
from dlt_lite.jobs.python_files import load_job_file, load_job_files
from dlt_lite.model.jobs import CallableTask, ForEachTask, Job, RunIf
from dlt_lite.model.origin import Origin
from dlt_lite.project.loading import load_project
from dlt_lite.registry.active import running_task

NOWHERE = Origin("")


def a_file(root, text, *, name="daily"):
    place = root / "pipelines" / name
    place.mkdir(parents=True)
    (place / "join.sql").write_text("SELECT 1")
    (place / "job.py").write_text("import dlt_lite as dlt\n" + dedent(text))
    return place / "job.py"


def loaded(root, text):
    [job] = load_job_file(a_file(root, text), root=root)
    return job


def refusals(root, text):
    with pytest.raises(DltLiteError) as caught:
        loaded(root, text)
    error = caught.value
    return error.errors if isinstance(error, ErrorGroup) else (error,)


def without_places(found: object) -> object:
    """Return a record with every origin taken out, and with files named by their last part."""
    if isinstance(found, Origin):
        return None
    if isinstance(found, tuple | list):
        return [without_places(each) for each in found]
    if isinstance(found, dict):
        return {key: without_places(value) for key, value in found.items()}
    if hasattr(found, "__dataclass_fields__"):
        fields = {name: getattr(found, name) for name in found.__dataclass_fields__}
        return (type(found).__name__, without_places(fields))
    return getattr(found, "name", found)


def test_decorators_and_yaml_make_the_same_job(tmp_path):
    written = loaded(
        tmp_path,
        '''
        @dlt.task(depends_on=["clicks"], max_retries=2, run_if="ALL_DONE", parameters={"n": 1})
        def join(): ...

        @dlt.job(parameters={"day": "{{job.start_time.iso_date}}"}, schedule="0 0 2 * * ?",
                 tags={"team": "shop"}, queue=True, timeout_seconds=60)
        def daily():
            """all of it"""
            check = dlt.condition_task("check", "{{tasks.join.values.n}}", "GREATER_THAN", 0,
                                       depends_on=[join])
            return [
                dlt.pipeline_task("clicks", full_refresh_selection=["a"]),
                join,
                check,
                dlt.sql_task("sql", file="join.sql", parameters={"day": True}, unsafe_sql=True,
                             depends_on=[dlt.outcome(check, is_true=True)]),
                dlt.for_each_task("loop", [1, "x"], join, concurrency=3, depends_on=[check]),
                dlt.run_job_task("other", parameters={"x": 1}, disabled=True),
                dlt.shell_task("say", ["echo", 1], environment={"A": "b"}),
            ]
        ''',
    )
    (tmp_path / "dlt_lite.yml").write_text("")
    (tmp_path / "pipelines" / "daily" / "job.yml").write_text(
        dedent(
            """
            description: all of it
            parameters: [{name: day, default: "{{job.start_time.iso_date}}"}]
            schedule: {quartz_cron_expression: 0 0 2 * * ?}
            tags: {team: shop}
            queue: {enabled: true}
            timeout_seconds: 60
            tasks:
              - task_key: clicks
                pipeline_task: {pipeline_id: clicks, full_refresh_selection: [a]}
              - &join
                task_key: join
                depends_on: [{task_key: clicks}]
                max_retries: 2
                run_if: ALL_DONE
                callable_task: {function: "job.py:join", parameters: {n: 1}}
              - task_key: check
                depends_on: [{task_key: join}]
                condition_task: {op: GREATER_THAN, left: "{{tasks.join.values.n}}", right: 0}
              - task_key: sql
                depends_on: [{task_key: check, outcome: "true"}]
                sql_task: {file: {path: join.sql}, parameters: {day: true}, unsafe_sql: true}
              - task_key: loop
                depends_on: [{task_key: check}]
                for_each_task: {inputs: [1, x], concurrency: 3, task: *join}
              - task_key: other
                disabled: true
                run_job_task: {job_id: other, job_parameters: {x: 1}}
              - {task_key: say, shell_task: {command: [echo, 1], environment: {A: b}}}
            """
        )
    )

    read = load_project(tmp_path, environ={"HOME": str(tmp_path)}).jobs["daily"]

    assert without_places(written) == without_places(read)


def test_decorators_need_no_parentheses_and_dependencies_may_be_written_as_in_yaml(tmp_path):
    job = loaded(
        tmp_path,
        """
        @dlt.task
        def first(): ...

        @dlt.task(depends_on=[{"task_key": "first"}, {"task_key": "check", "outcome": True}])
        def second(): ...

        @dlt.job
        def daily():
            check = dlt.condition_task("check", 1, "EQUAL_TO", 1)
            last = dlt.pipeline_task("p", depends_on=[{"task_key": "check", "outcome": "false"}])
            return [first, check, second, last]
        """,
    )

    waits = {
        task.key: [(each.task_key, each.outcome) for each in task.depends_on] for task in job.tasks
    }
    assert job.name == "daily"
    assert waits == {
        "first": [],
        "check": [],
        "second": [("first", None), ("check", "true")],
        "p": [("check", "false")],
    }


def test_outside_of_a_job_file_decorators_hand_functions_back():
    @dlt.task
    def first(): ...

    @dlt.job
    def daily():
        return [first]

    assert daily() == [first]


def test_triggers_and_who_is_told_are_written_as_in_yaml(tmp_path):
    written = loaded(
        tmp_path,
        """
        @dlt.task(health={"rules": [{"metric": "RUN_DURATION_SECONDS", "value": 60}]},
                  webhook_notifications={"on_start": [{"url": "https://chat/{{job.run_id}}"}]})
        def join(): ...

        @dlt.job(triggers=[{"file_arrival": {"url": "landing"}}, {"continuous": {}}],
                 webhook_notifications={"on_failure": [{"url": "{{secrets/chat/url}}"}]},
                 notification_settings={"no_alert_for_canceled_runs": True})
        def daily():
            return [join]
        """,
    )
    (tmp_path / "dlt_lite.yml").write_text("")
    (tmp_path / "pipelines" / "daily" / "job.yml").write_text(
        dedent(
            """
            triggers: [{file_arrival: {url: landing}}, {continuous: {}}]
            webhook_notifications: {on_failure: [{url: "{{secrets/chat/url}}"}]}
            notification_settings: {no_alert_for_canceled_runs: true}
            tasks:
              - task_key: join
                callable_task: {function: "job.py:join"}
                health: {rules: [{metric: RUN_DURATION_SECONDS, value: 60}]}
                webhook_notifications: {on_start: [{url: "https://chat/{{job.run_id}}"}]}
            """
        )
    )
    read = load_project(tmp_path, environ={"HOME": str(tmp_path)}).jobs["daily"]

    assert without_places(written.triggers) == without_places(read.triggers)
    assert without_places(written.notifications) == without_places(read.notifications)
    assert without_places(written.tasks[0].notifications) == without_places(
        read.tasks[0].notifications
    )
    assert written.notifications.hooks


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ('trigger={"file_arival": {"url": "x"}}', "'file_arival' is no key of a trigger"),
        ('trigger={"periodic": {"unit": "DAYS"}}', "needs 'interval'"),
        ('webhook_notifications={"on_fail": []}', "'on_fail' is no key"),
        ('webhook_notifications={"on_start": [{"id": "3"}]}', "'webhook_notifications.on_start"),
        ('health={"rules": 3}', "'rules' must be a list"),
        ("trigger=[1]", "must be of the type dict"),
    ],
)
def test_what_no_dictionary_may_say_is_refused_with_its_line(tmp_path, option, said):
    errors = refusals(
        tmp_path,
        f"""
        @dlt.task()
        def a(): ...

        @dlt.job({option})
        def daily():
            return [a]
        """,
    )

    [error] = [each for each in errors if said in each.what]
    assert str(error.origin).startswith("pipelines/daily/job.py:6")


def test_a_task_knows_its_file_and_line(tmp_path):
    job = loaded(tmp_path, "@dlt.task()\ndef a(): ...\n\n@dlt.job()\ndef daily():\n    return [a]")

    assert str(job.origin) == "pipelines/daily/job.py:5"
    assert str(job.tasks[0].origin) == "pipelines/daily/job.py:2"
    assert job.tasks[0].work == CallableTask(tmp_path / "pipelines/daily/job.py", "a")


def test_a_decorated_function_stays_itself_and_nothing_is_recorded_outside_of_loading():
    def function():
        return 1

    assert dlt.task(key="x")(function) is function
    assert dlt.job()(function) is function
    assert dlt.pipeline_task("clicks").run_if is RunIf.ALL_SUCCESS


def test_a_loop_may_repeat_a_task_that_is_no_function(tmp_path):
    job = loaded(
        tmp_path,
        """
        @dlt.job()
        def daily():
            return [dlt.for_each_task("loop", "{{job.parameters.x}}", dlt.pipeline_task("p"))]
        """,
    )

    assert isinstance(job.tasks[0].work, ForEachTask)
    assert job.tasks[0].work.inputs.raw == "{{job.parameters.x}}"


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("x = (", FileBroken, "syntax error"),
        ("import nowhere", MissingModule, "'nowhere'"),
        ("1 / 0", FileBroken, "ZeroDivisionError"),
        ("", BadJob, "declares no job"),
        ("@dlt.job()\ndef daily(): ...", BadJob, "lists no tasks"),
        ("@dlt.job()\ndef daily(): return [len]", BadJob, "lists len, which is no task"),
        ("@dlt.job()\ndef daily(): return 1 / 0", FileBroken, "ZeroDivisionError"),
        ("@dlt.job(retries=1)\ndef daily(): return []", BadJob, "'retries' is no option"),
        ("@dlt.job(queue=1)\ndef daily(): return []", BadJob, "'queue' must be of the type bool"),
        (
            "@dlt.job()\ndef daily(): return [dlt.pipeline_task('a', max_retries='1')]",
            BadTask,
            "'max_retries' must be of the type int",
        ),
        (
            "@dlt.task(max_retrys=2)\ndef f(): ...\n@dlt.job\ndef daily(): return [f]",
            BadTask,
            "'max_retrys' is no option",
        ),
        (
            "@dlt.job()\ndef daily(): return [dlt.pipeline_task('a', run_if='ALWAYS')]",
            BadTask,
            "run_if must not be 'ALWAYS'",
        ),
        (
            "@dlt.job()\ndef daily(): return [dlt.pipeline_task('a', depends_on=[len])]",
            BadTask,
            "depends on len, which is no task",
        ),
        (
            "@dlt.job()\ndef daily(): return [dlt.sql_task('a')]",
            BadTask,
            "either a query or a file",
        ),
        (
            "@dlt.job()\ndef daily(): return [dlt.python_file_task('a', 'x.py')]",
            BadTask,
            "no file 'x.py'",
        ),
        (
            "@dlt.job()\ndef daily(): return [dlt.shell_task('a', 'rm x')]",
            BadTask,
            "a list, not one text",
        ),
        (
            "@dlt.job()\ndef daily():\n    @dlt.task()\n    def a(): ...\n    return [a]",
            BadTask,
            "inside another function",
        ),
        (
            "@dlt.job('nightly')\ndef daily(): return []",
            BadJob,
            "takes no value by place: 'nightly'",
        ),
        (
            "@dlt.task('a')\ndef f(): ...\n@dlt.job\ndef daily(): return [f]",
            BadTask,
            "takes no value by place: 'a'",
        ),
        (
            "@dlt.job\ndef daily(): return [dlt.pipeline_task('a', depends_on=[{'task': 'b'}])]",
            BadTask,
            "'task' is no key of a dependency of task 'a'",
        ),
        (
            "@dlt.job\ndef daily(): return [dlt.pipeline_task('a', depends_on=[{}])]",
            BadTask,
            "a dependency of task 'a' has no text 'task_key'",
        ),
        (
            """
            W = [{'task_key': 'b', 'outcome': 'maybe'}]

            @dlt.job
            def daily(): return [dlt.pipeline_task('a', depends_on=W)]
            """,
            BadTask,
            "the outcome 'maybe' of 'b' cannot be",
        ),
    ],
)
def test_what_cannot_be_declared_is_refused_with_its_line(tmp_path, text, kind, said):
    [error] = refusals(tmp_path, text)

    assert isinstance(error, kind)
    assert said in error.what
    assert error.origin is not None
    assert error.origin.path.startswith("pipelines/daily")


def test_an_option_that_was_misspelt_is_told_with_what_was_meant(tmp_path):
    text = "@dlt.task(max_retrys=2)\ndef f(): ...\n@dlt.job\ndef daily(): return [f]"

    [error] = refusals(tmp_path, text)

    assert error.fix == "did you mean 'max_retries'?"


def test_all_broken_files_are_told_together(tmp_path):
    files = [a_file(tmp_path, "1 / 0", name="a"), a_file(tmp_path, "x = (", name="b")]

    with pytest.raises(ErrorGroup) as caught:
        load_job_files(files, root=tmp_path, known=())

    assert len(caught.value.errors) == 2


def test_a_name_that_yaml_already_has_is_refused(tmp_path):
    file = a_file(tmp_path, "@dlt.job()\ndef daily(): return []")
    known = Job("Daily", "Daily", tmp_path, (), Origin("job.yml", 1))

    with pytest.raises(DuplicateJob, match=r"job\.yml:1"):
        load_job_files([file], root=tmp_path, known=[known])

    others = load_job_files([file], root=tmp_path, known=[replace(known, name="other")])
    assert [job.name for job in others] == ["other", "daily"]


def test_two_jobs_may_have_helpers_of_one_name(tmp_path):
    text = """
    import helper

    @dlt.job(name=helper.NAME)
    def daily():
        return []
    """
    files = []
    for name in ("a", "b"):
        files.append(a_file(tmp_path, text, name=name))
        (tmp_path / "pipelines" / name / "helper.py").write_text(f"NAME = 'job_{name}'")

    assert [job.name for job in load_job_files(files, root=tmp_path, known=())] == [
        "job_a",
        "job_b",
    ]


def test_all_jobs_of_a_project_are_found_by_name_and_judged(tmp_path):
    a_file(tmp_path, "@dlt.job()\ndef daily(): return [dlt.pipeline_task('clicks')]")
    (tmp_path / "dlt_lite.yml").write_text("")
    other = tmp_path / "pipelines" / "other"
    other.mkdir()
    (other / "job.yml").write_text("tasks: [{task_key: a, run_job_task: {job_id: daily}}]")
    project = load_project(tmp_path, environ={"HOME": str(tmp_path)})

    jobs = jobs_of(project)

    assert list(jobs) == ["daily", "other"]
    assert job_of(project, "other") == jobs["other"]
    assert [type(each) for each in problems_of_jobs(project, jobs)] == [UnknownPipeline]
    with pytest.raises(UnknownPipeline):
        job_of(project, "daily")
    with pytest.raises(UnknownJob) as caught:
        job_of(project, "dialy")
    assert caught.value.fix == "did you mean 'daily'?"


class Kept:
    """A scope that knows one value and keeps what it is given."""

    def __init__(self):
        self.values = {}

    def put(self, key, value):
        if value is None:
            raise BadTaskValue("refused")
        self.values[key] = value

    def look_up(self, task_key, key):
        return {("a", "n"): 3}[task_key, key]


def test_task_values_reach_the_task_that_runs():
    kept = Kept()

    with running_task(kept):
        dlt.task_values.set("rows", 5)
        found = (
            dlt.task_values.get("a", "n"),
            dlt.task_values.get("a", "m", default=4),
            dlt.task_values.get("a", "n", debug_value=9),
        )
        with pytest.raises(ReferenceMissing, match="'b' has set no value 'n'"):
            dlt.task_values.get("b", "n")

    assert kept.values == {"rows": 5}
    assert found == (3, 4, 3)


def test_task_values_outside_of_a_run_do_nothing():
    dlt.task_values.set("rows", object())

    assert dlt.task_values.get("a", "n", default=1, debug_value=2) == 2
