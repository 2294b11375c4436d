"""Say what was measured: measurements and ratios in, a table and a JSON value out."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import psutil

from tests.benchmarks.measure import Measurement

MEBIBYTE = 1_048_576


@dataclass(frozen=True, slots=True)
class Ratio:
    """One figure that the benchmark is about, with what was aimed at."""

    label: str
    value: float
    target: str


@dataclass(frozen=True, slots=True)
class Findings:
    """A benchmark's outcome.

    Attributes:
        name: the benchmark's name.
        rows: the size of its input, or the number of its datasets.
        measurements: a side's measurements by its label, in the order they were made.
        ratios: the figures.
        remarks: what a reader must know: counts that differ, what the inside column means.
    """

    name: str
    rows: int
    measurements: Mapping[str, Sequence[Measurement]]
    ratios: tuple[Ratio, ...]
    remarks: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine's size: no figure is worth anything without it."""

    cores: int
    memory_gib: float
    java: str
    python: str
    system: str


def this_machine() -> Machine:
    """Return the size of this machine."""
    java = subprocess.run(("java", "-version"), capture_output=True, text=True, check=False)
    return Machine(
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(psutil.virtual_memory().total / 1_024**3, 1),
        java=(java.stderr or java.stdout or "none found").splitlines()[0],
        python=platform.python_version(),
        system=platform.platform(),
    )


def median(measurements: Sequence[Measurement], figure: Callable[[Measurement], float]) -> float:
    """Return the median of a figure."""
    return statistics.median(figure(one) for one in measurements)


def wall(one: Measurement) -> float:
    """Return the wall time."""
    return one.wall


def cpu(one: Measurement) -> float:
    """Return the CPU time."""
    return one.cpu


def memory(one: Measurement) -> float:
    """Return the peak memory."""
    return float(one.peak_rss)


def inside(one: Measurement) -> float:
    """Return the figure taken from inside; NaN where there is none."""
    return float("nan") if one.inside is None else one.inside


def as_text(findings: Findings) -> str:
    """Return a table a benchmark, minimum/median/maximum in a cell, and its ratios."""
    width = max(len(label) for label in findings.measurements)
    head = f"{'wall s':^20}  {'CPU s':^20}  {'peak MiB':>8}  {'others CPU s':>12}  {'inside s':^20}"
    lines = [f"{findings.name} ({findings.rows:,})", f"  {'':{width}}  {'n':>2}  {head}"]
    for label, measurements in findings.measurements.items():
        lines.append(
            f"  {label:{width}}  {len(measurements):>2}  {_spread(measurements, wall)}  "
            f"{_spread(measurements, cpu)}  "
            f"{max(one.peak_rss for one in measurements) / MEBIBYTE:>8.0f}  "
            f"{median(measurements, lambda one: one.others_cpu):>12.1f}  "
            f"{_spread(measurements, inside) if measurements[0].inside is not None else ''}"
        )
    longest = max((len(ratio.label) for ratio in findings.ratios), default=0)
    lines.extend(
        f"  {ratio.label:{longest}}  {ratio.value:6.2f}  ({ratio.target})"
        for ratio in findings.ratios
    )
    lines.extend(f"  {remark}" for remark in findings.remarks)
    return "\n".join(lines) + "\n"


def _spread(measurements: Sequence[Measurement], figure: Callable[[Measurement], float]) -> str:
    values = [figure(one) for one in measurements]
    return f"{min(values):6.2f} {statistics.median(values):6.2f} {max(values):6.2f}"


def machine_text(machine: Machine) -> str:
    """Return one line about the machine."""
    return (
        f"{machine.cores} cores, {machine.memory_gib} GiB, {machine.java}, "
        f"Python {machine.python}, {machine.system}\n"
    )


def as_value(machine: Machine, findings: Sequence[Findings]) -> dict[str, object]:
    """Return all of it as a value that JSON can hold."""
    return {"machine": asdict(machine), "benchmarks": [asdict(one) for one in findings]}
