from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from dlt_lite.cli.arguments import (
    command_parser,
    first_words,
    global_options,
    overview,
    probable_options,
)
from dlt_lite.cli.commands import ls, run
from dlt_lite.cli.invocation import GlobalOptions, OutputForm
from dlt_lite.cli.menu import COMMANDS
from dlt_lite.cli.streams import Color
from dlt_lite.cli.update_arguments import pipeline_name, update_request
from dlt_lite.errors import BadCommandLine
from dlt_lite.model.requests import UpdateRequest

PROGRAM = "dlt-lite"


def options_of(*words: str, environ: dict[str, str] | None = None) -> GlobalOptions:
    first = first_words(words, PROGRAM)
    behind = command_parser(first.command, ls, PROGRAM).parsed(first.rest)
    return global_options(first.given, vars(behind), environ or {})


def request_of(*words: str) -> tuple[str, UpdateRequest]:
    first = first_words(("run", *words), PROGRAM)
    arguments = command_parser(first.command, run, PROGRAM).parsed(first.rest)
    return pipeline_name(arguments, PROGRAM), update_request(arguments, yes=arguments.yes)


def test_global_options_may_stand_before_and_behind_the_command():
    before = options_of("--project-dir", "p", "-t", "prod", "-q", "-o", "json", "ls")
    behind = options_of("ls", "--project-dir=p", "--target", "prod", "--quiet", "-ojson")

    assert before == behind
    assert before.project_dir == Path("p")
    assert (before.target, before.quiet, before.output) == ("prod", True, OutputForm.JSON)


def test_what_may_be_repeated_adds_up_over_both_places_and_the_rest_is_settled_behind():
    options = options_of(
        "-v", "--param", "a=1", "-t", "x", "ls", "-vv", "--param", "b=2", "-t", "y"
    )

    assert options.params == ("a=1", "b=2")
    assert (options.verbose, options.target) == (3, "y")


def test_nothing_given_means_text_for_people():
    assert options_of("ls") == GlobalOptions(
        project_dir=None,
        target=None,
        params=(),
        output=OutputForm.TEXT,
        quiet=False,
        verbose=0,
        color=Color.AUTO,
        storage_root=None,
    )


def test_the_environment_gives_the_form_of_output_and_an_option_wins():
    environ = {"DLT_LITE_OUTPUT": "json"}

    assert options_of("ls", environ=environ).output is OutputForm.JSON
    assert options_of("ls", "-o", "text", environ=environ).output is OutputForm.TEXT
    with pytest.raises(BadCommandLine, match="DLT_LITE_OUTPUT is 'xml'"):
        options_of("ls", environ={"DLT_LITE_OUTPUT": "xml"})


@pytest.mark.parametrize(
    ("words", "what", "fix"),
    [
        (["rnu"], "'rnu' is no command", "did you mean `run`?"),
        (["ls", "--pipline", "x"], "'--pipline' is no option", "did you mean --pipeline?"),
        (["--verbos", "ls"], "'--verbos' is no option", "did you mean --verbose?"),
        (["ls", "--verbos=3"], "'--verbos' is no option", "did you mean --verbose?"),
        (["ls", "--target"], "expected one argument", "see `dlt-lite ls --help`"),
        (["ls", "-o", "xml"], "invalid choice: 'xml'", "see `dlt-lite ls --help`"),
        (["ls", "more"], "'more' is one word too many", "see `dlt-lite ls --help`"),
        (["ls", "\x1b[31m"], "'\\x1b[31m' is one word", "see `dlt-lite ls --help`"),
    ],
)
def test_a_wrong_word_is_an_error_that_says_what_was_meant(words, what, fix):
    with pytest.raises(BadCommandLine) as caught:
        options_of(*words)

    assert what in caught.value.what
    assert fix in caught.value.fix


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: each.name)
def test_every_choice_is_a_plain_word_as_it_is_shown(command):
    parser = command_parser(command, import_module(command.module), PROGRAM)

    for action in parser._actions:  # noqa: SLF001 - argparse tells them in no other way
        assert {type(word) for word in action.choices or ("none",)} == {str}


def test_options_are_never_shortened():
    with pytest.raises(BadCommandLine, match="'--verb'"):
        options_of("ls", "--verb")


def test_the_help_text_lists_every_command_and_every_exit_code():
    text = overview(PROGRAM)

    assert all(f"  {command.name} " in text for command in COMMANDS)
    assert all(command.about in text for command in COMMANDS)
    assert all(code in text for code in ("0", "1", "2", "4", "5", "10", "70", "130", "143"))


def test_an_update_is_asked_for_in_words():
    name, request = request_of(
        "shop", "--select", "+a,b", "--select", "tag:x", "--full-refresh=a", "--yes",
        "--reset-checkpoint", "f",
    )  # fmt: skip

    assert name == "shop"
    assert request == UpdateRequest(
        select=("+a,b", "tag:x"), full_refresh=("a",), reset_checkpoint=("f",), yes=True
    )


def test_a_full_refresh_without_names_is_one_of_everything():
    assert request_of("shop", "--full-refresh")[1] == UpdateRequest(full_refresh_all=True)
    assert request_of("--full-refresh", "--yes", "shop")[1].full_refresh_all


def test_a_pipeline_that_was_taken_for_the_names_of_a_full_refresh_is_explained():
    with pytest.raises(BadCommandLine) as caught:
        request_of("--full-refresh", "shop")

    assert (
        caught.value.fix
        == "--full-refresh took 'shop' as its names: write the pipeline's name first"
    )


@pytest.mark.parametrize(
    "words",
    [["-o", "json", "nope"], ["nope", "-ojson"], ["--output=json"], ["ls", "--output", "json"]],
)
def test_a_senseless_command_line_still_tells_that_json_was_wanted(words):
    assert probable_options(words, {}).output is OutputForm.JSON
    assert probable_options(["-o", "text"], {"DLT_LITE_OUTPUT": "json"}).output is OutputForm.TEXT
