"""A graph → where its nodes stand and how its edges run, from left to right in layers.

Names, edges and sizes in, coordinates out; the same input always gives the same picture. The steps
are Sugiyama's: break circles, layer by longest path, order by barycentres, straighten.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

_SWEEPS = 24
_SWEEPS_OF_MANY = 6
_MANY = 3000
_STRAIGHTENINGS = 10


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large things are drawn.

    Attributes:
        width: of a node.
        height: of a node.
        across: the gap between two layers.
        down: the gap between two nodes of a layer.
    """

    width: float = 200.0
    height: float = 52.0
    across: float = 64.0
    down: float = 18.0


@dataclass(frozen=True, slots=True)
class Layout:
    """A drawn graph.

    Attributes:
        nodes: each node's left upper corner.
        edges: the points through which each edge runs, from the right side of the one node to the
            left side of the other.
        width: of the whole.
        height: of the whole.
    """

    nodes: Mapping[str, tuple[float, float]]
    edges: Mapping[tuple[str, str], tuple[tuple[float, float], ...]]
    width: float
    height: float


# A node, or the place where a long edge passes a layer: (from, to, layer).
_Item = str | tuple[str, str, int]
_Links = dict[_Item, list[_Item]]


def layered(
    names: Sequence[str], edges: Iterable[tuple[str, str]], sizes: Sizes | None = None
) -> Layout:
    """Return where nodes stand and how edges run.

    Args:
        names: the nodes.
        edges: (left, right) pairs of names; where they make a circle one of them runs back.
        sizes: how large things are drawn.
    """
    measure = sizes or Sizes()
    known = dict.fromkeys(names)
    pairs = [(a, b) for a, b in dict.fromkeys(edges) if a in known and b in known and a != b]
    closing = _closing(tuple(known), pairs)
    forward = list(dict.fromkeys((b, a) if (a, b) in closing else (a, b) for a, b in pairs))
    ranks = _ranks(tuple(known), forward)
    layers, after = _with_passages(ranks, forward)
    before = _turned(after)
    layers = _ordered(layers, before, after)
    middles = _straightened(layers, before, after, measure)
    drawn = _drawn(layers, middles, forward, measure)
    lines = {each: drawn.edges.get(each) or drawn.edges[each[::-1]][::-1] for each in pairs}
    return replace(drawn, edges=lines)


def _closing(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the edges that close a circle."""
    readers: dict[str, list[str]] = {name: [] for name in names}
    for left, right in edges:
        readers[left].append(right)
    closing: set[tuple[str, str]] = set()
    done: set[str] = set()
    for start in names:
        if start in done:
            continue
        path, open_now = [(start, iter(readers[start]))], {start}
        while path:
            name, rest = path[-1]
            follower = next(rest, None)
            if follower is None:
                path.pop()
                open_now.discard(name)
                done.add(name)
            elif follower in open_now:
                closing.add((name, follower))
            elif follower not in done:
                open_now.add(follower)
                path.append((follower, iter(readers[follower])))
    return closing


def _ranks(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Return each node's layer: one after the last that it reads; a source just before a reader."""
    inputs: dict[str, int] = dict.fromkeys(names, 0)
    readers: dict[str, list[str]] = {name: [] for name in names}
    for left, right in edges:
        inputs[right] += 1
        readers[left].append(right)
    sources = [name for name in names if not inputs[name]]
    ranks, ready = dict.fromkeys(names, 0), list(sources)
    for name in ready:
        for reader in readers[name]:
            ranks[reader] = max(ranks[reader], ranks[name] + 1)
            inputs[reader] -= 1
            if not inputs[reader]:
                ready.append(reader)
    for name in sources:
        if readers[name]:
            ranks[name] = min(ranks[reader] for reader in readers[name]) - 1
    return ranks


def _with_passages(
    ranks: Mapping[str, int], edges: Sequence[tuple[str, str]]
) -> tuple[list[list[_Item]], _Links]:
    layers: list[list[_Item]] = [[] for _ in range(max(ranks.values(), default=-1) + 1)]
    after: _Links = {}
    for name, rank in ranks.items():
        layers[rank].append(name)
        after[name] = []
    for left, right in edges:
        chain: list[_Item] = [left]
        for rank in range(ranks[left] + 1, ranks[right]):
            passage = (left, right, rank)
            layers[rank].append(passage)
            after[passage] = []
            chain.append(passage)
        for one, other in pairwise([*chain, right]):
            after[one].append(other)
    return layers, after


def _turned(after: _Links) -> _Links:
    before: _Links = {item: [] for item in after}
    for item, followers in after.items():
        for follower in followers:
            before[follower].append(item)
    return before


def _ordered(layers: list[list[_Item]], before: _Links, after: _Links) -> list[list[_Item]]:
    """Return the layers in an order with few crossings: the best that the sweeps came by."""
    best, fewest = layers, _crossings(layers, after)
    now = layers
    sweeps = _SWEEPS if len(after) < _MANY else _SWEEPS_OF_MANY
    for turn in range(sweeps):
        if not fewest:
            break
        now = _swept(now, after if turn % 2 else before, backwards=bool(turn % 2))
        crossings = _crossings(now, after)
        if crossings < fewest:
            best, fewest = now, crossings
    return best


def _swept(layers: list[list[_Item]], links: _Links, *, backwards: bool) -> list[list[_Item]]:
    swept = [list(layer) for layer in layers]
    order = range(len(layers) - 2, -1, -1) if backwards else range(1, len(layers))
    for rank in order:
        beside = swept[rank + 1 if backwards else rank - 1]
        places = {item: place for place, item in enumerate(beside)}
        weights = {
            item: _mean([places[each] for each in links[item] if each in places], place)
            for place, item in enumerate(swept[rank])
        }
        swept[rank].sort(key=weights.__getitem__)
    return swept


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _crossings(layers: Sequence[Sequence[_Item]], after: _Links) -> int:
    found = 0
    for left, right in pairwise(layers):
        places = {item: place for place, item in enumerate(right)}
        seen: list[int] = []
        for item in left:
            ends = [places[each] for each in after[item]]
            found += sum(len(seen) - bisect_left(seen, end + 1) for end in ends)
            for end in ends:
                insort(seen, end)
    return found


def _straightened(
    layers: Sequence[Sequence[_Item]], before: _Links, after: _Links, sizes: Sizes
) -> dict[_Item, float]:
    """Return each item's middle: near those of its neighbours, and apart from those beside it."""
    middles: dict[_Item, float] = {}
    for layer in layers:
        middles |= zip(layer, _apart([0.0] * len(layer), layer, sizes), strict=True)
    for turn in range(_STRAIGHTENINGS):
        links = (before, after)[turn % 2]
        for layer in layers if turn % 2 == 0 else reversed(layers):
            wished = [_mean([middles[each] for each in links[i]], middles[i]) for i in layer]
            middles |= zip(layer, _apart(wished, layer, sizes), strict=True)
    return middles


def _apart(wished: Sequence[float], layer: Sequence[_Item], sizes: Sizes) -> list[float]:
    """Return places in the same order, far enough apart, as near to the wishes as can be.

    With the needed distances taken away the places must only rise: neighbours that would fall are
    put together at their mean, which is the least squares answer.
    """
    offsets = [0.0]
    for one, other in pairwise(layer):
        offsets.append(offsets[-1] + (_tall(one, sizes) + _tall(other, sizes)) / 2 + sizes.down)
    groups: list[tuple[float, int]] = []
    for wish, offset in zip(wished, offsets, strict=False):
        total, count = wish - offset, 1
        while groups and groups[-1][0] / groups[-1][1] >= total / count:
            more, others = groups.pop()
            total, count = total + more, count + others
        groups.append((total, count))
    levels = [total / count for total, count in groups for _ in range(count)]
    return [level + offset for level, offset in zip(levels, offsets, strict=False)]


def _tall(item: _Item, sizes: Sizes) -> float:
    return sizes.height if isinstance(item, str) else sizes.down / 2


def _drawn(
    layers: Sequence[Sequence[_Item]],
    middles: Mapping[_Item, float],
    edges: Sequence[tuple[str, str]],
    sizes: Sizes,
) -> Layout:
    top = min((middles[i] - _tall(i, sizes) / 2 for i in middles), default=0.0)
    bottom = max((middles[i] + _tall(i, sizes) / 2 for i in middles), default=0.0)
    step = sizes.width + sizes.across
    lefts = {item: rank * step for rank, layer in enumerate(layers) for item in layer}
    nodes = {
        item: (lefts[item], round(middles[item] - top - sizes.height / 2, 1))
        for item in middles
        if isinstance(item, str)
    }
    ranks = {item: rank for rank, layer in enumerate(layers) for item in layer}
    lines = {}
    for left, right in edges:
        points = [(lefts[left] + sizes.width, middles[left] - top)]
        for rank in range(ranks[left] + 1, ranks[right]):
            passage = (left, right, rank)
            level = middles[passage] - top
            points += [(lefts[passage], level), (lefts[passage] + sizes.width, level)]
        points.append((lefts[right], middles[right] - top))
        lines[left, right] = tuple((x, round(y, 1)) for x, y in points)
    width = len(layers) * step - sizes.across if layers else 0.0
    # Rounded as the nodes are, the lowest may stand a little lower than it was meant to.
    height = max((bottom - top, *(y + sizes.height for _, y in nodes.values())))
    return Layout(nodes, lines, width, round(height, 1))
