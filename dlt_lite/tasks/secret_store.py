"""Where secrets come from: the environment, a folder of files, the machine's keyring.

Asked at the last moment, by the one place that uses the value; remembered only to be redacted.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlt_lite.errors import SecretMissing

VARIABLE = "DLT_LITE_SECRET"
FOLDER_VARIABLE = "DLT_LITE_SECRETS_DIR"
_KEYRING = "keyring"


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
            SecretMissing: nobody has it, it is empty, or the keyring cannot be asked.
        """
        found = self._of_environment(scope, key)
        if found is None:
            found = self._of_folder(scope, key)
        if found is None:
            found = _of_keyring(scope, key)
        if found is None:
            raise _missing(scope, key)
        if not found:
            what = f"the secret {key!r} of scope {scope!r} is empty"
            raise SecretMissing(what, fix="give it a value where it is kept")
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
    """Return what the keyring has, None where it has nothing or its package is not installed.

    Raises:
        SecretMissing: it cannot be asked: locked, or the machine has none.
    """
    try:
        keyring: Any = importlib.import_module(_KEYRING)
    except ModuleNotFoundError:
        return None
    try:
        found: object = keyring.get_password(scope, key)
    except Exception as error:
        # Backends are many, and their errors share no class with each other.
        cause = f"{type(error).__name__}: {error}".splitlines()[0]
        what = f"no secret {key!r} of scope {scope!r}: the keyring cannot be asked ({cause})"
        fix = f"unlock it, or set {variable_of(scope, key)}"
        raise SecretMissing(what, fix=fix) from error
    return None if found is None else str(found)


def _missing(scope: str, key: str) -> SecretMissing:
    has_keyring = importlib.util.find_spec(_KEYRING) is not None
    install = "" if has_keyring else "; that takes the package keyring: pip install keyring"
    return SecretMissing(
        f"no secret {key!r} of scope {scope!r} is known",
        fix=f"set {variable_of(scope, key)}, or put it into the file {scope}/{key} below the "
        f"folder that {FOLDER_VARIABLE} names, or into the keyring (service {scope}, name {key}"
        f"{install})",
    )
