"""Updates of a shop as their results tell them, for the tests of reports: made, not run."""

from dataclasses import replace
from math import sin

from dlt_lite.model.checks import RuleKind
from dlt_lite.model.origin import Origin
from dlt_lite.model.results import (
    DatasetQuality,
    RuleResult,
    UpdateQuality,
    Verdict,
    judged,
    overall,
    undecided,
)
from dlt_lite.model.rules import Cost, RuleAction, Severity, Threshold
from dlt_lite.model.samples import Cell, Sample

HOSTILE = [
    "<script>alert(1)</script>",
    "quotes \" ' `back` & <b>",
    "emoji 👩‍💻 ünï 漢字",
    "\x1b[31mred\x1b[0m\x07",
    "x" * 300,
    "a | b\n::error::c\r\n# d ]]> @team #1 https://evil.example",
    "\u202egnp.exe \u2066\ud800\U000e0041",
    "javascript:alert(1)//%0a::warning::",
    "</style><img src=x onerror=alert(1)>",
]
DATASETS = (
    DatasetQuality("bronze_clicks", "streaming_table", inputs=("landing/clicks",)),
    DatasetQuality("bronze_users", "streaming_table", inputs=("landing/users",)),
    DatasetQuality("silver_clicks", "streaming_table", inputs=("bronze_clicks",)),
    DatasetQuality("silver_users", "materialized_view", inputs=("bronze_users",)),
    DatasetQuality("recent_clicks", "temporary_view", inputs=("silver_clicks",)),
    DatasetQuality("sessions", "materialized_view", inputs=("recent_clicks", "silver_users")),
    DatasetQuality("funnel_daily", "materialized_view", inputs=("sessions",)),
    DatasetQuality("user_features", "materialized_view", inputs=("sessions", "silver_users")),
)


def a_rule(dataset, name, evaluated=100, violations=0, action=RuleAction.WARN, **more):
    """Return a rule that has run."""
    return judged(
        RuleResult(dataset, name, "u1", action=action, evaluated=evaluated, violations=violations)
        if not more
        else RuleResult(
            dataset,
            name,
            more.pop("update_id", "u1"),
            action=action,
            evaluated=evaluated,
            violations=violations,
            **more,
        )
    )


def an_update(*rules, update_id="u1", state="COMPLETED", datasets=None, **more):
    """Return an update of these rules; its datasets are theirs where none are given."""
    names = dict.fromkeys(rule.dataset for rule in rules)
    if datasets is None:
        datasets = tuple(
            DatasetQuality(name, "streaming_table", "COMPLETED", "append", rows_in=100, written=100)
            for name in names
        )
    return UpdateQuality(
        update_id,
        "shop",
        "dev",
        state,
        overall(state, rules),
        "2026-11-24T12:00:00.000Z",
        "2026-11-24T12:00:12.500Z",
        datasets=tuple(datasets),
        rules=rules,
        **more,
    )


def hostile_update():
    """Return an update in which every text is hostile."""
    rules = tuple(
        a_rule(
            "orders",
            text,
            100,
            place + 1,
            origin=Origin(f"pipelines/{text}.py", 3),
            condition=text,
            description=text,
            owner=text,
            tags=(text,),
            samples=(Sample((Cell(text, text, offending=True), Cell("plain", None))),),
        )
        for place, text in enumerate(HOSTILE)
    )
    return an_update(*rules, error="\n".join(HOSTILE))


def clickstream(place=0, updates=30):
    """Return one of several updates of a clickstream, the newest at place 0."""
    turn = updates - place
    rows = 12_000 + round(2_400 * sin(turn / 3)) + 90 * turn
    late = round(rows * (0.002 + 0.0015 * sin(turn)))
    bad_ids = 9 + turn % 5 + (140 if place == 0 else 0)
    quarantined = 31 + turn % 11
    unknown = 0 if place else 26
    update_id = f"202611{turn:02d}T060000Z-{turn:08x}"
    clicks = "pipelines/clickstream/silver.py"
    kept = rows - bad_ids - quarantined
    sample = Sample(
        (
            Cell("event_id", None, offending=True),
            Cell("user_id", "u-10482"),
            Cell("event_time", "2026-11-23 22:14:07"),
        )
    )
    other = Sample(
        (
            Cell("event_id", "", offending=True),
            Cell("user_id", "u-00913"),
            Cell("event_time", "2026-11-23 22:15:51"),
        )
    )
    rules = (
        a_rule(
            "bronze_clicks",
            "line_is_whole",
            rows,
            3 if turn % 4 == 0 else 0,
            origin=Origin("pipelines/clickstream/bronze.py", 18),
            condition="_corrupt_record IS NULL",
        ),
        a_rule(
            "bronze_clicks",
            "not_late",
            rows,
            late,
            origin=Origin("pipelines/clickstream/bronze.py", 19),
            condition="event_time >= _file_time - INTERVAL 2 DAYS",
            threshold=Threshold(mostly=0.99),
        ),
        a_rule(
            "bronze_clicks",
            "arrives_daily",
            rows,
            0,
            kind=RuleKind.FRESH,
            cost=Cost.STATISTICS,
            observed="41 minutes ago",
            condition="event_time within 2 hours",
            origin=Origin("pipelines/clickstream/bronze.py", 20),
        ),
        a_rule(
            "silver_clicks",
            "valid_event_id",
            rows,
            bad_ids,
            RuleAction.DROP,
            severity=Severity.CRITICAL,
            dropped=bad_ids,
            null_results=bad_ids - 4,
            owner="data-platform",
            tags=("ids", "contract"),
            description="The event id is the key of every later join; a click without it is lost.",
            condition="event_id IS NOT NULL AND length(event_id) > 0",
            origin=Origin(clicks, 13),
            version=turn,
            samples=(sample, other) if place == 0 else (),
        ),
        a_rule(
            "silver_clicks",
            "known_event_type",
            rows,
            quarantined,
            RuleAction.QUARANTINE,
            quarantined=quarantined,
            condition="event_type IN ('view', 'cart', 'purchase', 'search')",
            origin=Origin(clicks, 17),
        ),
        a_rule(
            "silver_clicks",
            "known_platform",
            rows,
            unknown,
            condition="platform IN ('web', 'ios', 'android')",
            origin=Origin(clicks, 21),
            severity=Severity.INFO,
        ),
        a_rule(
            "silver_clicks",
            "not_before_2020",
            rows,
            0,
            RuleAction.FAIL,
            severity=Severity.CRITICAL,
            cost=Cost.DERIVED,
            condition="event_time >= '2020-01-01'",
            origin=Origin(clicks, 25),
        ),
        a_rule(
            "silver_clicks",
            "unique_event_id",
            rows,
            0 if place else 2,
            kind=RuleKind.UNIQUE,
            cost=Cost.EXTRA_SCAN,
            condition="unique(event_id)",
            origin=Origin(clicks, 28),
        ),
        a_rule(
            "recent_clicks",
            "has_session",
            kept,
            round(kept * 0.004),
            flow="sessions",
            exact=False,
            condition="session_id IS NOT NULL",
            origin=Origin("pipelines/clickstream/gold.py", 8),
        ),
        a_rule(
            "sessions",
            "ends_after_it_starts",
            kept // 5,
            0,
            RuleAction.FAIL,
            severity=Severity.CRITICAL,
            condition="ended_at >= started_at",
            origin=Origin("pipelines/clickstream/gold.py", 14),
        ),
        a_rule(
            "funnel_daily",
            "no_more_than_all",
            23,
            1 if place == 1 else 0,
            condition="purchases <= views",
            origin=Origin("pipelines/clickstream/gold.py", 24),
        ),
        a_rule(
            "funnel_daily",
            "enough_days",
            23,
            0,
            kind=RuleKind.AGGREGATE,
            observed="23",
            condition="count(*) BETWEEN 20 AND 40",
            origin=Origin("pipelines/clickstream/gold.py", 25),
        ),
    )
    users = RuleResult(
        "silver_users",
        "has_email",
        update_id,
        condition="email IS NOT NULL",
        origin=Origin("pipelines/clickstream/silver.py", 44),
    )
    rules += (undecided(users, Verdict.SKIPPED, "up to date, so no rows were checked"),)
    figures = {
        "bronze_clicks": {"rows_in": rows, "written": rows},
        "bronze_users": {"rows_in": 0, "action": "skip"},
        "silver_clicks": {
            "rows_in": rows,
            "written": kept,
            "dropped": bad_ids,
            "quarantined": quarantined,
        },
        "silver_users": {"rows_in": 0, "action": "skip"},
        "sessions": {"rows_in": kept // 5, "written": kept // 5, "action": "replace"},
        "funnel_daily": {"rows_in": 23, "written": 23, "action": "replace"},
        "user_features": {"rows_in": kept // 9, "written": kept // 9, "action": "replace"},
    }
    datasets = tuple(
        replace(
            each,
            **({"state": "COMPLETED", "action": "append", "version": turn} | figures[each.name]),
        )
        if each.name in figures
        else replace(each, state="COMPLETED", action="none")
        for each in DATASETS
    )
    return UpdateQuality(
        update_id,
        "clickstream",
        "prod",
        "COMPLETED",
        overall("COMPLETED", rules),
        f"2026-11-{turn:02d}T06:00:00.000Z",
        f"2026-11-{turn:02d}T06:01:14.200Z",
        datasets=datasets,
        rules=tuple(replace(rule, update_id=update_id) for rule in rules),
    )


def many(rules, updates, datasets=50):
    """Return updates, newest first, of so many rules over so many datasets."""
    names = [f"layer_{number % 4}_dataset_{number:03d}" for number in range(datasets)]
    return [_one_of_many(names, rules, updates - place) for place in range(updates)]


def _one_of_many(names, count, turn):
    rules = []
    for number in range(count):
        violations = (number * 7919 + turn * 104_729) % 97 if number % 6 == 0 else 0
        rules.append(
            a_rule(
                names[number % len(names)],
                f"column_{number:04d}_is_valid",
                100_000 + turn,
                violations,
                (RuleAction.WARN, RuleAction.DROP, RuleAction.QUARANTINE)[number % 3],
                update_id=f"u{turn:04d}",
                owner="data-platform",
                condition=f"column_{number:04d} IS NOT NULL AND column_{number:04d} > 0",
                origin=Origin(f"pipelines/shop/{names[number % len(names)]}.py", number),
            )
        )
    made = [
        DatasetQuality(
            name,
            "streaming_table",
            "COMPLETED",
            "append",
            rows_in=100_000 + turn,
            written=100_000 + turn,
            inputs=(names[place - 4],) if place >= 4 else ("landing",),
        )
        for place, name in enumerate(names)
    ]
    return an_update(*rules, update_id=f"u{turn:04d}", datasets=made)
