from __future__ import annotations

import json

import pytest

from dlt_lite.cli.complaints import complaint
from dlt_lite.cli.escaping import json_text, lines, one_line
from dlt_lite.cli.tables import table_text
from dlt_lite.errors import BadSelection
from dlt_lite.project.suggestions import did_you_mean

HOSTILE = [
    "\x1b[2J",
    "\x1b]0;title\x07",
    "a\rb",
    "\x7f",
    "\x9b31m",
    "\u202eabc",
    "\u2066x\u2069",
    "\u2028",
    "\ud800",
    "\U000e0041",
    "\ufeff",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_a_terminal_obeys_is_left(text):
    for shown in (one_line(text), lines(text), json_text(text)):
        assert shown.isprintable()
        assert not set(shown) & set("\x1b\x07\r\x7f\x9b\u202e\u2066\u2069\u2028\ufeff")


@pytest.mark.parametrize("text", [*HOSTILE, "Füße 日本 🌍", "a\nb\tc", '"\\'])
def test_json_says_the_same_before_and_after(text):
    assert json.loads(json_text({"key": [text]})) == {"key": [text]}


def test_what_people_write_stays_as_it_is():
    text = "Füße, 日本 and [bold] 🌍"

    assert (one_line(text), lines(text)) == (text, text)


def test_line_breaks_stay_only_where_lines_are_meant():
    assert one_line("a\nb\tc") == "a\\nb\\tc"
    assert lines("a\r\nb") == "a\nb"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("::error file=x::y", r"\x3a:error file=x::y"),
        ("a\n  ::add-mask::y", "a\n  \\x3a:add-mask::y"),
        ("a ##[error]y", r"a \x23#[error]y"),
        ("a::b ## [c] : :", "a::b ## [c] : :"),
    ],
)
def test_no_line_is_a_command_to_the_runner_of_github(text, told):
    assert lines(text) == told
    assert one_line(text) == told.replace("\n", "\\n").replace(r"\x3a:add", "::add")


def test_a_name_in_a_hint_breaks_no_line_and_the_breaks_of_a_fix_stay():
    fix = did_you_mean("nosuch", ["plain", "x\n::error file=y"], otherwise="its rules are")
    error = BadSelection("orders has no rule", fix=f"{fix}\nor see `ls`")

    assert complaint(error, color=False).splitlines()[1:] == [
        r"  fix: its rules are: plain, 'x\n::error file=y'",
        "or see `ls`",
    ]


def test_a_table_shows_markup_and_control_characters_and_keeps_wide_text_aligned():
    rows = [("[bold]x[/bold]", "1"), ("日本", "22"), ("\x1b[31mred", "3")]

    assert table_text(("name", ">n"), rows, color=False, fit=False).split("\n") == [
        "name             n",
        "[bold]x[/bold]   1",
        "日本            22",
        "\\x1b[31mred      3",
    ]
