"""Words of the command line → a command, its arguments and the global options.

Two parsers, one behind the other: the first knows the global options and the names of the commands,
the second, made by the command's module, the same global options and the command's own. So only the
module of the one command is imported, and global options may stand on either side of its name.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from dlt_lite.cli.invocation import GlobalOptions, OutputForm
from dlt_lite.cli.menu import BY_NAME, COMMANDS, Command
from dlt_lite.cli.streams import Color
from dlt_lite.errors import BadCommandLine
from dlt_lite.project.suggestions import closest, shown

OUTPUT_VARIABLE = "DLT_LITE_OUTPUT"
_GIVEN = "given_"


@dataclass(frozen=True, slots=True)
class FirstWords:
    """What the first parser found: options, a command, and what is left for the second."""

    given: Mapping[str, Any]
    command: Command | None
    rest: tuple[str, ...]
    wants_help: bool
    wants_version: bool


class Parser(argparse.ArgumentParser):
    """An argument parser that raises our errors and knows what was meant."""

    def __init__(self, program: str, about: str, **more: Any) -> None:  # noqa: ANN401 - argparse's own
        super().__init__(
            prog=program,
            description=about,
            allow_abbrev=False,
            add_help=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **more,
        )

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would print.

        Raises:
            BadCommandLine: always.
        """
        raise BadCommandLine(message, fix=f"see `{self.prog} --help`")

    def short_usage(self) -> str:
        """Return how it is called, without its options one by one."""
        words = [_usage_of(action) for action in self._actions if not action.option_strings]
        return " ".join((self.prog, "[options]", *words))

    def options(self) -> tuple[str, ...]:
        """Return every option it knows."""
        return tuple(self._option_string_actions)

    def options_with_value(self) -> frozenset[str]:
        """Return the options that the next word belongs to."""
        actions = self._option_string_actions.items()
        return frozenset(option for option, action in actions if action.nargs != 0)

    def asks_for_help(self, words: Sequence[str]) -> bool:
        """Return whether help is asked for: then no other word has to make sense."""
        takes_value = self.options_with_value()
        pairs = zip(("", *words), words, strict=False)
        return any(w in {"-h", "--help"} and before not in takes_value for before, w in pairs)

    def parsed(self, words: Sequence[str]) -> argparse.Namespace:
        """Parse words.

        Raises:
            BadCommandLine: a word has no meaning here, or one is missing.
        """
        namespace, unknown = self.parse_known_args(list(words))
        if unknown:
            self._refuse(unknown[0])
        return namespace

    def _refuse(self, word: str) -> NoReturn:
        if not word.startswith("-"):
            raise BadCommandLine(
                f"{shown(word)} is one word too many", fix=f"see `{self.prog} --help`"
            )
        option = word.partition("=")[0]
        match = closest(option, self.options())
        hint = f"did you mean {match}? " if match else ""
        fix = f"{hint}see `{self.prog} --help`"
        raise BadCommandLine(f"{shown(option)} is no option of `{self.prog}`", fix=fix)


def whole_number(text: str) -> int:
    """Return an argument that is a whole number from 0.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    return _number(text, least=0)


def number_from_one(text: str) -> int:
    """Return an argument that is a whole number from 1.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    return _number(text, least=1)


def _number(text: str, *, least: int) -> int:
    if not re.fullmatch("[0-9]{1,12}", text) or int(text) < least:
        message = f"must be a whole number from {least}, not {shown(text)}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def first_words(words: Sequence[str], program: str) -> FirstWords:
    """Read the global options before the command, and the command's name.

    Raises:
        BadCommandLine: an unknown option or command.
    """
    parser = _first_parser(program)
    known, rest = _split(words, parser)
    namespace = parser.parsed(known)
    return FirstWords(
        given=vars(namespace),
        command=_command_of(rest[0]) if rest else None,
        rest=tuple(rest[1:]),
        wants_help=namespace.help,
        wants_version=namespace.version,
    )


def command_parser(command: Command, module: ModuleType, program: str) -> Parser:
    """Return the parser of one command, its module's arguments and the global options in it."""
    text = (module.__doc__ or "").strip()
    parser = Parser(f"{program} {command.name}", text)
    module.add_arguments(parser)
    _add_global_options(parser)
    parser.usage = parser.short_usage()
    return parser


def overview(program: str) -> str:
    """Return the help text of the whole program."""
    width = max(len(command.name) for command in COMMANDS)
    rows = [f"  {command.name:<{width}}  {command.about}" for command in COMMANDS]
    epilog = "\n".join(
        (
            "commands:",
            *rows,
            "",
            f"`{program} COMMAND --help` tells more of one command.",
            "exit codes: 0 done; 1 the update failed; 2 a wrong command line, setting or",
            "  definition; 3 `run --ci` missed the quality gate; 4 another update is active;",
            "  5 this machine lacks something;",
            "  10 `plan --exit-code` found something to do; 70 a fault of ours;",
            "  130 and 143 stopped by Ctrl-C or SIGTERM.",
        )
    )
    parser = _first_parser(program)
    parser.epilog = epilog
    parser.usage = f"{program} [options] COMMAND …"
    return parser.format_help()


def global_options(
    before: Mapping[str, Any], behind: Mapping[str, Any], environ: Mapping[str, str]
) -> GlobalOptions:
    """Put together what was given before the command and behind its name; behind wins.

    Raises:
        BadCommandLine: the environment asks for an unknown form of output.
    """

    def last(key: str) -> Any:  # noqa: ANN401 - as argparse gave it
        later = behind.get(_GIVEN + key)
        return before.get(_GIVEN + key) if later is None else later

    def both(key: str) -> list[str]:
        return [*(before.get(_GIVEN + key) or ()), *(behind.get(_GIVEN + key) or ())]

    folder = last("project_dir")
    return GlobalOptions(
        project_dir=None if folder is None else Path(folder),
        target=last("target"),
        params=tuple(both("param")),
        output=_output_form(last("output"), environ),
        quiet=bool(last("quiet")),
        verbose=(before.get(f"{_GIVEN}verbose") or 0) + (behind.get(f"{_GIVEN}verbose") or 0),
        color=Color(last("color") or Color.AUTO),
        storage_root=last("storage_root"),
    )


def probable_options(words: Sequence[str], environ: Mapping[str, str]) -> GlobalOptions:
    """Return what of the global options can be made out of a command line that makes no sense."""
    wants_json = environ.get(OUTPUT_VARIABLE) == OutputForm.JSON
    for before, word in zip(("", *words), words, strict=False):
        if before in {"-o", "--output"}:
            wants_json = word == OutputForm.JSON
        elif word.startswith(("-o", "--output=")):
            wants_json = word in {"-ojson", "--output=json"}
    output = OutputForm.JSON if wants_json else OutputForm.TEXT
    return GlobalOptions(None, None, (), output, False, 0, Color.AUTO, None)


def _usage_of(action: argparse.Action) -> str:
    word = "|".join(action.choices) if action.choices else str(action.metavar)
    match action.nargs:
        case "?":
            return f"[{word}]"
        case "*":
            return f"[{word} …]"
        case _:
            return word


def _output_form(given: str | None, environ: Mapping[str, str]) -> OutputForm:
    text = given or environ.get(OUTPUT_VARIABLE) or OutputForm.TEXT
    try:
        return OutputForm(text)
    except ValueError as error:
        message = f"{OUTPUT_VARIABLE} is {shown(text)}, which is no form of output"
        raise BadCommandLine(message, fix="set it to text or json") from error


def _first_parser(program: str) -> Parser:
    parser = Parser(program, "Declarative pipelines on Apache Spark and Delta Lake.")
    _add_global_options(parser)
    parser.add_argument("--version", action="store_true", help="print the version")
    return parser


def _add_global_options(parser: Parser) -> None:
    group = parser.add_argument_group("options of every command")
    add = group.add_argument
    add("-h", "--help", action="store_true", help="print this")
    add("--project-dir", dest=f"{_GIVEN}project_dir", metavar="DIR", help="the project's folder")
    add("-t", "--target", dest=f"{_GIVEN}target", metavar="NAME", help="the target, such as prod")
    add(
        "--param",
        dest=f"{_GIVEN}param",
        metavar="KEY=VALUE",
        action="append",
        help="of a pipeline a value that functions read by spark.conf.get, of a job one of its"
        " parameters; may be repeated, once for each key",
    )
    add("--storage-root", dest=f"{_GIVEN}storage_root", metavar="DIR", help="where tables lie")
    add(
        "-o",
        "--output",
        dest=f"{_GIVEN}output",
        choices=[form.value for form in OutputForm],
        help=f"how data is written (or {OUTPUT_VARIABLE})",
    )
    add("-q", "--quiet", dest=f"{_GIVEN}quiet", action="store_const", const=True, help="no talk")
    add(
        "-v",
        "--verbose",
        dest=f"{_GIVEN}verbose",
        action="count",
        help="more talk; -vv: still more",
    )
    add(
        "--color",
        dest=f"{_GIVEN}color",
        choices=[color.value for color in Color],
        help="when to use colours",
    )


def _split(words: Sequence[str], parser: Parser) -> tuple[Sequence[str], Sequence[str]]:
    """Split before the first word that is neither an option nor an option's value."""
    takes_value = parser.options_with_value()
    position = 0
    while position < len(words) and words[position].startswith("-"):
        position += 2 if words[position] in takes_value else 1
    return words[:position], words[position:]


def _command_of(word: str) -> Command:
    command = BY_NAME.get(word)
    if command is None:
        match = closest(word, BY_NAME)
        hint = f"did you mean `{match}`? " if match else ""
        raise BadCommandLine(
            f"{shown(word)} is no command", fix=f"{hint}commands: {', '.join(BY_NAME)}"
        )
    return command
