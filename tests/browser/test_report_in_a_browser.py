"""The report as a person meets it: opened from disk, with a mouse, a keyboard, a phone, a printer.

Needs Playwright, axe and a Chromium of the machine (its path in CHROMIUM, or on PATH).
"""

from dataclasses import replace

import pytest

from dlt_lite.model.gates import Gate
from dlt_lite.report.gate import judge_gate
from dlt_lite.report.lineage import lineage_graph
from dlt_lite.report.page import graph_html, html_report
from dlt_lite.report.words import UNKNOWN
from tests.browser.browsing import executable, opened
from tests.unit.told_updates import DATASETS, an_update, clickstream, hostile_update, many

playwright = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is not installed, so no page can be looked at"
)
axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="axe is not installed to judge the pages"
)
pytestmark = pytest.mark.skipif(
    executable() is None, reason="no Chromium on PATH nor in CHROMIUM, so no page can be opened"
)

SERIOUS = {"serious", "critical"}
WIDTHS = {"desktop": 1280, "phone": 390}
BAD = "#silver_clicks.valid_event_id"


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        # As root Chromium has no sandbox, and the pages are our own.
        found = started.chromium.launch(executable_path=executable(), args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    updates = [clickstream(place) for place in range(30)]
    gate = judge_gate(Gate(min_pass_ratio=0.99, max_regression_points=1), *updates[:2])
    failed = replace(updates[0].datasets[2], state="FAILED", error="[DLT501] it broke")
    graph = lineage_graph(
        [(each.name, each.kind, 1) for each in DATASETS],
        [(read, each.name) for each in DATASETS for read in each.inputs],
    )
    texts = {
        "report": html_report(updates, gate),
        "alone": html_report(updates[:1]),
        "hostile": html_report([hostile_update()]),
        "failed": html_report([an_update(datasets=[failed], state="FAILED")]),
        "empty": html_report([an_update()]),
        "many": html_report(many(1000, 30)),
        "graph": graph_html(graph, updates[0]),
    }
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in texts}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize("name", ["report", "hostile", "failed", "empty", "graph"])
def test_axe_finds_nothing_serious(browser, pages, name, width, scheme):
    with opened(
        browser, pages[name], width=width, color_scheme=scheme, reduced_motion="reduce"
    ) as page:
        for link in page.locator(".rule th a").all()[:2]:
            link.click()
        found = axe.Axe().run(page).response["violations"]

    told = {
        each["id"]: [node["html"][:120] for node in each["nodes"][:3]]
        for each in found
        if each["impact"] in SERIOUS
    }
    assert told == {}


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize("name", ["report", "hostile", "failed", "empty", "graph"])
def test_no_page_is_wider_than_its_window(browser, pages, name, width):
    with opened(browser, pages[name], width=width) as page:
        for link in page.locator(".rule th a").all()[:9]:
            link.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_failing_rule_is_one_click_away_and_shows_where_it_is_declared(browser, pages):
    with opened(browser, pages["report"], reduced_motion="reduce") as page:
        detail = page.locator(f"[id='{BAD[1:]}'] .detail")
        assert not detail.is_visible()

        page.locator("ol.links a").first.click()

        assert detail.is_visible()
        assert "pipelines/clickstream/silver.py:13" in detail.inner_text()
        assert page.evaluate("location.hash") == BAD


def test_a_reason_of_the_gate_opens_its_rule(browser, pages):
    with opened(browser, pages["report"], reduced_motion="reduce") as page:
        page.locator("#gate a").first.click()

        assert page.evaluate("location.hash") == BAD
        assert page.locator(f"[id='{BAD[1:]}'] .detail").is_visible()


def test_a_cut_list_opens_where_it_stands(browser, pages):
    with opened(browser, pages["many"]) as page:
        more = page.locator("section[aria-labelledby=worst-h] details")
        assert page.locator("ol.links a:visible").count() == 5

        more.locator("summary").click()

        assert page.locator("ol.links a:visible").count() > 5


def test_what_failed_stands_on_the_first_screen(browser, pages):
    for width in WIDTHS.values():
        with opened(browser, pages["failed"], width=width, height=800) as page:
            box = page.locator(".hero .problem").bounding_box()
            assert box["y"] + box["height"] < 800


def test_on_a_phone_no_name_of_a_rule_is_cut_and_its_figures_stand_below(browser, pages):
    with opened(browser, pages["report"], width=390) as page:
        rule = page.locator(f"[id='{BAD[1:]}'] th[scope=row]")
        name = rule.locator("b")

        assert name.evaluate("each => each.scrollHeight <= each.clientHeight + 1")
        assert name.bounding_box()["height"] < 30
        assert "149 of 13,394 rows broke it" in rule.inner_text()
        chips = page.locator(".chips button").last.bounding_box()
        assert page.locator("#open-all").bounding_box()["y"] == chips["y"]


def test_on_a_phone_no_name_of_a_dataset_is_broken_within_a_word(browser, pages):
    with opened(browser, pages["graph"], width=390) as page:
        for cell in page.locator(".nodes tbody th").all():
            assert cell.bounding_box()["height"] < 50


def test_a_caption_of_rows_is_one_line_however_narrow_they_are(browser, pages):
    with opened(browser, pages["report"], width=390) as page:
        page.locator(f"[id='{BAD[1:]}'] th a").click()

        assert page.locator(".samples caption").first.bounding_box()["height"] < 30


def test_bars_of_trends_begin_where_their_header_does(browser, pages):
    with opened(browser, pages["report"]) as page:
        left = "each => each.getBoundingClientRect().left"
        head, bars = page.locator("thead .w-spark span").first, page.locator(".spark").first

        assert abs(head.evaluate(left) - bars.evaluate(left)) < 2


def test_a_deep_link_opens_its_rule(browser, pages):
    with opened(browser, pages["report"].as_uri() + BAD, reduced_motion="reduce") as page:
        rule = page.locator(f"[id='{BAD[1:]}']")

        assert rule.locator(".detail").is_visible()
        assert rule.locator("th a").first.get_attribute("aria-expanded") == "true"
        page.wait_for_function(
            "id => { const at = document.getElementById(id).getBoundingClientRect();"
            " return at.top >= 0 && at.top < innerHeight; }",
            arg=BAD[1:],
        )


def test_every_hostile_rule_can_be_linked_to(browser, pages):
    with opened(browser, pages["hostile"], reduced_motion="reduce") as page:
        for link in page.locator(".rule th a").all():
            link.click()
            assert page.evaluate("document.querySelector('.rule:target') !== null")
        assert page.locator(".detail:visible").count() == page.locator(".rule").count()


def test_a_click_on_an_open_rule_closes_it(browser, pages):
    with opened(browser, pages["report"], reduced_motion="reduce") as page:
        link, detail = page.locator(".rule th a").first, page.locator(".detail").first
        link.click()
        assert detail.is_visible()

        link.click()

        assert not detail.is_visible()


def test_rules_are_filtered_by_words_and_by_verdict(browser, pages):
    with opened(browser, pages["report"]) as page:
        rules = page.locator(".rule:visible")
        page.fill("#find", "silver contract")
        assert rules.count() == 1
        page.fill("#find", "no such rule")
        assert page.locator("#none").is_visible()
        page.keyboard.press("Escape")
        page.click("[data-show=bad]")
        assert rules.count() == 5
        assert page.locator("#shown").inner_text() == "5 of 13"
        page.click("[data-show=unchecked]")
        assert rules.count() == 1
        page.click("[data-show=inexact]")
        assert "has_session" in rules.first.inner_text()


def test_rules_are_sorted_by_a_column_and_back(browser, pages):
    with opened(browser, pages["report"]) as page:
        broke = page.get_by_role("button", name="Broke it")
        first = page.locator(".rule").first

        broke.click()
        assert "valid_event_id" in first.inner_text()
        assert page.locator("th[aria-sort=descending]").inner_text() == "Broke it"
        broke.click()
        assert first.locator("td.n").nth(1).inner_text() == UNKNOWN
        page.get_by_role("button", name="Rule", exact=True).click()
        assert "arrives_daily" in first.inner_text()
        page.get_by_role("button", name="Verdict").click()
        assert "valid_event_id" in first.inner_text()


def test_the_keyboard_is_enough(browser, pages):
    with opened(browser, pages["report"], reduced_motion="reduce") as page:
        focused = "document.activeElement.closest('.rule')?.id"
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.id") == "find"
        page.keyboard.type("clicks")
        page.keyboard.press("Escape")
        page.keyboard.press("n")
        assert page.evaluate(focused) == BAD[1:]
        page.keyboard.press("Enter")
        assert page.locator(".detail:visible").count() == 1
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("k")
        assert page.evaluate(focused) == "recent_clicks.has_session@sessions"


def test_the_graph_is_walked_by_arrows_and_shows_what_belongs_to_a_node(browser, pages):
    with opened(browser, pages["report"], reduced_motion="reduce") as page:
        page.locator("a.node[href='#silver_clicks']").focus()
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.getAttribute('href')") == "#recent_clicks"
        assert page.locator(".node.on").count() == 7
        page.keyboard.press("Enter")
        assert page.evaluate("location.hash") == "#recent_clicks"


def test_the_theme_follows_the_system_until_one_is_chosen_and_is_kept(browser, pages):
    background = "getComputedStyle(document.body).backgroundColor"
    with opened(browser, pages["report"], color_scheme="dark") as page:
        dark = page.evaluate(background)
        page.click("#theme")
        light = page.evaluate(background)
        page.reload()
        kept = page.evaluate(background)
        page.keyboard.press("t")
        chosen = page.evaluate(background)

    assert dark == chosen
    assert light == kept
    assert light != dark


def test_the_page_can_be_read_without_javascript(browser, pages):
    with opened(browser, pages["report"].as_uri() + BAD, java_script_enabled=False) as page:
        assert page.locator("h1").is_visible()
        assert page.locator(".rule").count() == 13
        assert page.locator(f"[id='{BAD[1:]}'] .detail").is_visible()
        assert page.locator(".detail:visible").count() == 1
        assert page.locator("button:visible, input:visible").count() == 0
        page.locator(".rule th a").nth(2).click()
        assert "event_type IN" in page.locator(".detail:visible").inner_text()


def test_print_shows_the_details_of_what_is_violated_and_no_tools(browser, pages):
    with opened(browser, pages["report"]) as page:
        page.emulate_media(media="print")

        assert page.locator(".detail:visible").count() == 5
        assert not page.locator(".top").is_visible()
        assert not page.locator("#tools").is_visible()


def test_a_thousand_rules_over_thirty_updates_open_in_two_seconds(browser, pages):
    with opened(browser, pages["many"]) as page:
        page.reload()
        opened_in = page.evaluate(
            "performance.getEntriesByType('navigation')[0].loadEventEnd / 1000"
        )
        assert page.locator(".rule").count() == 1000
        page.fill("#find", "column_0999")
        assert page.locator(".rule:visible").count() == 1

    assert opened_in < 2, f"the page took {opened_in:.1f} s to open"


def test_one_update_alone_opens_too(browser, pages):
    with opened(browser, pages["alone"]) as page:
        assert "nothing to compare with" in page.locator("#changes").inner_text()
