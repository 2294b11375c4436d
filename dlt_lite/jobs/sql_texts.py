"""The SQL that tasks run: refused where it says nothing. Files are read; Spark alone can parse."""

from __future__ import annotations

from collections.abc import Iterator

from dlt_lite.errors import BadTask, DefinitionProblem
from dlt_lite.jobs.statements import statements_of
from dlt_lite.jobs.subject import all_tasks
from dlt_lite.model.jobs import Job, SqlFileTask, SqlQueryTask


def problems_of_sql(job: Job) -> Iterator[DefinitionProblem]:
    """Yield what is wrong with the SQL of a job's tasks.

    Args:
        job: the job.
    """
    for task, _ in all_tasks(job):
        match task.work:
            case SqlQueryTask(query=text):
                where = "the query"
            case SqlFileTask(file=file):
                where = file.name
                try:
                    text = file.read_text(encoding="utf-8")
                except (OSError, UnicodeDecodeError):
                    continue
            case _:
                continue
        if not statements_of(text):
            what = f"task {task.key!r} has no SQL to run: {where} holds no statement"
            yield BadTask(what, origin=task.origin, fix="write a statement, or remove the task")
