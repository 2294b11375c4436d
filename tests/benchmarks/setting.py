"""How the benchmarks start a side: which command, in which environment, measured into samples."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks import product
from tests.benchmarks.measure import Measurement, measured
from tests.benchmarks.report import Ratio, median

ROOT = Path(__file__).resolve().parents[2]
PROJECTS = Path(__file__).resolve().parent / "projects"
Counts = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Bench:
    """What the command line settled.

    Attributes:
        work: where inputs, storages and logs lie.
        jars_dir: the folder of Delta's JARs.
        rows: the input's size, None for the benchmark's own.
        rounds: how often each side runs, None for the benchmark's own.
        sides: `plain`, `ours`, or both.
        with_archive: whether dlt_lite makes and uses its class-data archive.
        java_options: the baselines' JVM options.
        ivy_settings: an Ivy settings file for the script that resolves its JARs.
    """

    work: Path
    jars_dir: str
    rows: int | None
    rounds: int | None
    sides: tuple[str, ...]
    with_archive: bool
    java_options: str
    ivy_settings: str | None

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment that both sides share."""
        return {**os.environ, "PYTHONPATH": str(ROOT), **more}

    def run_plain(self, module: str, *words: str) -> Measurement:
        """Run a baseline with this bench's JARs and JVM options."""
        command = (
            *(sys.executable, "-m", f"tests.benchmarks.{module}", *words),
            *("--jars-dir", self.jars_dir, f"--java-options={self.java_options}"),
        )
        return measured(command, self.log(module), env=self.environment(), cwd=ROOT)

    def run_ours(self, run: OurRun) -> Measurement:
        """Run a command of dlt_lite."""
        env = product.environment(
            self.environment(**run.variables),
            storage=run.project.parent / "storage",
            jars_dir=self.jars_dir,
            cache=self.work / "cache",
            archive=self.with_archive if run.with_archive is None else run.with_archive,
        )
        command = product.command(*run.words, project=run.project)
        log = self.log(f"dlt_lite-{run.words[0]}")
        return measured(command, log, env=env, cwd=ROOT, output=run.output)

    def log(self, name: str) -> Path:
        """Return the file that takes what a side says."""
        folder = self.work / "logs"
        folder.mkdir(exist_ok=True)
        return folder / f"{name}.log"

    def round_folder(self, name: str) -> Path:
        """Return a new, empty folder for one round."""
        folder = self.work / f"round-{name}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def copied_project(self, name: str, folder: Path) -> Path:
        """Return a copy of one of the projects, whose storage will lie beside it."""
        ours = folder / "ours" / "project"
        shutil.copytree(PROJECTS / name, ours)
        return ours


@dataclass(frozen=True, slots=True)
class OurRun:
    """A command of dlt_lite on a project.

    Attributes:
        words: the command line after `dlt_lite`.
        project: the project's folder.
        variables: what the project's `${env.X}` mean.
        output: takes its stdout.
        with_archive: overrides the bench's own choice.
    """

    words: tuple[str, ...]
    project: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    output: Path | None = None
    with_archive: bool | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """Measurements by their side's label; grows while a benchmark runs."""

    measurements: dict[str, list[Measurement]] = field(default_factory=dict)

    def add(self, label: str, measurement: Measurement) -> None:
        """Keep a measurement and say so on stderr."""
        self.measurements.setdefault(label, []).append(measurement)
        inside = "" if measurement.inside is None else f", inside {measurement.inside:.2f} s"
        sys.stderr.write(
            f"{label}: {measurement.wall:.2f} s, CPU {measurement.cpu:.2f} s{inside} "
            f"(others {measurement.others_cpu:.1f})\n"
        )

    def ratio(
        self, top: str, bottom: str, figure: Callable[[Measurement], float], target: str
    ) -> tuple[Ratio, ...]:
        """Return the ratio of two sides' medians, nothing where a side did not run."""
        if not {top, bottom} <= self.measurements.keys():
            return ()
        over, under = (median(self.measurements[label], figure) for label in (top, bottom))
        label = f"{figure.__name__}: {top} / {bottom}"
        return (Ratio(label, over / under if under else float("nan"), target),)

    def median(
        self, side: str, figure: Callable[[Measurement], float], target: str
    ) -> tuple[Ratio, ...]:
        """Return a side's median itself, nothing where it did not run."""
        if side not in self.measurements:
            return ()
        label = f"{figure.__name__}: {side}"
        return (Ratio(label, median(self.measurements[side], figure), target),)

    def difference(
        self, top: str, bottom: str, figure: Callable[[Measurement], float], target: str
    ) -> tuple[Ratio, ...]:
        """Return the difference of two sides' medians, nothing where a side did not run."""
        if not {top, bottom} <= self.measurements.keys():
            return ()
        over, under = (median(self.measurements[label], figure) for label in (top, bottom))
        return (Ratio(f"{figure.__name__}: {top} - {bottom}", over - under, target),)


def plain_result(path: Path) -> dict[str, Any]:
    """Return what a baseline wrote about its run."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def differences(plain: Counts, ours: Counts) -> tuple[str, ...]:
    """Return a sentence for each count of the baseline that dlt_lite's run does not share."""
    return tuple(
        f"COUNTS DIFFER: {dataset} {name}: plain {count}, ours {ours.get(dataset, {}).get(name)}"
        for dataset, counts in plain.items()
        for name, count in counts.items()
        if ours.get(dataset, {}).get(name) != count
    )


def linked(source: Path, target: Path) -> None:
    """Give every file under a folder a second name under another one."""
    for file in source.rglob("*"):
        if file.is_file():
            link = target / file.relative_to(source)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.hardlink_to(file)
