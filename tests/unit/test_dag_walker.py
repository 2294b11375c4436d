from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlt_lite.dag.order import circle, downstream, in_order, reversed_graph, upstream
from dlt_lite.dag.walker import Done, Failed, Skipped, Walk

DIAMOND = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"], "e": ["b"]}


class Climb:
    """A walk whose nodes fail as told, and what it came to."""

    def __init__(self, inputs, *, failing=(), at_once=2, work=None, stop=None):
        self.begun = []
        self.settled = []
        self._failing = set(failing)
        self.walk = Walk(
            inputs, work or self._work, settled=lambda node, _: self.settled.append(node)
        )
        self.walk.run(at_once=at_once, stop=stop or threading.Event())

    def _work(self, node):
        self.begun.append(node)
        if node in self._failing:
            raise LookupError(node)
        return f"{node} done"

    @property
    def outcomes(self):
        return self.walk.outcomes


def test_every_node_comes_after_what_it_reads_and_its_value_is_its_outcome():
    climb = Climb({"d": ["b", "c"], "c": ["a"], "b": ["a"], "a": []}, at_once=1)

    assert climb.begun == ["a", "c", "b", "d"]
    assert climb.outcomes["d"] == Done("d done")


def test_a_failed_node_skips_only_what_lies_below_it():
    climb = Climb(DIAMOND, failing={"b"})

    assert isinstance(climb.outcomes["b"], Failed)
    assert climb.outcomes["d"] == climb.outcomes["e"] == Skipped("b")
    assert climb.outcomes["c"] == Done("c done")


def test_what_is_skipped_far_below_names_the_node_that_failed():
    climb = Climb({"a": [], "b": ["a"], "c": ["b"], "d": ["c"]}, failing={"a"})

    assert climb.outcomes["d"] == Skipped("a")


def test_a_node_below_a_failure_is_skipped_while_its_other_input_still_runs():
    skipped = threading.Event()

    def work(node):
        if node == "fails":
            raise LookupError
        assert skipped.wait(60)

    walk = Walk(
        {"runs": [], "fails": [], "reads both": ["runs", "fails"]},
        work,
        settled=lambda node, _: skipped.set() if node == "reads both" else None,
    )
    walk.run(at_once=2, stop=threading.Event())

    assert walk.outcomes["reads both"] == Skipped("fails")
    assert isinstance(walk.outcomes["runs"], Done)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_whatever_a_node_raises_is_its_outcome(error):
    def work(_):
        raise error

    climb = Climb({"a": [], "b": ["a"]}, work=work)

    assert isinstance(climb.outcomes["a"].error, error)
    assert climb.outcomes["b"] == Skipped("a")


def test_no_more_nodes_are_worked_on_at_once_than_allowed_and_so_many_are():
    together = threading.Barrier(3)
    busy, most = 0, 0
    turn = threading.Lock()

    def work(_):
        nonlocal busy, most
        with turn:
            busy += 1
            most = max(most, busy)
        together.wait(60)
        with turn:
            busy -= 1
        together.wait(60)

    climb = Climb({place: [] for place in range(9)}, at_once=3, work=work)

    assert most == 3
    assert all(isinstance(each, Done) for each in climb.outcomes.values())


def test_once_stopped_nothing_more_is_begun_and_what_runs_is_waited_for():
    stop = threading.Event()
    begun = []

    def work(node):
        begun.append(node)
        stop.set()

    climb = Climb({"a": [], "b": ["a"], "c": [], "d": ["c"]}, at_once=1, work=work, stop=stop)

    assert begun == ["a"]
    assert climb.outcomes == {
        "a": Done(None),
        "b": Skipped(None),
        "c": Skipped(None),
        "d": Skipped(None),
    }


def test_a_walk_stopped_before_it_began_skips_everything():
    stop = threading.Event()
    stop.set()

    climb = Climb(DIAMOND, stop=stop)

    assert climb.begun == []
    assert set(climb.outcomes.values()) == {Skipped(None)}


def test_a_graph_without_nodes_is_walked_at_once():
    assert Climb({}).outcomes == {}


def test_an_input_that_is_no_node_is_refused_rather_than_waited_for():
    with pytest.raises(ValueError, match="elsewhere is read"):
        Climb({"a": ["elsewhere"]})


def test_a_circle_ends_the_walk_with_an_error_after_what_lies_outside_it():
    settled = []
    walk = Walk(
        {"a": [], "b": ["c"], "c": ["b"]}, str, settled=lambda node, _: settled.append(node)
    )

    with pytest.raises(ValueError, match="b reads itself, or what does"):
        walk.run(at_once=2, stop=threading.Event())
    assert settled == ["a"]


def test_a_chain_of_2000_nodes_is_climbed_to_the_top():
    chain = {place: [place - 1] if place else [] for place in range(2000)}

    climb = Climb(chain)

    assert climb.begun == list(range(2000))


def test_a_failure_at_the_foot_of_a_chain_of_2000_nodes_skips_them_all():
    chain = {place: [place - 1] if place else [] for place in range(2000)}

    climb = Climb(chain, failing={0})

    assert climb.settled == list(range(2000))
    assert climb.outcomes[1999] == Skipped(0)


@st.composite
def graphs(draw):
    """Graphs of up to a dozen nodes, which read lower numbers only, in any order, also twice."""
    size = draw(st.integers(0, 12))
    inputs = {
        node: draw(st.lists(st.integers(0, node - 1), max_size=4)) if node else []
        for node in range(size)
    }
    order = draw(st.permutations(range(size)))
    return {node: inputs[node] for node in order}, draw(st.sets(st.integers(0, 12)))


@settings(max_examples=100, deadline=None)
@given(graphs(), st.integers(1, 4))
def test_each_node_is_settled_once_and_skipped_exactly_below_a_failure(graph, at_once):
    inputs, failing = graph
    climb = Climb(inputs, failing=failing, at_once=at_once)

    failed = {node for node in failing & set(inputs) if not upstream(inputs, [node]) & failing}
    skipped = {node for node, what in climb.outcomes.items() if isinstance(what, Skipped)}
    assert sorted(climb.settled) == sorted(inputs)
    assert skipped == downstream(inputs, failed)
    assert {node for node, what in climb.outcomes.items() if isinstance(what, Failed)} == failed
    assert len(climb.begun) == len(set(climb.begun)) == len(inputs) - len(skipped)


def test_upstream_is_all_that_is_read_and_downstream_all_that_reads():
    assert upstream(DIAMOND, ["d"]) == {"a", "b", "c"}
    assert downstream(DIAMOND, ["b"]) == {"d", "e"}


def test_the_nodes_themselves_are_in_neither_answer_even_in_a_circle():
    circle = {"a": ["b"], "b": ["a"]}

    assert upstream(circle, ["a"]) == downstream(circle, ["a"]) == {"b"}
    assert upstream(DIAMOND, ["a", "b"]) == set()


def test_what_is_only_read_is_part_of_the_reversed_graph():
    assert reversed_graph({"a": ["outside"]}) == {"a": [], "outside": ["a"]}


def test_a_chain_of_2000_nodes_is_asked_without_recursion():
    chain = {place: [place - 1] if place else [] for place in range(2000)}

    assert len(upstream(chain, [1999])) == len(downstream(chain, [0])) == 1999


def test_a_walk_that_goes_on_below_failures_begins_everything_in_order():
    begun = []

    def work(node):
        begun.append(node)
        raise LookupError(node)

    walk = Walk(DIAMOND, work, settled=lambda *_: None, goes_on_below_failures=True)
    walk.run(at_once=1, stop=threading.Event())

    assert begun == ["a", "b", "c", "d", "e"]
    assert all(isinstance(outcome, Failed) for outcome in walk.outcomes.values())


def test_a_walk_that_goes_on_below_failures_still_stops():
    stop = threading.Event()

    def settled(node, _):
        if node == "a":
            stop.set()

    walk = Walk(DIAMOND, lambda node: node, settled=settled, goes_on_below_failures=True)
    walk.run(at_once=1, stop=stop)

    assert walk.outcomes["a"] == Done("a")
    assert {walk.outcomes[node] for node in "bcde"} == {Skipped(None)}


def test_a_circle_is_told_from_what_hangs_on_it():
    assert circle(DIAMOND) == ()
    assert circle({"a": ["c"], "b": ["a"], "c": ["b"], "d": ["c"]}) == ("a", "b", "c", "a")
    assert circle({"a": ["a"]}) == ("a", "a")


def test_nodes_in_order_come_after_what_they_read():
    order = in_order(DIAMOND)

    assert sorted(order) == sorted(DIAMOND)
    assert all(order.index(read) < order.index(node) for node in DIAMOND for read in DIAMOND[node])
    with pytest.raises(ValueError, match="cycle"):
        in_order({"a": ["b"], "b": ["a"]})
