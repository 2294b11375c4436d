"""Compare dlt_lite with scripts written by hand; the benchmarks' one command.

    python -m tests.benchmarks.bench [NAME ...] [--rows N] [--rounds N] [--json FILE]

from the repository's root, on Linux. Without names all benchmarks run:

medallion    ten tables (4 bronze and 2 silver streams, 4 views) from 1 M JSON rows: first run, then
             again after 1 % more rows arrived in one of the four sources
nothing_new  the same ten tables when nothing has changed; inside = session ready to exit
first_table  a thousand rows into one new table; inside = shell to the table's first commit
rules        3 M rows of ten columns, Delta -> Delta and JSON -> Delta, three copies: bare, ten
             rules that warn, filtered, ten rules that drop; inside = CPU beyond the floor
quality      3 M rows, Delta -> Delta, three copies: ten rules that warn, ten that fail and pass,
             few rows and a tenth of them set aside, a hundred rules, a unique column; and ten
             rules by Great Expectations on the written table; inside = CPU beyond the floor
many         1,000 generated datasets: validate and plan; a chain of 500; 100 run
startup      --help and ls; report of 1,000 rules over 30 updates
tasks        a job of 100 tasks that do nothing, one at a time, against a process each; inside = CPU
             of the runner, without that of the children
large_job    validate a job of 1,000 tasks
shop         the worked example, `shop_daily`, against a script of one process: first run, then
             again with nothing new, dlt_lite without its archive and with it (Python with
             scikit-learn and skops)

How it measures. Each side is a fresh process, the sides take turns (A B A B), every round in an
empty storage. CPU is that of the process and all it started, the JVM to its end; wall is until the
process itself ended; memory is the sum of the processes' peaks (measure.py). *others CPU* is what
the rest of the machine used meanwhile: a figure is only good where it is near zero, and the ratio
of medians is better than any single figure. Nothing here is a test: no figure passes or fails.

What is compared. A baseline (`*_baseline.py`) is what a careful engineer writes without dlt_lite:
the same reads, writes, rules and counts, with the JARs, settings, formats and slots of dlt_lite's
embedded default (plain_session.py). Baselines, generators and `projects/` were written before
dlt_lite's figures were known and are frozen. dlt_lite runs *without* its class-data archive unless
`--archive` is given (first_table and shop show both): a script could have one too, and the ratio is
to compare frameworks. What both sides counted is compared as well, and differences are printed.

The rules' floor. Starting a JVM costs more than ten rules, so each side runs three times in one
storage: on a thousand rows, on a thousand more (the floor), on all rows. Inside is the third run's
CPU less the second's.

Delta's five JARs come from `--jars-dir` or DLT_LITE_JARS_DIR, `configure_spark_with_delta_pip`
resolves its own (`--ivy-settings` names a mirror's settings file). `--work DIR` keeps generated
inputs and logs for the next time; otherwise they lie in a temporary folder. `--sides plain` runs
the baselines alone.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from tests.benchmarks import job_suites, suites
from tests.benchmarks.measure import become_reaper
from tests.benchmarks.plain_session import JAVA_OPTIONS
from tests.benchmarks.report import Findings, as_text, as_value, machine_text, this_machine
from tests.benchmarks.setting import Bench

BENCHMARKS = {
    "medallion": suites.medallion,
    "nothing_new": suites.nothing_new,
    "first_table": suites.first_table,
    "rules": suites.rules,
    "quality": suites.quality,
    "many": suites.many,
    "startup": suites.startup,
    "tasks": job_suites.tasks,
    "large_job": job_suites.large_job,
    "shop": job_suites.shop,
}


def arguments() -> argparse.ArgumentParser:
    """Return the command line's grammar."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.bench", description="Compare dlt_lite with plain scripts."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--rows", type=int, help="the input's size instead of the benchmark's own")
    parser.add_argument("--rounds", type=int, help="how often each side runs")
    parser.add_argument("--json", type=Path, help="write all figures to this file too")
    parser.add_argument("--sides", choices=("both", "plain", "ours"), default="both")
    parser.add_argument("--archive", action="store_true", help="let dlt_lite use its archive")
    parser.add_argument("--jars-dir", default=os.environ.get("DLT_LITE_JARS_DIR"))
    parser.add_argument("--java-options", default=JAVA_OPTIONS, help="of the baselines' JVM")
    parser.add_argument("--ivy-settings")
    parser.add_argument("--work", type=Path, help="keep inputs and logs in this folder")
    return parser


def main() -> int:
    """Run the benchmarks that the command line names and print their tables."""
    parser = arguments()
    options = parser.parse_args()
    names = options.names or list(BENCHMARKS)
    if unknown := [name for name in names if name not in BENCHMARKS]:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    if not options.jars_dir or not list(Path(options.jars_dir).glob("delta-spark*.jar")):
        parser.error("--jars-dir must name the folder that holds Delta's five JARs")
    become_reaper()
    work = options.work or Path(tempfile.mkdtemp(prefix="bench-"))
    work.mkdir(parents=True, exist_ok=True)
    bench = Bench(
        work=work.resolve(),
        jars_dir=str(Path(options.jars_dir).resolve()),
        rows=options.rows,
        rounds=options.rounds,
        sides=("plain", "ours") if options.sides == "both" else (options.sides,),
        with_archive=options.archive,
        java_options=options.java_options,
        ivy_settings=options.ivy_settings,
    )
    try:
        report(bench, names, options.json)
    finally:
        if options.work is None:
            shutil.rmtree(work, ignore_errors=True)
    return 0


def report(bench: Bench, names: list[str], json_file: Path | None) -> None:
    """Run benchmarks one after the other, printing each as soon as it is known."""
    machine = this_machine()
    sys.stdout.write(machine_text(machine))
    findings: list[Findings] = []
    for name in names:
        findings.append(BENCHMARKS[name](bench))
        sys.stdout.write("\n" + as_text(findings[-1]))
        sys.stdout.flush()
        if json_file:
            value = json.dumps(as_value(machine, findings), indent=1)
            json_file.write_text(value + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
