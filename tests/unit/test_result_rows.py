"""What the history table keeps of an update."""

from dlt_lite.model.origin import Origin
from dlt_lite.model.result_rows import RESULT_COLUMNS, result_rows
from dlt_lite.model.results import Verdict, undecided
from dlt_lite.model.rules import Threshold
from dlt_lite.model.samples import Cell, Sample
from tests.unit.told_updates import a_rule, an_update, clickstream


def test_a_row_has_the_columns_of_the_table():
    rows = result_rows(clickstream())

    assert len(rows) == len(clickstream().rules)
    assert all(set(row) == set(RESULT_COLUMNS.names) for row in rows)


def test_a_row_holds_figures_place_and_threshold_and_no_row_of_the_data():
    sample = Sample((Cell("email", "ada@example.org"),))
    more = {"tags": ("ids",), "threshold": Threshold(mostly=0.9), "samples": (sample,)}
    rule = a_rule("orders", "known", 100, 20, origin=Origin("a.py", 3), **more)

    [row] = result_rows(an_update(rule))

    assert (row["verdict"], row["evaluated"], row["violations"], row["ratio"]) == (
        "warn",
        100,
        20,
        0.8,
    )
    assert (row["origin"], row["tags"]) == ("a.py:3", ["ids"])
    assert row["threshold"] == {"mostly": 0.9, "max_failures": None}
    assert "ada@example.org" not in str(row)


def test_an_update_that_decided_nothing_leaves_no_row():
    idle = undecided(a_rule("orders", "known"), Verdict.SKIPPED, "up to date")

    assert result_rows(an_update(idle)) == ()
    assert len(result_rows(an_update(idle, a_rule("users", "known")))) == 2
