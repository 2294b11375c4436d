from __future__ import annotations

import pytest

from dlt_lite.errors import BadValue, MissingVariable, UnknownKey
from dlt_lite.project.loading import load_project


@pytest.fixture
def home(tmp_path):
    return {"HOME": str(tmp_path / "home")}


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "project"
    (folder / "pipelines" / "x").mkdir(parents=True)
    (folder / "dlt_lite.yml").touch()
    (folder / "pipelines" / "x" / "pipeline.yml").touch()
    return folder


def with_files(root, *names):
    for name in names:
        path = root / "pipelines" / "x" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def with_libraries(root, *lines):
    text = "libraries:\n" + "".join(f"  - {line}\n" for line in lines)
    (root / "pipelines" / "x" / "pipeline.yml").write_text(text)


def files(root, home):
    pipeline = load_project(root, environ=home).pipelines["x"]
    return [file.relative_to(root / "pipelines" / "x").as_posix() for file in pipeline.files]


def refusal(root, home):
    with pytest.raises((BadValue, UnknownKey, MissingVariable)) as caught:
        load_project(root, environ=home)
    return caught.value


def test_by_default_the_folder_and_its_transformations_are_read_in_order(root, home):
    with_files(
        root, "b.py", "a.py", "_helper.py", "test_a.py", "conftest.py", "notes.md", "other/c.py"
    )
    with_files(root, "transformations/z.py", "transformations/deep/y.py", "transformations/_p/q.py")

    assert files(root, home) == [
        "a.py",
        "b.py",
        "transformations/deep/y.py",
        "transformations/z.py",
    ]


def test_a_pipeline_without_files_has_none(root, home):
    assert files(root, home) == []


def test_an_empty_list_means_no_files_and_nothing_means_the_default(root, home):
    with_files(root, "a.py")

    (root / "pipelines" / "x" / "pipeline.yml").write_text("libraries: []")
    assert files(root, home) == []

    (root / "pipelines" / "x" / "pipeline.yml").write_text("libraries:")
    assert files(root, home) == ["a.py"]


def test_named_files_come_in_the_order_of_the_list_each_once(root, home):
    with_files(root, "b.py", "a.py", "_c.py", "deep/d.py")
    with_libraries(
        root,
        "file: {path: b.py}",
        "notebook: {path: ./_c.py}",
        "glob: {include: '*.py'}",
        "glob: {include: deep/**}",
        "file: {path: ../x/b.py}",
    )

    assert files(root, home) == ["b.py", "_c.py", "a.py", "deep/d.py"]


def test_a_variable_in_a_path_is_resolved(root, home):
    with_files(root, "a.py")
    with_libraries(root, "file: {path: '${env.FILE}.py'}")

    assert isinstance(refusal(root, home), MissingVariable)
    assert files(root, {**home, "FILE": "a"}) == ["a.py"]


def test_a_file_that_is_not_there_is_refused_with_a_suggestion(root, home):
    with_files(root, "silver.py")
    with_libraries(root, "file: {path: slver.py}")

    error = refusal(root, home)

    assert (error.origin.path, error.origin.line) == ("pipelines/x/pipeline.yml", 2)
    assert error.fix == "did you mean 'silver.py'?"


@pytest.mark.parametrize(
    "path",
    [
        "../../../outside.py",
        "/etc/passwd",
        "~/a.py",
        "file:///a.py",
        "link.py",
        "linked/a.py",
        '"a\\0.py"',
    ],
)
def test_a_path_out_of_the_project_is_refused(root, home, path):
    outside = root.parent / "outside.py"
    outside.touch()
    (root / "pipelines" / "x" / "link.py").symlink_to(outside)
    elsewhere = root.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.py").touch()
    (root / "pipelines" / "x" / "linked").symlink_to(elsewhere)
    with_libraries(root, f"file: {{path: {path}}}")

    error = refusal(root, home)

    assert "outside the project" in error.what or "not a relative path" in error.what


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("../../../**/*.py", "outside the project"),
        ("/**/*.py", "not a relative path"),
        ("/*.py", "not a relative path"),
        ("~/*.py", "not a relative path"),
        ("*/../../../*.py", "climbs behind a wildcard"),
        ("a**b/*.py", "is no pattern"),
        ("nowhere/**", "matches no Python file"),
        ("queries/**", "no Python file"),
    ],
)
def test_a_pattern_that_leaves_or_finds_nothing_to_load_is_refused(root, home, pattern, words):
    with_files(root, "a.py", "queries/q.sql")
    with_libraries(root, f"glob: {{include: '{pattern}'}}")

    assert words in refusal(root, home).what


def test_a_link_out_of_the_project_among_default_files_is_refused(root, home):
    (root.parent / "outside.py").touch()
    (root / "pipelines" / "x" / "a.py").symlink_to(root.parent / "outside.py")

    assert "link that leaves the project" in refusal(root, home).what


def test_a_circle_of_links_is_refused_and_does_not_hang(root, home):
    (root / "pipelines" / "x" / "a.py").symlink_to(root / "pipelines" / "x" / "b.py")
    (root / "pipelines" / "x" / "b.py").symlink_to(root / "pipelines" / "x" / "a.py")
    with_libraries(root, "file: {path: a.py}")

    assert "there is no file" in refusal(root, home).what


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("file: {path: q.sql}", "no Python file"),
        ("notebook: {path: q.ipynb}", "no Python file"),
        ("file: {path: folder.py}", "there is no file"),
        ("file: a.py", "must be one of `path:`"),
        ("file: {path: [a.py]}", "must be a path, not a list"),
        ("file: {path: }", "must be a path, not nothing"),
        ("file: {pth: a.py}", "did you mean 'path'?"),
        ("fil: {path: a.py}", "did you mean 'file'?"),
        ("glob: {path: a.py}", "known: include"),
        ("{file: {path: a.py}, glob: {include: a}}", "names two things"),
        ("a.py", "must be one of `file:`"),
        ("{}", "must be one of `file:`"),
    ],
)
def test_a_malformed_library_says_what_is_wanted(root, home, line, words):
    with_files(root, "a.py", "q.sql", "q.ipynb", "folder.py/b.py")
    with_libraries(root, line)

    error = refusal(root, home)

    assert words in str(error)
    assert error.origin.line == 2


def test_libraries_must_be_a_list(root, home):
    (root / "pipelines" / "x" / "pipeline.yml").write_text("libraries: a.py")

    assert "must be a list" in refusal(root, home).what
