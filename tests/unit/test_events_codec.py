from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from dlt_lite.events.codec import decode, encode
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
    RuntimeDetails,
    UpdateProgress,
    UpdateState,
)
from dlt_lite.events.sinks import Emitter, NdjsonFile, batch_event_id, read_ndjson
from dlt_lite.model.rules import Counts, RuleAction, RuleCount
from dlt_lite.model.samples import Cell, Sample

TEXT = st.text()
NAMES = st.text(min_size=1)
MAYBE = st.none() | TEXT
NUMBERS = st.integers(0, 2**63 - 1)
SETTINGS = st.dictionaries(TEXT, TEXT, max_size=3)
TUPLES = st.lists(TEXT, max_size=3).map(tuple)

CELLS = st.builds(Cell, TEXT, MAYBE, st.booleans())
SAMPLES = st.builds(Sample, st.lists(CELLS, max_size=3).map(tuple))


def rule_counts(dataset):
    """Return counts of rules: a view's rule names a dataset that is not the written one."""
    views = st.none() | NAMES.filter(lambda name: name != dataset)
    return st.builds(
        RuleCount,
        TEXT,
        st.sampled_from(RuleAction),
        passed=NUMBERS,
        failed=NUMBERS,
        dataset=views,
        exact=st.booleans(),
        samples=st.lists(SAMPLES, max_size=2).map(tuple),
    )


@st.composite
def flow_progress(draw):
    dataset = draw(NAMES)
    counts = st.builds(
        lambda written, dropped, rules: Counts(written + dropped, dropped, tuple(rules)),
        NUMBERS,
        NUMBERS,
        st.lists(rule_counts(dataset), max_size=3),
    )
    return FlowProgress(
        dataset,
        draw(NAMES),
        draw(st.sampled_from(FlowState)),
        draw(TEXT),
        draw(TEXT),
        draw(MAYBE),
        draw(st.none() | NUMBERS),
        draw(st.none() | NUMBERS),
        draw(st.none() | counts),
        draw(MAYBE),
    )


RECORDS = st.one_of(
    st.builds(CreateUpdate, TEXT, TEXT, SETTINGS),
    st.builds(RuntimeDetails, SETTINGS),
    st.builds(UpdateProgress, st.sampled_from(UpdateState), MAYBE, MAYBE),
    st.builds(
        DatasetDefinition,
        NAMES,
        TEXT,
        TEXT,
        MAYBE,
        NUMBERS,
        st.lists(st.builds(ExpectationDefinition, TEXT, TEXT, TEXT), max_size=3).map(tuple),
        MAYBE,
        TUPLES,
        TEXT,
    ),
    st.builds(
        FlowDefinition, NAMES, NAMES, TEXT, TUPLES, TEXT, st.booleans(), SETTINGS, comment=MAYBE
    ),
    st.builds(
        PlanningInformation,
        NAMES,
        TEXT,
        TEXT,
        TEXT,
        TUPLES,
        st.dictionaries(TEXT, st.none() | NUMBERS, max_size=3),
        SETTINGS,
    ),
    flow_progress(),
)
EVENTS = st.builds(Event, st.builds(Envelope, TEXT, NUMBERS, TEXT, TEXT, TEXT), RECORDS)
STATES = [FlowState.QUEUED, FlowState.RUNNING, FlowState.COMPLETED]


def an_event(*, status=FlowState.RUNNING, **given_fields):
    envelope = Envelope("id", 1, "u1", "shop", "2026-11-24T23:19:00.000Z")
    return Event(envelope, FlowProgress("orders", "orders", status, **given_fields))


@settings(max_examples=300, deadline=None)
@given(EVENTS)
def test_an_event_that_was_encoded_and_decoded_is_the_same(event):
    assert decode(encode(event)) == event


@settings(max_examples=100, deadline=None)
@given(EVENTS)
def test_an_event_survives_a_line_of_json(event):
    line = json.dumps(encode(event), ensure_ascii=False).encode()

    assert decode(json.loads(line)) == event


def test_rows_of_the_query_are_rows_written_and_rows_dropped():
    row = encode(an_event(counts=Counts(10, 3)))

    details = json.loads(row["details"])["flow_progress"]
    assert details["metrics"] == {"num_output_rows": 7}
    assert details["data_quality"]["dropped_records"] == 3


def test_a_batch_is_reported_as_metrics_and_a_failure_as_an_error_with_its_code():
    batch = encode(an_event(batch_id=4))
    failed = encode(an_event(status=FlowState.FAILED, error="[DLT501] orders failed."))

    assert batch["level"] == "METRICS"
    assert failed["level"] == "ERROR"
    assert failed["error"]["exceptions"][0]["class_name"] == "DLT501"


def test_a_file_name_with_stray_bytes_can_be_reported(tmp_path):
    stray = b"in/\xff.csv".decode("utf-8", "surrogateescape")
    file = NdjsonFile(tmp_path / "events.ndjson")

    file(an_event(error=f"[DLT302] {stray} is malformed", reason=f"new file {stray}"))

    (told,) = read_ndjson(tmp_path / "events.ndjson")
    assert told.record.error == "[DLT302] in/\\udcff.csv is malformed"
    assert told.record.reason == f"new file {stray}"


def test_a_torn_line_is_passed_over_and_the_next_event_stands_on_its_own_line(tmp_path):
    path = tmp_path / "events.ndjson"
    file = NdjsonFile(path)
    file(an_event(batch_id=0))
    path.write_bytes(path.read_bytes() + path.read_bytes()[:40])

    file(an_event(batch_id=1))

    assert [each.record.batch_id for each in read_ndjson(path)] == [0, 1]


def test_a_file_cut_anywhere_gives_the_whole_lines(tmp_path):
    path = tmp_path / "events.ndjson"
    for batch in range(3):
        NdjsonFile(path)(an_event(batch_id=batch, reason="café"))
    whole = path.read_bytes()

    counted = []
    for end in range(len(whole) + 1):
        path.write_bytes(whole[:end])
        counted.append(len(read_ndjson(path)))

    assert counted == sorted(counted)
    assert (counted[0], counted[-1]) == (0, 3)


def test_a_missing_file_has_no_events(tmp_path):
    assert read_ndjson(tmp_path / "events.ndjson") == []


def test_events_of_20_threads_are_all_kept_each_once_and_in_order(tmp_path):
    path = tmp_path / "events.ndjson"
    emit = Emitter("u1", "shop", lambda: datetime(2026, 11, 24, tzinfo=UTC), [NdjsonFile(path)])

    def work(place):
        for state in STATES:
            emit(replace(an_event().record, flow=f"flow {place}", status=state))

    threads = [threading.Thread(target=work, args=(place,)) for place in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    told = read_ndjson(path)
    assert [each.envelope.sequence for each in told] == list(range(1, 61))
    for place in range(20):
        assert [e.record.status for e in told if e.record.flow == f"flow {place}"] == STATES


def test_a_batch_reported_again_has_the_same_id_and_any_other_event_a_new_one():
    told = []
    emit = Emitter("u1", "shop", lambda: datetime(2026, 11, 24, tzinfo=UTC), [told.append])
    batch = an_event(flow_id="shop/orders/0", batch_id=7).record

    for record in (batch, batch, replace(batch, batch_id=None), replace(batch, batch_id=None)):
        emit(record)

    ids = [each.envelope.id for each in told]
    assert ids[0] == ids[1] == batch_event_id("shop/orders/0", 7)
    assert len(set(ids)) == 3
