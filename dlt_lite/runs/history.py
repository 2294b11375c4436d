"""All runs of a state root: listed, looked up, and those whose events still have to be recorded.

Run folders in, facts out; writes nothing. A folder that cannot be read is shown as UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path

from dlt_lite.errors import UnknownRun
from dlt_lite.runs.folder import (
    RunFacts,
    RunKind,
    RunState,
    has_signed,
    judged_facts,
    runs_of,
)

_ENDED = {RunState.COMPLETED, RunState.FAILED, RunState.CANCELED, RunState.ABANDONED}
_LONGEST_SHOWN = 60
_SUGGESTIONS = 3


def list_runs(
    state_root: Path,
    *,
    target: str | None = None,
    pipeline: str | None = None,
    kind: RunKind | None = RunKind.PIPELINE,
) -> tuple[RunFacts, ...]:
    """Return the runs, newest first.

    Args:
        state_root: the folder on the driver's disk that holds runs and locks.
        target: only those of this target.
        pipeline: only those of this pipeline, or job.
        kind: those of pipelines, those of jobs, or (None) both.

    Returns:
        What each run's folder says; a run that was killed is ABANDONED.

    Raises:
        StateTooNew: a newer dlt_lite wrote one of them.
    """
    found = matching_runs(state_root, target=target, pipeline=pipeline, kind=kind)
    return tuple(found)


def matching_runs(
    state_root: Path,
    *,
    target: str | None,
    pipeline: str | None,
    kind: RunKind | None = RunKind.PIPELINE,
) -> Iterator[RunFacts]:
    """Yield the runs, newest first, each read only when asked for."""
    for path in _folders(state_root):
        facts = judged_facts(path)
        folder = facts.folder
        fits = target in {None, folder.target} and pipeline in {None, folder.pipeline}
        if fits and kind in {None, folder.kind}:
            yield facts


def run_facts(state_root: Path, update_id: str) -> RunFacts:
    """Return what the folder of one run says.

    Args:
        state_root: the folder on the driver's disk that holds runs and locks.
        update_id: the run's id, or the beginning of it where no other begins so.

    Returns:
        The facts; a run that was killed is ABANDONED.

    Raises:
        UnknownRun: no run, or more than one, begins so.
        StateTooNew: a newer dlt_lite wrote it.
    """
    folders = {path.name: path for path in _folders(state_root)}
    found = [name for name in folders if update_id and name.startswith(update_id)]
    if update_id in folders:
        found = [update_id]
    if len(found) != 1:
        raise _unknown(update_id, found, list(folders))
    return judged_facts(folders[found[0]])


def queued_runs(
    state_root: Path, *, target: str, pipeline: str, since: datetime
) -> tuple[RunFacts, ...]:
    """Return the runs that wait in the queue of a job, the one that came first first.

    Args:
        state_root: the folder on the driver's disk that holds runs and locks.
        target: the target's name.
        pipeline: the job's name.
        since: those only that have given a sign of life since then.

    Raises:
        StateTooNew: a newer dlt_lite wrote one of them.
    """
    found = (judged_facts(path) for path in _folders(state_root) if has_signed(path, since))
    waiting = [
        facts
        for facts in found
        if facts.state is RunState.QUEUED
        and facts.folder.kind is RunKind.JOB
        and (facts.folder.target, facts.folder.pipeline) == (target, pipeline)
    ]
    return tuple(sorted(waiting, key=came_in_turn))


def came_in_turn(facts: RunFacts) -> tuple[str, str]:
    """Return by what runs in a queue are ordered: when they came."""
    return facts.started or "", facts.folder.update_id


def unrecorded(state_root: Path, *, target: str, pipeline: str) -> tuple[RunFacts, ...]:
    """Return the runs of a pipeline that ended before their events were recorded, oldest first.

    Raises:
        StateTooNew: a newer dlt_lite wrote one of the pipeline's runs.
    """
    found = matching_runs(state_root, target=target, pipeline=pipeline)
    ended = [each for each in found if each.state in _ENDED and not each.events_recorded]
    return tuple(reversed(ended))


def _folders(state_root: Path) -> list[Path]:
    """Return the run folders, newest first; one that begins with a dot is not born yet."""
    try:
        found = [path for path in runs_of(state_root).iterdir() if not path.name.startswith(".")]
    except OSError:
        return []
    return sorted((path for path in found if path.is_dir()), reverse=True)


def _unknown(update_id: str, found: Sequence[str], names: Sequence[str]) -> UnknownRun:
    asked = repr(update_id[:_LONGEST_SHOWN])
    if found:
        listed = ", ".join(found[:_SUGGESTIONS])
        more = "" if len(found) <= _SUGGESTIONS else f" and {len(found) - _SUGGESTIONS} more"
        fix = f"write more of it: {listed}{more}"
        return UnknownRun(f"{len(found)} runs begin with {asked}", fix=fix)
    close = get_close_matches(update_id[:_LONGEST_SHOWN], names, n=_SUGGESTIONS)
    if close:
        fix = f"did you mean {' or '.join(close)}?"
    elif names:
        fix = f"the newest are {', '.join(names[:_SUGGESTIONS])}"
    else:
        fix = "there are no runs yet"
    return UnknownRun(f"no run is called {asked}", fix=fix)
