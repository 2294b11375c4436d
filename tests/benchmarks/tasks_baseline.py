"""Run a function that does nothing many times, each in a Python of its own, one after the other.

What a shell script or a cron table does, without graph, log, record or timeout. Frozen.

    python -m tests.benchmarks.tasks_baseline FOLDER COUNT
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path


def main() -> None:
    """Run the function as often as asked."""
    parser = argparse.ArgumentParser(description="Run a function in processes of its own.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("count", type=int)
    options = parser.parse_args()
    command = (sys.executable, "-c", "from work import nothing; nothing()")
    for _ in range(options.count):
        subprocess.run(command, cwd=options.folder, check=True)


if __name__ == "__main__":
    main()
