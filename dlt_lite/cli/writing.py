"""Write a text file that a person asked for."""

from __future__ import annotations

from pathlib import Path

from dlt_lite.cli.escaping import one_line
from dlt_lite.errors import StorageNotWritable


def write_file(path: Path, text: str) -> None:
    """Write a file and the folders above it.

    Raises:
        StorageNotWritable: the disk refused it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise StorageNotWritable(
            f"{one_line(path)} cannot be written: {error.strerror or error}",
            fix="name a place that you may write to",
        ) from error
