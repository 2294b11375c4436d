"""The one wrapper around user code: whatever it raises comes out as an error with its line.

What may pass untouched: our own errors, the signals of whoever called (they are no Exception),
and Ctrl-C.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from dlt_lite.errors import DltLiteError
from dlt_lite.model.origin import Origin
from dlt_lite.registry.origins import raising_origin

T = TypeVar("T")
Explain = Callable[[BaseException, Origin | None], DltLiteError]


def call_user_code(code: Callable[[], T], *, root: Path, explain: Explain) -> T:
    """Call user code.

    Args:
        code: what to call.
        root: the project's folder; frames below it are the user's.
        explain: makes an error of what was raised and of the user's line, where one is known.

    Raises:
        DltLiteError: whatever the code raised, explained.
    """
    try:
        return code()
    except DltLiteError as error:
        if error.origin is None:
            error.origin = raising_origin(error.__traceback__, root)
        raise
    except (Exception, SystemExit) as error:
        raise explain(error, raising_origin(error.__traceback__, root)) from error
