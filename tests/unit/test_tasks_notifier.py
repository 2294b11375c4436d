"""Telling webhooks and commands: retried, capped, without secrets, and never in a run's way."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dlt_lite.jobs.calls import Timing
from dlt_lite.model.jobs import Hook, HookEvent, Notifications
from dlt_lite.tasks import notifier as module
from dlt_lite.tasks.notifier import Notifier, Post
from dlt_lite.tasks.secret_store import SecretStore
from tests.unit.jobs_made import a_job, a_task, text
from tests.unit.jobs_run import Clock, Stage, fails, succeeds

HIDDEN = "hunter2hunter2"
CLOCK = Timing(lambda: datetime(2027, 1, 1, tzinfo=UTC))


class Chat:
    """A webhook that answers as it is told, and keeps what it is sent."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.posted = []
        self.heard = threading.Event()
        chat = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                chat.posted.append((self.path, body.decode()))
                status = chat.answers.pop(0) if chat.answers else 200
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()
                chat.heard.set()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def bodies(self):
        return [json.loads(body) for _, body in self.posted]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


class Told:
    """A run of a job whose hooks are told, with what was noted and waited."""

    def __init__(self, root: Path, *hooks: Hook, deed=None, environ=None, **more):
        self.notes, self.pauses = [], []
        timing = Timing(lambda: datetime(2027, 1, 1, tzinfo=UTC), wait=self._wait)
        environ = {"DLT_LITE_SECRET_CHAT_TOKEN": HIDDEN, "PATH": "/usr/bin:/bin", **(environ or {})}
        post = Post(environ, root, SecretStore(environ), timing, self.notes.append)
        job = a_job(a_task("a"), notifications=Notifications(hooks, **more))
        stage = Stage(a=deed or succeeds())
        with Notifier(job, post) as notifier:
            self.outcome = stage.run(job)
            for event in stage.events:
                notifier(event)

    def _wait(self, _event, seconds):
        self.pauses.append(seconds)


def hook(url, event=HookEvent.ON_FAILURE):
    return Hook(event, text(url))


def test_a_webhook_gets_json_at_its_secret_address_and_nothing_shows_it(tmp_path):
    with Chat() as chat:
        url = f"{chat.address}/{{{{secrets/chat/token}}}}"
        told = Told(tmp_path, hook(url), deed=fails(f"cannot log in with {HIDDEN}"))

    [(path, text_)] = chat.posted
    assert path == f"/{HIDDEN}"
    assert HIDDEN not in text_
    [body] = chat.bodies
    assert body["failed"][0]["error"]["message"].endswith("cannot log in with [REDACTED]")
    assert (body["event"], body["state"], body["job"]) == ("on_failure", "FAILED", "daily")
    assert told.notes == []


@pytest.mark.parametrize(
    ("answers", "tries", "pauses", "noted"),
    [
        ([503, 429, 200], 3, [1, 2], None),
        ([500, 500, 500, 500], 4, [1, 2, 4], "answered 500"),
        ([404], 1, [], "answered 404"),
        ([302], 1, [], "answered 302"),
    ],
)
def test_what_may_pass_is_tried_again_with_longer_pauses(tmp_path, answers, tries, pauses, noted):
    with Chat(*answers) as chat:
        told = Told(tmp_path, hook(chat.address), deed=fails())

    assert len(chat.posted) == tries
    assert told.pauses == pauses
    assert told.notes == (
        [] if noted is None else [f"{chat.address} could not be told of on_failure: {noted}"]
    )


def test_a_webhook_that_is_not_there_does_not_fail_the_run(tmp_path):
    with Chat() as chat:
        address = chat.address

    told = Told(tmp_path, hook(f"{address}/{{{{secrets/chat/token}}}}", HookEvent.ON_SUCCESS))

    assert told.outcome.result == "SUCCESS"
    [note] = told.notes
    assert note.startswith(f"{address}/{{{{secrets/chat/token}}}} could not be told of on_success")
    assert "no answer" in note
    assert HIDDEN not in note


@pytest.mark.parametrize(
    ("url", "noted"),
    [
        ("{{secrets/chat/none}}", "no secret 'none'"),
        ("{{secrets/chat/token}}", "no web address"),
    ],
)
def test_an_address_that_is_none_is_noted(tmp_path, url, noted):
    [note] = Told(tmp_path, hook(url), deed=fails()).notes

    assert noted in note
    assert HIDDEN not in note


def test_a_server_that_never_answers_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_LONGEST_TRY", 0.05)
    silent = threading.Event()
    monkeypatch.setattr(module, "_posted", lambda *_: silent.wait(30))
    try:
        told = Told(tmp_path, hook("https://chat"), deed=fails())
    finally:
        silent.set()

    assert told.notes == ["https://chat could not be told of on_failure: no answer within 0 s"]


def test_a_run_does_not_wait_for_ever_for_what_is_left_to_tell(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_LONGEST_GOODBYE", 0.05)
    silent = threading.Event()
    monkeypatch.setattr(module, "_posted", lambda *_: 200 if silent.wait(30) else 0)
    try:
        told = Told(tmp_path, hook("https://chat"), deed=fails())
    finally:
        silent.set()

    assert told.notes == [
        "not everybody was told of this run, it took too long: https://chat (on_failure)"
    ]


def test_whoever_is_slow_keeps_nobody_else_from_being_told(tmp_path, monkeypatch):
    quick, tried = threading.Event(), []

    def posted(address, _body):
        if address == "https://slow":
            return 200 if quick.wait(30) else 0
        tried.append(address)
        quick.set()
        return 200

    monkeypatch.setattr(module, "_posted", posted)
    told = Told(tmp_path, hook("https://slow"), hook("https://quick"), deed=fails())

    assert (tried, told.notes) == (["https://quick"], [])


def test_what_one_destination_is_told_comes_in_its_order(tmp_path):
    with Chat(500, 200) as chat:
        hooks = [hook(chat.address, event) for event in (HookEvent.ON_START, HookEvent.ON_SUCCESS)]
        Told(tmp_path, *hooks)

    assert [body["event"] for body in chat.bodies] == ["on_start", "on_start", "on_success"]


def test_of_many_who_were_not_told_some_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_LONGEST_GOODBYE", 0.05)
    silent = threading.Event()
    monkeypatch.setattr(module, "_posted", lambda *_: 200 if silent.wait(30) else 0)
    hooks = [hook(f"https://{n}/{'x' * 90}{{{{secrets/chat/token}}}}") for n in range(7)]
    try:
        told = Told(tmp_path, *hooks, deed=fails())
    finally:
        silent.set()

    [note] = told.notes
    assert note.count("… (on_failure)") == 5
    assert note.endswith(" and 2 more")


def test_that_a_run_took_too_long_is_told_even_when_it_has_ended_by_then(tmp_path):
    with Chat() as chat:
        events = (HookEvent.ON_DURATION, HookEvent.ON_SUCCESS)
        hooks = tuple(hook(chat.address, event) for event in events)
        job = a_job(a_task("a"), notifications=Notifications(hooks, slow_after_seconds=3600))
        stage, clock = Stage(), Clock()
        stage.run(job)
        post = Post({}, tmp_path, SecretStore({}), clock.timing, lambda _: None)
        with Notifier(job, post) as notifier:
            for event in stage.events:
                notifier(event)
                clock.passes(2000)

    assert [body["event"] for body in chat.bodies] == [
        "on_duration_warning_threshold_exceeded",
        "on_success",
    ]


def test_a_long_error_is_cut_after_its_secrets_are_taken_out(tmp_path):
    with Chat() as chat:
        Told(tmp_path, hook(f"{chat.address}/{{{{secrets/chat/token}}}}"), deed=fails(HIDDEN * 900))

    [body] = chat.bodies
    message = body["failed"][0]["error"]["message"]
    assert len(message) < 4100
    assert message.endswith("…")
    assert "hunter" not in message


def test_a_command_gets_the_message_on_its_stdin(tmp_path):
    words = (text("/bin/sh"), text("-c"), text('cat > "$DLT_LITE_EVENT"'))

    told = Told(tmp_path, Hook(HookEvent.ON_SUCCESS, None, words))

    assert told.notes == []
    assert json.loads((tmp_path / "on_success").read_text())["run_id"] == "r1"


@pytest.mark.parametrize(
    ("words", "noted"),
    [
        (("/bin/sh", "-c", "exit 3"), "its command ended with 3"),
        (("/no/such/command",), "FileNotFoundError"),
    ],
)
def test_a_command_that_fails_is_noted(tmp_path, words, noted):
    told = Told(tmp_path, Hook(HookEvent.ON_SUCCESS, None, tuple(map(text, words))))

    assert told.outcome.result == "SUCCESS"
    assert told.notes == [f"{' '.join(words)} could not be told of on_success: {noted}"]


def test_a_command_that_hangs_is_ended_with_what_it_began(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_LONGEST_COMMAND", 0.2)
    words = (text("/bin/sh"), text("-c"), text("sleep 600 & wait"))

    told = Told(tmp_path, Hook(HookEvent.ON_SUCCESS, None, words))

    [note] = told.notes
    assert note.startswith(
        "/bin/sh -c sleep 600 & wait could not be told of on_success: its command"
    )


def test_a_slow_run_is_told_while_it_runs(tmp_path):
    with Chat() as chat:
        slow = Notifications((hook(chat.address, HookEvent.ON_DURATION),), slow_after_seconds=0)
        job, stage = a_job(a_task("a"), notifications=slow), Stage()
        stage.run(job)
        post = Post({}, tmp_path, SecretStore({}), CLOCK, lambda _: None)
        with Notifier(job, post) as notifier:
            for event in stage.events[:2]:
                notifier(event)
            assert chat.heard.wait(30)
            for event in stage.events[2:]:
                notifier(event)

    assert [body["event"] for body in chat.bodies] == ["on_duration_warning_threshold_exceeded"]


def test_a_job_without_hooks_starts_no_thread(tmp_path):
    before = threading.active_count()
    post = Post({}, tmp_path, SecretStore({}), CLOCK, lambda _: None)

    with Notifier(a_job(a_task("a")), post):
        assert threading.active_count() == before
