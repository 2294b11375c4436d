"""What a task does: the one `…_task` key of a task → a `Work` record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from dlt_lite.errors import ConfigProblem
from dlt_lite.model.jobs import (
    MOST_AT_ONCE,
    CallableTask,
    Comparison,
    ConditionTask,
    ForEachTask,
    PipelineTask,
    PythonFileTask,
    RunJobTask,
    ShellTask,
    SqlFileTask,
    SqlQueryTask,
    Task,
    Text,
    WheelTask,
    Work,
)
from dlt_lite.project import job_keys, nodes
from dlt_lite.project.entries import Entries, Keys, Reading
from dlt_lite.project.notification_reader import command_of
from dlt_lite.project.paths import project_path
from dlt_lite.project.suggestions import closest, did_you_mean, shown

ReadTask = Callable[[Entries], Task | None]


def work_of(task: Entries, reading: Reading, read_task: ReadTask) -> Work | None:
    """Return what a task does, None where that cannot be told.

    Args:
        task: the task's entries.
        reading: what is known of the job.
        read_task: reads the task within a for_each task.
    """
    kinds = sorted(task.keys_here() & (job_keys.KINDS | job_keys.UNKNOWN_KINDS))
    if len(kinds) != 1:
        _refuse_kinds(task, kinds)
        return None
    [kind] = kinds
    if kind in job_keys.UNKNOWN_KINDS:
        fix = f"kinds of this version: {', '.join(sorted(job_keys.KINDS))}"
        task.refuse(f"{kind} is not known in this version", task.places[kind], fix)
        return None
    if kind == "for_each_task":
        return _for_each(task, read_task)
    keys, read = _KINDS[kind]
    inner = task.inner(kind, keys)
    return None if inner is None else read(inner, reading)


def _refuse_kinds(task: Entries, kinds: list[str]) -> None:
    if kinds:
        what = f"a task is both {kinds[0]} and {kinds[1]}"
        task.refuse(what, task.places[kinds[1]], "make two tasks of it")
        return
    if any(closest(key, job_keys.KINDS) for key in task.unknown):
        # It is refused as an unknown key, and what was meant is told there.
        return
    fix = f"say what it does: {', '.join(sorted(job_keys.KINDS))}"
    task.refuse("a task does nothing", task.origin, fix)


def _pipeline(entries: Entries, _: Reading) -> Work:
    return PipelineTask(
        entries.required_text("pipeline_id"),
        entries.named("parameters"),
        entries.switch("full_refresh"),
        entries.texts("refresh_selection"),
        entries.texts("full_refresh_selection"),
        entries.texts("reset_checkpoint_selection"),
    )


def _python_file(entries: Entries, reading: Reading) -> Work | None:
    file = _file(entries, "python_file", reading)
    return None if file is None else PythonFileTask(file, entries.templates("parameters"))


def _wheel(entries: Entries, _: Reading) -> Work:
    if entries.has("parameters") and entries.has("named_parameters"):
        what = "a python_wheel_task has both parameters and named_parameters"
        entries.refuse(what, entries.places["named_parameters"], "keep one of the two")
    return WheelTask(
        entries.required_text("package_name"),
        entries.required_text("entry_point"),
        entries.templates("parameters"),
        entries.named("named_parameters"),
    )


def _callable(entries: Entries, reading: Reading) -> Work | None:
    text = entries.required_text("function")
    if not text:
        return None
    place, colon, function = text.rpartition(":")
    if not (colon and place and function.isidentifier()):
        what = f"{shown(text)} names no function"
        entries.refuse(what, entries.places["function"], "write module:function")
        return None
    parameters = entries.named("parameters")
    if place.endswith(".py"):
        file = _existing(entries, "function", place, reading)
        return None if file is None else CallableTask(file, function, parameters)
    if not all(part.isidentifier() for part in place.split(".")):
        what = f"{shown(place)} is no module"
        fix = "write a dotted name such as features.build, or a file such as train.py"
        entries.refuse(what, entries.places["function"], fix)
        return None
    return CallableTask(place, function, parameters)


def _sql(entries: Entries, reading: Reading) -> Work | None:
    parameters, unsafe = entries.named("parameters"), entries.switch("unsafe_sql")
    if entries.has("file") == entries.has("query"):
        fix = "write one of `query: {query: SELECT …}` and `file: {path: FILE.sql}`"
        entries.refuse("a sql_task needs either a query or a file", entries.origin, fix)
        return None
    if entries.has("query"):
        query = _query(entries)
        return None if query is None else SqlQueryTask(query, parameters, unsafe)
    inner = entries.inner("file", job_keys.SQL_FILE)
    file = None if inner is None else _file(inner, "path", reading)
    return None if file is None else SqlFileTask(file, parameters, unsafe)


def _query(entries: Entries) -> str | None:
    if isinstance(entries.node("query"), nodes.Scalar):
        return entries.text("query")
    inner = entries.inner("query", job_keys.SQL_QUERY)
    if inner is not None and inner.has("query_id"):
        fix = "write the SQL itself, `query: SELECT …`, or a file"
        inner.refuse("query_id names an object of a workspace", inner.places["query_id"], fix)
        return None
    return None if inner is None else inner.required_text("query")


def _condition(entries: Entries, _: Reading) -> Work:
    if not entries.has("op"):
        fix = f"one of {', '.join(Comparison)}"
        entries.refuse("a condition_task needs 'op'", entries.origin, fix)
    nothing = Text("", entries.origin)
    for side in ("left", "right"):
        entries.required_text(side)
    return ConditionTask(
        entries.choice("op", Comparison.EQUAL_TO),
        entries.template("left") or nothing,
        entries.template("right") or nothing,
    )


def _for_each(task: Entries, read_task: ReadTask) -> Work | None:
    entries = task.inner("for_each_task", job_keys.FOR_EACH)
    if entries is None:
        return None
    if not entries.has("inputs"):
        entries.refuse("a for_each_task needs 'inputs'", entries.origin, "inputs: [1, 2, 3]")
    if not entries.has("task"):
        entries.refuse("a for_each_task needs 'task'", entries.origin, "add `task:`")
    inner = entries.inner("task", job_keys.TASK)
    repeated = None if inner is None else read_task(inner)
    concurrency = entries.whole("concurrency", 1, least=1, most=MOST_AT_ONCE)
    inputs = entries.json("inputs")
    if repeated is None or inputs is None:
        return None
    return ForEachTask(inputs, concurrency, repeated)


def _run_job(entries: Entries, _: Reading) -> Work:
    return RunJobTask(entries.required_text("job_id"), entries.named("job_parameters"))


def _shell(entries: Entries, _: Reading) -> Work:
    command = command_of(entries, "command")
    if not command:
        entries.refuse("a shell_task needs 'command'", entries.origin, "command: [echo, hello]")
    return ShellTask(command, entries.named("environment"))


def _file(entries: Entries, key: str, reading: Reading) -> Path | None:
    text = entries.required_text(key)
    return _existing(entries, key, text, reading) if text else None


def _existing(entries: Entries, key: str, text: str, reading: Reading) -> Path | None:
    """Return a file of the project, found from the job's folder; None where there is none."""
    origin = entries.places[key]
    try:
        path = project_path(text, folder=reading.folder, root=reading.root, origin=origin)
    except ConfigProblem as problem:
        reading.found.append(problem)
        return None
    if not path.is_file():
        near = [each.name for each in path.parent.glob("*") if each.is_file()]
        fix = did_you_mean(path.name, near, otherwise="files there")
        entries.refuse(f"there is no file {shown(text)}", origin, fix)
        return None
    return path


Read = Callable[[Entries, Reading], Work | None]
_KINDS: Mapping[str, tuple[Keys, Read]] = {
    "pipeline_task": (job_keys.PIPELINE, _pipeline),
    "spark_python_task": (job_keys.PYTHON_FILE, _python_file),
    "python_wheel_task": (job_keys.WHEEL, _wheel),
    "callable_task": (job_keys.CALLABLE, _callable),
    "sql_task": (job_keys.SQL, _sql),
    "condition_task": (job_keys.CONDITION, _condition),
    "run_job_task": (job_keys.RUN_JOB, _run_job),
    "shell_task": (job_keys.SHELL, _shell),
}
