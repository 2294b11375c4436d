"""One attempt of one task, carried out: what `jobs` is handed as `run_task`.

Pipelines and SQL run in this process, on the runner's Spark; Python and commands in processes of
their own. References to secrets are resolved here, at the last moment.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dlt_lite.errors import DltLiteError, SecretExposed, SessionFailed, UnknownPipeline
from dlt_lite.jobs.calls import Answer, Failed, Stop, Stopped, Succeeded, TaskCall, once_stopped
from dlt_lite.jobs.filling import Rendered
from dlt_lite.jobs.spelling import meant
from dlt_lite.model.jobs import (
    CallableTask,
    ConditionTask,
    ForEachTask,
    PipelineTask,
    PythonFileTask,
    RunJobTask,
    ShellTask,
    SqlFileTask,
    SqlQueryTask,
    WheelTask,
    named_texts,
)
from dlt_lite.model.requests import UpdateRequest
from dlt_lite.model.settings import EngineSettings, PipelineSettings, ProjectSettings
from dlt_lite.report.summary import UpdateResult
from dlt_lite.runs.folder import runs_of, task_log
from dlt_lite.tasks.logs import LogFile
from dlt_lite.tasks.orders import Kind, Order
from dlt_lite.tasks.processes import Around, run_process
from dlt_lite.tasks.redaction import Redactor
from dlt_lite.tasks.secret_store import SecretStore
from dlt_lite.tasks.shared_spark import SharedSpark
from dlt_lite.tasks.sql_rules import Places
from dlt_lite.tasks.updates import failed_answer, told_update

if TYPE_CHECKING:
    from dlt_lite.engine.session import EngineSession

_STORAGE = "DLT_LITE_STORAGE_ROOT"


class RunPipeline(Protocol):
    """Runs one update of a pipeline in the session that is handed in."""

    def __call__(
        self,
        settings: PipelineSettings,
        request: UpdateRequest,
        session: EngineSession,
        stop: threading.Event,
        on_note: Callable[[str], None],
    ) -> UpdateResult:
        """Run it."""


RunOtherJob = Callable[[str, Mapping[str, str], Stop], Answer]


@dataclass(frozen=True, slots=True)
class Means:
    """What tasks are carried out with.

    Attributes:
        project: the project's settings.
        environ: the environment.
        state_root: the folder on the driver's disk that holds runs.
        spark: the runner's Spark.
        engine: how a task that is isolated starts its own.
        storage_root: where tables lie.
        secrets: where secrets come from.
        run_pipeline: runs an update of a pipeline.
        run_job: runs another job.
    """

    project: ProjectSettings
    environ: Mapping[str, str]
    state_root: Path
    spark: SharedSpark
    engine: EngineSettings
    storage_root: str
    secrets: SecretStore
    run_pipeline: RunPipeline
    run_job: RunOtherJob


def run_task(call: TaskCall, stop: Stop, means: Means) -> Answer:
    """Do one attempt of one task.

    Args:
        call: the attempt.
        stop: asks it to end.
        means: what it is carried out with.

    Raises:
        DltLiteError: in place of `Failed`.
    """
    given = _Given(call, means)
    path = task_log(runs_of(means.state_root) / call.run_id, *_place(call))
    with LogFile(path, given.redactor) as log:
        try:
            answer = _carried_out(call, stop, means, given, log)
        except DltLiteError as error:
            log.say(str(error))
            error.what = given.redactor.of_text(error.what)
            raise
        if isinstance(answer, Failed):
            shown = given.redactor.of_text(answer.message)
            return replace(answer, message=shown)
        return answer


class _Given:
    """What a call gives a task, secrets revealed; and what takes these out of its words."""

    def __init__(self, call: TaskCall, means: Means) -> None:
        reveal = means.secrets.secret_of
        self.arguments = tuple(each.revealed(reveal) for each in call.arguments)
        self.parameters = {key: each.revealed(reveal) for key, each in call.parameters.items()}
        self.redactor = Redactor(means.secrets.seen)


def _place(call: TaskCall) -> tuple[str, int | None, int]:
    # Within a loop the task's run id tells the task of the graph, and the iteration.
    key = call.task_run_id.removeprefix(f"{call.run_id}-")
    if call.iteration is not None:
        key = key.removesuffix(f"-{call.iteration}")
    return key, call.iteration, call.attempt


def _carried_out(call: TaskCall, stop: Stop, means: Means, given: _Given, log: LogFile) -> Answer:
    work = call.task.work
    match work:
        case PipelineTask():
            return _on_spark(call, means, lambda: _pipeline(work, call, stop, means, log))
        case SqlFileTask() | SqlQueryTask():
            return _on_spark(call, means, lambda: _sql(call, stop, means, given, log))
        case RunJobTask():
            what = "another job's parameter"
            return means.run_job(work.job, _shown(call.parameters, what, call), stop)
        case PythonFileTask() | CallableTask() | WheelTask() | ShellTask():
            if isinstance(work, ShellTask):
                _shown(
                    {str(n): text for n, text in enumerate(call.arguments)},
                    "an argument of a command",
                    call,
                )
            return _process(call, stop, means, given, log)
        case ConditionTask() | ForEachTask():
            raise AssertionError(work)


def _on_spark(call: TaskCall, means: Means, work: Callable[[], Answer]) -> Answer:
    """Do what needs the runner's Spark; where it fails for the end of that, say so.

    Raises:
        SessionFailed: Spark's JVM has ended.
    """
    from dlt_lite.engine.exceptions import SPARK_ERRORS, is_dead  # noqa: PLC0415 - imports Spark

    try:
        answer = work()
    except (*SPARK_ERRORS, DltLiteError) as error:
        if is_dead(error) or means.spark.has_ended():
            raise _without_spark(call) from error
        raise
    return _blamed(answer, call, means)


def _blamed(answer: Answer, call: TaskCall, means: Means) -> Answer:
    """Return how a task ended that has used Spark, or raise that this has ended."""
    from dlt_lite.engine.exceptions import says_gone  # noqa: PLC0415 - imports Spark

    if isinstance(answer, Failed) and (says_gone(answer.message) or means.spark.has_ended()):
        raise _without_spark(call)
    return answer


def _without_spark(call: TaskCall) -> SessionFailed:
    what = f"task {call.task.key!r} could not go on: Spark's JVM has ended"
    fix = (
        "memory may have run out: see the end of spark.log in the run's folder, and raise"
        " `spark.driver.memory` of the settings `spark`, or run less at once; then repair the run"
    )
    return SessionFailed(what, origin=call.task.origin, fix=fix)


def _pipeline(work: PipelineTask, call: TaskCall, stop: Stop, means: Means, log: LogFile) -> Answer:
    settings = means.project.pipelines.get(work.pipeline)
    if settings is None:
        what = f"no pipeline is called {work.pipeline!r}"
        raise UnknownPipeline(
            what, origin=call.task.origin, fix=meant(work.pipeline, means.project.pipelines)
        )
    # A parameter of the job reaches a pipeline that has a value of that name, or that names it.
    known = {*settings.configuration, *work.parameters}
    own = {key: text for key, text in call.parameters.items() if key in known}
    reveal = means.secrets.secret_of
    configured = {
        **settings.configuration,
        **{key: text.revealed(reveal) for key, text in own.items()},
    }
    request = UpdateRequest(
        select=work.refresh_selection,
        full_refresh=work.full_refresh_selection,
        full_refresh_all=work.full_refresh,
        reset_checkpoint=work.reset_checkpoint_selection,
        part_of=call.run_id,
    )
    session = means.spark.engine()
    event = threading.Event()
    with once_stopped(stop, event.set):
        result = means.run_pipeline(
            replace(settings, configuration=configured), request, session, event, log.say
        )
    for line in told_update(result):
        log.say(line)
    if result.state == "COMPLETED":
        return Succeeded()
    return Stopped() if stop.reason is not None else failed_answer(result)


def _sql(call: TaskCall, stop: Stop, means: Means, given: _Given, log: LogFile) -> Answer:
    from dlt_lite.tasks.sql_tasks import Guard, run_sql  # noqa: PLC0415 - imports Spark

    task = call.task
    match task.work:
        case SqlFileTask(file=file, unsafe=is_unsafe):
            text = file.read_text(encoding="utf-8")
        case SqlQueryTask(query=text, unsafe=is_unsafe):
            pass
        case _:
            raise AssertionError(task.work)
    places = Places(means.project.root, means.storage_root)
    guard = Guard(task.key, task.origin, places, allows_all=is_unsafe)
    with means.spark.session() as session:
        return run_sql(text, given.parameters, session, stop, log, guard=guard)


def _process(call: TaskCall, stop: Stop, means: Means, given: _Given, log: LogFile) -> Answer:
    order, asked = _order(call, means, given), threading.Event()
    with ExitStack() as sessions:

        def invite() -> Mapping[str, object]:
            from dlt_lite.engine.exceptions import SPARK_ERRORS  # noqa: PLC0415 - imports Spark
            from dlt_lite.engine.sharing import invitation_to  # noqa: PLC0415

            asked.set()
            try:
                session = sessions.enter_context(means.spark.session())
                return asdict(invitation_to(session))
            except (*SPARK_ERRORS, DltLiteError) as error:
                return {"error": str(error)}

        environ = {**means.environ, **_told_to(call), _STORAGE: means.storage_root}
        around = Around(environ, means.project.root, given.redactor, invite)
        answer = run_process(order, around, stop, log)
        return _blamed(answer, call, means) if asked.is_set() else answer


def _order(call: TaskCall, means: Means, given: _Given) -> Order:
    kind, subject, name = _subject(call)
    own = named_texts(call.task.work)
    isolated = call.task.isolated
    return Order(
        kind=kind,
        subject=subject,
        name=name,
        arguments=given.arguments,
        parameters=given.parameters,
        optional=tuple(key for key in given.parameters if key not in own),
        folder=str(call.job.folder),
        root=str(means.project.root),
        values=call.values,
        empty_loops=call.empty_loops,
        too_long=call.too_long,
        engine=_plain(means.engine) if isolated else None,
        storage_root=means.storage_root,
    )


def _subject(call: TaskCall) -> tuple[Kind, str, str]:
    work = call.task.work
    match work:
        case PythonFileTask():
            return Kind.FILE, str(work.file), ""
        case CallableTask():
            return Kind.CALLABLE, str(work.place), work.function
        case WheelTask():
            return Kind.WHEEL, work.package, work.entry_point
        case _:
            return Kind.SHELL, call.arguments[0].shown if call.arguments else "", ""


def _plain(engine: EngineSettings) -> dict[str, object]:
    paths = {key: value for key, value in asdict(engine).items() if isinstance(value, Path)}
    return {**asdict(engine), **{key: str(value) for key, value in paths.items()}}


def _told_to(call: TaskCall) -> dict[str, str]:
    """Return what a process may know of the run it belongs to."""
    return {
        "DLT_LITE_JOB": call.job.name,
        "DLT_LITE_RUN_ID": call.run_id,
        "DLT_LITE_TASK": call.task.key,
        "DLT_LITE_TASK_RUN_ID": call.task_run_id,
        "DLT_LITE_ATTEMPT": str(call.attempt),
    }


def _shown(texts: Mapping[str, Rendered], what: str, call: TaskCall) -> dict[str, str]:
    """Return texts that others may read.

    Raises:
        SecretExposed: one of them holds a secret.
    """
    for key, text in texts.items():
        if text.has_secrets:
            found = f"{what} ({key}) holds a secret, and others can read it"
            fix = "hand it to a task as a parameter, or to a command by `environment`"
            raise SecretExposed(found, origin=call.task.origin, fix=fix)
    return {key: text.shown for key, text in texts.items()}
