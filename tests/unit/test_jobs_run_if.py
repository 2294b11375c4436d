"""`run_if` by a table of one and of two dependencies, and against a model of Databricks' words."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations_with_replacement
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlt_lite.jobs.run_if import Ended, disabled_tasks, job_result, verdict
from dlt_lite.model.jobs import Dependency, Job, RunIf, Task
from dlt_lite.model.outcomes import ResultState
from tests.unit.jobs_made import HERE, a_job, a_task

RUN = "run"
S, F, T, C = "SUCCESS", "FAILED", "TIMEDOUT", "CANCELED"
SWF, X, D = "SUCCESS_WITH_FAILURES", "EXCLUDED", "DISABLED"
UF, UC, MAX = "UPSTREAM_FAILED", "UPSTREAM_CANCELED", "MAXIMUM_CONCURRENT_RUNS_REACHED"
OTHER = "other branch"

COLUMNS = [
    "ALL_SUCCESS",
    "AT_LEAST_ONE_SUCCESS",
    "NONE_FAILED",
    "ALL_DONE",
    "AT_LEAST_ONE_FAILED",
    "ALL_FAILED",
]
TABLE = {
    # what the dependencies ended as: what becomes of the task, by its run_if
    (S,): (RUN, RUN, RUN, RUN, X, X),
    (SWF,): (RUN, RUN, RUN, RUN, X, X),
    (F,): (UF, UF, UF, RUN, RUN, RUN),
    (T,): (UF, UF, UF, RUN, RUN, RUN),
    (C,): (UC, UC, UC, RUN, RUN, RUN),
    (X,): (X, X, X, X, X, X),
    (UF,): (UF, UF, UF, RUN, RUN, RUN),
    (UC,): (UC, UC, UC, RUN, RUN, RUN),
    (MAX,): (UF, UF, UF, RUN, RUN, RUN),
    (OTHER,): (X, X, X, X, X, X),
    (D,): (D, D, D, RUN, D, D),
    (S, S): (RUN, RUN, RUN, RUN, X, X),
    (S, F): (UF, RUN, UF, RUN, RUN, X),
    (S, C): (UC, RUN, UC, RUN, RUN, X),
    (S, X): (RUN, RUN, RUN, RUN, X, X),
    (S, OTHER): (X, RUN, RUN, RUN, X, X),
    (S, D): (D, RUN, RUN, RUN, X, D),
    (F, F): (UF, UF, UF, RUN, RUN, RUN),
    (F, C): (UF, UF, UF, RUN, RUN, RUN),
    (F, X): (UF, RUN, UF, RUN, RUN, X),
    (F, OTHER): (UF, UF, UF, RUN, RUN, X),
    (F, D): (D, UF, UF, RUN, RUN, D),
    (C, X): (UC, RUN, UC, RUN, RUN, X),
    (X, X): (X, X, X, X, X, X),
    (X, OTHER): (X, X, X, X, X, X),
    (X, D): (D, X, X, X, X, D),
    (OTHER, D): (D, X, X, X, X, D),
    (S, X, D): (D, RUN, RUN, RUN, X, D),
    (D, D): (D, D, D, RUN, D, D),
}


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("ends", TABLE)
def test_the_table_holds(ends, column):
    assert came_of(column, ends) == TABLE[ends][COLUMNS.index(column)]


@pytest.mark.parametrize("run_if", RunIf)
def test_a_task_that_waits_for_nothing_runs(run_if):
    assert verdict(a_task("t", run_if=run_if), {}) is None


@pytest.mark.parametrize(("outcome", "runs"), [("true", True), ("false", False)])
def test_only_the_branch_that_was_taken_runs(outcome, runs):
    task = a_task("t", f"check:{outcome}")

    ruled = verdict(task, {"check": Ended(ResultState.SUCCESS, "true")})

    assert ruled == (None if runs else ResultState.EXCLUDED)


def test_a_condition_that_failed_fails_both_branches():
    for outcome in ("true", "false"):
        ruled = verdict(a_task("t", f"check:{outcome}"), {"check": Ended(ResultState.FAILED)})
        assert ruled is ResultState.UPSTREAM_FAILED


def test_a_task_that_was_not_selected_does_not_count():
    assert verdict(a_task("t", "a", "b"), {"a": Ended(ResultState.SUCCESS)}) is None


ALL_ENDS = [S, F, T, C, X, D, UF, UC, MAX, SWF, OTHER]
ENDS = st.lists(st.sampled_from(ALL_ENDS), min_size=1, max_size=5)
UP_TO_THREE = [
    ends for number in (1, 2, 3) for ends in combinations_with_replacement(ALL_ENDS, number)
]


@pytest.mark.parametrize("run_if", RunIf)
def test_up_to_three_dependencies_agree_with_databricks_words_however_they_end(run_if):
    assert {*ALL_ENDS} == {*ResultState, OTHER}
    ruled = {ends: came_of(run_if, ends) for ends in UP_TO_THREE}

    assert ruled == {ends: in_databricks_words(run_if, ends) for ends in UP_TO_THREE}


@pytest.mark.parametrize("run_if", RunIf)
def test_a_task_never_runs_where_nothing_that_it_waits_for_was_to_run(run_if):
    nothing_ran = [ends for ends in UP_TO_THREE if {*ends} <= {X, OTHER, D} and {*ends} != {D}]

    assert {came_of(run_if, ends) for ends in nothing_ran} <= {X, D}


@given(st.sampled_from(COLUMNS), ENDS)
def test_it_agrees_with_databricks_words(run_if, ends):
    assert came_of(run_if, ends) == in_databricks_words(run_if, ends)


@given(st.sampled_from(COLUMNS), ENDS, st.randoms(use_true_random=False))
def test_the_order_of_dependencies_does_not_matter(run_if, ends, random):
    shuffled = list(ends)
    random.shuffle(shuffled)

    assert came_of(run_if, ends) == came_of(run_if, shuffled)


@pytest.mark.parametrize(
    ("tasks", "ends", "expected"),
    [
        ("a; b a", {"a": S, "b": S}, S),
        ("a; b a", {"a": F, "b": UF}, F),
        ("a; b a", {"a": F, "b": S}, SWF),
        ("a; b a", {"a": F, "b": X}, SWF),
        ("a; b a", {"a": S, "b": X}, S),
        ("a; b a", {"a": S, "b": D}, S),
        ("a; b a", {"a": SWF, "b": S}, SWF),
        ("a; b a; c a", {"a": S, "b": T, "c": S}, F),
        ("a; b a", {"a": C, "b": UC}, C),
        ("a; b a; c", {"a": C, "b": UC, "c": F}, F),
        ("a; b a", {"a": C, "b": S}, SWF),
        ("a; b a", {"a": F}, F),
        ("a", {"a": X}, S),
    ],
)
def test_the_leaves_decide_how_a_run_ends(tasks, ends, expected):
    made = (a_task(*each.split()) for each in tasks.split("; "))
    ended = {key: Ended(ResultState(end)) for key, end in ends.items()}

    assert job_result(a_job(*made), ended) == ResultState(expected)


@pytest.mark.parametrize(
    ("run_if", "expected"),
    [("ALL_SUCCESS", {"a", "b", "c"}), ("AT_LEAST_ONE_SUCCESS", {"a"}), ("ALL_DONE", {"a"})],
)
def test_what_can_never_run_is_disabled_with_all_that_needs_it(run_if, expected):
    job = a_job(
        a_task("a", disabled=True),
        a_task("x"),
        a_task("b", "a", "x", run_if=run_if),
        a_task("c", "b"),
    )

    assert disabled_tasks(job) == expected


def came_of(run_if: str, ends) -> str:
    """Return what becomes of a task whose dependencies ended so."""
    tasks, waits, ended = [], [], dict[str, Ended]()
    for number, end in enumerate(ends):
        key = f"d{number}"
        tasks.append(a_task(key, disabled=end == D))
        waits.append(Dependency(key, "true" if end == OTHER else None, HERE))
        branch = "false" if end == OTHER else None
        ended[key] = Ended(ResultState(S if end == OTHER else end), branch)
    task = a_task("t", *waits, run_if=run_if)
    if "t" in disabled_tasks(Job("j", "j", Path(), (*tasks, task), HERE)):
        return D
    return ruled_text(task, ended)


def ruled_text(task: Task, ended: Mapping[str, Ended]) -> str:
    return verdict(task, ended) or RUN


def in_databricks_words(run_if: str, ends) -> str:
    """Say it as the documentation does, counting words; no code of ours is asked."""
    count = {end: list(ends).count(end) for end in set(ends)}
    number = len(ends)
    succeeded = count.get(S, 0) + count.get(SWF, 0) + count.get(X, 0)
    failed = count.get(F, 0) + count.get(T, 0) + count.get(UF, 0) + count.get(MAX, 0)
    canceled = count.get(C, 0) + count.get(UC, 0)
    disabled = count.get(D, 0)
    handles_failure = run_if in {"AT_LEAST_ONE_FAILED", "ALL_FAILED"}
    if run_if in {"ALL_SUCCESS", "ALL_FAILED"} and disabled:
        return D
    if disabled == number and run_if != "ALL_DONE":
        return D
    if disabled < number == count.get(X, 0) + count.get(OTHER, 0) + disabled:
        return X
    met = {
        "ALL_SUCCESS": succeeded == number,
        "AT_LEAST_ONE_SUCCESS": succeeded >= 1,
        "NONE_FAILED": failed + canceled == 0 and succeeded >= 1,
        "ALL_DONE": True,
        "AT_LEAST_ONE_FAILED": failed + canceled >= 1,
        "ALL_FAILED": failed + canceled == number,
    }[run_if]
    if met:
        return RUN
    if handles_failure or failed + canceled == 0:
        return X
    return UF if failed else UC
