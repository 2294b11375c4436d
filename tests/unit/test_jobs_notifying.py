"""Who is told of what: events of a run in, messages out."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dlt_lite.jobs.notifying import Watch
from dlt_lite.model.jobs import ForEachTask, Hook, HookEvent, Notifications
from tests.unit.jobs_made import a_job, a_task, call, text
from tests.unit.jobs_run import Stage, fails, hangs, succeeds

EVERY = tuple(Hook(event, text(f"https://chat/{event}")) for event in HookEvent)
NOW = datetime(2027, 1, 1, tzinfo=UTC)


def told(job, stage, elapsed=0.0, watch=None):
    """Return what a watch says of what has happened on a stage: event, task, state."""
    watch = watch or Watch(job)
    messages = [each for event in stage.events for each in watch.heard(event, elapsed)]
    return [(m.body["event"].value, m.body.get("task"), str(m.body["state"])) for m in messages]


def ran(job, **deeds):
    stage = Stage(**deeds)
    stage.run(job)
    return stage


@pytest.mark.parametrize(
    ("deed", "last"),
    [
        (succeeds(), ("on_success", None, "SUCCESS")),
        (fails(), ("on_failure", None, "FAILED")),
    ],
)
def test_a_run_tells_when_it_begins_and_how_it_ends(deed, last):
    job = a_job(a_task("a"), notifications=Notifications(EVERY))

    assert told(job, ran(job, a=deed)) == [("on_start", None, "RUNNING"), last]


def test_nobody_is_told_who_did_not_ask():
    job = a_job(a_task("a"), notifications=Notifications(EVERY[:1]))

    assert told(job, ran(job)) == [("on_start", None, "RUNNING")]


def test_inner_failures_that_the_job_survives_are_a_success():
    job = a_job(
        a_task("a"), a_task("b", "a", run_if="ALL_DONE"), notifications=Notifications(EVERY)
    )

    assert told(job, ran(job, a=fails()))[-1] == ("on_success", None, "SUCCESS_WITH_FAILURES")


@pytest.mark.parametrize("silent", [False, True])
def test_a_cancelled_run_is_a_failure_unless_the_job_is_silent_about_it(silent):
    job = a_job(a_task("a"), notifications=Notifications(EVERY, silent_if_canceled=silent))
    stage = Stage(a=hangs)
    stage.control.cancel()
    stage.run(job)

    ends = [each for each in told(job, stage) if each[0] != "on_start"]
    assert ends == ([] if silent else [("on_failure", None, "CANCELED")])


@pytest.mark.parametrize(
    ("last_only", "expected"),
    [
        (
            False,
            ["on_start", "on_failure", "on_start", "on_failure", "on_start", "on_success"],
        ),
        (True, ["on_start", "on_success"]),
    ],
)
def test_attempts_that_are_repeated_are_told_unless_only_the_last_one_counts(last_only, expected):
    task = a_task("a", most=2, notifications=Notifications(EVERY, only_last_attempt=last_only))
    job = a_job(task)

    stage = ran(job, a=[fails(), fails(), succeeds()])

    assert [event for event, _, _ in told(job, stage)] == expected


def test_a_task_that_was_never_begun_tells_nobody():
    watched = Notifications(EVERY)
    job = a_job(
        a_task("a"),
        a_task("b", "a", notifications=watched),
        a_task("c", disabled=True, notifications=watched),
    )

    assert told(job, ran(job, a=fails())) == []


def test_each_iteration_of_a_loop_tells_of_itself():
    inner = a_task("inner", notifications=Notifications(EVERY))
    job = a_job(a_task("loop", work=ForEachTask(text("[1, 2]"), 1, inner)))

    found = told(job, ran(job, inner=[succeeds(), fails()]))

    assert [(event, state) for event, _, state in found] == [
        ("on_start", "RUNNING"),
        ("on_success", "SUCCESS"),
        ("on_start", "RUNNING"),
        ("on_failure", "FAILED"),
    ]


def test_what_takes_too_long_is_told_once_and_not_after_its_end():
    job = a_job(a_task("a"), notifications=Notifications(EVERY, slow_after_seconds=60))
    stage, watch = ran(job), Watch(job)
    for event in stage.events[:2]:
        watch.heard(event, 100.0)

    at, early = watch.slow_at, watch.too_slow(159.0, NOW)
    late, again = watch.too_slow(160.0, NOW), watch.too_slow(900.0, NOW)
    for event in stage.events[2:]:
        watch.heard(event, 1000.0)

    assert (at, early, again, watch.slow_at) == (160.0, (), (), None)
    assert [message.body["event"] for message in late] == [HookEvent.ON_DURATION]
    assert "takes too long" in late[0].body["text"]


def test_what_ends_in_time_is_never_slow():
    job = a_job(a_task("a"), notifications=Notifications(EVERY, slow_after_seconds=60))
    watch = Watch(job)
    told(job, ran(job), watch=watch)

    assert watch.slow_at is None
    assert watch.too_slow(1e9, NOW) == ()


def test_a_message_says_what_and_why_and_its_address_may_hold_parameters():
    hook = Hook(HookEvent.ON_FAILURE, text("https://chat/{{job.parameters.room}}"))
    job = a_job(
        a_task("a", work=call()),
        parameters={"room": "main"},
        notifications=Notifications((hook,)),
    )
    stage, watch = Stage(a=fails("no luck")), Watch(job)
    stage.run(job, parameters={"room": "night"}, cause="periodic")

    [message] = [each for event in stage.events for each in watch.heard(event, 0.0)]

    body = message.body
    assert (body["job"], body["run_id"], body["cause"], body["repair"]) == (
        "daily",
        "r1",
        "periodic",
        0,
    )
    assert body["error"]["code"] == "DLT551"
    assert [(each["task"], each["error"]["message"]) for each in body["failed"]] == [
        ("a", "task 'a' failed: no luck")
    ]
    assert message.facts.parameters["room"].shown == "night"


def test_a_repair_tells_of_itself():
    job = a_job(a_task("a"), notifications=Notifications(EVERY))
    stage, watch = Stage(a=[fails(), succeeds()]), Watch(job)
    stage.run(job)
    stage.repair(job)

    found = told(job, stage, watch=watch)
    assert [event for event, _, _ in found] == ["on_start", "on_failure", "on_start", "on_success"]
