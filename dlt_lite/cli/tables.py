"""Columns and rows → text in columns, by rich: it knows how wide a character is."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dlt_lite.cli.escaping import one_line

_AS_WIDE_AS_NEEDED = 1_000_000


def table_text(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, color: bool, fit: bool
) -> str:
    """Return a table without lines.

    Args:
        columns: the heads; one that starts with `>` stands to the right.
        rows: the cells; whatever they hold is shown, not obeyed.
        color: whether the heads are bold.
        fit: whether to fold to the terminal's width.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        head = Text(column.removeprefix(">"))
        table.add_column(
            head, justify="right" if column.startswith(">") else "left", overflow="fold"
        )
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    file = io.StringIO()
    console = Console(
        file=file,
        force_terminal=color,
        no_color=not color,
        color_system="standard" if color else None,
        width=None if fit else _AS_WIDE_AS_NEEDED,
    )
    console.print(table)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())
