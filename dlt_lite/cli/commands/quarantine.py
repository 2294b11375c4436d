"""Rows that rules have set aside: show them, put them through today's rules again, or remove them.

`replay` is for streaming tables: what passes goes into the table exactly once, the rest stays. The
quarantine of a materialized view is replaced with the view.
"""

from __future__ import annotations

import argparse

from dlt_lite.cli.arguments import whole_number
from dlt_lite.cli.commands.run import carry_out
from dlt_lite.cli.commands.show import tell_rows
from dlt_lite.cli.invocation import Invocation
from dlt_lite.cli.opening import opened, opened_to_look_back
from dlt_lite.errors import BadCommandLine
from dlt_lite.model.requests import QuarantineRequest, QuarantineVerb, UpdateRequest

_SHOW = "show"
_ROWS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add("verb", choices=(_SHOW, *map(str, QuarantineVerb)), help="what is done with the rows")
    add("dataset", metavar="DATASET", help="the dataset whose rules set them aside")
    add("--where", metavar="SQL", help="only rows that fulfil a condition (replay, clear)")
    add("--limit", type=whole_number, default=_ROWS, metavar="N", help=f"at most N rows ({_ROWS})")
    add("--yes", action="store_true", help="agree that `clear` loses the rows")


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Show, replay or clear."""
    if arguments.verb == _SHOW:
        with invocation.streams.kept_for_data():
            found = opened_to_look_back(invocation).rows(
                arguments.dataset, limit=arguments.limit, set_aside=True
            )
        tell_rows(found, f"the quarantine of {arguments.dataset}", invocation)
        return 0
    verb = QuarantineVerb(arguments.verb)
    if verb is QuarantineVerb.CLEAR and not arguments.yes:
        raise BadCommandLine(
            f"`quarantine clear` loses rows of {arguments.dataset} for good",
            fix="look at them by `quarantine show`, then say --yes",
        )
    pipeline, name = opened(invocation).place_of(arguments.dataset)
    asked = QuarantineRequest(verb, name, arguments.where)
    return carry_out(pipeline, UpdateRequest(quarantine=asked), invocation)
