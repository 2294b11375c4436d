"""The benchmarks: a bench in, findings out; what each is for stands in bench.py."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

from tests.benchmarks import generate, many_datasets, product, rules_baseline
from tests.benchmarks.measure import Measurement, measured
from tests.benchmarks.past_updates import write_past_updates
from tests.benchmarks.report import Findings, Ratio, cpu, inside, median, memory, wall
from tests.benchmarks.setting import (
    ROOT,
    Bench,
    Counts,
    OurRun,
    Samples,
    differences,
    linked,
    plain_result,
)

_RULES, _UPDATES = 1_000, 30


def medallion(bench: Bench) -> Findings:
    """Compare the first run of ten tables and the run after 1 % more rows."""
    rows = bench.rows or generate.LANDING_ROWS
    landing = _landing(bench, rows)
    samples, remarks = Samples(), set[str]()
    for _ in range(bench.rounds or 5):
        ground = _Medallion(bench, bench.round_folder("medallion"))
        for moment, arriving in (("first run", "base"), ("+1 %", "increment")):
            linked(landing / arriving, ground.landing)
            for side in bench.sides:
                samples.add(f"{side}, {moment}", ground.run(side))
            remarks.update(ground.differences(streams_only=moment != "first run"))
        shutil.rmtree(ground.folder)
    ratios = (
        *samples.ratio("ours, first run", "plain, first run", cpu, "at most 1.10"),
        *samples.ratio("ours, first run", "plain, first run", wall, "at most 1.00, aim 0.90"),
        *samples.ratio("ours, first run", "plain, first run", memory, "at most 1.20"),
        *samples.ratio("ours, +1 %", "plain, +1 %", cpu, "no target"),
        *samples.ratio("ours, +1 %", "plain, +1 %", wall, "at most 0.80"),
    )
    remark = "inside: session ready to exit"
    return Findings("medallion", rows, samples.measurements, ratios, (remark, *sorted(remarks)))


def nothing_new(bench: Bench) -> Findings:
    """Compare a run of ten tables that finds nothing new; the first run isn't measured."""
    rows = bench.rows or generate.LANDING_ROWS
    ground = _Medallion(bench, bench.round_folder("nothing_new"))
    linked(_landing(bench, rows) / "base", ground.landing)
    samples = Samples()
    for side in bench.sides:
        ground.run(side)
    for _ in range(bench.rounds or 5):
        for side in bench.sides:
            samples.add(side, ground.run(side))
    shutil.rmtree(ground.folder)
    ratios = (
        *samples.median("ours", inside, "at most 2 s"),
        *samples.ratio("ours", "plain", inside, "no target"),
        *samples.ratio("ours", "plain", wall, "no target"),
    )
    remark = "inside: session ready to exit"
    return Findings("nothing_new", rows, samples.measurements, ratios, (remark,))


class _Medallion:
    """One round's ground: a landing that both sides read, a storage for each."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self.bench = bench
        self.folder = folder
        self.landing = folder / "landing"
        self.project = bench.copied_project("medallion", folder)

    def run(self, side: str) -> Measurement:
        """Run one side, its time since the session was ready inside."""
        result = self._result(side)
        result.unlink(missing_ok=True)
        if side == "plain":
            where = ("--landing", str(self.landing), "--storage", str(self.folder / "plain"))
            cost = self.bench.run_plain("medallion_baseline", *where, "--result", str(result))
            return replace(cost, inside=cost.ended - plain_result(result)["session_ready"])
        words = ("run", "medallion", "-o", "json")
        variables = {"BENCH_LANDING": str(self.landing)}
        cost = self.bench.run_ours(OurRun(words, self.project, variables, result))
        run_folder = product.latest_run_folder(self.project)
        return replace(cost, inside=product.session_ready_to_exit(run_folder, cost.ended))

    def differences(self, *, streams_only: bool) -> tuple[str, ...]:
        """Compare what the two sides counted; views that were not computed counted nothing."""
        if not all(self._result(side).exists() for side in ("plain", "ours")):
            return ()
        plain: Counts = plain_result(self._result("plain"))["datasets"]
        if streams_only:
            streams = ("bronze_", "silver_")
            plain = {name: found for name, found in plain.items() if name.startswith(streams)}
        return differences(plain, product.counted(self._result("ours").read_text("utf-8")))

    def _result(self, side: str) -> Path:
        return self.folder / f"{side}.json"


def _landing(bench: Bench, rows: int) -> Path:
    folder = bench.work / f"landing-{rows}"
    if not (folder / "increment").exists():
        generate.write_landing(folder, rows)
    return folder


def first_table(bench: Bench) -> Findings:
    """Compare the way from the shell to the first committed table, all caches warm."""
    samples = Samples()
    sides = {
        "plain": ("plain, class path", "plain, pip"),
        "ours": ("ours, no archive", "ours, archive"),
    }
    labels = [label for side in bench.sides for label in sides[side]]
    for label in labels:
        _first_table(bench, label)
    for _ in range(bench.rounds or 5):
        for label in labels:
            samples.add(label, _first_table(bench, label))
    ratios = (
        *samples.ratio("ours, no archive", "plain, class path", inside, "at most 1.10"),
        *samples.ratio("ours, archive", "plain, class path", inside, "at most 0.85"),
        *samples.ratio("ours, archive", "plain, pip", inside, "at most 0.75"),
        *samples.ratio("ours, no archive", "plain, class path", cpu, "no target"),
        *samples.ratio("ours, archive", "plain, class path", cpu, "no target"),
    )
    remark = "inside: shell to the first commit; one unmeasured run of each side before"
    return Findings("first_table", 1_000, samples.measurements, ratios, (remark,))


def _first_table(bench: Bench, label: str) -> Measurement:
    folder = bench.round_folder("first_table")
    if label.startswith("plain"):
        jars = "pip" if label.endswith("pip") else "classpath"
        ivy = ("--ivy-settings", bench.ivy_settings) if bench.ivy_settings else ()
        words = ("--jars", jars, "--storage", str(folder), *ivy)
        cost = bench.run_plain("first_table_baseline", *words)
    else:
        project = bench.copied_project("one_table", folder)
        has_archive = label == "ours, archive"
        cost = bench.run_ours(OurRun(("run", "one_table"), project, with_archive=has_archive))
    commits = [
        path.stat().st_mtime
        for path in folder.rglob("_delta_log/00000000000000000000.json")
        if "first_table" in str(path.relative_to(folder))
    ]
    return replace(cost, inside=min(commits) - cost.started)


def rules(bench: Bench) -> Findings:
    """Compare what ten rules cost, as warnings and as drops, on Delta and on JSON."""
    rows = bench.rows or generate.WIDE_ROWS
    source = bench.work / f"wide-{rows}"
    if not (source / "delta" / "log" / "2.json").exists():
        generate.write_wide_source(source, rows)
    samples, remarks = Samples(), set[str]()
    for _ in range(bench.rounds or 3):
        for kind in rules_baseline.FORMATS:
            for variant in rules_baseline.VARIANTS:
                remarks.update(_rules_round(bench, samples, _Copy(source, kind, variant)))
    ratios = [
        ratio
        for side in ("ours", "plain")
        for kind, most in (("delta", "1.20"), ("json", "1.12"))
        for top, bottom, target in (("warn", "none", most), ("drop", "filter", "1.15"))
        for ratio in samples.ratio(
            f"{side}, {kind}, {top}",
            f"{side}, {kind}, {bottom}",
            inside,
            f"at most {target}" if side == "ours" else "for comparison",
        )
    ]
    ratios.extend(
        ratio
        for kind in rules_baseline.FORMATS
        for variant in rules_baseline.VARIANTS
        for ratio in samples.ratio(
            f"ours, {kind}, {variant}", f"plain, {kind}, {variant}", inside, "for comparison"
        )
    )
    remark = "inside: CPU beyond the floor of the same process on a thousand rows"
    all_remarks = (remark, *sorted(remarks))
    return Findings("rules", rows, samples.measurements, tuple(ratios), all_remarks)


QUALITY = {
    "warn": "at most 1.15",
    "fail": "at most 1.05",
    "few aside": "at most 1.25",
    "tenth aside": "at most 1.90",
    "hundred": "at most 1.60",
    "unique": "at most 1.50",
}
_SAMPLES = {"no samples": 0, "five samples": 5}


def quality(bench: Bench) -> Findings:
    """Compare what kinds of rules cost beside the same write without, and beside real GX."""
    rows = bench.rows or generate.WIDE_ROWS
    source = bench.work / f"wide-{rows}"
    if not (source / "delta" / "log" / "2.json").exists():
        generate.write_wide_source(source, rows)
    samples = Samples()
    for _ in range(bench.rounds or 3):
        _quality_round(bench, samples, source, "none", "no samples")
        for variant in QUALITY:
            for shown in _SAMPLES:
                _quality_round(bench, samples, source, variant, shown)
    ratios = [
        ratio
        for shown in _SAMPLES
        for variant, target in QUALITY.items()
        for ratio in samples.ratio(
            f"ours, {variant}, {shown}", "ours, none, no samples", inside, target
        )
    ]
    for shown in _SAMPLES:
        ratios += _against_gx(samples, shown)
    remark = "inside: CPU beyond the floor; of ours for three copies, of GX for one validation"
    return Findings("quality", rows, samples.measurements, tuple(ratios), (remark,))


def _quality_round(bench: Bench, samples: Samples, source: Path, variant: str, shown: str) -> None:
    folder = bench.round_folder("quality")
    project = bench.copied_project("quality", folder)
    copy = _Copy(source, "delta", variant)
    variables = {
        "BENCH_SOURCE": str(folder / "source"),
        "BENCH_RULES": variant,
        "BENCH_SAMPLES": str(_SAMPLES[shown]),
    }
    costs = []
    for stage in range(3):
        copy.arrive(stage, folder / "source")
        costs.append(bench.run_ours(OurRun(("run", "rules"), project, variables)))
    _, floor, full = costs
    samples.add(f"ours, {variant}, {shown}", replace(full, inside=full.cpu - floor.cpu))
    if variant == "none" and "plain" in bench.sides:
        _validate_by_gx(bench, samples, folder)
    shutil.rmtree(folder)


def _validate_by_gx(bench: Bench, samples: Samples, folder: Path) -> None:
    table = next(folder.rglob("copy_a"))
    costs = {
        way: bench.run_plain(
            "gx_baseline", "--way", way, "--table", str(table), "--storage", str(folder / "gx")
        )
        for way in ("floor", "plain", "lean")
    }
    floor = costs.pop("floor").cpu
    for way, cost in costs.items():
        samples.add(f"GX, {way}", replace(cost, inside=cost.cpu - floor))


def _against_gx(samples: Samples, shown: str) -> list[Ratio]:
    """Return what ten warnings add to one copy, beside what GX takes for the same ten rules."""
    sides = samples.measurements
    warned, bare = f"ours, warn, {shown}", "ours, none, no samples"
    if not {warned, bare, "GX, lean"} <= sides.keys():
        return []
    warn, none = (median(sides[each], inside) for each in (warned, bare))
    return [
        Ratio(
            f"inside: what ten warnings add, {shown} / GX, {way}",
            (warn - none) / 3 / median(sides[f"GX, {way}"], inside),
            target,
        )
        for way, target in (("lean", "at most 0.50"), ("plain", "at most 0.15"))
    ]


class _Copy:
    """One variant of the copy: where its source's stages come from."""

    def __init__(self, source: Path, kind: str, variant: str) -> None:
        self.source = source
        self.kind = kind
        self.variant = variant

    def arrive(self, stage: int, target: Path) -> None:
        """Let a stage's rows arrive in the source that both sides read."""
        if self.kind == "json":
            linked(self.source / "json" / f"stage-{stage}", target)
            return
        if stage == 0:
            linked(self.source / "delta" / "data", target)
            (target / "_delta_log").mkdir()
        commit = target / "_delta_log" / f"{stage:020d}.json"
        commit.hardlink_to(self.source / "delta" / "log" / f"{stage}.json")


def _rules_round(bench: Bench, samples: Samples, copy: _Copy) -> tuple[str, ...]:
    folder = bench.round_folder("rules")
    bench.copied_project(f"rules_{copy.variant}", folder)
    costs: dict[str, list[Measurement]] = {side: [] for side in bench.sides}
    for stage in range(3):
        copy.arrive(stage, folder / "source")
        for side in bench.sides:
            costs[side].append(_rules_run(bench, side, copy))
    for side, (_, floor, full) in costs.items():
        label = f"{side}, {copy.kind}, {copy.variant}"
        samples.add(label, replace(full, inside=full.cpu - floor.cpu))
    found = _rules_differences(folder, copy)
    shutil.rmtree(folder)
    return found


def _rules_run(bench: Bench, side: str, copy: _Copy) -> Measurement:
    folder = bench.work / "round-rules"
    source, result = str(folder / "source"), folder / f"{side}.json"
    result.unlink(missing_ok=True)
    if side == "plain":
        what = ("--variant", copy.variant, "--format", copy.kind, "--source", source)
        where = ("--storage", str(folder / "plain"), "--result", str(result))
        return bench.run_plain("rules_baseline", *what, *where)
    variables = {"BENCH_SOURCE": source, "BENCH_SOURCE_FORMAT": copy.kind}
    words = ("run", "rules", "-o", "json")
    return bench.run_ours(OurRun(words, folder / "ours" / "project", variables, result))


def _rules_differences(folder: Path, copy: _Copy) -> tuple[str, ...]:
    plain, ours = folder / "plain.json", folder / "ours.json"
    if not (plain.exists() and ours.exists()):
        return ()
    found = differences(plain_result(plain)["datasets"], product.counted(ours.read_text("utf-8")))
    return tuple(f"{copy.kind}, {copy.variant}: {one}" for one in found)


def many(bench: Bench) -> Findings:
    """Measure loading, planning and running many datasets; `rows` scales the thousand."""
    count = bench.rows or 1_000
    folder = bench.round_folder("many")
    all_of_them, half, tenth, chain = (
        folder / name / "project" for name in ("all", "half", "tenth", "chain")
    )
    many_datasets.write_groups(all_of_them, count)
    many_datasets.write_groups(half, count // 2)
    many_datasets.write_groups(tenth, count // 10)
    many_datasets.write_chain(chain, count // 2)
    samples = Samples()
    name = many_datasets.PIPELINE
    for _ in range(bench.rounds or 3):
        if "plain" in bench.sides:
            samples.add(f"plain, import {count}", _import_only(bench, all_of_them))
        if "ours" in bench.sides:
            for label, words, project in (
                (f"validate {count}", ("validate", name), all_of_them),
                (f"plan {count // 2}", ("plan", name), half),
                (f"plan {count}", ("plan", name), all_of_them),
                (f"plan a chain of {count // 2}", ("plan", name), chain),
            ):
                samples.add(f"ours, {label}", bench.run_ours(OurRun(words, project)))
    if "ours" in bench.sides:
        for label, project in (
            (f"run {count // 10}", tenth),
            (f"run a chain of {count // 2}", chain),
        ):
            samples.add(f"ours, {label}", bench.run_ours(OurRun(("run", name), project)))
    whole, part = f"ours, plan {count}", f"ours, plan {count // 2}"
    imported = (f"ours, validate {count}", f"plain, import {count}")
    ratios = (
        *samples.difference(*imported, wall, "at most 1 s"),
        *samples.median(whole, wall, "at most 20 s"),
        *samples.ratio(whole, part, wall, "linear: at most 2"),
        *samples.ratio(whole, part, cpu, "linear: at most 2"),
    )
    return Findings("many", count, samples.measurements, ratios)


def _import_only(bench: Bench, project: Path) -> Measurement:
    command = (sys.executable, "-m", "tests.benchmarks.import_baseline", str(project))
    return measured(command, bench.log("import"), env=bench.environment(), cwd=ROOT)


def startup(bench: Bench) -> Findings:
    """Measure `--help`, `ls` on a project that has run, and `report` on one of many rules."""
    folder = bench.round_folder("startup")
    past = folder / "past" / "project"
    write_past_updates(past, bench.rows or _RULES, _UPDATES)
    reported = f"ours, report of {bench.rows or _RULES:,} rules x {_UPDATES} updates"
    project = bench.copied_project("one_table", folder)
    if "ours" in bench.sides:
        bench.run_ours(OurRun(("run", "one_table"), project))
    samples = Samples()
    for _ in range(bench.rounds or 5):
        if "plain" in bench.sides:
            command = (sys.executable, "-c", "pass")
            env, log = bench.environment(), bench.log("python")
            samples.add("plain, python -c pass", measured(command, log, env=env, cwd=ROOT))
        if "ours" in bench.sides:
            samples.add("ours, --help", _help(bench))
            samples.add("ours, ls", bench.run_ours(OurRun(("ls",), project)))
            words = ("report", "--out", str(folder / "report"))
            samples.add(reported, bench.run_ours(OurRun(words, past)))
    ratios = (
        *samples.median("ours, --help", cpu, "at most 0.3 s"),
        *samples.median("ours, ls", cpu, "at most 0.3 s"),
        *samples.median(reported, wall, "at most 3 s"),
        *samples.median(reported, cpu, "at most 3 s"),
    )
    return Findings("startup", 1, samples.measurements, ratios)


def _help(bench: Bench) -> Measurement:
    command = product.command("--help")
    return measured(command, bench.log("help"), env=bench.environment(), cwd=ROOT)
