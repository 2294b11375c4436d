"""Paths as people write them → paths that are safe to use: nothing leaves the project unseen."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote

from dlt_lite.errors import BadValue
from dlt_lite.model.origin import Origin
from dlt_lite.project.suggestions import shown

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
# One letter before the colon is a drive of Windows.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_HOST = re.compile(r"^//[^/]*")
_FILE = "file:"


def real(path: Path) -> Path:
    """Return a path with its symlinks followed; a circle of links stays as it is."""
    # Path.resolve raises RuntimeError for a circle of links.
    return Path(os.path.realpath(path))


def project_path(text: str, *, folder: Path, root: Path, origin: Origin) -> Path:
    """Return the file or folder of the project that `text` means, symlinks followed.

    Args:
        text: a path relative to `folder`.
        folder: where it stands.
        root: the project's folder, symlinks followed.
        origin: where the text was written.

    Raises:
        BadValue: absolute, `~`, or outside the project once symlinks are followed.
    """
    if "\0" in text or text.startswith(("/", "~")) or _URI.match(text):
        fix = "write it relative to the folder of this file"
        raise BadValue(f"{shown(text)} is not a relative path", origin=origin, fix=fix)
    path = real(folder / text)
    if not path.is_relative_to(root):
        fix = "copy what is needed into the project"
        raise BadValue(f"{shown(text)} lies outside the project", origin=origin, fix=fix)
    return path


def local_folder(text: str, *, root: Path, origin: Origin) -> Path:
    """Return a folder on the driver's disk; a relative one lies below the project.

    Raises:
        BadValue: a URI, `~`, or a relative path that leaves the project.
    """
    if _SCHEME.match(text):
        fix = "write a path without a scheme"
        what = f"{shown(text)} is no folder on this machine's disk, where it must lie"
        raise BadValue(what, origin=origin, fix=fix)
    if text.startswith("~"):
        fix = "write ${env.HOME} in its place"
        raise BadValue(f"{shown(text)}: `~` means nothing here", origin=origin, fix=fix)
    path = Path(os.path.normpath(root / text))
    if not Path(text).is_absolute() and not path.is_relative_to(root):
        fix = f"a relative path starts at the project's folder; write an absolute one, as {path}"
        raise BadValue(f"{shown(text)} leaves the project", origin=origin, fix=fix)
    return path


def storage_location(text: str, *, root: Path, origin: Origin) -> str:
    """Return the storage root as an absolute path or, where a scheme is written, as that URI.

    Raises:
        BadValue: `~`, or a relative path that leaves the project.
    """
    if _URI.match(text):
        return text.rstrip("/")
    return str(local_folder(text, root=root, origin=origin))


def same_place(text: str, *, root: Path) -> str:
    """Return a form in which two storage roots are equal if they are one place."""
    if text.lower().startswith(_FILE):
        without_host = _HOST.sub("", text[len(_FILE) :])
        return os.path.realpath(unquote(without_host))
    return text.rstrip("/") if _URI.match(text) else os.path.realpath(root / text)
