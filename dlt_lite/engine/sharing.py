"""One JVM for several Python processes: who is invited to a session, and who attaches to it.

The runner makes a session for a child and hands over an `Invitation`; the child attaches to the
JVM by its gateway's port and secret. Objects of the JVM are named by the ids under which the
gateway keeps them. What would hurt the others is refused in the child: `stop()` ends nothing, and
Python callbacks, of which a JVM serves one process, are an error.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import pyspark.java_gateway
from py4j.finalizer import ThreadSafeFinalizer
from py4j.java_gateway import JavaObject
from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from dlt_lite.engine.exceptions import SPARK_ERRORS
from dlt_lite.errors import ForbiddenCall

_PORT, _SECRET = "PYSPARK_GATEWAY_PORT", "PYSPARK_GATEWAY_SECRET"
_ISOLATED = "let the task have a JVM of its own: isolated: true"


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a process needs to attach to another's JVM.

    Attributes:
        port: the port of the JVM's gateway, on this machine.
        secret: what the gateway asks for.
        context: the id of the Spark context.
        session: the id of the session that is the guest's.
    """

    port: int
    secret: str
    context: str
    session: str


def invitation_to(session: SparkSession) -> Invitation:
    """Return the invitation to a session; keep the session until the guest has left."""
    context: Any = session.sparkContext
    parameters = context._gateway.gateway_parameters
    java_session: Any = session._jsparkSession
    return Invitation(
        int(parameters.port),
        str(parameters.auth_token),
        str(context._jsc._target_id),
        str(java_session._target_id),
    )


def leave(session: SparkSession) -> None:
    """End whatever still runs in a guest's session: queries, jobs and streams."""
    java_session: Any = session._jsparkSession
    with contextlib.suppress(*SPARK_ERRORS):
        java_session.interruptAll()
        for query in session.streams.active:
            query.stop()


@contextlib.contextmanager
def interrupted_by(session: SparkSession, wait: Callable[[float], object]) -> Iterator[None]:
    """Interrupt a session's queries once a wait returns something; look until leaving.

    Args:
        session: the session.
        wait: waits so many seconds, and returns why the work has to end, None while it need not.
    """
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            if wait(0.2) is not None:
                leave(session)
                over.wait(0.5)

    thread = threading.Thread(target=watch, name="dlt_lite-stop", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()


def attach(invitation: Invitation) -> SparkSession:
    """Attach this process to a JVM, and make the session it is invited to this process's own."""
    with _invited(invitation), _handlers_kept():
        gateway: Any = pyspark.java_gateway.launch_gateway()  # type: ignore[no-untyped-call]
    pyspark.java_gateway.ensure_callback_server_started = _no_callbacks
    SparkContext.stop = _stays  # type: ignore[method-assign, assignment]
    SparkSession.stop = _stays  # type: ignore[method-assign, assignment]
    java_context = _object(gateway, invitation.context)
    conf = SparkConf(_jconf=java_context.getConf())
    with _handlers_kept():
        context = SparkContext(conf=conf, gateway=gateway, jsc=java_context)
    # The first session of a process becomes the JVM's default one: let it be what it was.
    default = gateway.jvm.SparkSession.getDefaultSession()
    if default.isDefined():
        SparkSession(context, default.get())
    return SparkSession(context, _object(gateway, invitation.session))


def answer_with(make: Callable[[], SparkSession]) -> None:
    """Let whoever asks PySpark for a session get one, the same in every thread.

    Args:
        make: makes the session; called once, when it is first asked for.
    """
    turn = threading.RLock()
    found: list[SparkSession] = []

    def own() -> SparkSession:
        with turn:
            if not found:
                with _as_before():
                    found.append(make())
                _is_the_session(found[0])
        return found[0]

    _replace(own)


@contextlib.contextmanager
def _as_before() -> Iterator[None]:
    """Let PySpark's own functions work while the session is made."""
    ours = {owner: {n: vars(owner)[n] for n in names} for owner, names in _ORIGINALS.items()}
    for owner, names in _ORIGINALS.items():
        for name, original in names.items():
            setattr(owner, name, original)
    try:
        yield
    finally:
        for owner, replaced in ours.items():
            for name, replacement in replaced.items():
                setattr(owner, name, replacement)


_ORIGINALS: dict[type, dict[str, Any]] = {
    SparkSession.Builder: {"getOrCreate": vars(SparkSession.Builder)["getOrCreate"]},
    SparkSession: {name: vars(SparkSession)[name] for name in ("getActiveSession", "active")},
    SparkContext: {"getOrCreate": vars(SparkContext)["getOrCreate"]},
}


def _replace(own: Callable[[], SparkSession]) -> None:
    def get_or_create(builder: Any) -> SparkSession:
        session = own()
        for key, value in builder._options.items():
            # What belongs to Spark's start is settled long ago.
            with contextlib.suppress(PySparkException):
                session.conf.set(key, str(value))
        return session

    replacements: dict[type, dict[str, Any]] = {
        SparkSession.Builder: {"getOrCreate": get_or_create},
        SparkSession: {
            "getActiveSession": classmethod(lambda _: own()),
            "active": classmethod(lambda _: own()),
        },
        SparkContext: {"getOrCreate": classmethod(lambda _, conf=None: own().sparkContext)},  # noqa: ARG005
    }
    for owner, names in replacements.items():
        for name, replacement in names.items():
            setattr(owner, name, replacement)


def _is_the_session(session: SparkSession) -> None:
    SparkSession._instantiatedSession = session
    SparkSession._activeSession = session


def _object(gateway: Any, target_id: str) -> Any:
    """Return an object that another process keeps: dropped here, it stays there."""
    client: Any = gateway._gateway_client
    found: Any = JavaObject(target_id, client)
    ThreadSafeFinalizer.remove_finalizer(f"{client.address}{client.port}{target_id}")
    return found


@contextlib.contextmanager
def _invited(invitation: Invitation) -> Iterator[None]:
    """Let PySpark find the gateway; the secret stands in no environment afterwards."""
    os.environ.update({_PORT: str(invitation.port), _SECRET: invitation.secret})
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    try:
        yield
    finally:
        os.environ.pop(_PORT, None)
        os.environ.pop(_SECRET, None)


@contextlib.contextmanager
def _handlers_kept() -> Iterator[None]:
    """Put back the handler of Ctrl-C: PySpark's would cancel the jobs of everybody."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread() and before is not None:
            signal.signal(signal.SIGINT, before)


def _stays(_: object) -> None:
    """End nothing: the session belongs to the runner, which ends it."""


def _no_callbacks(_: object) -> NoReturn:
    message = "foreachBatch, foreach and listeners call back into Python, which a task cannot serve"
    raise ForbiddenCall(message, fix=_ISOLATED)
