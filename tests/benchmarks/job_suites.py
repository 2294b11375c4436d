"""The benchmarks of jobs: a bench in, findings out; what each is for stands in bench.py."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
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
_PLAIN, _NO_ARCHIVE, _WITH_ARCHIVE = "plain", "ours, no archive", "ours, archive"
_SIDES_OF_SHOP = {"plain": (_PLAIN,), "ours": (_NO_ARCHIVE, _WITH_ARCHIVE)}


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
    labels = [label for side in bench.sides for label in _SIDES_OF_SHOP[side]]
    if _WITH_ARCHIVE in labels:
        _Shop(bench, bench.round_folder("shop")).run(_WITH_ARCHIVE)
    for _ in range(bench.rounds or 3):
        folder = bench.round_folder("shop")
        grounds = {label: _Shop(bench, folder / label.replace(", ", "-")) for label in labels}
        for moment in ("first run", "nothing new"):
            for label, ground in grounds.items():
                samples.add(f"{label}, {moment}", ground.run(label))
            remarks.update(_differences(grounds))
        shutil.rmtree(folder)
    ratios = [
        ratio
        for label in _SIDES_OF_SHOP["ours"]
        for ratio in (
            *samples.ratio(f"{label}, first run", "plain, first run", wall, "at most 1.00"),
            *samples.ratio(f"{label}, first run", "plain, first run", cpu, "at most 1.25"),
            *samples.ratio(f"{label}, first run", "plain, first run", memory, "no target"),
            *samples.ratio(f"{label}, nothing new", "plain, first run", wall, "at most 0.60"),
            *samples.ratio(f"{label}, nothing new", f"{label}, first run", wall, "no target"),
        )
    ]
    remark = "archive: one unmeasured run before, which has the class-data archive made"
    return Findings("shop", 1, samples.measurements, tuple(ratios), (*sorted(remarks), remark))


class _Shop:
    """One round's ground of one side: a copy of the example, and a storage."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self.bench = bench
        self.folder = folder
        self.project = folder / "project"
        self.project.mkdir(parents=True)
        shutil.copytree(ROOT / "pipelines", self.project / "pipelines")
        (self.project / "dlt_lite.yml").write_text("name: bench_shop\n", encoding="utf-8")
        self._result = folder / "result.json"

    def run(self, label: str) -> Measurement:
        """Run the side once."""
        self._result.unlink(missing_ok=True)
        if label == _PLAIN:
            where = ("--pipelines", str(self.project / "pipelines"))
            what = ("--storage", str(self.folder / "plain"), "--result", str(self._result))
            return self.bench.run_plain("shop_baseline", *where, *what)
        words = ("run", _SHOP, "-o", "json")
        has_archive = label == _WITH_ARCHIVE
        return self.bench.run_ours(
            OurRun(words, self.project, output=self._result, with_archive=has_archive)
        )

    def counted(self, label: str) -> Counts:
        """Return what the side has counted in its last run."""
        if label == _PLAIN:
            counts: Counts = plain_result(self._result)["counts"]
            return counts
        return product.values_of_tasks(self._result.read_text("utf-8"))


def _differences(grounds: Mapping[str, _Shop]) -> set[str]:
    """Compare what our sides have counted with what the script has."""
    found = {label: ground.counted(label) for label, ground in grounds.items()}
    plain = found.pop(_PLAIN, None)
    if plain is None:
        return set()
    return {each for ours in found.values() for each in differences(plain, ours)}
