"""Which files the loop of triggers looks at."""

from pathlib import Path

import pytest

from dlt_lite.cli.job_sources import JobSources
from dlt_lite.project.loading import load_project


@pytest.mark.parametrize("folder", ["pipelines", "flows"])
def test_the_first_job_of_a_folder_is_noticed_and_so_is_the_end_of_the_last(
    tmp_path: Path, folder: str
):
    (tmp_path / folder).mkdir()
    (tmp_path / "dlt_lite.yml").write_text(f"name: shop\npipelines: {folder}\n", encoding="utf-8")
    sources = JobSources(load_project(tmp_path, environ={}), {})
    before = sources.have_changed()

    job = tmp_path / folder / "daily"
    job.mkdir()
    (job / "job.yml").write_text("tasks: []\n", encoding="utf-8")
    came = sources.have_changed()
    (job / "job.yml").unlink()

    assert (before, came, sources.have_changed(), sources.have_changed()) == (
        False,
        True,
        True,
        False,
    )
