from __future__ import annotations

import io
from dataclasses import replace

from dlt_lite.cli.commands.plan import decided_apart
from dlt_lite.cli.streams import Streams
from dlt_lite.cli.summary import next_steps, summary, tables_place
from dlt_lite.model.checks import RuleKind
from dlt_lite.model.rules import Threshold
from dlt_lite.report.summary import DatasetResult, ExpectationResult, PlannedDataset, UpdateResult

AGGREGATE = RuleKind.AGGREGATE
STARTED, ENDED = "2026-01-02T03:00:00.000Z", "2026-01-02T03:01:05.000Z"
ERROR = "[DLT501] daily: no \x1b[31m\n  at:  x.py:3\n  fix: mend it"


def an_update(state: str, *datasets: DatasetResult, error: str | None = None) -> UpdateResult:
    return UpdateResult("u", "shop", "dev", state, datasets, error, STARTED, ENDED)


def page(result: UpdateResult) -> list[str]:
    return summary(result, Streams(io.StringIO(), io.StringIO(), environ={})).split("\n")


CLICKS = DatasetResult(
    "clicks", "streaming_table", "append", "3 new files", state="COMPLETED", version=2,
    rows_written=1494, rows_dropped=7, path="file:///s/tables/clicks", seconds=4.0,
    expectations=(
        ExpectationResult("known", "warn", 1501, 0),
        ExpectationResult("dated", "drop", 1494, 7),
        ExpectationResult("rare", "warn", 1, 3, dataset="recent", exact=False),
    ),
)  # fmt: skip
USERS = DatasetResult(
    "users", "materialized_view", "skip", "nothing changed", state="COMPLETED", version=4,
    path="file:///s/tables/users",
)  # fmt: skip
DAILY = DatasetResult("daily", "materialized_view", "replace", "clicks changed", state="FAILED",
                      error=ERROR, seconds=1.0)  # fmt: skip
WEEKLY = DatasetResult("weekly", "materialized_view", "replace", "daily failed", state="SKIPPED")
VIEW = DatasetResult("recent", "temporary_view", "none", "a view", state="COMPLETED")


def test_a_plan_names_the_rules_that_need_a_job_of_their_own():
    costs = {"known": "in_job", "a \x1b[31mkey": "extra_scan", "columns": "derived"}
    plain = PlannedDataset("users", "materialized_view", "skip", "nothing changed")
    clicks = PlannedDataset("clicks", "streaming_table", "append", "new files", costs=costs)

    assert decided_apart([plain, clicks]) == ["  clicks.a \\x1b[31mkey"]
    assert decided_apart([plain]) == []


def test_a_failed_update_says_what_failed_and_why():
    assert page(an_update("FAILED", CLICKS, USERS, VIEW, DAILY, WEEKLY)) == [
        "shop: FAILED in 1 m 05 s: 1 dataset updated, 1 up to date, 1 failed, 1 skipped (update u)",
        "",
        "dataset  action   state      written  dropped   time  why",
        "clicks   append   COMPLETED    1,494        7  4.0 s  3 new files",
        "users    skip     COMPLETED                           nothing changed",
        "daily    replace  FAILED           0        0  1.0 s  clicks changed",
        "weekly   replace  SKIPPED                             daily failed",
        "",
        "what failed:",
        "  daily:",
        "    [DLT501] daily: no \\x1b[31m",
        "      at:  x.py:3",
        "      fix: mend it",
        "",
        "violated expectations:",
        "  recent.rare (warn): about 3 of 4 rows (75.0%)",
        "  clicks.dated (drop): 7 of 1,501 rows (0.5%)",
    ]


def test_of_a_rule_beyond_rows_what_was_found_is_told_and_one_within_its_threshold_is_not():
    told = replace(
        CLICKS,
        expectations=(
            ExpectationResult("size", "warn", 0, 1, kind=AGGREGATE, observed="count(1) = 7"),
            ExpectationResult("mostly", "warn", 9, 1, threshold=Threshold(0.9)),
            ExpectationResult("columns", "warn", 0, 1, kind=RuleKind.SCHEMA),
        ),
    )

    assert page(an_update("COMPLETED", told))[-3:] == [
        "violated expectations:",
        "  clicks.size (warn): count(1) = 7",
        "  clicks.columns (warn): does not hold",
    ]


def test_an_update_without_work_says_so():
    assert page(an_update("COMPLETED", USERS, VIEW))[0] == (
        "shop: COMPLETED in 1 m 05 s: 1 up to date (update u)"
    )


def test_an_error_of_the_whole_update_comes_first_and_only_once():
    whole = page(an_update("FAILED", DAILY, error="[DLT007] the disk is full"))
    same = page(an_update("FAILED", DAILY, error=ERROR))

    assert whole[whole.index("what failed:") + 1] == "  [DLT007] the disk is full"
    assert "\n".join(same).count("[DLT501]") == 1


def test_of_many_datasets_those_without_work_are_only_counted():
    many = [DatasetResult(f"t{n}", action="skip", state="COMPLETED") for n in range(100)]

    assert page(an_update("COMPLETED", CLICKS, *many))[2:5] == [
        "dataset  action  state      written  dropped   time  why",
        "clicks   append  COMPLETED    1,494        7  4.0 s  3 new files",
        "and 100 datasets more; -o json tells of all",
    ]


def test_the_tables_lie_below_their_common_folder():
    assert tables_place(an_update("COMPLETED", CLICKS, USERS, VIEW)) == "file:///s/tables"
    assert tables_place(an_update("COMPLETED", CLICKS)) == "file:///s/tables/clicks"
    assert tables_place(an_update("COMPLETED", VIEW)) is None


def test_the_next_steps_fit_what_happened():
    assert next_steps(an_update("COMPLETED", CLICKS, USERS), "dlt-lite") == (
        "dlt-lite show clicks",
        "dlt-lite events shop",
    )
    assert next_steps(an_update("FAILED", USERS, DAILY), "dlt-lite") == (
        "dlt-lite run shop",
        "dlt-lite events shop --level ERROR",
        "dlt-lite show users",
    )


def test_a_replay_says_what_is_out_of_date_and_how_to_mend_that():
    replayed = replace(CLICKS, action="replay", reason="a replay was asked for", expectations=())
    daily = replace(USERS, name="daily", state="EXCLUDED", inputs=("clicks",))
    update = an_update("COMPLETED", replayed, daily, USERS)

    assert page(update)[-1] == "out of date until the next run: daily"
    assert next_steps(update, "dlt_lite")[0] == "dlt_lite run shop"
    nothing = an_update("COMPLETED", replace(replayed, rows_written=0), daily)
    assert "out of date" not in "\n".join(page(nothing))
    assert "dlt_lite run shop" not in next_steps(nothing, "dlt_lite")
