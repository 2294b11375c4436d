"""Columns and rows → text in columns, by rich: it knows how wide a character is."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dlt_lite.cli.escaping import one_line

_AS_WIDE_AS_NEEDED = 1_000_000
_GAP = 2
# Words of a fixed set, which nobody could read in pieces.
_UNBROKEN = frozenset({"state", "action"})
# With less room than the first, the last column is a line cut short; with less than the second,
# other columns make room for it.
_ENOUGH_TO_FOLD = 30
_FEWEST = 16


def table_text(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    color: bool,
    fit: bool,
    spare: Sequence[str] = (),
) -> str:
    """Return a table without lines.

    Args:
        columns: the heads; one that starts with `>` stands to the right.
        rows: the cells; whatever they hold is shown, not obeyed.
        color: whether the heads are bold.
        fit: whether to fold to the terminal's width.
        spare: the columns that a narrow terminal can do without, the least important first.
    """
    file = io.StringIO()
    console = Console(
        file=file,
        force_terminal=color,
        no_color=not color,
        color_system="standard" if color else None,
        width=None if fit else _AS_WIDE_AS_NEEDED,
    )
    cells = [[one_line(cell) for cell in row] for row in rows]
    kept = _that_fit(columns, cells, spare, console.width)
    heads = [columns[place] for place in kept]
    cells = [[row[place] for place in kept] for row in cells]
    room = console.width - sum(width + _GAP for width in _widths(heads, cells)[:-1])
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for place, column in enumerate(heads, start=1):
        head = column.removeprefix(">")
        is_cut = bool(spare) and place == len(heads) and room < _ENOUGH_TO_FOLD
        table.add_column(
            Text(head),
            justify="left" if head == column else "right",
            no_wrap=is_cut or head != column or head in _UNBROKEN,
            overflow="ellipsis" if is_cut else "fold",
            max_width=max(room, _FEWEST) if is_cut else None,
        )
    for row in cells:
        table.add_row(*map(Text, row))
    console.print(table)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def _that_fit(
    columns: Sequence[str], cells: Sequence[Sequence[str]], spare: Sequence[str], width: int
) -> list[int]:
    """Return the places of the columns to show."""
    kept = list(range(len(columns)))
    widths = _widths(columns, cells)
    widths[-1:] = [min(each, _FEWEST) for each in widths[-1:]]
    for column in spare:
        if sum(widths[place] + _GAP for place in kept) - _GAP <= width:
            break
        kept = [place for place in kept if columns[place] != column]
    return kept


def _widths(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> list[int]:
    return [
        max(cell_len(column.removeprefix(">")), *(cell_len(row[place]) for row in cells), 0)
        for place, column in enumerate(columns)
    ]
