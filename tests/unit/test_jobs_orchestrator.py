"""What a run does: which tasks, when, how often, with which values, and what it says of them."""

from __future__ import annotations

import json
import random
import threading
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlt_lite.errors import (
    BadJobParameter,
    SourceMissing,
    StorageNotWritable,
    UnknownTask,
)
from dlt_lite.events.codec import decode, encode
from dlt_lite.events.job_records import TaskProgress
from dlt_lite.jobs.calls import Deadline, Failed, Stop, Stopped, StopReason, Succeeded
from dlt_lite.jobs.history import Span
from dlt_lite.jobs.orchestrator import run_job
from dlt_lite.jobs.requests import Crew, RunRequest
from dlt_lite.jobs.results import JobResult, seconds_between
from dlt_lite.jobs.run_if import Ended, verdict
from dlt_lite.model.jobs import (
    Comparison,
    ConditionTask,
    ForEachTask,
    PipelineTask,
    PythonFileTask,
    RunIf,
    RunJobTask,
    ShellTask,
    SqlQueryTask,
    WheelTask,
)
from dlt_lite.model.outcomes import LifeCycle, ResultState
from dlt_lite.runs.folder import RunFacts, RunFolder, RunState
from tests.unit.jobs_made import HERE, a_job, a_task, call, text
from tests.unit.jobs_run import BEGAN, Stage, fails, hangs, results, succeeds

S, F, T, C, X = "SUCCESS", "FAILED", "TIMEDOUT", "CANCELED", "EXCLUDED"
UF, UC, D = "UPSTREAM_FAILED", "UPSTREAM_CANCELED", "DISABLED"


def condition(left, op, right):
    return ConditionTask(Comparison(op), text(left), text(right))


def loop(inputs, inner=None, concurrency=1):
    return ForEachTask(text(inputs), concurrency, inner or a_task("one"))


def shown(call):
    return {key: value.shown for key, value in call.parameters.items()}


def test_a_task_begins_after_all_that_it_waits_for():
    stage = Stage()

    outcome = stage.run(a_job(a_task("c", "a", "b"), a_task("b", "a"), a_task("a")))

    assert stage.called() == ["a", "b", "c"]
    assert outcome.result is ResultState.SUCCESS


def test_a_run_by_hand_has_the_trigger_type_of_databricks():
    stage = Stage()

    stage.run(a_job(a_task("a", work=call(why="{{job.trigger.type}}"))))

    assert shown(stage.calls[0]) == {"why": "one_time"}


def test_a_comparison_of_what_is_no_number_is_told_with_its_place():
    outcome = Stage().run(a_job(a_task("a", work=condition("10x", "GREATER_THAN", "1"))))

    assert f"'10x' is none\n  at:  {HERE}\n  fix: " in outcome.tasks["a"].error


def test_tasks_that_wait_for_nothing_run_side_by_side():
    meeting = threading.Barrier(3, timeout=30)

    def meets(_call, _stop):
        meeting.wait()
        return Succeeded()

    outcome = Stage(a=meets, b=meets, c=meets).run(a_job(*map(a_task, "abc")))

    assert outcome.result is ResultState.SUCCESS


def test_no_more_tasks_run_at_once_than_the_job_allows():
    running, most = set(), []

    def watched(call, _stop):
        running.add(call.task.key)
        most.append(len(running))
        running.discard(call.task.key)
        return Succeeded()

    keys = [f"t{n}" for n in range(20)]
    Stage(**dict.fromkeys(keys, watched)).run(a_job(*map(a_task, keys), parallel_tasks=1))

    assert max(most) == 1


def test_a_failed_task_stops_only_what_needs_its_success():
    stage = Stage(a=fails())
    job = a_job(
        a_task("a"),
        a_task("b", "a"),
        a_task("clean", "a", run_if="AT_LEAST_ONE_FAILED"),
        a_task("always", "b", run_if="ALL_DONE"),
        a_task("c"),
        a_task("d", "c", run_if="ALL_FAILED"),
    )

    outcome = stage.run(job)

    assert results(outcome) == {"a": F, "b": UF, "clean": S, "always": S, "c": S, "d": X}
    assert outcome.result is ResultState.SUCCESS_WITH_FAILURES


def test_what_a_fault_of_ours_raises_fails_the_task_and_nothing_else():
    def raises(_call, _stop):
        raise ZeroDivisionError("no")

    stage = Stage(a=raises)
    outcome = stage.run(
        a_job(a_task("a", most=3), a_task("b"), a_task("c", "a", run_if="ALL_DONE"))
    )

    assert results(outcome) == {"a": F, "b": S, "c": S}
    assert "ZeroDivisionError" in (outcome.tasks["a"].error or "")
    assert outcome.tasks["a"].error_code == "DLT901"
    assert stage.called().count("a") == 1


def test_an_error_of_ours_fails_the_attempt_and_keeps_its_code():
    def raises(_call, _stop):
        raise SourceMissing("no such path")

    outcome = Stage(a=raises).run(a_job(a_task("a")))

    assert outcome.tasks["a"].error == f"[DLT301] no such path\n  at:  {HERE}"
    assert outcome.tasks["a"].error_code == "DLT301"


@pytest.mark.parametrize(
    ("left", "taken", "other"), [("10", "big", "small"), ("9", "small", "big")]
)
def test_a_condition_compares_numbers_as_numbers_and_excludes_the_other_branch(left, taken, other):
    stage = Stage(count=succeeds(n=int(left)))
    job = a_job(
        a_task("count"),
        a_task("check", "count", work=condition("{{tasks.count.values.n}}", "GREATER_THAN", "9")),
        a_task("big", "check:true"),
        a_task("small", "check:false"),
        a_task("join", "big", "small", run_if="NONE_FAILED"),
    )

    outcome = stage.run(job)

    assert outcome.result is ResultState.SUCCESS
    assert (results(outcome)[taken], results(outcome)[other]) == (S, X)
    assert results(outcome)["join"] == S


@pytest.mark.parametrize(
    ("left", "op", "right", "branch"),
    [
        ("12.0", "EQUAL_TO", "12", "false"),
        ("12.0", "GREATER_THAN_OR_EQUAL", "12", "true"),
        ("10", "GREATER_THAN", "9", "true"),
        ("-1", "LESS_THAN", "1e3", "true"),
        ("1", "LESS_THAN_OR_EQUAL", "0.5", "false"),
        ("true", "EQUAL_TO", "true", "true"),
        ("__import__('os')", "NOT_EQUAL", "", "true"),
    ],
)
def test_equality_is_of_texts_and_order_of_numbers(left, op, right, branch):
    outcome = Stage().run(a_job(a_task("check", work=condition(left, op, right))))

    assert outcome.tasks["check"].branch == branch


@pytest.mark.parametrize("left", ["x", "", "nan", "inf", "1; DROP TABLE x", "{{tasks.a.values.q}}"])
def test_a_condition_over_what_is_no_number_fails(left):
    job = a_job(a_task("a"), a_task("check", "a", work=condition(left, "LESS_THAN", "1")))

    outcome = Stage().run(job)

    assert results(outcome) == {"a": S, "check": F}
    assert outcome.tasks["check"].error_code in {"DLT553", "DLT556"}


def test_a_failed_task_is_tried_again_as_often_as_it_may():
    stage = Stage(a=[fails(), fails(), succeeds(n=3)])

    outcome = stage.run(a_job(a_task("a", most=2), a_task("b", "a")))

    assert results(outcome) == {"a": S, "b": S}
    assert [each.attempt for each in stage.calls] == [1, 2, 3, 1]
    assert {each.task_run_id for each in stage.calls} == {"r1-a", "r1-b"}
    assert outcome.tasks["a"].values == {"n": 3}


@pytest.mark.parametrize(("most", "tries"), [(0, 1), (1, 2), (3, 4)])
def test_no_attempt_is_made_beyond_the_retries(most, tries):
    stage = Stage(a=fails())

    assert results(stage.run(a_job(a_task("a", most=most)))) == {"a": F}
    assert len(stage.calls) == tries


def test_for_ever_means_until_it_succeeds():
    stage = Stage(a=[*[fails()] * 50, succeeds()])

    assert results(stage.run(a_job(a_task("a", most=-1)))) == {"a": S}


def test_what_cannot_be_retried_is_not():
    stage = Stage(a=fails(can_be_retried=False))

    stage.run(a_job(a_task("a", most=5)))

    assert len(stage.calls) == 1


def test_the_interval_counts_from_the_start_of_the_failed_attempt():
    starts = []

    def slow(_call, _stop):
        starts.append(stage.clock.elapsed())
        stage.clock.passes(4)
        return fails()(_call, _stop)

    stage = Stage(a=slow)
    stage.run(a_job(a_task("a", most=2, min_interval_millis=10_000)))
    stage.deeds["b"] = slow
    stage.run(a_job(a_task("b", most=1, min_interval_millis=1_000)))

    assert [b - a for a, b in pairwise(starts[:3])] == [10, 10]
    assert starts[4] - starts[3] == 4


@pytest.mark.parametrize(("on_timeout", "tries"), [(False, 1), (True, 3)])
def test_a_task_that_takes_too_long_is_stopped_and_tried_again_only_if_asked(on_timeout, tries):
    stage = Stage(a=hangs)
    job = a_job(a_task("a", timeout_seconds=60, most=2, on_timeout=on_timeout), a_task("b", "a"))

    outcome = stage.run(job)

    assert results(outcome) == {"a": T, "b": UF}
    assert outcome.result is ResultState.FAILED
    assert outcome.tasks["a"].error_code == "DLT552"
    error = outcome.tasks["a"].error
    assert "task 'a' was stopped at the end of timeout_seconds of task 'a', 60 s" in error
    assert "  fix: find out what it waits for, or raise timeout_seconds of task 'a'" in error
    assert len(stage.calls) == tries
    assert stage.clock.elapsed() == 60 * tries


def test_an_attempt_that_ends_well_just_after_its_time_is_no_timeout():
    def late(_call, stop):
        stop.wait(1e9)
        return Succeeded()

    assert results(Stage(a=late).run(a_job(a_task("a", timeout_seconds=5)))) == {"a": S}


def test_a_job_that_takes_too_long_ends_with_what_it_has():
    stage = Stage(b=hangs)
    job = a_job(
        a_task("a"), a_task("b", "a", most=-1, on_timeout=True), a_task("c", "b"), timeout_seconds=9
    )

    outcome = stage.run(job)

    assert outcome.result is ResultState.TIMEDOUT
    assert results(outcome) == {"a": S, "b": T, "c": C}
    error = outcome.tasks["b"].error
    assert "task 'b' was stopped at the end of timeout_seconds of job 'daily', 9 s" in error
    assert (
        "job 'daily' was stopped at the end of its timeout_seconds, 9 s: b" in stage.history.error
    )


def test_a_cancelled_run_stops_what_runs_and_begins_nothing_more():
    def cancels(call, stop):
        stage.control.cancel()
        return hangs(call, stop)

    stage = Stage(a=cancels)
    job = a_job(a_task("a", most=5), a_task("b", "a"), a_task("c", "b", run_if="ALL_DONE"))

    outcome = stage.run(job)

    assert outcome.result is ResultState.CANCELED
    assert results(outcome) == {"a": C, "b": C, "c": C}
    assert stage.called() == ["a"]


def test_a_cancelled_task_counts_as_one_that_did_not_succeed():
    def cancels(call, stop):
        stage.control.cancel_task("a")
        return hangs(call, stop)

    stage = Stage(a=cancels)
    job = a_job(
        a_task("a"),
        a_task("b", "a"),
        a_task("clean", "a", run_if="AT_LEAST_ONE_FAILED"),
        a_task("x"),
    )

    outcome = stage.run(job)

    assert results(outcome) == {"a": C, "b": UC, "clean": S, "x": S}
    assert outcome.result is ResultState.CANCELED


def test_a_run_that_is_cancelled_while_it_waits_for_a_retry_ends():
    stage = Stage(a=fails())
    wait = stage.clock.wait

    def cancelling(event, seconds):
        stage.control.cancel()
        return wait(event, seconds)

    stage.clock.timing = type(stage.clock.timing)(stage.clock.now, stage.clock.elapsed, cancelling)

    outcome = stage.run(a_job(a_task("a", most=-1, min_interval_millis=3_600_000)))

    assert results(outcome) == {"a": C}


def test_disabled_tasks_and_what_needs_them_are_left_out():
    stage = Stage()
    job = a_job(a_task("a", disabled=True), a_task("b", "a"), a_task("c", "b", run_if="ALL_DONE"))

    assert results(stage.run(job)) == {"a": D, "b": D, "c": S}
    assert stage.called() == ["c"]


def test_values_of_a_task_reach_those_after_it():
    stage = Stage(a=succeeds(rows=5, names=["x"]))
    job = a_job(
        a_task("a"),
        a_task("b", "a", work=call(n="{{tasks.a.values.rows}}", state="{{tasks.a.result_state}}")),
    )

    stage.run(job)

    assert shown(stage.calls[1]) == {"n": "5", "state": "success"}
    assert stage.calls[1].values == {"a": {"rows": 5, "names": ["x"]}}


@pytest.mark.parametrize("value", ["x" * 49_152, {"a": {1}}, float("nan"), object()])
def test_a_value_that_is_no_small_json_fails_the_task(value):
    outcome = Stage(a=succeeds(v=value)).run(a_job(a_task("a", most=3)))

    assert outcome.tasks["a"].error_code == "DLT554"


def test_a_reference_to_a_value_that_was_not_set_fails_the_task_that_needs_it():
    stage = Stage()
    job = a_job(a_task("a"), a_task("b", "a", most=3, work=call(n="{{tasks.a.values.n}}")))

    outcome = stage.run(job)

    assert results(outcome) == {"a": S, "b": F}
    assert outcome.tasks["b"].error_code == "DLT553"
    assert stage.called() == ["a"]


@pytest.mark.parametrize("skips", ["fails", "excludes", "is disabled"])
def test_a_value_of_a_task_that_was_skipped_is_missing_and_its_state_is_not(skips):
    is_excluded = skips == "excludes"
    first = a_task("a", work=condition("1", "EQUAL_TO", "2") if is_excluded else None)
    second = a_task("b", "a:true" if is_excluded else "a")
    job = a_job(
        first,
        second,
        a_task("v", "a", "b", run_if="ALL_DONE", work=call(n="{{tasks.b.values.n}}")),
        a_task("s", "a", "b", run_if="ALL_DONE", work=call(n="{{tasks.b.result_state}}")),
    )
    if skips == "is disabled":
        job = replace(job, tasks=(first, replace(second, disabled=True), *job.tasks[2:]))
    stage = Stage(a=fails() if skips == "fails" else succeeds())

    outcome = stage.run(job)

    assert outcome.tasks["v"].result == F
    assert "task 'b' has set no value 'n'" in (outcome.tasks["v"].error or "")
    [told] = [made.parameters["n"].shown for made in stage.calls if made.task.key == "s"]
    expected = {"fails": "upstream_failed", "excludes": "excluded", "is disabled": "disabled"}
    assert told == expected[skips]


def test_a_wall_clock_that_is_put_back_changes_no_order_and_no_timeout():
    """Moments are what the wall clock says; what follows what, and how long, is not asked of it."""
    stage = Stage()

    def put_back(made, _stop):
        stage.clock.wall_offset -= 86_400
        return Succeeded({"n": made.attempt})

    stage.deeds = {"a": put_back, "b": put_back}
    job = a_job(
        a_task("a", timeout_seconds=5),
        a_task("b", "a", timeout_seconds=5, work=call(n="{{tasks.a.values.n}}")),
        timeout_seconds=60,
    )

    outcome = stage.run(job)

    assert results(outcome) == {"a": S, "b": S}
    numbers = [event.envelope.sequence for event in stage.events]
    assert numbers == sorted(numbers)
    run = stage.history
    assert (run.result, run.tasks["b"].result) == (S, S)
    assert seconds_between(run.started, run.ended) == 0


def test_rows_of_a_query_reach_those_after_it():
    stage = Stage(q=lambda *_: Succeeded(rows=[{"day": "mon"}, {"day": "tue"}]))
    inner = a_task("i", work=call(d="{{input.day}}"))
    job = a_job(
        a_task("q"),
        a_task("b", "q", work=call(first="{{tasks.q.output.first_row.day}}")),
        a_task("l", "q", work=loop("{{tasks.q.output.rows}}", inner)),
        parallel_tasks=1,
    )

    stage.run(job)

    assert [shown(each) for each in stage.calls[1:]] == [
        {"first": "mon"},
        {"d": "mon"},
        {"d": "tue"},
    ]


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        (call(day="own", x="1"), {"day": "given", "x": "1"}),
        (PipelineTask("p", {"x": text(1)}), {"day": "given", "x": "1"}),
        (SqlQueryTask("SELECT :day"), {"day": "given"}),
        (WheelTask("p", "e"), {"day": "given"}),
        (WheelTask("p", "e", (text("x"),)), {}),
        (PythonFileTask(HERE.path), {}),
        (RunJobTask("other", {"x": text("{{job.parameters.day}}")}), {"x": "given"}),
        (ShellTask((text("env"),), {"X": text("{{job.parameters.day}}")}), {"X": "given"}),
    ],
)
def test_job_parameters_reach_tasks_that_take_values_by_name_and_win(work, expected):
    stage = Stage()

    stage.run(a_job(a_task("a", work=work), parameters={"day": "x"}), parameters={"day": "given"})

    assert shown(stage.calls[0]) == expected


def test_arguments_keep_their_order_and_what_a_run_gives_stays_literal():
    hostile = "'; $(reboot) {{job.id}}\n\"{{secrets/a/b}}"
    stage = Stage()
    work = ShellTask((text("echo"), text("{{job.parameters.x}}"), text("{{job.start_time.year}}")))

    stage.run(a_job(a_task("a", work=work), parameters={"x": "1"}), parameters={"x": hostile})

    assert [each.shown for each in stage.calls[0].arguments] == ["echo", hostile, "2027"]
    assert not any(each.has_secrets for each in stage.calls[0].arguments)


def test_a_secret_reaches_the_call_as_a_reference_and_no_event():
    stage = Stage()
    job = a_job(
        a_task("a", work=call(p="{{job.parameters.p}}")), parameters={"p": "{{secrets/db/pass}}"}
    )

    stage.run(job)

    found = stage.calls[0].parameters["p"]
    assert found.revealed(lambda *_: "hunter2") == "hunter2"
    assert "hunter2" not in str(stage.events)


@pytest.mark.parametrize("concurrency", [1, 7])
def test_a_loop_runs_its_task_once_for_each_item(concurrency):
    stage = Stage()
    inner = a_task("one", work=call(x="{{input.n}}"))
    items = [{"n": n} for n in range(20)]
    job = a_job(a_task("l", work=loop(str(items).replace("'", '"'), inner, concurrency)))

    outcome = stage.run(job)

    assert results(outcome) == {"l": S}
    assert sorted(int(shown(each)["x"]) for each in stage.calls) == list(range(20))
    assert {each.task_run_id for each in stage.calls} == {f"r1-l-{n}" for n in range(20)}


def test_a_loop_over_nothing_succeeds():
    assert results(Stage().run(a_job(a_task("l", work=loop("[]"))))) == {"l": S}


def test_a_loop_over_ten_thousand_items_never_runs_more_at_once_than_it_may():
    running, most, turn = [0], [0], threading.Lock()

    def watched(_call, _stop):
        with turn:
            running[0] += 1
            most[0] = max(most[0], running[0])
        with turn:
            running[0] -= 1
        return Succeeded()

    stage = Stage(one=watched)
    outcome = stage.run(a_job(a_task("l", work=loop(list(range(10_000)), concurrency=4))))

    assert outcome.result is ResultState.SUCCESS
    assert len(stage.calls) == 10_000
    assert most[0] <= 4


@pytest.mark.parametrize(
    ("value", "said"),
    [(3, "no list"), ({"a": 1}, "no list"), ("x", "no JSON"), ([0] * 10_001, "10,001")],
)
def test_inputs_that_turn_out_to_be_no_list_fail_the_loop(value, said):
    stage = Stage(a=succeeds(v=value))
    job = a_job(a_task("a"), a_task("l", "a", work=loop("{{tasks.a.values.v}}")))

    outcome = stage.run(job)

    assert results(outcome) == {"a": S, "l": F}
    assert said in (outcome.tasks["l"].error or "")


def test_a_failed_iteration_fails_the_loop_and_stops_no_other():
    def odd_fails(call, stop):
        return (fails() if (call.iteration or 0) % 2 else succeeds())(call, stop)

    stage = Stage(one=odd_fails)
    outcome = stage.run(a_job(a_task("l", work=loop([5, 6, 7, 8])), a_task("b", "l")))

    assert results(outcome) == {"l": F, "b": UF}
    assert len(stage.calls) == 4
    assert "2 of 4 iterations" in (outcome.tasks["l"].error or "")
    assert "number 1 (6)" in (outcome.tasks["l"].error or "")


def test_the_retries_of_a_loop_are_those_of_the_task_within():
    stage = Stage(one=[fails(), succeeds(), succeeds()])

    outcome = stage.run(a_job(a_task("l", work=loop([1, 2], a_task("one", most=1)))))

    assert results(outcome) == {"l": S}
    assert [(each.iteration, each.attempt) for each in stage.calls] == [(0, 1), (0, 2), (1, 1)]


def sets_its_number(call, _stop):
    """Set `n`, and `even` where it is."""
    number = call.iteration or 0
    return Succeeded({"n": number * 10, **({"even": True} if number % 2 == 0 else {})})


def test_what_iterations_set_are_lists_in_the_order_of_the_inputs():
    inner = a_task("one")
    job = a_job(
        a_task("l", work=loop([1, 2, 3], inner, concurrency=3)),
        a_task("b", "l", work=call(n="{{tasks.l.values.n}}", even="{{tasks.l.values.even}}")),
    )
    stage = Stage(one=sets_its_number)

    stage.run(job)

    last = stage.calls[-1]
    assert {key: text.shown for key, text in last.parameters.items()} == {
        "n": "[0, 10, 20]",
        "even": "[true, null, true]",
    }
    assert last.values["l"]["n"] == [0, 10, 20]
    assert stage.history.tasks["l"].iterations[1].values == {"n": 10}


def test_what_iterations_have_set_is_known_where_one_of_them_has_failed_and_after_its_repair():
    def squares(call, _stop):
        at = call.iteration
        if at == 2 and not mended:
            return Failed("three")
        return Succeeded({"sq": at * at})

    mended = []
    stage = Stage(one=squares)
    reads = SqlQueryTask("SELECT :sq", {"sq": text("{{tasks.squares.values.sq}}")})
    after = a_task("after", "squares", work=reads, run_if="ALL_DONE")
    job = a_job(a_task("squares", work=loop("[0, 1, 2]")), after)

    stage.run(job)
    mended.append(True)
    stage.repair(job)

    seen = [shown(call)["sq"] for call in stage.calls if call.task.key == "after"]
    assert seen == ["[0, 1, null]", "[0, 1, 4]"]


def test_a_cancelled_loop_of_thousands_begins_and_tells_nothing_more():
    stage = Stage()

    def cancels(call, _stop):
        if call.iteration == 2:
            stage.control.cancel()
        return Succeeded()

    stage.deeds["one"] = cancels
    outcome = stage.run(a_job(a_task("each", work=loop(json.dumps(list(range(10_000)))))))
    task = stage.history.tasks["each"]

    assert results(outcome) == {"each": C}
    assert len(stage.events) < 20
    assert (len(task.iterations), task.of_iterations) == (3, 10_000)


def test_a_repair_of_a_loop_knows_what_its_good_iterations_had_set():
    def second_fails_once(call, stop):
        if call.iteration == 1 and call.attempt == 1:
            return fails(values={"n": -1})(call, stop)
        return sets_its_number(call, stop)

    stage = Stage(one=second_fails_once)
    job = a_job(a_task("l", work=loop([1, 2, 3])), a_task("b", "l"))
    stage.run(job)
    stage.repair(job)

    assert [call.iteration for call in stage.calls[3:]] == [1, None]
    assert stage.calls[-1].values["l"]["n"] == [0, 10, 20]


def sets_much(_call, _stop):
    return Succeeded({"v": "x" * 12_000, "n": 1})


def test_what_iterations_set_may_be_long_in_all_as_long_as_nobody_reads_it():
    stage = Stage(one=sets_much)
    reader = call(n="{{tasks.l.values.n}}")

    outcome = stage.run(
        a_job(a_task("l", work=loop([1, 2, 3, 4, 5])), a_task("b", "l", work=reader))
    )

    assert results(outcome) == {"l": S, "b": S}
    assert shown(stage.calls[-1]) == {"n": "[1, 1, 1, 1, 1]"}
    assert stage.calls[-1].values == {"l": {"n": [1, 1, 1, 1, 1]}}


def test_a_short_value_of_one_iteration_of_ten_thousand_fails_no_loop():
    stage = Stage(one=lambda call, _stop: Succeeded({"v": "x"} if call.iteration == 3 else {}))

    outcome = stage.run(a_job(a_task("l", work=loop(list(range(10_000)), concurrency=4))))

    assert results(outcome) == {"l": S}


def test_only_the_task_that_reads_too_long_a_list_fails_also_in_a_repair():
    reader = call(v="{{tasks.l.values.v}}")
    stage = Stage(one=sets_much)
    job = a_job(
        a_task("l", work=loop([1, 2, 3, 4, 5])), a_task("b", "l", work=reader), a_task("c", "l")
    )
    outcome = stage.run(job)

    assert results(outcome) == {"l": S, "b": F, "c": S}
    assert outcome.tasks["b"].error_code == "DLT554"
    assert outcome.tasks["b"].error == (
        "[DLT554] the 5 iterations of for_each task 'l' (pipelines/daily/job.yml:7:3)"
        " have set 'v' to 60,020 bytes in all; the most that can be read is 49,152\n"
        "  at:  pipelines/daily/job.yml:7:3\n"
        "  fix: let the iterations write to a table or to files and read these,"
        " or set shorter values"
    )
    (why,) = stage.calls[-1].too_long["l"].values()
    assert why in outcome.tasks["b"].error

    again = stage.repair(job)
    assert again.tasks["b"].error == outcome.tasks["b"].error


@pytest.mark.parametrize(("sizes", "reads"), [((20_000, 29_144), True), ((20_000, 29_145), False)])
def test_a_list_may_be_as_long_as_a_value(sizes, reads):
    stage = Stage(one=lambda call, _stop: Succeeded({"v": "x" * sizes[call.iteration]}))
    job = a_job(
        a_task("l", work=loop([1, 2])), a_task("b", "l", work=call(v="{{tasks.l.values.v}}"))
    )

    assert results(stage.run(job))["b"] == (S if reads else F)


def test_an_iteration_that_failed_is_told_before_what_others_have_set():
    def last_fails(call, stop):
        return fails("three")(call, stop) if call.iteration == 5 else sets_much(call, stop)

    stage = Stage(one=last_fails)
    outcome = stage.run(a_job(a_task("l", work=loop([1, 2, 3, 4, 5, 6]))))

    assert "1 of 6 iterations of 'l' did not succeed" in outcome.tasks["l"].error
    assert "three" in outcome.tasks["l"].error


def test_a_cancelled_loop_is_cancelled_whatever_its_iterations_have_set():
    stage = Stage()

    def last_cancels(call, stop):
        if call.iteration == 5:
            stage.control.cancel()
            return Stopped()
        return sets_much(call, stop)

    stage.deeds["one"] = last_cancels
    outcome = stage.run(a_job(a_task("l", work=loop([1, 2, 3, 4, 5, 6]))))

    assert (results(outcome), outcome.result) == ({"l": C}, C)


def test_what_a_loop_over_nothing_has_set_is_an_empty_list_also_in_a_repair():
    reader = call(n="{{tasks.l.values.n}}")
    stage = Stage(b=[fails(), succeeds()])
    job = a_job(a_task("l", work=loop("[]")), a_task("b", "l", work=reader))
    stage.run(job)
    stage.repair(job)

    assert [shown(each) for each in stage.calls] == [{"n": "[]"}, {"n": "[]"}]
    assert [each.empty_loops for each in stage.calls] == [("l",), ("l",)]


def test_every_failure_says_what_to_do_about_it():
    stage = Stage(a=fails(), one=fails())
    stage.run(a_job(a_task("a"), a_task("l", work=loop([7]))))

    run = stage.history
    iteration = run.tasks["l"].iterations[0]
    fixes = [each.partition("fix: ")[2] for each in (run.tasks["a"].error, iteration.error)]
    assert fixes == [
        "read its log: python -m dlt_lite runs logs r1 --task a",
        "read its log: python -m dlt_lite runs logs r1 --task l --iteration 0",
    ]
    assert f"fix: {fixes[1]}; a repair runs only" in run.tasks["l"].error
    assert run.error.endswith("fix: mend the cause, then: python -m dlt_lite repair daily r1")


def test_a_loop_says_how_many_iterations_it_has_as_it_begins():
    stage = Stage()
    stage.run(a_job(a_task("l", work=loop([7, 8, 9]))))

    told = [each.record for each in stage.events if isinstance(each.record, TaskProgress)]
    assert told[0].state is LifeCycle.RUNNING
    assert [each.iterations for each in told if each.iteration is None] == [3, None]


def test_a_value_that_no_iteration_has_set_is_missing():
    reader = call(n="{{tasks.l.values.n}}")
    job = a_job(a_task("l", work=loop("[1]")), a_task("b", "l", work=reader))

    outcome = Stage().run(job)

    assert outcome.tasks["b"].error_code == "DLT553"


def test_a_loop_that_takes_too_long_is_stopped_as_a_whole():
    stage = Stage(one=hangs)
    job = a_job(a_task("l", work=loop([1, 2, 3]), timeout_seconds=5))

    outcome = stage.run(job)

    assert results(outcome) == {"l": T}
    assert len(stage.calls) == 1


@pytest.mark.parametrize(
    ("only", "expected"),
    [(["b"], "b"), (["+b"], "ab"), (["b+"], "bc"), (["+b+"], "abc"), (["x", "c"], "xc")],
)
def test_only_some_tasks_are_run_when_asked(only, expected):
    stage = Stage()
    job = a_job(a_task("a"), a_task("x"), a_task("b", "a"), a_task("c", "b"))

    outcome = stage.run(job, only=tuple(only))

    assert sorted(stage.called()) == sorted(expected)
    assert set(outcome.tasks) == set(expected)


def test_what_is_asked_of_no_task_or_parameter_is_refused_before_anything_is_said():
    stage = Stage()
    job = a_job(a_task("join"), parameters={"day": "1"})

    with pytest.raises(UnknownTask, match="'jion'"):
        stage.run(job, only=("jion+",))
    with pytest.raises(BadJobParameter, match="'dya'"):
        stage.run(job, parameters={"dya": "2"})

    assert stage.events == []


def test_a_repair_runs_only_what_did_not_succeed_and_what_follows_it():
    stage = Stage(a=succeeds(n=1), b=[fails(), succeeds()])
    job = a_job(
        a_task("a"),
        a_task("b", "a"),
        a_task("c", "b", "a", work=call(n="{{tasks.a.values.n}}")),
        a_task("d", "a"),
        a_task("clean", "b", run_if="AT_LEAST_ONE_FAILED"),
    )
    first = stage.run(job)

    second = stage.repair(job)

    assert results(first) == {"a": S, "b": F, "c": UF, "d": S, "clean": S}
    assert results(second) == {"a": S, "b": S, "c": S, "d": S, "clean": X}
    assert second.result is ResultState.SUCCESS
    assert sorted(stage.called()) == ["a", "b", "b", "c", "clean", "d"]
    repaired = next(each for each in stage.calls if each.task.key == "c")
    assert shown(repaired) == {"n": "1"}
    assert repaired.run_id == "r1"


def test_a_repair_counts_attempts_on_and_says_that_it_is_one():
    stage = Stage(a=[fails(), fails(), succeeds()])
    job = a_job(a_task("a", most=1, work=call(n="{{job.repair_count}} {{task.execution_count}}")))
    stage.run(job)

    stage.repair(job)

    assert [(each.attempt, shown(each)["n"]) for each in stage.calls] == [
        (1, "0 1"),
        (2, "0 2"),
        (3, "1 3"),
    ]
    assert (stage.history.repairs, stage.history.tasks["a"].attempts) == (1, 3)


def test_a_repair_keeps_the_runs_start_time_and_parameters_but_for_new_ones():
    stage = Stage(a=fails())
    work = call(at="{{job.start_time.iso_datetime}}")
    job = a_job(a_task("a", work=work), parameters={"x": "1", "y": "2", "z": "3"})
    stage.run(job, parameters={"x": "given", "y": "given"})
    stage.clock.passes(86_400)

    stage.repair(job, y="new")

    assert shown(stage.calls[-1]) == {
        "at": "2027-01-01T02:00:00Z",
        "x": "given",
        "y": "new",
        "z": "3",
    }


def test_a_repair_of_a_run_that_succeeded_does_nothing():
    stage = Stage()
    job = a_job(a_task("a"), a_task("b", "a", disabled=True))
    stage.run(job)
    told = len(stage.events)

    assert stage.repair(job) is None
    assert len(stage.events) == told


def test_a_repair_follows_the_job_as_it_is_now():
    stage = Stage(a=fails())
    stage.run(a_job(a_task("a"), a_task("b", disabled=True), a_task("gone", "a")))

    outcome = stage.repair(a_job(a_task("a", disabled=True), a_task("b"), a_task("new", "b")))

    assert results(outcome) == {"a": D, "b": S, "new": S}


def test_the_time_of_a_run_and_its_repairs_is_told_in_milliseconds():
    stage = Stage(a=[fails(), succeeds()])
    stage.run(a_job(a_task("a")))
    moments = [f"2027-01-01T02:00:{second}Z" for second in ("00.000", "00.100", "01.000", "01.200")]
    spans = (Span(*moments[:2]), Span(*moments[2:]))
    facts = RunFacts(RunFolder(Path(), "r1", "daily", "dev"), RunState.COMPLETED)

    assert JobResult(facts, replace(stage.history, spans=spans)).as_json()["seconds"] == 0.3


def test_a_repair_judges_a_run_without_the_tasks_that_the_job_no_longer_has():
    stage = Stage(gone=fails())
    stage.run(a_job(a_task("a"), a_task("gone")))
    job = a_job(a_task("a"))

    outcome = stage.repair(job)

    assert outcome is not None
    assert outcome.result == S
    assert results(outcome) == {"a": S}
    assert stage.called() == ["a", "gone"]
    assert [key for key, task in stage.history.tasks.items() if task.is_gone] == ["gone"]
    assert stage.repair(job) is None


def test_a_task_that_the_job_has_again_is_run_again():
    stage = Stage(gone=[fails(), succeeds()])
    job = a_job(a_task("a"), a_task("gone"))
    stage.run(job)
    stage.repair(a_job(a_task("a")))

    assert results(stage.repair(job)) == {"a": S, "gone": S}
    assert not stage.history.tasks["gone"].is_gone


def test_a_repair_of_a_run_of_some_tasks_stays_within_them():
    stage = Stage(b=[fails(), succeeds()])
    job = a_job(a_task("a"), a_task("b", "a"), a_task("c", "b"))
    stage.run(job, only=("b",))

    assert results(stage.repair(job)) == {"b": S}
    assert stage.called() == ["b", "b"]


def test_a_repair_of_some_tasks_that_succeeded_does_nothing():
    stage = Stage()
    job = a_job(a_task("a"), a_task("b", "a"), a_task("c", "b"))
    stage.run(job, only=("b",))

    assert stage.repair(job) is None
    assert stage.called() == ["b"]


def test_a_repair_of_some_tasks_follows_no_way_through_another_task():
    stage = Stage(a=[fails(), succeeds()])
    job = a_job(a_task("a"), a_task("between", "a"), a_task("c", "between"))
    stage.run(job, only=("a", "c"))

    assert results(stage.repair(job)) == {"a": S, "c": S}
    assert stage.called() == ["a", "c", "a"]


def test_a_repair_takes_the_branch_that_a_condition_took():
    stage = Stage(yes=[fails(), succeeds()])
    job = a_job(
        a_task("check", work=condition("1", "EQUAL_TO", "1")),
        a_task("yes", "check:true"),
        a_task("no", "check:false"),
    )
    stage.run(job)

    assert results(stage.repair(job)) == {"check": S, "yes": S, "no": X}
    assert stage.called() == ["yes", "yes"]


def test_a_repair_repeats_only_the_iterations_that_failed():
    deeds = [succeeds(), fails(), succeeds(), succeeds()]
    stage = Stage(one=deeds)
    job = a_job(a_task("l", work=loop([7, 8, 9])))
    stage.run(job)

    assert results(stage.repair(job)) == {"l": S}
    assert [(each.iteration, each.attempt) for each in stage.calls] == [
        (0, 1),
        (1, 1),
        (2, 1),
        (1, 2),
    ]


def test_a_repair_of_a_loop_with_fewer_inputs_tells_of_no_others():
    stage = Stage(one=[succeeds(), succeeds(), fails(), *[succeeds()] * 5])
    job = a_job(a_task("l", work=loop("{{job.parameters.x}}")), parameters={"x": "[1,2,3]"})
    stage.run(job)

    assert results(stage.repair(job, x="[9]")) == {"l": S}

    task = stage.history.tasks["l"]
    assert {at: each.input for at, each in task.iterations.items()} == {0: "9"}
    assert task.of_iterations == 1
    assert task.first_failed is None


def test_an_iteration_that_a_loop_has_again_counts_its_attempts_on():
    stage = Stage(one=[succeeds(), fails(), fails(), succeeds(), succeeds()])
    job = a_job(a_task("l", work=loop("{{job.parameters.x}}")), parameters={"x": "[1,2]"})
    stage.run(job)
    stage.repair(job, x="[3]")

    assert results(stage.repair(job, x="[3,4]")) == {"l": S}
    assert [(each.iteration, each.attempt) for each in stage.calls[-2:]] == [(0, 3), (1, 2)]


def test_a_repair_repeats_all_iterations_where_what_the_loop_reads_runs_again():
    stage = Stage(a=[fails(), succeeds()], one=[fails(), succeeds(), succeeds(), succeeds()])
    job = a_job(a_task("a"), a_task("l", "a", work=loop([7, 8]), run_if="ALL_DONE"))
    stage.run(job)

    assert results(stage.repair(job)) == {"a": S, "l": S}
    assert [each.iteration for each in stage.calls if each.task.key == "one"] == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("cut_at", "tries"),
    [("RUNNING 1", 3), ("WAITING 1", 2), ("RUNNING 2", 2), ("WAITING 2", 1), ("RUNNING 3", 1)],
)
def test_a_run_that_was_cut_off_gets_no_more_retries_than_it_had_left(cut_at, tries):
    stage = Stage(a=fails())
    job = a_job(a_task("a", most=2))
    stage.run(job)
    stage.events = events_until(stage.events, cut_at)
    before = len(stage.calls)

    outcome = stage.repair(job)

    assert results(outcome) == {"a": F}
    assert len(stage.calls) - before == tries


def test_what_events_tell_is_what_happened():
    stage = Stage(a=[fails(), succeeds(n=1)], b=fails("no"))
    job = a_job(
        a_task("a", most=1),
        a_task("b", "a"),
        a_task("c", "b"),
        a_task("check", "a", work=condition("1", "EQUAL_TO", "2")),
        a_task("l", "a", work=loop([1])),
    )

    outcome = stage.run(job, cause="periodic", scheduled=BEGAN)

    run = stage.history
    assert (run.state, run.result, run.cause) == (LifeCycle.TERMINATED, outcome.result, "periodic")
    assert {key: (t.result, t.error, t.branch, t.values) for key, t in run.tasks.items()} == {
        key: (end.result, end.error, end.branch, end.values) for key, end in outcome.tasks.items()
    }
    assert {key: task.attempts for key, task in run.tasks.items()} == {
        "a": 2, "b": 1, "c": 0, "check": 1, "l": 1,
    }  # fmt: skip
    assert run.tasks["l"].iterations[0].input == "1"
    assert "\n  at:  pipelines/daily/job.yml:7:3" in (run.tasks["b"].error or "")


def test_events_survive_their_rows():
    stage = Stage(a=[fails(), succeeds(n={"x": [1]})], q=lambda *_: Succeeded(rows=[{"a": None}]))
    stage.run(
        a_job(a_task("a", most=1), a_task("q"), a_task("l", "a", work=loop(["ü"]))),
        backfill=BEGAN,
    )

    assert [decode(encode(event)) for event in stage.events] == stage.events


def test_states_of_a_task_come_in_the_order_of_its_life():
    stage = Stage(a=[fails(), succeeds()])
    stage.run(a_job(a_task("a", most=1)))

    records = [each.record for each in stage.events if isinstance(each.record, TaskProgress)]
    assert [(each.state.value, each.attempt, each.result) for each in records] == [
        ("RUNNING", 1, None),
        ("WAITING", 1, None),
        ("RUNNING", 2, None),
        ("TERMINATED", 2, ResultState.SUCCESS),
    ]


def test_a_run_that_cannot_be_recorded_stops():
    began = []

    def emit(record):
        if isinstance(record, TaskProgress) and record.state is LifeCycle.TERMINATED:
            raise StorageNotWritable("the disk is full")

    def notes(call, _stop):
        began.append(call.task.key)
        return Succeeded()

    stage = Stage()
    job = a_job(a_task("a"), a_task("b", "a"))

    with pytest.raises(StorageNotWritable):
        run_job(job, RunRequest("r1"), Crew(notes, emit, stage.clock.timing), stage.control)

    assert began == ["a"]
    assert stage.control.run_canceled.is_set()


def test_a_stop_tells_the_reason_and_the_time_that_is_left():
    stage = Stage()
    event = threading.Event()
    stop = Stop(event, stage.clock.timing, until=Deadline(10.0, 10, "task 'a'"))

    assert (stop.reason, stop.seconds_left) == (None, 10.0)
    assert stop.wait(4) is None
    assert stop.wait(60) is StopReason.TIMEDOUT
    assert stage.clock.elapsed() == 10
    event.set()
    assert stop.reason is StopReason.CANCELED


def test_a_task_that_stops_without_being_asked_has_failed():
    outcome = Stage(a=lambda *_: Stopped()).run(a_job(a_task("a")))

    assert results(outcome) == {"a": F}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 12))
def test_any_job_ends_as_run_if_says_and_a_repair_ends_it(seed, number):
    """Random graphs with random failures: each task by the rule, and a repair that mends them."""
    chance = random.Random(seed)  # noqa: S311 - a test, not a secret
    tasks, broken = [], {}
    for n in range(number):
        waits = chance.sample([f"t{m}" for m in range(n)], k=min(n, chance.randint(0, 3)))
        run_if = chance.choice(list(RunIf))
        tasks.append(a_task(f"t{n}", *waits, run_if=run_if, disabled=chance.random() < 0.1))
        if chance.random() < 0.3:
            broken[f"t{n}"] = fails()
    job, stage = a_job(*tasks, parallel_tasks=3), Stage(**broken)

    outcome = stage.run(job)

    ended = {key: Ended(end.result, end.branch) for key, end in outcome.tasks.items()}
    for task in tasks:
        found = ended[task.key].result
        if found is not ResultState.DISABLED:
            tried = ResultState.FAILED if task.key in broken else ResultState.SUCCESS
            assert found == (verdict(task, ended) or tried)
    stage.deeds.clear()
    again = stage.repair(job)
    assert again is None or ResultState.FAILED not in {end.result for end in again.tasks.values()}


def events_until(events, cut_at):
    """Return the events up to a state of an attempt, as a killed runner leaves them."""
    state, attempt = cut_at.split()
    kept = []
    for event in events:
        kept.append(event)
        record = event.record
        if isinstance(record, TaskProgress) and (record.state, record.attempt) == (
            LifeCycle(state),
            int(attempt),
        ):
            break
    return kept
