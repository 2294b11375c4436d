"""Walls that no linter has: frozen records, the JVM in engine alone, guests, a cheap import."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.repository import PACKAGE, ROOT, files, package_files, syntax_trees

NOT_FROZEN: dict[str, str] = {}
"""Dataclasses that may change or have no slots: `path:name` → the reason."""

JVM = {"_gateway", "_jc", "_jconf", "_jdf", "_jo", "_jreader", "_jsc", "_jschema", "_jsparkSession"}
JVM |= {"_jvm", "_jwrite", "_sc"}

GUEST_OF = {"dlt_lite", "pyspark", "pandas", "skops", "sklearn"}

# In two halves each, so that this file does not name them itself.
PLACES = [
    r"(?<![\w.])/" + r"(work|farm|root)/",
    r"(?<![\w.])/" + r"tmp/w\b",
    "repo1" + r"\.maven",
    "pypi" + r"\.org",
    "files" + r"\.pythonhosted",
    r"https?://[^\s\"]*/" + r"(simple|maven2)(/|\b)",
]


def test_every_record_is_frozen_and_slotted():
    loose = {place for place, options in dataclasses() if options != {"frozen", "slots"}}

    assert loose == set(NOT_FROZEN)


def test_only_engine_reaches_into_the_jvm():
    reaching = [
        f"{path}:{node.lineno} {node.attr}"
        for path, tree in syntax_trees(PACKAGE)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in JVM
    ]

    assert [each for each in reaching if not each.startswith("dlt_lite/engine/")] == []


@pytest.mark.parametrize("start", ["import dlt_lite", "import dlt_lite.testing.plugin"])
def test_importing_brings_no_pyspark(start: str):
    program = f"import sys; {start}; print(sorted({{'pyspark', 'py4j'}} & set(sys.modules)))"

    assert printed_by("-c", program) == "[]"


@pytest.mark.parametrize("words", [[], ["run"]])
def test_help_brings_no_pyspark(words: list[str]):
    program = (
        "import contextlib, io, sys\n"
        "from dlt_lite.cli.app import main\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        f"    code = main([*{words}, '--help'])\n"
        "print(code, sorted({'pyspark', 'py4j'} & set(sys.modules)))"
    )

    assert printed_by("-c", program) == "0 []"


def test_guests_import_dlt_lite_pyspark_what_is_theirs_and_the_extra_ml():
    strangers = [
        f"{path}:{line} {module}"
        for path, tree in syntax_trees(ROOT / "pipelines")
        for line, module in imports(tree)
        if module not in GUEST_OF | sys.stdlib_module_names | neighbours(ROOT / path)
    ]

    assert strangers == []


def test_rooms_have_an_empty_front():
    fronts = [path for path in PACKAGE.rglob("__init__.py") if path.parent != PACKAGE]

    assert [str(path) for path in fronts if path.read_bytes()] == []


def test_git_ignores_no_file_of_the_package():
    names = "\0".join(str(path.relative_to(ROOT)) for path in package_files())
    command = ["git", "check-ignore", "--no-index", "-z", "--stdin"]

    found = subprocess.run(
        command, cwd=ROOT, input=names, capture_output=True, text=True, check=False
    )

    assert found.stdout.split("\0")[:-1] == []


def test_no_file_names_a_machine_or_a_registry():
    place = re.compile("|".join(PLACES))
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in files()
        if (match := place.search(path.read_bytes().decode("utf-8", "ignore")))
    ]

    assert found == []


def dataclasses() -> list[tuple[str, set[str]]]:
    """Return every dataclass of the package, as `path:name`, with the options that are true."""
    return [
        (f"{path}:{node.name}", options)
        for path, tree in syntax_trees(PACKAGE)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for decorator in node.decorator_list
        if (options := dataclass_options(decorator)) is not None
    ]


def dataclass_options(decorator: ast.expr) -> set[str] | None:
    """Return the options that a decorator sets to true, None where it makes no dataclass."""
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    if ast.unparse(called) not in {"dataclass", "dataclasses.dataclass"}:
        return None
    keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
    given = {str(each.arg) for each in keywords if ast.unparse(each.value) == "True"}
    return given & {"frozen", "slots"}


def imports(tree: ast.Module) -> list[tuple[int, str]]:
    """Return the top-level modules that a file imports, wherever in it, by line."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, name.name.partition(".")[0]) for name in node.names]
        if isinstance(node, ast.ImportFrom):
            found.append((node.lineno, str(node.module).partition(".")[0]))
    return found


def neighbours(file: Path) -> set[str]:
    """Return what a file of a pipeline may import of its own pipeline's folders."""
    pipeline = ROOT / "pipelines" / file.relative_to(ROOT / "pipelines").parts[0]
    folders = [folder for folder in file.parents if folder.is_relative_to(pipeline)]
    return {entry.stem for folder in folders for entry in folder.iterdir()}


def printed_by(*words: str) -> str:
    """Return what a fresh Python prints."""
    command = [sys.executable, *words]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
