"""What the benchmarks know of dlt_lite: its command line, its environment, its run folder.

The one benchmark module that follows the product; the baselines, the generators and the projects
are frozen.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

SESSION_IS_READY = "runtime_details"


def command(*words: str, project: Path | None = None) -> tuple[str, ...]:
    """Return a command line of dlt_lite."""
    where = () if project is None else ("--project-dir", str(project))
    return (sys.executable, "-m", "dlt_lite", *words, *where)


def environment(
    base: Mapping[str, str], *, storage: Path, jars_dir: str, cache: Path, archive: bool
) -> dict[str, str]:
    """Return the environment of a run: storage, JARs, cache, with the class-data archive or not."""
    return {
        **base,
        "DLT_LITE_STORAGE_ROOT": str(storage),
        "DLT_LITE_JARS_DIR": jars_dir,
        "DLT_LITE_CACHE_DIR": str(cache),
        "DLT_LITE_CLASS_ARCHIVE": "true" if archive else "false",
    }


def latest_run_folder(project: Path) -> Path:
    """Return the folder of a project's last run.

    Raises:
        FileNotFoundError: the project has not run.
    """
    found = sorted(
        project.glob(".dlt_lite/**/events.ndjson"), key=lambda path: path.stat().st_mtime
    )
    if not found:
        message = f"{project} has no run folder"
        raise FileNotFoundError(message)
    return found[-1].parent


def session_ready_to_exit(run_folder: Path, ended: float) -> float:
    """Return the seconds from the session's being ready to the process' end.

    The session is ready at the first event whose `event_type` is `runtime_details`.

    Args:
        run_folder: the folder of the run, with its `events.ndjson`.
        ended: when the process ended, seconds since the epoch.

    Raises:
        LookupError: the run has no such event.
    """
    for line in (run_folder / "events.ndjson").read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if event.get("event_type") == SESSION_IS_READY:
            return ended - _seconds(event["timestamp"])
    message = f"no {SESSION_IS_READY} event in {run_folder}"
    raise LookupError(message)


def _seconds(timestamp: str | float) -> float:
    """Return seconds since the epoch of ISO text, or of milliseconds since the epoch."""
    if isinstance(timestamp, str):
        return datetime.fromisoformat(timestamp).timestamp()
    return timestamp / 1_000


def counted(output: str) -> dict[str, dict[str, int]]:
    """Return what a run's `-o json` counted, by dataset, in the baselines' form.

    Rows written and dropped under `rows` and `dropped`, violations under the rules' names.
    """
    outcome: dict[str, Any] = json.loads(output)
    found: dict[str, dict[str, int]] = {}
    for dataset in outcome["datasets"]:
        counts = {
            "rows": dataset.get("rows_written") or 0,
            "dropped": dataset.get("rows_dropped") or 0,
        }
        for rule in dataset.get("expectations") or ():
            counts[rule["name"]] = rule["failed"]
        found[dataset["name"].rpartition(".")[2]] = counts
    return found


def values_of_tasks(output: str) -> dict[str, dict[str, Any]]:
    """Return what the tasks of a job have set, by task, of a run's `-o json`."""
    outcome: dict[str, Any] = json.loads(output)
    return {task["task"]: task["values"] for task in outcome["tasks"]}
