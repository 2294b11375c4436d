"""Rows that a rule sets aside: whole, with their reasons, once; wherever an update ends."""

import json
import os
import random
import shutil
from pathlib import Path

import pytest

from dlt_lite.errors import NotOurs
from dlt_lite.model.requests import QuarantineRequest, QuarantineVerb
from dlt_lite.model.rules import Cost
from dlt_lite.quality.enforce import MOST_IN_THE_JOB
from tests.spark.updates import FILE_STREAM, Ended, Ending, Shop, refusal, result_of, rules, states

pytestmark = pytest.mark.spark

STREAM = (
    FILE_STREAM
    + """
@dlt.table
@dlt.expect("small", "v < 3")
@dlt.expect_or_drop("not_two", "v <> 2")
@dlt.expect_or_quarantine("not_odd", "v % 2 = 0")
@dlt.expect_all_or_quarantine({"has_v": "v IS NOT NULL", "low": "v < 8"})
def bronze():
    return arriving("id BIGINT, v BIGINT, s STRUCT<a: INT, `ä`: ARRAY<DATE>>")
"""
)
VIEW = """
spark = SparkSession.getActiveSession()

@dlt.materialized_view
@dlt.expect_or_drop("not_two", "id <> 2")
@dlt.expect_or_quarantine("small", "id < LIMIT")
def gold():
    pairs = F.map_from_arrays(F.array("id"), F.array("id"))
    return spark.range(2000).select("id", pairs.alias("m"))
"""
POINTS = ("batch_begun", "table_committed", "quarantine_committed", "counts_recorded")


def aside(shop, name, *columns):
    """Return some columns of the rows that a dataset has set aside, sorted."""
    frame = shop.delta(f"{name}__quarantine").toDF()
    return sorted((tuple(row) for row in frame.select(*columns).collect()), key=repr)


def broken_by(row):
    v = row["v"]
    found = {
        "small": v is None or v >= 3,
        "not_two": v is None or v == 2,
        "not_odd": v is None or v % 2 == 1,
        "has_v": v is None,
        "low": v is None or v >= 8,
    }
    return [name for name, is_broken in found.items() if is_broken]


QUARANTINING = {"not_odd", "has_v", "low"}
BATCHES = [
    [
        {"id": 100 * batch + n, "v": v, "s": {"a": n, "ä": ["2024-01-02"]}}
        for n, v in enumerate([0, 1, 2, 3, 8, None][batch:])
    ]
    for batch in range(3)
]
ALL = [row for batch in BATCHES for row in batch]
ASIDE = [row for row in ALL if QUARANTINING & set(broken_by(row))]
DROPPED = [row for row in ALL if row not in ASIDE and "not_two" in broken_by(row)]
KEPT = [row for row in ALL if row not in ASIDE and row not in DROPPED]


@pytest.fixture
def shop(dlt, tmp_path):
    shop = Shop(dlt, tmp_path, STREAM)
    for batch, rows in enumerate(BATCHES):
        shop.land(f"{batch}.json", *rows)
    return shop


def all_is_where_it_belongs(shop):
    assert [row[0] for row in shop.rows("bronze")] == [row["id"] for row in KEPT]
    assert aside(shop, "bronze", "id", "v", "_rule_names") == sorted(
        ((row["id"], row["v"], broken_by(row)) for row in ASIDE), key=repr
    )
    counts = shop.counts()
    assert counts["bronze: rows"] == len(ALL)
    assert counts["bronze: dropped"] == len(DROPPED)
    assert counts["bronze: quarantined"] == len(ASIDE)
    assert shop.plan() == {"bronze": "skip"}
    return True


def test_bad_rows_lie_aside_whole_with_their_reasons(shop):
    result = shop.run()

    found = result_of(result, "bronze")
    assert (found.rows_written, found.rows_dropped, found.rows_quarantined) == (
        len(KEPT),
        len(DROPPED),
        len(ASIDE),
    )
    assert rules(result, "bronze")["has_v"] == (len(ALL) - 3, 3)
    assert all_is_where_it_belongs(shop)
    labels = aside(shop, "bronze", "id", "_flow", "_batch_id", "_update_id", "_sources")
    files = {id_: [(shop.landing / f"{id_ // 100}.json").as_uri()] for id_, *_ in labels}
    assert {(batch, flow, update) for _, flow, batch, update, _ in labels} == {
        (batch, "bronze", result.update_id) for batch in range(3)
    }
    assert {id_: sources for id_, *_, sources in labels} == files
    whole = shop.delta("bronze__quarantine").toDF().select("id", "s").toJSON().collect()
    assert sorted(map(json.loads, whole), key=lambda row: row["id"]) == [
        {"id": row["id"], "s": row["s"]} for row in ASIDE
    ]


@pytest.mark.parametrize("point", POINTS)
def test_wherever_an_update_ends_no_row_is_lost_or_twice(shop, point):
    ending = Ending(f"{point} 1")
    shop.run(on_point=ending)
    assert ending.reached[-1] == ending.point

    assert shop.run().state == "COMPLETED"

    assert all_is_where_it_belongs(shop)


def test_a_full_refresh_begins_the_quarantine_anew(shop):
    shop.run()

    shop.run(full_refresh_all=True)

    assert [row[0] for row in shop.rows("bronze")] == [row["id"] for row in KEPT]
    assert len(aside(shop, "bronze", "id")) == len(ASIDE)


def test_a_full_refresh_that_ended_half_way_leaves_no_row_of_before(shop):
    shop.run()
    ending = Ending("table_emptied")
    shop.run(full_refresh_all=True, on_point=ending)
    assert ending.reached[-1] == ending.point

    shop.run()

    assert [row[0] for row in shop.rows("bronze")] == [row["id"] for row in KEPT]
    assert len(aside(shop, "bronze", "id")) == len(ASIDE)


def test_a_table_that_is_gone_takes_its_quarantine_along(shop):
    shop.run()
    shutil.rmtree(shop.path("bronze"))

    shop.run(full_refresh_all=True)

    assert [row[0] for row in shop.rows("bronze")] == [row["id"] for row in KEPT]
    assert len(aside(shop, "bronze", "id")) == len(ASIDE)


def test_a_quarantine_without_rows_gets_no_commit_from_a_refresh_without_any(dlt, tmp_path):
    shop = Shop(dlt, tmp_path, VIEW.replace("LIMIT", "1990"))
    shop.run()
    versions = []

    for limit in ("3000", "4000"):
        shop.changed(VIEW.replace("LIMIT", limit))
        shop.run()
        versions.append(shop.version("gold__quarantine"))

    assert aside(shop, "gold", "id") == []
    assert versions[0] == versions[1]


def test_a_quarantine_follows_the_columns_of_its_source(shop):
    shop.run()
    shop.changed(STREAM.replace("s STRUCT", "more STRING, s STRUCT"))
    shop.land("9.json", {"id": 900, "v": 9, "more": "x"})

    assert shop.run().state == "COMPLETED"

    assert (900, "x") in aside(shop, "bronze", "id", "more")
    assert (ASIDE[0]["id"], None) in aside(shop, "bronze", "id", "more")


@pytest.mark.parametrize("bad", [0, MOST_IN_THE_JOB, MOST_IN_THE_JOB + 1])
def test_few_rows_or_many_lie_aside_and_a_views_are_replaced_with_it(dlt, tmp_path, bad):
    shop = Shop(dlt, tmp_path, VIEW.replace("LIMIT", "1000"))
    shop.run()
    shop.changed(VIEW.replace("LIMIT", str(2000 - bad)))

    found = result_of(shop.run(), "gold")

    assert (found.rows_written, found.rows_dropped, found.rows_quarantined) == (1999 - bad, 1, bad)
    assert aside(shop, "gold", "id", "_rule_names") == sorted(
        (((n, ["small"])) for n in range(2000 - bad, 2000)), key=repr
    )
    costs = {each.rule: each.cost for each in shop.under_test.project.quality("shop").rules}
    assert costs["small"] is (Cost.EXTRA_SCAN if bad > MOST_IN_THE_JOB else Cost.IN_JOB)
    assert {cost for rule, cost in costs.items() if rule != "small"} <= {Cost.IN_JOB}


def test_a_quarantine_whose_rows_a_second_job_found_says_so_whatever_follows(dlt, tmp_path):
    shop = Shop(dlt, tmp_path, STREAM)
    many = [{"id": n, "v": 3, "s": None} for n in range(MOST_IN_THE_JOB + 1)]
    for place, rows in enumerate((many, many[:2])):
        os.utime(shop.land(f"{place}.json", *rows), (place, place))

    shop.run()

    rules = {each.rule: each for each in shop.under_test.project.quality("shop").rules}
    apart = {name for name, each in rules.items() if each.cost is Cost.EXTRA_SCAN}
    assert apart == QUARANTINING
    shop.land("few.json", *many[:2])
    shop.run()
    costs = {each.cost for each in shop.under_test.project.quality("shop").rules}
    assert Cost.EXTRA_SCAN not in costs


@pytest.mark.parametrize("point", ["table_committed", "quarantine_committed", "counts_recorded"])
def test_a_view_that_ended_anywhere_has_its_own_rows_aside(dlt, tmp_path, point):
    shop = Shop(dlt, tmp_path, VIEW.replace("LIMIT", "1990"))
    shop.run(on_point=Ending(point))

    shop.run()

    assert [row[0] for row in aside(shop, "gold", "id")] == list(range(1990, 2000))
    assert len(shop.rows("gold")) == 1989
    assert shop.plan() == {"gold": "skip"}


def test_all_rows_bad_is_an_empty_table(dlt, tmp_path):
    shop = Shop(dlt, tmp_path, VIEW.replace("LIMIT", "0"))

    found = result_of(shop.run(), "gold")

    assert (found.rows_written, found.rows_dropped, found.rows_quarantined) == (0, 0, 2000)
    assert shop.rows("gold") == []
    assert len(aside(shop, "gold", "id")) == 2000


BELOW = """
spark = SparkSession.getActiveSession()

@dlt.table
@dlt.expect_or_quarantine("small", "id < 10")
def bronze():
    return spark.readStream.format("delta").load(spark.conf.get("landing") + "/outside")
"""


def test_rows_of_a_stream_that_lie_aside_tell_the_version_that_they_came_from(dlt, tmp_path, spark):
    shop = Shop(dlt, tmp_path, BELOW)
    outside = spark.range(8, 12).write.format("delta").mode("append")
    outside.save(f"{shop.landing}/outside")
    shop.run()
    for _ in range(2):
        outside.save(f"{shop.landing}/outside")
    shop.run()

    assert aside(shop, "bronze", "id", "_sources") == [
        (10, ["outside@0"]),
        (10, ["outside@1-2"]),
        (10, ["outside@1-2"]),
        (11, ["outside@0"]),
        (11, ["outside@1-2"]),
        (11, ["outside@1-2"]),
    ]


CONSTANT = (
    FILE_STREAM
    + """
@dlt.table
@dlt.ACTION("off", "CONDITION")
def bronze():
    return arriving("id BIGINT")

@dlt.materialized_view
@dlt.ACTION("off", "CONDITION")
def gold():
    return spark.read.table("bronze_all")

@dlt.table
def bronze_all():
    return arriving("id BIGINT")
"""
)


@pytest.mark.parametrize(
    ("action", "condition", "lost"),
    [
        ("expect_or_drop", "cast(NULL AS BOOLEAN)", (0, 3, 0)),
        ("expect_or_quarantine", "1 > 2 AND id > 0", (0, 0, 3)),
    ],
)
def test_a_rule_that_no_row_can_pass_keeps_out_every_row_and_counts_it(
    dlt, tmp_path, action, condition, lost
):
    text = CONSTANT.replace("ACTION", action)
    shop = Shop(dlt, tmp_path, text.replace("CONDITION", "true"))
    shop.land("1.json", {"id": 1}, {"id": 2})
    shop.run()
    shop.changed(text.replace("CONDITION", condition))
    shop.land("2.json", {"id": 3})

    said = shop.run()

    assert set(states(said).values()) == {"COMPLETED"}
    gold, bronze = result_of(said, "gold"), result_of(said, "bronze")
    assert (gold.rows_written, gold.rows_dropped, gold.rows_quarantined) == lost
    assert bronze.rows_dropped + bronze.rows_quarantined == 1
    assert rules(said, "gold") == {"off": (0, 3)}
    assert (shop.rows("gold"), shop.rows("bronze")) == ([], [(1,), (2,)])
    if action == "expect_or_quarantine":
        assert aside(shop, "gold", "id") == [(1,), (2,), (3,)]
        assert aside(shop, "bronze", "id") == [(3,)]


KEPT_COLUMN = "@dlt.expect_or_quarantine('not_one', F.col('id') != 1)"
CHANGED_RULES = {
    "warned": ("@dlt.expect_or_drop('low', 'id < 3')", "@dlt.expect('low', 'id < 3')"),
    "added": ("@dlt.expect('low', 'id < 3')", "@dlt.expect_or_quarantine('low', 'id < 3')"),
    "relaxed": (
        """@dlt.expect_or_drop('not_one', 'id <> 1', null='pass')
@dlt.expect_or_quarantine('low', 'id < 3', where='id > 0')""",
        "@dlt.expect_or_quarantine('low', 'id < 4')",
    ),
    "removed": (f"{KEPT_COLUMN}\n@dlt.expect_or_quarantine('low', 'id < 3')", KEPT_COLUMN),
    "unknown": (
        """@dlt.expect_or_quarantine('column', F.col('id') < 3)
@dlt.expect_or_quarantine('function', 'is_low(id)')""",
        """@dlt.expect_or_quarantine('column', F.col('id') < 4)
@dlt.expect_or_quarantine('function', 'is_low(id)')""",
    ),
}
KNOWN_AGAIN = {
    "warned": ((2, 2, 0), []),
    "added": ((4, 0, 0), []),
    "relaxed": ((1, 1, 2), [3, 4]),
    "removed": ((1, 0, 3), [1, 3, 4]),
}


def ruled(rules_of, bound):
    """Return a pipeline of a table for each set of rules."""
    function = f"spark.udf.register('is_low', lambda v: v < {bound}, 'boolean')\n"
    tables = (
        f"\n@dlt.table\n{each}\ndef {name}():\n    return arriving('id BIGINT')\n"
        for name, each in rules_of.items()
    )
    return FILE_STREAM + function + "".join(tables)


def test_what_a_commit_kept_out_is_set_aside_whatever_todays_rules_say(dlt, tmp_path):
    def crashed(point):
        if point == "table_committed 0":
            raise Ended(point)

    before = {name: each for name, (each, _) in CHANGED_RULES.items()}
    after = {name: each for name, (_, each) in CHANGED_RULES.items()}
    shop = Shop(dlt, tmp_path, ruled(before, 3))
    shop.land("1.json", {"id": 1}, {"id": 2}, {"id": 3}, {"id": 4})
    shop.run(on_point=crashed)
    shop.changed(ruled(after, 4))

    said = shop.run()

    for name, (counted, lie_aside) in KNOWN_AGAIN.items():
        found = result_of(said, name)
        assert (found.rows_written, found.rows_dropped, found.rows_quarantined) == counted, name
        assert len(shop.rows(name)) == found.rows_written
        made = Path(shop.path(f"{name}__quarantine")).exists()
        assert [row[0] for row in aside(shop, name, "id")] == lie_aside if made else not lie_aside
    assert rules(said, "relaxed") == {"not_one": (3, 1), "low": (2, 2)}
    assert aside(shop, "removed", "_rule_names") == [(["low"],), (["low"],), (["not_one"],)]
    refused = result_of(said, "unknown").error
    assert "[DLT413] unknown: batch 0 was committed before a crash" in refused
    assert "by column, function are not set aside yet" in refused
    shop.changed(ruled(after | {"unknown": before["unknown"]}, 3))
    assert result_of(shop.run(), "unknown").rows_quarantined == 2
    assert aside(shop, "unknown", "id") == [(3,), (4,)]


def test_a_dropped_quarantine_is_made_anew_and_another_table_left_alone(shop, spark):
    path = shop.path("bronze__quarantine")
    spark.range(3).write.format("delta").save(path)

    said = shop.run()

    assert "a table that is no quarantine" in result_of(said, "bronze").error
    assert spark.read.format("delta").load(path).count() == 3


def test_another_table_in_a_quarantines_place_is_neither_shown_nor_replayed_nor_cleared(
    shop, spark
):
    shop.run()
    path = shop.path("bronze__quarantine")
    shutil.rmtree(path)
    spark.range(3).withColumnRenamed("id", "zz").write.format("delta").save(path)

    for verb, where in (("replay", None), ("replay", "id = 1"), ("clear", None)):
        request = QuarantineRequest(QuarantineVerb(verb), "bronze", where)
        said = result_of(shop.run(quarantine=request), "bronze").error
        assert "[DLT401] a table that is no quarantine" in said
    with pytest.raises(NotOurs, match="a table that is no quarantine"):
        shop.under_test.project.rows("bronze", set_aside=True)
    assert spark.read.format("delta").load(path).count() == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (STREAM.replace("@dlt.table", "@dlt.view"), "but a view is not written"),
        (STREAM.replace("id BIGINT", "_flow STRING, id BIGINT"), "the quarantine table needs"),
        (
            STREAM + "\n@dlt.table\ndef bronze__quarantine():\n    return spark.range(1)\n",
            "which is taken by bronze__quarantine",
        ),
        (
            STREAM.replace("@dlt.table", '@dlt.table(quarantine_table="a.b")'),
            "has quarantine_table='a.b'",
        ),
    ],
)
def test_what_cannot_be_set_aside_is_refused(dlt, tmp_path, text, said):
    if "@dlt.view" in text:
        text += "\n@dlt.table\ndef reader():\n    return spark.readStream.table('bronze')\n"
    try:
        shop = Shop(dlt, tmp_path, text)
        found = refusal(shop)
    except Exception as error:  # noqa: BLE001 - whatever is said
        found = str(error)

    assert said in found


def test_the_law_of_rows_holds_for_every_mixture_of_actions(dlt, tmp_path):
    chance = random.Random(7)  # noqa: S311 - the same mixtures every time
    conditions = ["v > 3", "v < 6", "v <> 5", "v % 2 = 0", "id % 3 > 0"]
    decorators = ["expect", "expect_or_drop", "expect_or_quarantine"]
    texts, mixtures = [FILE_STREAM], []
    for number in range(4):
        mixture = [(chance.choice(decorators), sql) for sql in chance.sample(conditions, 4)]
        mixtures.append(mixture)
        rows = [f"@dlt.{kind}({sql!r}, {sql!r})" for kind, sql in mixture]
        body = "\n    return arriving()\n"
        texts.append("\n".join(["", "@dlt.table", *rows, f"def t{number}():{body}"]))
    shop = Shop(dlt, tmp_path, "\n".join(texts))
    rows = [{"id": n, "v": chance.choice([None, *range(9)])} for n in range(60)]
    shop.land("1.json", *rows[:30])
    shop.land("2.json", *rows[30:])

    result = shop.run()

    for number, mixture in enumerate(mixtures):
        found = result_of(result, f"t{number}")
        kinds = [{kind for kind, sql in mixture if not passes(sql, row)} for row in rows]
        quarantined = sum("expect_or_quarantine" in each for each in kinds)
        dropped = sum(
            "expect_or_drop" in each and "expect_or_quarantine" not in each for each in kinds
        )
        assert (found.rows_quarantined, found.rows_dropped) == (quarantined, dropped)
        assert found.rows_written == len(rows) - quarantined - dropped
        assert found.rows_written == len(shop.rows(f"t{number}"))


def passes(sql, row):
    """Return whether a row passes, NULL breaking every rule on v."""
    if row["v"] is None and "v" in sql:
        return False
    plain = sql.replace("<>", "!=").replace(" = ", " == ")
    return bool(eval(plain, {}, row))  # noqa: S307 - the conditions above


LOOSER = STREAM.replace("v % 2 = 0", "v % 2 = 0 OR v = 1").replace("v < 8", "v < 9")
PASSING = [row for row in ASIDE if row["v"] in {1, 8}]


def replayed(shop, **asked):
    """Replay the quarantine of bronze."""
    request = QuarantineRequest(QuarantineVerb.REPLAY, "bronze", asked.pop("where", None))
    return shop.run(quarantine=request, **asked)


@pytest.fixture
def looser(shop):
    """Rows lie aside, and the rules are others since."""
    shop.run()
    shop.changed(LOOSER)
    return shop


def test_a_replay_takes_in_what_passes_todays_rules(looser):
    first = replayed(looser)
    second = replayed(looser)

    assert [result_of(each, "bronze").action for each in (first, second)] == ["replay", "replay"]
    tried, stay = len(ASIDE), len(ASIDE) - len(PASSING)
    found = [result_of(each, "bronze") for each in (first, second)]
    assert [(each.rows_written, each.rows_dropped, each.rows_quarantined) for each in found] == [
        (len(PASSING), 0, stay),
        (0, 0, stay),
    ]
    told = f"{tried} rows tried, {len(PASSING)} written, {stay} stay"
    assert found[0].reason == f"a replay was asked for: {told}"
    first_rules = rules(first, "bronze")
    assert {sum(figures) for figures in first_rules.values()} == {tried}
    assert sum(failed for _, failed in first_rules.values()) >= stay
    assert all_is_taken_in(looser)
    assert looser.run().state == "COMPLETED"
    assert all_is_taken_in(looser)


@pytest.mark.parametrize("point", ["replay_marked", "replay_committed", "replay_removed"])
def test_a_replay_that_ended_half_way_adds_nothing_twice(looser, point):
    replayed(looser, on_point=Ending(point))

    assert replayed(looser).state == "COMPLETED"

    assert all_is_taken_in(looser)


def test_rows_that_a_replay_has_only_marked_are_judged_by_the_next_ones_rules_and_where(looser):
    replayed(looser, on_point=Ending("replay_marked"))
    looser.changed(STREAM)

    said = result_of(replayed(looser, where="id = -1"), "bronze")

    assert (said.rows_written, said.rows_quarantined) == (0, 0)
    assert [row[0] for row in looser.rows("bronze")] == [row["id"] for row in KEPT]
    assert len(aside(looser, "bronze", "id")) == len(ASIDE)
    looser.changed(LOOSER)
    replayed(looser)
    assert all_is_taken_in(looser)


def all_is_taken_in(shop):
    taken = sorted(row["id"] for row in [*KEPT, *PASSING])
    left = sorted(row["id"] for row in ASIDE if row not in PASSING)
    assert sorted(row[0] for row in shop.rows("bronze")) == taken
    assert [row[0] for row in sorted(aside(shop, "bronze", "id"))] == left
    return True


def test_a_replay_may_be_of_some_rows(looser):
    replayed(looser, where="v = 8")

    assert [row[1] for row in looser.rows("bronze")].count(8) == 3
    assert 1 in [row[0] for row in aside(looser, "bronze", "v")]
    said = result_of(replayed(looser, where="nope = 8"), "bronze").error
    assert "--where 'nope = 8' makes no sense" in said


def test_what_is_cleared_is_gone(shop):
    shop.run()

    shop.run(quarantine=QuarantineRequest(QuarantineVerb.CLEAR, "bronze", "v IS NULL"))

    assert len(aside(shop, "bronze", "id")) == len(ASIDE) - 3
    assert [row[0] for row in shop.rows("bronze")] == [row["id"] for row in KEPT]


def test_a_views_quarantine_is_not_replayed(dlt, tmp_path):
    shop = Shop(dlt, tmp_path, VIEW.replace("LIMIT", "1000"))
    shop.run()

    said = refusal(shop, quarantine=QuarantineRequest(QuarantineVerb.REPLAY, "gold"))

    assert "gold is a materialized view, whose quarantine is replaced with it" in said
