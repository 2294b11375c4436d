"""The arguments that a scheduler gives `run` → why a run of a job is begun."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from dlt_lite.cli.escaping import one_line
from dlt_lite.jobs.requests import Occasion
from dlt_lite.project.parameters import parse_parameters

_RUN_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}")
_CAUSE = re.compile(r"[a-z_]{1,40}")


def add_occasion_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what a scheduler may say of a run of a job."""
    add = parser.add_argument_group("of a job, for schedulers").add_argument
    add(
        "--run-id",
        type=_run_id,
        metavar="ID",
        help="the id of the run, such as 20270131T020000Z-1f49c1ab: ids sort by time; of several"
        " with one id only the first is run",
    )
    add("--cause", type=_cause, default="one_time", metavar="WORD", help="what starts it")
    add("--scheduled", type=moment, metavar="TIME", help="the time it is meant for, ISO 8601")
    add("--backfill", type=moment, metavar="TIME", help="the moment that it stands for, ISO 8601")
    add(
        "--told",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="what its trigger tells, such as trigger.file_arrival.location=landing",
    )


def occasion(arguments: argparse.Namespace) -> Occasion:
    """Return why the run is begun.

    Raises:
        BadParameter: a `--told` is not `key=value`.
    """
    told = parse_parameters(arguments.told, flag="--told")
    return Occasion(
        arguments.run_id, arguments.cause, arguments.scheduled, arguments.backfill, told
    )


def words_of(occasion: Occasion) -> Sequence[str]:
    """Return the words of a command line that mean an occasion."""
    pairs = (
        ("--run-id", occasion.run_id),
        ("--cause", occasion.cause),
        ("--scheduled", _stamp(occasion.scheduled)),
        ("--backfill", _stamp(occasion.backfill)),
        *(("--told", f"{key}={value}") for key, value in occasion.facts.items()),
    )
    return tuple(f"{option}={value}" for option, value in pairs if value is not None)


def moment(text: str) -> datetime:
    """Return an argument that is a moment; without a time zone it is UTC.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"must be a time such as 2027-01-31 or 2027-01-31T02:00:00Z, not {one_line(text)}"
        raise argparse.ArgumentTypeError(message) from error
    return found.replace(tzinfo=found.tzinfo or UTC)


def _run_id(text: str) -> str:
    return _matching(text, _RUN_ID, "such as 20270131T020000Z-1f49c1ab, so that ids sort by time")


def _cause(text: str) -> str:
    return _matching(text, _CAUSE, "small letters and `_`, at most 40")


def _matching(text: str, form: re.Pattern[str], wants: str) -> str:
    if not form.fullmatch(text):
        message = f"must be {wants}, not {one_line(text)}"
        raise argparse.ArgumentTypeError(message)
    return text


def _stamp(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).isoformat()
