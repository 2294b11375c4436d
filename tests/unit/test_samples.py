"""Rows that are shown of rules: how many, how much, in which events, and in no table."""

import json
import threading

from dlt_lite.events.codec import encode
from dlt_lite.events.records import Envelope, Event, FlowProgress, FlowState
from dlt_lite.events.samples import BoundedSamples, without_samples
from dlt_lite.model.rules import Counts, RuleAction, RuleCount, added
from dlt_lite.model.samples import Cell, Sample, SampleSettings, size_of

WARN = RuleAction.WARN


def samples(*texts):
    return tuple(Sample((Cell("c", text, offending=True),)) for text in texts)


def batch(*rules, dataset="clicks", number=0):
    counts = Counts(10, 0, tuple(rules))
    return FlowProgress(dataset, dataset, FlowState.RUNNING, batch_id=number, counts=counts)


def a_count(name, *texts, dataset=None):
    return RuleCount(name, WARN, 5, 5, dataset, samples=samples(*texts))


def told(records, settings=SampleSettings(3), **more):  # noqa: B008 - frozen
    """Return what an emitter is handed of some records."""
    found = []
    bounded = BoundedSamples(found.append, settings, **more)
    for record in records:
        bounded(record)
    return found


def texts_of(record):
    return {
        rule.name: [cell.value for each in rule.samples for cell in each.cells]
        for rule in record.counts.rules
    }


def test_of_each_rule_an_updates_first_rows_are_shown_whatever_batch_or_flow_they_come_from():
    first = batch(a_count("a", "1", "2"), a_count("b"))
    second = batch(a_count("a", "3", "4"), a_count("b", "5"), number=1)

    found = told([first, second, batch(a_count("a", "6"), dataset="others")])

    assert [texts_of(each) for each in found] == [
        {"a": ["1", "2"], "b": []},
        {"a": ["3"], "b": ["5"]},
        {"a": ["6"]},
    ]


def test_a_views_rule_is_the_same_rule_for_all_who_read_the_view():
    readers = [batch(a_count("a", "1", "2", dataset="v"), dataset=name) for name in ("x", "y")]

    assert [texts_of(each) for each in told(readers)] == [{"a": ["1", "2"]}, {"a": ["1"]}]


def test_the_figures_of_an_event_are_as_they_were():
    given = batch(a_count("a", "1" * 2000))

    [found] = told([given, FlowProgress("clicks", "clicks", FlowState.COMPLETED)])[:1]

    assert without_samples(event(found)) == without_samples(event(given))
    assert found.counts.rules[0].samples[0].cells[0].value == "1" * 999 + "…"


def test_all_rows_of_an_update_take_no_more_than_their_bytes_and_later_events_find_room():
    rules = [a_count(f"r{n}", *["é" * 900] * 3) for n in range(50)]

    found = told([batch(*rules, dataset=f"d{n}") for n in range(8)])

    sizes = [sum(size_of(s) for rule in e.counts.rules for s in rule.samples) for e in found]
    assert sum(sizes) <= 64 * 1024
    assert all(0 < size <= 16 * 1024 for size in sizes)


def test_events_from_many_threads_are_bounded_together():
    found = []
    bounded = BoundedSamples(found.append, SampleSettings(5))
    records = [batch(a_count("a", f"{n}", f"{n}"), number=n) for n in range(20)]
    threads = [threading.Thread(target=bounded, args=(record,)) for record in records]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert sum(len(texts_of(each)["a"]) for each in found) == 5


def test_no_row_is_shown_where_none_may_be():
    assert texts_of(told([batch(a_count("a", "1"))], SampleSettings(0))[0]) == {"a": []}


def test_a_table_of_events_keeps_no_rows_and_all_else():
    row = encode(without_samples(event(batch(a_count("a", "private")))))

    quality = json.loads(row["details"])["flow_progress"]["data_quality"]
    assert quality["expectations"][0]["failed_records"] == 5
    assert "private" not in json.dumps(row)
    assert "private" in json.dumps(encode(event(batch(a_count("a", "private")))))


def test_two_batches_together_show_the_rows_of_both():
    both = added(Counts(1, 0, (a_count("a", "1"),)), Counts(1, 0, (a_count("a", "2"),)))

    assert both.rules[0].samples == samples("1", "2")


def test_a_masked_name_is_meant_without_case():
    settings = SampleSettings(mask=frozenset({"email", "straße"}))

    assert settings.hides("EMail")
    assert settings.hides("Straße")
    assert not settings.hides("email_known")


def event(record):
    return Event(Envelope("e", 1, "u", "shop", "2026-01-02T03:00:00.000Z"), record)
