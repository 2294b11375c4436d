from __future__ import annotations

from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from dlt_lite.report.layered import Sizes, layered
from dlt_lite.report.lineage import lineage_graph
from dlt_lite.report.picture import MOST_NODES, Looks, picture

SIZES = Sizes(width=100, height=40, across=50, down=10)
NAMES = "abcdefghij"
EDGES = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=25)


@given(EDGES)
def test_no_two_nodes_overlap_and_all_stand_inside(edges):
    layout = layered(NAMES, edges, SIZES)

    for (x1, y1), (x2, y2) in combinations(layout.nodes.values(), 2):
        assert abs(x1 - x2) >= SIZES.width or abs(y1 - y2) >= SIZES.height + SIZES.down - 0.2
    for x, y in layout.nodes.values():
        assert 0 <= x <= layout.width - SIZES.width
        assert -0.1 <= y <= layout.height - SIZES.height + 0.1


@given(EDGES)
def test_every_edge_is_drawn_and_runs_to_the_right_unless_it_closes_a_circle(edges):
    layout = layered(NAMES, edges, SIZES)

    assert set(layout.edges) == {(a, b) for a, b in edges if a != b}
    forward = [(a, b) for a, b in edges if a < b]
    straight = layered(NAMES, forward, SIZES)
    assert all(straight.nodes[a][0] < straight.nodes[b][0] for a, b in forward)


@given(EDGES)
def test_the_same_graph_always_gives_the_same_picture(edges):
    assert layered(NAMES, edges, SIZES) == layered(NAMES, edges, SIZES)


def test_an_edge_ends_at_its_nodes():
    layout = layered("abc", [("a", "b"), ("b", "c"), ("a", "c")], SIZES)

    points = layout.edges["a", "c"]
    assert points[0] == (100, layout.nodes["a"][1] + 20)
    assert points[-1] == (300, layout.nodes["c"][1] + 20)
    assert [x for x, _ in points] == [100, 150, 250, 300]


def test_two_chains_side_by_side_do_not_cross():
    chains = [("a", "c"), ("b", "d"), ("c", "f"), ("d", "e")]
    nodes = layered("abcdef", chains, SIZES).nodes

    upper = nodes["a"][1] < nodes["b"][1]
    assert (nodes["c"][1] < nodes["d"][1]) is upper
    assert (nodes["f"][1] < nodes["e"][1]) is upper


def test_a_source_stands_just_before_what_reads_it():
    nodes = layered("abcd", [("a", "b"), ("b", "c"), ("d", "c")], SIZES).nodes

    assert nodes["d"][0] == nodes["b"][0]


def test_nothing_is_drawn_of_nothing_and_a_deep_chain_is_a_line():
    assert layered("", []).width == 0
    deep = [f"n{number}" for number in range(500)]
    layout = layered(deep, pairwise(deep), SIZES)
    assert layout.height == SIZES.height


def test_a_drawing_shows_what_is_known_of_a_node():
    graph = lineage_graph([("silver", "streaming_table", 1)], [("raw", "silver")])
    drawn = picture(graph, {"silver": Looks("9 rows", "warn", "#silver")})

    raw, silver = drawn.boxes
    assert (raw.kind, raw.look, raw.href) == ("external", "", "")
    assert (silver.note, silver.look, silver.href) == ("9 rows", "warn", "#silver")
    assert [(line.left, line.right) for line in drawn.lines] == [(raw.place, silver.place)]


def test_a_long_name_keeps_its_beginning_and_its_end():
    [box] = picture(lineage_graph([("a" * 50 + "_orders_", "external", 0)], []), {}).boxes

    assert (len(box.shown), box.shown[:3], box.shown[-8:]) == (20, "aaa", "_orders_")


def test_too_many_nodes_are_left_to_the_list():
    nodes = [(f"n{number}", "external", 0) for number in range(MOST_NODES + 1)]

    assert picture(lineage_graph(nodes, []), {}).boxes == ()
