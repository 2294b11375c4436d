from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from dlt_lite.model.checks import RuleKind
from dlt_lite.model.gates import Gate, GateResult
from dlt_lite.model.results import DatasetQuality, RuleResult, Verdict, undecided
from dlt_lite.model.rules import RuleAction, Severity
from dlt_lite.report.files import summary_markdown
from dlt_lite.report.gate import judge_gate
from dlt_lite.report.lineage import lineage_graph
from dlt_lite.report.page import graph_html, html_report, job_html
from dlt_lite.report.view import MOST_RULES, view_of
from tests.unit.told_updates import (
    DATASETS,
    HOSTILE,
    a_rule,
    an_update,
    clickstream,
    hostile_update,
    many,
)


class Page(HTMLParser):
    """The elements of a page, and the text in each kind of them."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.texts = {}
        self._open = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in {"wbr", "meta", "link", "input", "br"}:
            self._open.append(tag)

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        if self._open:
            self.texts.setdefault(self._open[-1], []).append(data)

    def values(self, name):
        return [attributes[name] for _, attributes in self.elements if name in attributes]


def the_page(*updates, gate=None):
    return Page(html_report(updates, gate))


GRAPH = lineage_graph(
    [(each.name, each.kind, 1) for each in DATASETS],
    [(read, each.name) for each in DATASETS for read in each.inputs],
)
PAGES = {
    "report": html_report([clickstream(0), clickstream(1)]),
    "hostile": html_report([hostile_update()]),
    "empty": html_report([an_update()]),
    "graph": graph_html(GRAPH),
    "coloured": graph_html(GRAPH, clickstream()),
    "job": job_html(
        HOSTILE[0], lineage_graph([(each, "sql", 0) for each in HOSTILE], [("x", HOSTILE[0])]), {}
    ),
}


@pytest.mark.parametrize("text", PAGES.values(), ids=PAGES)
def test_a_page_needs_nothing_but_itself(text):
    page = Page(text)
    links = page.values("href") + page.values("src")

    assert all(link.startswith(("#", "data:")) for link in links)
    assert re.search(r"url\(|@import|fetch\(|XMLHttpRequest|innerHTML|\beval\(", text) is None
    assert page.values("style") == []
    assert [name for _, each in page.elements for name in each if name.startswith("on")] == []


@pytest.mark.parametrize("text", PAGES.values(), ids=PAGES)
def test_a_pages_policy_lets_its_own_style_and_script_run_and_nothing_else(text):
    page = Page(text)
    [policy] = [each["content"] for _, each in page.elements if "http-equiv" in each]

    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        [content] = page.texts[tag]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


@pytest.mark.parametrize("text", PAGES.values(), ids=PAGES)
def test_a_page_has_each_id_once_and_every_link_leads_somewhere(text):
    page = Page(text)
    ids = page.values("id")

    assert [each for each, times in Counter(ids).items() if times > 1] == []
    assert not any(re.search(r"\s", each) for each in ids)


def test_every_text_on_the_page_is_text():
    page = Page(PAGES["hostile"])
    kinds = Counter(tag for tag, _ in page.elements)

    assert (kinds["script"], kinds["style"], kinds["img"], kinds["b"]) == (
        1,
        1,
        0,
        len(HOSTILE) + 2 + 1,
    )
    names = "".join(page.texts["b"])
    for text in ("<script>alert(1)</script>", "\\x1b[31mred", "\\u202egnp.exe", "x" * 300, "👩‍💻"):
        assert text in names


def test_the_page_says_the_verdict_first():
    page = the_page(clickstream(0), clickstream(1))

    [headline] = page.texts["h1"]
    assert headline.startswith("5 of 13 rules violated (1 critical)")
    assert page.texts["title"][0] == "violated, critical · clickstream · data quality"


def test_a_rule_can_be_linked_to_by_dataset_and_name():
    page = the_page(clickstream())

    assert {
        "silver_clicks.valid_event_id",
        "silver_clicks",
        "recent_clicks.has_session@sessions",
    } <= set(page.values("id"))


def test_rules_whose_links_would_be_the_same_get_different_ones():
    page = the_page(an_update(a_rule("a", "b c"), a_rule("a", "b_c"), a_rule("a", "B c")))

    assert [each for each in page.values("id") if each.startswith("a.")] == [
        "a.B_c",
        "a.b_c",
        "a.b_c~2",
    ]


def test_the_worst_rule_stands_first_and_each_has_a_trend():
    view = view_of([clickstream(place) for place in range(30)])

    assert view.rules[0].name == "valid_event_id"
    assert view.rules[0].mark == "worse"
    assert all(rule.spark.strokes for rule in view.rules)
    assert view.rules[0].spark.label.startswith("violated in 30 of 30 updates")


def test_a_bar_is_whole_and_shows_the_smallest_part():
    [row] = [each for each in view_of([clickstream()]).datasets if each.name == "silver_clicks"]

    assert [each.kind for each in row.segments] == ["written", "dropped", "quarantined"]
    assert sum(each.width for each in row.segments) == 1000
    assert min(each.width for each in row.segments) >= 8
    assert row.label == "13,394 rows in, 13,206 written, 149 dropped, 39 quarantined"


def test_what_was_not_counted_is_not_shown_as_nothing():
    unchecked = undecided(RuleResult("orders", "x"), Verdict.SKIPPED, "up to date")
    [row] = view_of([an_update(unchecked)]).rules

    assert (row.share, row.told) == ("\u2013", "up to date")


def test_one_update_alone_says_that_there_is_nothing_to_compare_with():
    assert "nothing to compare with" in "".join(the_page(clickstream()).texts["p"])


def test_a_gate_that_was_missed_is_told_with_its_reasons():
    page = the_page(clickstream(), gate=GateResult(False, ("too few",), ("a note",)))

    assert "Quality gate missed" in "".join(page.texts["b"])
    assert {"too few", "a note"} <= set(page.texts["li"])


def test_the_same_results_make_the_same_page():
    updates = [clickstream(0), clickstream(1)]

    assert html_report(updates) == html_report(updates)


def test_a_page_without_an_update_is_refused():
    with pytest.raises(ValueError, match="needs an update"):
        html_report([])


def test_a_thousand_rules_over_thirty_updates_are_a_page_of_moderate_size():
    text = html_report(many(1000, 30))

    assert len(text) < 2_500_000
    assert text.count('class="rule ') == 1000


def test_more_rules_than_a_page_can_hold_are_counted():
    rules = [a_rule("orders", f"r{number}") for number in range(MOST_RULES + 2)]
    view = view_of([an_update(*rules)])

    assert (len(view.rules), view.left_out) == (MOST_RULES, 2)


def test_the_graph_alone_lists_what_it_draws():
    page = Page(PAGES["graph"])

    assert page.texts["h1"] == ["Lineage"]
    assert {"silver_", "landing/clicks"} <= {each.strip() for each in page.texts["th"]}
    assert "violated" not in PAGES["graph"].split("<body>")[1].split("<script>")[0]


def test_the_graph_is_coloured_by_quality_where_it_is_known():
    assert 'class="node k-streaming_table v-critical"' in PAGES["coloured"]


def test_a_dataset_that_failed_is_an_error_in_the_graph_and_tells_why():
    failed = replace(clickstream().datasets[0], state="FAILED", error="[DLT501] <it broke>")
    text = html_report([an_update(datasets=[failed], state="FAILED")])

    assert "v-error" in text
    assert "[DLT501] &lt;it broke&gt;" in text


def test_a_critical_rule_that_is_violated_does_not_look_like_a_warning():
    rules = [
        a_rule("orders", "grave", 100, 1, severity=Severity.CRITICAL),
        a_rule("orders", "slight", 100, 50),
    ]
    view = view_of([an_update(*rules)])

    assert [(each.name, each.look) for each in view.rules] == [
        ("grave", "critical"),
        ("slight", "warn"),
    ]
    assert (view.look, view.tally) == ("critical", (("critical", 1), ("warn", 1)))
    assert [each.look for each in view.datasets] == ["critical"]
    assert [each.look for each in view.worst] == ["critical", "warn"]


def test_a_rule_that_failed_and_one_that_was_not_decided_look_as_before():
    rules = [
        a_rule("orders", "a", 9, 1, RuleAction.FAIL, severity=Severity.CRITICAL),
        undecided(a_rule("orders", "b", severity=Severity.CRITICAL), Verdict.ERROR, "it broke"),
        a_rule("orders", "c", severity=Severity.CRITICAL),
    ]

    assert [each.look for each in view_of([an_update(*rules)]).rules] == ["fail", "error", "pass"]


def test_a_reason_of_the_gate_leads_to_its_rule():
    update = an_update(a_rule("orders", "x", 100, 50), a_rule("orders", "y", 100, 60))
    text = html_report([update], judge_gate(Gate(min_pass_ratio=0.9), update))

    assert '<a href="#orders.x">orders.x</a>: 50.0% of the rows pass, not 90.0%' in text
    assert '<a href="#orders.y">orders.y</a>: 40.0%' in text
    assert "<title>gate missed · violated · shop" in text


def test_a_list_that_is_cut_says_so_and_has_the_rest_one_click_away():
    rules = [a_rule("orders", f"r{number:02d}", 1000, 900 - number) for number in range(40)]
    before = [a_rule("orders", rule.rule, update_id="u0") for rule in rules]
    update = an_update(*rules)
    page = the_page(
        update,
        an_update(*before, update_id="u0"),
        gate=judge_gate(Gate(min_pass_ratio=0.9), update),
    )

    assert "5 of 40" in page.texts["span"]
    assert page.texts["summary"] == ["and 28 more", "and 35 more", "and 32 more"]
    links = Counter(page.values("href"))
    assert {links[f"#orders.r{number:02d}"] for number in range(40)} == {4}


def test_what_changed_stands_worst_first():
    rules = [
        a_rule("orders", "slight", 100, 2),
        a_rule("orders", "grave", 100, 60),
        a_rule("orders", "critical", 100, 1, severity=Severity.CRITICAL),
    ]
    before = [replace(a_rule("orders", rule.rule, update_id="u0")) for rule in rules]
    view = view_of([an_update(*rules), an_update(*before, update_id="u0")])

    [(_, links)] = view.changes.groups
    assert [link.text for link in links] == ["orders.critical", "orders.grave", "orders.slight"]


def of_a_failed_update(rules=11, **more):
    """Return an update in which a dataset failed before its rules were decided."""
    error = "[DLT501] silver failed: ValueError: not a number\n  at:  a.py:1\n  fix: see spark.log"
    lost = [
        undecided(a_rule("silver", f"r{place}"), Verdict.ERROR, "silver failed before it")
        for place in range(rules)
    ]
    failed = DatasetQuality("silver", "streaming_table", "FAILED", "append", error=error)
    checked = DatasetQuality("bronze", "streaming_table", "COMPLETED", "append", "", 9, 9)
    return an_update(
        a_rule("bronze", "x"), *lost, state="FAILED", datasets=[checked, failed], **more
    )


def test_a_failed_update_says_first_what_failed_and_why_and_what_was_not_decided_once():
    update = of_a_failed_update()
    before = [replace(rule, verdict=Verdict.PASS, update_id="u0") for rule in update.rules]
    text = html_report([update, an_update(*before, update_id="u0")], judge_gate(Gate(), update))
    page, view = Page(text), view_of([update], judge_gate(Gate(), update))

    [headline] = page.texts["h1"]
    assert headline.startswith("The update failed at silver: ValueError: not a number. 1 of 12")
    cause, gate = text.index("[DLT501] silver failed"), text.index('id="gate"')
    assert text.index("<h1>") < cause < gate < text.index('class="tiles"')
    assert text.count("[DLT501] silver failed") == 1
    assert page.texts["summary"] == ["11 rules of silver were not decided"]
    assert [(each.text, each.href) for each in view.worst] == [
        ("11 rules of silver were not decided", "#silver")
    ]
    assert page.texts["title"][0].startswith("gate missed · failed · shop")


def test_of_many_failures_some_are_told_first_and_all_stand_at_their_datasets():
    failed = [
        DatasetQuality(f"d{place}", "streaming_table", "FAILED", error=f"[DLT501] no {place}!")
        for place in range(5)
    ]
    text = html_report([an_update(state="FAILED", datasets=failed, error="[DLT211] all is lost")])

    assert [text.count(f"no {place}!") for place in range(5)] == [2, 1, 1, 1, 1]
    assert "and 3 more that failed" in text


def test_a_rule_about_a_whole_table_shows_what_was_found_and_no_share_of_rows():
    rule = a_rule(
        "orders", "enough", None, 1, kind=RuleKind.AGGREGATE, observed="5", condition="count(*) > 9"
    )
    before = replace(a_rule("orders", "enough", None, 0, kind=RuleKind.AGGREGATE), update_id="u0")
    view = view_of([an_update(rule), an_update(before, update_id="u0")])

    [row] = view.rules
    assert (row.broken, row.share, row.change) == ("\u2013", "\u2013", "")
    assert row.told == "found 5, expected count(*) > 9"
    [(_, [link])] = view.changes.groups
    assert link.note == row.told


def test_a_table_that_appends_is_not_said_to_have_lost_rows():
    def a_day(update_id, appended, held, action="replace", state="COMPLETED"):
        tables = [
            DatasetQuality(
                "clicks", "streaming_table", "COMPLETED", "append", "", appended, appended
            ),
            DatasetQuality("daily", "materialized_view", state, action, "", held, held),
        ]
        return an_update(a_rule("daily", "x"), update_id=update_id, datasets=tables)

    def moves(*updates):
        return {each.name: each.change for each in view_of(updates).datasets}

    before = a_day("u0", 13_040, 20)
    assert moves(a_day("u1", 444, 22), before) == {"clicks": "", "daily": "+2"}
    assert moves(a_day("u1", 444, 0, state="SKIPPED"), before)["daily"] == ""
    assert moves(a_day("u1", 444, 22), a_day("u0", 13_040, 0, "skip"))["daily"] == ""
    text = summary_markdown([a_day("u1", 444, 22), before])
    assert "- rows of views: <code>daily</code> +2" in text
    assert "12,596" not in text


def test_a_replay_without_anything_to_compare_with_says_why():
    table = DatasetQuality("orders", "streaming_table", "COMPLETED", "replay", "", 9, 9)

    told = "".join(the_page(an_update(a_rule("orders", "x", 9, 1), datasets=[table])).texts["p"])

    assert "A replay is compared with nothing" in told
    assert "No earlier update" not in told
