"""References are filled in once, from what is there, and never evaluated."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlt_lite.errors import BadReference, ReferenceMissing
from dlt_lite.jobs.filling import Facts, OtherTask, filled, filled_parameters, literal, moment_part
from dlt_lite.jobs.references import MOMENT_PARTS, Secret, pieces_of
from dlt_lite.model.jobs import JobParameter
from tests.unit.jobs_made import text

SUNDAY = datetime(2027, 1, 3, 1, 2, 3, 456_000, tzinfo=timezone(timedelta(hours=2)))
FACTS = Facts(
    job={"id": "daily", "name": "Daily", "run_id": "r1", "repair_count": "0", "trigger.type": "x"},
    moments={"start_time": SUNDAY, "trigger.time": SUNDAY - timedelta(days=1)},
    parameters={
        "day": literal("2027-01-01"),
        "pass": filled(text("x{{secrets/s/k}}"), Facts({}, {})),
    },
    task={"name": "join", "run_id": "r1-join", "execution_count": "2"},
    others={
        "a": OtherTask(
            {"result_state": "success", "run_id": "r1-a", "error_code": "", "execution_count": "1"},
            {"n": 3, "s": "x", "l": [1, "b"], "t": True, "z": None, "dotted.key": 1.5},
            [{"day": "2027-01-02", "n": 4}],
        )
    },
    inputs=({"day": "mon", "deep": {"er": [1]}},),
)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("plain", "plain"),
        ("", ""),
        ("{{job.id}}/{{ job.run_id }}", "daily/r1"),
        ("{{job.name}}{{job.repair_count}}{{job.trigger.type}}", "Daily0x"),
        ("{{job.start_time.iso_date}}", "2027-01-02"),
        ("{{job.trigger.time.iso_datetime}}", "2027-01-01T23:02:03Z"),
        ("{{job.parameters.day}}", "2027-01-01"),
        ("{{task.name}} {{task.execution_count}}", "join 2"),
        ("{{tasks.a.result_state}} {{tasks.a.run_id}}", "success r1-a"),
        ("{{tasks.a.values.n}} {{tasks.a.values.s}}", "3 x"),
        ("{{tasks.a.values.l}} {{tasks.a.values.t}} {{tasks.a.values.z}}", '[1, "b"] true null'),
        ("{{tasks.a.values.dotted.key}}", "1.5"),
        ("{{tasks.a.output.rows}}", '[{"day": "2027-01-02", "n": 4}]'),
        ("{{tasks.a.output.first_row.day}}", "2027-01-02"),
        ("{{input.day}} {{input.deep.er}}", "mon [1]"),
        ("{{input}}", '{"day": "mon", "deep": {"er": [1]}}'),
        ("{{job.trigger.file_arrival.location}}", ""),
        ("{{other.x}} {{x}} {{ 1 + 1 }} {{}} {{job}", "{{other.x}} {{x}} {{ 1 + 1 }} {{}} {{job}"),
        ("{{''.__class__}} ${x} {{job.id + 1}}", "{{''.__class__}} ${x} {{job.id + 1}}"),
    ],
)  # fmt: skip
def test_a_reference_becomes_its_value(raw, expected):
    assert filled(text(raw), FACTS).shown == expected


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("iso_date", "2027-01-02"),
        ("iso_datetime", "2027-01-02T23:02:03Z"),
        ("iso_weekday", "6"),
        ("is_weekday", "false"),
        ("year", "2027"),
        ("month", "1"),
        ("day", "2"),
        ("hour", "23"),
        ("minute", "2"),
        ("second", "3"),
        ("timestamp_ms", "1798930923456"),
    ],
)
def test_moments_are_seen_in_utc(part, expected):
    assert moment_part(SUNDAY, part) == expected
    assert part in MOMENT_PARTS


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("{{tasks.b.values.n}}", "task 'b' has not run"),
        ("{{tasks.a.values.m}}", "has set no value 'm'"),
        ("{{tasks.a.output.first_row.x}}", "no column 'x'"),
        ("{{input.nothing}}", "has no 'nothing'"),
        ("{{input.day.deeper}}", "has no 'deeper'"),
        ("{{backfill.iso_date}}", "no backfill"),
        ("{{job.parameters.x}}", "no job parameter 'x'"),
    ],
)
def test_what_is_not_there_is_told_with_its_place_and_a_way_out(raw, said):
    with pytest.raises(ReferenceMissing, match=said) as caught:
        filled(text(raw), FACTS)

    assert caught.value.origin is not None
    assert caught.value.fix


@pytest.mark.parametrize(
    "raw",
    [
        "{{job.x}}", "{{job}}", "{{job.start_time}}", "{{job.parameters.}}", "{{task.values.x}}",
        "{{tasks.a}}", "{{tasks.a.values}}", "{{tasks..values.x}}", "{{tasks.a.output.first_row.}}",
        "{{backfill}}", "{{secrets/x}}", "{{secrets.x.y}}", "{{workspace.url}}", "{{input..x}}",
    ],
)  # fmt: skip
def test_an_unknown_key_of_a_known_namespace_is_refused(raw):
    with pytest.raises(BadReference):
        pieces_of(text(raw))


HOSTILE = st.text() | st.sampled_from(
    ["{{job.id}}", "{{secrets/s/k}}", "{{job.parameters.b}}", "'; DROP TABLE x; --", "$(reboot)"]
)


@given(HOSTILE, HOSTILE)
def test_what_a_value_holds_is_never_looked_at_again(a, b):
    parameters = (JobParameter("a", text("")), JobParameter("b", text("<{{job.parameters.a}}>")))
    done = filled_parameters(parameters, {"a": a}, FACTS)
    again = filled(text("{{job.parameters.b}}|{{input}}"), Facts({}, {}, done, inputs=(b,)))

    assert again.shown == f"<{a}>|{b}"
    assert not again.has_secrets
    assert again.revealed(lambda *_: "secret") == again.shown


def test_a_secret_shows_as_its_reference_and_is_revealed_only_by_whoever_may():
    found = filled(text("user:{{job.parameters.pass}}!"), FACTS)

    assert found.shown == "user:x{{secrets/s/k}}!"
    assert found.pieces == ("user:", "x", Secret("s", "k"), "!")
    assert found.revealed(lambda scope, key: f"{scope}.{key}") == "user:xs.k!"


def test_defaults_may_refer_to_each_other_and_what_a_run_gives_is_literal():
    parameters = (
        JobParameter("path", text("in/{{job.parameters.day}}")),
        JobParameter("day", text("{{job.trigger.time.iso_date}}")),
        JobParameter("raw", text("x")),
    )

    done = filled_parameters(parameters, {"raw": "{{job.id}}"}, FACTS)

    assert {name: value.shown for name, value in done.items()} == {
        "path": "in/2027-01-01",
        "day": "2027-01-01",
        "raw": "{{job.id}}",
    }


def test_a_moment_of_a_backfill_stands_for_another_day():
    facts = Facts({}, {"backfill": datetime(2020, 2, 29, tzinfo=UTC)})

    assert filled(text("{{backfill.iso_date}}"), facts).shown == "2020-02-29"
