"""A lineage graph, and the quality of its datasets where it is known → shapes of an SVG drawing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from dlt_lite.report.layered import Layout, Sizes, layered
from dlt_lite.report.lineage import LineageGraph

MOST_NODES = 1500
_SIZES = Sizes(width=196, height=54, across=42, down=16)
_MARGIN = 6
_LONGEST_NAME = 20
_KEPT_END = 8


@dataclass(frozen=True, slots=True)
class Box:
    """A node as it is drawn.

    Attributes:
        name: its whole name.
        shown: as much of it as fits.
        kind: streaming_table, materialized_view, temporary_view or external.
        note: a second line.
        look: of the worst of its rules; empty where nothing is known.
        href: where a click leads to; empty for nowhere.
        x: of its left upper corner.
        y: of its left upper corner.
        place: its number.
    """

    name: str
    shown: str
    kind: str
    note: str
    look: str
    href: str
    x: float
    y: float
    place: int


@dataclass(frozen=True, slots=True)
class Line:
    """An edge as it is drawn, between the boxes of two numbers."""

    path: str
    left: int
    right: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing; without boxes where there are too many of them to be looked at."""

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    width: float
    height: float
    box_width: float = _SIZES.width


@dataclass(frozen=True, slots=True)
class Looks:
    """What a drawing says of a node besides its name."""

    note: str = ""
    look: str = ""
    href: str = ""


def picture(graph: LineageGraph, looks: Mapping[str, Looks]) -> Picture:
    """Return the drawing of a graph.

    Args:
        graph: the graph.
        looks: by name, what is said of a node.
    """
    if len(graph.nodes) > MOST_NODES:
        return Picture((), (), 0, 0)
    names = [node.name for node in graph.nodes]
    layout = layered(names, graph.edges, _SIZES)
    numbers = {name: number for number, name in enumerate(names)}
    boxes = tuple(
        _box(node.name, node.kind, looks.get(node.name, Looks()), layout, numbers)
        for node in graph.nodes
    )
    lines = tuple(
        Line(_path(points), numbers[left], numbers[right])
        for (left, right), points in layout.edges.items()
    )
    edge = 2 * _MARGIN
    return Picture(boxes, lines, layout.width + edge, layout.height + edge)


def _box(name: str, kind: str, look: Looks, layout: Layout, numbers: Mapping[str, int]) -> Box:
    x, y = layout.nodes[name]
    return Box(
        name=name,
        shown=_fitting(name),
        kind=kind,
        note=look.note,
        look=look.look,
        href=look.href,
        x=x + _MARGIN,
        y=round(y + _MARGIN, 1),
        place=numbers[name],
    )


def _fitting(name: str) -> str:
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{name[: _LONGEST_NAME - _KEPT_END - 1]}…{name[-_KEPT_END:]}"


def _path(points: tuple[tuple[float, float], ...]) -> str:
    moved = [(x + _MARGIN, y + _MARGIN) for x, y in points]
    told = [f"M{moved[0][0]:g} {moved[0][1]:g}"]
    for (x1, y1), (x2, y2) in pairwise(moved):
        middle = (x1 + x2) / 2
        bend = f"C{middle:g} {y1:g} {middle:g} {y2:g} {x2:g} {y2:g}"
        told.append(f"H{x2:g}" if y1 == y2 else bend)
    return "".join(told)
