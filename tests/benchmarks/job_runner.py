"""Run a job as the command line does, and say what CPU its runner used without its children.

python -m tests.benchmarks.job_runner PROJECT JOB --result FILE
"""

from __future__ import annotations

import argparse
import json
import resource
from pathlib import Path

from dlt_lite import Project


def main() -> None:
    """Run the job, and write the CPU of this process, and of those it waited for."""
    parser = argparse.ArgumentParser(description="Run a job, and say what its runner used.")
    parser.add_argument("project", type=Path)
    parser.add_argument("job")
    parser.add_argument("--result", type=Path, required=True)
    options = parser.parse_args()
    project = Project.load(options.project)
    before = _cpu(resource.RUSAGE_SELF)
    outcome = project.run_job(options.job)
    found = {
        "runner": _cpu(resource.RUSAGE_SELF) - before,
        "children": _cpu(resource.RUSAGE_CHILDREN),
        "state": outcome.state,
        "tasks": len(outcome.run.tasks),
    }
    options.result.write_text(json.dumps(found), encoding="utf-8")


def _cpu(who: int) -> float:
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
