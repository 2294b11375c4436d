"""A lineage graph as text for a terminal, as Mermaid, as DOT and as plain values.

Plain tuples in, text out; knows neither Spark nor where the graph comes from. Names may be those of
files and folders, hence anything: each form escapes them in its own way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

EXTERNAL = "external"
_MERMAID_SHAPES = {
    "streaming_table": ('(["', '"])'),
    "temporary_view": ('{{"', '"}}'),
    EXTERNAL: ('[("', '")]'),
}
_MERMAID_TABLE = ('["', '"]')
_DOT_SHAPES = {
    "streaming_table": "shape=box, style=rounded",
    "temporary_view": "shape=hexagon",
    EXTERNAL: "shape=cylinder",
}
_DOT_TABLE = "shape=box"


@dataclass(frozen=True, slots=True)
class LineageNode:
    """A dataset, or something outside the pipeline.

    Attributes:
        name: its name; for something outside, possibly a path.
        kind: streaming_table, materialized_view, temporary_view or external.
        rules: how many expectations it has.
    """

    name: str
    kind: str
    rules: int = 0


@dataclass(frozen=True, slots=True)
class LineageGraph:
    """Who reads whom.

    Attributes:
        nodes: each after what it reads.
        edges: (what is read, what reads it), each once.
    """

    nodes: tuple[LineageNode, ...]
    edges: tuple[tuple[str, str], ...]


def lineage_graph(
    nodes: Iterable[tuple[str, str, int]], edges: Iterable[tuple[str, str]]
) -> LineageGraph:
    """Return the graph of plain tuples.

    Args:
        nodes: name, kind and number of expectations of each dataset, in any order.
        edges: (what is read, what reads it); a name that no node has is external.

    Returns:
        The graph, its nodes in an order in which each comes after what it reads.
    """
    distinct = tuple(dict.fromkeys(edges))
    known = {name: LineageNode(name, kind, rules) for name, kind, rules in nodes}
    outside = (name for edge in distinct for name in edge if name not in known)
    every = {name: LineageNode(name, EXTERNAL) for name in outside} | known
    ordered = _in_reading_order(tuple(every), _inputs(distinct))
    return LineageGraph(tuple(every[name] for name in ordered), distinct)


def as_text(graph: LineageGraph, verb: str = "reads") -> str:
    """Return one line a node, aligned: its name, its kind, its expectations, what it reads.

    Args:
        graph: the graph.
        verb: the word before what a node reads.
    """
    inputs = _inputs(graph.edges)
    rows = [
        (
            _visible(node.name),
            node.kind.replace("_", " "),
            _expectations(node),
            ", ".join(_visible(name) for name in inputs.get(node.name, ())),
        )
        for node in graph.nodes
    ]
    widths = [max((len(row[place]) for row in rows), default=0) for place in range(3)]
    return "\n".join(_line(row, widths, verb) for row in rows)


def as_mermaid(graph: LineageGraph) -> str:
    """Return a Mermaid flowchart."""
    ids = _ids(graph)
    lines = ["flowchart LR"]
    for node in graph.nodes:
        left, right = _MERMAID_SHAPES.get(node.kind, _MERMAID_TABLE)
        label = "<br/>".join(_mermaid_text(part) for part in _label(node))
        lines.append(f"  {ids[node.name]}{left}{label}{right}")
    lines += [f"  {ids[read]} --> {ids[reader]}" for read, reader in graph.edges]
    return "\n".join(lines)


def as_dot(graph: LineageGraph) -> str:
    """Return a digraph for Graphviz."""
    ids = _ids(graph)
    lines = ["digraph lineage {", "  rankdir=LR;"]
    for node in graph.nodes:
        label = r"\n".join(_dot_text(part) for part in _label(node))
        shape = _DOT_SHAPES.get(node.kind, _DOT_TABLE)
        lines.append(f'  {ids[node.name]} [label="{label}", {shape}];')
    lines += [f"  {ids[read]} -> {ids[reader]};" for read, reader in graph.edges]
    return "\n".join([*lines, "}"])


def as_json(graph: LineageGraph) -> dict[str, Any]:
    """Return the graph as plain dictionaries, lists and values."""
    return {
        "nodes": [
            {"name": node.name, "kind": node.kind, "rules": node.rules} for node in graph.nodes
        ],
        "edges": [{"from": read, "to": reader} for read, reader in graph.edges],
    }


def _inputs(edges: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    inputs: dict[str, list[str]] = {}
    for read, reader in edges:
        inputs.setdefault(reader, []).append(read)
    return inputs


def _in_reading_order(names: Sequence[str], inputs: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return names by depth, as given within a depth; a graph with a circle stays as given."""
    places = {name: place for place, name in enumerate(names)}
    sorter = TopologicalSorter({name: inputs.get(name, ()) for name in names})
    ordered: list[str] = []
    try:
        sorter.prepare()
    except CycleError:
        return tuple(names)
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=places.__getitem__)
        ordered += ready
        sorter.done(*ready)
    return tuple(ordered)


def _ids(graph: LineageGraph) -> dict[str, str]:
    """Return a name that no form needs to escape for each node."""
    return {node.name: f"n{place}" for place, node in enumerate(graph.nodes)}


def _label(node: LineageNode) -> list[str]:
    parts = [node.name, node.kind.replace("_", " "), _expectations(node)]
    return [part for part in parts if part]


def _expectations(node: LineageNode) -> str:
    if not node.rules:
        return ""
    return f"{node.rules} expectation" + ("s" if node.rules > 1 else "")


def _line(row: tuple[str, str, str, str], widths: Sequence[int], verb: str) -> str:
    reads = f"{verb} {row[3]}" if row[3] else ""
    cells = [row[place].ljust(width) for place, width in enumerate(widths) if width]
    return "  ".join([*cells, reads]).rstrip()


def _visible(text: str) -> str:
    """Return text with control, bidirectional and other unprintable characters spelled out."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def _mermaid_text(text: str) -> str:
    """Return text as Mermaid's entity codes wherever it might be markup, Markdown or HTML."""
    return "".join(
        each if each.isalnum() or each in " _./:-" else f"#{ord(each)};" for each in _visible(text)
    )


def _dot_text(text: str) -> str:
    """Return text for a quoted label, where Graphviz reads back slashes and HTML entities."""
    escaped = _visible(text).replace("\\", "\\\\").replace('"', '\\"')
    return escaped.replace("&", "&amp;")
