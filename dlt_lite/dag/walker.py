"""Climb a dependency graph: several nodes at once, each after its inputs, each settled once.

Whatever a node raises is its outcome. What lies below a node that did not succeed is skipped; where
a walk goes on below failures, it is begun all the same, and the work itself decides.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Generic, TypeVar

from dlt_lite.dag.order import reversed_graph

N = TypeVar("N", bound=Hashable)
R = TypeVar("R")
_PATIENCE = 0.2


@dataclass(frozen=True, slots=True)
class Done(Generic[R]):
    """A node that succeeded, with what it returned."""

    value: R


@dataclass(frozen=True, slots=True)
class Failed:
    """A node that raised."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class Skipped(Generic[N]):
    """A node that was not begun: `because` failed, or the walk was stopped (None)."""

    because: N | None


class Walk(Generic[N, R]):
    """One climb of one graph."""

    def __init__(
        self,
        inputs: Mapping[N, Sequence[N]],
        work: Callable[[N], R],
        *,
        settled: Callable[[N, Done[R] | Failed | Skipped[N]], None],
        goes_on_below_failures: bool = False,
    ) -> None:
        unknown = [each for read in inputs.values() for each in read if each not in inputs]
        if unknown:
            message = f"{unknown[0]} is read, but is no node of the graph"
            raise ValueError(message)
        distinct = {node: list(dict.fromkeys(read)) for node, read in inputs.items()}
        self._readers = reversed_graph(distinct)
        self._places = {node: place for place, node in enumerate(inputs)}
        self._nodes = list(inputs)
        self._unsettled = {node: len(read) for node, read in distinct.items()}
        # A heap of places, so that of several that may begin the one that was given first does.
        self._ready = [place for node, place in self._places.items() if not distinct[node]]
        self._work = work
        self._settled = settled
        self._goes_on = goes_on_below_failures
        self._running: dict[Future[R], N] = {}
        self.outcomes: dict[N, Done[R] | Failed | Skipped[N]] = {}

    def run(self, *, at_once: int, stop: threading.Event) -> None:
        """Do the work of every node.

        Args:
            at_once: how many nodes are worked on at the same time, each in a thread.
            stop: once set, nothing more is begun.

        Raises:
            ValueError: nodes read each other in a circle; what does not is settled.
        """
        with ThreadPoolExecutor(at_once, thread_name_prefix="flow") as pool:
            while self._ready or self._running:
                self._begin(pool, at_once, stop)
                # Not without end, so that a stop is seen while everything runs.
                finished, _ = wait(self._running, _PATIENCE, return_when=FIRST_COMPLETED)
                for future in finished:
                    self._settle(self._running.pop(future), _outcome(future))
        if len(self.outcomes) < len(self._nodes):
            left = next(node for node in self._nodes if node not in self.outcomes)
            message = f"{left} reads itself, or what does"
            raise ValueError(message)

    def _begin(self, pool: ThreadPoolExecutor, at_once: int, stop: threading.Event) -> None:
        while self._ready and (stop.is_set() or len(self._running) < at_once):
            node = self._nodes[heappop(self._ready)]
            if stop.is_set():
                self._settle(node, Skipped(None))
            else:
                self._running[pool.submit(self._work, node)] = node

    def _settle(self, node: N, outcome: Done[R] | Failed | Skipped[N]) -> None:
        """Settle a node and, where it did not succeed, all that lies below it."""
        waiting = deque([(node, outcome)])
        while waiting:
            each, what = waiting.popleft()
            if each in self.outcomes:
                continue
            self.outcomes[each] = what
            self._settled(each, what)
            for reader in self._readers[each]:
                if self._goes_on or isinstance(what, Done):
                    self._one_input_less(reader)
                else:
                    because = what.because if isinstance(what, Skipped) else each
                    waiting.append((reader, Skipped(because)))

    def _one_input_less(self, node: N) -> None:
        self._unsettled[node] -= 1
        if not self._unsettled[node]:
            heappush(self._ready, self._places[node])


def _outcome(future: Future[R]) -> Done[R] | Failed:
    error = future.exception()
    return Done(future.result()) if error is None else Failed(error)
