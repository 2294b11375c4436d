from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlt_lite.cli.complaints import complaint_json
from dlt_lite.errors import ErrorGroup, FlowFailed, MissingInput, NoJava
from dlt_lite.events.records import (
    CreateUpdate,
    DatasetDefinition,
    Envelope,
    Event,
    ExpectationDefinition,
    FlowDefinition,
    FlowProgress,
    FlowState,
    PlanningInformation,
    UpdateProgress,
    UpdateState,
)
from dlt_lite.model.origin import Origin
from dlt_lite.model.rules import Counts, RuleAction, RuleCount
from dlt_lite.report.summary import UpdateResult, error_json, plan_result, update_result

STREAM, VIEW, INLINE = "streaming_table", "materialized_view", "temporary_view"
POSITIVE = ExpectationDefinition("positive", "drop", "amount > 0")
KNOWN = ExpectationDefinition("known", "warn", "user IS NOT NULL")
BEGUN = CreateUpdate("the command line", "dev")


def told(*records):
    """Return the records as events of one update, a second apart; a pair gives the event an id."""
    return [an_event(place, record) for place, record in enumerate(records, start=1)]


def an_event(place, record):
    name, record = record if isinstance(record, tuple) else (f"event {place}", record)
    stamp = f"2026-11-24T12:00:{place:02}.000Z"
    return Event(Envelope(name, place, "u1", "shop", stamp), record)


def defined(name, kind=STREAM, *, rules=(), path=None):
    return DatasetDefinition(name, f"shop.{name}", kind, path, 1, tuple(rules))


def planned(name, action="append", reason="new files", *, kind=STREAM, when=(), **more):
    return PlanningInformation(name, kind, action, reason, tuple(when), **more)


def progress(name, status, *, flow=None, **given_fields):
    return FlowProgress(name, flow or name, FlowState(status), **given_fields)


def counted(rows, dropped=0, *rules):
    return Counts(rows, dropped, tuple(rules))


def rule(name, passed, failed, action="drop", **more):
    return RuleCount(name, RuleAction(action), passed, failed, **more)


def over(state="COMPLETED", **more):
    return UpdateProgress(UpdateState(state), **more)


def only(result):
    (dataset,) = result.datasets
    return dataset


def test_a_whole_update_has_the_shape_that_others_rely_on():
    result = update_result(
        told(
            BEGUN,
            defined("orders", rules=[POSITIVE], path="file:/lake/orders"),
            planned("orders", when=["raw"]),
            progress("orders", "QUEUED", action="none"),
            progress("orders", "RUNNING", action="append", reason="new files"),
            (
                "batch 0",
                progress(
                    "orders",
                    "RUNNING",
                    action="append",
                    batch_id=0,
                    version=3,
                    counts=counted(10, 2, rule("positive", 8, 2)),
                ),
            ),
            progress("orders", "COMPLETED", action="append", version=3),
            over(),
        )
    )

    assert result.as_json() == {
        "update_id": "u1",
        "pipeline": "shop",
        "target": "dev",
        "state": "COMPLETED",
        "started": "2026-11-24T12:00:01.000Z",
        "ended": "2026-11-24T12:00:08.000Z",
        "error": None,
        "datasets": [
            {
                "name": "orders",
                "kind": "streaming_table",
                "action": "append",
                "reason": "new files",
                "when": ["raw"],
                "state": "COMPLETED",
                "version": 3,
                "rows_written": 8,
                "rows_dropped": 2,
                "rows_quarantined": 0,
                "expectations": [{"name": "positive", "action": "drop", "passed": 8, "failed": 2}],
                "path": "file:/lake/orders",
                "error": None,
            }
        ],
    }
    assert only(result).seconds == 2.0


def test_what_is_printed_is_plain_values():
    result = update_result(told(BEGUN, planned("orders", kind=VIEW), over("FAILED", error="why")))

    assert json.loads(json.dumps(result.as_json())) == result.as_json()
    assert type(result.state) is type(only(result).state) is type(only(result).kind) is str


def test_figures_are_the_sum_over_batches_each_counted_once():
    first = progress("orders", "RUNNING", batch_id=0, version=1, counts=counted(10, 1))
    second = progress("orders", "RUNNING", batch_id=1, version=2, counts=counted(5, 2))

    result = update_result(
        told(planned("orders"), ("b0", first), ("b0", first), ("b1", second), over())
    )

    assert (only(result).rows_written, only(result).rows_dropped) == (12, 3)
    assert only(result).version == 2


def test_an_expectation_is_summed_over_batches_and_flows():
    def batch(flow, passed, failed):
        counts = counted(passed + failed, failed, rule("positive", passed, failed))
        return progress("orders", "COMPLETED", flow=flow, counts=counts)

    result = update_result(
        told(
            defined("orders", rules=[POSITIVE]),
            planned("orders"),
            batch("east", 3, 1),
            batch("east", 2, 0),
            batch("west", 4, 4),
            over(),
        )
    )

    (positive,) = only(result).expectations
    assert (positive.passed, positive.failed) == (9, 5)


def test_an_expectation_that_was_not_evaluated_is_there_with_zeros():
    result = update_result(
        told(
            defined("orders", rules=[POSITIVE, KNOWN]),
            planned("orders", "skip", "nothing new"),
            over(),
        )
    )

    assert [each.as_json() for each in only(result).expectations] == [
        {"name": "positive", "action": "drop", "passed": 0, "failed": 0},
        {"name": "known", "action": "warn", "passed": 0, "failed": 0},
    ]


def test_a_views_expectation_stands_with_each_flow_that_reads_it_and_is_not_summed():
    def read_by(flow, passed):
        counts = counted(passed, 0, rule("known", passed, 1, "warn", dataset="shop.raw"))
        return progress("orders", "COMPLETED", flow=flow, counts=counts)

    result = update_result(
        told(
            defined("raw", INLINE, rules=[KNOWN]),
            defined("orders"),
            planned("raw", "none", kind=INLINE),
            planned("orders"),
            read_by("orders", 3),
            read_by("late", 4),
            over(),
        )
    )

    raw, orders = result.datasets
    assert raw.expectations == ()
    assert [each.as_json() for each in orders.expectations] == [
        {"name": "known", "action": "warn", "passed": 3, "failed": 1, "dataset": "raw"},
        {
            "name": "known",
            "action": "warn",
            "passed": 4,
            "failed": 1,
            "dataset": "raw",
            "flow": "late",
        },
    ]


def test_a_views_expectation_that_nobody_evaluated_stands_with_the_view():
    result = update_result(
        told(defined("raw", INLINE, rules=[KNOWN]), planned("raw", "none", kind=INLINE), over())
    )

    assert [each.name for each in only(result).expectations] == ["known"]


def test_inexact_figures_say_so():
    inexact = rule("known", 1, 1, "warn", exact=False)

    result = update_result(
        told(planned("x"), progress("x", "COMPLETED", counts=counted(2, 0, inexact)), over())
    )

    assert only(result).expectations[0].as_json()["exact"] is False


def test_the_rows_of_a_batch_that_failed_are_not_written_but_its_expectations_are_told():
    broken = counted(10, 4, rule("positive", 5, 1, "fail", exact=False))

    result = update_result(
        told(
            planned("orders"),
            ("b0", progress("orders", "RUNNING", batch_id=0, counts=counted(7))),
            progress("orders", "FAILED", counts=broken, error="[DLT502] positive"),
            over("FAILED"),
        )
    )

    orders = only(result)
    assert (orders.rows_written, orders.rows_dropped) == (7, 0)
    assert (orders.expectations[0].passed, orders.expectations[0].failed) == (5, 1)
    assert (orders.state, orders.error) == ("FAILED", "[DLT502] positive")


def test_a_dataset_is_failed_if_one_of_its_flows_is():
    result = update_result(
        told(
            planned("orders"),
            progress("orders", "FAILED", flow="east", error="[DLT501] east"),
            progress("orders", "COMPLETED", flow="west"),
            over("FAILED"),
        )
    )

    assert (only(result).state, only(result).error) == ("FAILED", "[DLT501] east")


def test_a_flow_that_failed_and_then_completed_has_completed():
    result = update_result(
        told(
            planned("orders"),
            progress("orders", "FAILED", error="[DLT503] a conflict"),
            progress("orders", "COMPLETED"),
            over(),
        )
    )

    assert (only(result).state, only(result).error) == ("COMPLETED", None)


def test_the_runner_may_turn_a_replacement_into_a_skip():
    result = update_result(
        told(
            planned("daily", "replace", "if orders changes", kind=VIEW, when=["orders"]),
            progress("daily", "QUEUED", action="none", reason="if orders changes"),
            progress("daily", "COMPLETED", action="skip", reason="orders wrote no rows", version=5),
            over(),
        )
    )

    daily = only(result)
    assert (daily.action, daily.reason) == ("skip", "orders wrote no rows")
    assert (daily.state, daily.version, daily.when) == ("COMPLETED", 5, ("orders",))


def test_waiting_for_its_turn_changes_nothing_that_was_planned():
    result = update_result(
        told(planned("daily", "replace"), progress("daily", "QUEUED", action="none"))
    )

    assert (only(result).action, only(result).state) == ("replace", "QUEUED")


def test_a_planned_skip_and_a_temporary_view_have_completed_without_a_word():
    result = update_result(
        told(planned("orders", "skip"), planned("raw", "none", kind=INLINE), over())
    )

    assert [(each.action, each.state, each.version) for each in result.datasets] == [
        ("skip", "COMPLETED", None),
        ("none", "COMPLETED", None),
    ]


def test_what_was_not_selected_is_excluded_and_what_is_below_a_failure_skipped():
    result = update_result(
        told(
            planned("a", "skip", "not selected"),
            progress("a", "EXCLUDED", action="skip", reason="not selected"),
            planned("b", "replace", kind=VIEW),
            progress("b", "SKIPPED", action="replace", reason="orders failed"),
            over("FAILED"),
        )
    )

    a, b = result.datasets
    assert (a.state, a.action) == ("EXCLUDED", "skip")
    assert (b.state, b.action, b.reason) == ("SKIPPED", "replace", "orders failed")


def test_an_update_that_is_over_leaves_nothing_waiting_or_running():
    result = update_result(
        told(
            planned("a"),
            progress("a", "RUNNING"),
            planned("b"),
            progress("b", "QUEUED"),
            planned("c"),
            progress("c", "STOPPED", error="[DLT505] stopped"),
            planned("d"),
            over("CANCELED"),
        )
    )

    assert result.state == "CANCELED"
    assert [each.state for each in result.datasets] == ["FAILED", "SKIPPED", "FAILED", "SKIPPED"]
    assert result.datasets[2].error == "[DLT505] stopped"


def test_a_dataset_runs_until_all_its_flows_are_done():
    result = update_result(
        told(
            planned("orders"),
            progress("orders", "QUEUED", flow="east"),
            progress("orders", "COMPLETED", flow="west"),
        )
    )

    assert only(result).state == "RUNNING"


def test_datasets_stand_in_the_order_of_the_plan_and_only_those_that_were_planned():
    result = update_result(
        told(defined("z"), defined("b"), defined("a"), planned("b"), planned("a"), over())
    )

    assert [each.name for each in result.datasets] == ["b", "a"]


def test_an_update_that_failed_says_why():
    result = update_result(told(BEGUN, over("RUNNING"), over("FAILED", error="[DLT006] no JVM")))

    assert (result.state, result.error) == ("FAILED", "[DLT006] no JVM")
    assert result.ended == "2026-11-24T12:00:03.000Z"


@pytest.mark.parametrize(
    "error",
    [
        MissingInput("a reads b", origin=Origin("tables.py", 3), fix="did you mean 'c'?"),
        NoJava("none was found", fix="install one:\n  a JDK 17"),
        FlowFailed("it broke,\nand how", origin=Origin("tables.py", 4)),
    ],
)
def test_an_error_is_printed_in_its_parts(error):
    failed = progress("orders", "FAILED", error=str(error))
    result = update_result(told(BEGUN, planned("orders"), failed, over("FAILED", error=str(error))))

    plain = result.as_json()

    assert plain["error"] == complaint_json(error)["error"] == plain["datasets"][0]["error"]


def test_of_several_errors_the_first_is_printed():
    errors = ErrorGroup([NoJava("one", fix="install it"), FlowFailed("two")])

    assert error_json(str(errors)) == complaint_json(errors)["error"]


def test_a_text_that_is_no_error_of_ours_is_a_message():
    assert error_json("why") == {"code": None, "message": "why", "origin": None, "fix": None}
    assert error_json(None) is None


def test_no_events_make_an_empty_result():
    assert update_result([]) == UpdateResult()


def test_the_plan_is_the_same_shape_without_outcomes():
    events = told(
        defined("orders", rules=[POSITIVE]),
        FlowDefinition("orders", "orders", "streaming", (), "{}"),
        planned("orders"),
        planned("daily", "replace", "if orders changes", kind=VIEW, when=["orders"],
                inputs={"orders": 4}, costs={"key": "extra_scan"}),
    )  # fmt: skip

    assert plan_result(events).as_json() == {
        "pipeline": "shop",
        "datasets": [
            {
                "name": "orders",
                "kind": "streaming_table",
                "action": "append",
                "reason": "new files",
                "when": [],
                "inputs": {},
                "costs": {},
            },
            {
                "name": "daily",
                "kind": "materialized_view",
                "action": "replace",
                "reason": "if orders changes",
                "when": ["orders"],
                "inputs": {"orders": 4},
                "costs": {"key": "extra_scan"},
            },
        ],
        "notes": [],
    }


NAMES = st.sampled_from(["orders", "daily", "raw"])
COUNTS = st.builds(
    lambda written, dropped, failed, view: counted(
        written + dropped, dropped, rule("positive", written, failed, dataset=view)
    ),
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(0, 9),
    st.none() | NAMES,
)
RECORDS = st.one_of(
    st.just(BEGUN),
    st.builds(defined, NAMES, st.sampled_from([STREAM, VIEW, INLINE]), rules=st.just([POSITIVE])),
    st.builds(planned, NAMES, st.sampled_from(["append", "skip", "none"])),
    st.builds(
        progress,
        NAMES,
        st.sampled_from(FlowState),
        flow=st.none() | st.sampled_from(["east", "west"]),
        action=st.sampled_from(["", "append", "skip"]),
        version=st.none() | st.integers(0, 9),
        counts=st.none() | COUNTS,
        error=st.none() | st.just("[DLT501] it failed"),
    ),
    st.builds(over, st.sampled_from(UpdateState)),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(RECORDS, max_size=20))
def test_any_beginning_of_any_update_folds_and_final_states_are_those_promised(records):
    for end in range(len(records) + 1):
        result = update_result(told(*records[:end]))

        json.dumps(result.as_json())
        if result.ended is not None:
            states = {each.state for each in result.datasets}
            assert states <= {"COMPLETED", "FAILED", "SKIPPED", "EXCLUDED"}


@settings(max_examples=100, deadline=None)
@given(st.lists(RECORDS, max_size=12).flatmap(lambda r: st.permutations(told(*r))))
def test_the_order_in_which_events_are_read_back_does_not_matter(events):
    in_order = sorted(events, key=lambda event: event.envelope.sequence)

    assert update_result(events) == update_result(in_order)
    assert plan_result(events) == plan_result(in_order)


def test_in_an_update_that_broke_off_nothing_waits_or_runs_any_more():
    events = told(
        *map(planned, ("done", "cut", "after")),
        over("RUNNING"),
        progress("done", "COMPLETED"),
        progress("cut", "RUNNING"),
        progress("after", "QUEUED"),
    )

    alive, killed = update_result(events), update_result(events, broke_off=True)

    assert [each.state for each in alive.datasets] == ["COMPLETED", "RUNNING", "QUEUED"]
    assert [(each.name, each.state, each.seconds, each.reason) for each in killed.datasets] == [
        ("done", "COMPLETED", None, "new files"),
        ("cut", "FAILED", None, "the update broke off while it was at work"),
        ("after", "SKIPPED", None, "the update broke off before it"),
    ]


@pytest.mark.parametrize("state", ["ABANDONED", "CANCELED"])
def test_the_caller_may_know_better_how_an_update_ended(state):
    result = update_result(told(BEGUN, over("RUNNING")))

    assert result.state == "RUNNING"
    assert replace(result, state=state).as_json()["state"] == state
