from __future__ import annotations

import json
import re

import pytest

from dlt_lite.cli.app import main
from dlt_lite.project.loading import load_project


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_init_makes_a_project_that_loads(tmp_path, capsys):
    code = main(["init", "my shop"])

    out, err = capsys.readouterr()
    settings = load_project(tmp_path / "my shop", environ={"HOME": str(tmp_path)})
    assert code == 0
    assert (settings.name, list(settings.pipelines)) == ("my shop", ["hello"])
    assert "my shop/pipelines/hello/tables.py" in out.splitlines()
    assert "my shop/.gitignore" in out.splitlines()
    assert "run hello" in err


def test_init_leaves_no_placeholder_and_no_absolute_path(tmp_path):
    main(["init", "shop", "-q"])

    files = [path for path in (tmp_path / "shop").rglob("*") if path.is_file()]
    text = "\n".join(path.read_text() for path in files)
    assert not any(path.suffix == ".tmpl" for path in files)
    assert not re.search(r"\{\{|file://|(?m:^storage_root: /)", text)


def test_a_folder_of_any_name_makes_a_project_of_some_name(tmp_path):
    name = 'a "b"\n: {c} #é'

    assert main(["init", name]) == 0
    assert load_project(tmp_path / name, environ={"HOME": str(tmp_path)}).name == "a _b_ _c_ _é"


def test_json_tells_the_folder_and_its_files(tmp_path, capsys):
    main(["init", "shop", "-o", "json"])

    told = json.loads(capsys.readouterr().out)
    assert told["folder"] == str(tmp_path / "shop")
    assert "tests/test_hello.py" in told["files"]


def test_an_empty_folder_will_do_and_a_full_one_is_left_alone(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    (tmp_path / "file").touch()

    assert main(["init", "empty"]) == 0
    assert main(["init", "full"]) == 2
    assert main(["init", "file"]) == 2
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]
    assert "[DLT112] full has something in it" in capsys.readouterr().err
