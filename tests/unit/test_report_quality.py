from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from dlt_lite.errors import ExpectationFailed, FlowFailed
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
from dlt_lite.events.sinks import NdjsonFile
from dlt_lite.model.gates import Gate
from dlt_lite.model.origin import Origin
from dlt_lite.model.results import Verdict
from dlt_lite.model.rules import Cost, Counts, RuleAction, RuleCount, Severity
from dlt_lite.model.samples import Cell, Sample
from dlt_lite.report.gate import judge_gate
from dlt_lite.report.quality import origin_of, past_quality, quality_of, update_quality
from dlt_lite.report.summary import update_result
from dlt_lite.runs.folder import RunFolder, RunState, judged_facts
from dlt_lite.runs.manifest import Manifest, ManifestDataset
from dlt_lite.runs.quality import keep_results, write_results
from tests.unit.told_updates import an_update

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
KNOWN = ExpectationDefinition("known", "warn", "user IS NOT NULL")
POSITIVE = ExpectationDefinition("positive", "drop", "amount > 0")
RECENT = ExpectationDefinition("recent", "fail", "day > '2020-01-01'")
STREAM, VIEW, INLINE = "streaming_table", "materialized_view", "temporary_view"


def told(*records):
    return [
        Event(Envelope(f"e{n}", n, "u1", "shop", f"2026-11-24T12:00:{n:02}.000Z"), record)
        for n, record in enumerate((CreateUpdate("a test", "dev"), *records), start=1)
    ]


def defined(name, *rules, kind=STREAM, path="file:/x", origin="pipelines/shop/orders.py:12"):
    return DatasetDefinition(name, f"shop.{name}", kind, path, 1, rules, origin=origin)


def planned(name, action="append", kind=STREAM):
    return PlanningInformation(name, kind, action, "why")


def progress(name, status, **more):
    return FlowProgress(name, more.pop("flow", name), FlowState(status), **more)


def rule(name, passed, failed, action="drop", **more):
    return RuleCount(name, RuleAction(action), passed, failed, **more)


def batch(name, number, counts):
    return progress(name, "RUNNING", batch_id=number, version=number, counts=counts)


def over(state="COMPLETED"):
    return UpdateProgress(UpdateState(state))


def by_name(quality):
    return {each.rule: each for each in quality.rules}


def test_the_figures_of_all_batches_together_decide_a_rule():
    quality = update_quality(
        told(
            defined("orders", POSITIVE, KNOWN),
            FlowDefinition("orders", "orders", "APPEND", ("raw",), "{}"),
            planned("orders"),
            batch(
                "orders", 0, Counts(10, 2, (rule("positive", 8, 2), rule("known", 9, 1, "warn")))
            ),
            batch("orders", 1, Counts(5, 0, (rule("positive", 5, 0), rule("known", 5, 0, "warn")))),
            progress("orders", "COMPLETED", version=1),
            over(),
        )
    )

    [orders] = quality.datasets
    positive, known = (by_name(quality)[name] for name in ("positive", "known"))
    assert (orders.rows_in, orders.written, orders.dropped, orders.version) == (15, 13, 2, 1)
    assert (orders.inputs, orders.unexplained) == (("raw",), 0)
    assert (positive.evaluated, positive.violations, positive.dropped) == (15, 2, 2)
    assert (positive.verdict, positive.action) == (Verdict.WARN, RuleAction.DROP)
    assert (known.violations, known.dropped, known.verdict) == (1, 0, Verdict.WARN)
    assert positive.origin == Origin("pipelines/shop/orders.py", 12)
    assert (quality.verdict, quality.state, quality.update_id) == (Verdict.WARN, "COMPLETED", "u1")


def test_a_fail_rule_is_critical_unless_it_says_otherwise():
    quality = update_quality(told(defined("orders", RECENT, KNOWN), planned("orders"), over()))

    found = {name: each.severity for name, each in by_name(quality).items()}
    assert found == {"recent": Severity.CRITICAL, "known": Severity.WARNING}


def test_a_fail_rule_whose_name_has_a_line_break_is_known_as_the_one_that_ended_the_job():
    error = "[DLT502] orders: expectation a\nb failed for 1 or more rows (partial count)"
    rule = replace(RECENT, name="a\nb")
    quality = update_quality(
        told(defined("orders", rule), progress("orders", "FAILED", error=error), over("FAILED"))
    )

    assert by_name(quality)["a\nb"].verdict is Verdict.FAIL


def test_the_rule_that_ended_the_job_has_failed_and_the_others_were_not_checked():
    error = ExpectationFailed(
        "orders: expectation recent failed for 3 or more rows (partial count: the job ended "
        "there); nothing of them was written. One is: {}",
        origin=Origin("pipelines/shop/orders.py", 12),
        fix="correct the rows",
    )
    quality = update_quality(
        told(
            defined("orders", RECENT, KNOWN),
            planned("orders"),
            progress("orders", "FAILED", error=str(error)),
            over("FAILED"),
        )
    )

    recent, known = (by_name(quality)[name] for name in ("recent", "known"))
    assert (recent.verdict, recent.violations, recent.exact) == (Verdict.FAIL, 3, False)
    assert (known.verdict, known.reason) == (
        Verdict.SKIPPED,
        "the job ended at recent before it was decided",
    )
    assert quality.verdict is Verdict.FAIL


def test_rows_that_broke_a_rule_are_shown_of_all_batches_of_a_failed_job_too():
    def seen(text):
        return (Sample((Cell("amount", text, offending=True),)),)

    quality = update_quality(
        told(
            defined("orders", POSITIVE, RECENT),
            planned("orders"),
            batch("orders", 0, Counts(10, 1, (rule("positive", 9, 1, samples=seen("-1")),))),
            batch("orders", 1, Counts(10, 1, (rule("positive", 9, 1, samples=seen("-2")),))),
            progress(
                "orders",
                "FAILED",
                error="[DLT502] orders: expectation recent failed for 1 or more rows",
                counts=Counts(0, 0, (rule("recent", 0, 0, "fail", samples=seen("3")),)),
            ),
            over("FAILED"),
        )
    )

    positive, recent = (by_name(quality)[name] for name in ("positive", "recent"))
    assert positive.samples == (*seen("-1"), *seen("-2"))
    assert (recent.verdict, recent.violations, recent.samples) == (Verdict.FAIL, 1, seen("3"))
    assert quality.datasets[0].written == 18


def test_a_rule_of_a_dataset_that_failed_could_not_run_and_below_it_nothing_was_checked():
    error = FlowFailed("orders broke", origin=Origin("a.py", 1), fix="mend it")
    quality = update_quality(
        told(
            defined("orders", KNOWN),
            defined("totals", POSITIVE, kind=VIEW),
            planned("orders"),
            planned("totals", "replace", VIEW),
            progress("orders", "FAILED", error=str(error)),
            progress("totals", "SKIPPED"),
            over("FAILED"),
        )
    )

    assert by_name(quality)["known"].verdict is Verdict.ERROR
    assert by_name(quality)["positive"].verdict is Verdict.SKIPPED
    assert quality.datasets[0].error == str(error)


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ((planned("orders", "skip"),), "up to date, so no rows were checked"),
        ((planned("orders"), progress("orders", "COMPLETED")), "no rows were checked"),
        ((planned("orders"), progress("orders", "EXCLUDED")), "not selected in this update"),
        ((planned("orders"), progress("orders", "SKIPPED")), "something that it reads failed"),
    ],
)
def test_a_rule_that_looked_at_no_row_is_not_checked_and_says_why(records, reason):
    quality = update_quality(told(defined("orders", KNOWN), *records, over()))

    [known] = quality.rules
    assert (known.verdict, known.reason) == (Verdict.SKIPPED, reason)


def test_figures_that_nobody_saw_are_an_error():
    unseen = rule("known", 0, 0, "warn", dataset="recent", exact=False)
    quality = update_quality(
        told(
            defined("recent", KNOWN, kind=INLINE, path=None),
            defined("orders"),
            planned("recent", "none", INLINE),
            planned("orders"),
            batch("orders", 0, Counts(10, 0, (unseen,))),
            progress("orders", "COMPLETED"),
            over(),
        )
    )

    [known] = quality.rules
    assert (known.dataset, known.flow, known.verdict) == ("recent", "orders", Verdict.ERROR)


def test_a_views_rule_is_told_for_each_flow_that_read_the_view():
    def seen(failed):
        return Counts(10, 0, (rule("known", 10 - failed, failed, "warn", dataset="recent"),))

    quality = update_quality(
        told(
            defined("recent", KNOWN, kind=INLINE, path=None, origin="views.py:3"),
            defined("orders"),
            planned("recent", "none", INLINE),
            planned("orders"),
            batch("orders", 0, seen(1)),
            progress("orders", "RUNNING", flow="late", batch_id=0, version=1, counts=seen(0)),
            progress("orders", "COMPLETED"),
            over(),
        )
    )

    found = {each.flow: (each.dataset, each.verdict, each.origin) for each in quality.rules}
    assert found == {
        "orders": ("recent", Verdict.WARN, Origin("views.py", 3)),
        "late": ("recent", Verdict.PASS, Origin("views.py", 3)),
    }


def test_an_update_that_was_killed_early_knows_its_rules_from_the_manifest():
    manifest = Manifest(
        "shop",
        "dev",
        "u1",
        "",
        (
            ManifestDataset(
                "orders",
                "shop.orders",
                STREAM,
                inputs=("raw",),
                expectations=(ExpectationDefinition("known", "warn", "user IS NOT NULL"),),
                origin="orders.py:4",
            ),
        ),
    )
    events = told(
        planned("orders"), batch("orders", 0, Counts(4, 0, (rule("known", 3, 1, "warn"),)))
    )

    quality = update_quality(events, manifest)

    assert quality.rules[0].condition == "user IS NOT NULL"
    assert quality.rules[0].origin == Origin("orders.py", 4)
    assert quality.datasets[0].inputs == ("raw",)


@dataclass(frozen=True, slots=True)
class LaterDefinition(ExpectationDefinition):
    """An expectation as a later version may define it."""

    severity: str = "info"
    owner: str = "data"
    origin: str = "rules.yml:7:3"


def test_what_a_later_version_says_of_a_rule_is_taken():
    later = LaterDefinition("known", "quarantine", "user IS NOT NULL")
    [known] = update_quality(told(defined("orders", later), planned("orders"))).rules

    assert (known.action, known.severity, known.owner) == (
        RuleAction.QUARANTINE,
        Severity.INFO,
        "data",
    )
    assert known.origin == Origin("rules.yml", 7, 3)


def test_a_rule_points_at_its_own_line_and_without_one_at_its_datasets():
    own = ExpectationDefinition("known", "warn", "user IS NOT NULL", "pipelines/shop/orders.py:10")
    records = (defined("orders", own, POSITIVE), planned("orders"), over())

    found = {
        name: str(each.origin) for name, each in by_name(update_quality(told(*records))).items()
    }
    [orders] = update_result(told(*records)).datasets

    assert found == {
        "known": "pipelines/shop/orders.py:10",
        "positive": "pipelines/shop/orders.py:12",
    }
    assert [each.origin for each in orders.expectations] == [own.origin, None]


def test_no_events_are_an_update_without_rules():
    assert update_quality([]).verdict is Verdict.SKIPPED


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("", None),
        ("a.py", Origin("a.py")),
        ("a.py:3", Origin("a.py", 3)),
        ("a:b.yml:3:4", Origin("a:b.yml", 3, 4)),
    ],
)
def test_a_place_is_read_as_it_is_written(text, origin):
    assert origin_of(text) == origin
    assert str(origin or "") == text


def a_run(root, name, *, pipeline="shop", target="dev"):
    return RunFolder.create(root, name, pipeline=pipeline, target=target, started=NOON)


def test_a_run_without_results_is_told_by_its_events_and_by_its_folder(tmp_path):
    folder = a_run(tmp_path, "u1")
    sink = NdjsonFile(folder.events)
    for event in told(defined("orders", KNOWN), planned("orders")):
        sink(event)
    folder.finish(RunState.ABANDONED, NOON)

    quality = quality_of(judged_facts(folder.path))

    assert (quality.state, quality.verdict, len(quality.rules)) == ("ABANDONED", Verdict.ERROR, 1)


def test_the_past_is_of_one_pipeline_and_target_newest_first_and_no_more_than_asked(tmp_path):
    root, kept = tmp_path / "root", tmp_path / "kept"
    for name in ("u3", "u5"):
        write_results(a_run(root, name), an_update(update_id=name))
    a_run(root, "u6", pipeline="other")
    a_run(root, "u7", target="prod")
    keep_results(kept, replace(an_update(update_id="u3"), error="kept, and older than the run's"))
    for name in ("u1", "u2", "u4"):
        keep_results(kept, an_update(update_id=name))
    keep_results(kept, replace(an_update(update_id="u8"), target="prod"))

    found = past_quality(root, target="dev", pipeline="shop", history=kept, most=4)

    assert [each.update_id for each in found] == ["u5", "u4", "u3", "u2"]
    assert found[2].error is None


def test_the_past_of_an_older_update_ends_with_it(tmp_path):
    for number in range(4):
        write_results(a_run(tmp_path, f"u{number}"), an_update(update_id=f"u{number}"))
    keep_results(tmp_path / "kept", an_update(update_id="u0-kept"))

    past = past_quality(
        tmp_path, target="dev", pipeline="shop", history=tmp_path / "kept", until="u1"
    )

    assert [each.update_id for each in past] == ["u1", "u0-kept", "u0"]


def test_how_an_update_ended_is_told_by_its_events_before_its_folder_says_so(tmp_path):
    folder = a_run(tmp_path, "u1")
    write = NdjsonFile(folder.events)
    for event in told(defined("orders", KNOWN), planned("orders"), over()):
        write(event)

    assert quality_of(judged_facts(folder.path)).state == "COMPLETED"


ASIDE = ExpectationDefinition("whole", "quarantine", "user IS NOT NULL")


@pytest.mark.parametrize(
    ("counts", "state", "dropped"),
    [
        (Counts(20, 5, (rule("positive", 15, 5),)), "COMPLETED", {"positive": 5}),
        (
            Counts(40, 0, (rule("positive", 25, 15), rule("whole", 25, 15, "quarantine")), 15),
            "COMPLETED",
            {"positive": 0},
        ),
        (
            Counts(40, 3, (rule("positive", 22, 18), rule("whole", 25, 15, "quarantine")), 15),
            "COMPLETED",
            {"positive": 3},
        ),
        (
            Counts(20, 6, (rule("positive", 15, 5), rule("dated", 16, 4))),
            "COMPLETED",
            {"positive": 5, "dated": 4},
        ),
        (
            Counts(
                40,
                25,
                (
                    rule("positive", 25, 15),
                    rule("dated", 15, 25),
                    rule("whole", 14, 26, "quarantine"),
                ),
                26,
            ),
            "COMPLETED",
            {"positive": None, "dated": None},
        ),
        (
            Counts(20, 6, (rule("positive", 15, 5), rule("dated", 16, 4))),
            "FAILED",
            {"positive": None, "dated": None},
        ),
    ],
)
def test_rows_that_a_rule_dropped_are_told_where_they_can_be(counts, state, dropped):
    dated = ExpectationDefinition("dated", "drop", "day IS NOT NULL")
    quality = update_quality(
        told(
            defined("orders", POSITIVE, dated, ASIDE),
            planned("orders"),
            batch("orders", 0, counts),
            progress("orders", state, version=1),
            over(state),
        )
    )

    found = by_name(quality)
    assert {name: found[name].dropped for name in dropped} == dropped


def test_a_rule_that_checked_nothing_costs_what_its_kind_costs():
    kinds = ("foreign_key", "unique", "row_count_change", "schema", "row")
    rules = [ExpectationDefinition(kind, "warn", "x", kind=kind) for kind in kinds]
    decided = tuple(RuleCount(kind, RuleAction.WARN, 0, 0) for kind in kinds)
    quality = update_quality(
        told(
            defined("orders", *rules),
            planned("orders", "replace"),
            progress("orders", "COMPLETED", version=1, counts=Counts(0, 0, decided)),
            over(),
        )
    )

    costs = {name: each.cost for name, each in by_name(quality).items()}
    assert costs == {
        "foreign_key": Cost.EXTRA_SCAN,
        "unique": Cost.EXTRA_SCAN,
        "row_count_change": Cost.DERIVED,
        "schema": Cost.DERIVED,
        "row": Cost.IN_JOB,
    }


def test_a_replay_tells_the_rows_that_it_tried_and_those_that_stay():
    schema = ExpectationDefinition("columns", "warn", "id BIGINT", kind="schema")
    recent = rule("recent", 25, 1, "fail")
    decided = (rule("positive", 9, 17), rule("whole", 20, 6, "quarantine"), recent)
    counts = Counts(26, 0, decided, 17)
    events = told(
        defined("orders", POSITIVE, ASIDE, RECENT, schema),
        defined("daily", kind=VIEW),
        defined("recent", kind=INLINE, path=None),
        defined("weekly", kind=VIEW),
        defined("users", kind=VIEW),
        FlowDefinition("recent", "recent", "COMPLETE", ("orders",), "{}"),
        FlowDefinition("weekly", "weekly", "COMPLETE", ("recent", "users"), "{}"),
        FlowDefinition("daily", "daily", "COMPLETE", ("weekly",), "{}"),
        planned("orders", "replay"),
        planned("recent", "none", INLINE),
        *(planned(name, "skip", VIEW) for name in ("daily", "weekly", "users")),
        progress("orders", "COMPLETED", action="replay", version=1, counts=counts),
        *(progress(name, "EXCLUDED") for name in ("daily", "weekly", "users")),
        over(),
    )
    quality = update_quality(events)

    orders = quality.datasets[0]
    assert quality.is_replay
    assert (orders.rows_in, orders.written, orders.quarantined) == (26, 9, 17)
    assert orders.unexplained == 0
    found = by_name(quality)
    assert [found[name].evaluated for name in ("positive", "whole")] == [26, 26]
    assert (found["positive"].dropped, found["whole"].quarantined) == (0, 6)
    assert (found["recent"].verdict, quality.verdict) == (Verdict.WARN, Verdict.WARN)
    assert found["recent"].reason == "the rows that break it stay set aside"
    assert judge_gate(Gate(min_pass_ratio=0.9), quality).met
    assert found["columns"].verdict is Verdict.SKIPPED
    assert "a replay decides rules of rows only" in found["columns"].reason
    assert sorted(update_result(events).out_of_date) == ["daily", "weekly"]
