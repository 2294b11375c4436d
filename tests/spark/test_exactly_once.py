"""Wherever an update ends, the next one makes tables, counts and decisions what they would be."""

import gc
import threading

import pytest

from dlt_lite.execution.readers import FlowReader
from tests.spark.updates import FILE_STREAM, Ending, Shop, states

pytestmark = pytest.mark.spark

STREAM = (
    FILE_STREAM
    + """
@dlt.table
@dlt.expect("small", "v < 3")
@dlt.expect_or_drop("not_two", "v <> 2")
@dlt.expect_or_fail("never", "v >= 0")
def bronze():
    return arriving()
"""
)
POINTS = ("batch_begun", "table_committed", "counts_recorded", "batch_reported")
VIEW = """
spark = SparkSession.getActiveSession()

@dlt.materialized_view
@dlt.expect("small", "id < 3")
@dlt.expect_or_drop("not_two", "id <> 2")
@dlt.expect_or_fail("never", "id >= 0")
def gold():
    return spark.range(5)
"""


@pytest.fixture
def shop(dlt, tmp_path):
    return with_three_files(Shop(dlt, tmp_path, STREAM))


def with_three_files(shop):
    """Lay three files down; each breaks the rules in other rows."""
    for batch in range(3):
        rows = [{"id": 10 * batch + n, "v": (n + batch) % 5} for n in range(4 + batch)]
        shop.land(f"{batch}.json", *rows)
    return shop


UNDISTURBED_ROWS = [
    (10 * batch + n, (n + batch) % 5)
    for batch in range(3)
    for n in range(4 + batch)
    if (n + batch) % 5 != 2
]
VALUES = [(n + batch) % 5 for batch in range(3) for n in range(4 + batch)]
UNDISTURBED_COUNTS = {
    "bronze: rows": 15,
    "bronze: dropped": VALUES.count(2),
    "bronze.small in bronze: passed": sum(v < 3 for v in VALUES),
    "bronze.small in bronze: failed": sum(v >= 3 for v in VALUES),
    "bronze.not_two in bronze: passed": 15 - VALUES.count(2),
    "bronze.not_two in bronze: failed": VALUES.count(2),
    "bronze.never in bronze: passed": 15,
    "bronze.never in bronze: failed": 0,
}


def all_is_as_if_nothing_had_happened(shop):
    assert shop.rows("bronze") == sorted(UNDISTURBED_ROWS, key=repr)
    assert shop.counts() == UNDISTURBED_COUNTS
    assert shop.plan() == {"bronze": "skip"}
    return True


def test_an_undisturbed_update_writes_and_counts_what_plain_python_does(shop):
    result = shop.run()

    assert result.state == "COMPLETED"
    assert all_is_as_if_nothing_had_happened(shop)


@pytest.mark.parametrize("batch", [0, 2])
@pytest.mark.parametrize("point", POINTS)
def test_a_stream_that_ended_at_any_point_is_made_good_by_the_next_update(shop, point, batch):
    ending = Ending(f"{point} {batch}")
    first = shop.run(on_point=ending)
    assert ending.reached[-1] == ending.point
    assert first.state == "FAILED"
    assert not (shop.checkpoint("bronze") / "commits" / str(batch)).exists()

    second = shop.run()

    assert second.state == "COMPLETED"
    assert all_is_as_if_nothing_had_happened(shop)


def test_an_update_that_ends_at_every_point_in_turn_gets_through(shop):
    for point in [f"{point} {batch}" for batch in range(3) for point in POINTS]:
        ending = Ending(point)
        assert shop.run(on_point=ending).state == "FAILED"
        assert ending.reached[-1] == point

    last = shop.run()

    assert last.state == "COMPLETED"
    assert all_is_as_if_nothing_had_happened(shop)


@pytest.mark.parametrize(
    ("point", "decision"),
    [("view_begun", "create"), ("table_committed", "replace"), ("counts_recorded", "skip")],
)
def test_a_view_that_ended_at_any_point_is_counted_once(dlt, tmp_path, point, decision):
    shop = Shop(dlt, tmp_path, VIEW)
    ending = Ending(point)
    first = shop.run(on_point=ending)
    assert ending.reached[-1] == point
    assert states(first) == {"gold": "FAILED"}

    second = shop.run()

    assert {each.name: each.action for each in second.datasets} == {"gold": decision}
    assert shop.rows("gold") == [(0,), (1,), (3,), (4,)]
    assert shop.counts() == {
        "gold: rows": 5,
        "gold: dropped": 1,
        "gold.small in gold: passed": 3,
        "gold.small in gold: failed": 2,
        "gold.not_two in gold: passed": 4,
        "gold.not_two in gold: failed": 1,
        "gold.never in gold: passed": 5,
        "gold.never in gold: failed": 0,
    }
    assert shop.plan() == {"gold": "skip"}


ONCE = """
spark = SparkSession.getActiveSession()
dlt.create_streaming_table("history", expect_all={"small": "id < 3"})

@dlt.append_flow(target="history", once=True)
def backfill():
    return spark.range(5)
"""


@pytest.mark.parametrize("point", POINTS)
def test_a_flow_that_runs_once_is_made_good_wherever_it_ended(dlt, tmp_path, point):
    shop = Shop(dlt, tmp_path, ONCE)
    ending = Ending(f"{point} 0")
    shop.run(on_point=ending)
    assert ending.reached[-1] == ending.point

    second = shop.run()

    assert second.state == "COMPLETED"
    assert shop.rows("history") == [(n,) for n in range(5)]
    assert shop.counts() == {
        "history: rows": 5,
        "history: dropped": 0,
        "history.small in history: passed": 3,
        "history.small in history: failed": 2,
    }
    assert shop.plan() == {"history": "skip"}


STATEFUL = (
    FILE_STREAM
    + """
@dlt.table
@dlt.expect("small", "v < 3")
def bronze():
    return arriving().dropDuplicates(["v"])

@dlt.table
@dlt.expect("ever_smaller", "v < 2")
def below():
    return spark.readStream.table("bronze")
"""
)


@pytest.mark.parametrize("point", ["table_committed 1", "counts_recorded 1", "batch_reported 1"])
def test_a_stream_with_state_is_counted_again_without_harm_to_its_state(dlt, tmp_path, point):
    shop = with_three_files(Shop(dlt, tmp_path, STATEFUL))
    first = shop.run(on_point=Ending(point))
    assert states(first) == {"bronze": "FAILED", "below": "SKIPPED"}

    second = shop.run()

    assert states(second) == {"bronze": "COMPLETED", "below": "COMPLETED"}, [
        d.error for d in second.datasets
    ]

    assert [v for _, v in sorted(shop.rows("bronze"), key=lambda row: row[1])] == [0, 1, 2, 3, 4]
    assert shop.counts() == {
        "bronze: rows": 5,
        "bronze: dropped": 0,
        "bronze.small in bronze: passed": 3,
        "bronze.small in bronze: failed": 2,
        "below: rows": 5,
        "below: dropped": 0,
        "below.ever_smaller in below: passed": 2,
        "below.ever_smaller in below: failed": 3,
    }


def test_what_a_stream_held_is_let_go_at_its_end(shop):
    before = readers()

    shop.run()

    assert readers() - before == set()


def readers():
    """Return which readers of flows are alive; those of flows that failed may be, with an error."""
    gc.collect()
    return {id(each) for each in gc.get_objects() if isinstance(each, FlowReader)}


@pytest.mark.parametrize("place", ["session", "view_begun", "batch_begun 1"])
def test_spark_that_is_ended_along_with_us_is_a_consequence_of_the_stop(dlt, tmp_path, place):
    shop = with_three_files(Shop(dlt, tmp_path, VIEW if place == "view_begun" else STREAM))
    stop = threading.Event()

    def ended_by_a_signal(point):
        if point == place:
            stop.set()
            raise ConnectionRefusedError(111, "Connection refused")

    said = shop.under_test.project.run(
        "shop",
        stop=stop,
        on_session=lambda: ended_by_a_signal("session"),
        on_point=ended_by_a_signal,
    )

    assert (said.state, said.error) == ("CANCELED", None)
    assert [str(each.error)[:8] for each in said.datasets] == ["[DLT505]"] * (place != "session")
    assert shop.run().state == "COMPLETED"
