"""Packages whose entry points tasks call: a job that names one that is not there is refused."""

from __future__ import annotations

import pytest

from dlt_lite.jobs.wheels import problems_of_wheels
from dlt_lite.model.jobs import ForEachTask, WheelTask
from tests.unit.jobs_made import HERE, a_job, a_task, text


@pytest.mark.parametrize(
    ("package", "point", "said", "fix"),
    [
        ("nobody-has-this", "main", "which is not installed", "pip install nobody-has-this"),
        ("pytst", "main", "which is not installed", "did you mean 'pytest'?"),
        ("import-linter", "lint", "has no entry point 'lint'", "are import-linter, lint-imports"),
    ],
)
def test_a_package_or_entry_point_that_is_not_there_is_refused(package, point, said, fix):
    task = a_task("a", work=WheelTask(package, point))
    loop = a_task("each", work=ForEachTask(text("[1]"), 1, task))

    for job in (a_job(task), a_job(loop)):
        [problem] = problems_of_wheels(job)

        assert said in problem.what
        assert fix in problem.fix
        assert problem.origin == HERE


@pytest.mark.parametrize(("package", "point"), [("pytest", "pytest"), ("pytest", "main")])
def test_entry_points_and_functions_of_the_module_are_taken(package, point):
    task = a_task("a", work=WheelTask(package, point))

    assert list(problems_of_wheels(a_job(task))) == []
