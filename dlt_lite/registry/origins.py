"""Find the user's line: in the stack of a call, in the trace of an exception."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from types import TracebackType

from dlt_lite.model.origin import Origin

_OURS = str(Path(__file__).parent.parent) + "/"


def calling_origin(root: Path) -> Origin:
    """Return the nearest frame of the stack that is not ours."""
    frame = sys._getframe(1)  # noqa: SLF001 - inspect.stack() reads every source file
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OURS):
        frame = frame.f_back
    return Origin(shown_path(frame.f_code.co_filename, root), frame.f_lineno)


def raising_origin(trace: TracebackType | None, root: Path) -> Origin | None:
    """Return the deepest frame of a trace that lies in the project, None where none does."""
    found = None
    for frame, line in traceback.walk_tb(trace):
        path = frame.f_code.co_filename
        if inside(path, root):
            found = Origin(shown_path(path, root), line)
    return found


def inside(path: str, root: Path) -> bool:
    """Return whether a source file is the project's own: below its root, in no environment."""
    if path.startswith((_OURS, "<")):
        return False
    own = Path(path)
    return own.is_relative_to(root) and not {"site-packages", ".venv"} & set(own.parts)


def shown_path(path: str, root: Path) -> str:
    """Return a path relative to the project where it lies inside it."""
    own = Path(path)
    return str(own.relative_to(root)) if own.is_relative_to(root) else path
