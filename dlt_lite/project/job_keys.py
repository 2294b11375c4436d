"""The keys of a job, as a table: those that are read, and those that only Databricks can honour.

They are the keys of Databricks' bundles and Jobs API; `callable_task`, `shell_task`, `isolated`
and `parallel_tasks` are ours.
"""

from __future__ import annotations

from dlt_lite.project.entries import Keys

_COMPUTE = "there is no cluster to choose: tasks run in the Spark session of the project's target"
_RIGHTS = "rights are those of the person or service that runs the command"
_BILLING = "it is about Databricks' billing"
_MAIL = "nothing here sends mail: write a `url` or a `command` below webhook_notifications"
_LIBRARIES = "what tasks import is installed in the environment of dlt_lite"
_WORKSPACE = "it names an object of a Databricks workspace"
_SOURCE = "files are read from the project's folder"
_BACKLOG = "only the rule RUN_DURATION_SECONDS is watched"

_NOTIFICATION_KEYS = frozenset({"webhook_notifications", "notification_settings"})

JOB = Keys(
    "a job",
    frozenset(
        {
            "name",
            "description",
            "tasks",
            "parameters",
            "tags",
            "schedule",
            "trigger",
            "triggers",
            "continuous",
            "max_concurrent_runs",
            "queue",
            "timeout_seconds",
            "health",
            "parallel_tasks",
        }
    )
    | _NOTIFICATION_KEYS,
    {
        "job_clusters": _COMPUTE,
        "environments": _LIBRARIES,
        "email_notifications": _MAIL,
        "git_source": _SOURCE,
        "run_as": _RIGHTS,
        "permissions": _RIGHTS,
        "performance_target": _COMPUTE,
        "budget_policy_id": _BILLING,
        "usage_policy_id": _BILLING,
        "deployment": _WORKSPACE,
        "lifecycle": _WORKSPACE,
        "parent_path": _WORKSPACE,
        "format": _WORKSPACE,
        "edit_mode": _WORKSPACE,
    },
)

KINDS = frozenset(
    {
        "pipeline_task",
        "spark_python_task",
        "python_wheel_task",
        "callable_task",
        "sql_task",
        "condition_task",
        "for_each_task",
        "run_job_task",
        "shell_task",
    }
)
UNKNOWN_KINDS = frozenset(
    {
        "ai_function_task",
        "ai_runtime_task",
        "alert_task",
        "clean_rooms_notebook_task",
        "dashboard_task",
        "dbt_cloud_task",
        "dbt_platform_task",
        "dbt_task",
        "gen_ai_compute_task",
        "notebook_task",
        "power_bi_task",
        "python_operator_task",
        "spark_jar_task",
        "spark_submit_task",
    }
)

TASK = Keys(
    "a task",
    frozenset(
        {
            "task_key",
            "description",
            "depends_on",
            "run_if",
            "disabled",
            "max_retries",
            "min_retry_interval_millis",
            "retry_on_timeout",
            "timeout_seconds",
            "health",
            "isolated",
        }
    )
    | _NOTIFICATION_KEYS
    | KINDS
    | UNKNOWN_KINDS,
    {
        "existing_cluster_id": _COMPUTE,
        "new_cluster": _COMPUTE,
        "job_cluster_key": _COMPUTE,
        "environment_key": _LIBRARIES,
        "environment_variables_key": _LIBRARIES,
        "libraries": _LIBRARIES,
        "compute": _COMPUTE,
        "email_notifications": _MAIL,
        "disable_auto_optimization": _COMPUTE,
    },
)

DEPENDENCY = Keys("a dependency", frozenset({"task_key", "outcome"}))
PARAMETER = Keys("a job parameter", frozenset({"name", "default"}))

PIPELINE = Keys(
    "a pipeline_task",
    frozenset(
        {
            "pipeline_id",
            "parameters",
            "full_refresh",
            "refresh_selection",
            "full_refresh_selection",
            "reset_checkpoint_selection",
        }
    ),
    {"refresh_flow_selection": "single flows cannot be selected: select their dataset"},
)
PYTHON_FILE = Keys(
    "a spark_python_task", frozenset({"python_file", "parameters"}), {"source": _SOURCE}
)
WHEEL = Keys(
    "a python_wheel_task",
    frozenset({"package_name", "entry_point", "parameters", "named_parameters"}),
)
CALLABLE = Keys("a callable_task", frozenset({"function", "parameters"}))
SQL = Keys(
    "a sql_task",
    frozenset({"query", "file", "parameters", "unsafe_sql"}),
    {"warehouse_id": _COMPUTE},
)
SQL_FILE = Keys("a sql_task's file", frozenset({"path"}), {"source": _SOURCE})
SQL_QUERY = Keys("a sql_task's query", frozenset({"query", "query_id"}))
CONDITION = Keys("a condition_task", frozenset({"op", "left", "right"}))
FOR_EACH = Keys("a for_each_task", frozenset({"inputs", "concurrency", "task"}))
RUN_JOB = Keys(
    "a run_job_task",
    frozenset({"job_id", "job_parameters"}),
    {"pipeline_params": "write pipeline_task's own keys in the other job"},
)
SHELL = Keys("a shell_task", frozenset({"command", "environment"}))

_PAUSE = frozenset({"pause_status"})
SCHEDULE = Keys("a schedule", frozenset({"quartz_cron_expression", "timezone_id"}) | _PAUSE)
_TRIGGER_KINDS = frozenset({"file_arrival", "table_update", "periodic", "job_completion"})
_MODEL = {"model": "there is no registry of models that could start a run"}
TRIGGER = Keys("a trigger", _TRIGGER_KINDS | _PAUSE, {**_MODEL, "table": "write table_update"})
TRIGGER_OF_LIST = Keys(
    "a trigger",
    _TRIGGER_KINDS | _PAUSE | {"schedule", "continuous"},
    _MODEL,
)
_RESTS = frozenset({"min_time_between_triggers_seconds", "wait_after_last_change_seconds"})
FILE_ARRIVAL = Keys("a file_arrival trigger", frozenset({"url"}) | _RESTS)
TABLE_UPDATE = Keys("a table_update trigger", frozenset({"table_names", "condition"}) | _RESTS)
PERIODIC = Keys("a periodic trigger", frozenset({"interval", "unit"}))
CONTINUOUS = Keys("a continuous trigger", frozenset({"task_retry_mode"}) | _PAUSE)
JOB_COMPLETION = Keys("a job_completion trigger", frozenset({"jobs", "if_status"}))
QUEUE = Keys("a queue", frozenset({"enabled"}))

HEALTH = Keys("health", frozenset({"rules"}))
HEALTH_RULE = Keys("a health rule", frozenset({"metric", "op", "value"}))
UNWATCHED_METRIC = _BACKLOG
WEBHOOKS = Keys(
    "webhook_notifications",
    frozenset({"on_start", "on_success", "on_failure", "on_duration_warning_threshold_exceeded"}),
    {"on_streaming_backlog_exceeded": _BACKLOG},
)
WEBHOOK = Keys(
    "a notification",
    frozenset({"url", "command"}),
    {"id": "it names a destination of a Databricks workspace: write its `url`"},
)
NOTIFICATION_SETTINGS = Keys(
    "notification_settings",
    frozenset({"no_alert_for_skipped_runs", "no_alert_for_canceled_runs", "alert_on_last_attempt"}),
)
