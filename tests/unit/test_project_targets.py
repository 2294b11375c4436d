from __future__ import annotations

import pytest

from dlt_lite.errors import SharedTarget, UnknownTarget
from dlt_lite.project.loading import load_project


@pytest.fixture
def home(tmp_path):
    return {"HOME": str(tmp_path / "home")}


def a_project(folder, project="", pipeline=""):
    (folder / "dlt_lite.yml").write_text(project)
    place = folder / "pipelines" / "x"
    place.mkdir(parents=True)
    (place / "pipeline.yml").write_text(pipeline)
    return folder


def chosen(root, environ, **options):
    return load_project(root, environ=environ, **options).target


def test_the_flag_wins_over_the_environment_which_wins_over_the_project(tmp_path, home):
    root = a_project(tmp_path, "target: a\ntargets: {a: {}, b: {}, c: {}}")
    environ = {**home, "DLT_LITE_TARGET": "b"}

    assert chosen(root, home) == "a"
    assert chosen(root, environ) == "b"
    assert chosen(root, environ, target="c") == "c"


def test_a_target_may_be_named_by_a_pipeline_alone(tmp_path, home):
    root = a_project(tmp_path, pipeline="targets: {prod: {schema: p}}")

    project = load_project(root, environ=home, target="prod")

    assert project.pipelines["x"].namespace.schema == "p"


def test_an_unknown_target_gets_a_suggestion_and_says_who_asked(tmp_path, home):
    root = a_project(tmp_path, "targets: {prod: {}}")

    with pytest.raises(UnknownTarget) as by_flag:
        load_project(root, environ=home, target="prd")
    with pytest.raises(UnknownTarget) as by_variable:
        load_project(root, environ={**home, "DLT_LITE_TARGET": "x"})

    assert by_flag.value.fix == "did you mean 'prod'?"
    assert str(by_flag.value.origin) == "flag -t"
    assert by_variable.value.fix == "known: dev, prod"
    assert str(by_variable.value.origin) == "env DLT_LITE_TARGET"


@pytest.mark.parametrize("target", ["dev", "prod"])
def test_a_target_that_a_pipeline_misspells_is_refused_whatever_is_meant(tmp_path, home, target):
    root = a_project(tmp_path, "targets: {prod: {}}", "name: x\ntargets: {prdo: {}, dev: {}}")

    with pytest.raises(UnknownTarget) as caught:
        load_project(root, environ=home, target=target)

    assert caught.value.what == "no target is called 'prdo'"
    assert str(caught.value.origin) == "pipelines/x/pipeline.yml:2:11"
    assert caught.value.fix.startswith("did you mean 'prod'?")


@pytest.mark.parametrize("targets", ["", "targets: {prod: {}}"])
def test_a_default_target_that_nobody_names_is_refused_but_dev_is_there(tmp_path, home, targets):
    root = a_project(tmp_path, f"target: deb\n{targets}")

    with pytest.raises(UnknownTarget) as caught:
        load_project(root, environ=home)

    assert str(caught.value.origin) == "dlt_lite.yml:1:1"
    assert caught.value.fix.startswith("did you mean 'dev'?")
    assert "below `targets`" in caught.value.fix
    assert chosen(root, home, target="dev") == "dev"


def test_a_flag_names_the_target_even_if_the_default_cannot_be_resolved(tmp_path, home):
    root = a_project(tmp_path, "target: ${env.STAGE}\ntargets: {prod: {}}")

    assert chosen(root, home, target="prod") == "prod"


def test_targets_do_not_meet_by_default(tmp_path, home):
    root = a_project(tmp_path, "targets: {prod: {}, stage: {}}")

    roots = {
        target: load_project(root, environ=home, target=target).pipelines["x"].storage_root
        for target in ("dev", "stage", "prod")
    }

    assert len(set(roots.values())) == 3


@pytest.mark.parametrize(
    "project",
    [
        "storage_root: out\ntargets: {prod: {}}",
        "storage_root: s3a://b/x\ntargets: {prod: {storage_root: s3a://b/x/}}",
        "targets: {prod: {storage_root: storage/dev}}",
        "targets: {prod: {storage_root: ./storage/dev/}}",
        "targets: {prod: {storage_root: 'file://${env.ROOT}/storage/dev'}}",
        "targets: {prod: {storage_root: storage/dev, schema: DEFAULT}}",
        "storage_root: s3a://${env.NO}/x\ntargets: {dev: {}, prod: {}, now: {storage_root: a}}",
    ],
)
def test_two_targets_in_one_place_are_refused_naming_both(tmp_path, home, project):
    root = a_project(tmp_path, project)

    with pytest.raises(SharedTarget) as caught:
        load_project(
            root,
            environ={**home, "ROOT": str(root)},
            target="now" if "now" in project else None,
        )

    assert "dev and prod" in caught.value.what
    assert caught.value.origin.path == "dlt_lite.yml"


def test_a_link_to_another_targets_storage_is_found(tmp_path, home):
    root = a_project(tmp_path, "targets: {prod: {storage_root: other}}")
    (root / "other").symlink_to(root / "storage" / "dev")

    with pytest.raises(SharedTarget):
        load_project(root, environ=home)


@pytest.mark.parametrize("other", ["schema: p", "catalog: p", "storage_root: s3a://c/x"])
def test_one_difference_keeps_targets_apart(tmp_path, home, other):
    root = a_project(tmp_path, f"storage_root: s3a://b/x\ntargets: {{prod: {{{other}}}}}")

    assert chosen(root, home) == "dev"


def test_a_pipeline_that_brings_targets_together_is_refused(tmp_path, home):
    root = a_project(
        tmp_path,
        "targets: {prod: {}}",
        "targets: {prod: {storage_root: both}, dev: {storage_root: both}}",
    )

    with pytest.raises(SharedTarget) as caught:
        load_project(root, environ=home)

    assert caught.value.origin.path == "pipelines/x/pipeline.yml"


def test_the_environment_moves_the_chosen_target_only(tmp_path, home):
    root = a_project(tmp_path, "targets: {prod: {}}")

    moved = load_project(root, environ={**home, "DLT_LITE_STORAGE_ROOT": "/elsewhere"})

    assert moved.pipelines["x"].storage_root == "/elsewhere"


def test_a_flag_that_moves_one_target_into_another_is_refused(tmp_path, home):
    root = a_project(tmp_path, "targets: {prod: {}}")

    with pytest.raises(SharedTarget):
        load_project(root, environ=home, overrides={"storage_root": "storage/prod"})
