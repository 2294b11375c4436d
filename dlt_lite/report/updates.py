"""Which update is meant, and what its rules and those of the updates before it decided.

A project's settings and a person's words in, results out; reads run folders, writes nothing.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dlt_lite.errors import BadSelection, NothingRecorded, UnknownRun
from dlt_lite.model.gates import Gate, GateResult
from dlt_lite.model.results import UpdateQuality
from dlt_lite.model.settings import ProjectSettings
from dlt_lite.project.loading import pipeline_of
from dlt_lite.project.suggestions import did_you_mean, shown
from dlt_lite.report.comparison import (
    Comparison,
    RuleHistory,
    compare,
    previous_of,
    rule_histories,
)
from dlt_lite.report.gate import judge_gate
from dlt_lite.report.quality import past_quality, quality_of
from dlt_lite.runs.folder import RunFacts, RunKind
from dlt_lite.runs.history import list_runs, run_facts
from dlt_lite.runs.quality import kept_results

LATEST = "latest"


@dataclass(frozen=True, slots=True)
class Past:
    """The update that is meant, and those before it.

    Attributes:
        updates: results, newest first; the first are those of the update that is meant. Those
            before it come without the rows that rules show.
        gate: whether it meets the gate of its pipeline.
    """

    updates: tuple[UpdateQuality, ...]
    gate: GateResult

    @property
    def update(self) -> UpdateQuality:
        """The update that is meant."""
        return self.updates[0]


def state_roots(settings: ProjectSettings) -> tuple[Path, ...]:
    """Return the state roots; a pipeline may have one of its own."""
    own = (pipeline.state_root for pipeline in settings.pipelines.values())
    return tuple(dict.fromkeys((settings.state_root, *own)))


def past_runs(
    settings: ProjectSettings,
    pipeline: str | None = None,
    kind: RunKind | None = RunKind.PIPELINE,
) -> tuple[RunFacts, ...]:
    """Return the runs of the chosen target, newest first.

    Args:
        settings: the project.
        pipeline: only those of this pipeline, or job.
        kind: those of pipelines, those of jobs, or (None) both.
    """
    found = [
        facts
        for root in state_roots(settings)
        for facts in list_runs(root, target=settings.target, pipeline=pipeline, kind=kind)
    ]
    return tuple(sorted(found, key=lambda facts: facts.folder.update_id, reverse=True))


def run_of(settings: ProjectSettings, update_id: str) -> RunFacts:
    """Return the run of an id, or of the beginning of one.

    Raises:
        UnknownRun: there is none, or more than one.
    """
    roots = state_roots(settings)
    for root in roots[1:]:
        try:
            return run_facts(root, update_id)
        except UnknownRun:
            continue
    return run_facts(roots[0], update_id)


def past_of(
    settings: ProjectSettings,
    pipeline: str | None = None,
    *,
    update: str = LATEST,
    history: Path | None = None,
) -> Past:
    """Return the results of an update and of those before it.

    Args:
        settings: the project.
        pipeline: the pipeline's name; that of the update by default.
        update: its id, the beginning of it, or `latest`.
        history: a folder kept between runs, whose updates are added.

    Raises:
        UnknownPipeline: the project has none of that name.
        UnknownRun: there is no such update, or it is another pipeline's.
        NothingRecorded: there has been no update.
    """
    if pipeline is not None:
        pipeline_of(settings, pipeline)
    meant = (
        _latest(settings, pipeline, history)
        if update == LATEST
        else _named(settings, update, history)
    )
    if pipeline not in {None, meant.pipeline}:
        what = f"update {meant.update_id} is of pipeline {meant.pipeline}, not of {pipeline}"
        raise UnknownRun(what, fix="leave the pipeline out, or name one of its own updates")
    own = settings.pipelines.get(meant.pipeline)
    # Results are read once more, beside the others; the one that is meant may be in no folder.
    with _nothing_collected():
        updates = past_quality(
            settings.state_root if own is None else own.state_root,
            target=meant.target,
            pipeline=meant.pipeline,
            history=history,
            until=meant.update_id,
            samples=False,
        )
    older = tuple(each for each in updates if each.update_id != meant.update_id)
    gate = Gate() if own is None else own.gate
    judged = judge_gate(gate, meant, previous_of(older, meant))
    return Past((meant, *older), judged)


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Keep Python from looking for circles again and again while many records are made.

    Records hold none. With 1,000 rules and 30 updates the looking takes a fifth of the time.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def histories_of(
    settings: ProjectSettings, dataset: str, rule: str | None = None, *, history: Path | None = None
) -> tuple[RuleHistory, ...]:
    """Return how the rules of a dataset fared, or one of them.

    Args:
        settings: the project.
        dataset: the dataset, or `pipeline.dataset`.
        rule: the rule's name; all by default.
        history: a folder kept between runs, whose updates are added.

    Raises:
        BadSelection: no update knows such a dataset or rule, or several pipelines do.
        NothingRecorded: there has been no update.
    """
    pasts = {
        name: past_quality(own.state_root, target=settings.target, pipeline=name, history=history)
        for name, own in settings.pipelines.items()
    }
    if not any(pasts.values()):
        raise _nothing(settings, None)
    pipeline, name = _owner(pasts, dataset)
    found = rule_histories(pasts[pipeline], name)
    if rule is None:
        return found
    chosen = tuple(each for each in found if each.rule == rule)
    if not chosen:
        names = {each.rule for each in found}
        fix = did_you_mean(rule, names, otherwise="its rules are") if names else "it has no rules"
        raise BadSelection(f"{name} has no rule {shown(rule)}", fix=fix)
    return chosen


def comparison_of(
    settings: ProjectSettings, before: str, after: str = LATEST, *, history: Path | None = None
) -> Comparison:
    """Return what changed from one update to another.

    Args:
        settings: the project.
        before: the earlier update's id, the beginning of it, or `latest`.
        after: the later one's; by default the newest of the same pipeline.
        history: a folder kept between runs, whose updates are added.

    Raises:
        UnknownRun: there is no such update.
        BadSelection: the two are updates of different pipelines.
    """
    old = _meant(settings, before, None, history)
    new = _meant(settings, after, old.pipeline, history)
    if old.pipeline != new.pipeline:
        raise BadSelection(
            f"{old.update_id} is an update of {old.pipeline}, {new.update_id} one of "
            f"{new.pipeline}",
            fix="name two updates of one pipeline",
        )
    return compare(old, new)


def _meant(
    settings: ProjectSettings, word: str, pipeline: str | None, history: Path | None
) -> UpdateQuality:
    if word != LATEST:
        return _named(settings, word, history)
    return _latest(settings, pipeline if pipeline in settings.pipelines else None, history)


def _latest(settings: ProjectSettings, pipeline: str | None, history: Path | None) -> UpdateQuality:
    names = tuple(settings.pipelines) if pipeline is None else (pipeline,)
    newest = [
        update
        for name in names
        for update in past_quality(
            settings.pipelines[name].state_root,
            target=settings.target,
            pipeline=name,
            history=history,
            most=1,
        )
    ]
    if not newest:
        raise _nothing(settings, pipeline)
    return max(newest, key=lambda update: update.update_id)


def _named(settings: ProjectSettings, word: str, history: Path | None) -> UpdateQuality:
    try:
        facts = run_of(settings, word)
    except UnknownRun:
        kept = () if history is None else kept_results(history)
        found = [each for each in kept if word and each.update_id.startswith(word)]
        exact = [each for each in found if each.update_id == word] or found
        if len(exact) != 1:
            raise
        return exact[0]
    if facts.folder.kind is RunKind.JOB:
        what = f"{facts.folder.update_id} is a run of job {facts.folder.pipeline}, and no update"
        raise UnknownRun(what, fix="name an update of a pipeline")
    return quality_of(facts)


def _owner(pasts: dict[str, tuple[UpdateQuality, ...]], dataset: str) -> tuple[str, str]:
    """Return the pipeline that is meant, and the dataset as the pipeline calls it."""
    known = [(name, each) for name, updates in pasts.items() for each in _datasets(updates)]
    wanted = dataset.lower()
    found = [
        (name, each) for name, each in known if wanted in {each.lower(), f"{name}.{each}".lower()}
    ]
    if len(found) == 1:
        return found[0]
    if found:
        choices = " or ".join(f"{name}.{each}" for name, each in found)
        owners = " and ".join(name for name, _ in found)
        raise BadSelection(f"pipelines {owners} both have {dataset}", fix=f"say {choices}")
    fix = did_you_mean(dataset, {each for _, each in known}, otherwise="there are")
    raise BadSelection(f"no update knows a dataset {shown(dataset)}", fix=fix)


def _datasets(updates: Iterable[UpdateQuality]) -> tuple[str, ...]:
    named = [
        name
        for update in updates
        for name in (
            *(each.name for each in update.datasets),
            *(each.dataset for each in update.rules),
        )
    ]
    # Names that differ in case only are one dataset; the newest spelling counts.
    by_lower: dict[str, str] = {}
    for name in named:
        by_lower.setdefault(name.lower(), name)
    return tuple(by_lower.values())


def _nothing(settings: ProjectSettings, pipeline: str | None) -> NothingRecorded:
    whose = "the project" if pipeline is None else f"pipeline {pipeline}"
    name = pipeline or next(iter(settings.pipelines), "NAME")
    what = f"{whose} has had no update on target {settings.target}"
    return NothingRecorded(what, fix=f"run it first: python -m dlt_lite run {name}")
