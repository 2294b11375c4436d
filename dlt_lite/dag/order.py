"""Questions to any dependency graph: what lies above and below, and in which order."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
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


def _reached(edges: Mapping[N, Sequence[N]], start: set[N]) -> set[N]:
    seen: set[N] = set()
    waiting = list(start)
    while waiting:
        for each in edges.get(waiting.pop(), ()):
            if each not in seen:
                seen.add(each)
                waiting.append(each)
    return seen - start
