"""What cannot be of a job is refused, with its place and a way out, and all of it together."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dlt_lite.errors import (
    BadDependency,
    BadForEach,
    BadJob,
    BadJobParameter,
    BadReference,
    BadSchedule,
    BadTask,
    DuplicateTask,
    ReferenceCycle,
    ShellNotAllowed,
    TaskCycle,
    UnknownJob,
    UnknownPipeline,
    UnknownTask,
    UnreachableReference,
)
from dlt_lite.jobs.schedules import is_over
from dlt_lite.jobs.sql_texts import problems_of_sql
from dlt_lite.jobs.subject import Around
from dlt_lite.jobs.validation import problems_of_job
from dlt_lite.model.jobs import (
    Comparison,
    ConditionTask,
    ForEachTask,
    Hook,
    HookEvent,
    Notifications,
    PipelineTask,
    PythonFileTask,
    RunJobTask,
    ShellTask,
    SqlFileTask,
    SqlQueryTask,
)
from dlt_lite.model.triggers import (
    CronTrigger,
    JobCompletionTrigger,
    TableCondition,
    TableUpdateTrigger,
)
from tests.unit.jobs_made import HERE, NOTHING_AROUND, a_job, a_task, call, text

SECRET = text("{{secrets/my-scope/db.key}}")
FREE = Around(frozenset({"clicks"}), {}, shell_tasks=True)


def problems(job, around=NOTHING_AROUND):
    found = problems_of_job(job, around)
    assert all(problem.origin is not None and problem.fix for problem in found)
    return found


def condition(left="1", right="2"):
    return ConditionTask(Comparison.EQUAL_TO, text(left), text(right))


def ordered(left, right):
    return ConditionTask(Comparison.GREATER_THAN, text(left), text(right))


def watches(*tables):
    return TableUpdateTrigger(tables, TableCondition.ANY_UPDATED, 0, 0, False, HERE)


def loop(inputs, inner=None, concurrency=1):
    return ForEachTask(text(inputs), concurrency, inner or a_task("one"))


def only(job, around=NOTHING_AROUND):
    [problem] = problems(job, around)
    return problem


def test_a_job_that_can_be_has_no_problem():
    job = a_job(
        a_task("clicks", work=PipelineTask("clicks", {"day": text("{{job.parameters.day}}")})),
        a_task("check", "clicks", work=condition("{{tasks.clicks.result_state}}")),
        a_task("a", "check:true", work=call(n="{{tasks.clicks.values.n}} {{task.name}}")),
        a_task("b", "check:false", "clicks", run_if="NONE_FAILED", most=3, on_timeout=True),
        a_task("loop", "a", work=loop("[]", a_task("one", work=call(x="{{input.day}}")))),
        parameters={"day": "{{job.start_time.iso_date}}", "next": "{{job.parameters.day}}"},
        triggers=(CronTrigger("0 0 2 * * ?", "Europe/Berlin", False, HERE),),
    )

    assert problems(job, FREE) == []


@pytest.mark.parametrize(
    ("job", "kind", "said"),
    [
        (a_job(), BadJob, "has no tasks"),
        (a_job(*(a_task(f"t{n}") for n in range(1001))), BadJob, "1,001 tasks"),
        (a_job(a_task("a"), name="a b"), BadJob, "'a b'"),
        (a_job(a_task("a"), timeout_seconds=-1), BadJob, "timeout_seconds"),
        (a_job(a_task("a"), max_concurrent_runs=0), BadJob, "max_concurrent_runs"),
        (a_job(a_task("a/../b")), BadTask, "'a/../b'"),
        (a_job(a_task("x" * 101)), BadTask, "xxx"),
        (a_job(a_task("a"), a_task("A")), DuplicateTask, "tasks 'a' and 'A' differ in case only"),
        (a_job(a_task("a"), a_task("loop", work=loop("[]", a_task("a")))), DuplicateTask, "'a'"),
        (a_job(a_task("join"), a_task("b", "jion")), UnknownTask, "'jion'"),
        (a_job(a_task("a"), a_task("b", "a", "a")), BadDependency, "twice"),
        (a_job(a_task("a"), a_task("b", "a:true")), BadDependency, "no condition task"),
        (a_job(a_task("a", "a")), TaskCycle, "a → a"),
        (a_job(a_task("a", timeout_seconds=-5)), BadTask, "timeout_seconds of task 'a' is -5"),
        (a_job(a_task("a", most=-2)), BadTask, "max_retries of task 'a' is -2"),
        (a_job(a_task("a", min_interval_millis=-1)), BadTask, "min_retry_interval_millis"),
        (a_job(a_task("a", work=condition(), most=1)), BadTask, "condition task 'a'"),
        (a_job(a_task("a", work=loop("[]"), most=1)), BadTask, "for_each task 'a'"),
        (a_job(a_task("a", work=condition(), isolated=True)), BadTask, "isolated"),
        (a_job(a_task("a", work=loop("{}"))), BadForEach, "no list"),
        (a_job(a_task("a", work=loop("3"))), BadForEach, "no list"),
        (a_job(a_task("a", work=loop("[1,"))), BadForEach, "no JSON"),
        (a_job(a_task("a", work=loop(list(range(10_001))))), BadForEach, "10,001 inputs"),
        (a_job(a_task("a", work=loop("[]", concurrency=101))), BadForEach, "101"),
        (a_job(a_task("a", work=loop("[]", concurrency=0))), BadForEach, "is 0"),
        (
            a_job(a_task("a", work=loop("[]", a_task("b", work=loop("[]", a_task("c")))))),
            BadForEach,
            "a loop inside",
        ),
        (a_job(a_task("x"), a_task("a", work=loop("[]", a_task("b", "x")))), BadForEach, "depend"),
        (a_job(a_task("a"), parameters={"a b": "1"}), BadJobParameter, "'a b'"),
        (a_job(a_task("a"), parameters={"x": "{{job.parameters.y}}"}), BadJobParameter, "'y'"),
        (
            a_job(a_task("a"), parameters={"x": "{{tasks.a.values.n}}"}),
            UnreachableReference,
            "before",
        ),
        (a_job(a_task("a"), parameters={"x": "{{input}}"}), UnreachableReference, "before"),
        (a_job(a_task("a", work=call(x="{{job.parameters.x}}"))), BadJobParameter, "'x'"),
        (a_job(a_task("a", work=call(x="{{job.start_tme.iso_date}}"))), BadReference, "start_tme"),
        (a_job(a_task("a", work=call(x="{{input}}"))), BadReference, "no for_each"),
        (a_job(a_task("a", work=call(x="{{workspace.id}}"))), BadReference, "workspace"),
        (a_job(a_task("a", work=call(x="{{tasks.a.values.n}}"))), UnreachableReference, "itself"),
        (
            a_job(a_task("a"), a_task("b", work=call(x="{{tasks.a.result_state}}"))),
            UnreachableReference,
            "need not run before",
        ),
        (
            a_job(a_task("b", work=call(x="{{tasks.a.run_id}}")), a_task("a", "b")),
            UnreachableReference,
            "need not run before",
        ),
        (a_job(a_task("b", work=call(x="{{tasks.aa.values.n}}"))), UnknownTask, "'aa'"),
        (
            a_job(
                a_task("a", disabled=True),
                a_task("b", "a", run_if="ALL_DONE", work=call(x="{{tasks.a.values.n}}")),
            ),
            UnreachableReference,
            "disabled",
        ),
        (
            a_job(
                a_task("a", work=condition()), a_task("b", "a", work=call(x="{{tasks.a.values.n}}"))
            ),
            UnreachableReference,
            "conditions set no values",
        ),
        (
            a_job(
                a_task("a", work=ForEachTask(text("[1]"), 1, a_task("i"))),
                a_task("b", "a", work=call(x="{{tasks.a.output.rows}}")),
            ),
            UnreachableReference,
            "neither has rows",
        ),
        (a_job(a_task("a", work=SqlQueryTask("SELECT {{job.run_id}}"))), BadReference, "the query"),
        (a_job(a_task("a", work=PipelineTask("clikcs"))), UnknownPipeline, "'clikcs'"),
        (a_job(a_task("a", work=RunJobTask("other"))), UnknownJob, "'other'"),
        (
            a_job(a_task("a"), triggers=(CronTrigger("0 2 * * *", "UTC", False, HERE),)),
            BadSchedule,
            "five fields",
        ),
        (
            a_job(a_task("a"), triggers=(CronTrigger("0 0 2 * * ?", "Mars/Base", False, HERE),)),
            BadSchedule,
            "Mars/Base",
        ),
        (
            a_job(a_task("a"), triggers=(CronTrigger("* * * * * ?", "UTC", False, HERE),)),
            BadSchedule,
            "ten seconds",
        ),
        (
            a_job(a_task("a"), triggers=(CronTrigger("0 0 2 31 2 ?", "UTC", False, HERE),)),
            BadSchedule,
            "never comes",
        ),
        (
            a_job(a_task("a"), triggers=(CronTrigger("0 0 2 29 2 ? 2027", "UTC", False, HERE),)),
            BadSchedule,
            "no such day in these months",
        ),
        (a_job(a_task("a"), triggers=(watches("good", "no such.x"),)), BadSchedule, "'no such.x'"),
        (a_job(a_task("a"), triggers=(watches("a.b.c.d"),)), BadSchedule, "'a.b.c.d' is no table"),
        (
            a_job(a_task("a", work=ordered("ten", "{{job.run_id}}"))),
            BadTask,
            "condition task 'a': GREATER_THAN compares numbers, and 'ten' is none",
        ),
        (a_job(a_task("a", work=ordered("1e3", "nan"))), BadTask, "'nan' is none"),
        (
            a_job(a_task("a"), triggers=(JobCompletionTrigger(("x",), "DONE", False, HERE),)),
            UnknownJob,
            "'x'",
        ),
    ],
)
def test_what_cannot_be_is_refused(job, kind, said):
    found = problems(job, Around(frozenset({"clicks"}), {}))

    assert [type(problem) for problem in found] == [kind]
    assert said in found[0].what


def test_a_schedule_whose_years_are_over_still_lets_the_job_be_run_by_hand():
    trigger = CronTrigger("0 0 2 1 1 ? 2001", "UTC", False, HERE)

    assert problems(a_job(a_task("a"), triggers=(trigger,))) == []
    assert is_over(trigger, datetime(2027, 1, 1, tzinfo=UTC))
    assert not is_over(trigger, datetime(2000, 1, 1, tzinfo=UTC))


def test_what_a_condition_cannot_have_is_named():
    both = only(a_job(a_task("a", work=condition(), most=1, on_timeout=True)))
    one = only(a_job(a_task("a", work=condition(), on_timeout=True)))

    assert both.fix == "remove max_retries and retry_on_timeout"
    assert one.fix == "remove retry_on_timeout"


@pytest.mark.parametrize("sql", ["", " ;; ", "-- nothing\n", "/* SELECT 1 */;"])
def test_sql_without_a_statement_is_refused(tmp_path, sql):
    file = tmp_path / "q.sql"
    file.write_text(sql, encoding="utf-8")
    job = a_job(a_task("a", work=SqlQueryTask(sql)), a_task("b", work=SqlFileTask(file)))

    found = list(problems_of_sql(job))

    assert [problem.what for problem in found] == [
        "task 'a' has no SQL to run: the query holds no statement",
        "task 'b' has no SQL to run: q.sql holds no statement",
    ]
    assert all(problem.origin == HERE for problem in found)
    assert list(problems_of_sql(a_job(a_task("a", work=SqlQueryTask("SELECT 1"))))) == []


def test_a_circle_is_told_by_its_exact_path():
    job = a_job(a_task("a", "c"), a_task("b", "a"), a_task("c", "b"), a_task("d", "c"))

    assert "a → b → c → a" in only(job).what


def test_parameters_that_refer_to_each_other_are_told_by_their_path():
    job = a_job(
        a_task("a"),
        parameters={"x": "{{job.parameters.y}}", "y": "1 {{job.parameters.x}}", "z": "1"},
    )

    found = only(job)

    assert isinstance(found, ReferenceCycle)
    assert "x → y → x" in found.what


def test_jobs_that_run_each_other_are_told_by_their_path():
    other = a_job(a_task("a", work=RunJobTask("daily")), name="other")
    job = a_job(a_task("a", work=RunJobTask("other")))

    found = only(job, Around(frozenset(), {"daily": job, "other": other}))

    assert isinstance(found, TaskCycle)
    assert found.what.endswith(("daily → other → daily", "other → daily → other"))


def test_another_jobs_parameters_must_exist():
    other = a_job(a_task("a"), parameters={"day": "1"}, name="other")
    job = a_job(a_task("a", work=RunJobTask("other", {"dya": text("1"), "day": text("2")})))

    found = only(job, Around(frozenset(), {"other": other}))

    assert isinstance(found, BadJobParameter)
    assert found.fix == "did you mean 'day'?"


def test_a_shell_task_needs_the_projects_leave():
    job = a_job(a_task("a", work=ShellTask((text("echo"),))))

    assert isinstance(only(job, NOTHING_AROUND), ShellNotAllowed)
    assert problems(job, FREE) == []


@pytest.mark.parametrize(
    ("command", "safe"),
    [
        (["sh", "-c", "echo {{job.parameters.x}}"], False),
        (["/bin/bash", "-ec", "echo {{job.parameters.x}}"], False),
        (["sh", "-c", "echo $X", "{{job.parameters.x}}"], True),
        (["echo", "-c", "{{job.parameters.x}}"], True),
    ],
)
def test_no_value_gets_into_a_shell_script(command, safe):
    work = ShellTask(tuple(text(word) for word in command))
    found = problems(a_job(a_task("a", work=work), parameters={"x": "1"}), FREE)

    assert [type(each) for each in found] == ([] if safe else [ShellNotAllowed])


def test_notifications_are_held_to_the_same_rules():
    hooks = (
        Hook(HookEvent.ON_START, None, (text("notify"), text("{{job.nmae}}"))),
        Hook(HookEvent.ON_FAILURE, text("{{secrets/chat/url}}")),
    )
    job = a_job(a_task("a"), notifications=Notifications(hooks))

    assert [type(each) for each in problems(job)] == [ShellNotAllowed, BadReference]


def test_a_misspelt_reference_is_told_with_what_was_meant():
    found = only(a_job(a_task("a", work=call(x="{{job.start_time.iso_dat}}"))))

    assert found.fix == "did you mean {{job.start_time.iso_date}}?"


@pytest.mark.parametrize("raw", ["{{x}}", "{{ 1 + 1 }}", "{{''.__class__}}", "$(rm)", "{{}}", "{"])
def test_what_is_no_reference_stays_as_it_is(raw):
    assert problems(a_job(a_task("a", work=call(x=raw)))) == []


def test_all_problems_are_told_together_causes_first():
    job = a_job(
        a_task("a", "nowhere", timeout_seconds=-1),
        a_task("a", work=call(x="{{job.x}}")),
        a_task("loop", work=loop("{}")),
    )

    assert [type(each) for each in problems(job)] == [
        DuplicateTask,
        UnknownTask,
        BadTask,
        BadForEach,
        BadReference,
    ]


def test_a_task_with_arguments_is_read_as_one_with_parameters():
    work = PythonFileTask(HERE.path, (text("{{job.parameters.x}}"),))

    assert isinstance(only(a_job(a_task("a", work=work))), BadJobParameter)


def test_a_thousand_tasks_are_judged_as_a_few_are():
    tasks = [
        a_task(
            f"t{n}",
            *(f"t{m}" for m in range(max(0, n - 5), n)),
            work=call(x=f"{{{{tasks.t{max(0, n - 900)}.values.k}}}}"),
        )
        for n in range(1, 1000)
    ]

    found = problems_of_job(a_job(a_task("t0"), *tasks), NOTHING_AROUND)

    assert found == []


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (ShellTask((text("echo"), SECRET)), "puts a secret where others can read it"),
        (RunJobTask("other", {"key": SECRET}), "gives another job a secret"),
    ],
)
def test_a_secret_that_others_would_see_is_refused_with_its_place(work, said):
    other = a_job(a_task("b"), parameters={"key": "x"})
    around = Around(frozenset(), {"other": other}, shell_tasks=True)

    [problem] = problems_of_job(a_job(a_task("a", work=work)), around)

    assert said in problem.what
    assert problem.origin == SECRET.origin
    assert problem.fix


def test_a_secret_in_the_environment_of_a_command_is_none_that_others_see():
    around = Around(frozenset(), {}, shell_tasks=True)
    task = a_task("a", work=ShellTask((text("echo"),), {"KEY": SECRET}))

    assert problems_of_job(a_job(task), around) == []
