"""What holds for a target, project-wide or in one pipeline: which layer lies over which.

Lowest to highest: default, project file, pipeline file, target in the project file, target in the
pipeline file, environment, flags.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dlt_lite.model.origin import Origin
from dlt_lite.project.discovery import default_cache
from dlt_lite.project.fields import INHERITED, PROJECT, field_of
from dlt_lite.project.files import PipelineFile, ProjectFile
from dlt_lite.project.layers import Given, Layer, default_layer, environment_layer, laid_over

_NO_LAYER: Layer = {}


@dataclass(frozen=True, slots=True)
class Stack:
    """All layers of one command.

    Attributes:
        root: the project's folder.
        project: what the project's file says.
        environ: the environment.
        flags: what the command line gives.
        target: the target that is meant.
    """

    root: Path
    project: ProjectFile
    environ: Mapping[str, str]
    flags: Layer
    target: Given


def chosen_target(project: ProjectFile, environ: Mapping[str, str], flag: str | None) -> Given:
    """Return the target that is meant, and who says so."""
    if flag is not None:
        return Given(flag, Origin("flag -t"))
    own = [PROJECT.fields["target"]]
    return laid_over((default_target(project), environment_layer(own, environ)))["target"]


def default_target(project: ProjectFile) -> Layer:
    """Return the target that is meant where neither flag nor environment names one."""
    default = default_layer({"target": PROJECT.fields["target"].default})
    own = {key: given for key, given in project.layer.items() if key == "target"}
    return laid_over((default, own))


def written(stack: Stack, target: str, pipeline: PipelineFile | None = None) -> Layer:
    """Return what the files say for a target, over the defaults.

    Args:
        stack: the layers.
        target: the target's name.
        pipeline: the pipeline, None for what holds project-wide.
    """
    project = stack.project
    if pipeline is None:
        layers: tuple[Layer, ...] = (project.layer, project.targets.get(target, _NO_LAYER))
    else:
        layers = (
            _inherited(project.layer),
            pipeline.layer,
            project.targets.get(target, _NO_LAYER),
            pipeline.targets.get(target, _NO_LAYER),
        )
    return laid_over((_defaults(stack, target), *layers))


def effective(stack: Stack, pipeline: PipelineFile | None = None) -> Layer:
    """Return what holds for the chosen target, environment and flags included.

    Args:
        stack: the layers.
        pipeline: the pipeline, None for what holds project-wide.
    """
    target = stack.target.text or ""
    environment = environment_layer(INHERITED.values(), stack.environ)
    lowest = written(stack, target, pipeline)
    return laid_over((lowest, environment, stack.flags, {"target": stack.target}))


def _defaults(stack: Stack, target: str) -> Layer:
    fixed = {field.key: field.default for field in PROJECT.fields.values() if not field.form.is_map}
    return default_layer(
        {
            **fixed,
            "name": stack.root.name or "project",
            # It holds the target's name, so that no two targets meet unless somebody makes them.
            "storage_root": f"storage/{target}",
            "cache_dir": default_cache(stack.environ),
        }
    )


def _inherited(layer: Layer) -> Layer:
    return {key: given for key, given in layer.items() if field_of(key, INHERITED) is not None}
