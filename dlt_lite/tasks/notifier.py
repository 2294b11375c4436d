"""Tells webhooks and commands of a run, beside it; whatever goes wrong, the run does not fail.

Messages wait in line, each destination has a line and a thread of its own: whoever is slow keeps
nobody else waiting. A webhook is tried four times, each within ten seconds; what has not been told
a minute after the run's end is given up. Secrets are taken out of a message before it is cut to its
size.
"""

from __future__ import annotations

import http.client
import json
import os
import queue
import signal
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dlt_lite.errors import DltLiteError
from dlt_lite.events.records import Event
from dlt_lite.jobs.calls import Timing
from dlt_lite.jobs.filling import filled
from dlt_lite.jobs.notifying import Message, Watch
from dlt_lite.jobs.subject import all_tasks
from dlt_lite.model.jobs import Job, Text
from dlt_lite.tasks.redaction import Redactor
from dlt_lite.tasks.secret_store import SecretStore

_TRIES = 4
_FIRST_PAUSE = 1.0
_LONGEST_TRY = 10.0
_LONGEST_COMMAND = 30.0
_LONGEST_GOODBYE = 60.0
_LONGEST_TEXT = 4000
_CUT = " …"
_LONGEST_NAME = 80
_MOST_NAMED = 5
_WORTH_ANOTHER_TRY = frozenset({408, 425, 429, 500, 502, 503, 504})
_OF_A_REDIRECT = range(300, 400)


@dataclass(frozen=True, slots=True)
class Post:
    """What a notifier works with.

    Attributes:
        environ: the environment of commands.
        root: the folder of commands.
        secrets: where secrets come from.
        timing: the clocks.
        on_note: takes what a person should know.
    """

    environ: Mapping[str, str]
    root: Path
    secrets: SecretStore
    timing: Timing
    on_note: Callable[[str], None]


class Notifier:
    """A sink for the events of one run; what it cannot tell it notes, and that is all."""

    def __init__(self, job: Job, post: Post) -> None:
        self._post = post
        self._watch = Watch(job)
        told = (job.notifications, *(task.notifications for task, _ in all_tasks(job)))
        self._has_hooks = any(each.hooks for each in told)
        self._events: queue.SimpleQueue[tuple[Event, float] | None] = queue.SimpleQueue()
        self._lines: dict[str, queue.SimpleQueue[Message | None]] = {}
        self._untold: list[Message] = []
        self._told = threading.Condition()
        self._given_up = threading.Event()
        self._thread = threading.Thread(target=self._work, name="dlt_lite-notifier", daemon=True)

    def __enter__(self) -> Self:
        """Begin to listen, where somebody is to be told."""
        if self._has_hooks:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Tell what is left to tell, as long as that takes a minute at most."""
        if not self._has_hooks:
            return
        self._events.put(None)
        self._thread.join(_LONGEST_GOODBYE)
        with self._told:
            self._told.wait_for(lambda: not self._untold, _LONGEST_GOODBYE)
            self._given_up.set()
            left = tuple(self._untold)
        for line in self._lines.values():
            line.put(None)
        if left:
            self._note(f"not everybody was told of this run, it took too long: {_named(left)}")

    def __call__(self, event: Event) -> None:
        """Take an event; never waits, and never raises."""
        if self._has_hooks:
            self._events.put((event, self._post.timing.elapsed()))

    def _work(self) -> None:
        timing = self._post.timing
        while True:
            try:
                found = self._events.get(timeout=self._seconds_to_slow())
            except queue.Empty:
                self._put_in_line(self._watch.too_slow(timing.elapsed(), timing.now()))
                continue
            if found is None:
                return
            event, elapsed = found
            # What had taken too long before this event is told, even where the event ends it.
            stamp = datetime.fromisoformat(event.envelope.timestamp)
            self._put_in_line(self._watch.too_slow(elapsed, stamp))
            try:
                messages = self._watch.heard(event, elapsed)
            except DltLiteError as error:
                self._note(f"nobody can be told of this run: {error.what}")
                continue
            self._put_in_line(messages)

    def _seconds_to_slow(self) -> float | None:
        at = self._watch.slow_at
        return None if at is None else max(at - self._post.timing.elapsed(), 0.0)

    def _put_in_line(self, messages: Iterable[Message]) -> None:
        for message in messages:
            with self._told:
                self._untold.append(message)
            who = _who(message)
            if who not in self._lines:
                self._lines[who] = queue.SimpleQueue()
                name = f"dlt_lite-notifier-{len(self._lines)}"
                line = (self._lines[who],)
                threading.Thread(target=self._tell_all, args=line, name=name, daemon=True).start()
            self._lines[who].put(message)

    def _tell_all(self, line: queue.SimpleQueue[Message | None]) -> None:
        """Tell the messages of one destination, one after the other."""
        while (message := line.get()) is not None and not self._given_up.is_set():
            problem = self._tell(message)
            with self._told:
                if self._given_up.is_set():
                    return
                self._untold.remove(message)
                if problem is not None:
                    what = f"could not be told of {message.hook.event}: {problem}"
                    self._note(f"{_short(_who(message))} {what}")
                self._told.notify_all()

    def _tell(self, message: Message) -> str | None:
        """Tell one message; return why that is not possible, None where it is."""
        try:
            hook = message.hook
            return self._run(message) if hook.url is None else self._sent(hook.url, message)
        except DltLiteError as error:
            return error.what
        except (OSError, ValueError) as error:
            return type(error).__name__

    def _note(self, text: str) -> None:
        self._post.on_note(Redactor(self._post.secrets.seen).of_text(text))

    def _sent(self, url: Text, message: Message) -> str | None:
        """Send a message to a web address; return why that is not possible, None where it is."""
        address = filled(url, message.facts).revealed(self._post.secrets.secret_of)
        if not address.startswith(("http://", "https://")):
            return "its url is no web address"
        body = self._text(message.body)
        pause, problem = _FIRST_PAUSE, ""
        for number in range(1, _TRIES + 1):
            answer = _answer(address, body)
            if isinstance(answer, int) and answer < _OF_A_REDIRECT.start:
                return None
            problem = f"answered {answer}" if isinstance(answer, int) else answer
            if isinstance(answer, int) and answer not in _WORTH_ANOTHER_TRY:
                break
            if number < _TRIES:
                self._post.timing.wait(self._given_up, pause)
                pause *= 2
            if self._given_up.is_set():
                break
        return problem

    def _run(self, message: Message) -> str | None:
        """Run a command with a message on its stdin; return why that failed, None where not."""
        words = [filled(text, message.facts).shown for text in message.hook.command]
        body = message.body
        told = {
            "DLT_LITE_EVENT": str(body["event"]),
            "DLT_LITE_JOB": str(body.get("job", "")),
            "DLT_LITE_RUN_ID": str(body.get("run_id", "")),
        }
        process = subprocess.Popen(  # noqa: S603 - the project allows commands, and this is one
            words,
            cwd=self._post.root,
            env={**self._post.environ, **told},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.communicate(self._text(body), timeout=_LONGEST_COMMAND)
        except subprocess.TimeoutExpired:
            return f"its command took more than {_LONGEST_COMMAND:.0f} s"
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        code = process.returncode
        return None if code == 0 else f"its command ended with {code}"

    def _text(self, body: Mapping[str, Any]) -> bytes:
        redactor = Redactor(self._post.secrets.seen)
        return json.dumps(_shortened(body, redactor), ensure_ascii=False).encode()


def _who(message: Message) -> str:
    """Return whom a message is for, as the job names them: a secret is its reference."""
    hook = message.hook
    texts = hook.command if hook.url is None else (hook.url,)
    return " ".join(each.raw for each in texts)


def _named(messages: Sequence[Message]) -> str:
    names = [f"{_short(_who(each))} ({each.hook.event})" for each in messages]
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_NAME else text[:_LONGEST_NAME] + _CUT


def _shortened(value: Any, redactor: Redactor) -> Any:  # noqa: ANN401 - any JSON
    """Return JSON without secrets, its texts not longer than they may be."""
    if isinstance(value, Mapping):
        return {key: _shortened(each, redactor) for key, each in value.items()}
    if isinstance(value, list):
        return [_shortened(each, redactor) for each in value]
    if not isinstance(value, str):
        return value
    text = redactor.of_text(value)
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + _CUT


def _answer(address: str, body: bytes) -> int | str:
    """Return the status of one try, or why there was no answer."""
    found: list[int | str] = []
    # A server that sends a byte at a time resets a socket's timeout again and again.
    thread = threading.Thread(target=lambda: found.append(_posted(address, body)), daemon=True)
    thread.start()
    thread.join(_LONGEST_TRY)
    return found[0] if found else f"no answer within {_LONGEST_TRY:.0f} s"


def _posted(address: str, body: bytes) -> int | str:
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "dlt_lite"}
    try:
        request = urllib.request.Request(address, data=body, headers=headers, method="POST")  # noqa: S310 - http only, checked
        opener = urllib.request.build_opener(_NoRedirects())
        with opener.open(request, timeout=_LONGEST_TRY) as response:
            status: int = response.status
            return status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except urllib.error.URLError as error:
        return f"no answer: {error.reason}"
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"no answer: {type(error).__name__}"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Leaves a redirect as the answer: what is told goes to nobody else."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Follow none."""
