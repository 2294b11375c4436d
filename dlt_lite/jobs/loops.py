"""A for_each task: one list in, one end out; its iterations are tried by themselves.

An iteration that failed does not stop the others. A repair repeats those iterations only that did
not succeed, as long as their input is the same and nothing that the loop waits for has run again.
Of the values that iterations set, the loop has lists, in their order. A list that is too long to be
handed over is left out, which only those are told who ask for it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from dlt_lite.dag.walker import Done, Skipped, Walk
from dlt_lite.dag.walker import Failed as Raised
from dlt_lite.errors import BadInputs, InternalProblem, TaskFailed
from dlt_lite.jobs.attempts import TaskEnd, failed_end, stopped_end
from dlt_lite.jobs.calls import Stop
from dlt_lite.jobs.filling import Rendered
from dlt_lite.jobs.history import IterationRun
from dlt_lite.model.jobs import MOST_INPUTS, Task
from dlt_lite.model.outcomes import ResultState
from dlt_lite.model.task_values import LARGEST_VALUE, Json, size_of, value_text

_LONGEST_KEY = 60
Outcome = Done[TaskEnd] | Raised | Skipped[object]


@dataclass(frozen=True, slots=True)
class Loop:
    """What is needed to run the iterations of a for_each task.

    Attributes:
        run_id: the run.
        task: the for_each task.
        items: what is iterated over.
        concurrency: how many iterations run at once.
        stop: asks the whole loop to end.
        halted: is set where the run must not go on.
        kept: iterations of an earlier attempt of the run that need not be repeated.
        attempt: tries an iteration: its number, its input, and how often it was begun before.
        ended: told of each iteration that ended; of one that was not begun, nobody is told.
    """

    run_id: str
    task: Task
    items: tuple[Json, ...]
    concurrency: int
    stop: Stop
    halted: threading.Event
    kept: Mapping[int, IterationRun]
    attempt: Callable[[int, Json, int], TaskEnd]
    ended: Callable[[int, Json, TaskEnd], None]


@dataclass(frozen=True, slots=True)
class Gathered:
    """What the iterations of a for_each task have set.

    Attributes:
        values: for each key a list in their order, None for an iteration that has set nothing.
        too_long: the keys whose list is too long to be read, and why.
    """

    values: Mapping[str, Json]
    too_long: Mapping[str, str]


def items_of(inputs: Rendered, task: Task) -> tuple[Json, ...]:
    """Return what a for_each task iterates over.

    Raises:
        BadInputs: no JSON array, or too long a one.
    """
    what, fix = f"the inputs of for_each task {task.key!r}", "give a JSON array, such as [1, 2]"
    text = inputs.shown
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"{what} are no JSON: {text[:60]!r}"
        raise BadInputs(message, origin=task.origin, fix=fix) from error
    if not isinstance(found, list):
        raise BadInputs(f"{what} are no list: {text[:60]!r}", origin=task.origin, fix=fix)
    if len(found) > MOST_INPUTS:
        message = f"{what} are {len(found):,}; the most is {MOST_INPUTS:,}"
        raise BadInputs(message, origin=task.origin, fix="let one item stand for several")
    return tuple(found)


def looped(loop: Loop, number: int) -> TaskEnd:
    """Run all iterations of a for_each task.

    Args:
        loop: the loop.
        number: the number of the attempt of the for_each task.
    """
    ends: dict[int, TaskEnd] = {}
    # So that thousands which are not begun are left out in one go.
    over = threading.Event()

    def iterate(at: int) -> TaskEnd:
        kept = loop.kept.get(at)
        if kept is not None and _is_done(kept, loop.items[at]):
            return TaskEnd(ResultState.SUCCESS, attempt=kept.attempts, values=kept.values)
        if is_over():
            return stopped_end(loop.stop, loop.task, 0)
        return loop.attempt(at, loop.items[at], 0 if kept is None else kept.attempts)

    def is_over() -> bool:
        if loop.halted.is_set() or loop.stop.reason is not None:
            over.set()
        return over.is_set()

    def settled(at: int, outcome: Done[TaskEnd] | Raised | Skipped[int]) -> None:
        is_over()
        ends[at] = end_of(outcome, loop.task)
        if ends[at].attempt or isinstance(outcome, Raised):
            loop.ended(at, loop.items[at], ends[at])

    places: Mapping[int, Sequence[int]] = dict.fromkeys(range(len(loop.items)), ())
    walk: Walk[int, TaskEnd] = Walk(places, iterate, settled=settled)
    walk.run(at_once=loop.concurrency, stop=over)
    gathered = gathered_values(loop.task, [ends[at].values for at in sorted(ends)])
    end = _without_values(loop, ends, number)
    return replace(end, values=gathered.values, too_long=gathered.too_long)


def gathered_values(task: Task, values: Sequence[Mapping[str, Json]]) -> Gathered:
    """Return what the iterations of a for_each task have set, for those who come after it.

    Args:
        task: the for_each task.
        values: what each iteration has set, in their order.
    """
    lists: dict[str, Json] = {}
    too_long: dict[str, str] = {}
    for key in {key: None for each in values for key in each}:
        found = [each.get(key) for each in values]
        # As one JSON text: two bytes around it, and two between any two.
        size = sum(size_of(each) + 2 for each in found)
        if size > LARGEST_VALUE:
            who = f"the {len(found):,} iterations of for_each task {task.key!r} ({task.origin})"
            told = f"have set {key[:_LONGEST_KEY]!r} to {size:,} bytes in all"
            too_long[key] = f"{who} {told}; the most that can be read is {LARGEST_VALUE:,}"
        else:
            lists[key] = found
    return Gathered(lists, too_long)


def end_of(outcome: Done[TaskEnd] | Raised | Skipped[int] | Skipped[str], task: Task) -> TaskEnd:
    """Return how a task ended, by what the walk says: whatever raised is a fault of ours."""
    match outcome:
        case Done():
            return outcome.value
        case Skipped():
            return TaskEnd(ResultState.CANCELED)
        case Raised():
            kind = type(outcome.error).__name__
            what = f"running task {task.key!r} raised {kind}: {outcome.error}"
            return failed_end(InternalProblem(what, origin=task.origin), 0)


def _is_done(kept: IterationRun, item: Json) -> bool:
    return kept.result is ResultState.SUCCESS and kept.input == value_text(item)


def _without_values(loop: Loop, ends: Mapping[int, TaskEnd], number: int) -> TaskEnd:
    bad = {at: end for at, end in ends.items() if not end.result.is_success}
    if not bad:
        return TaskEnd(ResultState.SUCCESS, attempt=number, is_empty_loop=not loop.items)
    if loop.stop.reason is not None:
        return stopped_end(loop.stop, loop.task, number)
    first = min(bad)
    given = value_text(loop.items[first])[:60]
    what = f"{len(bad)} of {len(ends)} iterations of {loop.task.key!r} did not succeed"
    cause = (bad[first].error or bad[first].result).splitlines()[0]
    log = f"python -m dlt_lite runs logs {loop.run_id} --task {loop.task.key} --iteration {first}"
    error = TaskFailed(
        f"{what}; the first is number {first} ({given}): {cause}",
        origin=loop.task.origin,
        fix=f"read its log: {log}; a repair runs only those that did not succeed",
    )
    return failed_end(error, number)
