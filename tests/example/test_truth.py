"""The truth is itself held to cases that were worked out by hand, and to the dirty files."""

import filecmp
import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.example import truth

PIPELINES = Path(__file__).resolve().parents[2] / "pipelines"
CLICKS = PIPELINES / "clickstream" / "landing"
ORDERS = PIPELINES / "orders" / "landing"
CLEAN_CLICKS = sorted((CLICKS / "clean").glob("*.jsonl"))
CLEAN_ORDERS = sorted((ORDERS / "clean").glob("*.csv"))
FAULTY = [
    CLICKS / "dirty/2024-05-22.jsonl",
    CLICKS / "fatal/2024-05-23.jsonl",
    ORDERS / "dirty/2024-05-22.csv",
    ORDERS / "fatal/2024-05-23.csv",
]


def click(event_id, user_id, time, event_type="add_to_cart", platform="iOS"):
    return {
        "event_id": event_id,
        "user_id": user_id,
        "event_time": f"{time}Z",
        "event_type": event_type,
        "platform": platform,
        "campaign_id": None,
    }


@pytest.fixture
def landed(tmp_path):
    def land(day, clicks):
        path = tmp_path / f"{day}.jsonl"
        path.write_text("".join(json.dumps(each) + "\n" for each in clicks), "utf-8")
        return path

    return land


@pytest.fixture
def ordered(tmp_path):
    def land(day, *lines):
        path = tmp_path / f"{day}.csv"
        path.write_text("\r\n".join([",".join(truth.ORDER_FIELDS), *lines, ""]), "utf-8")
        return path

    return land


def spans(sessions):
    return [(session.session_id, session.clicks) for session in sessions]


def test_a_silence_of_exactly_thirty_minutes_does_not_cut(landed):
    file = landed(
        "2024-05-01",
        [click(1, 7, "2024-05-01T10:00:00.000"), click(2, 7, "2024-05-01T10:30:00.000")],
    )

    (session,) = truth.clickstream([file]).sessions

    assert (session.clicks, session.duration_seconds) == (2, Decimal("1800.000"))


def test_a_millisecond_more_cuts(landed):
    file = landed(
        "2024-05-01",
        [click(1, 7, "2024-05-01T10:00:00.000"), click(2, 7, "2024-05-01T10:30:00.001")],
    )

    sessions = truth.clickstream([file]).sessions

    assert spans(sessions) == [("7-1714557600000", 1), ("7-1714559400001", 1)]


def test_a_session_across_midnight_and_files_is_one_of_the_day_it_starts_on(landed):
    files = [
        landed("2024-05-01", [click(1, 7, "2024-05-01T23:50:00.000")]),
        landed("2024-05-02", [click(2, 7, "2024-05-02T00:10:00.000", "go_to_checkout")]),
    ]

    found = truth.clickstream(files)

    assert spans(found.sessions) == [("7-1714607400000", 2)]
    assert found.funnel_daily == (
        truth.FunnelDay(date(2024, 5, 1), 1, 1, 1, 1, Decimal("1.0000"), Decimal("1.0000")),
    )


def test_two_users_clicking_in_turn_do_not_lengthen_each_others_sessions(landed):
    turns = [(7, "10:00"), (8, "10:20"), (7, "10:40"), (8, "10:50"), (7, "11:00")]
    file = landed(
        "2024-05-01",
        [click(n, user, f"2024-05-01T{time}:00.000") for n, (user, time) in enumerate(turns, 1)],
    )

    sessions = truth.clickstream([file]).sessions

    assert [(each.user_id, each.started_at.minute, each.clicks) for each in sessions] == [
        (7, 0, 1),
        (7, 40, 2),
        (8, 20, 2),
    ]


def test_the_order_of_lines_does_not_matter_and_the_first_click_gives_the_platform(landed):
    early = click(2, 7, "2024-05-01T10:00:00.000", "install", "Android")
    same_moment = click(3, 7, "2024-05-01T10:00:00.000", "share", "web")
    late = click(1, 7, "2024-05-01T10:05:00.250", "go_to_checkout", "iOS")

    (session,) = truth.clickstream([landed("2024-05-01", [late, same_moment, early])]).sessions

    assert session == truth.Session(
        session_id="7-1714557600000",
        user_id=7,
        started_at=datetime(2024, 5, 1, 10, tzinfo=UTC),
        ended_at=datetime(2024, 5, 1, 10, 5, 0, 250_000, tzinfo=UTC),
        clicks=3,
        installs=1,
        add_to_carts=0,
        checkouts=1,
        platform="Android",
        duration_seconds=Decimal("300.250"),
    )


def test_a_click_counts_once_however_often_it_is_delivered(landed):
    again = click(1, 7, "2024-05-01T10:00:00.000")
    files = [landed("2024-05-01", [again, again]), landed("2024-05-02", [again])]

    found = truth.clickstream(files)

    assert found.bronze_clicks.written == 3
    assert found.bronze_clicks.failed["not_late"] == 1
    assert found.silver_clicks.offered == found.silver_clicks.written == 1


def test_clicks_without_an_id_are_counted_one_by_one(landed):
    first = click(None, 7, "2024-05-01T10:00:00.000")
    other = click("x1", 7, "2024-05-01T10:01:00.000")

    found = truth.clickstream([landed("2024-05-01", [first, first, other])])

    assert found.silver_clicks.failed["valid_event_id"] == found.silver_clicks.dropped == 2


def test_two_contents_under_one_id_have_no_truth(landed):
    file = landed(
        "2024-05-01",
        [click(1, 7, "2024-05-01T10:00:00.000"), click(1, 8, "2024-05-01T10:00:00.000")],
    )

    with pytest.raises(ValueError, match="event_id 1 was delivered with different contents"):
        truth.clickstream([file])


def test_a_missing_value_breaks_rules_and_a_row_that_breaks_two_is_dropped_once(landed):
    nothing = click(1, None, "2031-05-01T10:00:00.000")
    no_type = click(2, 7, "2024-05-01T10:00:00.000", event_type=" ")

    silver = truth.clickstream([landed("2024-05-01", [nothing, no_type])]).silver_clicks

    assert {rule: count for rule, count in silver.failed.items() if count} == {
        "known_user": 1,
        "known_event_type": 1,
        "valid_user_id": 1,
        "has_event_type": 1,
        "not_from_the_future": 1,
    }
    assert (silver.dropped, silver.aside) == (1, 1)


def test_a_missing_time_is_no_reason_to_stop_but_an_ancient_one_is(landed):
    untimed = click(1, 7, "yesterday")
    ancient = click(2, 7, "1970-01-01T00:00:00.000")

    silver = truth.clickstream([landed("2024-05-01", [untimed, ancient])]).silver_clicks

    assert (silver.passed["not_before_2020"], silver.failed["not_before_2020"]) == (1, 1)


def test_an_amount_with_a_comma_or_below_nothing_is_dropped_and_a_wrong_sum_is_kept(ordered):
    file = ordered(
        "2024-05-01",
        '1,7,2024-05-01T10:00:00.000Z,"12,50",12.5,0.0,0.0,1,iOS',
        "2,7,2024-05-01T10:00:00.000Z,-5.00,-5.00,0.0,0.0,1,iOS",
        "3,7,2024-05-01T10:00:00.000Z,10.02,10.0,0.0,0.0,1,iOS",
        "4,7,2024-05-01T10:00:00.000Z,10.01,10.0,,0.0,1,iOS",
        "5,7,2024-05-01T10:00:00.000Z,10.01,10.0,0.0,0.0,1,iOS",
        "6,7",
    )

    found = truth.orders([file])

    assert found.bronze_orders.failed == {"line_is_whole": 1, "not_late": 1, "file_is_dated": 0}
    assert found.silver_orders.failed["valid_amount"] == 3
    assert found.silver_orders.failed["amount_is_sum_of_parts"] == 4
    assert found.revenue_daily == (
        truth.RevenueDay(
            day=date(2024, 5, 1),
            orders=3,
            users=1,
            revenue=Decimal("30.04"),
            flowers=Decimal("30.00"),
            vase=Decimal("0.00"),
            chocolate=Decimal("0.00"),
            average_order=Decimal("10.01"),
        ),
    )


def test_nothing_of_the_clean_landing_is_dropped_and_it_breaks_no_rule():
    clicks = truth.clickstream(CLEAN_CLICKS)
    orders = truth.orders(CLEAN_ORDERS)

    judged = (
        clicks.bronze_clicks,
        clicks.silver_clicks,
        orders.bronze_orders,
        orders.silver_orders,
    )

    assert [table.written for table in judged] == [13_040, 13_040, 2_960, 2_960]
    assert [sum(table.failed.values()) + table.dropped for table in judged] == [0, 0, 0, 0]


def test_the_script_makes_the_files_that_are_committed(tmp_path):
    script = PIPELINES / "clickstream/scripts/make_dirty.py"

    subprocess.run([sys.executable, "-B", str(script), str(tmp_path)], check=True)

    made = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    told = [path.parent / "faults.json" for path in FAULTY]
    assert made == sorted(path.relative_to(PIPELINES) for path in [*FAULTY, *told])
    assert filecmp.cmpfiles(PIPELINES, tmp_path, made, shallow=False) == (made, [], [])


@pytest.mark.parametrize("file", FAULTY, ids=lambda path: f"{path.parts[-4]}-{path.parts[-2]}")
def test_the_faults_that_are_told_are_those_that_the_truth_finds(file):
    told = json.loads((file.parent / "faults.json").read_text("utf-8"))

    bronze, silver, ids = found_after_clean(file)

    assert told["rows"] == sum(told["faults"].values()) == bronze.pop("rows")
    assert told["bronze"] == bronze.pop("rules")
    assert told["silver"] == silver.pop("rules")
    assert told["duplicates"] == told["rows"] - silver.pop("offered")
    if told["state"] == "COMPLETED":
        for outcome in ("dropped", "quarantined", "written"):
            assert told[outcome] == silver[outcome]
        assert told["survivors"] == ids
    else:
        assert (told["dropped"], told["written"], told["survivors"]) == (0, 0, [])
        assert told["silver"]["not_before_2020"]["failed"] == 1


def found_after_clean(file):
    """What a faulty file adds to the clean ones, as the truth has it."""
    if file.suffix == ".jsonl":
        before, after = truth.clickstream(CLEAN_CLICKS), truth.clickstream([*CLEAN_CLICKS, file])
        tables = ("bronze_clicks", "silver_clicks")
        rules = (truth.bronze_rules("event_time"), truth.CLICK_RULES)
        key = "event_id"
    else:
        before, after = truth.orders(CLEAN_ORDERS), truth.orders([*CLEAN_ORDERS, file])
        tables = ("bronze_orders", "silver_orders")
        rules = (truth.bronze_rules("order_time"), truth.ORDER_RULES)
        key = "order_id"
    bronze, silver = (
        added(getattr(before, table), getattr(after, table), of_table)
        for table, of_table in zip(tables, rules, strict=True)
    )
    old, new = (
        {getattr(row, key) for row in getattr(figures, tables[1]).rows}
        for figures in (before, after)
    )
    return bronze | {"rows": bronze["offered"]}, silver, sorted(new - old)


def added(before, after, rules):
    return {
        "offered": after.offered - before.offered,
        "dropped": after.dropped - before.dropped,
        "quarantined": after.aside - before.aside,
        "written": after.written - before.written,
        "rules": {
            rule.name: {
                "action": rule.action,
                "passed": after.passed[rule.name] - before.passed[rule.name],
                "failed": after.failed[rule.name] - before.failed[rule.name],
            }
            for rule in rules
        },
    }


def test_plain_counts_over_the_dirty_clicks_are_the_faults_that_are_told():
    told = json.loads((CLICKS / "dirty/faults.json").read_text("utf-8"))["faults"]
    lines = (CLICKS / "dirty/2024-05-22.jsonl").read_text("utf-8").splitlines()
    earlier = {line for path in CLEAN_CLICKS for line in path.read_text("utf-8").splitlines()}
    whole = [json.loads(line) for line in dict.fromkeys(lines) if line.endswith("}")]

    missing = Counter(name for row in whole for name, value in row.items() if value is None)
    types = Counter(row["event_type"] for row in whole)
    future = [row for row in whole if (row["event_time"] or "").startswith("2031-")]

    assert missing["event_id"] == told["null_event_id"]
    assert missing["user_id"] == told["null_user_id"] + told["future_of_nobody"]
    assert missing["event_time"] == told["null_event_time"]
    assert missing["event_type"] == told["null_event_type"]
    assert sum(row["user_id"] == "abc" for row in whole) == told["bad_user_id"]
    assert sum(row["event_time"] == "yesterday" for row in whole) == told["bad_event_time"]
    assert sum(not line.endswith("}") for line in lines) == told["broken_line"]
    assert len(future) == told["future"] + told["future_of_nobody"]
    assert types["share"] == told["unknown_event_type"]
    assert sum(row["platform"] == "web" for row in whole) == told["unknown_platform"]
    assert len(lines) - len(set(lines)) == told["duplicate_in_file"]
    assert len(earlier & set(lines)) == told["duplicate_of_earlier_day"]


def test_plain_counts_over_the_dirty_orders_are_the_faults_that_are_told():
    told = json.loads((ORDERS / "dirty/faults.json").read_text("utf-8"))["faults"]
    lines = (ORDERS / "dirty/2024-05-22.csv").read_text("utf-8").splitlines()[1:]
    earlier = {line for path in CLEAN_ORDERS for line in path.read_text("utf-8").splitlines()}
    once = list(dict.fromkeys(lines))

    assert sum('"12,50"' in line for line in once) == told["bad_amount"]
    assert sum("-99.50" in line for line in once) == told["negative_amount"]
    assert sum(",2031-" in line for line in once) == told["future"]
    assert sum(",abc," in line for line in once) == told["bad_user_id"]
    assert sum(",yesterday," in line for line in once) == told["bad_order_time"]
    assert sum(line.endswith(",web") for line in once) == told["unknown_platform"]
    assert sum(line.startswith(",") for line in once) == told["null_order_id"]
    assert sum(line.count(",") == 1 for line in once) == told["broken_line"]
    assert len(lines) - len(once) == told["duplicate_in_file"]
    assert len(earlier & set(once)) == told["duplicate_of_earlier_day"]
