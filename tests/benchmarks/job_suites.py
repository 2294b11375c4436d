"""The benchmarks of jobs: a bench in, findings out; what each is for stands in bench.py."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.benchmarks import many_tasks, product
from tests.benchmarks.measure import Measurement, measured
from tests.benchmarks.report import Findings, cpu, inside, memory, wall
from tests.benchmarks.setting import (
    ROOT,
    Bench,
    Counts,
    OurRun,
    Samples,
    differences,
    plain_result,
)

_TASKS = 100
_LARGE_JOB = 1_000
_SHOP = "shop_daily"


def tasks(bench: Bench) -> Findings:
    """Measure what the layer costs a task that does nothing, one at a time."""
    count = bench.rows or _TASKS
    samples = Samples()
    for _ in range(bench.rounds or 3):
        folder = bench.round_folder("tasks")
        many_tasks.write_job(folder / "project", count)
        if "plain" in bench.sides:
            samples.add(f"plain, {count} processes", _plain_tasks(bench, folder, count))
        if "ours" in bench.sides:
            samples.add(f"ours, {count} tasks", _our_tasks(bench, folder, count))
        shutil.rmtree(folder)
    ratios = (
        *samples.median(f"ours, {count} tasks", inside, f"at most {count / 50:g} s: 20 ms a task"),
        *samples.ratio(f"ours, {count} tasks", f"plain, {count} processes", wall, "for comparison"),
    )
    remark = "inside: CPU of the runner for all tasks, without that of the children"
    return Findings("tasks", count, samples.measurements, ratios, (remark,))


def _plain_tasks(bench: Bench, folder: Path, count: int) -> Measurement:
    place = folder / "project" / "pipelines" / many_tasks.JOB
    command = (sys.executable, "-m", "tests.benchmarks.tasks_baseline", str(place), str(count))
    return measured(command, bench.log("tasks"), env=bench.environment(), cwd=ROOT)


def _our_tasks(bench: Bench, folder: Path, count: int) -> Measurement:
    result = folder / "result.json"
    command = (
        *(sys.executable, "-m", "tests.benchmarks.job_runner"),
        *(str(folder / "project"), many_tasks.JOB, "--result", str(result)),
    )
    cost = measured(command, bench.log("job_runner"), env=bench.environment(), cwd=ROOT)
    found: dict[str, Any] = json.loads(result.read_text("utf-8"))
    if (found["state"], found["tasks"]) != ("SUCCESS", count):
        message = f"the job of {count} tasks ended {found['state']} with {found['tasks']} tasks"
        raise RuntimeError(message)
    return replace(cost, inside=found["runner"])


def large_job(bench: Bench) -> Findings:
    """Measure the validation of a job of a thousand tasks, which starts no Spark."""
    count = bench.rows or _LARGE_JOB
    folder = bench.round_folder("large_job")
    project = folder / "project"
    many_tasks.write_job(project, count)
    samples = Samples()
    for _ in range(bench.rounds or 5):
        if "plain" in bench.sides:
            command = (sys.executable, "-c", "pass")
            env, log = bench.environment(), bench.log("python")
            samples.add("plain, python -c pass", measured(command, log, env=env, cwd=ROOT))
        if "ours" in bench.sides:
            words = ("validate", many_tasks.JOB)
            samples.add(f"ours, validate {count} tasks", bench.run_ours(OurRun(words, project)))
    ratios = (
        *samples.median(f"ours, validate {count} tasks", wall, "at most 1 s"),
        *samples.median(f"ours, validate {count} tasks", cpu, "at most 1 s"),
    )
    return Findings("large_job", count, samples.measurements, ratios)


def shop(bench: Bench) -> Findings:
    """Compare the worked example with a script by hand: a first run, and one with nothing new."""
    samples, remarks = Samples(), set[str]()
    for _ in range(bench.rounds or 3):
        ground = _Shop(bench, bench.round_folder("shop"))
        for moment in ("first run", "nothing new"):
            for side in bench.sides:
                samples.add(f"{side}, {moment}", ground.run(side))
            remarks.update(ground.differences())
        shutil.rmtree(ground.folder)
    ratios = (
        *samples.ratio("ours, first run", "plain, first run", wall, "at most 1.00"),
        *samples.ratio("ours, first run", "plain, first run", cpu, "at most 1.25"),
        *samples.ratio("ours, first run", "plain, first run", memory, "no target"),
        *samples.ratio("ours, nothing new", "ours, first run", wall, "at most 0.60"),
        *samples.ratio("ours, nothing new", "plain, nothing new", wall, "no target"),
    )
    return Findings("shop", 1, samples.measurements, ratios, tuple(sorted(remarks)))


class _Shop:
    """One round's ground: a copy of the example, a storage for each side."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self.bench = bench
        self.folder = folder
        self.project = folder / "ours" / "project"
        self.project.mkdir(parents=True)
        shutil.copytree(ROOT / "pipelines", self.project / "pipelines")
        (self.project / "dlt_lite.yml").write_text("name: bench_shop\n", encoding="utf-8")

    def run(self, side: str) -> Measurement:
        """Run one side."""
        result = self._result(side)
        result.unlink(missing_ok=True)
        if side == "plain":
            where = ("--pipelines", str(self.project / "pipelines"))
            what = ("--storage", str(self.folder / "plain"), "--result", str(result))
            return self.bench.run_plain("shop_baseline", *where, *what)
        return self.bench.run_ours(
            OurRun(("run", _SHOP, "-o", "json"), self.project, output=result)
        )

    def differences(self) -> tuple[str, ...]:
        """Compare what the two sides counted."""
        if not all(self._result(side).exists() for side in ("plain", "ours")):
            return ()
        plain: Counts = plain_result(self._result("plain"))["counts"]
        ours = product.values_of_tasks(self._result("ours").read_text("utf-8"))
        return differences(plain, ours)

    def _result(self, side: str) -> Path:
        return self.folder / f"{side}.json"
