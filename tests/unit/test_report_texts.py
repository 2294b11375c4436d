"""JUnit, Markdown and annotations: what CI shows, whatever the names hold."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from dlt_lite.errors import StorageNotWritable
from dlt_lite.model.checks import RuleKind
from dlt_lite.model.gates import Gate, GateResult
from dlt_lite.model.origin import Origin
from dlt_lite.model.result_codec import decoded
from dlt_lite.model.results import DatasetQuality, Verdict, undecided
from dlt_lite.model.rules import RuleAction, Severity, Threshold
from dlt_lite.model.samples import MASKED, MOST_SAMPLE_BYTES, Cell, Sample, bytes_of
from dlt_lite.report.annotations import MOST_OF_A_KIND, github_annotations
from dlt_lite.report.comparison import compare
from dlt_lite.report.escaping import markdown, markdown_code
from dlt_lite.report.files import results_json, summary_markdown, write_reports
from dlt_lite.report.forms import EVERYDAY, ReportForm
from dlt_lite.report.gate import judge_gate
from dlt_lite.report.junit import junit_xml
from dlt_lite.report.markdown import MOST_BYTES, markdown_report
from dlt_lite.report.row_texts import row_texts
from dlt_lite.report.verdicts import sentence
from dlt_lite.report.words import UNKNOWN, duration, percent, points
from tests.unit.told_updates import HOSTILE, a_rule, an_update, clickstream, hostile_update, many

HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
COUNTS = {"tests", "failures", "errors"}
SUITE = COUNTS | {"name", "skipped", "time", "timestamp", "id", "package"}
SHAPE = {
    "testsuites": (COUNTS | {"name", "time"}, {"testsuite"}),
    "testsuite": (SUITE, {"properties", "testcase"}),
    "properties": (set(), {"property"}),
    "property": ({"name", "value"}, set()),
    "testcase": ({"name", "classname", "time"}, {"failure", "error", "skipped", "system-out"}),
    "failure": ({"type", "message"}, set()),
    "error": ({"type", "message"}, set()),
    "skipped": ({"type", "message"}, set()),
    "system-out": (set(), set()),
}
"""The attributes and children that the schemas of Jenkins, GitLab and Ant have in common."""

VERDICTS = an_update(
    a_rule("orders", "passes"),
    a_rule("orders", "warns", violations=1),
    a_rule("orders", "fails", violations=1, action=RuleAction.FAIL),
    undecided(a_rule("orders", "breaks"), Verdict.ERROR, "it broke"),
    undecided(a_rule("users", "idles"), Verdict.SKIPPED, "up to date"),
)


FAILED_AS_A_WHOLE = an_update(state="FAILED", error="[DLT211] orders reads oders")


def cases(text):
    return {case.get("name"): case for case in ET.fromstring(text).iter("testcase")}  # noqa: S314


@pytest.mark.parametrize(
    "update", [VERDICTS, clickstream(), hostile_update(), an_update(), FAILED_AS_A_WHOLE]
)
def test_junit_has_the_shape_that_every_reader_knows(update):
    root = ET.fromstring(junit_xml(update))  # noqa: S314

    for element in root.iter():
        attributes, children = SHAPE[element.tag]
        assert set(element.attrib) <= attributes
        assert attributes - {"timestamp"} <= set(element.attrib)
        assert {child.tag for child in element} <= children
        if "time" in element.attrib:
            assert re.fullmatch(r"\d+(\.\d+)?", element.get("time"))
    for suite in root:
        assert int(suite.get("tests")) == len(suite.findall("testcase"))
        assert int(suite.get("failures")) == len(suite.findall("testcase/failure"))
        assert int(suite.get("errors")) == len(suite.findall("testcase/error"))
        assert int(suite.get("skipped")) == len(suite.findall("testcase/skipped"))


def test_junit_has_a_suite_for_each_dataset_and_a_case_for_each_rule():
    root = ET.fromstring(junit_xml(clickstream()))  # noqa: S314
    suites = {suite.get("name"): len(suite.findall("testcase")) for suite in root}

    assert list(suites) == [each.name for each in clickstream().datasets]
    assert sum(suites.values()) == len(clickstream().rules)


def test_junit_fails_what_failed_and_only_tells_of_what_warns():
    found = {
        name: next((child.tag for child in case), None)
        for name, case in cases(junit_xml(VERDICTS)).items()
    }

    assert found == {
        "passes": "system-out",
        "warns": "system-out",
        "fails": "failure",
        "breaks": "error",
        "idles": "skipped",
    }
    assert (
        cases(junit_xml(VERDICTS))["warns"].findtext("system-out").startswith("WARNING: 1 of 100")
    )


def test_junit_has_an_error_for_a_dataset_that_failed_without_a_rule():
    failed = DatasetQuality("orders", state="FAILED", error="[DLT501] it broke\n  at:  a.py:1")
    case = cases(junit_xml(an_update(state="FAILED", datasets=[failed])))

    assert case["(the dataset is up to date)"].find("error").get("message") == "[DLT501] it broke"


def test_junit_has_an_error_for_an_update_that_failed_as_a_whole():
    update = an_update(state="FAILED", error="[DLT211] orders reads oders\n  at:  a.py:1")
    root = ET.fromstring(junit_xml(update))  # noqa: S314

    [case] = root.iter("testcase")
    assert (root.get("tests"), root.get("errors")) == ("1", "1")
    assert case.find("error").get("message") == "[DLT211] orders reads oders"


def test_junit_tells_nothing_that_is_hidden_and_keeps_every_case():
    text = junit_xml(hostile_update())

    assert HIDDEN.search(text) is None
    assert len(cases(text)) == len(HOSTILE)
    assert "<script>alert(1)</script>" in cases(text)
    assert "emoji 👩‍💻 ünï 漢字" in cases(text)


def shown(*values, name="valid", rows=1, **more):
    """Return a rule that is violated and shows rows of these values."""
    cells = tuple(Cell(f"c{place}", value) for place, value in enumerate(values))
    return a_rule("orders", name, 100, rows, samples=(Sample(cells),) * rows, **more)


@pytest.mark.parametrize("action", [RuleAction.WARN, RuleAction.FAIL])
def test_junit_shows_the_rows_that_broke_a_rule_where_it_tells_of_it(action):
    rule = shown("7", None, "", MASKED, rows=2, action=action)

    [told] = cases(junit_xml(an_update(rule)))["valid"]

    assert told.tag == ("failure" if action is RuleAction.FAIL else "system-out")
    row = '{"c0": "7", "c1": null, "c2": "", "c3": "***"}'
    assert told.text.splitlines()[-3:] == ["2 rows that broke it:", row, row]


def test_junit_shows_the_rows_of_a_rule_that_its_threshold_lets_pass():
    rule = shown("7", threshold=Threshold(mostly=0.5))

    text = cases(junit_xml(an_update(rule)))["valid"].findtext("system-out")

    assert rule.verdict is Verdict.PASS
    assert text.splitlines()[-1] == '{"c0": "7"}'


def test_markdown_shows_rows_of_the_rules_that_are_violated_and_of_no_other():
    passed = shown("passes", name="passes", threshold=Threshold(mostly=0.5))
    update = an_update(passed, shown("7", None), a_rule("orders", "silent", 100, 1))

    text = markdown_report(update)

    [_, block] = text.split("### Rows that broke them\n\n")
    name, row, *_ = block.splitlines()
    assert name == "- <code>orders.valid</code>"
    assert readable(row) == '  - {"c0": "7", "c1": null}'
    assert "passes" not in block.split("\n\n")[0]
    assert "silent" not in block.split("\n\n")[0]


def test_markdown_has_no_block_of_rows_where_there_are_none():
    assert "Rows that" not in markdown_report(an_update(a_rule("orders", "x", 100, 1)))


def readable(markdown_of_a_row):
    """Return what a reader sees of a row in Markdown."""
    plain = markdown_of_a_row.replace("<code>", "").replace("</code>", "")
    return re.sub(r"&#(\d+);", lambda found: chr(int(found[1])), plain)


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("]]> <![CDATA[", "]]> <![CDATA["),
        ("a | b", "a | b"),
        ("`x` ```", "`x` ```"),
        ("one\n| two |\r\n# three", r"one\n| two |\r\n# three"),
        ("\x1b[31mred\x9b0m\x07", r"\u001b[31mred\x9b0m\u0007"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("\u202egnp.exe\u2066", r"\u202egnp.exe\u2066"),
        ("\ud800 \U000e0041 \ufffe", r"\ud800 \U000e0041 \ufffe"),
        ('"} \\n', r"\"} \\n"),
        ("@team #1 https://evil.example ![x](y)", "@team #1 https://evil.example ![x](y)"),
    ],
)
def test_a_value_of_a_row_is_text_and_nothing_else(value, seen):
    update = an_update(shown(value))

    junit = cases(junit_xml(update))["valid"].findtext("system-out")
    markdown = markdown_report(update)
    [row] = [line for line in markdown.splitlines() if line.startswith("  - ")]

    assert junit.splitlines()[-1] == f'{{"c0": "{seen}"}}'
    assert readable(row) == f'  - {{"c0": "{seen}"}}'
    assert HIDDEN.search(junit) is HIDDEN.search(markdown) is None
    assert re.search(r"[<>`|\[\]@#*]", re.sub(r"</?code>|&#\d+;", "", row[4:])) is None


def test_rows_take_no_more_than_their_bytes_and_every_rules_first_comes_first():
    # What is spelled out is longer than what it was.
    rules = [shown("\x9b" * 900, name=f"r{n}", rows=3) for n in range(40)]

    texts = row_texts(rules)

    assert [len(rows) for rows in texts] == [2] * 25 + [1] * 15
    assert sum(bytes_of(row) for rows in texts for row in rows) <= MOST_SAMPLE_BYTES
    assert {(len(row), row[-1]) for rows in texts for row in rows} == {(1000, "…")}


def test_rows_in_markdown_are_few_and_short_and_leave_room_for_what_else_is_told():
    rules = [shown("漢" * 5000, name=f"r{n:03d}", rows=5) for n in range(300)]

    text = markdown_report(an_update(*rules))

    rows = [line for line in text.splitlines() if line.startswith("  - ")]
    assert 0 < sum(bytes_of(readable(row)) for row in rows) <= 20 * 1024
    assert max(len(readable(row)) for row in rows) <= 310
    assert text.rstrip().splitlines()[-1].startswith("| <code>orders</code> |")
    few = markdown_report(an_update(shown("7", rows=5)))
    assert few.count('"c0": "7"') == 3


def test_an_annotation_marks_the_line_of_the_rule():
    rule = a_rule(
        "orders", "positive", 100, 2, origin=Origin("pipelines/a, b.py", 12, 5), condition="a > 0"
    )

    [line] = github_annotations(an_update(rule))

    assert line == (
        "::warning file=pipelines/a%2C b.py,line=12,col=5,title=orders.positive violated"
        "::2 of 100 rows broke it (2.0%25): warn rule of severity warning%0Aa > 0"
    )


def test_an_annotation_finds_its_file_where_the_project_is_a_folder_of_the_repository():
    rule = a_rule("orders", "positive", 100, 2, origin=Origin("pipelines/a.py", 12))

    [line] = github_annotations(an_update(rule), folder="shops/north")

    assert line.startswith("::warning file=shops/north/pipelines/a.py,line=12,title=")


def test_what_failed_without_a_rule_is_annotated_first():
    failed = DatasetQuality("orders", state="FAILED", error="[DLT501] it broke\n  at:  a.py:1")
    told = DatasetQuality("users", state="FAILED", error="[DLT502] a rule")
    rule = a_rule("users", "known", 3, 1, RuleAction.FAIL, origin=Origin("b.py", 2))
    update = an_update(rule, state="FAILED", datasets=[failed, told], error="[DLT211] no x")

    first, second, third = (line.rpartition("::")[0] for line in github_annotations(update))

    assert (first, second) == (
        "::error file=a.py,line=1,title=orders failed",
        "::error title=the update failed",
    )
    assert third == "::error file=b.py,line=2,title=users.known failed"


def test_annotations_come_worst_first_and_the_last_says_how_many_more():
    rules = [
        a_rule("orders", f"r{number}", 1000, number, severity=Severity.CRITICAL)
        for number in range(1, 15)
    ]
    lines = github_annotations(an_update(*rules, a_rule("orders", "minor", 9, 1)))

    errors = [line for line in lines if line.startswith("::error ")]
    assert len(errors) == MOST_OF_A_KIND
    assert "orders.r14" in errors[0]
    assert errors[-1] == "::error title=dlt_lite::5 more; the report has all"
    assert lines[-1].startswith("::warning ")


def test_the_kind_of_an_annotation_says_how_much_the_rule_matters():
    kinds = [
        github_annotations(an_update(a_rule("orders", "x", 9, 1, **more)))[0].split()[0]
        for more in ({"severity": Severity.INFO}, {}, {"severity": Severity.CRITICAL})
    ]

    assert kinds == ["::notice", "::warning", "::error"]
    assert github_annotations(an_update(a_rule("orders", "x"))) == ()


def test_a_hostile_name_starts_no_command_of_its_own():
    lines = github_annotations(hostile_update())

    assert len(lines) == len(HOSTILE) + 1
    for line in lines:
        assert HIDDEN.search(line) is None
        assert "\n" not in line
        command, properties, _ = line.split("::", 2)[0:3]
        assert (command, properties.count("title=")) == ("", 1)


def test_markdown_says_the_verdict_first_and_then_what_is_wrong():
    update = clickstream()
    gate = judge_gate(Gate(min_pass_ratio=0.99), update)

    text = markdown_report(update, compare(clickstream(1), update), gate)

    lines = text.splitlines()
    assert lines[0].startswith("## 🔴 5 of 13 rules violated (1 critical)")
    assert "**Quality gate: missed** ❌" in lines
    assert "### What is wrong" in lines
    assert text.index("clicks.valid_event_id") < text.index("clicks.known_platform")
    assert any(line.startswith("- 2 newly violated: ") for line in lines)


def test_markdown_of_an_update_in_which_all_is_well_is_short():
    text = markdown_report(an_update(a_rule("orders", "x")), gate=GateResult(True))

    assert text.startswith("## ✅ The one rule that was checked passed")
    assert "What is wrong" not in text
    assert "**Quality gate: met**" in text


def test_markdown_says_why_an_update_and_its_datasets_failed():
    failed = DatasetQuality("orders", state="FAILED", error="[DLT501] it broke\n  at:  a.py:1")
    text = markdown_report(an_update(state="FAILED", datasets=[failed], error="[DLT6] x"))

    assert "### What failed" in text
    assert "- <code>the update</code>: &#91;DLT6&#93; x" in text
    assert "- <code>orders</code>: &#91;DLT501&#93; it broke\n  - at: " in text


def test_markdown_tells_in_one_line_what_one_failure_left_undecided():
    passed = [a_rule("silver", f"r{n}") for n in range(11)]
    lost = [undecided(rule, Verdict.ERROR, "silver failed before it") for rule in passed]
    update = an_update(*lost, state="FAILED")
    change = compare(an_update(*passed, update_id="u0"), update)

    text = markdown_report(update, change, judge_gate(Gate(), update))

    assert "| ⛔ could not run | 11 rules of silver | silver failed before it |" in text
    assert "- 11 rules of silver were not decided\n" in text
    assert "- 11 newly violated: 11 rules of silver\n" in text
    assert "r3" not in text


def test_hostile_text_means_nothing_in_markdown():
    text = markdown_report(hostile_update())

    assert HIDDEN.search(text) is None
    own = re.sub(r"</?code>|&#\d+;", "", text)
    assert re.search(r"[<>`\[\]@]|https?:|\bjavascript:", own) is None
    assert "&#64;team" in text
    assert "&#64;team" not in re.sub(r"<code>.*?</code>", "", text)
    rows = [line for line in text.splitlines() if line.startswith("|") and "code" in line]
    assert {line.count("|") for line in rows} == {8}


@pytest.mark.parametrize(
    "text",
    ["silver_clicks.not_late", "a.py:22", "2026-11-30T06:00:00Z", '{"a_b": 1}', "a - b", "ü_漢"],
)
def test_code_in_markdown_reads_as_it_is_where_nothing_in_it_is_a_mark(text):
    assert markdown_code(text) == f"<code>{text}</code>"


@pytest.mark.parametrize(
    ("text", "raw"),
    [
        ("51 rows of silver_clicks: 25 dropped", "51 rows of silver_clicks: 25 dropped"),
        ("_a_ __init__", "&#95;a&#95; &#95;&#95;init&#95;&#95;"),
        ("a__b x_", "a&#95;&#95;b x&#95;"),
        ("http://a mailto:b", "http&#58;//a mailto&#58;b"),
        (":tada: 12:100: :", "&#58;tada: 12&#58;100: &#58;"),
    ],
)
def test_text_in_markdown_is_escaped_where_it_might_be_a_mark(text, raw):
    assert markdown(text) == raw


def test_markdown_is_never_longer_than_github_takes():
    [update] = many(1000, 1)
    long = tuple(replace(rule, rule=rule.rule * 10, condition="漢" * 5000) for rule in update.rules)
    update = replace(update, rules=long)

    assert len(markdown_report(update).encode()) < MOST_BYTES
    short = markdown_report(update, most_bytes=2000)
    assert len(short.encode()) <= 2000
    assert short.endswith("The rest did not fit; the report has all.")


@pytest.mark.parametrize(
    ("update", "told"),
    [
        (an_update(), "There are no rules, so nothing was checked."),
        (an_update(a_rule("o", "x", 0)), "None of 1 rule was checked."),
        (an_update(a_rule("o", "x"), a_rule("o", "y")), "All 2 checked rules passed."),
        (VERDICTS, "2 of 5 rules violated, 1 could not run, 1 not checked."),
        (
            an_update(a_rule("o", "x"), state="FAILED"),
            "The update failed. 1 of 1 rule passed.",
        ),
        (
            an_update(
                a_rule("o", "x", 10, 1, severity=Severity.CRITICAL),
                datasets=[DatasetQuality("o", rows_in=10, written=8, dropped=1, quarantined=1)],
            ),
            (
                "1 of 1 rule violated (1 critical); "
                "2 of 10 rows of o kept out (20.0%): 1 dropped, 1 quarantined."
            ),
        ),
    ],
)
def test_the_verdict_is_one_sentence(update, told):
    assert sentence(update) == told


def a_table(name, rows_in, dropped=0, quarantined=0):
    """Return a table, some of whose rows were kept out."""
    written = rows_in - dropped - quarantined
    figures = {"rows_in": rows_in, "dropped": dropped, "quarantined": quarantined}
    return DatasetQuality(name, "streaming_table", "COMPLETED", written=written, **figures)


def test_rows_kept_out_are_told_of_the_dataset_that_lost_them_and_of_no_other():
    tables = [a_table("bronze", 10_000), a_table("silver", 399, 25, 26), a_table("gold", 0)]

    assert sentence(an_update(a_rule("silver", "x"), datasets=tables)).endswith(
        "; 51 of 399 rows of silver kept out (12.8%): 25 dropped, 26 quarantined."
    )


def test_of_several_datasets_that_lost_rows_the_worst_is_named_and_the_others_are_counted():
    tables = [a_table("a", 1000, 30), a_table("b", 10, 0, 2), a_table("c", 100, 1)]

    assert sentence(an_update(a_rule("a", "x"), datasets=tables)).endswith(
        "; 2 of 10 rows of b kept out (20.0%): 2 quarantined; and 31 rows of 2 other datasets."
    )


BROKE = (
    "[DLT502] silver: expectation recent failed for 1 or more rows (partial count: the job ended "
    'there); nothing of them was written. One is: {"id": 1}\n  at:  a.py:1\n  fix: correct the rows'
)


def a_failure(*errors, rules=(), **more):
    """Return an update of which datasets failed of these errors."""
    failed = [
        DatasetQuality(name, state="FAILED", error=error)
        for name, error in zip(("silver", "gold", "platinum"), errors, strict=False)
    ]
    return an_update(*rules, state="FAILED", datasets=failed, **more)


@pytest.mark.parametrize(
    ("update", "told"),
    [
        (
            a_failure(BROKE, rules=(a_rule("bronze", "x"), a_rule("bronze", "y"))),
            (
                "The update failed at silver: expectation recent failed for 1 or more rows; "
                "nothing of them was written. 2 of 2 rules passed."
            ),
        ),
        (
            a_failure(
                "[DLT501] silver failed: ValueError: 0.5 is not\n  at:  a.py:1",
                rules=(a_rule("bronze", "x"), undecided(a_rule("silver", "y"), Verdict.ERROR, "")),
            ),
            (
                "The update failed at silver: ValueError: 0.5 is not. "
                "1 of 2 rules passed, 1 could not run."
            ),
        ),
        (
            a_failure("[DLT501] silver failed: x", "[DLT501] y", "[DLT501] z"),
            "The update failed at silver and 2 datasets more: x.",
        ),
        (a_failure("not ours\nbut lines"), "The update failed at silver: not ours."),
        (FAILED_AS_A_WHOLE, "The update failed: orders reads oders."),
        (a_failure("\n"), "The update failed at silver."),
        (
            an_update(state="CANCELED", datasets=[a_table("silver", 4, 1)]),
            "The update was stopped. 1 of 4 rows of silver kept out (25.0%): 1 dropped.",
        ),
    ],
)
def test_an_update_that_failed_says_what_failed_and_why(update, told):
    assert sentence(update) == told


def test_a_headline_is_short_whatever_the_names_and_errors_are():
    update = a_failure(f"[DLT501] {'x' * 9000}", rules=(a_rule("y" * 900, "z"),))
    update = replace(update, datasets=(*update.datasets, a_table("z" * 900, 4, 1)))

    assert len(sentence(update)) < 400


@pytest.mark.parametrize(
    ("share", "text"),
    [(None, UNKNOWN), (0.0, "0%"), (1.0, "100%"), (0.989, "98.9%"), (0.99996, "99.996%"),
     (1e-9, "<0.0001%"), (1 - 1e-9, ">99.9999%"), (0.001, "0.1%")],
)  # fmt: skip
def test_a_share_is_never_rounded_to_all_or_nothing(share, text):
    assert percent(share) == text


def test_lengths_and_changes_are_said_shortly():
    assert [duration(each) for each in (None, 0.44, 75, 7_800)] == [
        UNKNOWN,
        "0.4 s",
        "1 m 15 s",
        "2 h 10 m",
    ]
    assert [points(each) for each in (None, 0.0, 0.001, 1.234, -2.0)] == [
        "",
        "",
        "",
        "+1.23",
        "\u22122.00",
    ]


def test_json_holds_the_results_and_nothing_that_a_terminal_obeys():
    text = results_json(hostile_update())

    assert decoded(json.loads(text)) == hostile_update()
    assert text.isascii()
    assert HIDDEN.search(text) is None


def test_every_form_is_written_into_a_folder_that_is_made(tmp_path):
    written = write_reports(tmp_path / "out" / "ci", [clickstream(), clickstream(1)])

    assert set(written) == set(EVERYDAY)
    assert all(path.stat().st_size for path in written.values())
    assert "newly violated" in written[ReportForm.MARKDOWN].read_text(encoding="utf-8")


def test_of_an_update_without_rules_the_folder_for_great_expectations_is_empty(tmp_path):
    written = write_reports(tmp_path, [an_update()], [ReportForm.GX])

    assert list(written[ReportForm.GX].iterdir()) == []


def test_a_folder_that_cannot_be_written_is_an_error_of_ours(tmp_path):
    (tmp_path / "out").write_text("")

    with pytest.raises(StorageNotWritable):
        write_reports(tmp_path / "out", [clickstream()], [ReportForm.JSON])


def test_an_aggregate_says_what_was_found():
    rule = a_rule("orders", "enough", 5, 1, kind=RuleKind.AGGREGATE, observed="5")

    assert "does not hold, found 5" in summary_markdown([an_update(rule)])
