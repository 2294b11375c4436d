"""Where secrets come from: the environment, a folder of files, the machine's keyring.

Asked at the last moment, by the one place that uses the value; remembered only to be redacted.
"""

from __future__ import annotations

import importlib
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlt_lite.errors import SecretMissing

VARIABLE = "DLT_LITE_SECRET"
FOLDER_VARIABLE = "DLT_LITE_SECRETS_DIR"


class SecretStore:
    """The secrets of a run.

    Attributes:
        seen: the values that were handed out, which must be shown nowhere.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._turn = threading.Lock()
        self.seen: tuple[str, ...] = ()

    def secret_of(self, scope: str, key: str) -> str:
        """Return a secret.

        Args:
            scope: its scope.
            key: its key within the scope.

        Raises:
            SecretMissing: nobody has it.
        """
        found = self._of_environment(scope, key)
        if found is None:
            found = self._of_folder(scope, key)
        if found is None:
            found = _of_keyring(scope, key)
        if found is None:
            variable = variable_of(scope, key)
            raise SecretMissing(
                f"no secret {key!r} of scope {scope!r} is known",
                fix=f"set {variable}, or put it into the file {scope}/{key} below the folder that "
                f"{FOLDER_VARIABLE} names, or into the keyring (service {scope}, name {key})",
            )
        with self._turn:
            self.seen = tuple(dict.fromkeys((*self.seen, found)))
        return found

    def _of_environment(self, scope: str, key: str) -> str | None:
        return self._environ.get(variable_of(scope, key))

    def _of_folder(self, scope: str, key: str) -> str | None:
        folder = self._environ.get(FOLDER_VARIABLE)
        # The names hold letters, digits, dots and dashes only: `..` is the one that leads outside.
        if folder is None or {scope, key} & {".", ".."}:
            return None
        try:
            return (Path(folder) / scope / key).read_text(encoding="utf-8").rstrip("\r\n")
        except OSError:
            return None


def variable_of(scope: str, key: str) -> str:
    """Return the environment variable that may hold a secret."""
    return "_".join(re.sub(r"\W", "_", part).upper() for part in (VARIABLE, scope, key))


def _of_keyring(scope: str, key: str) -> str | None:
    try:
        keyring: Any = importlib.import_module("keyring")
    except ImportError:
        return None
    found: object = keyring.get_password(scope, key)
    return None if found is None else str(found)
