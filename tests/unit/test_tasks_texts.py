"""Secrets and SQL: where secrets come from, what they look like, where statements end."""

import base64
import errno
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlt_lite.errors import SecretMissing, StorageNotWritable
from dlt_lite.jobs.statements import statements_of
from dlt_lite.report.summary import DatasetResult, UpdateResult
from dlt_lite.tasks import secret_store
from dlt_lite.tasks.logs import LogFile, last_lines
from dlt_lite.tasks.redaction import REDACTED, Redactor
from dlt_lite.tasks.secret_store import SecretStore
from dlt_lite.tasks.updates import told_update


def test_a_secret_comes_from_the_environment_before_the_folder(tmp_path: Path):
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "token").write_text("of the file\n", encoding="utf-8")
    folder = {"DLT_LITE_SECRETS_DIR": str(tmp_path)}

    of_folder = SecretStore(folder).secret_of("mail", "token")
    of_environment = SecretStore({**folder, "DLT_LITE_SECRET_MAIL_TOKEN": "x"})

    assert of_folder == "of the file"
    assert of_environment.secret_of("mail", "token") == "x"
    assert of_environment.seen == ("x",)


def test_a_secret_that_nobody_has_is_an_error_that_says_where_to_put_it():
    with pytest.raises(SecretMissing) as refused:
        SecretStore({}).secret_of("a-b", "c.d")

    assert "DLT_LITE_SECRET_A_B_C_D" in str(refused.value)


class FakeKeyring(ModuleType):
    """A keyring with one entry, or one that cannot be asked."""

    def __init__(self, *, problem: Exception | None = None):
        super().__init__("keyring")
        self.__spec__ = ModuleSpec("keyring", None)
        self.problem = problem

    def get_password(self, service, name):
        if self.problem is not None:
            raise self.problem
        return "of the ring" if (service, name) == ("mail", "token") else None


def test_the_keyring_is_asked_after_everything_else(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", FakeKeyring())
    store = SecretStore({"DLT_LITE_SECRET_MAIL_OTHER": "of the environment"})

    assert store.secret_of("mail", "token") == "of the ring"
    assert store.secret_of("mail", "other") == "of the environment"
    assert store.seen == ("of the ring", "of the environment")


def test_a_secret_that_the_keyring_has_not_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", FakeKeyring())

    with pytest.raises(SecretMissing) as refused:
        SecretStore({}).secret_of("mail", "none")

    assert "service mail, name none)" in str(refused.value)


def test_a_keyring_that_is_locked_is_told_from_one_without_the_secret(monkeypatch):
    problem = RuntimeError("the collection is locked\nask again")
    monkeypatch.setitem(sys.modules, "keyring", FakeKeyring(problem=problem))

    with pytest.raises(SecretMissing, match="cannot be asked") as refused:
        SecretStore({}).secret_of("mail", "token")

    assert "the collection is locked)" in refused.value.what
    assert "DLT_LITE_SECRET_MAIL_TOKEN" in str(refused.value.fix)


def test_without_the_package_of_the_keyring_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.setattr(secret_store.importlib.util, "find_spec", lambda _: None)

    with pytest.raises(SecretMissing) as refused:
        SecretStore({}).secret_of("mail", "token")

    assert "pip install keyring" in str(refused.value.fix)


def test_an_empty_secret_is_refused():
    with pytest.raises(SecretMissing, match="is empty"):
        SecretStore({"DLT_LITE_SECRET_MAIL_TOKEN": ""}).secret_of("mail", "token")


def test_no_secret_leads_out_of_the_folder(tmp_path: Path):
    (tmp_path / "outside").write_text("x", encoding="utf-8")
    (tmp_path / "in").mkdir()

    with pytest.raises(SecretMissing):
        SecretStore({"DLT_LITE_SECRETS_DIR": str(tmp_path / "in")}).secret_of("..", "outside")


WORDS = st.text(min_size=6, max_size=30).filter(lambda text: len(text.split()) == 1)


@given(WORDS, st.binary(), st.binary())
def test_a_secret_within_base64_is_found_wherever_it_begins(secret, before, after):
    text = base64.b64encode(before + secret.encode("utf-8", "replace") + after)

    assert REDACTED.encode() in Redactor([secret]).of_bytes(text)


@given(st.text(min_size=4, max_size=30), st.text(), st.text(), st.integers(1, 7))
def test_no_log_holds_a_secret_however_it_comes_in_pieces(tmp_path_factory, secret, a, b, size):
    path = tmp_path_factory.mktemp("log") / "log"
    whole = (a + secret + b).encode("utf-8", "replace")
    secret_bytes = secret.encode("utf-8", "replace")

    with LogFile(path, Redactor([secret.encode("utf-8", "replace").decode()])) as log:
        for start in range(0, len(whole), size):
            log.write(whole[start : start + size])

    assert secret_bytes not in path.read_bytes()


def test_the_beginning_and_the_end_of_a_long_log_are_kept(tmp_path: Path):
    with LogFile(tmp_path / "log", Redactor(()), head=10, tail=10) as log:
        for number in range(1000):
            log.write(b"%d\n" % number)

    text = (tmp_path / "log").read_text(encoding="utf-8")
    assert text.startswith("0\n1\n2\n3\n4\n\n[")
    assert text.endswith("998\n999\n")
    assert len(text) < 100
    assert last_lines(tmp_path / "log", 2) == ("998", "999")


@pytest.fixture
def full_disk(monkeypatch, tmp_path: Path) -> Path:
    """Give the path of a log on a disk that takes a million bytes."""
    log, open_file = tmp_path / "log", Path.open

    class Full:
        def __init__(self, file):
            self._file = file

        def write(self, text):
            room = 1_000_000 - self._file.tell()
            if room <= 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            return self._file.write(text[:room])

        def __getattr__(self, name):
            return getattr(self._file, name)

    def opened(path, *how, **more):
        file = open_file(path, *how, **more)
        return Full(file) if path == log and how == ("wb",) else file

    monkeypatch.setattr(Path, "open", opened)
    return log


def test_a_full_disk_cuts_a_log_gives_room_back_and_harms_nobody(full_disk: Path):
    with LogFile(full_disk, Redactor(())) as log:
        for _ in range(200):
            log.write(b"x" * 9_999 + b"\n")

    assert full_disk.stat().st_size < 940_000
    assert last_lines(full_disk, 1) == ("[... the log ends here: No space left on device ...]",)


def test_a_log_that_cannot_be_begun_is_an_error_that_says_where(tmp_path: Path):
    (tmp_path / "file").touch()

    with (
        pytest.raises(StorageNotWritable, match="file"),
        LogFile(tmp_path / "file" / "log", Redactor(())),
    ):
        pass


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1;\n\nSELECT 2;\n", ["SELECT 1", "SELECT 2"]),
        ("SELECT ';' AS a; SELECT \";\"", ["SELECT ';' AS a", 'SELECT ";"']),
        ("SELECT 'it''s;' ; SELECT `a;b`", ["SELECT 'it''s;'", "SELECT `a;b`"]),
        (r"SELECT 'a\';b'; SELECT 2", [r"SELECT 'a\';b'", "SELECT 2"]),
        ("-- a; b\nSELECT 1; /* ; */ SELECT 2", ["-- a; b\nSELECT 1", "/* ; */ SELECT 2"]),
        (";;  ; -- nothing\n", []),
        ("BEGIN\n SELECT 1;\n SELECT 2;\nEND;", ["BEGIN\n SELECT 1;\n SELECT 2;\nEND"]),
    ],
)
def test_statements_end_at_semicolons_that_mean_it(text: str, statements: list[str]):
    assert list(statements_of(text)) == statements


def test_the_log_of_an_update_tells_one_row_as_one():
    table = DatasetResult("clicks", action="append", state="COMPLETED", rows_written=1)

    lines = list(told_update(UpdateResult("u1", "shop", state="COMPLETED", datasets=(table,))))

    assert lines == [
        "update u1 of shop: COMPLETED",
        "clicks: append COMPLETED, 1 row written, 0 dropped",
    ]
