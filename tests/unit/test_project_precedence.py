from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from dlt_lite.project.loading import load_project

LAYERS = [
    "default",
    "project",
    "pipeline",
    "project_target",
    "pipeline_target",
    "environment",
    "flag",
]
VALUES = {
    "parallel_flows": {layer: str(number) for number, layer in enumerate(LAYERS, start=11)},
    "configuration.key": {layer: layer for layer in LAYERS},
}


def written(layer, given_by):
    says = {}
    if layer in given_by["parallel_flows"]:
        says["parallel_flows"] = int(VALUES["parallel_flows"][layer])
    if layer in given_by["configuration.key"]:
        says["configuration"] = {"key": layer}
    return says


def a_project(root, given_by):
    place = root / "pipelines" / "x"
    place.mkdir(parents=True)
    for file, level in ((root / "dlt_lite.yml", "project"), (place / "pipeline.yml", "pipeline")):
        says = written(level, given_by)
        says["targets"] = {"t": written(f"{level}_target", given_by), "other": {"ansi": False}}
        file.write_text(json.dumps(says))


@settings(max_examples=60, deadline=None)
@given(st.fixed_dictionaries({key: st.sets(st.sampled_from(LAYERS[1:])) for key in VALUES}))
def test_the_highest_layer_that_speaks_wins_for_each_key_alone(given_by):
    environ, overrides = {"HOME": "/nowhere"}, {}
    if "environment" in given_by["parallel_flows"]:
        environ["DLT_LITE_PARALLEL_FLOWS"] = VALUES["parallel_flows"]["environment"]
    for key, layers in given_by.items():
        if "flag" in layers:
            overrides[key] = VALUES[key]["flag"]

    with tempfile.TemporaryDirectory() as folder:
        a_project(Path(folder), given_by)
        pipeline = load_project(
            Path(folder), environ=environ, target="t", overrides=overrides
        ).pipelines["x"]

    spoken = [layer for layer in LAYERS if layer in given_by["parallel_flows"]]
    assert pipeline.run.parallel_flows == int(VALUES["parallel_flows"][spoken[-1]] if spoken else 4)
    # No variable of the environment gives a configuration value.
    spoken = [x for x in LAYERS if x in given_by["configuration.key"] - {"environment"}]
    assert pipeline.configuration.get("key") == (spoken[-1] if spoken else None)
