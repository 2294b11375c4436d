from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dlt_lite.errors import (
    BadValue,
    BadYaml,
    ConfigProblem,
    DuplicatePipeline,
    ErrorGroup,
    MissingVariable,
    NoProject,
    UnknownKey,
    UnknownPipeline,
)
from dlt_lite.model.gates import Gate
from dlt_lite.model.names import Namespace
from dlt_lite.model.origin import Origin
from dlt_lite.model.samples import SampleSettings
from dlt_lite.project.loading import load_project, load_what_can_be, pipeline_of


@pytest.fixture
def home(tmp_path):
    return {"HOME": str(tmp_path / "home")}


def a_project(folder, project="", **pipelines):
    (folder / "dlt_lite.yml").write_text(project)
    for name, text in pipelines.items():
        place = folder / "pipelines" / name
        place.mkdir(parents=True)
        (place / "pipeline.yml").write_text(text)
    return folder


def refusal(root, home, **options):
    with pytest.raises((BadValue, BadYaml, UnknownKey, MissingVariable)) as caught:
        load_project(root, environ=home, **options)
    return caught.value


def source_of(sources, key):
    return next((each.value, each.source) for each in sources if each.key == key)


def test_an_empty_project_has_the_documented_defaults(tmp_path, home):
    root = a_project(tmp_path, x="")

    project = load_project(root, environ=home)

    pipeline = project.pipelines["x"]
    assert (project.name, project.target) == (tmp_path.name, "dev")
    assert pipeline.namespace == Namespace("default", None)
    assert pipeline.storage_root == f"{root}/storage/dev"
    assert pipeline.state_root == project.state_root == root / ".dlt_lite"
    assert pipeline.engine.master == "local[*]"
    assert pipeline.engine.ansi is True
    assert pipeline.engine.class_archive is True
    assert pipeline.engine.jars_dir is None
    assert pipeline.engine.cache_dir == Path(home["HOME"]) / ".cache" / "dlt_lite"
    assert (pipeline.run.parallel_flows, pipeline.run.max_retries) == (4, 2)
    assert pipeline.run.catalog_tables is False
    assert (pipeline.configuration, pipeline.engine.spark) == ({}, {})


def test_every_project_key_reaches_its_record(tmp_path, home):
    text = """
    name: shop
    target: stage
    targets: {stage: {}}
    storage_root: s3a://bucket/${env.WHERE}/
    state_root: /var/lib/x
    catalog: main
    schema: sales
    configuration: {landing: in, days: 3, on: true, ratio: 0.5, "no": no}
    spark: {spark.sql.shuffle.partitions: 7}
    master: submit
    ansi: false
    jars_dir: jars
    cache_dir: /cache
    class_archive: false
    parallel_flows: 9
    max_retries: 0
    catalog_tables: true
    """
    root = a_project(tmp_path, text, x="")

    project = load_project(root, environ={**home, "WHERE": "here"})

    pipeline = project.pipelines["x"]
    assert (project.name, project.target, pipeline.project) == ("shop", "stage", "shop")
    assert pipeline.storage_root == "s3a://bucket/here"
    assert project.state_root == Path("/var/lib/x")
    assert pipeline.namespace == Namespace("sales", "main")
    assert pipeline.configuration == {
        "landing": "in",
        "days": "3",
        "on": "true",
        "ratio": "0.5",
        "no": "no",
    }
    assert pipeline.engine.spark == {"spark.sql.shuffle.partitions": "7"}
    assert pipeline.engine.master is None
    assert pipeline.engine.ansi is False
    assert pipeline.engine.jars_dir == root / "jars"
    assert pipeline.engine.cache_dir == Path("/cache")
    assert pipeline.engine.class_archive is False
    assert (pipeline.run.parallel_flows, pipeline.run.max_retries) == (9, 0)
    assert pipeline.run.catalog_tables is True


def test_a_pyproject_says_the_same_as_yaml_and_its_dotted_keys_stay_whole(tmp_path, home):
    root = a_project(tmp_path, x="")
    (root / "dlt_lite.yml").unlink()
    (root / "pyproject.toml").write_text("""
[tool.dlt_lite]
name = "shop"
parallel_flows = 2
[tool.dlt_lite.spark]
spark.sql.shuffle.partitions = 7
[tool.dlt_lite.targets.prod]
schema = "live"
configuration.day.first = 2024-01-31
""")

    project = load_project(root, environ=home, target="prod")

    pipeline = project.pipelines["x"]
    assert pipeline.namespace.schema == "live"
    assert pipeline.configuration == {"day.first": "2024-01-31"}
    assert pipeline.engine.spark == {"spark.sql.shuffle.partitions": "7"}
    assert source_of(project.sources, "parallel_flows") == ("2", "pyproject.toml")


def test_null_and_submit_both_leave_the_master_to_spark_submit(tmp_path, home):
    for text in ("master: null", "master: submit", "targets: {dev: {master: }}"):
        (tmp_path / text.replace(" ", "")[:40]).mkdir()
        root = a_project(tmp_path / text.replace(" ", "")[:40], text, x="")

        project = load_project(root, environ=home)

        assert project.pipelines["x"].engine.master is None
        assert source_of(project.sources, "master")[0] == "submit"


def test_each_value_knows_where_it_comes_from(tmp_path, home):
    root = a_project(
        tmp_path,
        "schema: a\nconfiguration:\n  k: 1\ntargets:\n  prod:\n    ansi: false\n",
        x="max_retries: 1\ntargets:\n  prod:\n    configuration: {k: 2}\n",
    )
    environ = {**home, "DLT_LITE_MASTER": "local[2]"}

    project = load_project(
        root,
        environ=environ,
        target="prod",
        parameters={"p": "v"},
        overrides={"storage_root": "out"},
    )

    assert source_of(project.sources, "target") == ("prod", "flag -t")
    assert source_of(project.sources, "name") == (root.name, "default")
    assert source_of(project.sources, "configuration.k") == ("1", "dlt_lite.yml:3")
    sources = project.pipeline_sources["x"]
    assert {key: source_of(sources, key) for key in ("schema", "ansi", "max_retries")} == {
        "schema": ("a", "dlt_lite.yml:1"),
        "ansi": ("false", "dlt_lite.yml:6"),
        "max_retries": ("1", "pipelines/x/pipeline.yml:1"),
    }
    assert source_of(sources, "configuration.k") == ("2", "pipelines/x/pipeline.yml:4")
    assert source_of(sources, "configuration.p") == ("v", "flag --param")
    assert source_of(sources, "master") == ("local[2]", "env DLT_LITE_MASTER")
    assert source_of(sources, "storage_root") == ("out", "flag --storage-root")


def test_secrets_are_hidden_in_sources_and_kept_in_settings(tmp_path, home):
    keys = ["db.password", "apiSecret", "auth.token", "fs.s3a.access.key", "account.key.x.net"]
    text = "configuration:\n" + "".join(f"  {key}: hush\n" for key in keys) + "  keyboard: seen\n"
    root = a_project(tmp_path, text, x="")

    project = load_project(root, environ=home)

    assert "hush" not in str(project.sources)
    assert "hush" not in str(project.pipeline_sources)
    assert source_of(project.sources, "configuration.keyboard")[0] == "seen"
    assert project.pipelines["x"].configuration["db.password"] == "hush"


def test_a_reference_takes_the_variable_or_its_default_and_two_dollars_are_literal(tmp_path, home):
    text = """
    configuration:
      a: <${env.A}>
      b: ${env.B:-other}
      c: ${env.EMPTY:-other}
      d: ${env.B:-}
      e: $${env.A} and $$
      f: ${env.A}${env.A}
      g: ${env.TRICKY}
    parallel_flows: ${env.N:-3}
    ansi: ${env.ANSI:-false}
    """
    root = a_project(tmp_path, text, x="")
    environ = {**home, "A": "1", "EMPTY": "", "TRICKY": "${env.A}"}

    pipeline = load_project(root, environ=environ).pipelines["x"]

    assert pipeline.configuration == {
        "a": "<1>",
        "b": "other",
        "c": "other",
        "d": "",
        "e": "${env.A} and $$",
        "f": "11",
        "g": "${env.A}",
    }
    assert pipeline.run.parallel_flows == 3
    assert pipeline.engine.ansi is False


def test_a_missing_variable_is_told_once_with_its_line(tmp_path, home):
    root = a_project(tmp_path, "name: x\nconfiguration:\n  a: ${env.BUCKETT}\n", x="", y="")

    error = refusal(root, {**home, "BUCKET": "b"})

    assert isinstance(error, MissingVariable)
    assert error.origin == Origin("dlt_lite.yml", 3, 3)
    assert "BUCKET?" in error.fix


def test_a_target_that_is_not_chosen_may_need_variables_that_are_not_there(tmp_path, home):
    root = a_project(tmp_path, "targets: {prod: {storage_root: 's3a://${env.BUCKET}'}}", x="")

    project = load_project(root, environ=home)

    assert project.pipelines["x"].storage_root == f"{root}/storage/dev"
    assert isinstance(refusal(root, home, target="prod"), MissingVariable)


@pytest.mark.parametrize("text", ["${home}", "${env.}", "${env.A", "${env.A:default}", "a ${ b"])
def test_other_references_are_refused(tmp_path, home, text):
    root = a_project(tmp_path, f"configuration:\n  a: '{text}'\n", x="")

    error = refusal(root, {**home, "A": "1"})

    assert error.origin.line == 2
    assert "$${" in error.fix


@pytest.mark.parametrize(
    ("text", "line", "fix"),
    [
        ("name: x\nshema: y\n", 2, "did you mean 'schema'?"),
        ("targets:\n  prod:\n    paralel_flows: 2\n", 3, "did you mean 'parallel_flows'?"),
        ("target:s: 1\n", 1, "did you mean 'targets'?"),
        ("qqq: 1\n", 1, "known: ansi, "),
    ],
)
def test_an_unknown_key_has_its_line_and_a_suggestion(tmp_path, home, text, line, fix):
    error = refusal(a_project(tmp_path, text), home)

    assert isinstance(error, UnknownKey)
    assert error.origin.line == line
    assert error.fix.startswith(fix)


def test_a_key_in_the_wrong_file_says_where_it_belongs(tmp_path, home):
    root = a_project(tmp_path, x="schema: a\nstorage_root: b\n")

    error = refusal(root, home)

    assert error.origin == Origin("pipelines/x/pipeline.yml", 2, 1)
    assert "targets" in error.fix


def test_free_space_at_the_top_holds_anchors_and_nowhere_else(tmp_path, home):
    text = "x-s: &s {spark.a: 1}\nspark: {<<: *s, spark.b: 2}\ntargets: {prod: {spark: *s}}\n"
    root = a_project(tmp_path, text, x="x-anything: [1]\n")

    assert load_project(root, environ=home).pipelines["x"].engine.spark == {
        "spark.a": "1",
        "spark.b": "2",
    }

    (root / "dlt_lite.yml").write_text("targets: {prod: {x-s: 1}}")
    assert isinstance(refusal(root, home), UnknownKey)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("schema: 2024", '"2024"'),
        ("schema: true", '"true"'),
        ("schema: [a]", "not a list"),
        ("schema:", "not nothing"),
        ("schema: a-b", "letters, digits and underscores"),
        ("schema: ''", "letters, digits and underscores"),
        ("schema: a.b", "letters, digits and underscores"),
        ("catalog: '`x`'", "letters, digits and underscores"),
        ("ansi: yes", "must be true or false, not text"),
        ("ansi: 1", "must be true or false"),
        ("ansi: 'true'", "write it without quotes: true"),
        ("parallel_flows: 0", "from 1, not '0'"),
        ("parallel_flows: -1", "from 1, not '-1'"),
        ("parallel_flows: 1.5", "not a decimal number"),
        ("parallel_flows: '4'", "write it without quotes: 4"),
        ("parallel_flows: 99999999999999999999", "from 1"),
        ("max_retries: 1_000", "from 0, not text"),
        ("max_retries: " + "9" * 5000, "from 0"),
        ("configuration: [a]", "must be keys and values, not a list"),
        ("configuration: {a: [1]}", "must be one value, not a list"),
        ("configuration: {a: }", "must be one value, not nothing"),
        ("spark: {sql: {a: 1}}", "must be one value, not a mapping"),
        ("targets: [dev]", "must be names with settings below"),
        ("targets: {dev: 1}", "must be settings, not a whole number"),
        ("targets: {../x: {}}", "letters, digits"),
        ("target: a b", "letters, digits"),
        ("name: ' '", "text"),
        ('name: "a\\nb"', "text without control characters"),
        ('storage_root: "a\\0b"', "text without control characters"),
        ("storage_root: ~/x", "env.HOME"),
        ("storage_root: ../../x", "leaves the project"),
        ("state_root: a/../../x", "leaves the project"),
        ("state_root: s3a://bucket/x", "no folder on this machine's disk"),
        ("jars_dir: https://host/x", "no folder on this machine's disk"),
        ("{ansi: true, spark: {spark.sql.ansi.enabled: 'false'}}", "but 'ansi' is another"),
        ("{master: 'local[2]', spark: {spark.master: local}}", "but 'master' is another"),
        ("pipelines: ../x", "outside the project"),
        ("pipelines: /etc", "not a relative path"),
        ("pipelines: nowhere", "there is no folder"),
        ("- a", "keys and values"),
    ],
)
def test_a_value_of_the_wrong_type_or_form_says_what_is_wanted(tmp_path, home, text, words):
    error = refusal(a_project(tmp_path, text, x=""), home)

    assert words in str(error)
    assert error.origin.path == "dlt_lite.yml"
    assert error.origin.line == 1
    assert error.fix


def test_a_bad_value_from_environment_or_flag_names_it(tmp_path, home):
    root = a_project(tmp_path, x="")

    by_variable = refusal(root, {**home, "DLT_LITE_PARALLEL_FLOWS": "many"})
    by_flag = refusal(root, home, overrides={"parallel_flows": "0"})
    unknown = refusal(root, home, overrides={"storage_rot": "x"})

    assert str(by_variable.origin) == "env DLT_LITE_PARALLEL_FLOWS"
    assert str(by_flag.origin) == "flag --parallel-flows"
    assert unknown.fix == "did you mean 'storage_root'?"


def test_no_error_shows_a_secret(tmp_path, home):
    root = a_project(tmp_path, "configuration: {a.password: [hush]}", x="")

    assert "hush" not in str(refusal(root, home))


def test_an_empty_environment_variable_gives_nothing(tmp_path, home):
    root = a_project(tmp_path, "schema: a", x="")
    empty = {f"DLT_LITE_{name}": "" for name in ("MASTER", "TARGET", "STORAGE_ROOT", "JARS_DIR")}

    assert load_project(root, environ={**home, **empty}) == load_project(root, environ=home)


def test_switches_of_the_environment_take_digits_too(tmp_path, home):
    root = a_project(tmp_path, x="")

    project = load_project(root, environ={**home, "DLT_LITE_CLASS_ARCHIVE": "0"})

    assert project.pipelines["x"].engine.class_archive is False


def test_blanks_and_umlauts_in_the_storage_root_are_fine(tmp_path, home):
    root = a_project(tmp_path, "storage_root: Äpfel und Birnen/%20", x="")

    project = load_project(root, environ=home)

    assert project.pipelines["x"].storage_root == f"{root}/Äpfel und Birnen/%20"


@pytest.mark.parametrize(
    "text", ["s3a://b/x", "hdfs://n:9/x", "file:/x", "/abs/x", "abfss://c@a/x"]
)
def test_uris_and_absolute_paths_are_kept(tmp_path, home, text):
    root = a_project(tmp_path, f"storage_root: {text}", x="")

    assert load_project(root, environ=home).pipelines["x"].storage_root == text


def test_parameters_win_over_every_configuration_and_are_taken_as_they_are(tmp_path, home):
    root = a_project(tmp_path, "configuration: {a: 1, b: 2}", x="configuration: {a: 3}")

    project = load_project(root, environ=home, parameters={"a": "${env.X}\n'\"", "c": ""})

    assert project.pipelines["x"].configuration == {"a": "${env.X}\n'\"", "b": "2", "c": ""}


def test_all_problems_of_all_files_are_raised_together(tmp_path, home):
    root = a_project(tmp_path, "shema: a\nansi: yes\n", x="bad: 1\n", y="a: [\n", z="schema: 1\n")

    with pytest.raises(ErrorGroup) as caught:
        load_project(root, environ=home, target="nowhere")

    places = [str(error.origin) for error in caught.value.errors]
    assert places == [
        "dlt_lite.yml:1:1",
        "dlt_lite.yml:2:7",
        "pipelines/x/pipeline.yml:1:1",
        "pipelines/y/pipeline.yml:2:1",
        "pipelines/z/pipeline.yml:1:9",
        "flag -t",
    ]


def test_pipelines_come_in_the_order_of_their_names(tmp_path, home):
    root = a_project(tmp_path, a="name: zebra", b="", c="name: Ant")

    project = load_project(root, environ=home)

    assert list(project.pipelines) == ["Ant", "b", "zebra"]
    assert list(project.pipeline_sources) == ["Ant", "b", "zebra"]


def test_the_projects_name_is_not_inherited_by_its_pipelines(tmp_path, home):
    assert list(load_project(a_project(tmp_path, "name: shop", x=""), environ=home).pipelines) == [
        "x"
    ]


def test_two_pipelines_of_one_name_are_refused_naming_both_places(tmp_path, home):
    root = a_project(tmp_path, orders="", other="schema: a\nname: ORDERS\n")

    with pytest.raises(DuplicatePipeline) as caught:
        load_project(root, environ=home)

    assert caught.value.origin == Origin("pipelines/other/pipeline.yml", 2, 1)
    assert "pipelines/orders/pipeline.yml" in caught.value.what


@pytest.mark.parametrize("name", ["../x", "a.b", "a b", "a/b", "ü", "🎈", "x" * 65])
def test_a_pipelines_name_is_safe_as_a_folders_name(tmp_path, home, name):
    root = a_project(tmp_path, x=f"name: {name}")

    assert "letters, digits" in str(refusal(root, home))


def test_a_folder_whose_name_cannot_be_a_pipelines_needs_a_name(tmp_path, home):
    root = a_project(tmp_path, **{"my orders": "", "my clicks": "name: clicks"})

    error = refusal(root, home)

    assert error.origin == Origin("pipelines/my orders/pipeline.yml")
    assert "name:" in error.fix


def test_a_folder_without_pipeline_file_is_no_pipeline_unless_it_holds_python(tmp_path, home):
    root = a_project(tmp_path, x="")
    for name in ("data", "tests", "_shared", ".hidden"):
        (root / "pipelines" / name).mkdir()
    (root / "pipelines" / "_shared" / "helpers.py").touch()
    (root / "pipelines" / "tests" / "test_x.py").touch()
    (root / "pipelines" / "notes.txt").touch()

    assert list(load_project(root, environ=home).pipelines) == ["x"]

    (root / "pipelines" / "data" / "tables.py").touch()
    assert "no pipeline.yml in pipelines/data" in str(refusal(root, home))


def test_a_misspelt_pipeline_file_says_so(tmp_path, home):
    root = a_project(tmp_path)
    (root / "pipelines" / "x").mkdir(parents=True)
    (root / "pipelines" / "x" / "pipeline.yaml").touch()

    assert "rename pipeline.yaml to pipeline.yml" in str(refusal(root, home))


def test_a_project_without_pipelines_is_a_project(tmp_path, home):
    assert load_project(a_project(tmp_path), environ=home).pipelines == {}


def test_a_folder_that_is_no_project_is_refused(tmp_path, home):
    with pytest.raises(NoProject):
        load_project(tmp_path, environ=home)


def test_a_pipeline_folder_that_is_a_link_out_of_the_project_is_refused(tmp_path, home):
    (tmp_path / "project").mkdir()
    root = a_project(tmp_path / "project", x="")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "pipeline.yml").touch()
    (root / "pipelines" / "y").symlink_to(outside)

    assert "outside the project" in str(refusal(root, home))


def test_an_unknown_pipeline_gets_a_suggestion_and_the_list(tmp_path, home):
    project = load_project(a_project(tmp_path, clickstream="", orders=""), environ=home)

    with pytest.raises(UnknownPipeline) as caught:
        pipeline_of(project, "clikstream")

    assert pipeline_of(project, "orders").name == "orders"
    assert "did you mean 'clickstream'?" in caught.value.fix
    assert caught.value.fix.endswith("clickstream, orders")


def test_loading_imports_neither_spark_nor_pydantic(tmp_path):
    root = a_project(tmp_path, x="")
    code = (
        "import sys, pathlib\n"
        "from dlt_lite.project.loading import load_project\n"
        "load_project(pathlib.Path(sys.argv[1]), environ={'HOME': sys.argv[1]})\n"
        "heavy = {'pyspark', 'delta', 'py4j', 'pydantic', 'pandas'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, str(root)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


def test_loading_writes_nothing(tmp_path, home):
    root = a_project(tmp_path, "storage_root: out", x="")
    before = sorted(root.rglob("*"))

    load_project(root, environ=home)

    assert sorted(root.rglob("*")) == before


GATE = """
quality:
  gate: {min_pass_ratio: 0.99, max_regression_points: 2, max_row_decrease: .5}
targets:
  prod:
    quality:
      gate:
        no_critical: false
        min_pass_ratio: ${env.LEAST:-0.5}
        max_row_decrease: null
"""


def test_a_gate_is_settled_for_each_pipeline_and_target(tmp_path, home):
    own = "quality: {gate: {some_checked: true, max_regression_points: 0.5}}"
    root = a_project(tmp_path, GATE, shop="", own=own)

    dev, prod = (
        load_project(root, environ=home, target=each).pipelines for each in ("dev", "prod")
    )

    assert dev["shop"].gate == Gate(
        min_pass_ratio=0.99, max_regression_points=2.0, max_row_decrease=0.5
    )
    assert dev["own"].gate == Gate(
        min_pass_ratio=0.99, max_regression_points=0.5, max_row_decrease=0.5, some_checked=True
    )
    assert prod["shop"].gate == Gate(
        no_critical=False, min_pass_ratio=0.5, max_regression_points=2.0
    )


def test_a_gates_settings_tell_where_they_come_from(tmp_path, home):
    project = load_project(a_project(tmp_path, GATE, shop=""), environ=home, target="prod")

    sources = project.pipeline_sources["shop"]
    found = {each.key: (each.value, each.source) for each in sources if "gate" in each.key}
    assert found == {
        "quality.gate.max_regression_points": ("2", "dlt_lite.yml:3"),
        "quality.gate.max_row_decrease": ("", "dlt_lite.yml:10"),
        "quality.gate.min_pass_ratio": ("0.5", "dlt_lite.yml:9"),
        "quality.gate.no_critical": ("false", "dlt_lite.yml:8"),
        "quality.gate.no_unexplained_drop": ("true", "default"),
        "quality.gate.some_checked": ("false", "default"),
    }


def test_a_gate_may_stand_in_a_pyproject(tmp_path, home):
    root = a_project(tmp_path, "", shop="")
    (root / "dlt_lite.yml").unlink()
    text = "[tool.dlt_lite.quality.gate]\nmin_pass_ratio = 0.25\n"
    (root / "pyproject.toml").write_text(text)

    assert load_project(root, environ=home).pipelines["shop"].gate == Gate(min_pass_ratio=0.25)


@pytest.mark.parametrize(
    ("text", "origin", "says"),
    [
        ("quality: {gat: {}}", Origin("dlt_lite.yml", 1, 11), "'gat' is no key of `quality`"),
        ("quality: {gate: {min: 1}}", Origin("dlt_lite.yml", 1, 18), "'min' is no key of `gate`"),
        ("quality:\n  gate: 1", Origin("dlt_lite.yml", 2, 9), "'gate' must be keys and values"),
        ("qualty: {}", Origin("dlt_lite.yml", 1, 1), "'qualty' is no key of the project file"),
        (
            "quality:\n  gate:\n    min_pass_ratio: 99",
            Origin("dlt_lite.yml", 3, 21),
            "'min_pass_ratio' must be a number from 0 to 1, not '99'",
        ),
        (
            "quality: {gate: {min_pass_ratio: 99%}}",
            Origin("dlt_lite.yml", 1, 34),
            "'min_pass_ratio' must be a number from 0 to 1, not text",
        ),
        (
            "quality: {gate: {no_critical: 1}}",
            Origin("dlt_lite.yml", 1, 31),
            "'no_critical' must be true or false",
        ),
        (
            "quality: {gate: {max_regression_points: -1}}",
            Origin("dlt_lite.yml", 1, 41),
            "'max_regression_points' must be a number from 0 to 100",
        ),
    ],
)
def test_a_wrong_gate_is_refused_at_its_place(tmp_path, home, text, origin, says):
    error = refusal(a_project(tmp_path, text, shop=""), home)

    assert (error.origin, error.what[: len(says)]) == (origin, says)


def test_samples_and_masks_are_settled_for_each_pipeline_and_target(tmp_path, home):
    text = "quality: {samples: 2, mask: [Email, phone]}\ntargets: {prod: {quality: {mask: []}}}\n"
    own = "quality: {samples: 0, mask: '${env.HIDDEN:-iban, TAX no}'}"
    root = a_project(tmp_path, text, shop="", own=own)

    dev, prod = (
        load_project(root, environ=home, target=each).pipelines for each in ("dev", "prod")
    )

    assert dev["shop"].samples == SampleSettings(2, frozenset({"email", "phone"}))
    assert dev["own"].samples == SampleSettings(0, frozenset({"iban", "tax no"}))
    assert prod["shop"].samples == SampleSettings(2)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("quality: {samples: many}", "'samples' must be a whole number from 0, not text"),
        ("quality: {samples: [1]}", "'samples' must be a whole number from 0, not a list"),
        ("quality: {mask: {email: true}}", "'mask' must be a list of names, not a mapping"),
        ("quality: {mask: [email, 1]}", "'mask' must be a list of names, not a whole number"),
        ("quality: {mask: [[email]]}", "'mask' must be a list of names, not a list"),
        ("quality: {mask: ['a,b']}", "'mask' must be a list of names, not a list"),
        ("quality: {maks: [email]}", "'maks' is no key of `quality`"),
        ("schema: [a]", "'schema' must be a name of letters"),
    ],
)
def test_wrong_samples_and_masks_are_refused(tmp_path, home, text, says):
    assert says in refusal(a_project(tmp_path, text, shop=""), home).what


def test_what_null_means_is_written_as_people_write_it(tmp_path, home):
    root = a_project(tmp_path, "quality: {null: pass}\n", x="")
    assert load_project(root, environ=home).pipelines["x"].null_policy == "pass"


@pytest.mark.parametrize(
    "text",
    [
        "name: [",
        "nmae: bad",
        "storage_root: ${env.NOT_THERE}",
        "libraries: [{glob: {include: ../../x}}]",
        "targets: {prod: {schmea: x}}",
        "name: good",
    ],
)
def test_a_pipeline_whose_own_file_is_broken_can_be_left_out(tmp_path, home, text):
    root = a_project(tmp_path, bad=text, good="", other="")

    loaded = load_what_can_be(root, environ=home)

    assert set(loaded.settings.pipelines) - {"good"} == {"other"}
    assert ("good" in loaded.settings.pipelines) == (text != "name: good")
    assert [problem.origin.path for problem in loaded.problems] in (
        ["pipelines/bad/pipeline.yml"],
        ["pipelines/good/pipeline.yml"],
    )
    with pytest.raises(ConfigProblem):
        load_project(root, environ=home)


@pytest.mark.parametrize(
    ("project", "options"),
    [
        ("stroage_root: x", {}),
        ("storage_root: ${env.NOT_THERE}", {}),
        ("", {"target": "nosuch"}),
        ("", {"overrides": {"storage_root": "../x"}}),
        ("targets: {a: {storage_root: x}, b: {storage_root: x}}", {}),
        ("resources: {jobs: {j: {taks: []}}}", {}),
    ],
)
def test_what_is_wrong_with_more_than_one_pipeline_is_never_left_out(
    tmp_path, home, project, options
):
    root = a_project(tmp_path, project, bad="name: [", good="")

    with pytest.raises(ErrorGroup) as caught:
        load_what_can_be(root, environ=home, **options)

    assert "pipelines/bad/pipeline.yml" in str(caught.value)


def test_a_setting_that_spark_has_another_name_for_is_shown_as_it_holds(tmp_path, home):
    root = a_project(
        tmp_path,
        "spark: {spark.master: 'local[1]', spark.sql.ansi.enabled: false}\n"
        "targets: {strict: {ansi: true}}\n",
        x="",
    )

    loose = load_project(root, environ=home)
    strict = load_project(root, environ=home, target="strict")
    told = load_project(root, environ=home | {"DLT_LITE_MASTER": "local[3]"})

    assert source_of(loose.sources, "ansi") == ("false", "dlt_lite.yml:1")
    assert source_of(loose.sources, "master") == ("local[1]", "dlt_lite.yml:1")
    assert not loose.pipelines["x"].engine.ansi
    assert strict.pipelines["x"].engine.ansi
    assert "spark.sql.ansi.enabled" not in strict.pipelines["x"].engine.spark
    assert source_of(told.sources, "master") == ("local[3]", "env DLT_LITE_MASTER")
    assert "spark.master" not in told.pipelines["x"].engine.spark
