"""Runs of a project's jobs, with all that carrying out their tasks takes.

Opens Spark when the first task wants it, and gives it back in the end. The pipelines' own machinery
is handed in, since it stands above.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dlt_lite.errors import InternalProblem, SecretMissing
from dlt_lite.events.sinks import Sink
from dlt_lite.jobs.calls import (
    Answer,
    Control,
    Failed,
    Stop,
    Stopped,
    Succeeded,
    Timing,
    once_stopped,
)
from dlt_lite.jobs.catalogue import job_of
from dlt_lite.jobs.requests import JobOutcome, RunRequest
from dlt_lite.jobs.runs import Place, repair_run, start_run
from dlt_lite.jobs.secrets_asked import secrets_asked
from dlt_lite.model.jobs import Job, PipelineTask
from dlt_lite.model.outcomes import ResultState
from dlt_lite.model.settings import PipelineSettings, ProjectSettings
from dlt_lite.runs.folder import new_update_id, runs_of
from dlt_lite.tasks.notifier import Notifier, Post
from dlt_lite.tasks.runner import Means, RunPipeline, run_task
from dlt_lite.tasks.secret_store import SecretStore
from dlt_lite.tasks.shared_spark import SharedSpark

if TYPE_CHECKING:
    from dlt_lite.engine.session import EngineSession


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where and by whom the jobs of a project are run.

    Attributes:
        project: the project's settings.
        environ: the environment.
        run_pipeline: runs an update of a pipeline in a session that is there.
        now: the wall clock.
        sinks: who is told of every event.
        on_note: takes what a person should know.
        on_session: called once Spark runs.
    """

    project: ProjectSettings
    environ: Mapping[str, str]
    run_pipeline: RunPipeline
    now: Callable[[], datetime]
    sinks: Sequence[Sink] = ()
    on_note: Callable[[str], None] = lambda _: None
    on_session: Callable[[], None] = lambda: None


def run(job: Job, request: RunRequest, shop: Workshop, control: Control) -> JobOutcome:
    """Run a job of the project.

    Args:
        job: the job, without problems.
        request: what is asked.
        shop: where and by whom.
        control: the handle by which others cancel it.

    Raises:
        DltLiteError: nothing could be begun, or what happens cannot be recorded.
    """
    with _place(job, request.run_id, shop) as (place, spark):
        outcome = start_run(job, request, place, control)
        _begin_sooner_next_time(outcome, spark, shop)
        return outcome


def repair(
    job: Job, run_id: str, given: Mapping[str, str], shop: Workshop, control: Control
) -> JobOutcome | None:
    """Run again what did not succeed in a run.

    Args:
        job: the job as it is now, without problems.
        run_id: the run.
        given: values for parameters.
        shop: where and by whom.
        control: the handle by which others cancel it.

    Returns:
        How it ended, None where nothing was left to do.

    Raises:
        DltLiteError: it is no run of this job, it is active, or nothing could be begun.
    """
    with _place(job, run_id, shop) as (place, spark):
        outcome = repair_run(job, run_id, given, place, control)
        _begin_sooner_next_time(outcome, spark, shop)
        return outcome


@contextmanager
def _place(job: Job, run_id: str, shop: Workshop) -> Iterator[tuple[Place, SharedSpark]]:
    project = shop.project
    settings = settings_of(job, project)
    owners = (settings, project.common, *project.pipelines.values())
    schemas = tuple(dict.fromkeys(each.namespace.schema for each in owners if each is not None))
    log = runs_of(project.state_root) / run_id / "spark.log"
    opened = partial(_session, settings, shop, log)
    secrets, timing = SecretStore(shop.environ), Timing(shop.now)
    post = Post(shop.environ, project.root, secrets, timing, shop.on_note)
    with (
        contextlib.chdir(project.root),
        Notifier(job, post) as notifier,
        SharedSpark(opened, settings.storage_root, schemas) as spark,
    ):

        def run_other(name: str, given: Mapping[str, str], stop: Stop) -> Answer:
            own = replace(place, part_of=run_id)
            return _run_other(name, given, stop, shop, own, post=post)

        means = Means(
            project,
            shop.environ,
            project.state_root,
            spark,
            settings.engine,
            settings.storage_root,
            secrets,
            shop.run_pipeline,
            run_other,
        )
        place = Place(
            project.state_root,
            project.target,
            partial(run_task, means=means),
            timing,
            partial(refuse_missing_secrets, secrets=secrets, project=project),
            (*shop.sinks, notifier),
            shop.on_note,
        )
        yield place, spark


def _begin_sooner_next_time(outcome: JobOutcome | None, spark: SharedSpark, shop: Workshop) -> None:
    """Have the class-data archive made, where a run that succeeded has started Spark."""
    if outcome is None or not outcome.result.is_success or spark.archive is None:
        return
    from dlt_lite.engine.archive import make_archive_in_background  # noqa: PLC0415

    now = shop.now().timestamp()
    make_archive_in_background(spark.archive, environ=shop.environ, now=now)


def refuse_missing_secrets(
    job: Job, request: RunRequest, secrets: SecretStore, project: ProjectSettings
) -> None:
    """Refuse a run that would come to a task whose secret nobody has.

    Raises:
        SecretMissing: of the first such reference, with its place.
    """
    for secret, origin in secrets_asked(job, request, partial(job_of, project)):
        try:
            secrets.secret_of(secret.scope, secret.key)
        except SecretMissing as missing:
            missing.origin = origin
            raise


def settings_of(job: Job, project: ProjectSettings) -> PipelineSettings:
    """Return the settings that a job's Spark is started with: of its first pipeline, if any."""
    for task in job.tasks:
        if isinstance(task.work, PipelineTask) and task.work.pipeline in project.pipelines:
            return project.pipelines[task.work.pipeline]
    if project.common is None:
        raise InternalProblem("the project has no common settings")
    return project.common


@contextmanager
def _session(settings: PipelineSettings, shop: Workshop, log: Path) -> Iterator[EngineSession]:
    from dlt_lite.engine.session import start_session, stop_session  # noqa: PLC0415 - imports Spark
    from dlt_lite.engine.standing import standing_in  # noqa: PLC0415

    session = start_session(
        settings.engine, environ=shop.environ, log_file=log, emit_note=shop.on_note
    )
    try:
        with standing_in(session.spark, settings.project_root):
            shop.on_session()
            yield session
    finally:
        stop_session(session)


def _run_other(
    name: str, given: Mapping[str, str], stop: Stop, shop: Workshop, place: Place, *, post: Post
) -> Answer:
    """Run another job of the project, by the same means; its events are its own."""
    job = job_of(shop.project, name)
    control, run_id = Control(), new_update_id(shop.now())
    with Notifier(job, post) as notifier, once_stopped(stop, control.cancel):
        own = replace(place, sinks=(notifier,))
        outcome = start_run(job, RunRequest(run_id, given, cause="run_job_task"), own, control)
    if outcome.result.is_success:
        return Succeeded({"run_id": run_id})
    if outcome.result is ResultState.CANCELED and stop.reason is not None:
        return Stopped({"run_id": run_id})
    what = f"run {run_id} of job {name} ended {outcome.result}"
    fix = f"see what has failed there: python -m dlt_lite runs show {run_id}"
    return Failed(what, values={"run_id": run_id}, fix=fix)
