"""Write a project with a job of many tasks: a number in, the text of its files out.

The tasks lie in rows of five. Each waits for two neighbours of the row above, so the graph is full
of diamonds, and does nothing: what is measured is the layer. Frozen.
"""

from __future__ import annotations

from pathlib import Path

JOB = "many_tasks"
IN_A_ROW = 5

WORK = '''"""What each task does."""


def nothing() -> None:
    """Do nothing."""
'''


def write_job(folder: Path, count: int) -> None:
    """Write a project with a job of `count` tasks, run one at a time."""
    place = folder / "pipelines" / JOB
    place.mkdir(parents=True)
    (folder / "dlt_lite.yml").write_text("name: bench_tasks\n", encoding="utf-8")
    (place / "work.py").write_text(WORK, encoding="utf-8")
    lines = [f"name: {JOB}", "parallel_tasks: 1", "tasks:"]
    for number in range(count):
        lines += [
            f"  - task_key: {key_of(number)}",
            '    callable_task: {function: "work:nothing"}',
        ]
        if above := waits_of(number):
            waits = ", ".join(f"{{task_key: {key_of(each)}}}" for each in above)
            lines.append(f"    depends_on: [{waits}]")
    (place / "job.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def key_of(number: int) -> str:
    """Return the key of a task."""
    return f"task_{number:04d}"


def waits_of(number: int) -> tuple[int, ...]:
    """Return the tasks that a task waits for: none in the first row, two in all others."""
    row, place = divmod(number, IN_A_ROW)
    if row == 0:
        return ()
    above = (row - 1) * IN_A_ROW
    return tuple(sorted({above + place, above + (place + 1) % IN_A_ROW}))
