"""What a table holds → a file of rules that can be read back, each with how sure it is and why."""

from datetime import date
from decimal import Decimal

import pytest
import yaml

from dlt_lite.errors import BadSuite
from dlt_lite.model.checks import Unique
from dlt_lite.model.profiles import ColumnProfile, TableProfile
from dlt_lite.model.rules import NullPolicy, Threshold
from dlt_lite.quality.amending import patch
from dlt_lite.quality.suggesting import Confidence, proposals, rules_text
from dlt_lite.suites.documents import read_document


def proposed(*columns, rows=20_000):
    found = proposals(TableProfile("clicks", 3, rows, columns))
    return {each.name: each for each in found}


def read(tmp_path, *columns, dataset="clicks", rows=20_000):
    """Return the rules that the proposed file holds, as a run would read them."""
    profile = TableProfile(dataset, 3, rows, columns)
    path = tmp_path / "rules.yml"
    path.write_text(rules_text(profile, proposals(profile)), encoding="utf-8")
    problems = []
    document = read_document(path, tmp_path, {}, problems.append)
    assert problems == []
    [suite] = document.suites
    assert suite.dataset == dataset
    return {rule.name: rule for rule in suite.rules}


def text(name="kind", nulls=0, **more):
    return ColumnProfile(name, "string", nulls, more.pop("distinct", 40), **more)


def number(least, most, name="n", type_="bigint", **more):
    return ColumnProfile(name, type_, more.pop("nulls", 0), 40, least, most, **more)


def test_a_proposed_file_is_read_as_it_was_meant(tmp_path):
    columns = (
        ColumnProfile("id", "bigint", 0, 19_950, 1, 20_000),
        text(values=("a", "b"), shortest=1, longest=1),
        text("name", nulls=30, shortest=3, longest=9),
        ColumnProfile("at", "timestamp", 0, 90, "2024-03-01 10:00:00", "2025-01-01 00:00:00"),
        ColumnProfile("tags", "array<string>", 0),
    )

    rules = read(tmp_path, *columns)

    assert rules["id is there"].condition == "id IS NOT NULL"
    assert rules["one row per id"].check == Unique(("id",))
    assert rules["kind is known"].condition == "kind IN ('a', 'b')"
    assert rules["name is there"].terms.threshold == Threshold(0.997)
    assert rules["name has its length"].condition == "length(name) BETWEEN 1 AND 14"
    assert rules["name has its length"].terms.null is NullPolicy.PASS
    assert rules["at is not before"].condition == "at >= TIMESTAMP '2024-01-01 00:00:00'"
    assert rules["enough rows"].condition == "count(*) >= 10000"
    assert dict(rules["columns"].check.columns)["tags"] == "array<string>"
    assert {str(rule.action) for rule in rules.values()} == {"warn"}


HOSTILE = [
    "it's",
    'a "b"',
    "c:\\d",
    "no",
    "null",
    "#x: y",
    "e\n  f: g",
    "\u202e",
    "漢字 👩‍💻",
    "`t`",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_and_values_may_hold_anything(tmp_path, name):
    column = text(name, values=tuple(sorted({name, "z"})), shortest=1, longest=9)

    rules = read(tmp_path, column, dataset=name)

    quoted = name if name == "no" else f"`{name.replace('`', '``')}`"
    literal = name.replace("\\", "\\\\").replace("'", "\\'")
    assert rules[f"{name} is there"].condition == f"{quoted} IS NOT NULL"
    assert f"'{literal}'" in rules[f"{name} is known"].condition
    assert [column for column, _ in rules["columns"].check.columns] == [name]


@pytest.mark.parametrize(
    ("column", "condition"),
    [
        (number(3, 97), "n BETWEEN 0 AND 107"),
        (number(-5, 5), "n BETWEEN -6 AND 6"),
        (number(1000, 1003), "n BETWEEN 999 AND 1004"),
        (number(0.5, 97.25, type_="double"), "n BETWEEN 0 AND 107"),
        (number(Decimal("-0.50"), Decimal("0.25")), "n BETWEEN -0.58 AND 0.33"),
        (number(1e300, 3e300, type_="double"), None),
        (number(0.0, float("nan"), type_="double"), None),
        (number(float("-inf"), 1.0, type_="double"), None),
        (number(7, 7), None),
    ],
)
def test_a_range_has_a_tenth_of_its_span_as_slack(column, condition):
    found = proposed(column)

    own = [each for name, each in found.items() if name == "n is in range"]
    assert [each.asks for each in own] == ([{"expect": condition}] if condition else [])
    assert {each.confidence for each in own} <= {Confidence.MEDIUM}
    assert all("a tenth of the span" in each.why for each in own)


@pytest.mark.parametrize(
    ("rows", "confidence"),
    [(20_000, Confidence.HIGH), (200, Confidence.MEDIUM), (20, Confidence.LOW)],
)
def test_more_rows_make_surer(rows, confidence):
    found = proposed(ColumnProfile("ok", "boolean", 0), rows=rows)

    assert found["ok is there"].confidence is confidence
    assert f"no NULL in {rows:,} rows" in found["ok is there"].why


def test_what_is_often_null_or_rarely_the_same_is_not_made_a_rule():
    often = ColumnProfile("often", "boolean", 5_000)
    never = ColumnProfile("never", "void", 20_000)
    rare = text("rare", values=tuple("abcdefghijkl"), shortest=1, longest=900)

    found = proposed(often, never, rare)

    assert not {name for name in found if name.startswith(("often", "never"))}
    assert "rare is known" in proposed(rare)
    assert "rare is known" not in proposed(rare, rows=200)


def test_a_key_is_a_guess_and_says_so():
    key = ColumnProfile("id", "bigint", 0, 20_100, 1, 20_000)

    found = proposed(key)

    assert found["one row per id"].confidence is Confidence.LOW
    assert "not counted exactly" in found["one row per id"].why
    assert "id is in range" not in found


def test_dates_may_not_be_before_their_first_year():
    found = proposed(ColumnProfile("day", "date", 0, 90, date(2024, 5, 1), date(2024, 6, 1)))

    assert found["day is not before"].asks == {"expect": "day >= DATE '2024-01-01'"}


def test_texts_of_one_length_keep_it():
    assert proposed(text(shortest=2, longest=2))["kind has its length"].asks == {
        "expect": "length(kind) = 2"
    }


def test_of_an_empty_table_only_the_columns_are_known(tmp_path):
    assert list(read(tmp_path, text(), rows=0)) == ["columns"]


def test_every_rule_stands_below_how_sure_it_is_and_why():
    profile = TableProfile("clicks", 3, 200, (text(shortest=2, longest=2),))

    lines = rules_text(profile, proposals(profile)).splitlines()

    assert lines[0] == "# Proposed from version 3 of clicks, 200 rows."
    assert "    # medium: no NULL in 200 rows" in lines
    assert lines[lines.index("    # medium: no NULL in 200 rows") + 1].startswith(
        "    kind is there"
    )
    assert yaml.safe_load("\n".join(lines))["clicks"]["rules"]["kind is there"]


PROFILE = TableProfile("clicks", 3, 200, (text(shortest=2, longest=2), text("other")))
FILE = """\
# ours
people:
  rules: {a: id > 0}
clicks:
  defaults: {owner: shop}
  rules:
      # kept
      mine: kind IS NOT NULL
      enough rows: {aggregate: count(*) > 7}
  columns:
    kind: []"""


def applied(diff, text):
    """Return what a text is after a diff of one hunk."""
    lines = [line for line in diff.splitlines()[3:] if not line.startswith("\\")]
    before, after = (
        "\n".join(line[1:] for line in lines if line[0] in kept) for kept in ("- ", "+ ")
    )
    assert before in text
    return text.replace(before, after, 1)


def test_a_patch_adds_what_a_file_lacks_and_changes_nothing_else(tmp_path):
    diff = patch(FILE, "rules.yml", PROFILE, proposals(PROFILE))

    after = applied(diff, FILE)
    added = [line for line in after.splitlines() if line not in FILE.splitlines()]
    assert [line for line in after.splitlines() if line not in added] == FILE.splitlines()
    assert [line.split(":")[0].strip() for line in added if "#" not in line] == [
        *("columns", "schema", "kind has its length", "other is there"),
    ]
    (tmp_path / "rules.yml").write_text(after)
    problems = []
    suites = read_document(tmp_path / "rules.yml", tmp_path, {}, problems.append).suites
    assert problems == []
    assert [rule.name for rule in suites[1].rules] == [
        *("columns", "kind has its length", "other is there", "mine", "enough rows"),
    ]
    assert patch(after, "rules.yml", PROFILE, proposals(PROFILE)) == ""


@pytest.mark.parametrize("before", ["", "people:\n  rules: {a: id > 0}\n"])
def test_a_dataset_that_a_file_does_not_know_is_added_at_its_end(before):
    after = applied(patch(before, "rules.yml", PROFILE, proposals(PROFILE)), before)

    assert list(yaml.safe_load(after)) == [*yaml.safe_load(before or "{}"), "clicks"]
    assert after.startswith(before)


@pytest.mark.parametrize(
    "before", ["clicks: {rules: {a: id > 0}}\n", "clicks: []\n", "clicks:\n  rules:\n"]
)
def test_a_shape_that_no_line_can_be_added_to_is_refused_at_its_place(before):
    with pytest.raises(BadSuite, match="cannot be added") as refused:
        patch(before, "rules.yml", PROFILE, proposals(PROFILE))

    assert refused.value.origin.line in {1, 2}
