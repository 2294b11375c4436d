"""Load a pipeline's Python files: their decorators record into a registry; nothing is executed."""

from __future__ import annotations

import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from dlt_lite.api.datasets import (
    append_flow,
    create_streaming_table,
    materialized_view,
    table,
    temporary_view,
)
from dlt_lite.engine.interception import FLOW_SPARK, install
from dlt_lite.engine.scope import LoadingScope
from dlt_lite.errors import (
    BadOption,
    DltLiteError,
    FileBroken,
    MissingModule,
    NeedsAnalyze,
    raise_together,
)
from dlt_lite.frontends.modules import ModuleSpace, ship_by_value
from dlt_lite.model.datasets import Definitions
from dlt_lite.model.origin import Origin
from dlt_lite.model.settings import PipelineSettings
from dlt_lite.project.suggestions import did_you_mean, shown
from dlt_lite.registry.active import reading_through, registering_into
from dlt_lite.registry.boundary import call_user_code
from dlt_lite.registry.origins import shown_path
from dlt_lite.registry.registry import Registry
from dlt_lite.suites.attaching import attach_files

_DECLARING: Mapping[str, Callable[..., object]] = {
    each.__name__: each
    for each in (table, materialized_view, temporary_view, create_streaming_table, append_flow)
}
_UNKNOWN_OPTION = re.compile(
    r"(?P<called>\w+)\(\) got an unexpected keyword argument '(?P<option>\w+)'"
)
_NO_SPARK = ("SESSION_OR_CONTEXT_NOT_EXISTS", "NO_ACTIVE_OR_DEFAULT_SESSION")


@dataclass(frozen=True, slots=True)
class LoadedPipeline:
    """A pipeline whose files are loaded.

    Attributes:
        definitions: what they declare.
        modules: the modules that they imported from the project.
    """

    definitions: Definitions
    modules: ModuleSpace


def load_pipeline(pipeline: PipelineSettings, session: SparkSession | None) -> LoadedPipeline:
    """Load the files of a pipeline.

    Args:
        pipeline: its settings.
        session: what `spark` means while files are loaded; None to load without Spark.

    Raises:
        DltLiteError: what every broken file and refused declaration says, together.
        NeedsAnalyze: a file needs Spark while it is loaded and there is none.
    """
    install()
    registry = Registry(
        pipeline.namespace,
        pipeline.project_root,
        pipeline.target,
        pipeline.null_policy,
        pipeline.configuration,
    )
    modules = ModuleSpace(pipeline.folder, pipeline.project_root)
    with (
        registering_into(registry),
        reading_through(LoadingScope(session)),
        modules.entered(),
    ):
        _load_all(pipeline, registry, without_spark=session is None)
        attach_files(registry, pipeline.name, sorted(pipeline.siblings))
    definitions = registry.freeze()
    raise_together([*unknown_targets(definitions, pipeline.targets)])
    return LoadedPipeline(definitions, modules)


def unknown_targets(definitions: Definitions, targets: Collection[str]) -> Iterator[DltLiteError]:
    """Yield what is wrong with rules that are switched on where nothing ever runs.

    Args:
        definitions: what a pipeline's files declare.
        targets: the project's targets; none where nobody has asked.
    """
    rules = (r for each in definitions.datasets.values() for r in (*each.rules, *each.switched_off))
    for rule in rules if targets else ():
        for name in rule.terms.targets or ():
            if name not in targets:
                what = f"expectation {rule.name!r}: enabled names no target: {shown(name)}"
                fix = did_you_mean(name, targets, otherwise="targets of the project")
                yield BadOption(what, origin=rule.origin, fix=fix)


def _load_all(pipeline: PipelineSettings, registry: Registry, *, without_spark: bool) -> None:
    """Load every file; an error that several files meet by an import is kept once."""
    root = pipeline.project_root
    told: set[str] = set()
    broken: set[str] = set()
    for path in pipeline.files:
        if shown_path(str(path), root) in broken:
            continue
        try:
            _load(path, root, without_spark=without_spark)
        except DltLiteError as error:
            if error.origin is not None:
                broken.add(error.origin.path)
            if str(error) not in told:
                registry.refuse(error)
            told.add(str(error))


def _load(path: Path, root: Path, *, without_spark: bool) -> None:
    name = path.stem
    existing = sys.modules.get(name)
    if existing is not None and getattr(existing, "__file__", None) == str(path):
        existing.__dict__.setdefault("spark", FLOW_SPARK)
        return
    own_name = name if existing is None else f"_dlt_lite_{name}"
    explain = partial(_explain, path=path, root=root, without_spark=without_spark)
    call_user_code(_executing(path, own_name), root=root, explain=explain)


def _executing(path: Path, name: str) -> Callable[[], None]:
    def execute() -> None:
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise FileBroken(f"{path} cannot be loaded", fix="name it with the ending .py")
        ship_by_value(spec)
        module = importlib.util.module_from_spec(spec)
        module.__dict__["spark"] = FLOW_SPARK
        sys.modules[name] = module
        spec.loader.exec_module(module)

    return execute


def _explain(
    error: BaseException,
    origin: Origin | None,
    *,
    path: Path,
    root: Path,
    without_spark: bool,
) -> DltLiteError:
    where = origin or Origin(shown_path(str(path), root))
    if isinstance(error, SyntaxError):
        file = shown_path(str(error.filename or path), root)
        place = Origin(file, error.lineno or 0, error.offset or 0)
        return FileBroken(f"syntax error: {error.msg}", origin=place, fix="correct the line")
    if isinstance(error, ModuleNotFoundError):
        return MissingModule(
            f"module {error.name!r} is not there",
            origin=where,
            fix="install it, or put it beside the pipeline's files",
        )
    if without_spark and _wants_spark(error):
        return NeedsAnalyze(
            "the file uses Spark while it is loaded",
            origin=where,
            fix="move it into a function, or say: validate --analyze",
        )
    if (found := _unknown_option(error, where)) is not None:
        return found
    kind = type(error).__name__
    return FileBroken(f"loading the file raised {kind}: {error}", origin=where, fix="correct it")


def _unknown_option(error: BaseException, where: Origin) -> BadOption | None:
    """Return what to say of a decorator that was given an argument which it does not have."""
    found = _UNKNOWN_OPTION.match(str(error)) if isinstance(error, TypeError) else None
    if found is None or found["called"] not in _DECLARING:
        return None
    options = inspect.signature(_DECLARING[found["called"]]).parameters
    if found["option"] in options:
        return None
    return BadOption(
        f"{found['called']} has no argument {found['option']!r}",
        origin=where,
        fix=did_you_mean(found["option"], [*options], otherwise="it has"),
    )


def _wants_spark(error: BaseException) -> bool:
    if isinstance(error, PySparkException):
        return (error.getCondition() or "") in _NO_SPARK
    return isinstance(error, AssertionError | RuntimeError | AttributeError) and (
        "SparkContext" in str(error) or "_jvm" in str(error) or "session" in str(error).lower()
    )
