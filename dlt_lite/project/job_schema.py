"""The JSON Schema of a job.yml, made of the table of its keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlt_lite.model.jobs import MOST_AT_ONCE, MOST_TASKS, Comparison, RunIf
from dlt_lite.model.triggers import CompletionStatus, PeriodUnit, TableCondition
from dlt_lite.project import job_keys
from dlt_lite.project.entries import Keys

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = Mapping[str, Any]

_TEXT: Schema = {"type": ["string", "number", "boolean"]}
_WORDS: Schema = {"type": "string"}
_SWITCH: Schema = {"type": "boolean"}
_WHOLE: Schema = {"type": "integer", "minimum": 0}
_VALUES: Schema = {
    "type": "object",
    "additionalProperties": {"type": ["string", "number", "boolean"]},
}
_NAMES: Schema = {"type": "array", "items": {"type": "string"}}
_TEXTS: Schema = {"type": "array", "items": _TEXT}
_TARGETS: Schema = {
    "description": "what a target changes: merged by keys, tasks by task_key",
    "type": "object",
    "additionalProperties": {"type": ["object", "null"]},
}
_PAUSE: Schema = {"enum": ["PAUSED", "UNPAUSED"]}


def job_schema() -> dict[str, Any]:
    """Return the schema of a job, or of a file that holds jobs below `resources`."""
    job = _object(job_keys.JOB, _JOB, required=("tasks",))
    job["properties"]["targets"] = _TARGETS
    resources = {
        "type": "object",
        "properties": {"jobs": {"type": "object", "additionalProperties": {"$ref": "#/$defs/job"}}},
    }
    return {
        "$schema": _DIALECT,
        "title": "job.yml of dlt_lite",
        "anyOf": [
            {"$ref": "#/$defs/job"},
            {
                "type": "object",
                "required": ["resources"],
                "properties": {"resources": resources, "targets": _TARGETS},
            },
        ],
        "$defs": {"job": job, "task": _task()},
    }


def _task() -> dict[str, Any]:
    task = _object(job_keys.TASK, _TASK, required=("task_key",))
    for kind in job_keys.UNKNOWN_KINDS:
        task["properties"].pop(kind, None)
    kinds = sorted(job_keys.KINDS)
    return {**task, "oneOf": [{"required": [kind]} for kind in kinds]}


def _object(
    keys: Keys, known: Mapping[str, Schema], required: tuple[str, ...] = ()
) -> dict[str, Any]:
    properties: dict[str, Any] = {key: dict(known.get(key, {})) for key in sorted(keys.read)}
    for key, reason in sorted(keys.cloud.items()):
        properties[key] = {"description": f"without effect here: {reason}"}
    found: dict[str, Any] = {
        "type": "object",
        "properties": properties,
        "patternProperties": {"^x-": {}},
        "additionalProperties": False,
    }
    return {**found, "required": list(required)} if required else found


def _list_of(item: Schema) -> Schema:
    return {"type": "array", "items": item}


_DEPENDENCY = _object(
    job_keys.DEPENDENCY,
    {"task_key": _WORDS, "outcome": {"enum": ["true", "false", True, False]}},
    required=("task_key",),
)
_WEBHOOK = _object(job_keys.WEBHOOK, {"url": _WORDS, "command": _TEXTS})
_HOOKS: Schema = dict.fromkeys(job_keys.WEBHOOKS.read, _list_of(_WEBHOOK))
_HEALTH = _object(
    job_keys.HEALTH,
    {
        "rules": _list_of(
            _object(job_keys.HEALTH_RULE, {"metric": _WORDS, "op": _WORDS, "value": _WHOLE})
        )
    },
)
_TOLD: Mapping[str, Schema] = {
    "webhook_notifications": _object(job_keys.WEBHOOKS, _HOOKS),
    "notification_settings": _object(
        job_keys.NOTIFICATION_SETTINGS,
        dict.fromkeys(job_keys.NOTIFICATION_SETTINGS.read, _SWITCH),
    ),
    "health": _HEALTH,
    "description": _WORDS,
    "timeout_seconds": _WHOLE,
}
_SELECTION = ("refresh_selection", "full_refresh_selection", "reset_checkpoint_selection")
_TASK: Mapping[str, Schema] = {
    **_TOLD,
    "task_key": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,100}$"},
    "depends_on": _list_of(_DEPENDENCY),
    "run_if": {"enum": [each.value for each in RunIf]},
    "disabled": _SWITCH,
    "max_retries": {"type": "integer", "minimum": -1},
    "min_retry_interval_millis": _WHOLE,
    "retry_on_timeout": _SWITCH,
    "isolated": _SWITCH,
    "pipeline_task": _object(
        job_keys.PIPELINE,
        {
            "pipeline_id": _WORDS,
            "parameters": _VALUES,
            "full_refresh": _SWITCH,
            **dict.fromkeys(_SELECTION, _NAMES),
        },
        required=("pipeline_id",),
    ),
    "spark_python_task": _object(
        job_keys.PYTHON_FILE,
        {"python_file": _WORDS, "parameters": _TEXTS},
        required=("python_file",),
    ),
    "python_wheel_task": _object(
        job_keys.WHEEL,
        {
            "package_name": _WORDS,
            "entry_point": _WORDS,
            "parameters": _TEXTS,
            "named_parameters": _VALUES,
        },
        required=("package_name", "entry_point"),
    ),
    "callable_task": _object(
        job_keys.CALLABLE,
        {"function": {"type": "string", "pattern": ":"}, "parameters": _VALUES},
        required=("function",),
    ),
    "sql_task": _object(
        job_keys.SQL,
        {
            "query": {"type": ["string", "object"]},
            "file": {"type": "object", "required": ["path"]},
            "parameters": _VALUES,
            "unsafe_sql": _SWITCH,
        },
    ),
    "condition_task": _object(
        job_keys.CONDITION,
        {"op": {"enum": [each.value for each in Comparison]}, "left": _TEXT, "right": _TEXT},
        required=("op", "left", "right"),
    ),
    "for_each_task": _object(
        job_keys.FOR_EACH,
        {
            "inputs": {"type": ["string", "array"]},
            "concurrency": {"type": "integer", "minimum": 1, "maximum": MOST_AT_ONCE},
            "task": {"$ref": "#/$defs/task"},
        },
        required=("inputs", "task"),
    ),
    "run_job_task": _object(
        job_keys.RUN_JOB, {"job_id": _WORDS, "job_parameters": _VALUES}, required=("job_id",)
    ),
    "shell_task": _object(
        job_keys.SHELL,
        {"command": {"type": ["array", "string"]}, "environment": _VALUES},
        required=("command",),
    ),
}
_PARAMETER = _object(
    job_keys.PARAMETER, {"name": _WORDS, "default": {}}, required=("name", "default")
)
_SCHEDULE = _object(
    job_keys.SCHEDULE,
    {"quartz_cron_expression": _WORDS, "timezone_id": _WORDS, "pause_status": _PAUSE},
    required=("quartz_cron_expression",),
)
_REST: Schema = {"type": "integer", "minimum": 60}
_RESTS: Mapping[str, Schema] = {
    "min_time_between_triggers_seconds": _REST,
    "wait_after_last_change_seconds": _REST,
}
_CONTINUOUS = _object(
    job_keys.CONTINUOUS,
    {"task_retry_mode": {"enum": ["NEVER", "ON_FAILURE"]}, "pause_status": _PAUSE},
)
_TRIGGER_KINDS: Mapping[str, Schema] = {
    "pause_status": _PAUSE,
    "schedule": _SCHEDULE,
    "continuous": _CONTINUOUS,
    "periodic": _object(
        job_keys.PERIODIC,
        {
            "interval": {"type": "integer", "minimum": 1},
            "unit": {"enum": [each.value for each in PeriodUnit]},
        },
        required=("interval",),
    ),
    "file_arrival": _object(job_keys.FILE_ARRIVAL, {"url": _WORDS, **_RESTS}, required=("url",)),
    "table_update": _object(
        job_keys.TABLE_UPDATE,
        {
            "table_names": _NAMES,
            "condition": {"enum": [each.value for each in TableCondition]},
            **_RESTS,
        },
        required=("table_names",),
    ),
    "job_completion": _object(
        job_keys.JOB_COMPLETION,
        {"jobs": _NAMES, "if_status": {"enum": [each.value for each in CompletionStatus]}},
        required=("jobs",),
    ),
}
_JOB: Mapping[str, Schema] = {
    **_TOLD,
    "name": _WORDS,
    "tasks": {"type": "array", "items": {"$ref": "#/$defs/task"}, "maxItems": MOST_TASKS},
    "parameters": _list_of(_PARAMETER),
    "tags": _VALUES,
    "schedule": _SCHEDULE,
    "trigger": _object(job_keys.TRIGGER, _TRIGGER_KINDS),
    "triggers": _list_of(_object(job_keys.TRIGGER_OF_LIST, _TRIGGER_KINDS)),
    "continuous": _CONTINUOUS,
    "max_concurrent_runs": {"type": "integer", "minimum": 1},
    "queue": _object(job_keys.QUEUE, {"enabled": _SWITCH}),
    "parallel_tasks": {"type": "integer", "minimum": 1},
}
