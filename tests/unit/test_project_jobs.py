"""Job files: every key of Databricks' arrives typed, or is refused, or is said to do nothing."""

from __future__ import annotations

from textwrap import dedent

import pytest

from dlt_lite.errors import BadValue, BadYaml, DltLiteError, DuplicateJob, ErrorGroup, UnknownKey
from dlt_lite.model.jobs import (
    CallableTask,
    Comparison,
    ConditionTask,
    ForEachTask,
    HookEvent,
    PipelineTask,
    PythonFileTask,
    Retries,
    RunIf,
    RunJobTask,
    ShellTask,
    SqlFileTask,
    SqlQueryTask,
    WheelTask,
)
from dlt_lite.model.triggers import (
    ContinuousTrigger,
    CronTrigger,
    FileArrivalTrigger,
    JobCompletionTrigger,
    PeriodicTrigger,
    PeriodUnit,
    TableUpdateTrigger,
)
from dlt_lite.project.loading import load_project

TARGETS = "targets: {prod: {}, stage: {}}"


def a_project(folder, *, project="", **jobs):
    """Make a project whose jobs have these files; `train.py` and `join.sql` lie beside each."""
    (folder / "dlt_lite.yml").write_text(dedent(project))
    for name, text in jobs.items():
        place = folder / "pipelines" / name
        place.mkdir(parents=True)
        (place / "job.yml").write_text(dedent(text))
        (place / "train.py").write_text("")
        (place / "join.sql").write_text("SELECT 1")
    return folder


def loaded(folder, *, environ=None, **jobs):
    return load_project(a_project(folder, **jobs), environ={"HOME": str(folder), **(environ or {})})


def only_job(folder, text, **environ):
    [job] = loaded(folder, environ=environ, daily=text).jobs.values()
    return job


def only_task(folder, text, **environ):
    [task] = only_job(folder, "tasks:\n" + dedent(text), **environ).tasks
    return task


def refusals(folder, text, **others):
    with pytest.raises(DltLiteError) as caught:
        loaded(folder, daily=text, **others)
    error = caught.value
    return list(error.errors) if isinstance(error, ErrorGroup) else [error]


def refusal(folder, text):
    [error] = refusals(folder, text)
    return error


def raw(texts):
    return {name: text.raw for name, text in texts.items()}


def test_a_folder_with_a_job_file_and_no_pipeline_file_is_a_job(tmp_path):
    project = loaded(tmp_path, daily="tasks: [{task_key: a, pipeline_task: {pipeline_id: clicks}}]")

    assert list(project.jobs) == ["daily"]
    assert project.pipelines == {}
    job = project.jobs["daily"]
    assert (job.name, job.title, job.folder.name) == ("daily", "daily", "daily")
    assert str(job.tasks[0].origin) == "pipelines/daily/job.yml:1:10"


def test_every_key_of_a_job_reaches_its_record(tmp_path):
    job = only_job(
        tmp_path,
        """
        name: Shop, daily
        description: all of it
        tags: {team: shop, cost: 12}
        parameters:
          - {name: day, default: "{{job.trigger.time.iso_date}}"}
          - {name: limit, default: 10}
        max_concurrent_runs: 3
        queue: {enabled: true}
        timeout_seconds: 3600
        parallel_tasks: 2
        health: {rules: [{metric: RUN_DURATION_SECONDS, op: GREATER_THAN, value: 60}]}
        webhook_notifications:
          on_failure: [{url: "{{secrets/chat/url}}"}]
          on_start: [{command: [notify, "{{job.run_id}}"]}]
        notification_settings: {no_alert_for_skipped_runs: true, no_alert_for_canceled_runs: true}
        tasks: []
        """,
    )

    assert (job.name, job.title, job.description) == ("daily", "Shop, daily", "all of it")
    assert job.tags == {"team": "shop", "cost": "12"}
    assert {each.name: each.default.raw for each in job.parameters} == {
        "day": "{{job.trigger.time.iso_date}}",
        "limit": "10",
    }
    assert (job.max_concurrent_runs, job.queue) == (3, True)
    assert (job.timeout_seconds, job.parallel_tasks) == (3600, 2)
    told = job.notifications
    assert (told.slow_after_seconds, told.silent_if_skipped, told.silent_if_canceled) == (
        60,
        True,
        True,
    )
    assert [(each.event, each.url is None) for each in told.hooks] == [
        (HookEvent.ON_START, True),
        (HookEvent.ON_FAILURE, False),
    ]


def test_every_option_of_a_task_reaches_its_record(tmp_path):
    task = only_task(
        tmp_path,
        """
        - task_key: train
          description: a model
          depends_on: [{task_key: check, outcome: "true"}, {task_key: join}]
          run_if: NONE_FAILED
          disabled: true
          max_retries: -1
          min_retry_interval_millis: 500
          retry_on_timeout: true
          timeout_seconds: 60
          isolated: true
          callable_task: {function: "shop.model:train"}
        """,
    )

    assert (task.key, task.description, task.run_if) == ("train", "a model", RunIf.NONE_FAILED)
    assert [(each.task_key, each.outcome) for each in task.depends_on] == [
        ("check", "true"),
        ("join", None),
    ]
    assert task.retries == Retries(-1, 500, on_timeout=True)
    assert (task.timeout_seconds, task.isolated, task.disabled) == (60, True, True)


def test_a_pipeline_task_takes_selections_and_parameters(tmp_path):
    work = only_task(
        tmp_path,
        """
        - task_key: a
          pipeline_task:
            pipeline_id: ${resources.pipelines.clicks.id}
            parameters: {landing: in, days: 3}
            full_refresh: true
            refresh_selection: [bronze, silver+]
            full_refresh_selection: [gold]
            reset_checkpoint_selection: [flow]
        """,
    ).work

    assert isinstance(work, PipelineTask)
    assert (work.pipeline, raw(work.parameters)) == ("clicks", {"landing": "in", "days": "3"})
    assert work.full_refresh
    assert (work.refresh_selection, work.full_refresh_selection) == (
        ("bronze", "silver+"),
        ("gold",),
    )
    assert work.reset_checkpoint_selection == ("flow",)


@pytest.mark.parametrize(
    ("text", "kind", "listed"),
    [
        ("spark_python_task: {python_file: train.py, parameters: [-n, 3]}", PythonFileTask, "-n 3"),
        ("python_wheel_task: {package_name: p, entry_point: e, parameters: [x]}", WheelTask, "x"),
        ("shell_task: {command: [echo, a b]}", ShellTask, "echo a b"),
        ("shell_task: {command: echo a}", ShellTask, "/bin/sh -c echo a"),
    ],
)
def test_kinds_that_take_arguments_keep_their_order(tmp_path, text, kind, listed):
    work = only_task(tmp_path, f"- {{task_key: a, {text}}}").work

    assert isinstance(work, kind)
    assert " ".join(each.raw for each in work.arguments) == listed


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("callable_task: {function: train.py:fit, parameters: {x: 1}}", CallableTask),
        (
            "python_wheel_task: {package_name: p, entry_point: e, named_parameters: {x: 1}}",
            WheelTask,
        ),
        ("sql_task: {file: {path: join.sql}, parameters: {x: 1}}", SqlFileTask),
        ("sql_task: {query: SELECT 1, parameters: {x: 1}}", SqlQueryTask),
        ("sql_task: {query: {query: SELECT 1}, parameters: {x: 1}}", SqlQueryTask),
        ("run_job_task: {job_id: other, job_parameters: {x: 1}}", RunJobTask),
        ("shell_task: {command: [env], environment: {x: 1}}", ShellTask),
    ],
)
def test_kinds_that_take_named_parameters_get_them_as_text(tmp_path, text, kind):
    work = only_task(tmp_path, f"- {{task_key: a, {text}}}").work

    assert isinstance(work, kind)
    assert raw(work.parameters) == {"x": "1"}


def test_a_condition_compares_two_texts(tmp_path):
    work = only_task(
        tmp_path,
        """
        - task_key: a
          condition_task: {op: GREATER_THAN, left: "{{tasks.b.values.n}}", right: 3}
        """,
    ).work

    assert isinstance(work, ConditionTask)
    assert (work.op, work.left.raw, work.right.raw) == (
        Comparison.GREATER_THAN,
        "{{tasks.b.values.n}}",
        "3",
    )


@pytest.mark.parametrize(
    ("inputs", "kept"),
    [
        ("'[1, 2]'", "[1, 2]"),
        ("[1, x, true, null, {a: 1.5}]", '[1, "x", true, null, {"a": 1.5}]'),
        ('"{{tasks.b.values.days}}"', "{{tasks.b.values.days}}"),
    ],
)
def test_inputs_of_a_loop_are_json_or_a_reference(tmp_path, inputs, kept):
    work = only_task(
        tmp_path,
        f"""
        - task_key: loop
          for_each_task:
            inputs: {inputs}
            concurrency: 4
            task: {{task_key: one, callable_task: {{function: "m:f"}}}}
        """,
    ).work

    assert isinstance(work, ForEachTask)
    assert (work.inputs.raw, work.concurrency, work.task.key) == (kept, 4, "one")


def test_bundles_are_read_as_they_are(tmp_path):
    project = loaded(
        tmp_path,
        daily="""
        resources:
          schemas: {main: {name: main}}
          pipelines:
            clicks:
              name: Clicks on ${bundle.target}
              catalog: main
              target: web
              serverless: true
              configuration: {landing: "in/${bundle.target}", keep: "${env.HOME}"}
              libraries: [{file: {path: train.py}}]
          jobs:
            nightly:
              name: Nightly ${bundle.target}
              tasks:
                - task_key: ingest
                  pipeline_task: {pipeline_id: "${resources.pipelines.clicks.id}"}
                - task_key: join
                  depends_on: [{task_key: ingest}]
                  spark_python_task: {python_file: train.py, parameters: ["${secrets.db.pass}"]}
        """,
    )

    [job] = project.jobs.values()
    assert (job.name, job.title) == ("nightly", "Nightly dev")
    assert job.tasks[1].work.arguments[0].raw == "{{secrets/db/pass}}"
    [clicks] = project.pipelines.values()
    assert (clicks.name, clicks.namespace.catalog, clicks.namespace.schema) == (
        "clicks",
        "main",
        "web",
    )
    assert clicks.configuration == {"landing": "in/dev", "keep": str(tmp_path)}
    assert [path.name for path in clicks.files] == ["train.py"]
    assert [each.key for each in project.ignored_keys] == [
        "resources.pipelines.clicks.serverless",
        "resources.schemas",
    ]


BUNDLE = """
bundle: {name: shop}
include: [resources/*.yml]
workspace: {host: "https://example.cloud.databricks.com"}
variables:
  zone: {description: where, default: UTC}
  tries: {default: 2}
  words: {default: [a, "${bundle.target}"], type: complex}
  cluster: {lookup: {cluster: shared}}
resources:
  jobs:
    nightly:
      name: ${bundle.name} nightly
      deployment: {kind: BUNDLE, metadata_file_path: "${workspace.state_path}/m.json"}
      schedule: {quartz_cron_expression: "0 0 2 * * ?", timezone_id: "${var.zone}"}
      tasks:
        - task_key: a
          max_retries: ${var.tries}
          existing_cluster_id: ${var.cluster}
          shell_task: {command: "${var.words}", environment: {Z: "in ${var.zone}"}}
targets:
  dev: {default: true, mode: development, workspace: {host: "https://dev"}, variables: {tries: 0}}
  production: {mode: production, resources: {jobs: {nightly: {max_concurrent_runs: 3}}}}
"""


@pytest.mark.parametrize(
    ("environ", "zone", "tries"),
    [({}, "UTC", 0), ({"BUNDLE_VAR_zone": "Asia/Tokyo", "BUNDLE_VAR_tries": "7"}, "Asia/Tokyo", 7)],
)
def test_the_file_of_a_bundle_is_read_as_it_is(tmp_path, environ, zone, tries):
    project = loaded(tmp_path, environ=environ, project="shell_tasks: true", daily=BUNDLE)

    [job] = project.jobs.values()
    [task] = job.tasks
    assert job.title == "shop nightly"
    assert job.triggers[0].timezone == zone
    assert [each.raw for each in task.work.arguments] == ["a", "dev"]
    assert task.work.parameters["Z"].raw == f"in {zone}"
    assert task.retries.most == tries
    assert [each.key for each in project.ignored_keys] == [
        "bundle",
        "include",
        "workspace",
        "targets.dev.default",
        "targets.dev.mode",
        "targets.dev.workspace",
        "targets.production",
        "deployment",
        "tasks.a.existing_cluster_id",
    ]


@pytest.mark.parametrize(
    ("reference", "remedy"),
    [
        ("${workspace.file_path}", "there is no workspace here: write the value itself"),
        ("${var.none}", "give it a `default` below `variables`, beside `resources`"),
        ("${var.nothing}", "or set BUNDLE_VAR_NAME"),
        ("${bundle.uuid}", "there are ${bundle.target} and"),
        ("${secrets.a}", "write ${secrets.SCOPE.KEY}"),
    ],
)
def test_a_reference_of_a_bundle_that_has_no_value_says_what_to_write(tmp_path, reference, remedy):
    text = f"""
        variables: {{nothing: {{}}}}
        resources:
          jobs:
            a:
              description: "{reference}"
              tasks: [{{task_key: a, callable_task: {{function: 'm:f'}}}}]
        """

    error = refusal(tmp_path, text)

    assert error.origin.line == 6
    assert error.fix.startswith(remedy) or error.fix.endswith(remedy)


def test_a_target_changes_the_pipelines_of_a_bundle_and_root_path_their_folder(tmp_path):
    a_project(
        tmp_path,
        project=TARGETS,
        daily="""
        resources:
          pipelines:
            clicks:
              root_path: ../other
              configuration: {a: 1, b: 2}
              libraries: [{glob: {include: "*.py"}}]
        targets:
          prod: {resources: {pipelines: {clicks: {schema: live, configuration: {b: 3}}}}}
        """,
        other="tasks: [{task_key: a, callable_task: {function: 'm:f'}}]",
    )

    found = load_project(tmp_path, environ={"HOME": str(tmp_path)}, target="prod")

    clicks = found.pipelines["clicks"]
    assert (clicks.namespace.schema, clicks.configuration) == ("live", {"a": "1", "b": "3"})
    assert [path.parent.name for path in clicks.files] == ["other"]


@pytest.mark.parametrize(
    ("pipeline", "said"),
    [
        ("{serverles: true, libraries: [{file: {path: train.py}}]}", "'serverles' is no key"),
        ("{name: x}", "names no libraries"),
        ("[1]", "must be keys and values"),
        ("{libraries: [{file: {path: ../../../x.py}}]}", "outside the project"),
        ("{root_path: /x, libraries: [{file: {path: train.py}}]}", "not a relative path"),
        ("{libraries: [{jar: x}]}", "'jar' is no key of a library"),
    ],
)
def test_what_a_bundle_may_not_say_of_a_pipeline_is_refused(tmp_path, pipeline, said):
    errors = refusals(tmp_path, f"resources:\n  pipelines:\n    clicks: {pipeline}")

    assert any(said in error.what for error in errors)
    assert all(error.origin.path == "pipelines/daily/job.yml" for error in errors)


def test_the_project_file_may_hold_resources(tmp_path):
    project = loaded(
        tmp_path,
        project="""
        resources:
          jobs:
            inline: {tasks: [{task_key: a, callable_task: {function: "m:f"}}]}
        """,
        daily="tasks: []",
    )

    assert list(project.jobs) == ["daily", "inline"]


def test_what_only_databricks_can_honour_is_listed_with_its_reason_and_line(tmp_path):
    project = loaded(
        tmp_path,
        daily="""
        job_clusters: [{job_cluster_key: big}]
        permissions: [{level: CAN_VIEW}]
        email_notifications: {on_failure: [a@b.c]}
        tasks:
          - task_key: a
            job_cluster_key: big
            libraries: [{pypi: {package: x}}]
            sql_task: {warehouse_id: w, query: SELECT 1}
        """,
    )

    listed = {each.key: each for each in project.ignored_keys}
    assert list(listed) == [
        "job_clusters",
        "permissions",
        "email_notifications",
        "tasks.a.job_cluster_key",
        "tasks.a.libraries",
        "tasks.a.sql_task.warehouse_id",
    ]
    assert {each.job for each in listed.values()} == {"daily"}
    assert all(each.reason for each in listed.values())
    assert listed["tasks.a.libraries"].origin.line == 8


def test_all_triggers_reach_their_records(tmp_path):
    job = only_job(
        tmp_path,
        """
        tasks: []
        triggers:
          - schedule: {quartz_cron_expression: 0 0 2 * * ?, timezone_id: Europe/Berlin}
            pause_status: PAUSED
          - periodic: {interval: 2, unit: HOURS}
          - file_arrival: {url: landing, min_time_between_triggers_seconds: 60}
          - table_update: {table_names: [a, b], condition: ALL_UPDATED}
          - continuous: {task_retry_mode: ON_FAILURE}
          - job_completion: {jobs: [other], if_status: FAILED}
        """,
    )

    cron, periodic, files, tables, continuous, completion = job.triggers
    assert isinstance(cron, CronTrigger)
    assert (cron.expression, cron.timezone, cron.paused) == ("0 0 2 * * ?", "Europe/Berlin", True)
    assert isinstance(periodic, PeriodicTrigger)
    assert (periodic.interval, periodic.unit, periodic.paused) == (2, PeriodUnit.HOURS, False)
    assert isinstance(files, FileArrivalTrigger)
    assert (files.url, files.min_seconds_between, files.seconds_of_quiet) == ("landing", 60, 0)
    assert isinstance(tables, TableUpdateTrigger)
    assert tables.tables == ("a", "b")
    assert isinstance(continuous, ContinuousTrigger)
    assert continuous.retries_tasks
    assert isinstance(completion, JobCompletionTrigger)
    assert completion.jobs == ("other",)


def test_another_jobs_end_stands_below_trigger_too(tmp_path):
    job = only_job(tmp_path, "tasks: []\ntrigger: {job_completion: {jobs: [other]}}")

    [trigger] = job.triggers
    assert isinstance(trigger, JobCompletionTrigger)
    assert trigger.jobs == ("other",)


def test_a_retry_mode_that_is_not_honoured_is_listed(tmp_path):
    found = loaded(tmp_path, daily="tasks: []\ncontinuous: {task_retry_mode: ON_FAILURE}")

    [key] = found.ignored_keys
    assert (key.key, key.origin.line) == ("continuous.task_retry_mode", 2)


def test_the_older_keys_of_triggers_still_work(tmp_path):
    job = only_job(
        tmp_path,
        """
        tasks: []
        schedule: {quartz_cron_expression: 0 0 2 * * ?, pause_status: PAUSED}
        trigger: {periodic: {interval: 1}}
        """,
    )

    cron, periodic = job.triggers
    assert (cron.timezone, cron.paused) == ("UTC", True)
    assert periodic.unit is PeriodUnit.DAYS


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("task: []", "'task' is no key of a job"),
        ("tasks: [{task_key: a, depend_on: [], callable_task: {function: 'm:f'}}]", "'depend_on'"),
        ("tasks: [{task_key: a, callable_task: {funktion: x, function: 'm:f'}}]", "'funktion'"),
    ],
)
def test_a_misspelt_key_is_refused_with_its_line_and_what_was_meant(tmp_path, text, said):
    error = refusal(tmp_path, "\n" + text)

    assert isinstance(error, UnknownKey)
    assert said in error.what
    assert error.origin.line == 2
    assert error.fix.startswith("did you mean")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tasks: 3", "'tasks' must be a list, not a whole number"),
        ("tasks: [3]", "must be keys and values, not a whole number"),
        ("tasks: []\ntimeout_seconds: soon", "must be a whole number, not text"),
        ("tasks: []\ntimeout_seconds: -1", "must be a whole number from 0"),
        ("tasks: []\ntimeout_seconds: '60'", "must be a whole number, not text"),
        ("tasks: []\nmax_concurrent_runs: 0", "from 1 to 1,000"),
        ("tasks: []\nmax_concurrent_runs: [1]", "must be a whole number, not a list"),
        ("tasks: [{task_key: [a], sql_task: {query: x}}]", "must be one value, not a list"),
        ("tasks: [{task_key: a, for_each_task: {inputs: [1], concurrency: 1000}}]", "to 100"),
        ("tasks: []\ntags: [a]", "'tags' must be keys and values, not a list"),
        ("tasks: []\nqueue: {enabled: 1}", "'enabled' must be true or false"),
        ("tasks: []\nparameters: [{name: x}]", "a job parameter needs 'default'"),
        ("tasks: []\nparameters: {x: 1}", "'parameters' must be a list, not a mapping"),
        ("tasks: [{task_key: a}]", "a task does nothing"),
        ("tasks: [{callable_task: {function: 'm:f'}}]", "a task needs 'task_key'"),
        ("tasks: [{task_key: a, notebook_task: {}}]", "notebook_task is not known"),
        ("tasks: [{task_key: a, sql_task: {query: x}, shell_task: {command: [x]}}]", "both"),
        ("tasks: [{task_key: a, sql_task: {}}]", "either a query or a file"),
        ("tasks: [{task_key: a, sql_task: {query: {query_id: 3}}}]", "query_id"),
        ("tasks: [{task_key: a, callable_task: {function: train}}]", "'train' names no function"),
        ("tasks: [{task_key: a, shell_task: {}}]", "a shell_task needs 'command'"),
        ("tasks: [{task_key: a, for_each_task: {task: {}}}]", "needs 'inputs'"),
        ("tasks: [{task_key: a, spark_python_task: {python_file: trian.py}}]", "no file"),
        ("tasks: [{task_key: a, spark_python_task: {python_file: ../../../x.py}}]", "outside"),
        ("tasks: [{task_key: a, spark_python_task: {python_file: /etc/passwd}}]", "relative"),
        ("tasks: [{task_key: a, sql_task: {query: SELECT 1}, run_if: ALL_SUCESS}]", "'ALL_SUCESS'"),
        ("tasks: []\ntrigger: {periodic: {unit: DAYS}}", "needs 'interval'"),
        ("tasks: []\ntrigger: {file_arrival: {url: x, wait_after_last_change_seconds: 5}}", "60"),
        ("tasks: []\nschedule: {timezone_id: UTC}", "needs 'quartz_cron_expression'"),
        ("tasks: []\ntriggers: []\nschedule: {quartz_cron_expression: x}", "excludes"),
        ("tasks: []\ncontinuous: {}\nschedule: {quartz_cron_expression: x}", "excludes"),
        ("tasks: []\nname: ${var.x}", "is no reference"),
        ("resources: {jobs: {a: {tasks: []}}}\ntasks: []", "beside `resources`"),
        ("resources: {jobs: {a b: {tasks: []}}}", "the job 'a b' must be"),
        ("resources: {jobs: {a: 1}}", "the job 'a' must be keys and values"),
        ("resources: {jobs: [a]}", "resources.jobs must be keys and values"),
        ("tasks: []\ntargets: [dev]", "targets must be names"),
        ("tasks: []\ntargets: {dev: 1}", "the target 'dev' must be"),
    ],
)
def test_a_value_of_the_wrong_form_is_refused_and_the_way_out_told(tmp_path, text, said):
    errors = refusals(tmp_path, text)

    assert [error.what for error in errors if not error.fix] == []

    assert any(said in error.what for error in errors)
    assert all(isinstance(error, BadValue) and error.origin.line for error in errors)


@pytest.mark.parametrize("inner", ["{}", "{function: }", "{parameters: {}}"])
def test_a_callable_task_without_a_function_is_refused_at_its_place(tmp_path, inner):
    error = refusal(tmp_path, f"tasks:\n  - {{task_key: a, callable_task: {inner}}}")

    assert isinstance(error, BadValue)
    assert error.what == "a callable_task needs 'function'"
    assert str(error.origin) == "pipelines/daily/job.yml:2:34"


def test_a_misspelt_function_is_told_with_what_was_meant(tmp_path):
    errors = refusals(tmp_path, "tasks: [{task_key: a, callable_task: {functoin: 'm:f'}}]")

    assert [type(error) for error in errors] == [UnknownKey, BadValue]
    assert errors[0].fix.startswith("did you mean 'function'")


def test_all_problems_of_a_job_are_told_together(tmp_path):
    errors = refusals(
        tmp_path,
        """
        timeout_second: 3
        max_concurrent_runs: none
        tasks:
          - {task_key: a, sql_task: {query: SELECT 1}, run_if: NEVER}
          - {task_key: b, sql_task: {qery: SELECT 1}}
        """,
    )

    assert sorted(error.origin.line for error in errors) == [2, 3, 5, 6, 6]


def test_two_jobs_of_one_name_are_refused(tmp_path):
    [error] = refusals(tmp_path, "name: Same\ntasks: []", other="name: same\ntasks: []")

    assert isinstance(error, DuplicateJob)
    assert "pipelines/daily/job.yml:1:1" in error.what


def test_a_folder_cannot_be_a_job_and_a_pipeline(tmp_path):
    root = a_project(tmp_path, daily="tasks: []")
    (root / "pipelines" / "daily" / "pipeline.yml").write_text("")

    with pytest.raises(BadValue, match="one of the two"):
        load_project(root, environ={"HOME": str(tmp_path)})


def test_a_misspelt_file_name_is_told(tmp_path):
    root = a_project(tmp_path)
    place = root / "pipelines" / "daily"
    place.mkdir(parents=True)
    (place / "job.yaml").write_text("tasks: []")

    with pytest.raises(BadValue) as caught:
        load_project(root, environ={"HOME": str(tmp_path)})

    assert caught.value.fix == "rename job.yaml to job.yml"


def test_a_python_job_is_found_and_not_loaded(tmp_path):
    root = a_project(tmp_path)
    place = root / "pipelines" / "daily"
    place.mkdir(parents=True)
    (place / "job.py").write_text("raise SystemExit")

    project = load_project(root, environ={"HOME": str(tmp_path)})

    assert project.job_files == (place / "job.py",)


LAUGHS = "\n".join(
    [
        "x-a0: &a0 [x, x, x, x, x, x, x, x, x]",
        *(f"x-a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)),
        "tasks: *a9",
    ]
)


@pytest.mark.parametrize(
    "text",
    [
        "tasks: !!python/object/apply:os.system [x]",
        "tasks: []\ntasks: []",
        "a: &x [*x]",
        LAUGHS,
        "tasks: " + "[" * 5000,
        "tasks:\n\t- x",
        "tasks: []\n---\ntasks: []",
        "x-text: " + "x" * 11_000_000,
    ],
    ids=["tag", "twice", "circle", "laughs", "deep", "tab", "two", "large"],
)
def test_hostile_yaml_is_refused_as_in_any_other_file(tmp_path, text):
    assert isinstance(refusal(tmp_path, text), BadYaml)


@pytest.mark.parametrize(
    "path",
    [
        "../../../outside.py",
        "/etc/passwd",
        "~/x.py",
        "$HOME/x.py",
        "file:///etc/passwd",
        "\\\\host\\share\\x.py",
        "link.py",
        "x\\0.py",
    ],
)
@pytest.mark.parametrize(
    "work",
    [
        "spark_python_task: {{python_file: {path}}}",
        "sql_task: {{file: {{path: {path}}}}}",
        "callable_task: {{function: {function}}}",
    ],
)
def test_no_file_outside_of_the_project_is_ever_a_tasks(tmp_path, path, work):
    (tmp_path / "outside.py").touch()
    root = tmp_path / "project"
    place = root / "pipelines" / "daily"
    place.mkdir(parents=True)
    (place / "link.py").symlink_to(tmp_path / "outside.py")
    (root / "dlt_lite.yml").touch()
    quoted, function = f'"{path}"', f'"{path}:f"'
    if "\\" in path and "0" not in path:
        quoted, function = f"'{path}'", f"'{path}:f'"
    text = work.format(path=quoted, function=function)
    (place / "job.yml").write_text(f"tasks:\n  - task_key: a\n    {text}\n")

    with pytest.raises(DltLiteError) as caught:
        load_project(root, environ={"HOME": str(tmp_path)})

    assert caught.value.origin.path == "pipelines/daily/job.yml"
    assert caught.value.origin.line == 3


def test_variables_of_the_environment_are_filled_in_and_not_looked_at_again(tmp_path):
    job = only_job(
        tmp_path, "name: ${env.X}\ntasks: []\ntimeout_seconds: ${env.T}", X="${env.Y}", T="5"
    )

    assert (job.title, job.timeout_seconds) == ("${env.Y}", 5)


WITH_TARGETS = """
parameters: [{name: day, default: today}, {name: size, default: small}]
schedule: {quartz_cron_expression: "0 0 2 * * ?", timezone_id: Asia/Tokyo, pause_status: PAUSED}
tasks:
  - {task_key: a, max_retries: 3, callable_task: {function: "m:f", parameters: {x: 1, y: 2}}}
  - {task_key: b, depends_on: [{task_key: a}], callable_task: {function: "m:f"}}
targets:
  prod:
    parameters: [{name: size, default: large}]
    schedule: {pause_status: UNPAUSED}
    max_concurrent_runs: 2
    tasks:
      - {task_key: a, max_retries: null, callable_task: {parameters: {y: 3}}}
      - {task_key: c, depends_on: [{task_key: b}], callable_task: {function: "m:g"}}
"""


def seen_by(folder, target, text):
    project = a_project(folder, project=TARGETS, daily=text)
    found = load_project(project, environ={"HOME": str(folder)}, target=target)
    return next(iter(found.jobs.values()))


def test_a_target_changes_what_it_names_and_nothing_else(tmp_path):
    job = seen_by(tmp_path, "prod", WITH_TARGETS)

    assert [(each.name, each.default.raw) for each in job.parameters] == [
        ("day", "today"),
        ("size", "large"),
    ]
    [cron] = job.triggers
    assert (cron.expression, cron.timezone, cron.paused) == ("0 0 2 * * ?", "Asia/Tokyo", False)
    assert job.max_concurrent_runs == 2
    assert [task.key for task in job.tasks] == ["a", "b", "c"]
    first = job.tasks[0]
    assert (first.retries.most, first.work.function) == (0, "f")
    assert raw(first.work.parameters) == {"x": "1", "y": "3"}


@pytest.mark.parametrize("target", ["dev", "stage"])
def test_other_targets_see_the_job_as_it_is_written(tmp_path, target):
    job = seen_by(tmp_path, target, WITH_TARGETS)

    assert [task.key for task in job.tasks] == ["a", "b"]
    assert (job.triggers[0].paused, job.tasks[0].retries.most) == (True, 3)


def test_a_target_does_not_rename_a_job_for_commands(tmp_path):
    text = "name: daily_job\n" + WITH_TARGETS.replace("  prod:", "  prod:\n    name: other")

    job = seen_by(tmp_path, "prod", text)

    assert (job.name, job.title) == ("daily_job", "other")


def test_targets_of_a_bundle_change_its_resources(tmp_path):
    text = """
    resources:
      jobs:
        nightly:
          tasks: [{task_key: a, callable_task: {function: "m:f"}}]
    targets:
      prod: {resources: {jobs: {nightly: {timeout_seconds: 60}}}}
    """

    assert seen_by(tmp_path, "prod", text).timeout_seconds == 60


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("stag: {}", "no target is called 'stag'"),
        ("stage: {tsaks: []}", "'tsaks' is no key of a job"),
        ("prod: {timeout_secs: 1}", "'timeout_secs' is no key of a job"),
        ("prod: [1]", "must be keys of the job, not a list"),
    ],
)
def test_what_a_target_cannot_change_is_refused_whichever_target_is_chosen(tmp_path, change, said):
    task = "tasks: [{task_key: a, callable_task: {function: 'm:f'}}]"

    [error] = refusals(tmp_path, f"{task}\ntargets: {{{change}}}", project=TARGETS)

    assert said in error.what
    assert error.origin.line == 2


def test_a_misspelt_kind_of_task_is_one_error_and_no_second_one(tmp_path):
    error = refusal(tmp_path, "tasks: [{task_key: a, shell_tsk: {command: [x]}}]")

    assert error.fix == "did you mean 'shell_task'?"


def test_a_misspelt_key_beside_resources_is_refused_with_the_nearest_one(tmp_path):
    error = refusal(tmp_path, "variabels: {}\nresources: {jobs: {}}")

    assert isinstance(error, UnknownKey)
    assert (error.origin.line, "'variables'" in error.fix) == (1, True)
