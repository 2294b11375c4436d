"""Every command: its name, its one line, and the module that carries it out, imported when called.

Such a module has `add_arguments(parser)` and `run(arguments, invocation) -> exit code`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        name: how it is called.
        module: the module that carries it out.
        about: what it does, in one line.
    """

    name: str
    module: str
    about: str


_ROOM = "dlt_lite.cli.commands"

COMMANDS = (
    Command("init", f"{_ROOM}.init", "make a new project in a folder"),
    Command("validate", f"{_ROOM}.validate", "check files, names and settings; writes nothing"),
    Command("plan", f"{_ROOM}.plan", "say what a run would do, and why; writes nothing"),
    Command("run", f"{_ROOM}.run", "bring the tables of a pipeline up to date, or run a job"),
    Command("repair", f"{_ROOM}.repair", "run what is missing of a run of a job"),
    Command("report", f"{_ROOM}.report", "write the quality reports of an update"),
    Command(
        "quality", f"{_ROOM}.quality", "tell how rules fared, what changed, what rules would do"
    ),
    Command("suggest", f"{_ROOM}.suggest", "propose rules for a dataset, as a file to review"),
    Command("ls", f"{_ROOM}.ls", "list pipelines, datasets and jobs"),
    Command("graph", f"{_ROOM}.graph", "draw which dataset reads which, or a job"),
    Command("show", f"{_ROOM}.show", "print rows of a dataset"),
    Command("quarantine", f"{_ROOM}.quarantine", "show, replay or clear rows that were set aside"),
    Command("events", f"{_ROOM}.events", "print the events of a run"),
    Command("runs", f"{_ROOM}.runs", "list runs; show, follow or cancel one"),
    Command("backfill", f"{_ROOM}.backfill", "run a job once for each day of a range"),
    Command("serve", f"{_ROOM}.serve", "start jobs by their triggers, until asked to stop"),
    Command("schedule", f"{_ROOM}.schedule", "print when a job is due next"),
    Command("schema", f"{_ROOM}.schema", "print the JSON Schema of a kind of file"),
    Command("config", f"{_ROOM}.config", "print the settings and where they come from"),
    Command("doctor", f"{_ROOM}.doctor", "check what this machine needs for a run"),
)
BY_NAME = {command.name: command for command in COMMANDS}
