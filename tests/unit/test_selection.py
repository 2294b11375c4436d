"""Selecting datasets: names, patterns, tags, what they read and what reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlt_lite.errors import BadSelection
from dlt_lite.model.names import DatasetName, Namespace
from dlt_lite.plan.selection import Selectable, selected

# bronze → silver → sessions → funnel; silver → totals
READS = {
    "bronze": (),
    "silver": ("bronze",),
    "Sessions": ("silver",),
    "funnel": ("sessions",),
    "totals": ("silver",),
}
TAGS = {"bronze": ("raw",), "silver": ("daily", "clean"), "totals": ("daily",)}


def name(word):
    return DatasetName("shop", word.lower())


AMONG = Selectable(
    Namespace("shop"),
    {name(word): tuple(map(name, reads)) for word, reads in READS.items()},
    {name(word): TAGS.get(word, ()) for word in READS},
    {name(word): word for word in READS},
)


def chosen(*expressions):
    return {each.table for each in selected(expressions, AMONG)}


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("silver", {"silver"}),
        ("SILVER", {"silver"}),
        ("shop.silver", {"silver"}),
        ("live.silver", {"silver"}),
        ("`silver`", {"silver"}),
        ("sessions", {"sessions"}),
        ("+silver", {"bronze", "silver"}),
        ("silver+", {"silver", "sessions", "funnel", "totals"}),
        ("+sessions+", {"bronze", "silver", "sessions", "funnel"}),
        ("s*", {"silver", "sessions"}),
        ("S*S", {"sessions"}),
        ("*", {"bronze", "silver", "sessions", "funnel", "totals"}),
        ("tag:daily", {"silver", "totals"}),
        ("+tag:raw", {"bronze"}),
        ("tag:raw+", {"bronze", "silver", "sessions", "funnel", "totals"}),
        ("bronze,totals", {"bronze", "totals"}),
        ("bronze totals", {"bronze", "totals"}),
        (" bronze , +silver ", {"bronze", "silver"}),
    ],
)
def test_an_expression_selects(expression, found):
    assert chosen(expression) == found


def test_several_expressions_select_what_any_of_them_does():
    assert chosen("bronze", "tag:clean", "bronze") == {"bronze", "silver"}


def test_no_expression_selects_nothing():
    assert chosen() == set()


@pytest.mark.parametrize(
    ("expression", "what", "fix"),
    [
        ("silvr", "'silvr' selects no dataset of the pipeline", "did you mean 'silver'? there are"),
        ("bronze silvr+", "'silvr' selects no dataset", "did you mean 'silver'?"),
        ("x*", "'x*' selects no dataset", "there are: Sessions, bronze, funnel, silver, totals"),
        ("tag:dayly", "'tag:dayly' selects no dataset", "did you mean 'daily'? there are: clean"),
        ("other.silver", "'other.silver' selects no dataset", "there are"),
        ("a.b.c.d", "'a.b.c.d' selects no dataset", "there are"),
        ("+", "'' selects no dataset", "there are"),
        ("`silver", "'`silver' selects no dataset", "did you mean 'silver'?"),
        ("", "the selection is empty", "name datasets, or leave it out for all"),
        (" , ", "the selection is empty", "name datasets, or leave it out for all"),
    ],
)
def test_an_expression_that_selects_nothing_is_refused(expression, what, fix):
    with pytest.raises(BadSelection) as caught:
        selected([expression], AMONG)

    assert what in caught.value.what
    assert fix in (caught.value.fix or "")


@given(st.sampled_from(sorted(READS)))
def test_both_plus_signs_select_what_each_of_them_does(word):
    assert chosen(f"+{word}+") == chosen(f"+{word}") | chosen(f"{word}+")
    assert word.lower() in chosen(f"+{word}") & chosen(f"{word}+")
