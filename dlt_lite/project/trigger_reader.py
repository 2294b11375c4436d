"""What starts a job by itself: configuration → `Trigger` records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from dlt_lite.model.triggers import (
    CompletionStatus,
    ContinuousTrigger,
    CronTrigger,
    FileArrivalTrigger,
    JobCompletionTrigger,
    PeriodicTrigger,
    PeriodUnit,
    TableCondition,
    TableUpdateTrigger,
    Trigger,
)
from dlt_lite.project import job_keys
from dlt_lite.project.entries import Entries, Keys
from dlt_lite.project.suggestions import did_you_mean, shown

_LEAST_REST = 60
_PAUSES = ("PAUSED", "UNPAUSED")
_RETRY_MODES = ("NEVER", "ON_FAILURE")
_SINGLE = ("schedule", "trigger", "continuous")


def triggers(job: Entries) -> tuple[Trigger, ...]:
    """Return what the keys `schedule`, `trigger`, `continuous` and `triggers` of a job say."""
    if job.has("triggers"):
        _refuse_both(job)
        found = [
            trigger
            for entries in job.each("triggers", job_keys.TRIGGER_OF_LIST)
            for trigger in _one_kind(entries, paused=_is_paused(entries))
        ]
        return tuple(found)
    single = [key for key in _SINGLE if job.has(key)]
    if "continuous" in single and len(single) > 1:
        fix = "remove it, or the others"
        job.refuse("continuous excludes schedule and trigger", job.places["continuous"], fix)
    return tuple(_single(job))


def _single(job: Entries) -> Iterator[Trigger]:
    schedule = job.inner("schedule", job_keys.SCHEDULE)
    if schedule is not None:
        yield _cron(schedule, paused=_is_paused(schedule))
    trigger = job.inner("trigger", job_keys.TRIGGER)
    if trigger is not None:
        yield from _one_kind(trigger, paused=_is_paused(trigger))
    continuous = job.inner("continuous", job_keys.CONTINUOUS)
    if continuous is not None:
        yield _continuous(continuous, paused=_is_paused(continuous))


def _one_kind(entries: Entries, *, paused: bool) -> Iterator[Trigger]:
    kinds = [kind for kind in _KINDS if entries.has(kind)]
    if len(kinds) > 1:
        what = f"a trigger is both {kinds[0]} and {kinds[1]}"
        entries.refuse(what, entries.places[kinds[1]], "write `- ` before each, below `triggers`")
        return
    for kind in kinds:
        keys, read = _KINDS[kind]
        inner = entries.inner(kind, keys)
        if inner is not None:
            yield read(inner, paused=paused or _is_paused(inner))


def _cron(entries: Entries, *, paused: bool) -> CronTrigger:
    expression = entries.required_text("quartz_cron_expression")
    place = entries.places.get("quartz_cron_expression", entries.origin)
    return CronTrigger(expression, entries.text("timezone_id") or "UTC", paused, place)


def _periodic(entries: Entries, *, paused: bool) -> PeriodicTrigger:
    if not entries.has("interval"):
        entries.refuse("a periodic trigger needs 'interval'", entries.origin, "add `interval:`")
    interval = entries.whole("interval", 1, least=1, most=100_000)
    unit = entries.choice("unit", PeriodUnit.DAYS)
    return PeriodicTrigger(interval, unit, paused, entries.origin)


def _file_arrival(entries: Entries, *, paused: bool) -> FileArrivalTrigger:
    url = entries.required_text("url")
    between, quiet = _rests(entries)
    return FileArrivalTrigger(url, between, quiet, paused, entries.origin)


def _table_update(entries: Entries, *, paused: bool) -> TableUpdateTrigger:
    tables = entries.texts("table_names")
    if not tables:
        entries.refuse("a table_update trigger names no table", entries.origin, "table_names: […]")
    condition = entries.choice("condition", TableCondition.ANY_UPDATED)
    return TableUpdateTrigger(tables, condition, *_rests(entries), paused, entries.origin)


def _job_completion(entries: Entries, *, paused: bool) -> JobCompletionTrigger:
    jobs = entries.texts("jobs")
    if not jobs:
        entries.refuse("a job_completion trigger names no job", entries.origin, "jobs: […]")
    status = entries.choice("if_status", CompletionStatus.SUCCESS)
    return JobCompletionTrigger(jobs, status, paused, entries.origin)


def _continuous(entries: Entries, *, paused: bool) -> ContinuousTrigger:
    mode = _word(entries, "task_retry_mode", _RETRY_MODES)
    if mode == "ON_FAILURE":
        entries.note("tasks are tried again as their own max_retries says", "task_retry_mode")
    return ContinuousTrigger(mode == "ON_FAILURE", paused, entries.origin)


def _rests(entries: Entries) -> tuple[int, int]:
    """Return the seconds between runs and of quiet: none, or at least a minute, as Databricks."""
    between, quiet = (
        entries.whole(key, 0, least=_LEAST_REST)
        for key in ("min_time_between_triggers_seconds", "wait_after_last_change_seconds")
    )
    return between, quiet


def _is_paused(entries: Entries) -> bool:
    return entries.has("pause_status") and _word(entries, "pause_status", _PAUSES) == "PAUSED"


def _word(entries: Entries, key: str, known: tuple[str, ...]) -> str:
    word = entries.text(key)
    if word is not None and word not in known:
        what = f"{shown(key)} must not be {shown(word)}"
        entries.refuse(what, entries.places[key], did_you_mean(word, known))
    return word or ""


def _refuse_both(job: Entries) -> None:
    for key in _SINGLE:
        if job.has(key):
            fix = f"write it as an entry of `triggers`, or remove `triggers`: {key}"
            job.refuse(f"`triggers` excludes `{key}`", job.places[key], fix)


Read = Callable[..., Trigger]
_KINDS: Mapping[str, tuple[Keys, Read]] = {
    "schedule": (job_keys.SCHEDULE, _cron),
    "continuous": (job_keys.CONTINUOUS, _continuous),
    "file_arrival": (job_keys.FILE_ARRIVAL, _file_arrival),
    "table_update": (job_keys.TABLE_UPDATE, _table_update),
    "periodic": (job_keys.PERIODIC, _periodic),
    "job_completion": (job_keys.JOB_COMPLETION, _job_completion),
}
