"""What the Python form of the commands can say without Spark."""

from datetime import UTC, datetime

import pytest

from dlt_lite import workspace
from dlt_lite.cli.app import main
from dlt_lite.errors import BadSelection, DltLiteError, ErrorGroup, UnknownPipeline
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


def test_what_is_wrong_with_a_file_of_rules_is_told_once_and_stops_no_other_pipeline(tmp_path):
    def write(path, text):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")

    write("dlt_lite.yml", "name: test\n")
    for name in ("shop", "crm", "hr"):
        write(f"pipelines/{name}/pipeline.yml", f"name: {name}\n")
        code = f"import dlt_lite\n\n@dlt_lite.table\ndef of_{name}():\n    pass\n"
        write(f"pipelines/{name}/tables.py", code)
    write("expectations/shop.yml", "of_shop: {ruls: {}}\n")
    project = Project.load(tmp_path, environ={"HOME": str(tmp_path)})

    (sound,) = project.validate(["crm"])
    with pytest.raises(DltLiteError, match="has no 'ruls'") as caught:
        project.validate()
    assert not isinstance(caught.value, ErrorGroup)
    assert "expectations/shop.yml" in " ".join(sound.notes)

    write("expectations/anybodys.yml", "of_crm: [")
    with pytest.raises(ErrorGroup) as both:
        project.validate()
    assert len(both.value.errors) == 2


NEEDS_SPARK = """
from pyspark.sql import SparkSession
import dlt_lite as dlt

for name in SparkSession.active().conf.get("names").split():
    dlt.table(name=name)(lambda: None)
"""


@pytest.fixture
def selecting(tmp_path):
    """A project with a job that updates some datasets of a pipeline."""

    def write(path, text):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")

    def made(selections, tables="import dlt_lite as dlt\n\n@dlt.table\ndef clean():\n    pass\n"):
        write("dlt_lite.yml", "name: test\n")
        write("pipelines/shop/pipeline.yml", "name: shop\n")
        write("pipelines/shop/tables.py", tables)
        task = f"{{task_key: t, pipeline_task: {{pipeline_id: shop, {selections}}}}}"
        write("pipelines/daily/job.yml", f"tasks:\n  - {task}\n")
        return Project.load(tmp_path, environ={"HOME": str(tmp_path)})

    return made


@pytest.mark.parametrize("key", ["refresh_selection", "full_refresh_selection"])
def test_a_job_that_selects_what_its_pipeline_lacks_is_refused_before_anything_is_run(
    selecting, tmp_path, key
):
    project = selecting(f"{key}: [clean, claen]")

    with pytest.raises(BadSelection, match="'claen' selects no dataset") as caught:
        project.run_job("daily")

    assert "task 't', pipeline 'shop'" in caught.value.what
    assert str(caught.value.origin) == "pipelines/daily/job.yml:2:6"
    assert "did you mean 'clean'?" in str(caught.value.fix)
    assert not (tmp_path / ".dlt_lite").exists()


def test_validate_finds_it_too(selecting, tmp_path, monkeypatch, capsys):
    selecting("refresh_selection: [claen]")
    monkeypatch.chdir(tmp_path)

    assert main(["validate"]) == 2
    assert "'claen' selects no dataset of the pipeline" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("selections", "tables"),
    [
        ("refresh_selection: [+clean+]", None),
        ("refresh_selection: ['cl*', default.clean]", None),
        ("full_refresh: true", None),
        ("refresh_selection: [x]", "def broken("),
        ("refresh_selection: [x]", NEEDS_SPARK),
    ],
)
def test_a_selection_that_names_something_or_may_do_so_is_taken(selecting, selections, tables):
    project = selecting(selections) if tables is None else selecting(selections, tables)

    assert project.problems_of_selections(project.jobs().values()) == []
