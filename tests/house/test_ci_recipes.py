"""The files for other people's CI can be read, and their commands are commands of ours."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from tests.house.repository import ROOT
from tests.house.test_docs import PROGRAM, refusal

GITHUB = yaml.safe_load((ROOT / "docs" / "ci" / "github-actions.yml").read_text("utf-8"))
GITLAB = yaml.safe_load((ROOT / "docs" / "ci" / "gitlab-ci.yml").read_text("utf-8"))
STEPS: list[dict[str, Any]] = GITHUB["jobs"]["quality"]["steps"]
JOB: dict[str, Any] = GITLAB["quality"]


def test_every_command_of_a_recipe_can_be_given():
    commands = [
        words
        for text in (*(step.get("run", "") for step in STEPS), *JOB["script"])
        for words in re.findall(rf"{PROGRAM}(.*)", text)
    ]

    assert len(commands) == 2
    assert [refusal(words) for words in commands] == [None, None]


def test_what_a_run_writes_is_what_is_kept_also_where_it_failed():
    by_action = {step["uses"].partition("@")[0]: step for step in STEPS if "uses" in step}
    upload = by_action["actions/upload-artifact"]
    restored, saved = (by_action[f"actions/cache/{each}"] for each in ("restore", "save"))
    [run] = [step for step in STEPS if PROGRAM in step.get("run", "")]

    assert upload["with"]["path"] == option(run["run"], "--out")
    assert restored["with"]["path"] == saved["with"]["path"] == option(run["run"], "--history")
    assert restored["with"]["key"] == saved["with"]["key"]
    assert {step["if"] for step in (run, upload, saved)} == {"${{ !cancelled() }}"}


def test_gitlab_keeps_the_reports_and_the_history():
    [command] = [each for each in JOB["script"] if PROGRAM in each]

    assert JOB["artifacts"]["paths"] == [f"{option(command, '--out')}/"]
    assert JOB["artifacts"]["reports"]["junit"] == f"{option(command, '--out')}/junit.xml"
    assert f"{option(command, '--history')}/" in list(cached())
    assert JOB["artifacts"]["when"] == "always"


def option(command: str, name: str) -> str:
    """Return an option's value."""
    return command.partition(f"{name} ")[2].split()[0]


def cached() -> Iterator[str]:
    """Give every path that GitLab keeps between runs."""
    for cache in JOB["cache"]:
        yield from cache["paths"]
