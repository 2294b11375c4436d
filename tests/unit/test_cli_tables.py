"""Tables on a terminal that is too narrow for them."""

import pytest

from dlt_lite.cli.tables import table_text

COLUMNS = ("dataset", "action", "state", ">written", ">time", "why")
SPARE = (">time", "action", "why", ">written")
ROWS = (
    ("bronze", "append", "COMPLETED", "1", "48 s", "1 new file in landing, and more of it"),
    ("silver_of_all", "full refresh", "COMPLETED", "1,234", "43 s", "if bronze changes"),
)


def shown(monkeypatch, width, **how):
    monkeypatch.setenv("COLUMNS", str(width))
    return table_text(COLUMNS, ROWS, color=False, fit=True, **how).split("\n")


@pytest.mark.parametrize(
    ("width", "heads"),
    [
        (120, "dataset action state written time why"),
        (72, "dataset action state written time why"),
        (66, "dataset action state written why"),
        (60, "dataset state written why"),
        (40, "dataset state written"),
        (30, "dataset state"),
    ],
)
def test_a_narrow_terminal_goes_without_what_matters_least(monkeypatch, width, heads):
    lines = shown(monkeypatch, width, spare=SPARE)

    assert lines[0].split() == heads.split()
    assert len(lines) == 1 + len(ROWS)
    assert all(len(line) <= width for line in lines)


def test_a_reason_is_cut_where_folding_it_would_take_many_lines(monkeypatch):
    assert shown(monkeypatch, 60, spare=SPARE)[1:] == [
        "bronze         COMPLETED        1  1 new file in landing, a…",
        "silver_of_all  COMPLETED    1,234  if bronze changes",
    ]


@pytest.mark.parametrize(("width", "spare"), [(20, SPARE), (45, SPARE), (64, ())])
def test_a_state_is_never_broken(monkeypatch, width, spare):
    told = "\n".join(shown(monkeypatch, width, spare=spare))

    assert told.count("COMPLETED") == len(ROWS)
