"""The worked example of jobs, whole, by the real command line, against figures of plain Python.

One journey: training is broken on purpose and the run fails; it is put right and the run repaired;
the job is run again with nothing new.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from deltalake import DeltaTable

from tests.e2e.shell import PIPELINES, Ended, copy_of_the_example, dlt_lite, land
from tests.example import truth

pytestmark = pytest.mark.e2e

CLICK_DAYS = sorted((PIPELINES / "clickstream/landing/clean").glob("*.jsonl"))
ORDER_DAYS = sorted((PIPELINES / "orders/landing/clean").glob("*.csv"))
BROKEN = "raise RuntimeError('broken on purpose')"
DAY = Decimal(86_400_000)


@dataclass(frozen=True, slots=True)
class Journey:
    """What the commands said.

    Attributes:
        project: the project's folder.
        failed: the run with training broken.
        repaired: its repair.
        again: a second run, with nothing new.
        shown: the page of the first run.
        nothing: a repair of what has succeeded.
    """

    project: Path
    failed: Ended
    repaired: Ended
    again: Ended
    shown: Ended
    nothing: Ended


@pytest.fixture(scope="module")
def journey(tmp_path_factory) -> Journey:
    project = copy_of_the_example(tmp_path_factory.mktemp("shop") / "project")
    land(project, "clickstream", *CLICK_DAYS)
    land(project, "orders", *ORDER_DAYS)
    training = project / "pipelines" / "shop_daily" / "training.py"
    right = training.read_text(encoding="utf-8")
    training.write_text(right.replace("    spark =", f"    {BROKEN}\n    spark =", 1))
    failed = dlt_lite(project, "run", "shop_daily", "-o", "json")
    training.write_text(right, encoding="utf-8")
    repaired = dlt_lite(project, "repair", "shop_daily", "latest", "-o", "json")
    shown = dlt_lite(project, "runs", "show", failed.json["run_id"])
    nothing = dlt_lite(project, "repair", "shop_daily")
    again = dlt_lite(project, "run", "shop_daily", "-o", "json")
    return Journey(project, failed, repaired, again, shown, nothing)


def test_a_broken_task_fails_the_run_and_not_what_runs_beside_it(journey: Journey):
    results = {each["task"]: each["result"] for each in journey.failed.json["tasks"]}

    assert journey.failed.code == 1
    assert journey.failed.json["result"] == "FAILED"
    assert results == {
        "clickstream": "SUCCESS",
        "orders": "SUCCESS",
        "orders_with_sessions": "SUCCESS",
        "extract_features": "SUCCESS",
        "persist_features": "SUCCESS",
        "train_model": "FAILED",
    }
    assert "broken on purpose" in task(journey.failed, "train_model")["error"]["message"]
    log = Path(task(journey.failed, "train_model")["log"])
    assert "broken on purpose" in log.read_text(encoding="utf-8")


def test_a_repair_runs_only_what_is_missing(journey: Journey):
    before = {each["task"]: each for each in journey.failed.json["tasks"]}
    after = {each["task"]: each for each in journey.repaired.json["tasks"]}
    train = after.pop("train_model")
    before.pop("train_model")

    assert journey.repaired.code == 0
    assert journey.repaired.json["run_id"] == journey.failed.json["run_id"]
    assert after == before
    assert (train["result"], train["attempts"], train["repair"]) == ("SUCCESS", 2, 1)


def test_a_run_that_has_succeeded_needs_no_repair(journey: Journey):
    assert journey.nothing.code == 0
    assert "nothing to repair" in journey.nothing.err


def test_the_page_of_a_run_shows_where_its_time_went(journey: Journey):
    assert journey.shown.code == 0
    assert "critical path: " in journey.shown.out
    assert "→ extract_features" in journey.shown.out
    assert "█" in journey.shown.out


def test_pipelines_of_one_job_run_at_once(journey: Journey):
    clicks, orders = (task(journey.failed, name) for name in ("clickstream", "orders"))

    assert clicks["started"] < orders["ended"]
    assert orders["started"] < clicks["ended"]


def test_each_order_has_the_session_that_it_was_made_in(journey: Journey):
    orders, sessions = the_truth()

    found = {row["order_id"]: row["session_id"] for row in rows(journey, "orders_with_sessions")}

    assert found == {
        order.order_id: session.session_id if session else None
        for order, session in joined(orders, sessions)
    }
    values = task(journey.failed, "orders_with_sessions")["values"]
    assert values["orders"] == len(orders)
    assert values["orders_in_a_session"] == sum(each is not None for each in found.values())


def test_features_are_what_plain_python_finds_in_the_files(journey: Journey):
    expected = {user["user_id"]: user for user in users_of(*the_truth())}

    found = {row["user_id"]: row for row in rows(journey, "user_features")}

    assert set(found) == set(expected)
    wrong = {user: gap for user in found if (gap := different(found[user], expected[user]))}
    assert wrong == {}


def test_every_feature_says_what_it_means(journey: Journey):
    fields = json.loads(table(journey, "user_features").schema().to_json())["fields"]

    assert [each["name"] for each in fields if not each["metadata"].get("comment")] == []


def test_the_model_is_better_than_a_rule_and_comes_out_the_same_again(journey: Journey):
    first, second = (metrics(ended) for ended in (journey.repaired, journey.again))
    scores = first["scores"]

    assert scores["model"]["brier"] < scores["checkout_rule"]["brier"]
    assert scores["model"]["roc_auc"] > scores["checkout_rule"]["roc_auc"] > 0.5
    assert second["scores"] == scores
    # The file names its parts anew each time, so that what it predicts is compared.
    some = np.random.default_rng(1).uniform(0, 30, (500, len(first["features"])))
    asked = pd.DataFrame(some, columns=[*first["features"]])
    one, other = (model_of(ended) for ended in (journey.repaired, journey.again))
    assert np.array_equal(one.predict_proba(asked), other.predict_proba(asked))


def test_the_model_is_measured_on_the_last_days_by_what_really_happened(journey: Journey):
    orders, sessions = the_truth()
    ordered = {session.session_id for _, session in joined(orders, sessions) if session}
    from_day = max(each.started_at for each in sessions).date() - timedelta(days=4)
    last = [each for each in sessions if each.started_at.date() >= from_day]
    wrong = [(each.checkouts > 0) != (each.session_id in ordered) for each in last]

    told = metrics(journey.repaired)

    assert told["sessions_tested_on"] == len(last)
    assert told["sessions_trained_on"] == len(sessions) - len(last)
    share = sum(each.session_id in ordered for each in last) / len(last)
    assert told["share_that_ordered"] == pytest.approx(share, abs=1e-6)
    # A prediction of yes or no is off by one or by nothing.
    expected = pytest.approx(sum(wrong) / len(last), abs=1e-6)
    assert told["scores"]["checkout_rule"]["brier"] == expected


def test_the_saved_model_says_what_its_card_says(journey: Journey):
    folder = Path(task(journey.repaired, "train_model")["values"]["model"])
    told = metrics(journey.repaired)

    model = model_of(journey.repaired)
    digest = hashlib.sha256((folder / "model.skops").read_bytes()).hexdigest()
    card = (folder / "MODEL_CARD.md").read_text(encoding="utf-8")

    assert list(model.feature_names_in_) == list(told["features"])
    assert model[-1].random_state == told["seed"] == 20240521
    assert f"version {told['table_version']}" in card
    assert told["model_sha256"] == digest
    assert digest in card


def test_what_is_published_comes_from_the_version_that_was_handed_on(journey: Journey):
    version = task(journey.failed, "extract_features")["values"]["version"]

    assert metrics(journey.repaired)["table_version"] == version
    assert len(rows(journey, "user_features")) == len(rows(journey, "working_features", version))


def test_a_second_run_finds_nothing_new_and_runs_the_tasks_again(journey: Journey):
    log = Path(task(journey.again, "clickstream")["log"]).read_text(encoding="utf-8")

    assert journey.again.code == 0
    assert "sessions: up to date" in log
    assert task(journey.again, "extract_features")["values"]["version"] == 1


def the_truth() -> tuple[tuple[truth.Order, ...], tuple[truth.Session, ...]]:
    """Return the orders and sessions as plain Python finds them in the files."""
    return truth.orders(ORDER_DAYS).silver_orders.rows, truth.clickstream(CLICK_DAYS).sessions


def joined(
    orders: Iterable[truth.Order], sessions: Iterable[truth.Session]
) -> list[tuple[truth.Order, truth.Session | None]]:
    """Return each order with its session: the last one that has begun and is not long over."""
    of_user = by_user(sessions)
    return [(order, session_of(order, of_user[order.user_id])) for order in orders]


def session_of(order: truth.Order, sessions: Sequence[truth.Session]) -> truth.Session | None:
    begun = [each for each in sessions if each.started_at <= order.order_time]
    last = max(begun, key=lambda each: each.started_at, default=None)
    is_over = last is None or order.order_time > last.ended_at + truth.LONGEST_SILENCE
    return None if is_over else last


def by_user(things: Iterable[Any]) -> Mapping[Any, list[Any]]:
    found: dict[Any, list[Any]] = defaultdict(list)
    for each in things:
        found[each.user_id].append(each)
    return found


def users_of(
    orders: Sequence[truth.Order], sessions: Sequence[truth.Session]
) -> Iterable[dict[str, Any]]:
    """Yield the features of each user."""
    pairs = joined(orders, sessions)
    with_order = {session.session_id for _, session in pairs if session}
    bought = {id(order) for order, session in pairs if session}
    visits_of, orders_of = by_user(sessions), by_user(orders)
    newest = max([each.ended_at for each in sessions] + [each.order_time for each in orders])
    for user in {*visits_of, *orders_of}:
        visits, own = visits_of[user], orders_of[user]
        last = max([each.ended_at for each in visits] + [each.order_time for each in own])
        revenue = sum((each.amount for each in own), Decimal("0.00"))
        ordered = sum(each.session_id in with_order for each in visits)
        yield {
            "user_id": user,
            "sessions": len(visits),
            "clicks": sum(each.clicks for each in visits),
            "add_to_carts": sum(each.add_to_carts for each in visits),
            "checkouts": sum(each.checkouts for each in visits),
            "first_seen": min(
                [each.started_at for each in visits] + [each.order_time for each in own]
            ),
            "last_seen": last,
            "recency_days": rounded(Decimal((newest - last) // truth.MILLISECOND) / DAY, "0.0001"),
            "orders": len(own),
            "orders_in_sessions": sum(id(each) in bought for each in own),
            "sessions_with_order": ordered,
            "conversion": rounded(Decimal(ordered) / len(visits), "0.0001") if visits else None,
            "revenue": revenue,
            "basket": rounded(revenue / len(own), "0.01") if own else None,
            "largest_basket": max((each.amount for each in own), default=None),
        }


def rounded(number: Decimal, to: str) -> Decimal:
    return number.quantize(Decimal(to), ROUND_HALF_UP)


def different(row: Mapping[str, Any], expected: Mapping[str, Any]) -> dict[str, Any]:
    """Return what differs, with both values."""
    pairs = {key: (row[key], value) for key, value in expected.items()}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def task(ended: Ended, key: str) -> Any:
    """Return what a run says of a task."""
    return next(each for each in ended.json["tasks"] if each["task"] == key)


def metrics(ended: Ended) -> dict[str, Any]:
    """Return the metrics that a run has saved."""
    folder = Path(task(ended, "train_model")["values"]["model"])
    found: dict[str, Any] = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    return found


def model_of(ended: Ended) -> Any:
    """Return the model that a run has saved; every type in it is known to skops."""
    path = Path(task(ended, "train_model")["values"]["model"]) / "model.skops"
    return skops.io.load(path, trusted=[])


def table(journey: Journey, name: str, version: int | None = None) -> DeltaTable:
    place = journey.project / "storage" / "dev" / "tables" / "shop" / name
    return DeltaTable(str(place), version=version)


def rows(journey: Journey, name: str, version: int | None = None) -> list[dict[str, Any]]:
    """Return the rows of a table, read without Spark."""
    found = table(journey, name, version).to_pyarrow_table()
    listed: list[dict[str, Any]] = found.to_pylist()
    return listed
