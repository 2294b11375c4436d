"""Write a project whose pipeline has been updated often: the results of many rules, made, not run.

    python -m tests.benchmarks.past_updates DIR --rules 1000 --updates 30

The run folders are written by dlt_lite itself, so that this follows its format. Every rule that is
violated shows five rows of three columns, as by default.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dlt_lite.model.results import UpdateQuality
from dlt_lite.model.samples import Cell, Sample
from dlt_lite.runs.folder import RunFolder, RunState
from dlt_lite.runs.quality import write_results
from tests.unit.told_updates import many

PIPELINE = "shop"
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
SHOWN = tuple(
    Sample(tuple(Cell(f"column_{place}", f"value {row}-{place}") for place in range(3)))
    for row in range(5)
)


def write_past_updates(folder: Path, rules: int, updates: int) -> None:
    """Write the project."""
    pipeline = folder / "pipelines" / PIPELINE
    pipeline.mkdir(parents=True)
    (folder / "dlt_lite.yml").write_text("name: past_updates\n", encoding="utf-8")
    (pipeline / "pipeline.yml").write_text(f"name: {PIPELINE}\n", encoding="utf-8")
    for day, update in enumerate(reversed(many(rules, updates))):
        started = FIRST + timedelta(days=day)
        _leave(folder / ".dlt_lite", update, started)


def _leave(state_root: Path, update: UpdateQuality, started: datetime) -> None:
    name = f"{started:%Y%m%dT%H%M%SZ}-1"
    shown = tuple(
        replace(rule, update_id=name, samples=SHOWN if rule.violations else ())
        for rule in update.rules
    )
    results = replace(update, update_id=name, pipeline=PIPELINE, rules=shown)
    run = RunFolder.create(state_root, name, pipeline=PIPELINE, target="dev", started=started)
    write_results(run, results)
    run.finish(RunState.COMPLETED, started)


def main() -> None:
    """Write one from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.past_updates")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rules", type=int, default=1_000)
    parser.add_argument("--updates", type=int, default=30)
    given = parser.parse_args()
    write_past_updates(given.folder, given.rules, given.updates)


if __name__ == "__main__":
    main()
