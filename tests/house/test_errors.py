"""Every error has a code of its own, an exit code, and a line in docs/errors.md."""

import ast
import inspect
from collections import Counter

import pytest

from dlt_lite import errors
from tests.house.repository import PACKAGE, ROOT, syntax_trees

FAMILIES: dict[type[errors.DltLiteError], tuple[str, int]] = {
    errors.EnvironmentProblem: ("DLT0", 5),
    errors.ConfigProblem: ("DLT1", 2),
    errors.DefinitionProblem: ("DLT2", 2),
    errors.SourceProblem: ("DLT3", 1),
    errors.StateProblem: ("DLT4", 1),
    errors.RunProblem: ("DLT5", 1),
    errors.Busy: ("DLT6", 4),
    errors.InternalProblem: ("DLT9", 70),
}
ERRORS = [
    found
    for _, found in inspect.getmembers(errors, inspect.isclass)
    if issubclass(found, errors.DltLiteError) and not found.__subclasses__()
]
OWN_EXIT_CODES = {errors.Canceled: 130, errors.ReferenceMissing: 2, errors.SecretMissing: 2}


def test_no_two_errors_share_a_code():
    counted = Counter(error.code for error in ERRORS)

    assert [code for code, times in counted.items() if times > 1] == []


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_has_a_code_of_its_family(error: type[errors.DltLiteError]):
    first = {errors.ErrorGroup: "DLT2"} | {each: FAMILIES[each][0] for each in FAMILIES}
    family = next(each for each in inspect.getmro(error) if each in first)

    assert "code" in vars(error)
    assert error.code.startswith(first[family])
    assert len(error.code) == len("DLT000")


@pytest.mark.parametrize("error", [error for error in ERRORS if error is not errors.ErrorGroup])
def test_an_error_ends_with_its_familys_exit_code(error: type[errors.DltLiteError]):
    own = OWN_EXIT_CODES.get(error)
    family = next(each for each in inspect.getmro(error) if each in FAMILIES)

    assert error.exit_code == (own or FAMILIES[family][1])


def test_all_errors_stand_in_one_tree():
    names = {name for name, _ in inspect.getmembers(errors, inspect.isclass)}
    elsewhere = [
        f"{path}:{node.name}"
        for path, tree in syntax_trees(PACKAGE)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and path != "dlt_lite/errors.py"
        if names & {ast.unparse(base) for base in node.bases}
    ]

    assert elsewhere == []


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_is_documented_with_its_meaning_and_a_remedy(error: type[errors.DltLiteError]):
    _, name, meaning, fix = documented()[error.code]

    assert name == error.__name__
    assert meaning.startswith(str(error.__doc__).splitlines()[0])
    assert fix


def test_the_page_of_errors_names_no_error_that_is_gone():
    assert set(documented()) == {error.code for error in ERRORS}


def documented() -> dict[str, list[str]]:
    """Return the rows of docs/errors.md by code."""
    lines = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    return {row[0]: row for row in rows if row and row[0].startswith("DLT")}
