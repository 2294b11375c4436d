"""Questions to any dependency graph: what lies above and below, and in which order."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import TypeVar

N = TypeVar("N", bound=Hashable)
Inputs = Mapping[N, Sequence[N]]


def upstream(inputs: Inputs[N], nodes: Iterable[N]) -> set[N]:
    """Return all that nodes read, directly or through others, without the nodes themselves."""
    return _reached(inputs, set(nodes))


def downstream(inputs: Inputs[N], nodes: Iterable[N]) -> set[N]:
    """Return all that reads nodes, directly or through others, without the nodes themselves."""
    return _reached(reversed_graph(inputs), set(nodes))


def reversed_graph(inputs: Inputs[N]) -> dict[N, list[N]]:
    """Return the graph with every edge turned round."""
    readers: dict[N, list[N]] = {node: [] for node in inputs}
    for node, read in inputs.items():
        for each in read:
            readers.setdefault(each, []).append(node)
    return readers


def in_order(inputs: Inputs[N]) -> tuple[N, ...]:
    """Return the nodes, each after what it reads.

    Raises:
        ValueError: nodes read each other in a circle.
    """
    return tuple(TopologicalSorter(inputs).static_order())


def circle(inputs: Inputs[N]) -> tuple[N, ...]:
    """Return nodes that read each other in a circle, none where no node does.

    Each is read by the one after it, and the first is also the last.
    """
    try:
        TopologicalSorter(inputs).prepare()
    except CycleError as error:
        return tuple(error.args[1])
    return ()


def _reached(edges: Mapping[N, Sequence[N]], start: set[N]) -> set[N]:
    seen: set[N] = set()
    waiting = list(start)
    while waiting:
        for each in edges.get(waiting.pop(), ()):
            if each not in seen:
                seen.add(each)
                waiting.append(each)
    return seen - start
