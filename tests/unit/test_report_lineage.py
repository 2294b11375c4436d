from __future__ import annotations

import itertools
import re

import pytest

from dlt_lite.report.lineage import (
    LineageNode,
    as_dot,
    as_json,
    as_mermaid,
    as_text,
    lineage_graph,
)

SHOP = lineage_graph(
    [
        ("daily", "materialized_view", 0),
        ("orders", "streaming_table", 2),
        ("raw", "temporary_view", 1),
    ],
    [("orders", "daily"), ("raw", "orders"), ("file:/landing", "raw"), ("orders", "daily")],
)
HOSTILE = [
    'a"b',
    "back\\slash\\",
    "two\nlines",
    "<img src=x onerror=alert(1)>",
    "]] --> x",
    "end",
    "&amp;",
    "`tick`",
    "#quot;",
    "\x1b[31mred",
    "abc\u202edef",
    "\udcff",
    "a|b{c}(d)",
    "%% comment",
]


def test_nodes_come_after_what_they_read_and_what_nobody_declares_is_external():
    assert [node.name for node in SHOP.nodes] == ["file:/landing", "raw", "orders", "daily"]
    assert SHOP.nodes[0] == LineageNode("file:/landing", "external")


def test_an_edge_is_kept_once():
    assert SHOP.edges == (("orders", "daily"), ("raw", "orders"), ("file:/landing", "raw"))


def test_the_text_is_one_aligned_line_a_node():
    assert as_text(SHOP).splitlines() == [
        "file:/landing  external",
        "raw            temporary view     1 expectation   reads file:/landing",
        "orders         streaming table    2 expectations  reads raw",
        "daily          materialized view                  reads orders",
    ]


def test_the_flowchart_names_every_node_and_every_edge():
    assert as_mermaid(SHOP).splitlines() == [
        "flowchart LR",
        '  n0[("file:/landing<br/>external")]',
        '  n1{{"raw<br/>temporary view<br/>1 expectation"}}',
        '  n2(["orders<br/>streaming table<br/>2 expectations"])',
        '  n3["daily<br/>materialized view"]',
        "  n2 --> n3",
        "  n1 --> n2",
        "  n0 --> n1",
    ]


def test_the_digraph_names_every_node_and_every_edge():
    assert as_dot(SHOP).splitlines() == [
        "digraph lineage {",
        "  rankdir=LR;",
        r'  n0 [label="file:/landing\nexternal", shape=cylinder];',
        r'  n1 [label="raw\ntemporary view\n1 expectation", shape=hexagon];',
        r'  n2 [label="orders\nstreaming table\n2 expectations", shape=box, style=rounded];',
        r'  n3 [label="daily\nmaterialized view", shape=box];',
        "  n2 -> n3;",
        "  n1 -> n2;",
        "  n0 -> n1;",
        "}",
    ]


def test_the_values_are_plain_and_keep_names_as_they_are():
    assert as_json(SHOP) == {
        "nodes": [
            {"name": "file:/landing", "kind": "external", "rules": 0},
            {"name": "raw", "kind": "temporary_view", "rules": 1},
            {"name": "orders", "kind": "streaming_table", "rules": 2},
            {"name": "daily", "kind": "materialized_view", "rules": 0},
        ],
        "edges": [
            {"from": "orders", "to": "daily"},
            {"from": "raw", "to": "orders"},
            {"from": "file:/landing", "to": "raw"},
        ],
    }


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_breaks_out_of_its_label(name):
    graph = lineage_graph([("reader", "streaming_table", 0)], [(name, "reader")])

    mermaid, dot = as_mermaid(graph).splitlines(), as_dot(graph).splitlines()

    assert len(mermaid) == 4
    assert re.fullmatch(r'  n0\[\("(?:[\w _./:-]|#\d+;)+<br/>external"\)\]', mermaid[1])
    assert len(dot) == 6
    assert re.fullmatch(r'  n0 \[label="(?:[^"\\]|\\\\|\\")+\\nexternal", .*\];', dot[2])


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_reaches_the_terminal_with_control_characters(name):
    graph = lineage_graph([("reader", "streaming_table", 0)], [(name, "reader")])

    lines = as_text(graph).splitlines()

    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)


def test_graphviz_is_shown_back_slashes_and_entities_as_they_are():
    graph = lineage_graph([(r"a\N&lt;", "materialized_view", 0)], [])

    assert r'label="a\\N&amp;lt;\n' in as_dot(graph)


def test_a_graph_without_nodes_has_every_form():
    empty = lineage_graph([], [])

    assert as_text(empty) == ""
    assert as_mermaid(empty) == "flowchart LR"
    assert as_dot(empty).splitlines()[-1] == "}"
    assert as_json(empty) == {"nodes": [], "edges": []}


def test_a_circle_is_drawn_as_it_is():
    graph = lineage_graph([("a", "x", 0), ("b", "x", 0)], [("a", "b"), ("b", "a")])

    assert [node.name for node in graph.nodes] == ["a", "b"]


def test_a_chain_of_2000_datasets_is_drawn_line_by_line():
    names = [f"d{place}" for place in range(2000)]
    chain = list(itertools.pairwise(names))
    graph = lineage_graph([(name, "materialized_view", 0) for name in reversed(names)], chain)

    assert [node.name for node in graph.nodes] == names
    assert len(as_text(graph).splitlines()) == 2000
