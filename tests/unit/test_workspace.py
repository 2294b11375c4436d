"""What the Python form of the commands can say without Spark."""

from datetime import UTC, datetime

import pytest

from dlt_lite import workspace
from dlt_lite.errors import BadSelection, UnknownPipeline
from dlt_lite.model.samples import SampleSettings
from dlt_lite.runs.folder import RunFolder
from dlt_lite.runs.manifest import Manifest, ManifestDataset, write_manifest
from dlt_lite.workspace import Project

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def project(tmp_path):
    """Two pipelines that have run; the second keeps its runs in a place of its own."""
    (tmp_path / "dlt_lite.yml").write_text("name: test\n", encoding="utf-8")
    for name, more in (("shop", ""), ("crm", "targets: {dev: {state_root: elsewhere}}\n")):
        folder = tmp_path / "pipelines" / name
        folder.mkdir(parents=True)
        (folder / "pipeline.yml").write_text(f"name: {name}\nschema: {name}\n{more}", "utf-8")
        (folder / "tables.py").touch()
    loaded = Project.load(tmp_path, environ={"HOME": str(tmp_path)})
    leave(loaded, "shop", table("orders"), ManifestDataset("recent", "shop.recent", "view"))
    leave(loaded, "crm", table("orders"), table("customers"))
    return loaded


def table(name):
    return ManifestDataset(name, f"x.{name}", "streaming_table", f"file:///s/{name}", 1)


def leave(project, pipeline, *datasets):
    """Leave a graph behind, as a run of a pipeline does."""
    root = project.settings.pipelines[pipeline].state_root
    folder = RunFolder.create(
        root, f"2026-{pipeline}", pipeline=pipeline, target="dev", started=NOW
    )
    write_manifest(folder, Manifest(pipeline, "dev", folder.update_id, "2026", datasets))


def test_a_name_that_two_pipelines_have_asks_for_the_pipelines(project):
    with pytest.raises(BadSelection, match="crm and shop both have Orders") as caught:
        project.rows("Orders")

    assert caught.value.fix == "say crm.orders or shop.orders"


def test_a_name_that_nobody_has_is_answered_by_the_nearest_of_any_pipeline(project):
    with pytest.raises(BadSelection, match="no update has made a table 'custmers'") as caught:
        project.rows("custmers")

    assert caught.value.fix == "did you mean 'customers'?"


def test_a_run_that_shows_no_rows_keeps_its_masks(tmp_path, monkeypatch):
    (tmp_path / "dlt_lite.yml").write_text("name: x\nquality: {mask: [Email]}\n", "utf-8")
    (tmp_path / "pipelines" / "shop").mkdir(parents=True)
    (tmp_path / "pipelines" / "shop" / "pipeline.yml").write_text("name: shop\n", "utf-8")
    (tmp_path / "pipelines" / "shop" / "tables.py").touch()
    run = []
    monkeypatch.setattr(workspace, "run_update", lambda settings, *_: run.append(settings))

    Project.load(tmp_path, environ={"HOME": str(tmp_path)}).run("shop", samples=False)

    assert run[0].samples == SampleSettings(0, frozenset({"email"}))


def test_a_view_has_no_rows_of_its_own(project):
    with pytest.raises(BadSelection, match="recent is a view"):
        project.rows("recent")


def test_where_nothing_has_run_a_run_is_advised(tmp_path):
    (tmp_path / "dlt_lite.yml").write_text("name: test\n", encoding="utf-8")

    with pytest.raises(BadSelection) as caught:
        Project.load(tmp_path, environ={"HOME": str(tmp_path)}).rows("orders")

    assert caught.value.fix == "run its pipeline first"


def test_doctor_looks_at_the_place_of_every_pipeline(project):
    checks = project.doctor()

    told = " ".join(each.detail for each in checks)
    assert len(set(checks)) == len(checks)
    assert str(project.settings.root / ".dlt_lite") in told
    assert str(project.settings.root / "elsewhere") in told


def test_a_project_without_pipelines_is_checked_for_what_holds_for_all(tmp_path):
    (tmp_path / "dlt_lite.yml").write_text("storage_root: elsewhere\n", encoding="utf-8")
    project = Project.load(tmp_path, environ={"HOME": str(tmp_path)})

    assert "elsewhere" in " ".join(each.detail for each in project.doctor())


def test_a_project_without_pipelines_says_how_to_make_one(tmp_path):
    (tmp_path / "dlt_lite.yml").write_text("name: test\n", encoding="utf-8")
    project = Project.load(tmp_path, environ={"HOME": str(tmp_path)})

    with pytest.raises(UnknownPipeline, match="has no pipeline") as caught:
        project.validate()

    assert "pipeline.yml" in str(caught.value.fix)
