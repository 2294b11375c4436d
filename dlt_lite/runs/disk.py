"""Small files on the driver's disk: written whole or not at all, under names safe anywhere.

Text and names in, files out; knows nothing of what stands in them but its format number.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dlt_lite.errors import StateTooNew, StorageNotWritable

FORMAT = 1
_PLAIN_NAME = re.compile(r"[a-z0-9_][a-z0-9_-]{0,63}")
_UNSAFE = re.compile(r"[^a-z0-9_-]+")
_DEVICE = re.compile(r"con|prn|aux|nul|(com|lpt)[0-9]")
_LONGEST_KEPT = 40


def write_json(path: Path, plain: Mapping[str, Any]) -> None:
    """Write a JSON file; a reader, or a crash at any moment, meets the old file or the new one.

    Raises:
        StorageNotWritable: the disk refused it.
    """
    text = json.dumps({"format": FORMAT, **plain}, indent=1)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with beside.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise not_writable(path, error) from error


def read_json(path: Path) -> dict[str, Any] | None:
    """Return what a JSON file holds, None where it is missing, unreadable or torn.

    Raises:
        StateTooNew: a newer dlt_lite wrote it.
    """
    try:
        plain = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(plain, dict) or not isinstance(plain.get("format"), int):
        return None
    if plain["format"] > FORMAT:
        raise StateTooNew(
            f"{path} has format {plain['format']}; this version knows {FORMAT}",
            fix="use the newer dlt_lite that wrote it, or another state root",
        )
    return plain


def sync_folder(path: Path) -> None:
    """Put a folder's entries on the disk, so that a renamed file is found after a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, where they are not there yet.

    Raises:
        StorageNotWritable: the disk refused it.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_writable(path, error) from error


def not_writable(path: Path, error: OSError) -> StorageNotWritable:
    """Return the error that says why a path of the state root cannot be written."""
    return StorageNotWritable(
        f"{path} cannot be written: {error.strerror or error}",
        fix="the state root must be a writable folder on the driver's disk with room left",
    )


def file_name(text: str) -> str:
    """Return a file name that is safe on every system; texts that differ get names that differ.

    A plain lower-case name stays as it is; any other loses what is unsafe and gains a hash, since
    a disk may not tell `Orders` from `orders`.
    """
    if _PLAIN_NAME.fullmatch(text) and not _DEVICE.fullmatch(text):
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{_UNSAFE.sub('_', text.lower())[:_LONGEST_KEPT]}~{digest}"


def moment_text(moment: datetime) -> str:
    """Return a moment as ISO 8601 in UTC, with milliseconds, as events have it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
