"""What a task calls is looked for in files, and refused only where it is surely not there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dlt_lite.errors import BadTask, FileBroken
from dlt_lite.jobs.callables import problems_of_callables
from dlt_lite.model.jobs import CallableTask, ForEachTask
from tests.unit.jobs_made import HERE, a_job, a_task, text


def problems(root, place, files, given=None):
    """Return what is wrong with a task that calls `f`, with these files beside the job's."""
    folder = root / "pipelines" / "daily"
    for name, source in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    job = a_job(a_task("a", work=CallableTask(place, "f", given or {})), parameters={"day": "1"})
    return list(problems_of_callables(replace(job, folder=folder), root))


@pytest.mark.parametrize(
    "source",
    [
        "def f(): ...",
        "async def f(): ...",
        "class f: ...",
        "f = print",
        "f: object = print",
        "(a, (*f, b)) = x",
        "import x.y as f",
        "import f.g",
        "from x import f",
        "from x import g as f",
        "if x:\n    def f(): ...",
        "try:\n    import x\nexcept ImportError:\n    f = None",
        "with x as f: ...",
        "for f in x: ...",
        "print(f := 1)",
        "match x:\n    case [f, *_]: ...",
        "match x:\n    case {**f}: ...",
        "def g():\n    global f\n    f = 1",
        "from x import *",
        "def __getattr__(name): ...",
        "globals()['f'] = print",
        "import sys\nsetattr(sys.modules[__name__], 'f', print)",
        "exec('def f(): ...')",
    ],
)
def test_a_module_that_has_the_function_or_may_have_it_is_taken(tmp_path, source):
    assert problems(tmp_path, "m", {"m.py": source}) == []


@pytest.mark.parametrize(
    "source",
    [
        "",
        "def g(): ...",
        "class A:\n    def f(self): ...",
        "def g():\n    f = 1",
        "def g():\n    from x import f",
        "print(f)",
        "import x.f",
        "a = lambda f: f",
    ],
)
def test_a_module_that_surely_lacks_the_function_is_refused(tmp_path, source):
    [problem] = problems(tmp_path, "m", {"m.py": source})

    assert isinstance(problem, BadTask)
    assert problem.what == "task 'a' calls f, which pipelines/daily/m.py does not have"
    assert problem.origin == HERE


def test_the_function_that_was_meant_is_named(tmp_path):
    job = a_job(a_task("a", work=CallableTask("m", "trian")))
    (tmp_path / "m.py").write_text("def train(): ...")

    [problem] = problems_of_callables(replace(job, folder=tmp_path), tmp_path)

    assert problem.fix == "did you mean 'train'?"


@pytest.mark.parametrize(
    ("place", "missing"),
    [
        ("nomod", "nomod"),
        ("nomod.x", "nomod"),
        ("p.nosub", "p.nosub"),
        ("m.x", "m.x"),
        ("n.x", "n.x"),
    ],
)
def test_a_module_that_is_nowhere_is_refused(tmp_path, place, missing):
    files = {"p/__init__.py": "", "m.py": "def f(): ...", "n/y.py": ""}

    [problem] = problems(tmp_path, place, files)

    assert f"no module is called {missing}" in problem.what
    assert problem.origin == HERE


@pytest.mark.parametrize(
    "place",
    ["p", "p.sub", "p.q.deep", "n.sub", "n.n.deep", "json", "json.nosub", "pytest", "odd.x"],
)
def test_a_module_that_is_somewhere_or_may_be_is_taken(tmp_path, place):
    has = "def f(): ..."
    files = {
        "p/__init__.py": "from p.sub import f",
        "p/sub.py": has,
        "p/q/__init__.py": "",
        "p/q/deep.py": has,
        "n/sub.py": has,
        "n/n/deep.py": has,
        "odd/__init__.py": "__path__.append('elsewhere')",
        "json.py": "",
    }

    assert problems(tmp_path, place, files) == []


def test_a_module_of_the_projects_folder_is_found_and_that_beside_the_job_goes_first(tmp_path):
    (tmp_path / "shared.py").write_text("def f(): ...")
    (tmp_path / "m.py").write_text("def f(): ...")

    assert problems(tmp_path, "shared", {}) == []
    assert len(problems(tmp_path, "m", {"m.py": ""})) == 1


def test_files_and_tasks_within_loops_are_looked_at_and_nothing_is_run(tmp_path):
    file = tmp_path / "m.py"
    file.write_text("raise SystemExit\ndef g(): ...")
    inner = a_task("one", work=CallableTask(file, "f"))
    job = a_job(a_task("l", work=ForEachTask(text("[1]"), 1, inner)))

    [problem] = problems_of_callables(replace(job, folder=tmp_path), tmp_path)

    assert problem.what == "task 'one' calls f, which m.py does not have"


def test_a_syntax_error_is_told_with_its_place(tmp_path):
    [problem] = problems(tmp_path, "m", {"m.py": "x = 1\ndef f(:"})

    assert isinstance(problem, FileBroken)
    assert (problem.origin.path, problem.origin.line) == ("pipelines/daily/m.py", 2)


@pytest.mark.parametrize(
    ("source", "given"),
    [
        ("def f(a): ...", ["a"]),
        ("def f(a, b=1, *, c, d=2): ...", ["a", "c"]),
        ("async def f(*, a): ...", ["a"]),
        ("def f(day): ...", []),
        ("def f(**rest): ...", ["a"]),
        ("@wraps\ndef f(): ...", ["a"]),
        ("def f(): ...\nf = other", ["a"]),
        ("def f(): ...\nif x:\n    def f(a): ...", ["a"]),
        ("f = other", ["a"]),
        ("def f(a, /): ...", []),
    ],
)
def test_a_function_that_takes_what_it_is_given_or_may_do_so_is_taken(tmp_path, source, given):
    assert problems(tmp_path, "m", {"m.py": source}, dict.fromkeys(given, text("1"))) == []


@pytest.mark.parametrize(
    ("source", "given", "what", "fix"),
    [
        (
            "def f(limit): ...",
            {"limit": text("1"), "limt": text("2")},
            "task 'a' gives f a parameter 'limt', which it has not",
            "did you mean 'limit'?",
        ),
        (
            "def f(a, b=2, *, c, d=3): ...",
            {"a": text("1")},
            "task 'a' does not give f its parameter 'c'",
            "write c into the task's parameters, or give it a default",
        ),
    ],
)
def test_a_parameter_that_does_not_fit_is_refused(tmp_path, source, given, what, fix):
    [problem] = problems(tmp_path, "m", {"m.py": source}, given)

    assert (problem.what, problem.origin, problem.fix) == (what, HERE, fix)
