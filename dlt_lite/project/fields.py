"""The settings themselves, as a table: which key may stand where, what it takes, its default."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dlt_lite.model.names import LONGEST_NAME
from dlt_lite.project.nodes import ScalarKind

PROJECT_FILE = "dlt_lite.yml"
PIPELINE_FILE = "pipeline.yml"
JOB_FILE = "job.yml"
PYTHON_JOB_FILE = "job.py"
SUBMITTED = "submit"

# What may also stand among the Spark settings, by the name that Spark has for it.
SAID_TWICE = {"master": "spark.spark.master", "ansi": "spark.spark.sql.ansi.enabled"}

_ONE_VALUE = frozenset(ScalarKind) - {ScalarKind.NOTHING}


@dataclass(frozen=True, slots=True)
class Form:
    """What a value must look like.

    Attributes:
        wants: the form in a person's words.
        kinds: what YAML may say; text stands for every kind once it refers to a variable.
        pattern: what the whole text must match.
        is_map: whether the key holds a mapping of such values.
        may_be_nothing: whether `null` takes the setting away.
        is_list: whether YAML may say a list, which is the same as its texts with commas between.
    """

    wants: str
    kinds: frozenset[ScalarKind]
    pattern: re.Pattern[str]
    is_map: bool = False
    may_be_nothing: bool = False
    is_list: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """One setting.

    Attributes:
        key: how it is written; `quality.gate.no_critical` stands in a mapping within a mapping.
        form: what its values look like.
        default: its value where nobody gives one, None for none.
        variable: the environment variable that gives it.
        levels: where it may stand besides the project file: `pipeline`, `target`.
    """

    key: str
    form: Form
    default: str | None = None
    variable: str | None = None
    levels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Level:
    """A place where settings are written.

    Attributes:
        title: how errors call it.
        fields: the settings that may stand there.
        structure: the keys that are no settings.
    """

    title: str
    fields: Mapping[str, Field]
    structure: frozenset[str]

    def keys(self) -> frozenset[str]:
        """Return every key that may stand here."""
        return frozenset(key.partition(".")[0] for key in self.fields) | self.structure

    def section(self, key: str) -> Level | None:
        """Return what may stand in the mapping below a key, None where none may."""
        inner = {
            name.removeprefix(f"{key}."): field
            for name, field in self.fields.items()
            if name.startswith(f"{key}.")
        }
        return Level(f"`{key}`", inner, frozenset()) if inner else None


_TEXT_KIND = frozenset({ScalarKind.TEXT})
TEXT = Form(
    "text without control characters",
    _TEXT_KIND,
    re.compile(r"[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*"),
)
OPTIONAL_TEXT = Form(TEXT.wants, _TEXT_KIND, TEXT.pattern, may_be_nothing=True)
IDENTIFIER = Form(
    f"a name of letters, digits and underscores, at most {LONGEST_NAME}",
    _TEXT_KIND,
    re.compile(rf"[A-Za-z0-9_]{{1,{LONGEST_NAME}}}"),
)
OPTIONAL_IDENTIFIER = Form(IDENTIFIER.wants, _TEXT_KIND, IDENTIFIER.pattern, may_be_nothing=True)
LABEL = Form(
    "a name of letters, digits, `_` and `-`, at most 64",
    _TEXT_KIND,
    re.compile(r"[A-Za-z0-9_-]{1,64}"),
)
SWITCH = Form(
    "true or false",
    frozenset({ScalarKind.BOOLEAN}),
    re.compile(r"(?i:true|false|1|0)"),
)
FROM_ZERO = Form("a whole number from 0", frozenset({ScalarKind.WHOLE}), re.compile(r"[0-9]{1,6}"))
FROM_ONE = Form(
    "a whole number from 1", frozenset({ScalarKind.WHOLE}), re.compile(r"[1-9][0-9]{0,5}")
)
SHARE = Form(
    "a number from 0 to 1",
    frozenset({ScalarKind.WHOLE, ScalarKind.DECIMAL}),
    re.compile(r"0?\.[0-9]{1,12}|0|1|1\.0{1,12}"),
    may_be_nothing=True,
)
POINTS = Form(
    "a number from 0 to 100",
    frozenset({ScalarKind.WHOLE, ScalarKind.DECIMAL}),
    re.compile(r"[0-9]{0,2}\.[0-9]{1,12}|[0-9]{1,2}|100|100\.0{1,12}"),
    may_be_nothing=True,
)
NAMES = Form(
    "a list of names",
    _TEXT_KIND,
    re.compile(r"[^\x00-\x1f\x7f]*"),
    is_list=True,
)
NULL_POLICY = Form("fail or pass", _TEXT_KIND, re.compile("fail|pass"))
MAP = Form("one value", _ONE_VALUE, re.compile(r"(?s:.*)"), is_map=True)

_PIPELINE = frozenset({"pipeline"})
_TARGET = frozenset({"target"})
_BOTH = _PIPELINE | _TARGET

_INHERITED = (
    Field("storage_root", TEXT, variable="DLT_LITE_STORAGE_ROOT", levels=_TARGET),
    Field("state_root", TEXT, ".dlt_lite", variable="DLT_LITE_STATE_ROOT", levels=_TARGET),
    Field("catalog", OPTIONAL_IDENTIFIER, levels=_BOTH),
    Field("schema", IDENTIFIER, "default", levels=_BOTH),
    Field("configuration", MAP, levels=_BOTH),
    Field("spark", MAP, levels=_BOTH),
    Field("master", OPTIONAL_TEXT, "local[*]", variable="DLT_LITE_MASTER", levels=_TARGET),
    Field("ansi", SWITCH, "true", levels=_BOTH),
    Field("jars_dir", OPTIONAL_TEXT, variable="DLT_LITE_JARS_DIR", levels=_TARGET),
    Field("cache_dir", TEXT, variable="DLT_LITE_CACHE_DIR"),
    Field("class_archive", SWITCH, "true", variable="DLT_LITE_CLASS_ARCHIVE"),
    Field("parallel_flows", FROM_ONE, "4", variable="DLT_LITE_PARALLEL_FLOWS", levels=_BOTH),
    Field("max_retries", FROM_ZERO, "2", levels=_BOTH),
    Field("catalog_tables", SWITCH, "false", levels=_TARGET),
    Field("quality.null", NULL_POLICY, "fail", levels=_BOTH),
    Field("quality.samples", FROM_ZERO, "5", levels=_BOTH),
    Field("quality.mask", NAMES, "", levels=_BOTH),
    Field("quality.gate.no_critical", SWITCH, "true", levels=_BOTH),
    Field("quality.gate.min_pass_ratio", SHARE, levels=_BOTH),
    Field("quality.gate.max_regression_points", POINTS, levels=_BOTH),
    Field("quality.gate.no_unexplained_drop", SWITCH, "true", levels=_BOTH),
    Field("quality.gate.max_row_decrease", SHARE, levels=_BOTH),
    Field("quality.gate.some_checked", SWITCH, "false", levels=_BOTH),
)
_PROJECT_OWN = (
    Field("name", TEXT),
    Field("pipelines", TEXT, "pipelines"),
    Field("target", LABEL, "dev", variable="DLT_LITE_TARGET"),
    Field("shell_tasks", SWITCH, "false"),
)
_PIPELINE_OWN = (Field("name", LABEL),)


def _by_key(fields: Iterable[Field]) -> dict[str, Field]:
    return {field.key: field for field in fields}


PROJECT = Level(
    "the project file", _by_key((*_PROJECT_OWN, *_INHERITED)), frozenset({"targets", "resources"})
)
PIPELINE = Level(
    PIPELINE_FILE,
    _by_key((*_PIPELINE_OWN, *(field for field in _INHERITED if "pipeline" in field.levels))),
    frozenset({"libraries", "targets"}),
)
TARGET = Level(
    "a target",
    _by_key(field for field in _INHERITED if "target" in field.levels),
    frozenset(),
)
INHERITED = _by_key(_INHERITED)
EFFECTIVE_PIPELINE = _by_key((*_PIPELINE_OWN, *_INHERITED))


def field_of(key: str, fields: Mapping[str, Field]) -> Field | None:
    """Return the field of a dotted key: `spark.x.y` is an entry of the mapping `spark`."""
    own = fields.get(key)
    if own is not None:
        return None if own.form.is_map else own
    field = fields.get(key.partition(".")[0])
    return field if field is not None and field.form.is_map and "." in key else None
