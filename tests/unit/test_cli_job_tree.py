from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from rich.console import Console

from dlt_lite.cli.job_board import JobBoard, TaskLine
from dlt_lite.cli.job_tree import branches
from dlt_lite.cli.live_job_console import tree
from dlt_lite.model.outcomes import LifeCycle, ResultState

SHOP = {
    "clickstream": [],
    "orders": [],
    "orders_with_sessions": ["clickstream", "orders"],
    "features": ["clickstream"],
    "publish": ["features"],
    "train": ["features"],
}


def told(waits: Mapping[str, Sequence[str]], keys: Sequence[str] | None = None) -> list[str]:
    found = branches(tuple(waits) if keys is None else keys, waits)
    return [f"{each.lead}{each.key} {each.after}".rstrip() for each in found]


def test_a_task_stands_below_one_that_it_waits_for_and_the_others_are_named():
    assert told(SHOP) == [
        "clickstream",
        "└─ features",
        "   ├─ publish",
        "   └─ train",
        "orders",
        "└─ orders_with_sessions also after clickstream",
    ]


def test_a_line_goes_on_beside_what_stands_below_an_elder_sibling():
    waits = {"a": [], "b": ["a"], "c": ["b"], "d": ["a"]}

    assert told(waits) == ["a", "├─ b", "│  └─ c", "└─ d"]


def test_a_task_stands_below_the_deepest_one_whatever_the_order_of_the_file():
    waits = {"last": ["first", "middle"], "middle": ["first"], "first": []}

    assert told(waits) == ["first", "└─ middle", "   └─ last also after first"]


def test_many_that_a_task_waits_for_are_counted():
    waits = {**{f"t{number}": [] for number in range(6)}, "all": [f"t{n}" for n in range(6)]}

    assert told(waits)[-1] == "└─ all also after t0, t1, t2 and 2 more"


def test_a_task_whose_elder_is_not_drawn_says_so():
    assert told(SHOP, ["orders", "features", "train"]) == [
        "orders",
        "features after clickstream",
        "└─ train",
    ]


def test_a_long_chain_begins_again_at_the_edge():
    waits = {f"t{n}": [f"t{n - 1}"] if n else [] for n in range(1000)}

    lines = told(waits)

    assert [line.split()[-1] for line in lines[:8]] == [f"t{n}" for n in range(8)]
    assert lines[8] == "t8 after t7"
    assert lines[9] == "└─ t9"
    assert max(map(len, lines)) < 40


def test_the_picture_of_a_run_names_only_what_is_run():
    lines = {key: TaskLine(key) for key in ("orders", "orders_with_sessions", "features")}
    done = TaskLine("orders", LifeCycle.TERMINATED, ResultState.SUCCESS, 1)
    board = JobBoard("shop", "r-1", lines={**lines, "orders": done}, began=0.0)
    file = io.StringIO()

    Console(file=file, width=80, color_system=None).print(tree(board, SHOP, now=5.0, room=20))

    assert [line.rstrip() for line in file.getvalue().splitlines()[1:]] == [
        "orders                   SUCCESS",
        "└─ orders_with_sessions  waiting",
        "features                 waiting",
    ]


def test_the_picture_fits_a_narrow_terminal():
    lines = {key: TaskLine(key) for key in SHOP}
    board = JobBoard("shop", "r-1", lines=lines, began=0.0)
    file = io.StringIO()

    Console(file=file, width=50, color_system=None).print(tree(board, SHOP, now=5.0, room=20))

    shown = file.getvalue().splitlines()
    assert len(shown) == 7
    assert "└─ orders_with_sessions  waiting" in file.getvalue()


def test_what_has_succeeded_gives_way_on_a_low_terminal():
    done = TaskLine("clickstream", LifeCycle.TERMINATED, ResultState.SUCCESS, 1)
    lines = {"clickstream": done, "features": TaskLine("features")}
    file = io.StringIO()

    board = JobBoard("shop", "r-1", lines=lines, began=0.0)
    Console(file=file, width=80, color_system=None).print(tree(board, SHOP, now=5.0, room=1))

    assert [line.rstrip() for line in file.getvalue().splitlines()[1:]] == [
        "features  waiting    (after clickstream)",
        "and 1 more task",
    ]
