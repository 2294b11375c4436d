from __future__ import annotations

from pathlib import Path

import pytest

from dlt_lite.errors import BadValue, BadYaml, NoProject
from dlt_lite.project.discovery import default_cache, find_project, read_project_file

OURS = "[tool.dlt_lite]\nname = 'x'\n"


@pytest.fixture
def home(tmp_path):
    return {"HOME": str(tmp_path)}


def test_the_project_is_found_from_a_folder_below(tmp_path, home):
    (tmp_path / "dlt_lite.yml").touch()
    below = tmp_path / "pipelines" / "x"
    below.mkdir(parents=True)

    assert find_project(below, environ=home) == tmp_path


def test_a_pyproject_with_our_table_makes_a_project_and_one_without_does_not(tmp_path, home):
    (tmp_path / "pyproject.toml").write_text(OURS)
    below = tmp_path / "below"
    below.mkdir()
    (below / "pyproject.toml").write_text("[project]\nname = 'dlt_lite_user'\n")

    assert find_project(below, environ=home) == tmp_path


def test_both_files_in_one_folder_are_an_error(tmp_path, home):
    (tmp_path / "pyproject.toml").write_text(OURS)
    (tmp_path / "dlt_lite.yml").touch()

    with pytest.raises(BadValue, match="both describe"):
        find_project(tmp_path, environ=home)
    with pytest.raises(BadValue, match="both describe"):
        read_project_file(tmp_path)


def test_the_walk_stops_at_the_root_of_a_checkout(tmp_path, home):
    (tmp_path / "dlt_lite.yml").touch()
    checkout = tmp_path / "checkout"
    (checkout / ".git").mkdir(parents=True)

    with pytest.raises(NoProject) as caught:
        find_project(checkout, environ=home)

    assert "init" in caught.value.fix


def test_the_walk_stops_at_home(tmp_path):
    (tmp_path / "dlt_lite.yml").touch()
    home = tmp_path / "home"
    home.mkdir()

    with pytest.raises(NoProject):
        find_project(home, environ={"HOME": str(home)})


def test_a_named_folder_wins_over_the_environment_which_wins_over_the_walk(tmp_path, home):
    for name in ("named", "environment", "here"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "dlt_lite.yml").touch()
    here = tmp_path / "here"
    environ = {**home, "DLT_LITE_PROJECT": str(tmp_path / "environment")}

    by_name = find_project(here, environ=environ, project_dir=Path("../named"))
    by_environment = find_project(here, environ=environ)
    by_walk = find_project(here, environ={**home, "DLT_LITE_PROJECT": ""})

    assert (by_name.name, by_environment.name, by_walk.name) == ("named", "environment", "here")


def test_a_named_folder_must_be_the_project_itself(tmp_path, home):
    (tmp_path / "dlt_lite.yml").touch()
    below = tmp_path / "below"
    below.mkdir()

    with pytest.raises(NoProject) as by_flag:
        find_project(tmp_path, environ=home, project_dir=below)
    with pytest.raises(NoProject) as by_variable:
        find_project(tmp_path, environ={**home, "DLT_LITE_PROJECT": str(below)})

    assert str(by_flag.value.origin) == "--project-dir"
    assert str(by_variable.value.origin) == "env DLT_LITE_PROJECT"


def test_a_broken_pyproject_is_an_error_with_its_line_only_if_it_mentions_us(tmp_path, home):
    (tmp_path / "dlt_lite.yml").touch()
    below = tmp_path / "below"
    below.mkdir()
    (below / "pyproject.toml").write_text("[project\n")

    assert find_project(below, environ=home) == tmp_path

    (below / "pyproject.toml").write_text("[tool.dlt_lite]\nname = \n")
    with pytest.raises(BadYaml, match="not TOML") as caught:
        find_project(below, environ=home)
    assert caught.value.origin.line == 2


def test_our_table_must_be_a_table(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool]\ndlt_lite = 5\n")

    with pytest.raises(BadValue, match="must be a table"):
        read_project_file(tmp_path)


def test_toml_nested_without_end_is_refused(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.dlt_lite]\nx = " + "[" * 20_000)

    with pytest.raises(BadYaml):
        read_project_file(tmp_path)


def test_the_cache_follows_the_xdg_standard(tmp_path):
    home = {"HOME": str(tmp_path)}

    assert default_cache({**home, "XDG_CACHE_HOME": "/c"}) == "/c/dlt_lite"
    assert default_cache(home) == f"{tmp_path}/.cache/dlt_lite"
    assert default_cache({**home, "XDG_CACHE_HOME": "relative"}) == f"{tmp_path}/.cache/dlt_lite"
